# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on many users at once: how many at the same time, in which order, and when to stop.

Users are started in the order given. Nothing is lost when the work stops early: what was finished keeps its result,
and the report tells which users were under way and which were never started.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Without max_failures, as many users in a row that end in one of these ways stop the work.
FAILURES_IN_A_ROW = 3
BRAKING = frozenset({"wrong_password", "unknown", "unreachable", "throttled"})
# After an interrupt, requests under way get this many seconds to finish.
GRACE_SECONDS = 2.0


class Brake:
    """Decides after every finished user whether further ones may be started. Not thread-safe by itself."""

    def __init__(self, max_failures: int | None) -> None:
        self._max_failures = max_failures
        self._failures = 0
        self._in_a_row = 0

    def reason_to_stop(self, status: str, *, failed: bool, stopped_by: str | None) -> str | None:
        """Note a user's end. `stopped_by` is the outcome of a request after which no other can succeed."""
        if stopped_by:
            return f"another user's request ended as {stopped_by}"
        self._failures += failed
        self._in_a_row = self._in_a_row + 1 if status in BRAKING else 0
        if self._max_failures is None:
            return f"{self._in_a_row} users in a row failed, the last as {status}" if self._brakes() else None
        if self._max_failures and self._failures >= self._max_failures:
            return f"{self._failures} users had failed (max_failures)"
        return None

    def _brakes(self) -> bool:
        return self._in_a_row == FAILURES_IN_A_ROW


@dataclass
class PoolReport(Generic[Result]):
    """`results` has an entry per item, None where there is none; `started` tells those that were under way."""

    results: list[Result | None]
    started: list[bool]
    stopped: str | None = None


def run_in_pool(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    reason_to_stop: Callable[[Result], str | None],
    *,
    concurrency: int,
    cancelled: Callable[[], bool],
) -> PoolReport[Result]:
    """Apply `work` to every item in `concurrency` threads, until done or until there is a reason to stop."""
    report: PoolReport[Result] = PoolReport([None] * len(items), [False] * len(items))
    turns = iter(range(len(items)))
    lock = threading.Lock()

    def next_turn() -> int | None:
        with lock:
            if not report.stopped and cancelled():
                report.stopped = "nobody waits for the result any more"
            turn = None if report.stopped else next(turns, None)
            if turn is not None:
                report.started[turn] = True
            return turn

    def finish(turn: int, result: Result) -> None:
        with lock:
            report.results[turn] = result
            reason = reason_to_stop(result)  # it is told of every result, of those after a stop as well
            report.stopped = report.stopped or reason

    def worker() -> None:
        while (turn := next_turn()) is not None:
            try:
                finish(turn, work(items[turn]))
            except Exception as error:  # a defect must neither lose the other users' results nor show a traceback
                with lock:
                    report.stopped = report.stopped or f"of an unexpected {type(error).__name__}"
                return

    threads = [threading.Thread(target=worker, daemon=True) for _thread in range(min(concurrency, len(items)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        with lock:
            report.stopped = "the task was interrupted"
        deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(KeyboardInterrupt):  # a second one ends the grace, and loses no result
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(max(deadline - time.monotonic(), 0.0))
    return report
