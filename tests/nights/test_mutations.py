# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights that find nothing prove something only if they find what is there: parts with one thing wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation import task
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locked_record import VaultFileRecord
from ansible_collections.rpaops.uipath.tests.model import mutants
from ansible_collections.rpaops.uipath.tests.nights.conftest import SeasonOf
from ansible_collections.rpaops.uipath.tests.nights.network import HARDEST
from ansible_collections.rpaops.uipath.tests.nights.rules import Violation
from ansible_collections.rpaops.uipath.tests.nights.season import Season
from ansible_collections.rpaops.uipath.tests.sampling import Report

MOST_IN_MEMORY, MOST_ON_DISK = 1000, 100

# Rotations with one thing wrong, a part of the rule that shows it, and the kinds of trouble in the seasons, if not any.
MUTATIONS: dict[str, tuple[type[Rotation], str, tuple[str, ...]]] = {
    "change-before-stage": (mutants.ChangesFirst, "is lost", ()),
    "drop-on-a-mismatch": (mutants.DropsOnMismatch, "is lost", ()),
    "drop-on-a-timeout": (mutants.DropsOnTimeout, "is lost", ()),
    "rollback": (mutants.RollsBack, "is lost", ()),
    "orphans-deleted-early": (mutants.DeletesOrphansEarly, "is lost", ()),
    "staged-pair-replaced": (mutants.StartsAfresh, "is lost", ()),
    "drop-on-a-refusal": (mutants.DropsOnRefusal, "is lost", ()),
    "back-from-the-step-forward": (mutants.GoesBack, "is lost", HARDEST),
    "words-of-the-last-answer": (
        mutants.SaysNothingWasChanged,
        "but a request of the run was applied",
        ("lost", "not applied"),
    ),
    "no-limit-of-mismatches": (mutants.TriesForEver, "failed sign-ins", ()),
}


@pytest.mark.parametrize(("mutant", "rule", "kinds"), MUTATIONS.values(), ids=list(MUTATIONS))
def test_they_find_it_in_memory(
    mutant: type[Rotation],
    rule: str,
    kinds: tuple[str, ...],
    in_memory: SeasonOf,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
) -> None:
    monkeypatch.setattr(task, "Rotation", mutant)
    report(found((replace(in_memory(number), kinds=kinds) for number in range(MOST_IN_MEMORY)), rule))


def test_they_find_a_second_copy_that_is_one_write_older(
    on_disk: SeasonOf, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    copied = VaultFileRecord._copied

    def copied_when_settled(own: VaultFileRecord, record: Record, text: bytes) -> frozenset[str]:
        return frozenset(record.candidates()) if record.pending else copied(own, record, text)

    monkeypatch.setattr(VaultFileRecord, "_copied", copied_when_settled)
    report(found(map(on_disk, range(MOST_ON_DISK)), "is lost"))


def found(seasons: Iterable[Season], rule: str) -> str:
    """The first season in which the rule is broken."""
    for season in seasons:
        try:
            season.run()
        except Violation as violation:
            if rule in violation.rule:
                return f"season {season.number}, night {season.nights}: {violation.rule}"
    raise AssertionError(f"found nowhere: {rule}")
