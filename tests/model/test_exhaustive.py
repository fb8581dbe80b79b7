# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can happen with a few faults, one after the other. The shortest way to a violation comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.tests.model.explore import Healing, heal, search
from ansible_collections.rpaops.uipath.tests.model.world import Left, Setting, World, begin
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample

# The server that looks at the old password first needs no history: it never gets so far with a password that it knows.
OLD_FIRST = Setting()
POLICY_FIRST = Setting(policy_first=True)
REMEMBERING = Setting(policy_first=True, history=True)
SERVERS = {"old-first": OLD_FIRST, "policy-first": POLICY_FIRST, "policy-first-history": REMEMBERING}

# Whether a lease ends only when its run is gone, or at any time. The second is as if there were none.
LEASES = {"lease-holds": "holds", "lease-ends": "ends"}


@pytest.fixture(params=SERVERS.values(), ids=list(SERVERS))
def setting(request: pytest.FixtureRequest) -> Setting:
    assert isinstance(request.param, Setting)
    return request.param


@pytest.fixture
def unlocked(setting: Setting) -> Setting:
    return replace(setting, locks=False)


def explore(left: Left, setting: Setting, report: Report, *, initial: bool = False) -> list[World]:
    worlds = list(search(begin(left, initial=initial), setting))
    report(f"{len(worlds)} worlds")
    return worlds


def healings(worlds: list[World], setting: Setting, report: Report) -> list[Healing]:
    """Heal every account on which no run is working."""
    resting = {(world.server, world.stored): world for world in worlds if world.stored and not world.running}
    found = [heal(world, setting) for world in resting.values()]
    by_next_run = sum(healing.runs == 1 for healing in found)
    resets = sum(healing.is_reset for healing in found)
    report(f"{len(found)} accounts, {by_next_run} of them healed by the next run, {resets} after a reset")
    return found


def worst(found: list[Healing]) -> tuple[int, int]:
    return max(healing.runs for healing in found), max(healing.mismatches for healing in found)


class TestOneRunAtATime:
    def test_one_fault_is_healed_by_the_next_run(self, setting: Setting, report: Report) -> None:
        runs, mismatches = worst(healings(explore(Left(faults=1), setting, report), setting, report))
        assert runs == 1
        assert mismatches <= 1

    def test_faults_are_healed_by_an_operator_in_few_runs(
        self, setting: Setting, sample: Sample, report: Report
    ) -> None:
        faults = sample.size(2, 4, "faults")
        worlds = explore(Left(faults=faults, runs=3), setting, report)
        statuses = {world.stored.status for world in worlds if world.stored}
        assert statuses == {"ok", "in_doubt", "out_of_sync", "quarantined"}
        runs, mismatches = worst(healings(worlds, setting, report))
        assert runs <= 4
        assert mismatches <= 2

    def test_an_account_without_a_record(self, setting: Setting, report: Report) -> None:
        worlds = explore(Left(faults=2, runs=2), setting, report, initial=True)
        assert worst(healings(worlds, setting, report))[1] <= 2

    def test_a_person_opens_the_account(self, setting: Setting, report: Report) -> None:
        explore(Left(faults=2, runs=2, openings=2), setting, report)

    def test_what_a_person_has_set_can_be_adopted(self, setting: Setting, report: Report) -> None:
        runs, mismatches = worst(healings(explore(Left(faults=2, runs=2, changes=1), setting, report), setting, report))
        assert runs <= 4
        assert mismatches <= 2

    def test_a_person_changes_the_password_and_opens_the_account(self, setting: Setting, report: Report) -> None:
        explore(Left(faults=1, runs=2, openings=1, changes=1), setting, report)


class TestRunsAtOnceWithoutALock:
    def test_two_runs_without_faults_leave_a_good_record(self, unlocked: Setting, report: Report) -> None:
        outcome = [
            world for world in explore(Left(runs=2), unlocked, report) if world.started == 2 and not world.running
        ]
        assert all(world.is_ok for world in outcome)
        assert max(world.server.failures for world in outcome) <= 1

    def test_two_runs_and_two_faults(self, unlocked: Setting, report: Report) -> None:
        runs, mismatches = worst(healings(explore(Left(faults=2, runs=2), unlocked, report), unlocked, report))
        assert runs <= 4
        assert mismatches <= 2


class TestNetworkStores:
    """No locks: stale reads, writes that are late, lost or without an answer, leases of runs that are gone or sleep."""

    @pytest.fixture(params=LEASES.values(), ids=list(LEASES))
    def network(self, unlocked: Setting, request: pytest.FixtureRequest) -> Setting:
        return replace(unlocked, network=True, lease=request.param)

    def test_a_fault(self, network: Setting, report: Report) -> None:
        runs, mismatches = worst(healings(explore(Left(faults=1, runs=2), network, report), network, report))
        assert runs <= (1 if network.excludes else 4)
        assert mismatches <= (1 if network.excludes else 2)

    def test_an_account_without_a_record(self, network: Setting, report: Report) -> None:
        explore(Left(faults=1, runs=2), network, report, initial=True)

    def test_two_faults(self, network: Setting, sample: Sample, report: Report) -> None:
        faults = sample.size(1, 2, "faults")
        runs, mismatches = worst(healings(explore(Left(faults=faults, runs=2), network, report), network, report))
        assert runs <= 4
        assert mismatches <= 2

    def test_three_runs(self, network: Setting, sample: Sample, report: Report) -> None:
        faults = sample.size(0, 1, "faults")
        runs, mismatches = worst(healings(explore(Left(faults=faults, runs=3), network, report), network, report))
        assert runs <= 4
        assert mismatches <= 2
