# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server locks a user after failed sign-ins. No number of runs and of reopenings leads to that."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import TASK, Rig, account, one_order, statuses
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET

LIMIT = 10
PARTITION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"
OUTSIDE = "set outside the store-1"
pytestmark = one_order


def retried(rig: Rig, accounts: list[str] | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """A task that Ansible runs up to 11 times, until it succeeds."""
    task = rig.task(accounts, **options)
    return {**task, "register": "tried", "until": "tried is not failed", "retries": 10, "delay": 0}


@pytest.fixture
def user(rig: Rig) -> str:
    """A user whose password was changed outside the store."""
    [user] = rig.prepare("changed")
    rig.simulator.add_users({user: OUTSIDE})
    return user


class TestReopening:
    def test_again_and_again_in_one_task_has_an_end(self, rig: Rig, user: str) -> None:
        rig.simulator.configure(lockout={"enabled": True, "max_failures": LIMIT, "counts_changes": True})
        assert statuses(rig.rotate([user])) == {user: "out_of_sync"}
        result = rig.play([retried(rig, [user], state="resumed", force=True)])[TASK]
        last = account(result, user)
        assert (last["status"], last["reason"], last["unproven_sends"]) == ("quarantined", "unproven_sends", 8)
        assert rig.simulator.report["mismatches"] == {user: 8}
        assert not rig.simulator.control("GET", f"users/{user}")["locked"]

    def test_of_a_password_that_was_refused_before_has_an_end(self, rig: Rig, user: str) -> None:
        rig.rotate([user])
        mistyped = [{"user_id": user, "initial_password": "Mistyped-1 ü%"}]
        result = rig.play([retried(rig, mistyped, state="adopted", force=True)])[TASK]
        assert account(result, user)["unproven_sends"] == 8
        assert rig.simulator.report["mismatches"] == {user: 8}

    def test_with_exactly_the_password_that_was_refused_before(self, rig: Rig, user: str) -> None:
        """An administrator who cannot find out the live password may set it to what the inventory says."""
        rig.rotate([user])
        known = [{"user_id": user, "initial_password": "Mistyped-1 ü%"}]
        assert statuses(rig.rotate(known, state="adopted")) == {user: "out_of_sync"}
        rig.simulator.add_users({user: "Mistyped-1 ü%"})
        result = rig.rotate(known, state="adopted")
        assert "run with force: true as well" in account(result, user)["msg"]
        assert statuses(rig.rotate(known, state="adopted", force=True)) == {user: "adopted"}
        assert rig.is_ok(user)

    def test_ends_with_a_password_that_was_set_on_the_server(self, rig: Rig, user: str) -> None:
        rig.rotate([user])
        rig.play([retried(rig, [user], state="resumed", force=True)])
        known = [{"user_id": user, "initial_password": OUTSIDE}]
        assert statuses(rig.rotate(known, state="adopted")) == {user: "adopted"}
        assert rig.is_ok(user)


class TestServerWithALowerLimit:
    @pytest.mark.parametrize(("limit", "requests"), [(6, 4), (5, 3), (3, 1)])
    def test_is_never_reached(self, rig: Rig, user: str, limit: int, requests: int) -> None:
        rig.simulator.add_client(CLIENT_ID, CLIENT_SECRET, "PM.User.Write", "PM.Setting.Read")
        rig.simulator.configure(lockout={"enabled": True, "max_failures": limit, "counts_changes": True})
        rig.rotate([user], partition_id=PARTITION)
        rig.play([retried(rig, [user], state="resumed", force=True, partition_id=PARTITION)])
        assert rig.simulator.report["mismatches"] == {user: requests}


class TestFailedSignIns:
    @pytest.mark.parametrize(
        ("scopes", "reason", "requests"),
        [(["PM.UserLoginAttempt.Read"], "failed_sign_ins", 0), ([], "wrong_password", 2)],
        ids=["shown", "hidden"],
    )
    def test_of_others_count_before_a_reopening(
        self, rig: Rig, user: str, scopes: list[str], reason: str, requests: int
    ) -> None:
        rig.simulator.add_client(CLIENT_ID, CLIENT_SECRET, "PM.User.Write", *scopes)
        rig.rotate([user])
        before = rig.simulator.mismatches(user)
        for _attempt in range(6):
            rig.simulator.control("POST", "sign-in", {"user_id": user, "password": "mistyped"})
        result = rig.rotate([user], state="resumed", force=True)
        assert account(result, user)["reason"] == reason
        assert rig.simulator.mismatches(user) - before == requests

    def test_are_not_read_where_nothing_is_in_doubt(self, rig: Rig) -> None:
        rig.simulator.add_client(CLIENT_ID, CLIENT_SECRET, "PM.User.Write", "PM.UserLoginAttempt.Read")
        [due] = rig.prepare("due")
        assert statuses(rig.rotate([due])) == {due: "rotated"}
        assert rig.simulator.count("login_attempts") == 0


class TestNewStore:
    """A directory at a wrong path gets the initial passwords of long ago every night."""

    def test_costs_one_failed_sign_in_each_night(self, rig: Rig) -> None:
        users = [f"user-{number}" for number in range(3)]
        rig.simulator.add_users(dict.fromkeys(users, "rotated long ago-1"))
        result = rig.rotate(users, max_failures=0)
        assert list(statuses(result).values()) == ["out_of_sync", "not_attempted", "not_attempted"]
        assert sum(rig.simulator.report["mismatches"].values()) == 1
        assert "its password is in another store" in account(result, users[0])["msg"]
        assert f"in the store {rig.store}" in account(result, users[1])["msg"]
        assert account(rig.rotate(users, max_failures=0), users[2])["status"] == "not_attempted"
        assert sum(rig.simulator.report["mismatches"].values()) == 2


def test_consumers_are_due_after_a_repair_without_them(rig: Rig) -> None:
    [user] = rig.prepare("served")
    rig.simulator.fault("drop", apply=True, times=2)
    assert statuses(rig.rotate([user], consumers=True)) == {user: "in_doubt"}
    repaired = rig.rotate([user], state="resumed")
    assert account(repaired, user)["delivery_due"] is True
    delivered = {"user_id": user, "generation": account(repaired, user)["generation"]}
    forced = rig.rotate([user], force=True)
    late = rig.play([{**rig.task([delivered], state="delivered")}])[TASK]
    assert account(late, user)["status"] == "superseded"
    assert rig.record(user).delivered is False
    assert account(forced, user)["delivery_due"] is True
