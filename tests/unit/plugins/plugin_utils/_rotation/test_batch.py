# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import Stop
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import AccountRun, Work, begin_account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.batch import (
    STOPPING_STATUSES,
    WAITING_AT_MOST,
    RotationBatch,
    account_breaker,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import SUCCEEDED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import AccountStatus, Outcome
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    APPLIED,
    MemoryStore,
    record_of,
    request_of,
)

LONG = 5.0  # seconds that no test spends: a limit for what must not hang
OUTCOMES: dict[str, AnswerKind] = {"a": "applied", "m": "mismatch", "u": "unknown", "n": "not_found", "r": "refused"}
ROW = "2 accounts in a row failed, the last as not_found"


def reasons(*statuses: AccountStatus, max_failures: int | None = None) -> list[str | None]:
    """Run accounts one after the other that end so, and return the reason to stop after each."""
    breaker = account_breaker(max_failures)
    stops = [breaker.record(status, failed=status not in SUCCEEDED) for status in statuses]
    return [stop.reason if stop else None for stop in stops]


class TestAccountBreaker:
    @pytest.mark.parametrize("status", sorted(STOPPING_STATUSES))
    def test_two_bad_ends_in_a_row_stop(self, status: AccountStatus) -> None:
        row = f"2 accounts in a row failed, the last as {status}"
        assert reasons("rotated", status, status) == [None, None, row]

    @pytest.mark.parametrize("status", ["out_of_sync", "in_doubt", "refused", "not_found"])
    def test_statuses_that_need_an_administrator_are_among_them(self, status: str) -> None:
        assert status in STOPPING_STATUSES

    def test_different_bad_ends_make_a_row(self) -> None:
        assert reasons("in_doubt", "not_found")[-1] == ROW

    @pytest.mark.parametrize("status", ["rotated", "resumed", "fresh", "busy", "age_unknown", "store_error"])
    def test_any_other_end_breaks_the_row(self, status: AccountStatus) -> None:
        assert not any(reasons(*["in_doubt", status] * 9))

    def test_max_failures_counts_every_failed_status(self) -> None:
        statuses: tuple[AccountStatus, ...] = ("policy_rejected", "rotated", "store_error", "fresh", "in_doubt")
        assert reasons(*statuses, max_failures=3) == [None] * 4 + ["3 accounts failed (max_failures)"]


def failed(_number: int, outcome: Outcome) -> bool:
    return outcome.status not in SUCCEEDED


@dataclass
class Bench:
    """Accounts 0, 1, ... over a store in memory. An account's letters say how its requests are answered, in turn."""

    accounts: Sequence[str]
    concurrency: int = 4
    max_failures: int | None = None
    cancelled_after: int = 10**9
    store: MemoryStore = field(default_factory=MemoryStore)
    sends: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore.holding(*(record_of(str(number)) for number in range(len(self.accounts))))
        self._answers = [list(letters) for letters in self.accounts]
        self.batch = RotationBatch(
            begin=self._begin,
            wait=lambda: self.waits.append(len(self.store.held)),
            cancelled=lambda: len(self.sends) >= self.cancelled_after,
            breaker=account_breaker(self.max_failures),
            failed=failed,
            concurrency=self.concurrency,
            display=self.lines.append,
        )

    def run(self) -> list[str | None]:
        """Return how the accounts ended, None for those that were not started."""
        outcomes = self.batch.run(range(len(self.accounts)))
        assert self.store.held == set()
        return [outcomes[number].status if number in outcomes else None for number in range(len(self.accounts))]

    def _begin(self, number: int) -> AccountRun | Outcome:
        values = count()

        def rotation(record: Record | None) -> Rotation:
            return Rotation(
                request_of(str(number)),
                record,
                now=lambda: datetime.now(timezone.utc),
                new_password=lambda: f"new-{next(values)}",
            )

        def send(_old: str, _new: str) -> PasswordAnswer:
            self.sends.append(number)
            return PasswordAnswer(OUTCOMES[self._answers[number].pop(0)])

        return begin_account(self.store, str(number), Work(rotation, send, lambda: False))


class TestRun:
    @pytest.mark.parametrize("concurrency", [1, 4, 64])
    def test_every_account_ends(self, concurrency: int) -> None:
        bench = Bench("a" * 50, concurrency)
        assert bench.run() == ["rotated"] * 50
        assert bench.waits == []

    def test_no_accounts(self) -> None:
        assert Bench("").run() == []

    def test_keeps_the_order_given_where_one_at_a_time_is_worked_on(self) -> None:
        bench = Bench("a" * 9, concurrency=1)
        bench.batch.run([5, 0, 8, 2])
        assert bench.sends == [5, 0, 8, 2]

    def test_two_bad_ends_stop_it(self) -> None:
        bench = Bench(["n", "r", "a", "a"])
        assert bench.run() == ["not_found", "refused", None, None]
        assert bench.batch.breaker.stop == Stop("2 accounts in a row failed, the last as refused")

    def test_max_failures_stops_it(self) -> None:
        bench = Bench(["a", "n", "a", "n", "a"], concurrency=1, max_failures=2)
        assert bench.run() == ["rotated", "not_found", "rotated", "not_found", None]

    def test_without_a_limit_every_account_is_started(self) -> None:
        assert Bench("n" * 40, max_failures=0).run() == ["not_found"] * 40

    def test_a_cancelled_run_starts_nothing_more(self) -> None:
        bench = Bench("a" * 9, concurrency=1, cancelled_after=2)
        assert bench.run() == ["rotated", "rotated", *[None] * 7]
        assert bench.batch.breaker.stop == Stop("no process waits for the result any more")

    def test_a_defect_leaves_its_account_in_doubt_and_stops(self) -> None:
        bench = Bench(["a", "", "a"], concurrency=1)  # no answer left
        bench.batch.run(range(3))
        assert {number: end.status for number, end in bench.batch.outcomes.items()} == {0: "rotated", 1: "in_doubt"}
        assert bench.batch.breaker.stop == Stop("an unexpected IndexError occurred")

    def test_a_time_out_of_the_task_releases_every_lock(self) -> None:
        class TimedOut(BaseException):
            pass

        def wait() -> None:
            assert bench.store.held == {"1", "2"}
            raise TimedOut

        bench = Bench(["a", "u", "u"])
        bench.batch.wait = wait
        with pytest.raises(TimedOut):
            bench.run()
        assert bench.store.held == set()

    def test_a_caller_whom_the_server_refuses_stops_it(self) -> None:
        answers = (PasswordAnswer("unauthorized", stops_task=True),)
        batch = RotationBatch(
            begin=lambda number: Outcome("out_of_sync", None, answers),
            wait=lambda: None,
            cancelled=lambda: False,
            breaker=account_breaker(0),
            failed=failed,
            concurrency=1,
        )
        assert list(batch.run(range(3))) == [0]
        assert batch.breaker.stop == Stop("the error unauthorized occurred for another account")


class TestCanary:
    @staticmethod
    def together(statuses: Sequence[AccountStatus], concurrency: int = 4) -> list[int]:
        """Return how many accounts were under way when each of them was."""
        lock, busy, seen = threading.Lock(), 0, [0] * len(statuses)
        crowd = threading.Barrier(concurrency)

        def begin(number: int) -> Outcome:
            nonlocal busy
            with lock:
                busy += 1
                seen[number] = busy
            if "rotated" in statuses[:number]:
                crowd.wait(LONG)
                seen[number] = busy
                crowd.wait(LONG)
            else:  # let others come, if they may
                time.sleep(0.02)
                seen[number] = busy
            with lock:
                busy -= 1
            answers = (APPLIED,) if statuses[number] == "rotated" else ()
            return Outcome(statuses[number], None, answers)

        breaker = account_breaker(None)
        RotationBatch(begin, lambda: None, lambda: False, breaker, failed, concurrency).run(range(len(statuses)))
        return seen

    def test_one_at_a_time_until_one_was_changed(self) -> None:
        assert self.together(["rotated"] * 9) == [1] + [4] * 8

    def test_an_account_that_was_not_changed_proves_nothing(self) -> None:
        unchanged: list[AccountStatus] = ["busy", "policy_rejected", "fresh"]
        changed: list[AccountStatus] = ["rotated"] * 5
        assert self.together([*unchanged, *changed]) == [1] * 4 + [4] * 4

    def test_an_account_that_was_changed_and_failed_proves_it_too(self) -> None:
        bench = Bench(["a", "a"])
        bench.store.failures["write 2"] = StoreError("full")
        assert bench.run() == ["store_error", "rotated"]
        assert bench.batch.proven


class TestWaiting:
    def test_lost_answers_wait_together(self) -> None:
        bench = Bench(["a", "a", *["ua"] * 5, "a"])
        assert bench.run() == ["rotated"] * 8
        assert bench.waits == [5]

    def test_before_a_wait_it_shows_how_far_the_run_is(self) -> None:
        bench = Bench(["a", "a", "ua", "ua"], concurrency=1)
        bench.run()
        assert bench.lines == ["rotated 2 of 4, 2 in doubt, 0 s"]

    def test_the_others_come_first(self) -> None:
        bench = Bench(["a", "ua", "a", "ua", "a"], concurrency=1)
        bench.run()
        assert bench.sends == [0, 1, 2, 3, 4, 1, 3]

    def test_no_more_than_so_many_at_once(self) -> None:
        bench = Bench(["a", *["ua"] * 40], concurrency=1)
        assert bench.run() == ["rotated"] * 41
        assert bench.waits == [WAITING_AT_MOST, WAITING_AT_MOST, 40 - 2 * WAITING_AT_MOST]

    def test_one_at_a_time_until_one_was_changed(self) -> None:
        bench = Bench(["ua"] * 4, concurrency=4)
        assert bench.run() == ["rotated"] * 4
        assert bench.waits == [1, 3]

    def test_a_server_that_never_answers_leaves_two_in_doubt(self) -> None:
        bench = Bench(["u" * 9] * 100, concurrency=16)
        assert bench.run() == ["in_doubt", "in_doubt", *[None] * 98]
        assert bench.waits == [1, 1]

    def test_those_that_heal_do_not_stop_the_run(self) -> None:
        bench = Bench(["uma"] * 20)
        assert bench.run() == ["rotated"] * 20

    def test_a_dead_server_stops_it_after_one_batch(self) -> None:
        bench = Bench(["a", *["u" * 9] * 100], concurrency=1)
        statuses = bench.run()
        assert statuses == ["rotated", *["in_doubt"] * WAITING_AT_MOST, *[None] * (100 - WAITING_AT_MOST)]
        assert len(bench.sends) == 1 + WAITING_AT_MOST + 2
        assert bench.waits == [WAITING_AT_MOST]

    def test_a_stop_leaves_them_to_the_next_run_without_a_wait(self) -> None:
        bench = Bench(["a", "ua", "n", "n", "a"], concurrency=1)
        assert bench.run() == ["rotated", "in_doubt", "not_found", "not_found", None]
        assert [answer.kind for answer in bench.batch.outcomes[1].answers] == ["unknown"]
        assert bench.waits == []

    def test_so_does_a_cancelled_run(self) -> None:
        bench = Bench(["a", "ua", "a"], concurrency=1, cancelled_after=2)
        assert bench.run() == ["rotated", "in_doubt", None]
        assert bench.waits == []

    def test_a_run_that_is_cancelled_while_they_wait(self) -> None:
        bench = Bench(["a", "ua", "ua"], concurrency=1)
        bench.batch.wait = lambda: setattr(bench, "cancelled_after", 0)
        assert bench.run() == ["rotated", "in_doubt", "in_doubt"]
        assert bench.sends == [0, 1, 2]

    def test_one_account_may_have_to_wait_twice(self) -> None:
        bench = Bench(["a", "umua", "umumu"])
        assert bench.run() == ["rotated", "rotated", "out_of_sync"]
        assert bench.waits == [2, 2]

    def test_the_canary_may_be_one_of_them(self) -> None:
        bench = Bench(["ua", "a"], concurrency=4)
        assert bench.run() == ["rotated", "rotated"]
        assert bench.batch.proven
