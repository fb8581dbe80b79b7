# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills and pauses at the network side effects of a rotation, and runs at once, with the store on a network.

The side effects are those towards both servers, UiPath's and the store's: connections, requests and answers.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.tests.faults.driver import Forked, awaited, forked
from ansible_collections.rpaops.uipath.tests.faults.rig import Rig, statuses
from ansible_collections.rpaops.uipath.tests.faults.test_kills import (
    KilledRotations,
    forked_side_effects,
    heal,
    summary,
    user_of,
)
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample
from ansible_collections.rpaops.uipath.tests.stores.places import LEASE_SECONDS

RUN_SECONDS = 60
# What a run says of an account on which another run worked meanwhile, or before.
OUTCOMES = {"rotated", "resumed", "fresh", "busy", "in_doubt", "out_of_sync", "store_conflict"}


def results(rig: Rig, name: str, users: list[str], count: int = 1, **task: Any) -> list[dict[str, str]]:
    """The statuses of the accounts in so many runs at once."""
    files = [rig.folder / f"{name}-{number}.json" for number in range(count)]
    assert awaited([forked(rig, users, {}, file, **task) for file in files]) == [0] * count
    return [statuses(json.loads(file.read_text())) for file in files]


def all_ok(rig: Rig, users: list[str]) -> bool:
    return all(rig.is_ok(user) for user in users)


def test_kill_at_every_network_side_effect(network_rig: Rig, sample: Sample, report: Report) -> None:
    kills = KilledRotations(network_rig, lambda number: network_rig.prepare(user_of(number))).run(sample)
    time.sleep(LEASE_SECONDS + 1)
    heal(network_rig, kills)
    report(summary(kills))


def worker_of(rotation: Forked) -> int:
    children = Path(f"/proc/{rotation.main}/task/{rotation.main}/children")
    assert wait_until(children.read_text, RUN_SECONDS)
    return int(children.read_text())


def is_stopped(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_pause_past_the_lease_at_every_network_side_effect(network_rig: Rig, sample: Sample, report: Report) -> None:
    """While the first run of each account is stopped and its lease ends, a second run goes on with all accounts."""
    rig = network_rig
    effects = forked_side_effects(rig, rig.prepare("undisturbed"))
    users = {number: user_of(number) for number in sample.every_case(effects, "side effects")}
    rig.prepare(*users.values())
    files = {number: rig.folder / f"first{number}.json" for number in users}
    runs = []
    for number, user in users.items():
        plan = {"do": "stop", "at": number, "trace": str(rig.folder / f"trace{number}")}
        runs.append(forked(rig, [user], plan, files[number]))
    workers = [worker_of(run) for run in runs]
    try:
        assert wait_until(lambda: all(map(is_stopped, workers)), RUN_SECONDS)
        time.sleep(LEASE_SECONDS + 1)
        [second] = results(rig, "second", list(users.values()), max_failures=0)
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    assert set(awaited(runs)) == {0}
    first = Counter(statuses(json.loads(file.read_text()))[users[number]] for number, file in files.items())
    assert set(first) | set(second.values()) <= OUTCOMES
    assert all(rig.holds(user) for user in users.values())
    healed = Counter(results(rig, "healing", list(users.values()), max_failures=0)[0].values())
    assert all_ok(rig, list(users.values()))
    mismatches = max(rig.simulator.report["mismatches"].values(), default=0)
    assert mismatches <= 2
    report(
        f"{len(users)} pauses; the run that paused: {counts(first)}; the second: {counts(Counter(second.values()))};"
        f" a third: {counts(healed)}; at most {mismatches} mismatches"
    )


def counts(statuses: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())


def test_two_runs_at_once_change_each_account_once(network_rig: Rig, sample: Sample, report: Report) -> None:
    rig, found = network_rig, Counter[str]()
    rounds = sample.size(5, 15, "rounds")
    assert rig.place
    rig.place.options["lease_seconds"] = 300.0
    for number in range(rounds):
        users = rig.prepare(*(f"{number}-{index}" for index in range(4)))
        both = results(rig, str(number), users, 2, max_failures=0)
        for user in users:
            pair = sorted(each[user] for each in both)
            assert pair in (["busy", "rotated"], ["fresh", "rotated"]), pair
            found[pair[0]] += 1
        assert all_ok(rig, users)
    assert set(rig.simulator.report["applied"].values()) == {1}
    assert not rig.simulator.report["mismatches"]
    report(f"{rounds} rounds with 4 accounts; the other run said: {counts(found)}")
