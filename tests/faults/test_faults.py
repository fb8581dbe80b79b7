# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of servers and networks: after each of them the store holds the live password, and a clean run heals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record
from ansible_collections.rpaops.uipath.tests.faults.rig import (
    HISTORY,
    INITIAL,
    ORDERS,
    Rig,
    account,
    adds_up,
    is_settled,
    statuses,
)
from ansible_collections.rpaops.uipath.tests.faults.rows import ROWS
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until

FIRST = "first"


@dataclass
class Observed:
    """What a run returned, and what store and server held afterwards."""

    result: dict[str, Any]
    records: dict[str, Record]
    lives: dict[str, str]
    mismatches: dict[str, int]


def observed(rig: Rig, users: list[str], **options: Any) -> Observed:
    result = rig.rotate(users, **options)
    rig.simulator.clear_faults()
    records = {user: rig.record(user) for user in users}
    return Observed(result, records, rig.lives(), rig.simulator.report["mismatches"])


def user_of(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name)


@dataclass
class FaultyAndCleanRun:
    order: str
    faulty: Observed
    clean: Observed

    def status(self, name: str) -> str:
        return ROWS[name].statuses[self.order]


@pytest.fixture(scope="module", params=ORDERS)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyAndCleanRun]:
    """A run in which every account but the first meets its fault, and a clean one."""
    users = [FIRST, *map(user_of, ROWS)]
    with Rig(tmp_path_factory.mktemp("rows"), request.param, users) as rig:
        rig.seed(*users)
        for name, fault in ROWS.items():
            rig.simulator.fault(fault.kind, user_id=user_of(name), **fault.parameters)
        faulty = observed(rig, users, max_failures=0)
        yield FaultyAndCleanRun(request.param, faulty, observed(rig, users))


class TestOneAnswer:
    def test_the_counts_add_up(self, runs: FaultyAndCleanRun) -> None:
        faulty, clean = runs.faulty, runs.clean
        assert adds_up(faulty.result)
        assert adds_up(clean.result)
        assert (faulty.result["changed"], faulty.result["failed"]) == (True, True)
        assert not clean.result["failed"]

    @pytest.mark.parametrize("name", ROWS)
    def test_no_password_is_lost(self, runs: FaultyAndCleanRun, name: str) -> None:
        faulty, clean = runs.faulty, runs.clean
        user, status = user_of(name), runs.status(name)
        assert statuses(faulty.result)[user] == status
        assert faulty.lives[user] in possibly_live(faulty.records[user])
        if status == "rotated":
            assert is_settled(faulty.records[user], faulty.lives[user])
        after = {"rotated": "fresh", "policy_rejected": "rotated"}.get(status, "resumed")
        assert statuses(clean.result)[user] == after
        assert is_settled(clean.records[user], clean.lives[user])
        assert clean.mismatches.get(user, 0) <= ROWS[name].mismatches


def all_ok(rig: Rig, users: list[str]) -> bool:
    return all(rig.is_ok(user) for user in users)


@pytest.mark.matrix
def test_sixteen_lost_answers_at_once_do_not_stop_the_batch(rig: Rig) -> None:
    users = rig.prepare(FIRST, *(f"lost-{number:02d}" for number in range(16)), "last")
    for user in users[1:-1]:
        rig.simulator.fault("drop", user_id=user, apply=True)
    result = rig.rotate(users, concurrency=16)
    assert set(statuses(result).values()) == {"rotated"}
    assert all_ok(rig, users)
    assert max(rig.simulator.report["mismatches"].values(), default=0) <= 2


def test_when_every_answer_is_lost_the_account_is_left_alone_before_the_server_locks_it(rig: Rig) -> None:
    [user] = rig.prepare("lost")
    rig.simulator.configure(lockout={"counts_changes": True})
    rig.simulator.fault("drop", apply=True, times=None)
    hours = [f"hour {number}" for number in range(1, 5)]
    run = rig.play([rig.task([user], hour) for hour in hours])
    assert [run[hour]["accounts"][0]["status"] for hour in hours] == ["in_doubt"] * 3 + ["quarantined"]
    assert run["hour 4"]["accounts"][0]["attempts"] == 0
    assert rig.simulator.count() == 4
    assert not rig.simulator.control("GET", f"users/{user}")["locked"]
    assert rig.holds(user)
    rig.simulator.clear_faults()
    assert statuses(rig.rotate([user], state="resumed", force=True)) == {user: "resumed"}
    assert rig.is_ok(user)
    assert rig.simulator.mismatches(user) <= 4


def test_a_locked_account_is_left_alone(rig: Rig) -> None:
    locked, other = rig.prepare("locked", "other")
    rig.simulator.fault("identity_error", user_id=locked, code="UserLockedOut")
    run = rig.play([rig.task([other, locked], "run 1"), rig.task([other, locked], "run 2", force=True)])
    assert statuses(run["run 1"]) == {other: "rotated", locked: "quarantined"}
    assert statuses(run["run 2"]) == {other: "rotated", locked: "quarantined"}
    assert account(run["run 2"], locked)["attempts"] == 0
    assert rig.holds(locked)
    assert statuses(rig.rotate([locked], state="resumed", force=True)) == {locked: "resumed"}
    assert rig.is_ok(locked)


def test_a_refusal_that_lasts_is_left_to_a_person(rig: Rig) -> None:
    mended, stays = rig.prepare("mended", "stays")
    rig.simulator.fault("identity_error", code="NotToday", times=None)
    tasks = [rig.task([mended, stays], f"run {number}", max_failures=0) for number in (1, 2)]
    run = rig.play(tasks)
    assert statuses(run["run 1"]) == {mended: "refused", stays: "refused"}
    assert statuses(run["run 2"]) == {mended: "in_doubt", stays: "in_doubt"}
    for _night in range(2):
        last = rig.rotate([stays], max_failures=0)
        assert statuses(last) == {stays: "quarantined"}
        assert account(last, stays)["error_codes"] == ["NotToday"]
        assert account(last, stays)["reason"] == "unproven_sends"
    rig.simulator.clear_faults()
    assert statuses(rig.rotate([mended])) == {mended: "quarantined"}  # with the fourth request without a proof
    # What the server has rejected as wrong comes last, and the newest passwords come first.
    for user, expected in ((mended, ["resumed", "fresh"]), (stays, ["out_of_sync", "resumed"])):
        reopened = [statuses(rig.rotate([user], state="resumed", force=True))[user] for _number in range(2)]
        assert reopened == expected
    assert all_ok(rig, [mended, stays])
    assert rig.simulator.report["mismatches"] == {mended: 2, stays: 2}


class TestSignIn:
    @pytest.fixture
    def users(self, rig: Rig) -> list[str]:
        return rig.prepare(*(f"user-{number}" for number in range(5)))

    def test_a_token_that_expires_in_the_middle_is_renewed(self, rig: Rig, users: list[str]) -> None:
        rig.simulator.fault("unauthorized", skip=2, revoke=True)
        assert set(statuses(rig.rotate(users)).values()) == {"rotated"}
        assert rig.simulator.report["tokens_issued"] == 2
        assert all_ok(rig, users)
        assert not rig.simulator.report["mismatches"]

    def test_a_token_that_is_not_renewed_stops_the_batch(self, rig: Rig, users: list[str]) -> None:
        rig.simulator.fault("unauthorized", skip=2, revoke=True)
        rig.simulator.fault("custom", "token", status=401, json={"error": "invalid_client"}, skip=1, times=None)
        result = rig.rotate(users, concurrency=1)
        assert list(statuses(result).values()) == ["rotated", "rotated", "unauthorized"] + ["not_attempted"] * 2
        heals_without_a_mismatch(rig, users)

    def test_403s_stop_before_the_third_account(self, rig: Rig, users: list[str]) -> None:
        rig.simulator.fault("forbidden", times=None)
        assert list(statuses(rig.rotate(users)).values()) == ["unauthorized"] * 2 + ["not_attempted"] * 3
        assert rig.simulator.count() == 2
        heals_without_a_mismatch(rig, users)

    def test_a_403_for_one_account_does_not_stop_the_others(self, rig: Rig, users: list[str]) -> None:
        rig.simulator.fault("forbidden")
        assert list(statuses(rig.rotate(users)).values()) == ["unauthorized"] + ["rotated"] * 4
        heals_without_a_mismatch(rig, users)

    def test_404s_stop_before_the_third_account(self, rig: Rig, users: list[str]) -> None:
        rig.simulator.fault("custom", status=404, json={}, times=None)
        assert list(statuses(rig.rotate(users)).values()) == ["not_found"] * 2 + ["not_attempted"] * 3
        assert rig.simulator.count() == 2
        heals_without_a_mismatch(rig, users)

    def test_a_wrong_url_stops_at_the_token(self, rig: Rig) -> None:
        users = ["user-1", "user-2"]
        rig.simulator.add_users(dict.fromkeys(users, INITIAL))
        result = rig.rotate(users, identity_url=f"{rig.simulator.origin}/nowhere/identity")
        assert list(statuses(result).values()) == ["wrong_url", "not_attempted"]
        assert rig.simulator.count() == 0
        heals_without_a_mismatch(rig, users)


def heals_without_a_mismatch(rig: Rig, users: list[str]) -> None:
    rig.simulator.clear_faults()
    assert not rig.rotate(users)["failed"]
    assert all_ok(rig, users)
    assert not rig.simulator.report["mismatches"]


def test_a_user_who_was_or_is_deleted_keeps_the_record(rig: Rig) -> None:
    users = rig.prepare(FIRST, "before", "during")
    rig.simulator.control("DELETE", "users/before")
    rig.simulator.fault("other_delete", user_id="during")
    for _run in range(2):
        found = statuses(rig.rotate(users))
        assert (found["before"], found["during"]) == ("not_found", "not_found")
        assert INITIAL in possibly_live(rig.record("before"))
        assert INITIAL in possibly_live(rig.record("during"))
    assert rig.is_ok(FIRST)
    assert not rig.simulator.report["mismatches"]


class TestOutOfSync:
    """An administrator has changed the password, or the initial one was never right."""

    RESET = "administrator-1"

    def test_nothing_is_lost_nothing_is_tried_and_adoption_mends_it(self, rig: Rig) -> None:
        rig.prepare("changed")
        rig.simulator.add_users({"wrong": self.RESET, FIRST: INITIAL})
        rig.simulator.fault("other_change", user_id="changed", password=self.RESET)
        users = [FIRST, "changed", "wrong"]
        tasks = [rig.task(users, "run 1"), rig.task(users, "run 2"), rig.task(users, "run 3", force=True)]
        run = rig.play(tasks)
        assert statuses(run["run 1"]) == {FIRST: "rotated", "changed": "out_of_sync", "wrong": "out_of_sync"}
        assert statuses(run["run 2"]) == {FIRST: "fresh", "changed": "out_of_sync", "wrong": "out_of_sync"}
        assert [account(run["run 3"], user)["attempts"] for user in users] == [1, 0, 0]
        before = {user: rig.record(user) for user in users}
        assert all(
            INITIAL in possibly_live(before[user]) and len(possibly_live(before[user])) == 3 for user in users[1:]
        )
        self._adopt(rig, users)
        for user in users[1:]:
            everything = rig.record(user).candidates()
            assert self.RESET in everything
            assert rig.simulator.mismatches(user) <= 2

    def _adopt(self, rig: Rig, users: list[str]) -> None:
        """Twice: what was mended is not touched again."""
        adopted = [{"user_id": user, "initial_password": self.RESET} for user in users]
        run = rig.play([rig.task(adopted, "adopt", state="adopted"), rig.task(adopted, "again", state="adopted")])
        assert statuses(run["adopt"]) == {FIRST: "fresh", "changed": "adopted", "wrong": "adopted"}
        assert set(statuses(run["again"]).values()) == {"fresh"}
        assert sum(one["attempts"] for one in run["again"]["accounts"]) == 0
        assert all_ok(rig, users)


def test_a_stale_adoption_leaves_a_healthy_account_alone(rig: Rig) -> None:
    [user] = rig.prepare("healthy")
    before = rig.record(user)
    stale = [{"user_id": user, "initial_password": "stale-1"}]
    assert statuses(rig.rotate(stale, state="adopted")) == {user: "fresh"}
    assert rig.record(user) == before
    assert rig.simulator.count() == 0


@pytest.mark.matrix
def test_the_initial_password_in_the_inventory_is_used_once(rig: Rig) -> None:
    rig.simulator.add_users({"new": INITIAL})
    run = rig.play([rig.task(["new"], "first"), rig.task(["new"], "again"), rig.task(["new"], force=True)])
    assert [statuses(run[name])["new"] for name in ("first", "again", "Rotate")] == ["rotated", "fresh", "rotated"]
    assert rig.is_ok("new")
    assert not rig.simulator.report["mismatches"]


def test_the_server_s_policy_is_met_or_the_old_password_stays(rig: Rig) -> None:
    users = rig.prepare("policy-1", "policy-2")
    rig.simulator.configure(policy={"min_length": 30, "special": True, "upper": True})
    rig.simulator.fault("status", "get_setting", status=500, times=None)  # the policy is unknown
    found = statuses(rig.rotate(users, max_failures=0, password={"length": 20}))
    assert found == dict.fromkeys(users, "policy_rejected")
    assert rig.lives() == dict.fromkeys(users, INITIAL)
    assert all_ok(rig, users)
    rig.simulator.clear_faults()
    assert statuses(rig.rotate(users, password={"length": 20})) == dict.fromkeys(users, "rotated")
    assert {len(password) for password in rig.lives().values()} == {30}
    assert not rig.simulator.report["mismatches"]


def test_a_password_that_the_history_refuses_gives_way_to_another_in_the_next_run(rig: Rig) -> None:
    """The code of that refusal is unknown: it proves the old password only after a run has begun with it again."""
    rig.simulator.configure(history=HISTORY)
    rig.simulator.add_users({"reuser": INITIAL}, history=["staged-1"])
    rig.seed("reuser", pending=Pending(INITIAL, "staged-1", "2026-01-01T00:00:00+00:00", maybe_live=False))
    run = rig.play([rig.task(["reuser"], "run 1"), rig.task(["reuser"], "run 2")])
    first = account(run["run 1"], "reuser")
    assert (first["status"], first["error_codes"]) == ("refused", ["PasswordReuse"])
    assert statuses(run["run 2"]) == {"reuser": "resumed"}
    assert rig.simulator.report["applied"] == {"reuser": 1}
    assert rig.live("reuser") not in (INITIAL, "staged-1")
    assert rig.is_ok("reuser")
    assert rig.simulator.mismatches("reuser") == 1


class TestTime:
    def test_a_password_of_unknown_age_is_neither_rotated_nor_fresh(self, rig: Rig) -> None:
        users = ["future", "missing", "unreadable"]
        rig.simulator.add_users(dict.fromkeys(users, INITIAL))
        rig.seed("future", age=-2)
        rig.seed("missing", "unreadable")
        for user, since in (("missing", None), ("unreadable", "yesterday")):
            record = rig.record(user)
            rig.put(with_since(record, since))
        result = rig.rotate(users)
        assert statuses(result) == dict.fromkeys(users, "age_unknown")
        assert result["failed"]
        assert rig.simulator.count() == 0
        assert statuses(rig.rotate(users, force=True)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)


def with_since(record: Record, since: str | None) -> Record:
    return replace(record, generation=record.generation + 1, current=replace(record.current, since=since))


class TestTwoAtOnce:
    def test_one_run_rotates_and_the_other_finds_it_busy(self, rig: Rig) -> None:
        [user] = rig.prepare("shared")
        rig.simulator.fault("latency", seconds=4)
        with rig.start([user], {}, timeout=10) as other:
            assert wait_until(lambda: rig.simulator.count() == 1, 30)
            assert statuses(rig.rotate([user])) == {user: "busy"}
            assert statuses(other.finish()["Rotate"]) == {user: "rotated"}
        assert rig.is_ok(user)
        assert rig.simulator.report["applied"] == {user: 1}
        assert not rig.simulator.report["mismatches"]

    def test_two_controllers_do_not_share_a_directory(self, rig: Rig) -> None:
        [user] = rig.prepare("shared")
        binding = rig.store / "store.json"
        text = binding.read_text()
        binding.write_text(text.replace('"controller": "', '"controller": "another-'))
        refused = rig.rotate([user])
        assert refused["failed"]
        assert "another controller, another-" in refused["msg"]
        assert rig.simulator.total == 0
        binding.write_text(text)
        assert statuses(rig.rotate([user])) == {user: "rotated"}
