# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account under way: its steps are carried out in the store and at the server.

Whoever dies in here leaves the store as the last durable write left it. Nothing is cleaned up on the way out, because
nothing has to be.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer, unanswered
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    Ended,
    Save,
    Send,
    SetAside,
    Settle,
    Step,
    Steps,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Slot, Store

Sender = Callable[[str, str], PasswordAnswer]


class Abandoned(UiPathError):
    """The process that started this run is gone. Nothing more is begun; what was answered is still committed."""

    status = "in_doubt"
    stops_task = True


class Course:
    """An account under way, with its lock, which is held until the account has ended."""

    def __init__(self, rotation: Rotation, send: Sender, is_abandoned: Callable[[], bool]) -> None:
        self._rotation = rotation
        self._send = send
        self._is_abandoned = is_abandoned
        self._lock = ExitStack()
        self._answers: list[PasswordAnswer] = []
        self._steps: Steps
        self._slot: Slot

    def begin(self, store: Store, account_id: str) -> Ended | None:
        """Lock the account, read its record, and go on as far as possible."""
        try:
            self._slot = self._lock.enter_context(store.account(account_id))
            self._steps = self._rotation.steps(self._slot.read())
        except UiPathError as error:
            return self._broken_off(error)
        return self.proceed()

    def proceed(self) -> Ended | None:
        """Go on until the account has ended, or return None where it has to wait for a lost answer to settle."""
        reply: Any = None
        try:
            while not isinstance(step := self._steps.send(reply), Settle):
                reply = self._carry_out(step)
        except StopIteration as ending:
            self._lock.close()
            ended: Ended = ending.value
            return ended
        except UiPathError as error:
            return self._broken_off(error)
        return None

    def _carry_out(self, step: Save | SetAside | Send) -> Any:
        if begins_something(step) and self._is_abandoned():
            raise Abandoned("The process that started this run is gone.")
        if isinstance(step, Save):
            return self._slot.write(step.record)
        if isinstance(step, SetAside):
            return self._slot.set_aside()
        self._answers.append(self._send(step.old, step.new))
        return self._answers[-1]

    def abandon(self) -> Ended:
        """End an account that waits, without asking again. The next run does."""
        self._lock.close()
        return Ended("in_doubt", None, tuple(self._answers))

    def _broken_off(self, error: UiPathError) -> Ended:
        """Return how the account ended when its store failed. What was sent until then counts all the same."""
        self._lock.close()
        return Ended(error.status, None, (*self._answers, unanswered(error)))


def begins_something(step: Step) -> bool:
    """Tell a request, and the stage before it, from a step that records what has come of a request."""
    if isinstance(step, Save):
        return step.record.pending is not None and step.record.pending.maybe_live
    return isinstance(step, Send)
