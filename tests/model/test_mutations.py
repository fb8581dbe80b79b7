# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that finds nothing proves something only if it finds what is there: rotations with one thing wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.tests.model import mutants
from ansible_collections.rpaops.uipath.tests.model.explore import search, walk
from ansible_collections.rpaops.uipath.tests.model.rules import Violation
from ansible_collections.rpaops.uipath.tests.model.world import REFUSED_BUT_COPIED, Left, Setting, begin
from ansible_collections.rpaops.uipath.tests.sampling import Report
from hypothesis import Phase, given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Mutation:
    """What is wrong, the rule that shows it when no other is looked at, and what has to happen for that."""

    setting: Setting
    rule: str
    left: Left


def loss(rotation: type[Rotation], faults: int, *, runs: int = 2) -> Mutation:
    """A password gets lost. The other rules would often be broken earlier."""
    return Mutation(Setting(rotation), "kept", Left(faults=faults, runs=runs))


MUTATIONS = {
    "change-before-stage": loss(mutants.ChangesFirst, 0),
    "drop-on-a-mismatch": loss(mutants.DropsOnMismatch, 1),
    "drop-on-a-timeout": loss(mutants.DropsOnTimeout, 1),
    "no-compare-and-swap": Mutation(Setting(locks=False, compares=False), "kept", Left(runs=2)),
    "no-compare-and-swap-with-a-lease": Mutation(
        Setting(locks=False, lease="ends", network=True, compares=False), "kept", Left(runs=2)
    ),
    "stale-read-believed": Mutation(Setting(network=True, compares=False), "kept", Left(faults=1, runs=2)),
    "write-without-an-answer-trusted": Mutation(
        Setting(locks=False, lease="holds", network=True, trusts=True), "kept", Left(faults=1, runs=1)
    ),
    "write-of-another-run-taken-for-its-own": Mutation(
        Setting(locks=False, lease="holds", network=True, mistakes=True), "kept", Left(faults=1, runs=2)
    ),
    "send-without-a-write-of-its-own": Mutation(
        Setting(mutants.SendsWhatItRead, locks=False, lease="holds", network=True), "budget", Left(faults=1, runs=3)
    ),
    "rollback": loss(mutants.RollsBack, 1),
    "orphans-deleted-early": loss(mutants.DeletesOrphansEarly, 2, runs=3),
    "staged-pair-replaced": loss(mutants.StartsAfresh, 1),
    "drop-on-a-refusal": Mutation(
        Setting(mutants.DropsOnRefusal, policy_first=True, history=True), "kept", Left(faults=1, runs=2)
    ),
    "back-to-the-first-pair": Mutation(
        Setting(mutants.GoesBack, policy_first=True, fates=("answer lost", "refused", REFUSED_BUT_COPIED)),
        "kept",
        Left(faults=3, runs=3),
    ),
    "status-of-the-last-request": Mutation(Setting(mutants.SaysNothingWasChanged), "truthful", Left(faults=2, runs=1)),
    "no-limit-of-mismatches": Mutation(Setting(mutants.TriesForEver), "budget", Left(runs=1, changes=1)),
}
# Chance does not find the others in so many examples: the search needs 16 moves, in one order.
BY_CHANCE = {name: mutation for name, mutation in MUTATIONS.items() if name != "back-to-the-first-pair"}
FAULTY = {name: mutation for name, mutation in MUTATIONS.items() if mutation.left.faults}


def examine(mutation: Mutation, left: Left) -> None:
    search(begin(left), replace(mutation.setting, rules=frozenset([mutation.rule])))


class TestMutations:
    @pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=list(MUTATIONS))
    def test_the_search_finds_it(self, mutation: Mutation, report: Report) -> None:
        with pytest.raises(Violation) as violation:
            examine(mutation, mutation.left)
        report(f"{violation.value.rule}, after {len(violation.value.trace)} moves")
        assert violation.value.rule == mutation.rule

    @pytest.mark.parametrize("mutation", BY_CHANCE.values(), ids=list(BY_CHANCE))
    def test_chance_finds_it(self, mutation: Mutation, report: Report) -> None:
        examples: list[int] = []

        @settings(max_examples=1000, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
        @given(st.data())
        def check(data: st.DataObject) -> None:
            examples.append(1)
            start = begin(Left(faults=6, runs=4, changes=1))
            walk(start, mutation.setting, lambda options: data.draw(st.integers(0, options - 1)))

        with pytest.raises(Violation) as violation:
            check()
        report(f"{violation.value.rule}, in example {len(examples)}")


@pytest.mark.parametrize("mutation", FAULTY.values(), ids=list(FAULTY))
def test_with_one_fault_less_nothing_gets_lost(mutation: Mutation) -> None:
    examine(mutation, replace(mutation.left, faults=mutation.left.faults - 1))
