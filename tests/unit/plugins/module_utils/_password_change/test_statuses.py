# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Throttled,
    Unauthorized,
    Unreachable,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import (
    MESSAGES,
    STATUSES,
    SUCCEEDED,
)


def test_every_status_has_a_message_or_comes_from_an_error_that_brings_its_own() -> None:
    own = {kind.status for kind in (Unauthorized, WrongUrl, Throttled, Unreachable)} | {"not_attempted"}
    assert set(STATUSES) - set(MESSAGES) == own


def test_success_is_three_of_the_statuses() -> None:
    assert set(STATUSES) > SUCCEEDED == {"changed", "already_set", "would_change"}
