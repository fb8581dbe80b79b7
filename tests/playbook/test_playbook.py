# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run of a playbook here is checked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.playbook import playbook
from ansible_collections.rpaops.uipath.tests.playbook.playbook import (
    MOST_ATTEMPTS,
    TOO_BUSY,
    Playbook,
    PlaybookRun,
)

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


class TestAttempts:
    """Where ansible-core does not start because the machine is busy."""

    @pytest.fixture
    def attempts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A program in place of ansible-playbook: it notes each start, and prints the next line of `answers`."""
        program = tmp_path / "ansible-playbook"
        program.write_text(
            f"#!/bin/sh\necho started >> {tmp_path}/attempts\n"
            f'sed -n "$(wc -l < {tmp_path}/attempts)p" {tmp_path}/answers >&2\n'
        )
        program.chmod(0o700)
        monkeypatch.setattr(playbook, "executable", lambda name: tmp_path / name)
        return tmp_path / "attempts"

    def test_a_run_that_does_not_start_is_repeated(self, tmp_path: Path, attempts: Path) -> None:
        (tmp_path / "answers").write_text(f"{TOO_BUSY}\nit started\n")
        assert Playbook(tmp_path, {})("").stderr == "it started\n"
        assert attempts.read_text() == "started\n" * 2

    def test_but_not_without_limit(self, tmp_path: Path, attempts: Path) -> None:
        (tmp_path / "answers").write_text(f"{TOO_BUSY}\n" * 10)
        with pytest.raises(AssertionError, match=f"did not start in {MOST_ATTEMPTS} attempts\n{TOO_BUSY}"):
            Playbook(tmp_path, {})("")
        assert attempts.read_text() == "started\n" * MOST_ATTEMPTS
