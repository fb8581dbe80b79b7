# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task that rotates accounts: check the whole list, plan every account, rotate those that are due."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connect
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, RequestError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.login_attempts import recent_sign_ins
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.settings import (
    LOCKOUT_IS_ENABLED,
    LOCKOUT_LIMIT,
    PASSWORD_COMPLEXITY,
    lockout_limit,
    read_settings,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import (
    PasswordAnswer,
    canonical_user_id,
    change_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import CircuitBreaker, stop_reason
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import (
    Abandoned,
    AccountRun,
    Work,
    begin_account,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.batch import RotationBatch, account_breaker
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL, unproven_total
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import (
    NameConflict,
    UserNames,
    identified,
    name_conflicts,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import password_rules, rotation_requests
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import (
    PasswordRules,
    new_password,
    rules_problems,
    with_server_policy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import (
    Plan,
    SettledPlans,
    foreign_deliveries,
    plan_all,
    utc_now,
    with_checked_labels,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, doubt, was_rotated
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import (
    MESSAGES,
    account_result,
    is_failed,
    label_of,
    rotation_result,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    RotationRequest,
    outcome_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import OpenStore, Store, StoreError

# A run that waits checks this often, in seconds, that the process which started it still exists.
LONGEST_PAUSE = 1.0
STRICT = "strict is true, and a run cannot work on these accounts"


@dataclass(frozen=True)
class BatchLimits:
    """The number of concurrent accounts, of failures, and of seconds to wait after a lost answer."""

    concurrency: int = 4
    max_failures: int | None = None
    settle_seconds: float = 90.0


@dataclass(frozen=True)
class Bounds:
    """What the server allows: the rules for new passwords, and the most requests without a proof."""

    rules: PasswordRules
    unproven: int = UNPROVEN_TOTAL


class RotationTask:
    """A task over an open store, which messages call `place`. `by` is the user or the job, as the records will name it.

    `strict`: an account on which no run can work stops the task before anything is sent.
    """

    def __init__(
        self,
        store: OpenStore,
        client: Client,
        rules: PasswordRules,
        limits: BatchLimits,
        partition_id: str | None = None,
        *,
        by: str = "",
        place: str = "",
        names: UserNames | None = None,
        settled: SettledPlans | None = None,
        sleep: Callable[[float], None] = time.sleep,
        warn: Callable[[str], None] = lambda _message: None,
        display: Callable[[str], None] = lambda _line: None,
        timed_out: threading.Event | None = None,
        strict: bool = False,
    ) -> None:
        self._store = store
        self._strict = strict
        self._client = client
        self._rules = rules
        self._partition_id = partition_id
        self._names = names or UserNames(client, partition_id)
        self._settled = settled
        self._limits = limits
        self._by = by
        self._place = place
        self._sleep = sleep
        self._warn = warn
        self._display = display
        self._starter = starter()
        self._timed_out = timed_out or threading.Event()

    def run(self, requested: Sequence[RotationRequest], *, check_mode: bool) -> list[dict[str, Any]]:
        """Return the result of every account, in order."""
        plans, refusal = self._verified(self._planned(requested, check_mode=check_mode))
        due = [index for index, planned in enumerate(plans) if planned.sends]
        bounds = self._server_bounds() if due and not refusal else Bounds(self._rules)
        breaker = account_breaker(self._limits.max_failures)
        outcomes = {} if check_mode else self._noted(plans, breaker)
        if refusal:
            outcomes |= self._refused(plans, due, refusal)
        elif due and not check_mode:
            batch = self._batch(self._in_new_store(plans), bounds, breaker, sends=True)
            outcomes |= batch.run(self._in_order(due, plans))
        stopped = breaker.stop.reason if breaker.stop else None
        if stopped and any(outcome.stops_run for outcome in outcomes.values()):
            stopped = f"{stopped}, and none was ever rotated in the store {displayable(self._place)}: check its path"
        return self._results(plans, outcomes, stop_reason("account", refusal.status) if refusal else stopped)

    def _noted(self, plans: Sequence[Plan], breaker: CircuitBreaker[AccountStatus]) -> dict[int, Outcome]:
        """Work on the accounts for which nothing is sent, and return their outcomes."""
        noting = [index for index, planned in enumerate(plans) if planned.has_work and not planned.sends]
        batch = self._batch(plans, Bounds(self._rules), breaker, sends=False)
        return batch.run(noting) if noting else {}

    def _refused(self, plans: Sequence[Plan], due: Sequence[int], refusal: RequestError) -> dict[int, Outcome]:
        """Return the outcomes of the accounts of a run whose requests failed before the first one."""
        first, *others = self._in_order(due, plans)
        record = plans[first].record
        outcome = outcome_of(refusal, record)
        refused = {first: replace(outcome, status=(record and doubt(record)) or outcome.status)}
        return {**refused, **{index: Outcome("not_attempted", plans[index].record) for index in others}}

    def _planned(self, requested: Sequence[RotationRequest], *, check_mode: bool) -> list[Plan]:
        planned = plan_all(requested, self._store, check_mode=check_mode, settled=self._settled)
        plans = with_checked_labels(planned, self._store, check_mode=check_mode, warn=self._warn)
        problems = foreign_deliveries(plans)
        if problems:
            raise InvalidInput(problems)
        return self._checked(plans)

    def _verified(self, plans: list[Plan]) -> tuple[list[Plan], RequestError | None]:
        """If anything is to be sent, sign in and verify the user names. Return the error if a request fails."""
        due = [planned.request for planned in plans if planned.sends]
        try:
            if due:
                self._client.sign_in()
            conflicts = name_conflicts(due, self._names, self._warn)
        except RequestError as error:
            return plans, error
        return self._checked([with_conflict(planned, conflicts) for planned in plans]), None

    def _checked(self, plans: list[Plan]) -> list[Plan]:
        """In a strict task, raise if a run cannot work on an account."""
        unusable = [planned for planned in plans if planned.is_unusable] if self._strict else []
        if unusable:
            raise InvalidInput([STRICT, *map(unusable_account, unusable)])
        return plans

    def _in_new_store(self, plans: Sequence[Plan]) -> Sequence[Plan]:
        """Mark the requests if no account was ever rotated in the store, as far as this run has read it.

        Accounts that are repaired are not marked: their passwords come from a person, or from their records.
        """
        read = {planned.request.account.user_id: planned.record for planned in plans if planned.record}
        if any(map(was_rotated, read.values())) or not read.keys() >= set(self._store.user_ids()):
            return plans
        return [
            replace(planned, request=replace(planned.request, in_new_store=True))
            if planned.record is None or planned.request.state == "rotated"
            else planned
            for planned in plans
        ]

    def _server_bounds(self) -> Bounds:
        """Return the rules for new passwords and the limit of requests, as the server's settings demand.

        What cannot be read demands nothing.
        """
        keys = (PASSWORD_COMPLEXITY, LOCKOUT_IS_ENABLED, LOCKOUT_LIMIT)
        settings = read_settings(self._client, keys, self._partition_id)
        rules = with_server_policy(self._rules, settings.get(PASSWORD_COMPLEXITY))
        problems = rules_problems(rules)
        if problems:
            raise InvalidInput([f"{problem} (required by the server's password policy)" for problem in problems])
        return Bounds(rules, unproven_total(lockout_limit(settings)))

    def _in_order(self, due: Sequence[int], plans: Sequence[Plan]) -> list[int]:
        """Put accounts in doubt first, then those due, the run's own, and those for which earlier runs did nothing.

        Accounts that stop the run come later each time, so all others have their turn.
        """
        own = canonical_user_id(self._client.own_user_id() or "")

        def rank(index: int) -> tuple[int, bool, bool]:
            record = plans[index].record
            is_own = plans[index].request.account.user_id == own
            return record.stalled if record else 0, is_own, not (record and record.pending)

        return sorted(due, key=rank)

    def _batch(
        self, plans: Sequence[Plan], bounds: Bounds, breaker: CircuitBreaker[AccountStatus], *, sends: bool
    ) -> RotationBatch:
        def begin(index: int) -> AccountRun | Outcome:
            request = plans[index].request
            if plans[index].is_renamed:  # should it have become due meanwhile, the next run rotates it
                request = replace(request, state="present")
            rotation = self._rotation_of(request, bounds)
            work = Work(rotation, self._sender(request), self._is_abandoned, self._sign_in_counter(request))
            return begin_account(self._store, request.account.user_id, work)

        def failed(index: int, outcome: Outcome) -> bool:
            planned = plans[index]
            record = outcome.record or planned.record
            return is_failed(outcome.status, record, planned.request.max_age_days, utc_now())

        return RotationBatch(
            begin=begin,
            wait=self._wait,
            cancelled=self._is_abandoned,
            cut_short=self._timed_out.set,
            breaker=breaker,
            failed=failed,
            concurrency=self._limits.concurrency,
            proven=not sends,
            display=self._display,
            verb="rotated" if sends else "done",
        )

    def _sender(self, request: RotationRequest) -> Callable[[str, str], PasswordAnswer]:
        secrets = {request.initial_password or ""}  # a server may quote what it was sent earlier

        def send(old: str, new: str) -> PasswordAnswer:
            secrets.update((old, new))
            return change_password(self._client, request.account.user_id, old, new, secrets=secrets)

        return send

    def _rotation_of(self, request: RotationRequest, bounds: Bounds) -> Callable[[Record | None], Rotation]:
        return lambda record: Rotation(
            request,
            record,
            now=utc_now,
            new_password=lambda: new_password(bounds.rules),
            by=self._by,
            unproven_total=bounds.unproven,
        )

    def _sign_in_counter(self, request: RotationRequest) -> Callable[[], int]:
        def count_failed_sign_ins() -> int:
            sign_ins = recent_sign_ins(self._client, request.account.user_id)
            return sign_ins.failures_since if sign_ins else 0

        return count_failed_sign_ins

    def _wait(self) -> None:
        """Wait, unless the process that started this run is gone: then return, so that the locks are released."""
        seconds = self._limits.settle_seconds
        self._warn(f"Some requests got no answer. Waiting {seconds:g} seconds before sending them again.")
        while seconds > 0 and not self._is_abandoned():
            self._sleep(min(seconds, LONGEST_PAUSE))
            seconds -= LONGEST_PAUSE

    def _is_abandoned(self) -> bool:
        return self._timed_out.is_set() or os.getppid() != self._starter

    def _results(
        self, plans: Sequence[Plan], outcomes: Mapping[int, Outcome], stopped: str | None
    ) -> list[dict[str, Any]]:
        results = []
        for index, planned in enumerate(plans):
            outcome = outcomes.get(index) or planned.outcome or Outcome("not_attempted", planned.record)
            if outcome.record is None:
                outcome = replace(outcome, record=planned.record)
            results.append(account_result(planned.request, outcome, now=utc_now(), stopped=stopped))
        return results


def with_conflict(planned: Plan, conflicts: Mapping[str, NameConflict]) -> Plan:
    """End an account whose user name belongs to another user. An account in doubt stays that."""
    conflict = conflicts.get(planned.request.account.user_id) if planned.sends else None
    if conflict is None:
        return planned
    outcome = outcome_of(conflict, planned.record)
    status = (planned.record and doubt(planned.record)) or outcome.status
    return replace(planned, outcome=replace(outcome, status=status))


def unusable_account(planned: Plan) -> str:
    """Return why a run cannot work on an account, as a problem of the task."""
    outcome = planned.end or Outcome("not_attempted", planned.record)
    label = label_of(planned.request, planned.record)
    reason = outcome.error.message if outcome.error else MESSAGES[outcome.status]
    return f"{label} is {outcome.status}: {reason.rstrip('.')}"


def sleep_until(timed_out: threading.Event, seconds: float) -> None:
    """Wait before a retry, but give it up if the task has timed out."""
    if timed_out.wait(seconds):
        raise Abandoned("The task timed out.")


def starter() -> int:
    """Return the id of the process that started this one, even if it is gone and another one is now the parent."""
    parent = multiprocessing.parent_process()
    return (parent and parent.pid) or os.getppid()


def rotate(
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    store: Store,
    *,
    check_mode: bool,
    by: str = "",
    warn: Callable[[str], None] = lambda _message: None,
    display: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Run a task whose options are valid, and return its result.

    `by` is the user or the job that runs it. `display` shows the progress of a long run.
    """
    timed_out = threading.Event()
    client = connect(
        options,
        environ,
        check_mode=check_mode,
        connections=options["concurrency"],
        other_secrets=store.secrets(),
        sleep=lambda seconds: sleep_until(timed_out, seconds),
    )
    limits = BatchLimits(options["concurrency"], options["max_failures"], options["settle_seconds"])
    rules, partition_id = password_rules(options), options["partition_id"]
    results: list[dict[str, Any]] | None = None
    try:
        with store.open(read_only=check_mode) as opened:
            for warning in opened.warnings if options["accounts"] else ["accounts is empty: there is nothing to do."]:
                warn(warning)
            names = UserNames(client, partition_id)
            settled = SettledPlans(opened)
            requested = identified(rotation_requests(options), opened, names, settled)
            task = RotationTask(
                opened,
                client,
                rules,
                limits,
                partition_id,
                by=by,
                place=store.place,
                names=names,
                settled=settled,
                warn=warn,
                display=display,
                timed_out=timed_out,
                strict=options["strict"],
            )
            results = task.run(requested, check_mode=check_mode)
    except StoreError as error:
        if results is None:
            raise
        warn(f"The store was not closed properly. {error.message}")
    return rotation_result(results)
