# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation import progress
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.progress import Progress, progress_line
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome

APPLIED = (PasswordAnswer("applied"),)
ROTATED, REFUSED = Outcome("rotated", None, APPLIED), Outcome("refused", None)
IN_DOUBT, BUSY = Outcome("in_doubt", None), Outcome("busy", None)
CHANGED_IN_DOUBT = Outcome("in_doubt", None, APPLIED)


@pytest.mark.parametrize(
    ("outcomes", "waiting", "line"),
    [
        ([], 0, "rotated 0 of 1000, 14 s"),
        ([ROTATED] * 120, 2, "rotated 120 of 1000, 2 in doubt, 14 s"),
        ([ROTATED, IN_DOUBT], 1, "rotated 1 of 1000, 2 in doubt, 14 s"),
        ([ROTATED, IN_DOUBT, REFUSED, BUSY], 0, "rotated 1 of 1000, 1 in doubt, 2 failed, 14 s"),
        ([CHANGED_IN_DOUBT], 0, "rotated 1 of 1000, 14 s"),
    ],
)
def test_a_line_counts_every_account_once(outcomes: list[Outcome], waiting: int, line: str) -> None:
    assert progress_line(outcomes, verb="rotated", waiting=waiting, total=1000, seconds=14.3) == line


class TestProgress:
    def test_a_short_run_shows_none(self) -> None:
        lines: list[str] = []
        with Progress(str, lines.append).shown():
            pass
        assert lines == []

    def test_a_long_run_shows_one_at_every_interval(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "INTERVAL", 0.01)
        third, lines = threading.Event(), []

        def display(line: str) -> None:
            lines.append(line)
            if len(lines) == 3:
                third.set()

        with Progress(lambda seconds: f"{seconds < 60}", display).shown():
            assert third.wait(5)
        assert set(lines) == {"True"}
        assert threading.active_count() == 1

    def test_ends_with_the_run_if_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "INTERVAL", 0.01)
        with pytest.raises(ZeroDivisionError), Progress(str, lambda _line: None).shown():
            raise ZeroDivisionError
        assert threading.active_count() == 1
