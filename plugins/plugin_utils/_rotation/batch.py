# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of many accounts: their order, concurrency, common waits and limits.

Accounts run one at a time until the first one was changed, so that a problem of all accounts affects only one. After
that, accounts whose answer was lost wait together: many lost answers cost one wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import (
    CircuitBreaker,
    Stop,
    run_in_pool,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import AccountRun
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.progress import Progress, progress_line
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import AccountStatus, Outcome

# This many accounts in a row that end with one of these statuses stop the run.
FAILURES_IN_A_ROW = 2
STOPPING_STATUSES: frozenset[AccountStatus] = frozenset(
    {
        "out_of_sync",
        "in_doubt",
        "quarantined",
        "refused",
        "policy_rejected",
        "not_found",
        "unauthorized",
        "unreachable",
        "throttled",
    }
)
# No account is started while this many wait: otherwise an unreachable server would leave every account in doubt.
WAITING_AT_MOST = 16

FIRST_CHANGE = Stop("the first account was changed", final=False)
ENOUGH_WAIT = Stop("enough accounts wait for lost answers", final=False)

Begin = Callable[[int], "AccountRun | Outcome"]


def account_breaker(max_failures: int | None) -> CircuitBreaker[AccountStatus]:
    return CircuitBreaker(
        noun="account", statuses=STOPPING_STATUSES, in_a_row=FAILURES_IN_A_ROW, max_failures=max_failures
    )


@dataclass
class RotationBatch:
    """`begin` runs an account to its end, or returns its run if it must wait.

    `proven`: accounts may run concurrently, since a first one was changed or nothing is sent to the server.
    `cut_short`: lets the accounts under way end with the answers that they wait for. `display` shows the progress of a
    long run, and `verb` says there what is done with an account.
    """

    begin: Begin
    wait: Callable[[], None]
    cancelled: Callable[[], bool]
    breaker: CircuitBreaker[AccountStatus]
    failed: Callable[[int, Outcome], bool]
    concurrency: int
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    waiting: dict[int, AccountRun] = field(default_factory=dict)
    locked: list[AccountRun] = field(default_factory=list)
    proven: bool = False
    cut_short: Callable[[], None] = lambda: None
    display: Callable[[str], None] = lambda _line: None
    verb: str = "rotated"

    def run(self, accounts: Sequence[int]) -> dict[int, Outcome]:
        """Return the outcomes of the accounts that were started.

        If ansible-core's time-out ends the task, no lock is left to the next item of its loop.
        """
        progress = Progress(lambda seconds: self._line(len(accounts), seconds), self.display)
        try:
            with progress.shown():
                return self._run(accounts, progress)
        except BaseException:
            for account_run in self.locked:
                account_run.abandon()
            raise

    def _line(self, total: int, seconds: float) -> str:
        outcomes, waiting = list(self.outcomes.values()), len(self.waiting)
        return progress_line(outcomes, verb=self.verb, waiting=waiting, total=total, seconds=seconds)

    def _run(self, accounts: Sequence[int], progress: Progress) -> dict[int, Outcome]:
        queue = list(accounts)
        while queue and not self.breaker.stop:
            queue = self._apply(queue, self.begin)
            if len(self.waiting) >= self._most():
                self._conclude_waiting(progress)
        while self.waiting:  # an account may have to wait twice
            self._conclude_waiting(progress)
        return self.outcomes

    def _conclude_waiting(self, progress: Progress) -> None:
        """Wait once for all accounts that have to, and continue them."""
        if not self.breaker.stop:
            progress.show()
            self.wait()
        account_runs, self.waiting = self.waiting, {}
        queue = list(account_runs)
        while queue and not self.breaker.stop:
            queue = self._apply(queue, lambda account: account_runs[account].proceed() or account_runs[account])
        for account in queue:
            self.outcomes[account] = account_runs[account].abandon()

    def _apply(self, accounts: Sequence[int], work: Begin) -> list[int]:
        """Work on accounts until there is a reason to pause or to stop, and return those that were not started."""

        def take(account: int) -> tuple[int, AccountRun | Outcome]:
            return account, work(account)

        concurrency = self.concurrency if self.proven else 1
        report = run_in_pool(
            accounts,
            take,
            self._note,
            concurrency=concurrency,
            cancelled=self.cancelled,
            cut_short=self.cut_short,
        )
        if report.stop and report.stop.final:
            self.breaker.stop = self.breaker.stop or report.stop
        for account, result, started in zip(accounts, report.results, report.started):
            if started and result is None:  # interrupted, or a defect: the next run finds out what was applied
                self.outcomes[account] = Outcome("in_doubt", None, error=cut_off(report.stop))
        return [account for account, started in zip(accounts, report.started) if not started]

    def _most(self) -> int:
        return WAITING_AT_MOST if self.proven else 1

    def _note(self, result: tuple[int, AccountRun | Outcome]) -> Stop | None:
        """Note the result of an account, and return the reason to start no further one for now."""
        account, end = result
        if isinstance(end, AccountRun):
            self.waiting[account] = end
            self.locked.append(end)
            return ENOUGH_WAIT if len(self.waiting) >= self._most() else None
        self.outcomes[account] = end
        first_change = end.changed and not self.proven
        self.proven = self.proven or end.changed
        stop = self.breaker.record(end.status, failed=self.failed(account, end), stopped_by=end.stopped_by)
        return stop or (FIRST_CHANGE if first_change else None)


def cut_off(stop: Stop | None) -> UiPathError | None:
    """Return the error of an account whose work did not return."""
    return UiPathError(f"{stop.reason[0].upper()}{stop.reason[1:]}.") if stop else None
