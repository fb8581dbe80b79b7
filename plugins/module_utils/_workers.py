# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on many items at once: how many at the same time, in which order, and when to stop.

Items are started in the order given. Nothing is lost when the work stops early: what was finished keeps its result,
and the report tells which items were under way and which were never started.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Status = TypeVar("Status", bound=str)

# After an interrupt, requests under way get this many seconds to finish.
GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Stop:
    """Why no further item is started. `reason` is a clause that follows "because".

    A pause (`final=False`) ends with the batch's next step; the rest is started later.
    """

    reason: str
    final: bool = True


def stop_reason(noun: str, status: str) -> str:
    """Return the reason to stop after an error that all further items would meet as well."""
    return f"the error {status} occurred for another {noun}"


class CircuitBreaker(Generic[Status]):
    """Decides after every finished item whether further ones may be started. Not thread-safe by itself.

    Without `max_failures`, it stops after `in_a_row` items that ended with one of `statuses`. With it, it stops after
    so many failures of any kind; 0 means never. `stop` is the first reason, and is never reset.
    """

    def __init__(self, *, noun: str, statuses: Collection[Status], in_a_row: int, max_failures: int | None) -> None:
        self._noun = noun
        self._statuses = frozenset(statuses)
        self._limit = in_a_row
        self._max_failures = max_failures
        self._failures = 0
        self._in_a_row = 0
        self.stop: Stop | None = None

    def record(self, status: Status, *, failed: bool, stopped_by: str | None = None) -> Stop | None:
        """Count a finished item. `stopped_by` is the kind of answer after which no other request can succeed."""
        self._failures += failed
        self._in_a_row = self._in_a_row + 1 if status in self._statuses else 0
        reason = self._reason(status, stopped_by)
        if reason and not self.stop:
            self.stop = Stop(reason)
        return self.stop

    def _reason(self, status: Status, stopped_by: str | None) -> str | None:
        if stopped_by:
            return stop_reason(self._noun, stopped_by)
        if self._max_failures is None:
            row = f"{self._in_a_row} {self._noun}s in a row failed, the last as {status}"
            return row if self._in_a_row >= self._limit else None
        counted = f"{self._failures} {self._noun}{'' if self._failures == 1 else 's'} failed (max_failures)"
        return counted if self._max_failures and self._failures >= self._max_failures else None


@dataclass
class PoolReport(Generic[Result]):
    """`results` has an entry per item, None where there is none; `started` tells those that were under way."""

    results: list[Result | None]
    started: list[bool]
    stop: Stop | None = None

    def note(self, stop: Stop | None) -> None:
        """Keep the first reason, except that a final one replaces a pause."""
        if stop and (self.stop is None or (stop.final and not self.stop.final)):
            self.stop = stop


def run_in_pool(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    judge: Callable[[Result], Stop | None],
    *,
    concurrency: int,
    cancelled: Callable[[], bool],
    cut_short: Callable[[], None] = lambda: None,
) -> PoolReport[Result]:
    """Apply `work` to every item in `concurrency` threads, until done or until there is a reason to stop.

    Whatever else is raised here, such as ansible-core's time-out of a task, is raised again when no thread works any
    more: the process may go on with the next item of a loop. `cut_short` is called to let them end soon.
    """
    report: PoolReport[Result] = PoolReport([None] * len(items), [False] * len(items))
    turns = iter(range(len(items)))
    lock = threading.Lock()

    def next_turn() -> int | None:
        with lock:
            if not report.stop and cancelled():
                report.note(Stop("no process waits for the result any more"))
            turn = None if report.stop else next(turns, None)
            if turn is not None:
                report.started[turn] = True
            return turn

    def finish(turn: int, result: Result) -> None:
        with lock:
            report.results[turn] = result
            report.note(judge(result))  # it judges every result, also those that come after a stop

    def worker(ended: threading.Event) -> None:
        try:
            while (turn := next_turn()) is not None:
                finish(turn, work(items[turn]))
        except Exception as error:  # a defect must neither lose the other items' results nor show a traceback
            with lock:
                report.note(Stop(f"an unexpected {type(error).__name__} occurred"))
        finally:
            ended.set()

    # Up to Python 3.12, a thread counts as ended as soon as an exception has interrupted its join().
    ends = [threading.Event() for _thread in range(min(concurrency, len(items)))]
    threads = [threading.Thread(target=worker, args=(ended,), daemon=True) for ended in ends]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        with lock:
            report.stop = Stop("the task was interrupted")
        deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(KeyboardInterrupt):  # a second interrupt ends the grace period, and loses no result
            for ended in started(threads, ends):
                ended.wait(max(deadline - time.monotonic(), 0.0))
    except BaseException:
        with lock:
            report.stop = Stop("the task timed out")
        cut_short()
        for ended in started(threads, ends):
            ended.wait()
        raise
    return report


def started(threads: Sequence[threading.Thread], ends: Sequence[threading.Event]) -> list[threading.Event]:
    return [ended for thread, ended in zip(threads, ends) if thread.ident]
