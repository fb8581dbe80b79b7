# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run of a playbook here is checked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun

STDERR = """\
[WARNING]: The first, which older versions of ansible-core
break into lines
[DEPRECATION WARNING]: The second. This feature will be removed.
[ERROR]: None of them.
fatal: [WARNING]: neither is this
"""


class TestWarnings:
    @pytest.fixture
    def run(self, tmp_path: Path) -> PlaybookRun:
        return PlaybookRun(0, "", STDERR, tmp_path, 0, [])

    def test_are_found_and_joined(self, run: PlaybookRun) -> None:
        assert run.warnings == [
            "[WARNING]: The first, which older versions of ansible-core break into lines",
            "[DEPRECATION WARNING]: The second. This feature will be removed.",
        ]

    def test_expected_ones_pass(self, run: PlaybookRun) -> None:
        run.demand_warnings(["ansible-core break", "second"])

    def test_allowed_ones_may_come(self, run: PlaybookRun) -> None:
        run.demand_warnings(["second"], allowed=["first", "third"])
        run.demand_warnings([], allowed=["WARNING"])

    @pytest.mark.parametrize("expected", [[], ["first"], ["second"], ["first", "second", "third"]])
    def test_others_and_missing_ones_fail(self, run: PlaybookRun, expected: list[str]) -> None:
        with pytest.raises(AssertionError, match=r"unexpected warnings:|no warning holds \['third'\]"):
            run.demand_warnings(expected)
