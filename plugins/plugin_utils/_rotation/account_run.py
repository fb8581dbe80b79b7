# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run of one account: it executes the steps of its rotation in the store and at the server.

If the process is killed here, the store is as the last durable write left it. No clean-up is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    CountFailedSignIns,
    Outcome,
    PreserveConflict,
    Save,
    Send,
    Steps,
    Wait,
    outcome_of,
    sends_or_stages,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    LockedRecord,
    OpenStore,
    StoreError,
)

Sender = Callable[[str, str], PasswordAnswer]


class Abandoned(UiPathError):
    """No process waits for this run any more. Nothing more is sent; answers that have come are still committed."""

    status = "in_doubt"
    stops_task = True


@dataclass(frozen=True)
class Work:
    """The state machine for the record that is read under the lock, and how to send and when to stop."""

    rotation: Callable[[Record | None], Rotation]
    send: Sender
    is_abandoned: Callable[[], bool]
    count_failed_sign_ins: Callable[[], int] = lambda: 0


def begin_account(store: OpenStore, user_id: str, work: Work) -> AccountRun | Outcome:
    """Lock the account, read its record, and proceed until it has ended or must wait after a lost answer."""
    lock = ExitStack()
    try:
        record = lock.enter_context(store.locked(user_id))
        account_run = AccountRun(lock, record, work.rotation(record.read()).steps(), work)
    except UiPathError as error:
        release(lock)
        return outcome_of(error)
    except BaseException:
        release(lock)
        raise
    return account_run.proceed() or account_run


def release(lock: ExitStack) -> None:
    """Release a lock. A failure changes nothing of what became of the account."""
    with suppress(UiPathError):
        lock.close()


class AccountRun:
    """The run of one account. It holds the account's lock until the account has ended."""

    def __init__(self, lock: ExitStack, record: LockedRecord, steps: Steps, work: Work) -> None:
        self._lock = lock
        self._record = record
        self._steps = steps
        self._work = work
        self._saved: Record | None = None
        self._answers: list[PasswordAnswer] = []

    def proceed(self) -> Outcome | None:
        """Continue until the account has ended, or return None if it must wait after a lost answer."""
        try:
            outcome = self._proceed()
        except BaseException:
            release(self._lock)
            raise
        if outcome:
            release(self._lock)
        return outcome

    def _proceed(self) -> Outcome | None:
        reply: Any = None
        try:
            while not isinstance(step := self._steps.send(reply), Wait):
                reply = self._carry_out(step)
        except StopIteration as ending:
            outcome: Outcome = ending.value
            return outcome
        except Busy as error:  # once something was sent, no other run explains a write that failed
            return self._failed(StoreError(error.message) if self._answers else error)
        except UiPathError as error:
            return self._failed(error)
        return None

    def _failed(self, error: UiPathError) -> Outcome:
        """Return the outcome of an account whose store failed. The answers until then count all the same."""
        return outcome_of(error, answers=tuple(self._answers))

    def _carry_out(self, step: Save | PreserveConflict | Send | CountFailedSignIns) -> Any:
        if sends_or_stages(step) and self._work.is_abandoned():
            raise Abandoned("The process that started this run is gone, or the task timed out.")
        if isinstance(step, Save):
            return self._write(step.record)
        if isinstance(step, PreserveConflict):
            return self._record.preserve_conflict()
        if isinstance(step, CountFailedSignIns):
            return self._work.count_failed_sign_ins()
        self._answers.append(self._work.send(step.old, step.new))
        return self._answers[-1]

    def _write(self, record: Record) -> bool:
        is_written = self._record.write(record)
        self._saved = record if is_written else self._saved
        return is_written

    def abandon(self) -> Outcome:
        """End an account that waits, without sending again. The next run sends the same pair."""
        release(self._lock)
        return Outcome("in_doubt", self._saved, tuple(self._answers))
