# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights with faults by chance, the same ones in every run. `--season N` repeats the one that a failure names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from ansible_collections.rpaops.uipath.tests.nights.conftest import SeasonOf
from ansible_collections.rpaops.uipath.tests.nights.season import NIGHTS, Season
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample

IN_MEMORY, ALL_IN_MEMORY = 100, 2000
ON_DISK, ALL_ON_DISK = 8, 200
# What is told of the events.
COUNTED = {
    "night": "nights",
    "begins": "runs",
    "is_killed": "killed",
    "sends": "requests",
    "loses": "unknown answers",
    "refuses": "refusals",
    "judges_copy": "late ones and copies",
    "resets": "resets by administrators",
    "restores": "restored records",
}


@pytest.fixture
def numbers(request: pytest.FixtureRequest) -> Callable[[int], range]:
    """The seasons of a test: so many, or the one that the command line names."""
    season = request.config.getoption("season")
    return lambda number: range(number) if season is None else range(season, season + 1)


def test_in_memory(numbers: Callable[[int], range], in_memory: SeasonOf, sample: Sample, report: Report) -> None:
    number = sample.size(IN_MEMORY, ALL_IN_MEMORY, f"seasons of {NIGHTS} nights in memory")
    report(summary(map(passed, map(in_memory, numbers(number)))))


def test_on_disk(numbers: Callable[[int], range], on_disk: SeasonOf, sample: Sample, report: Report) -> None:
    number = sample.size(ON_DISK, ALL_ON_DISK, f"seasons of {NIGHTS} nights on disk")
    report(summary(map(passed, map(on_disk, numbers(number)))))


def passed(season: Season) -> Counter[str]:
    """Let a season pass, and count its events."""
    season.run()
    return Counter(event for event, *_what in season.truth.events)


def summary(seasons: Iterable[Counter[str]]) -> str:
    events = sum(seasons, Counter[str]())
    return ", ".join(f"{events[event]:,} {what}" for event, what in COUNTED.items())
