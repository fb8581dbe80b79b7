# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.settings import (
    LOCKOUT_IS_ENABLED,
    LOCKOUT_LIMIT,
    PASSWORD_COMPLEXITY,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import Abandoned
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import (
    NAMES_NOT_VERIFIED,
    NoSuchUser,
    UserNames,
    identified,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import MESSAGES, NOTHING_CHANGED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest, State
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import (
    STRICT,
    BatchLimits,
    RotationTask,
    sleep_until,
    starter,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import ORGANIZATION, dto, listing, page
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    NEW,
    OLD,
    MemoryStore,
    PasswordServer,
    pending_record,
    record_of,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import (
    APPLICATION,
    BASE,
    GIVEN_TOKEN,
    Clock,
    Transcript,
    client_of,
)

UUID = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"
ROW = "2 accounts in a row failed, the last as out_of_sync."
TOKEN = "POST /connect/token"
KEYS = "&".join(f"key={key}" for key in (PASSWORD_COMPLEXITY, LOCKOUT_IS_ENABLED, LOCKOUT_LIMIT))
SETTING = f"GET /api/Setting?{KEYS}&partitionGlobalId={ORGANIZATION}"


def users_token(user_id: str, sub_type: str = "user") -> SignIn:
    """The token of a user, as far as a reader of its claims cares."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user_id, "sub_type": sub_type}).encode()).decode()
    return SignIn(access_token=f"header.{claims}.signature")


class TaskSetup:
    """A task over a store in memory and a server that knows passwords. Nothing takes time."""

    def __init__(
        self,
        *requests: RotationRequest,
        store: MemoryStore,
        live: str = OLD,
        faults: dict[str, list[str | int]] | None = None,
        sign_in: SignIn = GIVEN_TOKEN,
        rules: PasswordRules = PasswordRules(),  # noqa: B008 - cannot be changed
        partition_id: str | None = None,
        **limits: Any,
    ) -> None:
        self.store = store
        self.requests = requests or tuple(request_of(user_id) for user_id in store.records)
        self.server = PasswordServer({request.account.user_id: live for request in self.requests}, faults or {})
        self.clock = Clock()
        self._client = client_of(self.server, self.clock, sign_in)
        limits = {"concurrency": 1, "settle_seconds": 90.0, **limits}
        self.task = RotationTask(
            store, self._client, rules, BatchLimits(**limits), partition_id, sleep=self.clock.sleep
        )

    def with_options(self, **options: Any) -> RotationTask:
        """Return the same task with other options."""
        return RotationTask(self.store, self._client, PasswordRules(), BatchLimits(concurrency=1), **options)

    def run(self, *, check_mode: bool = False) -> list[dict[str, Any]]:
        results = self.task.run(self.requests, check_mode=check_mode)
        assert self.store.held == set()
        return results

    def statuses(self, *, check_mode: bool = False) -> list[str]:
        return [result["status"] for result in self.run(check_mode=check_mode)]

    def labels(self) -> list[str | None]:
        return [record.account.name for record in self.store.records.values()]

    def current(self, user_id: str = "u1") -> str:
        return self.store.records[user_id].current.password

    def is_in_sync(self) -> bool:
        """Tell whether every record's current password is the live one, and nothing is left open."""
        return all(
            self.server.live[user_id] == record.current.password and record.pending is None
            for user_id, record in self.store.records.items()
        )


class TestRotated:
    def test_rotates_what_is_due(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2", days=1), record_of("u3")))
        results = setup.run()
        assert [result["status"] for result in results] == ["rotated", "fresh", "rotated"]
        assert [result["changed"] for result in results] == [True, False, True]
        assert setup.server.changes() == ["u1", "u3"]
        assert setup.is_in_sync()
        assert results[0]["generation"] == 3
        assert results[0]["age_days"] == 0.0

    def test_adopts_an_initial_password(self) -> None:
        setup = TaskSetup(request_of(initial_password=OLD), store=MemoryStore())
        assert setup.statuses() == ["rotated"]
        assert setup.is_in_sync()
        assert len(setup.current()) == 24

    def test_every_account_gets_its_own_password(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(*(record_of(f"u{number}") for number in range(20))), concurrency=8)
        assert setup.statuses() == ["rotated"] * 20
        assert len(set(setup.server.live.values())) == 20

    def test_consumers_are_told_later(self) -> None:
        setup = TaskSetup(request_of(consumers=True), store=MemoryStore.holding(record_of()))
        (result,) = setup.run()
        assert (result["status"], result["delivery_due"]) == ("rotated", True)

    def test_a_lost_answer_costs_one_wait(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))
        setup = TaskSetup(store=store, faults={"u2": ["lost"], "u3": ["lost"]})
        assert setup.statuses() == ["rotated"] * 3
        assert sum(setup.clock.naps) == 90.0
        assert setup.is_in_sync()

    def test_a_concurrency_failure_is_a_lost_answer(self, server: Transcript, clock: Clock) -> None:
        change = "POST /api/User/u1/changepassword"
        failure = {"succeeded": False, "errors": [{"code": "ConcurrencyFailure"}]}
        server.expects(change).answers(400, failure)
        server.expects(change).answers(400, failure)
        store, limits = MemoryStore.holding(record_of()), BatchLimits(settle_seconds=90.0)
        task = RotationTask(store, client_of(server, clock), PasswordRules(), limits, sleep=clock.sleep)
        (result,) = task.run([request_of()], check_mode=False)
        assert (result["status"], result["error_codes"]) == ("in_doubt", ["ConcurrencyFailure"])
        assert sum(clock.naps) == 90.0
        pending = store.records["u1"].pending
        assert pending
        assert pending.maybe_live

    def test_nothing_due_needs_no_network(self, server: Transcript, clock: Clock) -> None:
        store = MemoryStore.holding(record_of("u1", days=1), record_of("u2", days=2, status="out_of_sync"))
        task = RotationTask(store, client_of(server, clock, APPLICATION), PasswordRules(), BatchLimits(), ORGANIZATION)
        results = task.run([request_of("u1"), request_of("u2")], check_mode=False)
        assert [result["status"] for result in results] == ["fresh", "out_of_sync"]
        assert store.steps == []


class TestOtherStates:
    def test_present_records_and_sends_nothing(self) -> None:
        setup = TaskSetup(
            request_of("u1", state="present", initial_password=OLD),
            request_of("u2", state="present", initial_password=OLD),
            store=MemoryStore.holding(record_of("u2", NEW)),
            sign_in=APPLICATION,
        )
        results = setup.run()
        assert [(result["status"], result["changed"]) for result in results] == [("created", True), ("fresh", False)]
        assert setup.server.requests == []
        assert (setup.current("u1"), setup.current("u2")) == (OLD, NEW)

    def test_delivered_sends_nothing(self) -> None:
        setup = TaskSetup(
            request_of("u1", state="delivered"),
            request_of("u2", state="delivered"),
            store=MemoryStore.holding(record_of("u1", delivered=False), record_of("u2")),
            sign_in=APPLICATION,
        )
        results = setup.run()
        assert [(result["status"], result["changed"]) for result in results] == [("delivered", True), ("fresh", False)]
        assert setup.server.requests == []
        assert setup.store.records["u1"].delivered

    def test_redeliver_sends_nothing(self) -> None:
        users = ("u1", "u2", "u3")
        records = [record_of("u1"), record_of("u2", delivered=False), pending_record("u3")]
        requests = [request_of(user, state="redeliver", initial_password=OLD) for user in users]
        setup = TaskSetup(*requests, store=MemoryStore.holding(*records), sign_in=APPLICATION)
        results = setup.run()
        assert [(result["status"], result["changed"], result["delivery_due"]) for result in results] == [
            ("delivery_due", True, True),
            ("delivery_due", True, True),
            ("in_doubt", False, False),
        ]
        assert setup.server.requests == []
        assert not setup.store.records["u1"].delivered

    @pytest.mark.parametrize("live", [OLD, NEW])
    def test_resumed_finishes_what_was_left_open_and_starts_nothing(self, live: str) -> None:
        setup = TaskSetup(
            request_of("u1", state="resumed"),
            request_of("u2", state="resumed"),
            store=MemoryStore.holding(pending_record("u1"), record_of("u2")),
            live=live,
        )
        setup.server.live["u2"] = OLD
        assert setup.statuses() == ["resumed", "fresh"]
        assert setup.is_in_sync()

    def test_resumed_with_force_opens_what_was_closed(self) -> None:
        closed = record_of(status="out_of_sync")
        setup = TaskSetup(request_of(state="resumed", force=True), store=MemoryStore.holding(closed))
        assert setup.statuses() == ["resumed"]
        assert setup.is_in_sync()

    def test_adopted_takes_the_password_given(self) -> None:
        closed = record_of(status="out_of_sync")
        setup = TaskSetup(
            request_of(state="adopted", initial_password="reset-1"), store=MemoryStore.holding(closed), live="reset-1"
        )
        assert setup.statuses() == ["adopted"]
        assert setup.is_in_sync()

    def test_adopted_leaves_a_healthy_account_alone(self) -> None:
        setup = TaskSetup(request_of(state="adopted", initial_password="stale"), store=MemoryStore.holding(record_of()))
        assert setup.statuses() == ["fresh"]
        assert setup.server.requests == []


class TestBadEntries:
    """Accounts on which no run can work. `nobody` has a name that nobody has, `u2` a record that cannot be read."""

    NOBODY = replace(request_of(""), problem=NoSuchUser("accounts[0]: no user has the name."), initial_password=OLD)
    REQUESTS = (NOBODY, request_of("u2"), request_of("u3"), request_of("u4"))
    STATUSES = ("not_found", "store_error", "no_password")

    def setup_of(self, **options: Any) -> TaskSetup:
        store = MemoryStore.holding(record_of("u2"), record_of("u4"))
        store.damaged = {"u2"}
        return TaskSetup(*self.REQUESTS, store=store, **options)

    def test_fail_on_their_own(self) -> None:
        setup = self.setup_of()
        results = setup.run()
        assert [result["status"] for result in results] == [*self.STATUSES, "rotated"]
        assert [result["failed"] for result in results] == [True, True, True, False]
        assert setup.server.changes() == ["u4"]
        assert results[0]["msg"] == f"{MESSAGES['not_found']} accounts[0]: no user has the name."

    def test_count_for_no_limit(self) -> None:
        setup = self.setup_of(max_failures=1)
        assert setup.statuses() == [*self.STATUSES, "rotated"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_stop_a_strict_task_before_anything_is_sent(self, check_mode: bool) -> None:
        setup = self.setup_of(sign_in=APPLICATION)
        task = setup.with_options(strict=True)
        with pytest.raises(InvalidInput) as caught:
            task.run(self.REQUESTS, check_mode=check_mode)
        first, *others = caught.value.problems
        assert first == STRICT
        labels = ["label-", "label-u2", "label-u3"]
        assert [problem.partition(":")[0] for problem in others] == [
            f"{label} is {status}" for label, status in zip(labels, self.STATUSES)
        ]
        assert (setup.server.requests, setup.store.steps) == ([], [])

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_that_went_backwards_stop_a_strict_task_as_well(self, check_mode: bool) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        setup.store.failures["plan u1"] = WentBackwards("It is older than the last one written.")
        with pytest.raises(InvalidInput, match="label-u1 is store_error: It is older than the last one written"):
            setup.with_options(strict=True).run(setup.requests, check_mode=check_mode)
        assert (setup.server.requests, setup.store.steps) == ([], [])

    def test_that_are_none_let_a_strict_task_go_on(self) -> None:
        """Another run that works on an account, and one that is closed, are no mistakes."""
        closed = record_of("u1", status="quarantined")
        setup = TaskSetup(store=MemoryStore.holding(closed, record_of("u2"), record_of("u3")))
        setup.store.failures["plan u3"] = Busy("Until 12:00.")
        results = setup.with_options(strict=True).run(setup.requests, check_mode=False)
        assert [result["status"] for result in results] == ["quarantined", "rotated", "busy"]

    def test_of_a_store_that_cannot_be_read_stop_the_task(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        setup.store.damaged = {"u1", "u2"}
        with pytest.raises(StoreError, match="None of the 2 records"):
            setup.run()
        assert (setup.server.requests, setup.store.steps) == ([], [])


class TestCheckMode:
    @pytest.mark.parametrize(
        ("wanted", "records", "status", "changed"),
        [
            (request_of(), [record_of()], "would_rotate", True),
            (request_of(), [record_of(days=1)], "fresh", False),
            (request_of(), [pending_record(days=1)], "would_resume", True),
            (request_of(initial_password=OLD), [], "would_rotate", True),
            (request_of(), [record_of(status="quarantined")], "quarantined", False),
            (request_of(state="present", initial_password=OLD), [], "created", True),
            (request_of(state="present"), [record_of()], "fresh", False),
            (request_of(state="delivered"), [record_of(delivered=False)], "delivered", True),
            (request_of(state="resumed"), [pending_record()], "would_resume", True),
            (
                request_of(state="adopted", initial_password=OLD),
                [record_of(status="out_of_sync")],
                "would_rotate",
                True,
            ),
            (request_of(), [], "no_password", False),
        ],
    )
    def test_only_plans(self, wanted: RotationRequest, records: Sequence[Any], status: str, changed: bool) -> None:
        setup = TaskSetup(wanted, store=MemoryStore.holding(*records), sign_in=APPLICATION)
        setup.server.reads["/connect/token"] = 200, {"access_token": "t0ken", "expires_in": 3600}
        before = dict(setup.store.records)
        with setup.store.open(read_only=True):
            (result,) = setup.run(check_mode=True)
        assert (result["status"], result["changed"]) == (status, changed)
        assert setup.server.requests == ([TOKEN] if status.startswith("would_") else [])
        assert (setup.store.steps, setup.store.records) == ([], before)

    def test_finds_out_that_the_caller_is_not_accepted(self) -> None:
        records = [record_of("u1", days=1), record_of("u2"), pending_record("u3")]
        setup = TaskSetup(store=MemoryStore.holding(*records), sign_in=APPLICATION)
        setup.server.reads["/connect/token"] = 401, {"error": "invalid_client"}
        fresh, later, first = setup.run(check_mode=True)
        assert [result["status"] for result in (fresh, later, first)] == ["fresh", "not_attempted", "in_doubt"]
        assert later["msg"].endswith("It stopped because the error unauthorized occurred for another account.")
        assert not any(result["changed"] for result in (fresh, later, first))
        assert setup.server.changes() == []


class TestOrder:
    def test_what_was_left_open_comes_first(self) -> None:
        records = [record_of("u1"), pending_record("u2"), record_of("u3"), pending_record("u4")]
        setup = TaskSetup(store=MemoryStore.holding(*records))
        setup.run()
        assert setup.server.changes() == ["u2", "u4", "u1", "u3"]

    def test_what_was_refused_for_certain_comes_last(self) -> None:
        records = [pending_record("u1", maybe_live=False, stalled=1), record_of("u2"), pending_record("u3")]
        setup = TaskSetup(store=MemoryStore.holding(*records))
        setup.run()
        assert setup.server.changes() == ["u3", "u2", "u1"]

    @pytest.mark.parametrize("sub", [UUID, UUID.upper()])
    def test_the_account_of_the_token_comes_last(self, sub: str) -> None:
        records = [record_of(UUID, pending=pending_record().pending), record_of("u1"), record_of("u2")]
        setup = TaskSetup(store=MemoryStore.holding(*records), sign_in=users_token(sub))
        setup.run()
        assert setup.server.changes() == ["u1", "u2", UUID]

    def test_an_application_has_no_account(self) -> None:
        setup = TaskSetup(
            store=MemoryStore.holding(record_of("u1"), record_of("u2")), sign_in=users_token("u1", "service")
        )
        setup.run()
        assert setup.server.changes() == ["u1", "u2"]


class TestStopped:
    def test_two_bad_ends_leave_the_rest_alone(self) -> None:
        setup = TaskSetup(
            store=MemoryStore.holding(*(record_of(f"u{number}") for number in range(5))), live="unknown to us"
        )
        results = setup.run()
        assert [result["status"] for result in results] == ["out_of_sync"] * 2 + ["not_attempted"] * 3
        assert results[2]["msg"].endswith(ROW)
        assert setup.server.changes() == ["u0", "u0", "u1", "u1"]
        assert setup.store.records["u4"].generation == 1

    def test_a_refused_caller_stops_at_once(self) -> None:
        setup = TaskSetup(
            store=MemoryStore.holding(record_of("u1"), record_of("u2")), faults={"u1": [401]}, max_failures=0
        )
        results = setup.run()
        assert [result["status"] for result in results] == ["unauthorized", "not_attempted"]
        assert results[1]["msg"].endswith(" the error unauthorized occurred for another account.")
        assert setup.store.records["u1"].unproven_sends == 0

    def test_an_account_that_the_caller_may_not_change_does_not(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")), faults={"u1": [403]})
        assert setup.statuses() == ["unauthorized", "rotated"]
        assert setup.store.records["u1"].unproven_sends == 0

    def test_a_doubt_counts_whatever_the_last_answer_was(self) -> None:
        faults: dict[str, list[str | int]] = {"u1": ["dropped", 403], "u2": ["dropped", 403]}
        setup = TaskSetup(store=MemoryStore.holding(*map(record_of, ("u1", "u2", "u3"))), faults=faults)
        assert setup.statuses() == ["in_doubt", "in_doubt", "not_attempted"]

    def test_a_wrong_initial_password_in_a_new_store_stops_at_once(self) -> None:
        requests = [request_of(user, initial_password="wrong") for user in ("u1", "u2")]
        setup = TaskSetup(*requests, store=MemoryStore(), max_failures=0)
        results = setup.run()
        assert [result["status"] for result in results] == ["out_of_sync", "not_attempted"]
        assert len(setup.server.changes()) == 1

    def test_a_wrong_initial_password_stops_every_run_until_an_account_was_rotated(self) -> None:
        requests = [request_of(user, initial_password="wrong") for user in ("u1", "u2", "u3")]
        setup = TaskSetup(*requests, store=MemoryStore(), max_failures=0)
        statuses = [setup.statuses(), setup.statuses()]
        assert statuses == [["out_of_sync", *["not_attempted"] * 2], [*["out_of_sync"] * 2, "not_attempted"]]
        assert setup.server.changes() == ["u1", "u2"]
        setup.server.live["u3"] = "wrong"
        assert setup.statuses() == ["out_of_sync", "out_of_sync", "rotated"]

    def test_the_reason_names_the_store_in_which_none_was_rotated(self) -> None:
        requests = [request_of(user, initial_password="wrong") for user in ("u1", "u2")]
        setup = TaskSetup(*requests, store=MemoryStore())
        results = setup.with_options(place="/srv/store").run(setup.requests, check_mode=False)
        assert results[1]["msg"].endswith(", and none was ever rotated in the store /srv/store: check its path.")

    def test_recorded_but_never_rotated_accounts_do_not_make_a_store_the_right_one(self) -> None:
        requests = [request_of(user, initial_password="wrong") for user in ("u1", "u2")]
        setup = TaskSetup(*requests, store=MemoryStore())
        created = [replace(request, state="present") for request in requests]
        assert {result["status"] for result in setup.task.run(created, check_mode=False)} == {"created"}
        assert setup.statuses() == ["out_of_sync", "not_attempted"]

    def test_a_repair_tries_all_passwords_of_a_record_that_was_never_rotated(self) -> None:
        """If a proxy sent the first request twice, the second copy is refused, and the new password is live."""
        setup = TaskSetup(request_of(initial_password="wrong"), store=MemoryStore())
        assert setup.statuses() == ["out_of_sync"]
        candidates = setup.store.records["u1"].candidates()
        assert len(candidates) == 2
        setup.server.live["u1"] = candidates[1]
        repair = [replace(request, state="resumed", force=True) for request in setup.requests]
        assert [result["status"] for result in setup.task.run(repair, check_mode=False)] == ["resumed"]

    def test_a_wrong_initial_password_in_another_store_does_not(self) -> None:
        requests = [request_of(user, initial_password="wrong") for user in ("u1", "u2")]
        setup = TaskSetup(*requests, store=MemoryStore.holding(record_of("u3", days=1)))
        assert setup.statuses() == ["out_of_sync", "out_of_sync"]
        assert len(setup.server.changes()) == 4

    def test_a_wrong_url_stops_at_once(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")), faults={"u1": [405]})
        assert setup.statuses() == ["wrong_url", "not_attempted"]

    def test_max_failures(self) -> None:
        records = [record_of(f"u{number}") for number in range(4)]
        faults: dict[str, list[str | int]] = {"u1": [404], "u2": ["policy"] * 3}
        setup = TaskSetup(store=MemoryStore.holding(*records), faults=faults, max_failures=2)
        assert setup.statuses() == ["rotated", "not_found", "policy_rejected", "not_attempted"]


class TestNights:
    """Accounts that stop a run do not keep the others from their turn in every run."""

    NIGHTS = 9

    def nights(self, faults: dict[str, list[str | int]], *records: Record) -> TaskSetup:
        """Run it again and again. The first two accounts always end in a way that stops the run."""
        setup = TaskSetup(store=MemoryStore.holding(*records), faults=faults, max_failures=None)
        for _night in range(self.NIGHTS):
            setup.run()
        return setup

    @pytest.mark.parametrize("fault", [403, 404, 429, 401, 405, "policy"])
    @pytest.mark.parametrize("bad", [record_of, pending_record])
    def test_of_two_bad_accounts(self, fault: str | int, bad: Callable[[str], Record]) -> None:
        faults: dict[str, list[str | int]] = {user: [fault] * 99 for user in ("u1", "u2")}
        setup = self.nights(faults, bad("u1"), bad("u2"), *(record_of(f"u{number}") for number in (3, 4, 5)))
        assert all(setup.current(f"u{number}") != OLD for number in (3, 4, 5))

    def test_of_the_account_that_the_run_signs_in_with(self) -> None:
        faults: dict[str, list[str | int]] = {user: [404] * 99 for user in ("u1", "u2")}
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of(UUID))
        setup = TaskSetup(store=store, faults=faults, sign_in=users_token(UUID))
        for _night in range(self.NIGHTS):
            setup.run()
        assert setup.current(UUID) != OLD

    def test_after_a_time_in_which_nothing_worked(self) -> None:
        """Three nights without the right scope mark all accounts. Then two users turn out to be deleted."""
        users = [f"u{number}" for number in range(1, 6)]
        faults: dict[str, list[str | int]] = {user: [403, 403] for user in users}
        faults |= {user: [403, 403, *[404] * 99] for user in users[:2]}
        setup = self.nights(faults, *map(record_of, users))
        assert all(setup.current(user) != OLD for user in users[2:])


class TestSignIn:
    def test_a_failure_ends_the_first_account_and_starts_no_other(self, server: Transcript, clock: Clock) -> None:
        server.expects(TOKEN).answers(401, {"error": "invalid_client"})
        store = MemoryStore.holding(record_of("u1"), record_of("u2", days=1), record_of("u3"))
        task = RotationTask(store, client_of(server, clock, APPLICATION), PasswordRules(), BatchLimits())
        results = task.run([request_of("u1"), request_of("u2"), request_of("u3")], check_mode=False)
        assert [result["status"] for result in results] == ["unauthorized", "fresh", "not_attempted"]
        assert (results[0]["attempts"], results[0]["generation"]) == (0, 1)
        assert "invalid_client" in results[0]["msg"]
        assert store.steps == []

    def test_a_failure_does_not_hide_a_doubt(self, server: Transcript, clock: Clock) -> None:
        server.expects(TOKEN).answers(401, {"error": "invalid_client"})
        task = RotationTask(
            MemoryStore.holding(pending_record()), client_of(server, clock, APPLICATION), PasswordRules(), BatchLimits()
        )
        (result,) = task.run([request_of()], check_mode=False)
        assert result["status"] == "in_doubt"
        assert "invalid_client" in result["msg"]
        assert "Nothing was changed" not in result["msg"]

    @pytest.mark.parametrize(("status", "expected"), [(503, "unreachable"), (404, "wrong_url")])
    def test_ends_as_what_happened(self, server: Transcript, clock: Clock, status: int, expected: str) -> None:
        server.expects(TOKEN).answers(status)
        client = client_of(server, clock, APPLICATION, retries=0)
        task = RotationTask(
            MemoryStore.holding(record_of("u1"), record_of("u2")), client, PasswordRules(), BatchLimits()
        )
        results = task.run([request_of("u1"), request_of("u2")], check_mode=False)
        assert [result["status"] for result in results] == [expected, "not_attempted"]


class TestUserNames:
    """An account given by user name, whose record has its id."""

    NAMED = replace(request_of(), account=replace(request_of().account, user_name="ann"))

    def task(self, server: Transcript, clock: Clock, *, days: float = 100, **options: Any) -> RotationTask:
        client = client_of(server, clock, retries=0)
        self.warnings: list[str] = []
        self.store = MemoryStore.holding(record_of(days=days))
        return RotationTask(
            self.store, client, PasswordRules(), BatchLimits(), ORGANIZATION, warn=self.warnings.append, **options
        )

    @pytest.mark.parametrize("check_mode", [False, True])
    def test_that_belong_to_other_users_end_their_account(
        self, server: Transcript, clock: Clock, check_mode: bool
    ) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        (result,) = self.task(server, clock).run([self.NAMED], check_mode=check_mode)
        assert (result["status"], result["failed"], result["changed"]) == ("name_conflict", True, False)
        assert "ann is the user u1 in the store" in result["msg"]
        assert self.store.steps == []

    def test_that_belong_to_other_users_stop_no_other_account(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        server.expects(SETTING).answers(403, {})
        server.expects("POST /api/User/u2/changepassword").answers(200, {"succeeded": True})
        task = self.task(server, clock)
        self.store.records["u2"] = record_of("u2")
        results = task.run([self.NAMED, request_of("u2")], check_mode=False)
        assert [result["status"] for result in results] == ["name_conflict", "rotated"]

    def test_that_belong_to_other_users_stop_a_strict_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        with pytest.raises(InvalidInput, match=r"label-u1 is name_conflict: accounts\[0\]: ann is the user u1"):
            self.task(server, clock, strict=True).run([self.NAMED], check_mode=False)
        assert self.store.steps == []

    def test_that_belong_to_other_users_do_not_hide_a_doubt(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        task = self.task(server, clock)
        self.store.records["u1"] = pending_record("u1")
        (result,) = task.run([self.NAMED], check_mode=False)
        assert result["status"] == "in_doubt"
        assert "ann is the user u1 in the store" in result["msg"]

    def test_that_belong_to_other_users_are_not_delivered(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        task = self.task(server, clock)
        self.store.records["u1"] = record_of("u1", delivered=False)
        (result,) = task.run([self.NAMED], check_mode=False)
        assert result["delivery_due"] is False

    def test_that_the_token_may_not_read_cost_a_warning(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(403, {})
        server.expects(SETTING).answers(403, {})
        server.expects("POST /api/User/u1/changepassword").answers(200, {"succeeded": True})
        (result,) = self.task(server, clock).run([self.NAMED], check_mode=False)
        assert result["status"] == "rotated"
        assert self.warnings == [NAMES_NOT_VERIFIED]

    @pytest.mark.parametrize("strict", [False, True])
    def test_that_cannot_be_looked_up_end_no_account_of_the_store(
        self, server: Transcript, clock: Clock, strict: bool
    ) -> None:
        server.expects(listing()).fails("the connection was refused", sent=False)
        task = self.task(server, clock, days=1, strict=strict)
        self.store.records["u1"] = replace(self.store.records["u1"], delivered=False)
        unknown = replace(self.NAMED, account=Account(BASE, "", None, "eve"), index=1)
        names = UserNames(client_of(server, clock, retries=0), ORGANIZATION)
        requested = identified([request_of("u1"), unknown], self.store, names)
        if strict:
            with pytest.raises(InvalidInput, match=r"eve is unreachable: accounts\[1\]: eve could not be looked up"):
                task.run(requested, check_mode=False)
            return
        known, other = task.run(requested, check_mode=False)
        assert (known["status"], known["delivery_due"], known["failed"]) == ("fresh", True, False)
        assert (other["status"], other["failed"], other["user_id"]) == ("unreachable", True, None)
        assert other["msg"].startswith(f"{NOTHING_CHANGED} accounts[1]: eve could not be looked up: ")

    def test_that_cannot_be_looked_up_end_the_run_before_the_first_account(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).fails("the connection was refused", sent=False)
        (result,) = self.task(server, clock).run([self.NAMED], check_mode=False)
        assert (result["status"], result["changed"]) == ("unreachable", False)
        assert self.store.steps == []

    @pytest.mark.parametrize(
        ("state", "status"), [("rotated", "renamed"), ("present", "renamed"), ("delivered", "fresh")]
    )
    def test_are_not_looked_up_where_nothing_is_sent(
        self, server: Transcript, clock: Clock, state: State, status: str
    ) -> None:
        (result,) = self.task(server, clock, days=1).run([replace(self.NAMED, state=state)], check_mode=False)
        assert result["status"] == status


def renamed_record(user_id: str, **changes: Any) -> Record:
    """A record that is not due, whose label is not the one that `request_of` gives."""
    young = record_of(user_id, days=1)
    return replace(young, account=replace(young.account, name=f"former-{user_id}"), **changes)


SWAP = (("u1", "label-u2"), ("u2", "label-u1"))


class TestNewNames:
    def test_are_saved_at_once(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(renamed_record("u1")), sign_in=APPLICATION)
        (result,) = setup.run()
        assert (result["status"], result["changed"], result["failed"]) == ("renamed", True, False)
        assert setup.store.records["u1"].account.name == "label-u1"
        assert setup.server.requests == []
        assert setup.statuses() == ["fresh"]

    def test_are_predicted_in_check_mode(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(renamed_record("u1")), sign_in=APPLICATION)
        with setup.store.open(read_only=True):
            (result,) = setup.run(check_mode=True)
        assert (result["status"], result["changed"], setup.store.steps) == ("renamed", True, [])

    def test_of_a_swap_wait_for_an_account_that_the_run_may_not_rename(self) -> None:
        """If only one of them got the other's label, the lookup would find neither."""
        swap = [
            replace(request_of(user), account=replace(request_of(user).account, name=label)) for user, label in SWAP
        ]
        setup = TaskSetup(*swap, store=MemoryStore.holding(record_of("u1"), record_of("u2", days=1)))
        assert setup.statuses() == ["rotated", "fresh"]
        assert setup.labels() == ["label-u1", "label-u2"]
        assert setup.statuses() == ["renamed", "renamed"]
        assert setup.labels() == ["label-u2", "label-u1"]

    def test_are_saved_also_if_the_sign_in_fails(self) -> None:
        records = [record_of("u1"), record_of("u2"), renamed_record("u3")]
        setup = TaskSetup(store=MemoryStore.holding(*records), sign_in=APPLICATION)
        setup.server.reads["/connect/token"] = 401, {"error": "invalid_client"}
        assert setup.statuses() == ["unauthorized", "not_attempted", "renamed"]

    def test_prove_nothing_about_the_server(self) -> None:
        """Accounts are still changed one by one until a first one was changed."""
        records = [renamed_record("u0"), *(record_of(f"u{number}") for number in range(1, 9))]
        setup = TaskSetup(store=MemoryStore.holding(*records), live="unknown to us", concurrency=8)
        assert setup.statuses() == ["renamed", *["out_of_sync"] * 2, *["not_attempted"] * 6]

    def test_start_no_rotation_that_became_due_meanwhile(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(renamed_record("u1")))
        aged = replace(renamed_record("u1"), current=record_of().current)
        setup.store.watch = lambda step: setup.store.records.update(u1=aged) if step == "lock" else None
        assert setup.statuses() == ["renamed"]
        assert setup.server.requests == []

    def test_that_cannot_be_written_stop_the_run_if_the_disk_confirms_nothing(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(renamed_record("u1"), record_of("u2")))
        setup.store.failures["write 1"] = NotDurable("No.")
        assert setup.statuses() == ["store_error", "not_attempted"]
        assert setup.server.changes() == []


class TestServerPolicy:
    def test_is_heeded(self, server: Transcript, clock: Clock) -> None:
        server_policy = {"Length": "40", "hasSpecialCharacter": True}
        server.expects(SETTING).answers(200, [{"key": PASSWORD_COMPLEXITY, "value": json.dumps(server_policy)}])
        server.expects("POST /api/User/u1/changepassword").answers(200, {"succeeded": True})
        store = MemoryStore.holding(record_of())
        rules = PasswordRules(special=0)
        RotationTask(store, client_of(server, clock), rules, BatchLimits(), ORGANIZATION).run(
            [request_of()], check_mode=False
        )
        password = store.records["u1"].current.password
        assert len(password) == 40
        assert not password.isalnum()

    def test_that_contradicts_the_options_stops_the_run(self, server: Transcript, clock: Clock) -> None:
        server.expects(SETTING).answers(200, [{"key": PASSWORD_COMPLEXITY, "value": '{"hasDigit": true}'}])
        rules = PasswordRules(digits=0, exclude="0123456789")
        store = MemoryStore.holding(record_of())
        task = RotationTask(store, client_of(server, clock), rules, BatchLimits(), ORGANIZATION)
        with pytest.raises(InvalidInput, match=r"all of its characters \(required by the server's password policy\)"):
            task.run([request_of()], check_mode=False)
        assert store.steps == []


class TestStoreFailures:
    @pytest.mark.parametrize(
        ("step", "changed", "requests"),
        [("lock", False, 0), ("read", False, 0), ("write 1", False, 0), ("write 2", True, 1)],
    )
    def test_are_those_of_their_account(self, step: str, changed: bool, requests: int) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of(days=120)))
        setup.store.failures[step] = StoreError("The disk is full.")
        (result,) = setup.run()
        assert (result["status"], result["changed"]) == ("store_error", changed)
        assert len(setup.server.changes()) == requests
        assert result["msg"].endswith("The disk is full.")
        assert (result["generation"], round(result["age_days"])) == (1, 120)

    @pytest.mark.parametrize(("step", "changed"), [("write 1", False), ("write 2", True)])
    def test_a_disk_that_confirms_nothing_stops_the_run(self, step: str, changed: bool) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        setup.store.failures[step] = NotDurable("No.")
        results = setup.run()
        assert [result["status"] for result in results] == ["store_error", "not_attempted"]
        assert results[0]["changed"] is changed

    def test_a_record_that_went_backwards_stops_no_other_account(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        setup.store.failures = {"plan u1": WentBackwards("older"), "read u1": StoreError("closed")}
        assert setup.statuses() == ["store_error", "rotated"]
        assert setup.server.changes() == ["u2"]

    def test_a_record_that_went_backwards_leaves_the_deliveries_of_others_alone(self) -> None:
        requests = [request_of(user, state="delivered", generation=5) for user in ("u1", "u2")]
        records = [record_of(user, generation=5, delivered=False) for user in ("u1", "u2")]
        setup = TaskSetup(*requests, store=MemoryStore.holding(*records))
        setup.store.failures = {"plan u1": WentBackwards("older"), "read u1": StoreError("closed")}
        assert setup.statuses() == ["store_error", "delivered"]

    def test_a_busy_account_stops_no_other_account(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        setup.store.held.add("u1")
        results = setup.task.run(setup.requests, check_mode=False)
        assert [result["status"] for result in results] == ["busy", "rotated"]

    def test_a_stage_that_comes_too_late_sends_nothing(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of()))
        setup.store.intrusions["write 1"] = record_of(password="foreign")
        assert setup.statuses() == ["busy"]
        assert setup.server.requests == []

    def test_busy_is_what_the_store_says(self) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of()))
        setup.store.failures["lock"] = Busy("Another run is working on this account.")
        assert setup.statuses() == ["busy"]


class TestAbandoned:
    @pytest.fixture
    def orphan(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Let the process that started this one be gone."""
        return lambda: monkeypatch.setattr(os, "getppid", lambda: 1)

    def test_starts_nothing(self, orphan: Any) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of("u1"), record_of("u2")))
        orphan()
        results = setup.run()
        assert [result["status"] for result in results] == ["not_attempted"] * 2
        assert results[0]["msg"].endswith(" no process waits for the result any more.")
        assert setup.server.changes() == []

    def test_waits_no_longer(self, orphan: Any) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of()), faults={"u1": ["lost"]})
        sleep, naps = setup.clock.sleep, setup.clock.naps

        def nap(seconds: float) -> None:
            sleep(seconds)
            if len(naps) == 3:
                orphan()

        setup.task = RotationTask(setup.store, setup._client, PasswordRules(), BatchLimits(), sleep=nap)
        assert setup.statuses() == ["in_doubt"]
        assert sum(naps) == 3.0
        assert setup.server.changes() == ["u1"]


class TestStarter:
    def test_is_the_parent(self) -> None:
        assert starter() == os.getppid()

    def test_is_the_process_that_ansible_started_this_one_from(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=4711))
        assert starter() == 4711


class TestPace:
    @pytest.mark.parametrize("seconds", [0.0, 0.25, 2.5])
    def test_waits_as_long_as_told(self, seconds: float) -> None:
        setup = TaskSetup(store=MemoryStore.holding(record_of()), faults={"u1": ["dropped"]}, settle_seconds=seconds)
        assert setup.statuses() == ["rotated"]
        assert sum(setup.clock.naps) == seconds

    def test_results_come_in_the_order_given(self) -> None:
        records = [replace(record_of(f"u{number}"), generation=number + 1) for number in range(30)]
        setup = TaskSetup(store=MemoryStore.holding(*records), concurrency=16)
        assert [result["user_id"] for result in setup.run()] == [f"u{number}" for number in range(30)]


class TestSleepUntil:
    def test_takes_its_time(self) -> None:
        sleep_until(threading.Event(), 0.001)

    def test_is_given_up_when_the_task_has_timed_out(self) -> None:
        timed_out = threading.Event()
        timed_out.set()
        with pytest.raises(Abandoned, match="The task timed out"):
            sleep_until(timed_out, 3600)
