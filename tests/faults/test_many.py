# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many accounts: random faults, a server that goes down, two runs at once, and check mode in every state."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending
from ansible_collections.rpaops.uipath.tests.faults.rig import (
    INITIAL,
    Rig,
    adds_up,
    is_settled,
    one_order,
    statuses,
)
from ansible_collections.rpaops.uipath.tests.faults.rows import ROWS
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.sampling import Sample

MANY = 1000
SAMPLE = 200
FAULTY_ACCOUNTS = 10
SEED = 20260501
LONG_TIMEOUT: dict[str, Any] = {"timeout": 5, "concurrency": 16}
ANSWER_SECONDS = 60


def newcomers(rig: Rig, sample: Sample) -> list[dict[str, Any]]:
    ids = rig.simulator.generate_users(sample.size(SAMPLE, MANY, "accounts"))
    return [{"user_id": user_id, "initial_password": f"initial-{number}"} for number, user_id in enumerate(ids)]


def lost(rig: Rig, accounts: list[dict[str, Any]], result: dict[str, Any]) -> list[str]:
    """The accounts whose live password is not in the store. Who was not begun has the initial one."""
    lives, outcomes = rig.lives(), statuses(result)
    return [
        user
        for user, initial in ((each["user_id"], each["initial_password"]) for each in accounts)
        if not (outcomes[user] == "not_attempted" and lives[user] == initial)
        and lives[user] not in possibly_live(rig.record(user))
    ]


def all_settled(rig: Rig) -> bool:
    return all(is_settled(rig.record(user), live) for user, live in rig.lives().items())


class TestManyAccounts:
    def test_with_random_faults(self, rig: Rig, sample: Sample) -> None:
        accounts = newcomers(rig, sample)
        chance = random.Random(SEED)  # noqa: S311 - the same faults every time
        faulty = chance.sample([each["user_id"] for each in accounts], FAULTY_ACCOUNTS)
        for user in faulty:
            fault = ROWS[chance.choice(list(ROWS))]
            rig.simulator.fault(fault.kind, user_id=user, **fault.parameters)
        result = rig.rotate(accounts, max_failures=0, **LONG_TIMEOUT)
        assert adds_up(result)
        assert len(result["accounts"]) == len(accounts)
        assert {user for user, status in statuses(result).items() if status != "rotated"} <= set(faulty)
        assert lost(rig, accounts, result) == []
        rig.simulator.clear_faults()
        healed = rig.rotate(accounts, **LONG_TIMEOUT)
        assert adds_up(healed)
        assert set(statuses(healed).values()) <= {"fresh", "resumed", "rotated"}
        assert all_settled(rig)
        assert max(rig.simulator.report["mismatches"].values(), default=0) <= 2

    @one_order
    def test_with_a_server_that_goes_down_in_the_middle(self, rig: Rig, sample: Sample) -> None:
        accounts = newcomers(rig, sample)
        rig.simulator.fault("crash", skip=len(accounts) // 2)
        started = time.monotonic()
        result = rig.rotate(accounts, **LONG_TIMEOUT)
        assert time.monotonic() - started < ANSWER_SECONDS
        assert adds_up(result)
        assert result["counts"]["not_attempted"] > len(accounts) // 3
        assert result["counts"]["rotated"] >= len(accounts) // 2 - LONG_TIMEOUT["concurrency"]
        assert lost(rig, accounts, result) == []
        rig.restart()
        assert not rig.rotate(accounts, **LONG_TIMEOUT)["failed"]
        assert all_settled(rig)
        mismatches = rig.simulator.report["mismatches"]  # requests that were under way, and applied
        assert len(mismatches) < LONG_TIMEOUT["concurrency"]
        assert set(mismatches.values()) <= {1}


@pytest.mark.matrix
@one_order
def test_two_runs_at_once_change_each_account_once(rig: Rig) -> None:
    users = [f"user-{number:02d}" for number in range(50)]
    rig.simulator.add_users(dict.fromkeys(users, INITIAL))
    rig.seed(*users[::2])  # old ones; the others have no record yet
    rig.simulator.fault("latency", seconds=0.3, times=None)  # long enough for a run that starts seconds later
    timeout = {"timeout": 10}
    with (
        rig.start(users, {}, **timeout) as one,
        rig.start(users[::-1], {}, **timeout) as two,
    ):
        results = [running.finish()["Rotate"] for running in (one, two)]
    assert all(adds_up(result) for result in results)
    assert sum(result["counts"]["rotated"] for result in results) == 50
    assert set(statuses(results[0]).values()) | set(statuses(results[1]).values()) <= {"rotated", "fresh", "busy"}
    assert min(result["counts"]["rotated"] for result in results) > 0
    assert rig.simulator.report["applied"] == dict.fromkeys(users, 1)
    assert not rig.simulator.report["mismatches"]
    assert all_settled(rig)


# Every state of a record, and what check mode says of it for each state that can be asked for.
OTHERS = {
    "rotated": "would_rotate",
    "forced": "would_rotate",
    "present": "fresh",
    "resumed": "fresh",
    "adopted": "fresh",
    "delivered": "fresh",
    "redeliver": "delivery_due",
}
OPEN = {**OTHERS, **dict.fromkeys(("rotated", "forced", "resumed"), "would_resume")}
IN_DOUBT = {**OPEN, **dict.fromkeys(("present", "adopted", "delivered", "redeliver"), "in_doubt")}


def closed(status: str) -> dict[str, str]:
    return {**dict.fromkeys(OTHERS, status), "adopted": "would_rotate"}


EXPECTED = {
    "fresh": {**OTHERS, "rotated": "fresh"},
    "due": OTHERS,
    "initial": OTHERS,
    "pending": IN_DOUBT,
    "not-sent": OPEN,
    "in-doubt": IN_DOUBT,
    "out-of-sync": closed("out_of_sync"),
    "quarantined": closed("quarantined"),
    "undelivered": {**OTHERS, "rotated": "fresh", "delivered": "delivered"},
}


def seed_every_state(rig: Rig) -> None:
    rig.seed("fresh", "undelivered", age=1)
    rig.seed("due", "initial")
    pending = Pending(INITIAL, "staged-1", "2026-01-01T00:00:00+00:00")
    rig.seed("pending", pending=pending, unproven_sends=1)
    rig.seed("not-sent", pending=replace(pending, maybe_live=False))
    rig.seed("in-doubt", pending=pending, unproven_sends=2, status="in_doubt")
    rig.seed("out-of-sync", status="out_of_sync")
    rig.seed("quarantined", pending=pending, status="quarantined", unproven_sends=4)
    initial, undelivered = rig.record("initial"), rig.record("undelivered")
    rig.put(
        replace(initial, generation=2, current=replace(initial.current, source="adopted")),
        replace(undelivered, generation=2, delivered=False),
    )
    (rig.store / ".tmp" / "pending.0011223344556677").write_bytes((rig.store / "pending.yml").read_bytes())


@pytest.mark.matrix
@one_order
class TestCheckMode:
    def test_writes_nothing_and_calls_nothing_in_every_state(self, rig: Rig) -> None:
        rig.simulator.add_users(dict.fromkeys(EXPECTED, INITIAL))
        seed_every_state(rig)
        before = rig.snapshot()
        tasks = [rig.task(list(EXPECTED), state, **asked(state)) for state in OTHERS]
        run = rig.play(tasks, "--check")
        for state in OTHERS:
            assert statuses(run[state]) == {user: expected[state] for user, expected in EXPECTED.items()}
            assert adds_up(run[state])
        assert rig.snapshot() == before
        assert rig.simulator.count() == 0

    def test_of_a_first_run_creates_nothing(self, rig: Rig) -> None:
        rig.simulator.add_users({"new": INITIAL})
        run = rig.play(
            [rig.task(["new"], state, state=state) for state in ("rotated", "present", "adopted")], "--check"
        )
        found = [statuses(run[state])["new"] for state in ("rotated", "present", "adopted")]
        assert found == ["would_rotate", "created", "would_rotate"]
        assert not rig.store.exists()
        assert rig.simulator.count() == 0


def asked(name: str) -> dict[str, Any]:
    return {"force": True} if name == "forced" else {"state": name}
