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
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import Brake, PoolReport, run_in_pool

LONG = 5.0  # seconds that no test spends: a limit for what must not hang


def reasons(brake: Brake, statuses: str) -> list[str | None]:
    """Tell the brake about users that ended as changed (c), wrong_password (w), unknown (u) or policy_rejected (p)."""
    names = {"c": "changed", "w": "wrong_password", "u": "unknown", "p": "policy_rejected"}
    return [brake.reason_to_stop(names[status], failed=status != "c", stopped_by=None) for status in statuses]


class TestBrake:
    def test_three_in_a_row_stop_by_default(self) -> None:
        assert reasons(Brake(None), "www") == [None, None, "3 users in a row failed, the last as wrong_password"]

    @pytest.mark.parametrize("status", ["wrong_password", "unknown", "unreachable", "throttled"])
    def test_in_each_of_these_ways(self, status: str) -> None:
        brake = Brake(None)
        found = [brake.reason_to_stop(status, failed=True, stopped_by=None) for _user in range(3)]
        assert found[-1] == f"3 users in a row failed, the last as {status}"

    @pytest.mark.parametrize("statuses", ["wwcww", "wucuw", "pppppp", "wwpww"])
    def test_a_broken_row_does_not(self, statuses: str) -> None:
        assert not any(reasons(Brake(None), statuses))

    def test_different_ways_make_a_row(self) -> None:
        assert reasons(Brake(None), "wuw")[-1] == "3 users in a row failed, the last as wrong_password"

    def test_max_failures_counts_all_ways_to_fail(self) -> None:
        assert reasons(Brake(3), "wcpcu") == [None, None, None, None, "3 users had failed (max_failures)"]

    def test_max_failures_turns_the_row_off(self) -> None:
        assert not any(reasons(Brake(9), "wwwwwwww"))

    def test_zero_turns_every_brake_off(self) -> None:
        assert not any(reasons(Brake(0), "w" * 50))

    @pytest.mark.parametrize("max_failures", [None, 0, 100])
    def test_a_refused_caller_stops_whatever_max_failures_says(self, max_failures: int | None) -> None:
        brake = Brake(max_failures)
        reason = brake.reason_to_stop("unauthorized", failed=True, stopped_by="unauthorized")
        assert reason == "another user's request ended as unauthorized"

    def test_also_where_the_user_that_met_it_ended_otherwise(self) -> None:
        reason = Brake(None).reason_to_stop("unknown", failed=True, stopped_by="wrong_url")
        assert reason == "another user's request ended as wrong_url"

    def test_users_beyond_the_third_in_a_row_give_no_other_reason(self) -> None:
        """Those under way when the brake was pulled end after it."""
        assert reasons(Brake(None), "wwwww")[3:] == [None, None]

    def test_a_long_row_costs_no_more_than_a_short_one(self) -> None:
        brake = Brake(None)
        reasons(brake, "c" * 2000)
        assert not any(isinstance(value, (list, tuple, dict, set)) for value in vars(brake).values())


def run(
    items: Sequence[int],
    work: Callable[[int], str],
    *,
    stop: Callable[[str], str | None] = lambda result: None,
    concurrency: int = 1,
    cancelled: Callable[[], bool] = lambda: False,
) -> PoolReport[str]:
    return run_in_pool(items, work, stop, concurrency=concurrency, cancelled=cancelled)


class TestRunFleet:
    @pytest.mark.parametrize("concurrency", [1, 3, 64])
    def test_results_are_in_the_order_of_the_items(self, concurrency: int) -> None:
        report = run(range(50), str, concurrency=concurrency)
        assert report.results == [str(item) for item in range(50)]
        assert all(report.started)
        assert report.stopped is None

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
        report = run(range(5), str, stop=lambda result: "enough" if result == "2" else None)
        assert report == PoolReport(["0", "1", "2", None, None], [True, True, True, False, False], "enough")

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

        def stop(result: str) -> str:
            told.append(result)
            first_stopped.set()
            return f"because of {result}"

        report = run(range(3), work, stop=stop, concurrency=2)
        assert report == PoolReport(["0", "1", None], [True, True, False], "because of 0")
        assert told == ["0", "1"]

    def test_a_cancelled_run_starts_nothing(self) -> None:
        report = run(range(3), str, cancelled=lambda: True)
        assert report == PoolReport[str]([None] * 3, [False] * 3, "nobody waits for the result any more")

    def test_cancelled_in_the_middle(self) -> None:
        answers = iter([False, False, True])
        report = run(range(4), str, cancelled=lambda: next(answers))
        assert report.results == ["0", "1", None, None]

    def test_a_defect_keeps_the_other_results_and_shows_no_words(self, capfd: pytest.CaptureFixture[str]) -> None:
        def work(item: int) -> str:
            if item == 2:
                raise ZeroDivisionError("hunter2")
            return str(item)

        report = run(range(4), work)
        expected = PoolReport(["0", "1", None, None], [True, True, True, False], "of an unexpected ZeroDivisionError")
        assert report == expected
        assert capfd.readouterr() == ("", "")


class TestRunFleetInterrupted:
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
        assert report == PoolReport(["0", None, None], [True, True, False], "the task was interrupted")
        over.set()

    def test_lets_the_ones_under_way_finish(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_workers, "GRACE_SECONDS", LONG)
        stopped = threading.Event()

        def work(item: int) -> str:
            self.interrupt()
            stopped.wait(0.05)
            return str(item)

        assert run(range(3), work) == PoolReport(["0", None, None], [True, False, False], "the task was interrupted")

    def test_a_second_one_ends_the_grace_and_loses_no_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_workers, "GRACE_SECONDS", LONG)
        over, join = threading.Event(), threading.Thread.join

        def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
            if timeout is not None:  # only in the grace period
                self.interrupt()
            join(thread, timeout)

        def work(item: int) -> str:
            if item == 1:
                self.interrupt()
                over.wait(LONG)
            return str(item)

        monkeypatch.setattr(threading.Thread, "join", interrupted)
        before = time.monotonic()
        report = run(range(3), work)
        assert report == PoolReport(["0", None, None], [True, True, False], "the task was interrupted")
        assert time.monotonic() - before < LONG
        over.set()

    def test_also_while_threads_are_being_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start, starts = threading.Thread.start, iter([True, False])

        def interrupted(thread: threading.Thread) -> None:
            if not next(starts):
                raise KeyboardInterrupt
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", interrupted)
        assert run(range(2), str, concurrency=2).stopped == "the task was interrupted"
