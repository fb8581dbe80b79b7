# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable

import pytest

TALLY = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = []


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say something that is shown at the end, also when the test has passed."""
    return lambda words: request.config.stash[TALLY].append(f"{request.node.name}: {words}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("what the model went through")
    for line in config.stash[TALLY]:
        terminalreporter.line(line)
