# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeats an operation that a server surely did not do, such as one that it throttled."""

from __future__ import annotations

from collections.abc import Callable
from secrets import SystemRandom
from typing import TypeVar

from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain

T = TypeVar("T")
# Seconds after each attempt. A random share of them is added, so that runs do not repeat at the same time.
PAUSES = (0.25, 0.5, 1.0, 2.0)


def retried(operation: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Return the operation's result, or raise its last TryAgain."""
    for pause in PAUSES[:-1]:
        try:
            return operation()
        except TryAgain:
            sleep(pause * (1 + SystemRandom().random()))
    return operation()
