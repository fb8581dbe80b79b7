# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that decides how much of an exhaustive test runs: a sample, or with `--proof` or `--full` all of it.

Every test that takes a sample says which one. With `--proof` those tests run and no others, with `--full` every test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

# Of a sequence of cases: every so many, and always the first and the last.
STEP = 5

Case = TypeVar("Case")
Report = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """What one test takes of its cases. `report` shows a line at the end of the run, also when the test passes."""

    proof: bool
    report: Report

    def every_case(self, cases: Sequence[Case], what: str) -> list[Case]:
        """In full all cases, else every fifth one, the first and the last."""
        if self.proof:
            chosen = list(cases)
        else:
            chosen = [case for index, case in enumerate(cases) if index % STEP == 0 or index == len(cases) - 1]
        self._say(f"{len(chosen)} of {len(cases)} {what}")
        return chosen

    def size(self, small: int, full: int, what: str) -> int:
        """In full the full size, else the small one."""
        self._say(f"{small:,} of {full:,} {what}")
        return full if self.proof else small

    def one_of(self, chosen: str, cases: Sequence[str], what: str) -> None:
        """Say that only this case is run. Which one is decided when pytest collects the test."""
        self._say(f"{chosen}, 1 of {len(cases)} {what}")

    def _say(self, line: str) -> None:
        if not self.proof:
            self.report(line)


def one_by_name(cases: Sequence[Case], name: str) -> Case:
    """One of the cases, always the same for a test of this name; over many tests, each about equally often."""
    return cases[crc32(name.encode()) % len(cases)]
