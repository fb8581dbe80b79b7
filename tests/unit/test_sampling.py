# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.rpaops.uipath.tests.sampling import STEP, Sample, one_by_name


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.mark.parametrize("number", [1, 2, STEP, STEP + 1, 51])
def test_a_sample_has_the_first_the_last_and_the_cases_at_every_step(lines: list[str], number: int) -> None:
    cases = range(1, number + 1)
    chosen = Sample(False, lines.append).every_case(cases, "side effects")
    assert (chosen[0], chosen[-1]) == (1, number)
    assert set(cases[::STEP]) <= set(chosen)
    assert len(chosen) <= number / STEP + 2
    assert lines == [f"{len(chosen)} of {number} side effects"]


def test_a_sample_may_be_smaller(lines: list[str]) -> None:
    assert Sample(False, lines.append).size(200, 1000, "accounts") == 200
    assert lines == ["200 of 1,000 accounts"]


def test_the_proof_runs_all_and_says_nothing(lines: list[str]) -> None:
    sample = Sample(True, lines.append)
    assert sample.every_case(range(51), "side effects") == list(range(51))
    assert sample.size(200, 1000, "accounts") == 1000
    sample.one_of("old-first", ["old-first", "policy-first"], "orders of checking")
    assert lines == []


def test_names_choose_about_evenly_and_always_the_same() -> None:
    chosen = [one_by_name("ab", f"test_{number}") for number in range(100)]
    assert chosen == [one_by_name("ab", f"test_{number}") for number in range(100)]
    assert 30 < chosen.count("a") < 70
