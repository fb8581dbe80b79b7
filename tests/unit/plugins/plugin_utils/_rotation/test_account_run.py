# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timezone
from itertools import count

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import AccountRun, Work, begin_account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, NotDurable, StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    APPLIED,
    MISMATCH,
    OLD,
    UNKNOWN,
    MemoryStore,
    record_of,
    request_of,
)

ROTATION = ["lock", "read", "write 1", "send", "write 2"]


class Drive:
    """An account run over a store in memory. Its requests are answered in turn and counted among the store's steps."""

    def __init__(self, store: MemoryStore, *answers: PasswordAnswer, orphaned_at: int = 0) -> None:
        self.store = store
        self.pairs: list[tuple[str, str]] = []
        self._answers = iter(answers)
        self._looks = count(1)
        values = (f"new-{number}" for number in count(1))

        def rotation(record: Record | None) -> Rotation:
            return Rotation(
                request_of(), record, now=lambda: datetime.now(timezone.utc), new_password=lambda: next(values)
            )

        self._work = Work(rotation, self._send, lambda: 0 < orphaned_at <= next(self._looks))

    def begin(self) -> AccountRun | Outcome:
        return begin_account(self.store, "u1", self._work)

    def end(self) -> Outcome:
        """End an account that waits at most once."""
        begun = self.begin()
        outcome = begun.proceed() if isinstance(begun, AccountRun) else begun
        assert outcome
        return outcome

    def _send(self, old: str, new: str) -> PasswordAnswer:
        assert self.store.held == {"u1"}
        self.store.steps.append("send")
        self.pairs.append((old, new))
        return next(self._answers)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore.holding(record_of())


class TestBegin:
    def test_saves_the_pair_before_it_is_sent_and_the_end_after_it(self, store: MemoryStore) -> None:
        drive = Drive(store, APPLIED)
        outcome = drive.end()
        assert (outcome.status, outcome.changed, outcome.answers) == ("rotated", True, (APPLIED,))
        assert outcome.record is store.records["u1"]
        assert store.steps == ROTATION
        assert drive.pairs == [(OLD, "new-1")]

    def test_frees_the_lock_at_the_end(self, store: MemoryStore) -> None:
        Drive(store, APPLIED).begin()
        assert store.held == set()

    def test_ends_without_a_step_where_nothing_is_due(self) -> None:
        store = MemoryStore.holding(record_of(days=1))
        outcome = Drive(store).end()
        assert outcome == Outcome("fresh", store.records["u1"])
        assert (store.steps, store.held) == (["lock", "read"], set())

    def test_leaves_an_account_alone_that_another_run_works_on(self, store: MemoryStore) -> None:
        with store.locked("u1"):
            outcome = Drive(store).end()
            assert store.held == {"u1"}
        assert (outcome.status, outcome.changed) == ("busy", False)

    def test_keeps_the_lock_while_it_waits_after_a_lost_answer(self, store: MemoryStore) -> None:
        begun = Drive(store, UNKNOWN).begin()
        assert isinstance(begun, AccountRun)
        assert store.held == {"u1"}


class TestProceed:
    def test_sends_the_same_pair_again(self, store: MemoryStore) -> None:
        drive = Drive(store, UNKNOWN, APPLIED)
        outcome = drive.end()
        assert (outcome.status, outcome.answers) == ("rotated", (UNKNOWN, APPLIED))
        assert drive.pairs == [(OLD, "new-1")] * 2
        assert store.held == set()

    def test_goes_on_from_the_new_password_where_the_old_one_is_dead(self, store: MemoryStore) -> None:
        drive = Drive(store, UNKNOWN, MISMATCH, APPLIED)
        assert drive.end().status == "rotated"
        assert drive.pairs[1:] == [(OLD, "new-1"), ("new-1", "new-2")]

    def test_ends_in_doubt_where_the_second_answer_is_lost_too(self, store: MemoryStore) -> None:
        outcome = Drive(store, UNKNOWN, UNKNOWN).end()
        assert (outcome.status, outcome.changed) == ("in_doubt", False)
        assert store.held == set()


class TestBrokenOff:
    @pytest.mark.parametrize("error", [StoreError("full"), NotDurable("full"), Busy("taken")])
    @pytest.mark.parametrize("step", ["lock", "read", "write 1"])
    def test_sends_nothing_where_the_store_fails_before(
        self, store: MemoryStore, step: str, error: UiPathError
    ) -> None:
        store.failures[step] = error
        outcome = Drive(store).end()
        assert (outcome.status, outcome.changed, outcome.record) == (error.status, False, None)
        assert outcome.error is error
        assert (outcome.stopped_by is not None) == error.stops_task
        assert "send" not in store.steps
        assert store.held == set()

    @pytest.mark.parametrize("step", ["write 2", "preserve_conflict"])
    def test_is_never_busy_once_something_was_sent(self, store: MemoryStore, step: str) -> None:
        store.intrusions["write 2"] = record_of(password="foreign")
        store.failures[step] = Busy("taken")
        outcome = Drive(store, APPLIED).end()
        assert (outcome.status, outcome.changed) == ("store_error", True)

    @pytest.mark.parametrize("step", ["lock", "read", "write 1", "write 2"])
    def test_frees_the_lock_after_a_defect(self, store: MemoryStore, step: str) -> None:
        store.failures[step] = KeyError("?")  # type: ignore[assignment]
        with pytest.raises(KeyError):
            Drive(store, APPLIED).begin()
        assert store.held == set()

    def test_an_error_of_the_release_changes_nothing(self, store: MemoryStore) -> None:
        store.failures["unlock"] = StoreError("gone")
        outcome = Drive(store, APPLIED).end()
        assert (outcome.status, outcome.changed, outcome.error) == ("rotated", True, None)

    @pytest.mark.parametrize("error", [StoreError("full"), NotDurable("full")])
    def test_is_a_change_all_the_same_where_it_fails_after(self, store: MemoryStore, error: UiPathError) -> None:
        store.failures["write 2"] = error
        outcome = Drive(store, APPLIED).end()
        assert (outcome.status, outcome.changed, outcome.answers[0]) == (error.status, True, APPLIED)
        assert store.records["u1"].pending is not None
        assert store.held == set()

    @pytest.mark.parametrize("step", ["preserve_conflict", "write 3"])
    def test_is_a_change_all_the_same_where_the_conflict_cannot_be_kept(self, store: MemoryStore, step: str) -> None:
        store.intrusions["write 2"] = record_of(password="foreign")
        store.failures[step] = StoreError("full")
        outcome = Drive(store, APPLIED).end()
        assert (outcome.status, outcome.changed) == ("store_error", True)

    def test_a_conflict_keeps_both_versions(self, store: MemoryStore) -> None:
        store.intrusions["write 2"] = record_of(password="foreign")
        outcome = Drive(store, APPLIED).end()
        assert (outcome.status, outcome.changed) == ("store_conflict", True)
        assert store.records["u1"].current.password == "new-1"
        assert "foreign" in store.records["u1"].candidates()

    def test_fails_in_the_middle_of_a_wait(self, store: MemoryStore) -> None:
        store.failures["write 2"] = StoreError("full")
        outcome = Drive(store, UNKNOWN).end()
        assert (outcome.status, outcome.changed) == ("store_error", False)
        assert store.held == set()


class TestAbandoned:
    @pytest.mark.parametrize(("at", "steps"), [(1, 2), (2, 3)])
    def test_neither_stages_nor_sends_any_more(self, store: MemoryStore, at: int, steps: int) -> None:
        outcome = Drive(store, APPLIED, orphaned_at=at).end()
        assert (outcome.status, outcome.changed, outcome.stopped_by) == ("in_doubt", False, "in_doubt")
        assert store.steps == ROTATION[:steps]
        assert store.held == set()

    def test_records_what_was_applied(self, store: MemoryStore) -> None:
        outcome = Drive(store, APPLIED, orphaned_at=3).end()
        assert outcome.status == "rotated"
        assert store.steps == ROTATION

    def test_nor_after_a_wait(self, store: MemoryStore) -> None:
        drive = Drive(store, UNKNOWN, orphaned_at=3)
        assert drive.end().status == "in_doubt"
        assert store.steps == ROTATION[:4]


class TestAbandon:
    def test_ends_in_doubt_and_frees_the_lock(self, store: MemoryStore) -> None:
        begun = Drive(store, UNKNOWN).begin()
        assert isinstance(begun, AccountRun)
        staged = store.records["u1"]
        assert staged.pending
        assert begun.abandon() == Outcome("in_doubt", staged, (UNKNOWN,))
        assert (store.steps, store.held) == (ROTATION[:4], set())
