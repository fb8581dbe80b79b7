# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that a rotation yields to the run that executes them, the request for one account, and its outcome."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Record

State = Literal["rotated", "present", "resumed", "adopted", "delivered", "redeliver"]
STATES: tuple[State, ...] = get_args(State)
# The states in which passwords are sent to the server.
SENDING: frozenset[State] = frozenset({"rotated", "resumed", "adopted"})

# How an account can end. `_rotation.results` has a message for each status.
AccountStatus = Literal[
    "rotated",
    "resumed",
    "fresh",
    "renamed",
    "adopted",
    "created",
    "delivered",
    "delivery_due",
    "would_rotate",
    "would_resume",
    "busy",
    "age_unknown",
    "throttled",
    "unreachable",
    "unauthorized",
    "wrong_url",
    "refused",
    "policy_rejected",
    "superseded",
    "not_found",
    "name_conflict",
    "in_doubt",
    "out_of_sync",
    "quarantined",
    "moved",
    "store_error",
    "store_conflict",
    "no_password",
    "not_attempted",
]
ACCOUNT_STATUSES: tuple[AccountStatus, ...] = get_args(AccountStatus)


@dataclass(frozen=True)
class Save:
    """Make the record durable. The reply is False if another process has written it since it was read, else True."""

    record: Record


@dataclass(frozen=True)
class PreserveConflict:
    """Preserve the version of another process. The reply is the record in it, or None if it is not readable."""


@dataclass(frozen=True)
class Send:
    """Send the pair, once. The reply is a PasswordAnswer."""

    old: str = field(repr=False)
    new: str = field(repr=False)


@dataclass(frozen=True)
class Wait:
    """Wait until a request whose answer was lost has been applied or dropped."""


@dataclass(frozen=True)
class CountFailedSignIns:
    """Ask the server for the failed sign-ins since the last success. The reply is 0 if the token may not read them."""


Step = Union[Save, PreserveConflict, Send, Wait, CountFailedSignIns]


@dataclass(frozen=True)
class Outcome:
    """How an account ended: the record in the store, the server's answers, and the error that ended it early.

    `stops_run`: the run starts no other account. `noted`: no password was changed, but the record says something new.
    """

    status: AccountStatus
    record: Record | None
    answers: tuple[PasswordAnswer, ...] = ()
    error: UiPathError | None = None
    stops_run: bool = False
    noted: bool = False

    @property
    def changed(self) -> bool:
        return any(answer.kind == "applied" for answer in self.answers)

    @property
    def stopped_by(self) -> AnswerKind | AccountStatus | None:
        """The answer or error after which no other account can succeed, or None."""
        kinds: list[AnswerKind | AccountStatus] = [answer.kind for answer in self.answers if answer.stops_task]
        if self.stops_run or (self.error and self.error.stops_task):
            kinds.append(self.status)
        return kinds[0] if kinds else None


Steps = Generator[Step, Any, Outcome]


def sends_or_stages(step: Step) -> bool:
    """Tell whether the step sends a request or stages one, and does not just record a result."""
    if isinstance(step, Save):
        return step.record.pending is not None and step.record.pending.maybe_live
    return isinstance(step, Send)


def outcome_of(error: UiPathError, record: Record | None = None, answers: tuple[PasswordAnswer, ...] = ()) -> Outcome:
    """Return the outcome of an account whose store or sign-in failed."""
    statuses = [status for status in ACCOUNT_STATUSES if status == error.status]
    return Outcome(statuses[0] if statuses else "in_doubt", record, answers, error)


@dataclass(frozen=True)
class RotationRequest:
    """What a task requests for one account, number `index` of its list.

    `generation` belongs to the password that the consumers were given. `consumers` is None where the record decides
    whether there are any. `in_new_store`: no account was ever rotated in the store, so it may not be the right one.
    `verify`: the record is read in any case, also if the store has cached that nothing is due. `problem`: why it is not
    known which user the account is.
    """

    account: Account
    state: State = "rotated"
    initial_password: str | None = field(default=None, repr=False)
    max_age_days: float = 90.0
    force: bool = False
    consumers: bool | None = None
    generation: int | None = None
    in_new_store: bool = False
    verify: bool = False
    index: int = 0
    problem: UiPathError | None = None
