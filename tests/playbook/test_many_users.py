# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users in one task: order, counts, partial failure, bad input, when to stop, and concurrency."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

MANY = """
- name: Change the passwords
  rpaops.uipath.uipath_user_password:
    users: "{{ users }}"
"""
NAMES = [f"user-{number:02d}" for number in range(12)]
WRONG = "not-the-one-1"
UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"


def statuses(result: dict[str, Any]) -> list[str]:
    return [user["status"] for user in result["results"]]


@pytest.fixture
def users(simulator: SimulatorProcess) -> list[str]:
    simulator.add_users(dict.fromkeys(NAMES, OLD))
    return NAMES


@pytest.mark.usefixtures("users")
class TestResults:
    @pytest.mark.matrix
    def test_partial_failure_keeps_order_counts_and_changes(self, play: Playbook, simulator: SimulatorProcess) -> None:
        pairs = [change(name) for name in reversed(NAMES)]
        pairs[1]["old_password"] = WRONG
        pairs[3]["new_password"] = "tiny"
        pairs[5]["user_id"] = "stranger"
        pairs[7]["new_password"] = OLD
        simulator.fault("latency", user_id=pairs[0]["user_id"], seconds=0.4)
        run = play(MANY, succeeds=False, users=pairs)
        result = run["Change the passwords"]
        assert [user["user_id"] for user in result["results"]] == [pair["user_id"] for pair in pairs]
        expected = ["changed"] * 12
        expected[1], expected[3], expected[5], expected[7] = (
            "wrong_password",
            "policy_rejected",
            "not_found",
            "already_set",
        )
        assert statuses(result) == expected
        assert (result["changed"], result["failed"]) == (True, True)
        assert {status: count for status, count in result["counts"].items() if count} == {
            "changed": 8,
            "already_set": 1,
            "wrong_password": 1,
            "policy_rejected": 1,
            "not_found": 1,
        }
        assert result["msg"].startswith("3 of 12 users failed. By status: 8 changed, 1 already_set")
        changed = [(pair["user_id"], NEW) for pair, status in zip(pairs, expected) if status == "changed"]
        assert simulator.live_count(changed) == 8
        assert simulator.report["requests"]["token"] == 1
        assert simulator.report["mismatches"] == {pairs[1]["user_id"]: 2}

    def test_check_mode_change_and_again(self, play: Playbook, simulator: SimulatorProcess) -> None:
        pairs = [change(name) for name in NAMES]
        predicted = play(MANY, "--check", "--diff", succeeds=True, users=pairs)["Change the passwords"]
        assert statuses(predicted) == ["would_change"] * 12
        assert predicted["diff"]["before"] == dict.fromkeys(NAMES, "old password")
        assert (simulator.report["writes"], simulator.report["requests"]) == (0, {"token": 1})
        tasks = [task("Do", users="{{ users }}"), task("Again", users="{{ users }}")]
        run = play(tasks, users=pairs, warnings=["The new passwords of more than half of the users"])
        assert (run["Do"]["changed"], statuses(run["Do"])) == (True, ["changed"] * 12)
        assert (run["Again"]["changed"], statuses(run["Again"])) == (False, ["already_set"] * 12)
        assert sorted(simulator.report["mismatches"].values()) == [1] * 11 + [2]


def test_no_users_is_no_work(play: Playbook, simulator: SimulatorProcess) -> None:
    result = play(MANY, succeeds=True, users=[])["Change the passwords"]
    assert (result["results"], result["changed"], set(result["counts"].values())) == ([], False, {0})
    assert simulator.total == 0


def test_one_error_lists_all_bad_input_by_index_and_without_values(play: Playbook, simulator: SimulatorProcess) -> None:
    pairs = [
        change("one", old="valued-secret-1"),
        change("two", old=""),
        change("one", new=""),
        change(""),
        {"user_id": "five", "old_password": "valued-secret-2"},
        change(".."),
        change(UUID),
        change(UUID.upper()),
    ]
    tasks = [
        task("Bad list", users="{{ users }}"),
        task("Both", **change("one"), users="{{ users }}"),
        task("Neither"),
        task("Incomplete", user_id="one", old_password="{{ users[0].old_password }}"),
        task("Numbers", **change("one"), concurrency=65, max_failures=-1, settle_seconds=-0.5, retries=101, timeout=0),
    ]
    run = play(tasks, "-vvv", users=pairs)
    message = run["Bad list"]["msg"]
    for problem in (
        "users[1].old_password is empty",
        "users[2] is the same user as users[0]",
        "users[2].new_password is empty",
        "users[3].user_id is empty",
        "users[4].new_password is missing",
        "users[5].user_id cannot be part of a URL",
        "users[7] is the same user as users[6]",
    ):
        assert problem in message
    assert "mutually exclusive" in run["Both"]["msg"]
    assert "user_id or user_name is required" in run["Neither"]["msg"]
    assert "new_password is missing" in run["Incomplete"]["msg"]
    for name in ("concurrency", "max_failures", "settle_seconds", "retries", "timeout"):
        assert f"{name} must be" in run["Numbers"]["msg"]
    assert all(run[one["name"]]["failed"] for one in tasks)
    assert "valued-secret" not in run.output
    assert simulator.total == 0


@pytest.mark.usefixtures("users")
class TestStopping:
    def test_three_wrong_passwords_in_a_row_stop_the_task(self, play: Playbook, simulator: SimulatorProcess) -> None:
        pairs = [change(name, old=WRONG) for name in NAMES]
        result = run_one(play, pairs, concurrency=1)
        assert statuses(result) == ["wrong_password"] * 3 + ["not_attempted"] * 9
        assert "3 users in a row failed, the last as wrong_password" in result["results"][3]["msg"]
        assert simulator.count() == 6

    def test_a_success_in_between_lets_it_go_on(self, play: Playbook) -> None:
        pairs = [change(name, old=OLD if index % 3 == 2 else WRONG) for index, name in enumerate(NAMES)]
        result = run_one(play, pairs, concurrency=1)
        assert (result["counts"]["wrong_password"], result["counts"]["changed"]) == (8, 4)

    def test_zero_turns_both_limits_off(self, play: Playbook) -> None:
        result = run_one(play, [change(name, old=WRONG) for name in NAMES], max_failures=0)
        assert result["counts"]["wrong_password"] == 12

    def test_max_failures_counts_any_failure(self, play: Playbook, simulator: SimulatorProcess) -> None:
        pairs = [change(name, new="tiny" if index < 2 else NEW) for index, name in enumerate(NAMES)]
        result = run_one(play, pairs, concurrency=1, max_failures=2)
        assert statuses(result) == ["policy_rejected"] * 2 + ["not_attempted"] * 10
        assert "2 users failed (max_failures)" in result["results"][2]["msg"]
        assert simulator.count() == 2

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("unauthorized", "unauthorized"),
            ("html", "wrong_url"),
            ("redirect", "wrong_url"),
        ],
    )
    def test_an_answer_that_every_user_would_get_stops_at_once(
        self, play: Playbook, simulator: SimulatorProcess, kind: str, status: str
    ) -> None:
        simulator.fault(kind, times=None)
        result = run_one(play, [change(name) for name in NAMES], concurrency=1, max_failures=0)
        assert statuses(result) == [status] + ["not_attempted"] * 11
        assert f"the error {status} occurred for another user" in result["results"][1]["msg"]
        assert (result["changed"], result["failed"]) == (False, True)
        assert simulator.count() == (2 if kind == "unauthorized" else 1)

    def test_a_user_whom_the_caller_may_not_change_stops_nothing(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        simulator.fault("forbidden", user_id=NAMES[0], times=None)
        result = run_one(play, [change(name) for name in NAMES], concurrency=1)
        assert statuses(result) == ["unauthorized"] + ["changed"] * 11

    def test_in_the_middle_the_changed_ones_are_kept(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("unauthorized", skip=5, times=None)
        result = run_one(play, [change(name) for name in NAMES], concurrency=1)
        assert statuses(result) == ["changed"] * 5 + ["unauthorized"] + ["not_attempted"] * 6
        assert result["changed"]
        assert simulator.live_count([(name, NEW) for name in NAMES]) == 5


@pytest.mark.parametrize("concurrency", [None, 1, 12])
def test_concurrency_is_what_the_server_sees(
    play: Playbook, simulator: SimulatorProcess, concurrency: int | None
) -> None:
    simulator.add_users(dict.fromkeys(NAMES, OLD))
    simulator.fault("latency", seconds=0.6, times=None)
    result = run_one(play, [change(name) for name in NAMES], **({"concurrency": concurrency} if concurrency else {}))
    assert result["counts"]["changed"] == 12
    assert simulator.report["in_flight_peak"]["change_password"] == (concurrency or 4)
    assert simulator.report["connections"] <= (concurrency or 4)


def run_one(play: Playbook, pairs: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    return play([task("Many", users="{{ users }}", **options)], users=pairs)["Many"]
