# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _workers
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import (
    CircuitBreaker,
    PoolReport,
    Stop,
    run_in_pool,
)

INTERRUPTED = Stop("the task was interrupted")
LONG = 5.0  # seconds that no test takes: a limit for what must not hang


def breaker_of(max_failures: int | None) -> CircuitBreaker[str]:
    statuses = {"wrong_password", "unknown"}
    return CircuitBreaker(noun="user", statuses=statuses, in_a_row=3, max_failures=max_failures)


def reasons(breaker: CircuitBreaker[str], statuses: str) -> list[str | None]:
    """Record users that ended as changed (c), wrong_password (w), unknown (u) or policy_rejected (p)."""
    names = {"c": "changed", "w": "wrong_password", "u": "unknown", "p": "policy_rejected"}
    stops = [breaker.record(names[status], failed=status != "c") for status in statuses]
    return [stop.reason if stop else None for stop in stops]


class TestCircuitBreaker:
    def test_so_many_in_a_row_stop_by_default(self) -> None:
        row = "3 users in a row failed, the last as wrong_password"
        assert reasons(breaker_of(None), "www") == [None, None, row]

    @pytest.mark.parametrize("statuses", ["wwcww", "wucuw", "pppppp", "wwpww"])
    def test_a_broken_row_does_not(self, statuses: str) -> None:
        assert not any(reasons(breaker_of(None), statuses))

    def test_different_statuses_make_a_row(self) -> None:
        assert reasons(breaker_of(None), "wuw")[-1] == "3 users in a row failed, the last as wrong_password"

    def test_max_failures_counts_every_failed_status(self) -> None:
        assert reasons(breaker_of(3), "wcpcu") == [None, None, None, None, "3 users failed (max_failures)"]

    def test_max_failures_turns_the_row_off(self) -> None:
        assert not any(reasons(breaker_of(9), "wwwwwwww"))

    def test_zero_turns_both_limits_off(self) -> None:
        assert not any(reasons(breaker_of(0), "w" * 50))

    @pytest.mark.parametrize("max_failures", [None, 0, 100])
    def test_a_refused_caller_stops_whatever_max_failures_says(self, max_failures: int | None) -> None:
        stop = breaker_of(max_failures).record("unauthorized", failed=True, stopped_by="unauthorized")
        assert stop == Stop("the error unauthorized occurred for another user", final=True)

    def test_also_where_the_user_that_met_it_ended_otherwise(self) -> None:
        stop = breaker_of(None).record("unknown", failed=True, stopped_by="wrong_url")
        assert stop == Stop("the error wrong_url occurred for another user")

    def test_keeps_the_first_reason(self) -> None:
        """Users that were under way at the stop are recorded after it."""
        breaker = breaker_of(None)
        first = reasons(breaker, "www")[-1]
        assert first
        breaker.record("unauthorized", failed=True, stopped_by="unauthorized")
        assert reasons(breaker, "wc") == [first, first]
        assert breaker.stop == Stop(first)

    def test_names_what_it_counts(self) -> None:
        breaker = CircuitBreaker(noun="account", statuses={"in_doubt"}, in_a_row=2, max_failures=None)
        breaker.record("in_doubt", failed=True)
        assert breaker.record("in_doubt", failed=True) == Stop("2 accounts in a row failed, the last as in_doubt")

    def test_a_long_row_costs_no_more_than_a_short_one(self) -> None:
        breaker = breaker_of(None)
        reasons(breaker, "c" * 2000)
        assert not any(isinstance(value, (list, tuple, dict, set)) for value in vars(breaker).values())


def run(
    items: Sequence[int],
    work: Callable[[int], str],
    *,
    judge: Callable[[str], Stop | None] = lambda result: None,
    concurrency: int = 1,
    cancelled: Callable[[], bool] = lambda: False,
    cut_short: Callable[[], None] = lambda: None,
) -> PoolReport[str]:
    return run_in_pool(items, work, judge, concurrency=concurrency, cancelled=cancelled, cut_short=cut_short)


class TestRunInPool:
    @pytest.mark.parametrize("concurrency", [1, 3, 64])
    def test_results_are_in_the_order_of_the_items(self, concurrency: int) -> None:
        report = run(range(50), str, concurrency=concurrency)
        assert report.results == [str(item) for item in range(50)]
        assert all(report.started)
        assert report.stop is None

    def test_no_items(self) -> None:
        assert run([], str, concurrency=4) == PoolReport([], [])

    def test_one_thread_starts_them_in_order(self) -> None:
        started: list[int] = []

        def work(item: int) -> str:
            started.append(item)
            return ""

        run(range(9), work)
        assert started == list(range(9))

    def test_as_many_at_the_same_time_as_allowed_and_no_more(self) -> None:
        together, lock = threading.Barrier(4), threading.Lock()
        now, most = 0, 0

        def work(item: int) -> str:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            together.wait(LONG)
            with lock:
                now -= 1
            return ""

        assert run(range(12), work, concurrency=4).results == [""] * 12
        assert most == 4

    def test_a_reason_to_stop_starts_no_further_one(self) -> None:
        report = run(range(5), str, judge=lambda result: Stop("enough") if result == "2" else None)
        assert report == PoolReport(["0", "1", "2", None, None], [True, True, True, False, False], Stop("enough"))

    def test_the_first_reason_is_kept_and_the_ones_under_way_finish(self) -> None:
        second_runs, first_stopped = threading.Event(), threading.Event()

        def work(item: int) -> str:
            if item == 0:
                assert second_runs.wait(LONG)
            else:
                second_runs.set()
                assert first_stopped.wait(LONG)
            return str(item)

        told: list[str] = []

        def judge(result: str) -> Stop:
            told.append(result)
            first_stopped.set()
            return Stop(f"of {result}")

        report = run(range(3), work, judge=judge, concurrency=2)
        assert report == PoolReport(["0", "1", None], [True, True, False], Stop("of 0"))
        assert told == ["0", "1"]

    def test_a_final_reason_replaces_a_pause(self) -> None:
        """The second item is under way when the first one gives a reason to pause."""
        both_run, paused = threading.Barrier(2), threading.Event()

        def work(item: int) -> str:
            both_run.wait(LONG)
            if item == 1:
                assert paused.wait(LONG)
                raise KeyError
            return str(item)

        def judge(result: str) -> Stop:
            paused.set()
            return Stop("enough for now", final=False)

        stop = Stop("an unexpected KeyError occurred")
        assert run(range(3), work, judge=judge, concurrency=2) == PoolReport(
            ["0", None, None], [True, True, False], stop
        )

    def test_a_pause_does_not_replace_a_final_reason(self) -> None:
        report: PoolReport[str] = PoolReport([], [])
        report.note(Stop("enough"))
        report.note(Stop("enough for now", final=False))
        report.note(None)
        assert report.stop == Stop("enough")

    def test_a_cancelled_run_starts_nothing(self) -> None:
        report = run(range(3), str, cancelled=lambda: True)
        assert report == PoolReport[str]([None] * 3, [False] * 3, Stop("no process waits for the result any more"))

    def test_cancelled_in_the_middle(self) -> None:
        answers = iter([False, False, True])
        report = run(range(4), str, cancelled=lambda: next(answers))
        assert report.results == ["0", "1", None, None]

    def test_a_defect_keeps_the_other_results_and_shows_no_text(self, capfd: pytest.CaptureFixture[str]) -> None:
        def work(item: int) -> str:
            if item == 2:
                raise ZeroDivisionError("hunter2")
            return str(item)

        report = run(range(4), work)
        stop = Stop("an unexpected ZeroDivisionError occurred")
        expected = PoolReport(["0", "1", None, None], [True, True, True, False], stop)
        assert report == expected
        assert capfd.readouterr() == ("", "")


class TestRunInPoolInterrupted:
    @pytest.fixture(autouse=True)
    def _interruptible(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Handle Ctrl-C even where the tests run in the background, and give up soon."""
        monkeypatch.setattr(_workers, "GRACE_SECONDS", 0.05)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @staticmethod
    def interrupt() -> None:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    def test_keeps_what_is_finished_and_tells_what_was_under_way(self) -> None:
        over = threading.Event()

        def work(item: int) -> str:
            if item == 1:
                self.interrupt()
                over.wait(LONG)
            return str(item)

        report = run(range(3), work)
        assert report == PoolReport(["0", None, None], [True, True, False], INTERRUPTED)
        over.set()

    def test_lets_the_ones_under_way_finish(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_workers, "GRACE_SECONDS", LONG)
        stopped = threading.Event()

        def work(item: int) -> str:
            self.interrupt()
            stopped.wait(0.05)
            return str(item)

        assert run(range(3), work) == PoolReport(["0", None, None], [True, False, False], INTERRUPTED)

    def test_a_second_one_ends_the_grace_and_loses_no_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_workers, "GRACE_SECONDS", LONG)
        over, wait = threading.Event(), threading.Event.wait

        def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
            if timeout is not None and event is not over:  # only in the grace period
                self.interrupt()
            return wait(event, timeout)

        def work(item: int) -> str:
            if item == 1:
                self.interrupt()
                over.wait(LONG)
            return str(item)

        monkeypatch.setattr(threading.Event, "wait", interrupted)
        before = time.monotonic()
        report = run(range(3), work)
        assert report == PoolReport(["0", None, None], [True, True, False], INTERRUPTED)
        assert time.monotonic() - before < LONG
        over.set()

    def test_also_while_threads_are_being_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start, starts = threading.Thread.start, iter([True, False])

        def interrupted(thread: threading.Thread) -> None:
            if not next(starts):
                raise KeyboardInterrupt
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", interrupted)
        assert run(range(2), str, concurrency=2).stop == INTERRUPTED


class TimedOut(BaseException):
    """As ansible-core raises it when the time of a task is over."""


class TestRunInPoolTimedOut:
    @pytest.fixture(autouse=True)
    def _alarm(self) -> Iterator[None]:
        raised: list[object] = []

        def raise_it(*_signal: object) -> None:
            raised.append(None)
            if len(raised) == 1:  # as ansible-core's alarm does
                raise TimedOut

        before = signal.signal(signal.SIGALRM, raise_it)
        yield
        signal.signal(signal.SIGALRM, before)

    @staticmethod
    def time_out() -> None:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGALRM)

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_waits_for_those_under_way_and_starts_no_other(self, concurrency: int) -> None:
        cut, begun, finished = threading.Event(), threading.Barrier(concurrency), []

        def work(item: int) -> str:
            begun.wait(LONG)
            while item == 0 and not cut.wait(0.1):  # a signal just before the main thread waits would not wake it
                self.time_out()
            assert cut.wait(LONG)
            time.sleep(0.05)  # a caller that does not wait is back before
            finished.append(item)
            return str(item)

        with pytest.raises(TimedOut):
            run(range(9), work, concurrency=concurrency, cut_short=cut.set)
        assert sorted(finished) == list(range(concurrency))

    def test_waits_for_no_thread_that_was_not_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(_thread: threading.Thread) -> None:
            raise TimedOut

        monkeypatch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(TimedOut):
            run(range(2), str, concurrency=2)
