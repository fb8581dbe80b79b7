# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import (
    Plan,
    SettledPlans,
    foreign_deliveries,
    plan,
    plan_all,
    taken_labels,
    with_checked_labels,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome, RotationRequest, State
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    Reading,
    RecordDeleted,
    RecordLost,
    StoredNames,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    MemoryStore,
    pending_record,
    record_of,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE

UUID = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"


def numbered(*requests: RotationRequest) -> list[RotationRequest]:
    return [replace(request, index=index) for index, request in enumerate(requests)]


class TestPlan:
    def test_of_what_is_not_due_it_is_the_end(self) -> None:
        record = record_of(days=1)
        planned = plan(request_of(), record)
        assert planned.outcome
        assert (planned.outcome.status, planned.record) == ("fresh", record)

    def test_of_what_is_due_it_is_open(self) -> None:
        assert plan(request_of(), record_of()).outcome is None

    def test_of_a_record_that_went_backwards_is_left_to_the_work_under_its_lock(self) -> None:
        error = WentBackwards("older")
        assert plan(request_of(), error) == Plan(request_of(), None, None, outdated=error)

    def test_of_a_record_that_went_backwards_is_an_error_of_that_account_in_check_mode(self) -> None:
        error = WentBackwards("older")
        assert self.predicted(error) == Outcome("store_error", None, error=error)

    def test_of_an_account_that_another_run_holds_keeps_the_record_that_can_be_read(self) -> None:
        record = record_of(days=1)
        assert plan(request_of(), Busy("Until 12:00.", record=record)).record is record

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_of_an_account_that_another_run_holds_is_busy(self, check_mode: bool) -> None:
        busy = Busy("Another run works on it until 12:00.")
        assert plan(request_of(), busy, check_mode=check_mode).outcome == Outcome("busy", None, error=busy)

    def test_of_another_error_is_the_end_of_that_account(self) -> None:
        error = StoreError("cannot be decrypted")
        planned = plan(request_of(), error)
        assert planned == Plan(request_of(), None, Outcome("store_error", None, error=error))
        assert planned.is_unusable

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_of_a_record_that_went_backwards_cannot_be_worked_on(self, check_mode: bool) -> None:
        assert plan(request_of(), WentBackwards("older"), check_mode=check_mode).is_unusable

    def test_of_an_account_without_record_and_password_is_its_end(self) -> None:
        planned = plan(request_of(), None)
        assert (planned.is_unusable, planned.has_work) == (True, False)

    @pytest.mark.parametrize(
        ("request_", "reading"),
        [
            (request_of(), record_of()),
            (request_of(), record_of(days=1)),
            (request_of(), record_of(status="quarantined")),
            (request_of(), Busy("Until 12:00.")),
            (request_of(initial_password=OLD), None),
        ],
    )
    def test_of_other_accounts_can_be_worked_on(self, request_: RotationRequest, reading: Reading) -> None:
        assert not plan(request_, reading).is_unusable

    @staticmethod
    def predicted(reading: Reading, request: RotationRequest = request_of()) -> Outcome:  # noqa: B008 - cannot be changed
        outcome = plan(request, reading, check_mode=True).outcome
        assert outcome
        return outcome

    def test_of_what_is_due_is_predicted_in_check_mode(self) -> None:
        assert self.predicted(record_of()).status == "would_rotate"

    @pytest.mark.parametrize(
        ("reading", "request_"),
        [
            (pending_record(), request_of()),
            (pending_record(maybe_live=False), request_of(state="resumed")),
            (record_of(status="out_of_sync"), request_of(state="resumed", force=True)),
        ],
    )
    def test_of_what_is_unfinished_is_told_apart(self, reading: Reading, request_: RotationRequest) -> None:
        assert self.predicted(reading, request_).status == "would_resume"

    def test_of_an_adoption_is_a_rotation(self) -> None:
        request = request_of(state="adopted", initial_password="reset")
        assert self.predicted(pending_record(status="out_of_sync"), request).status == "would_rotate"

    def test_of_a_delivery_that_came_too_late_is_that(self) -> None:
        request = request_of(state="delivered", generation=1)
        assert (
            self.predicted(record_of(current=replace(record_of().current, generation=2)), request).status
            == "superseded"
        )

    def test_of_too_many_requests_without_a_proof_the_end_is_predicted(self) -> None:
        assert self.predicted(pending_record(unproven_sends=4)).status == "quarantined"

    @pytest.mark.parametrize(
        ("state", "reading", "status"),
        [
            ("present", None, "created"),
            ("delivered", record_of(delivered=False), "delivered"),
            ("redeliver", record_of(), "delivery_due"),
        ],
    )
    def test_of_other_states_is_predicted_too(self, state: State, reading: Reading, status: str) -> None:
        assert self.predicted(reading, request_of(state=state, initial_password=OLD)).status == status

    def test_of_a_note_is_a_change(self) -> None:
        outcome = self.predicted(record_of(), request_of(state="redeliver"))
        assert outcome.noted
        assert outcome.record
        assert not outcome.record.delivered


class TestNewNames:
    RECORD = record_of(days=1, account=replace(record_of().account, name="old label"))

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_are_work_that_sends_nothing(self, check_mode: bool) -> None:
        planned = plan(request_of(), self.RECORD, check_mode=check_mode)
        assert (planned.is_renamed, planned.has_work, planned.sends) == (True, not check_mode, False)

    def test_are_predicted(self) -> None:
        outcome = plan(request_of(), self.RECORD, check_mode=True).outcome
        assert outcome
        assert (outcome.status, outcome.noted) == ("renamed", True)

    def test_of_an_account_that_is_due_come_with_its_change(self) -> None:
        planned = plan(request_of(force=True), self.RECORD)
        assert (planned.is_renamed, planned.sends) == (False, True)


class TestPlanAll:
    def test_keeps_the_order(self) -> None:
        requested = [request_of(f"u{number}") for number in range(50)]
        store = MemoryStore.holding(*(record_of(f"u{number}", days=number * 10) for number in range(50)))
        plans = plan_all(requested, store)
        assert [planned.request for planned in plans] == requested
        assert [planned.outcome is None for planned in plans] == [number >= 9 for number in range(50)]

    def test_of_an_account_that_is_not_identified_is_its_problem(self) -> None:
        problem = StoreError("It may be the account that cannot be read.")
        requests = [replace(request_of(""), problem=problem), request_of("u1")]
        unknown, known = plan_all(requests, MemoryStore.holding(record_of("u1", days=1)))
        assert unknown.outcome == Outcome("store_error", None, error=problem)
        assert known.record

    def test_of_a_record_that_cannot_be_read_leaves_the_others_alone(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u1"}
        damaged, due = plan_all([request_of("u1"), request_of("u2")], store)
        assert (damaged.is_unusable, due.sends) == (True, True)

    def test_of_the_only_account_asked_for_leaves_a_store_alone_that_can_be_read(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u1"}
        damaged, new = plan_all([request_of("u1"), request_of("new", initial_password=OLD)], store)
        assert (damaged.is_unusable, new.sends) == (True, True)

    @pytest.mark.parametrize("asked", [["u1"], ["u1", "u2"], ["u1", "new"]])
    def test_of_a_store_without_any_record_that_can_be_read_is_an_error(self, asked: list[str]) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u1", "u2"}
        with pytest.raises(StoreError, match=r"None of the 2 records can be read. The first one: The record of u1 "):
            plan_all([request_of(user, initial_password=OLD) for user in asked], store)

    def test_of_the_only_record_that_cannot_be_read_is_its_error(self) -> None:
        store = MemoryStore.holding(record_of("u1"))
        store.damaged = {"u1"}
        with pytest.raises(StoreError, match=r"^The record of u1 cannot be used"):
            plan_all([request_of("u1")], store)

    @pytest.mark.parametrize(("lost", "message"), [(["u2"], "^u2 is gone"), (["u2", "u3"], "^2 records are missing")])
    def test_of_a_record_that_is_lost_is_an_error(self, lost: list[str], message: str) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))
        store.failures = {f"plan {user}": RecordLost(f"{user} is gone.") for user in lost}
        with pytest.raises(RecordLost, match=message):
            plan_all([request_of(user) for user in ("u1", "u2", "u3")], store)

    @pytest.mark.parametrize("deleted", [["u1"], ["u1", "u2", "u3"]])
    def test_of_a_record_that_was_deleted_ends_only_its_account(self, deleted: list[str]) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))
        store.failures = {f"plan {user}": RecordDeleted(f"{user} is deleted.") for user in deleted}
        plans = plan_all([request_of(user) for user in ("u1", "u2", "u3")], store)
        assert [planned.sends for planned in plans] == [user not in deleted for user in ("u1", "u2", "u3")]
        assert plans[0].outcome
        assert (plans[0].outcome.status, plans[0].is_unusable) == ("store_error", True)

    def test_of_nothing(self) -> None:
        assert plan_all([], MemoryStore()) == []

    def test_neither_locks_nor_writes(self) -> None:
        store = MemoryStore.holding(record_of())
        plan_all([request_of()], store)
        assert store.steps == []


class TestSettledPlans:
    STORE = MemoryStore.holding(record_of("fresh", days=1), record_of("due"), pending_record("pending"))

    def planned(self, **wanted: Any) -> tuple[list[str | None], list[str]]:
        """Return which accounts are settled, and which are read."""
        self.STORE.decrypted.clear()
        requested = [request_of(user_id, **wanted) for user_id in ("fresh", "due", "pending", "new")]
        plans = SettledPlans(self.STORE).of(requested)
        settled = [planned.request.account.user_id if planned else None for planned in plans]
        plan_all(requested, self.STORE)
        return settled, self.STORE.decrypted

    def test_are_those_of_accounts_with_nothing_due(self) -> None:
        assert self.planned() == (["fresh", None, None, None], ["due", "pending", "new"])

    def test_are_those_of_accounts_with_nothing_to_resume(self) -> None:
        assert self.planned(state="resumed") == (["fresh", "due", None, None], ["pending", "new"])

    @pytest.mark.parametrize(
        "wanted",
        [{"force": True}, {"verify": True}, {"state": "present"}, {"state": "adopted"}, {"state": "delivered"}],
        ids=str,
    )
    def test_are_not_asked_for_otherwise(self, wanted: dict[str, Any]) -> None:
        assert self.planned(**wanted) == ([None] * 4, ["fresh", "due", "pending", "new"])

    def test_are_asked_for_once(self) -> None:
        store = MemoryStore.holding(record_of(days=1))
        settled = SettledPlans(store)
        (planned,) = settled.of([request_of()])
        store.records.clear()
        assert settled.of([request_of(), request_of("new")]) == [planned, None]
        assert plan_all([request_of()], store, settled=settled) == [planned]

    def test_leave_records_that_are_read_once_for_each_account(self) -> None:
        self.STORE.decrypted.clear()
        settled = SettledPlans(self.STORE)
        assert settled.read_many(["due", "new"]) == [self.STORE.records["due"], None]
        plan_all([request_of(user_id) for user_id in ("pending", "due", "new")], self.STORE, settled=settled)
        assert self.STORE.decrypted == ["due", "new", "pending"]

    def test_show_no_password(self) -> None:
        (planned,) = plan_all([request_of("fresh")], self.STORE)
        assert planned.record
        assert planned.outcome
        assert planned.outcome.record
        assert not any((*planned.record.passwords(), *planned.outcome.record.passwords()))


def labelled(user_id: str, label: str | None) -> RotationRequest:
    return RotationRequest(Account(BASE, user_id, label), initial_password=OLD)


class TestTakenLabels:
    STORE = MemoryStore.holding(record_of("u1"), record_of("u2"))

    def problems(self, *requests: RotationRequest) -> list[str]:
        return taken_labels(plan_all(numbered(*requests), self.STORE), StoredNames(self.STORE.accounts()))

    @pytest.mark.parametrize("label", ["label-u1", "u1@example.com"])
    def test_names_whose_label_it_is(self, label: str) -> None:
        problem = "accounts[1].name is already the name, user name or user id of another account, u1"
        assert self.problems(labelled("u2", "label-u2"), labelled("new", label)) == [problem]

    def test_names_whose_user_id_it_is(self) -> None:
        assert self.problems(labelled("new", "U1")) == []
        found = self.problems(labelled("new", "u1"), labelled(UUID, None), labelled("other", UUID.upper()))
        assert found == [
            "accounts[0].name is already the name, user name or user id of another account, u1",
            f"accounts[2].name is already the name, user name or user id of another account, {UUID}",
        ]

    def test_an_account_may_be_labelled_with_its_own_id(self) -> None:
        assert self.problems(labelled("new", "new")) == []

    def test_an_account_may_keep_its_own(self) -> None:
        assert self.problems(labelled("u1", "label-u1"), labelled("u2", "u2@example.com"), labelled("u3", None)) == []

    def test_two_accounts_may_change_theirs(self) -> None:
        assert self.problems(labelled("u1", "label-u2"), labelled("u2", "label-u1")) == []

    def test_an_account_without_a_new_label_keeps_it(self) -> None:
        assert len(self.problems(labelled("u1", None), labelled("u2", "label-u1"))) == 1


class TestLabelsOfRecordsThatCannotBeRead:
    """A label that such a record may have ends its account, and no other."""

    def plans(self, *requests: RotationRequest) -> list[Plan]:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))
        store.damaged = {"u3"}
        return with_checked_labels(plan_all(numbered(*requests), store), store)

    def test_ends_an_account_with_a_new_one(self) -> None:
        new, renamed, due = self.plans(labelled("new", "another"), labelled("u1", "other"), labelled("u2", "label-u2"))
        for planned in (new, renamed):
            assert planned.outcome
            assert (planned.outcome.status, planned.sends) == ("store_error", False)
        assert due.sends

    def test_leaves_one_that_another_record_has_to_be_refused(self) -> None:
        with pytest.raises(InvalidInput, match=r"accounts\[0\].name is already the name"):
            self.plans(labelled("new", "label-u1"))

    def test_of_an_account_that_ends_anyhow_is_not_looked_up(self) -> None:
        (damaged,) = self.plans(labelled("u3", "new label"))
        assert damaged.outcome
        assert damaged.outcome.error
        assert damaged.outcome.error.message == "The record of u3 cannot be used."


class TestLabelsThatWait:
    """A label is free once the account that has it has another one. Until then, nobody else gets it."""

    SWAP = numbered(labelled("u1", "label-u2"), labelled("u2", "label-u1"))

    @staticmethod
    def checked(readings: Sequence[Reading], requests: Sequence[RotationRequest], *, check_mode: bool) -> list[Plan]:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))
        plans = [plan(request, reading, check_mode=check_mode) for request, reading in zip(requests, readings)]
        warnings: list[str] = []
        checked = with_checked_labels(plans, store, check_mode=check_mode, warn=warnings.append)
        kept = [new for new, old in zip(checked, plans) if new.request != old.request]
        assert sorted(warning[:11] for warning in warnings) == [f"accounts[{one.request.index}]" for one in kept]
        return checked

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_are_free_if_nothing_else_is_to_be_done(self, check_mode: bool) -> None:
        readings = [record_of("u1", days=1), record_of("u2", days=1)]
        checked = self.checked(readings, self.SWAP, check_mode=check_mode)
        assert [planned.is_renamed for planned in checked] == [True, True]
        assert [planned.request for planned in checked] == self.SWAP

    @pytest.mark.parametrize(
        "other",
        [
            record_of("u1"),
            pending_record("u1"),
            record_of("u1", status="out_of_sync"),
            Busy("Until 12:00.", record=record_of("u1")),
            StoreError("cannot be used"),
            WentBackwards("older"),
        ],
        ids=["due", "in doubt", "closed", "busy", "damaged", "outdated"],
    )
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_wait_for_an_account_that_may_keep_its_own(self, other: Reading, check_mode: bool) -> None:
        first, second = self.checked([other, record_of("u2", days=1)], self.SWAP, check_mode=check_mode)
        assert second.request.account.name == "label-u2"
        assert second.outcome
        assert (second.outcome.status, second.is_renamed) == ("fresh", False)
        assert first.is_unusable or first.request.account.name in ("label-u1", None)

    def test_wait_in_a_row(self) -> None:
        row = numbered(labelled("new", "label-u1"), labelled("u1", "label-u2"), labelled("u2", "another"))
        readings = [None, record_of("u1", days=1), record_of("u2")]
        new, first, second = self.checked(readings, row, check_mode=False)
        assert [one.request.account.name for one in (new, first, second)] == [None, "label-u1", "another"]
        assert (new.sends, second.sends) == (True, True)

    def test_are_never_those_of_a_user_name_that_stays(self) -> None:
        taken = numbered(labelled("u1", "u2@example.com"), labelled("u2", "another"))
        first, second = self.checked([record_of("u1", days=1), record_of("u2", days=1)], taken, check_mode=False)
        assert (first.request.account.name, second.request.account.name) == ("label-u1", "another")


class TestForeignDeliveries:
    STORE = MemoryStore.holding(record_of("u1", generation=7))

    def problems(self, user_id: str, generation: int | None, state: State = "delivered") -> list[str]:
        request = request_of(user_id, state=state, generation=generation)
        return foreign_deliveries(plan_all([request], self.STORE))

    @pytest.mark.parametrize("generation", [None, 1, 6, 7])
    def test_of_what_the_store_had_are_none(self, generation: int | None) -> None:
        assert self.problems("u1", generation) == []

    def test_of_a_record_that_went_backwards_are_none(self) -> None:
        request = request_of("u1", state="delivered", generation=9)
        assert foreign_deliveries([plan(request, WentBackwards("older"))]) == []

    @pytest.mark.parametrize(("user_id", "last"), [("u1", 7), ("u2", 0)])
    def test_are_those_of_a_later_generation(self, user_id: str, last: int) -> None:
        problem = f"accounts[0].generation is 8, but generation {last} is the last one in this store"
        assert self.problems(user_id, 8) == [problem]

    def test_of_a_record_that_cannot_be_read_are_none(self) -> None:
        planned = plan(request_of(state="delivered", generation=8), StoreError("cannot be decrypted"))
        assert foreign_deliveries([planned]) == []

    def test_in_other_states_the_generation_means_nothing(self) -> None:
        assert self.problems("u1", 8, "rotated") == []
