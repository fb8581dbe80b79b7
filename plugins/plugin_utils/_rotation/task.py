# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task that rotates accounts: check the whole list, plan every account, carry out what is due."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connect
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, RequestError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.settings import PASSWORD_COMPLEXITY, read_setting
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import (
    PasswordAnswer,
    canonical_user_id,
    change_password,
    unanswered,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.account_run import AccountRun
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.batch import RotationBatch, account_breaker
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import password_rules, requests
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import (
    PasswordRules,
    new_password,
    rules_problems,
    with_server_policy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import (
    Plan,
    identified,
    plan_all,
    taken_labels,
    utc_now,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import (
    SUCCEEDED,
    account_result,
    task_result,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome, RotationRequest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store

# The states in which the server is asked.
ASKING = frozenset({"rotated", "resumed", "adopted"})
# So often, in seconds, a run that waits looks whether the process that started it is still there.
LONGEST_NAP = 1.0


@dataclass(frozen=True)
class BatchLimits:
    """How many accounts at once, when to stop, how long a lost answer is given, in seconds."""

    concurrency: int = 4
    max_failures: int | None = None
    settle_seconds: float = 90.0


class RotationTask:
    def __init__(
        self,
        store: Store,
        client: Client,
        rules: PasswordRules,
        limits: BatchLimits,
        partition_id: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        warn: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self._store = store
        self._client = client
        self._rules = rules
        self._partition_id = partition_id
        self._limits = limits
        self._sleep = sleep
        self._warn = warn
        self._starter = starter()

    def run(self, requests: Sequence[RotationRequest], *, check_mode: bool) -> list[dict[str, Any]]:
        """Return the result of every account, in order."""
        plans = plan_all(requests, self._store, check_mode=check_mode)
        problems = taken_labels(plans, self._store)
        if problems:
            raise InvalidInput(problems)
        if any(planned.outcome and planned.outcome.status == "no_password" for planned in plans):
            return self._results(plans, {}, "an account has neither a record nor an initial_password")
        due = [index for index, planned in enumerate(plans) if is_due(planned)]
        refusal = self._sign_in([plans[index].request for index in due])
        if check_mode:
            return self._foreseen(plans, due, refusal)
        batch = self._batch(due, plans, refusal)
        batch.run(self._in_order(due, plans))
        stop = batch.breaker.stop
        return self._results(plans, batch.outcomes, stop.reason if stop else None)

    def _foreseen(
        self, plans: Sequence[Plan], due: Sequence[int], refusal: PasswordAnswer | None
    ) -> list[dict[str, Any]]:
        """Return the results of check mode: what is planned, unless the server would not even let the run begin."""
        if not refusal:
            return self._results(plans, {}, None)
        first, *others = self._in_order(due, plans)
        outcomes = {first: Outcome(refusal.kind, plans[first].record, (refusal,))}
        outcomes |= {index: Outcome("not_attempted", plans[index].record) for index in others}
        return self._results(plans, outcomes, f"another account's request would end as {refusal.kind}")

    def _sign_in(self, requests: Sequence[RotationRequest]) -> PasswordAnswer | None:
        """Sign in if the server will be asked, and return the reason if that fails."""
        if not any(request.state in ASKING for request in requests):
            return None
        try:
            self._client.sign_in()
        except RequestError as error:
            return replace(unanswered(error), stops_task=True, attempts=0)
        self._heed_policy()
        return None

    def _heed_policy(self) -> None:
        """Make new passwords as the server's policy wants them, as far as it can be read."""
        setting = read_setting(self._client, PASSWORD_COMPLEXITY, self._partition_id)
        self._rules = with_server_policy(self._rules, setting)
        problems = rules_problems(self._rules)
        if problems:
            raise InvalidInput([f"{problem}, and the server's policy demands it" for problem in problems])

    def _in_order(self, due: Sequence[int], plans: Sequence[Plan]) -> list[int]:
        """Put what is in doubt first, then what is due, what was refused for certain, and the run's own account."""
        own = canonical_user_id(self._client.own_user_id() or "") if due else ""

        def rank(index: int) -> tuple[bool, bool, bool]:
            record = plans[index].record
            pending = record.pending if record else None
            is_own = plans[index].request.account.user_id == own
            return is_own, bool(pending and not pending.maybe_live), not pending

        return sorted(due, key=rank)

    def _batch(self, due: Sequence[int], plans: Sequence[Plan], refusal: PasswordAnswer | None) -> RotationBatch:
        def begin(index: int) -> AccountRun | Outcome:
            request = plans[index].request
            if refusal and request.state in ASKING:
                return Outcome(refusal.kind, plans[index].record, (refusal,))
            rotation = Rotation(request, now=utc_now, new_password=lambda: new_password(self._rules))
            account_run = AccountRun(rotation, self._sender(request), self._is_abandoned)
            return account_run.begin(self._store, request.account.user_id) or account_run

        return RotationBatch(
            begin=begin,
            settle=self._settle,
            cancelled=self._is_abandoned,
            breaker=account_breaker(self._limits.max_failures),
            succeeded=SUCCEEDED,
            concurrency=self._limits.concurrency,
            proven=all(plans[index].request.state not in ASKING for index in due),
        )

    def _sender(self, request: RotationRequest) -> Callable[[str, str], PasswordAnswer]:
        secrets = {request.initial_password or ""}  # a server may quote what it was sent earlier

        def send(old: str, new: str) -> PasswordAnswer:
            secrets.update((old, new))
            answer = change_password(self._client, request.account.user_id, old, new, secrets=secrets)
            if answer.kind != "conflict" or self._is_abandoned():
                return answer
            again = change_password(self._client, request.account.user_id, old, new, secrets=secrets)
            return replace(again, attempts=answer.attempts + again.attempts)

        return send

    def _settle(self) -> None:
        """Wait, but hold no lock any longer where nobody waits for this run."""
        seconds = self._limits.settle_seconds
        self._warn(f"No answer came to some requests. Waiting {seconds:g} seconds before they are sent again.")
        while seconds > 0 and not self._is_abandoned():
            self._sleep(min(seconds, LONGEST_NAP))
            seconds -= LONGEST_NAP

    def _is_abandoned(self) -> bool:
        return os.getppid() != self._starter

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


def starter() -> int:
    """Return the id of the process that started this one. It may be gone already, and the id of the parent another."""
    parent = multiprocessing.parent_process()
    return (parent and parent.pid) or os.getppid()


def is_due(planned: Plan) -> bool:
    return planned.outcome is None or planned.outcome.status == "would_rotate"


def rotate(
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    store: Store,
    *,
    check_mode: bool,
    warn: Callable[[str], None] = lambda _message: None,
) -> dict[str, Any]:
    """Carry out a task whose options were found to be right, and return its result."""
    client = connect(options, environ, check_mode=check_mode, connections=options["concurrency"])
    store.open(check_mode=check_mode)
    if not options["accounts"]:
        warn("accounts is empty: there is nothing to do.")
    elif store.is_new:
        warn(f"There is no store in {options['store']['path']} yet: check the path, unless this is the first run.")
    accounts = identified(requests(options), store, client, options["partition_id"])
    limits = BatchLimits(options["concurrency"], options["max_failures"], options["settle_seconds"])
    task = RotationTask(store, client, password_rules(options), limits, options["partition_id"], warn=warn)
    results = task.run(accounts, check_mode=check_mode)
    store.close()
    return task_result(results, options["max_age_days"])
