# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of one account, as the sequence of its durable writes and its requests.

This module uses neither files nor HTTP. `Rotation.steps` is a generator: it yields the next step (save a record, send a
pair, wait), receives the step's result, and returns the outcome. If the process is killed between two steps, the next
rotation starts from the last saved record.

It is safe because the server applies a pair only while the old password of the pair is live. So

- a pair is saved before it is sent, and only a proof replaces the saved pair, never an error;
- the same pair may be sent again at any time, another pair only from a password that may be live;
- nothing is rolled back: a request still in flight could make the withdrawn password live again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Current,
    OrphanReason,
    Pending,
    Record,
    age_days,
    closed_status,
    committed,
    next_generation,
    with_names,
    with_orphans,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    PreserveConflict,
    RotationRequest,
    Save,
    Send,
    Step,
    Steps,
    Wait,
)

# Requests since the last proof that may have counted as failed sign-ins. The server may lock the account at 10.
UNPROVEN_LIMIT = 4
# Answers "the old password is wrong" that one run may cause.
MISMATCH_LIMIT = 2
# New passwords that one run offers to the server's password policy.
POLICY_TRIES = 3

# The account's status after an answer which proves that the request had no effect and was no failed sign-in.
NOT_APPLIED: dict[AnswerKind, AccountStatus] = {
    "throttled": "throttled",
    "unreachable": "unreachable",
    "unauthorized": "unauthorized",
    "wrong_url": "wrong_url",
    "not_found": "not_found",
}

# The keys of the tables below: the kinds of answers, and a refusal because the user is locked or inactive.
Reaction = Union[AnswerKind, Literal["barred"]]


@dataclass(frozen=True)
class Attempt:
    """A pair that is about to be sent, and how this run came to it.

    `maybe_applied`: an earlier request with the same pair may have been applied. `untried`: passwords that may be live,
    to try as the old one if this pair's old one is dead. `is_forward`: this run has made its step forward. `doubted`:
    the pair from which it did so without a proof. `rejected`: how many new passwords the policy has rejected.
    """

    pair: Pending
    maybe_applied: bool = False
    untried: tuple[str, ...] = ()
    is_forward: bool = False
    doubted: Pending | None = None
    rejected: int = 0


Handler = Callable[[Record, Attempt], Steps]


class Rotation:
    """One run of one account. The answers are those of this run; no later run knows them."""

    def __init__(
        self,
        request: RotationRequest,
        record: Record | None,
        *,
        now: Callable[[], datetime],
        new_password: Callable[[], str],
    ) -> None:
        self._request = request
        self._record = with_names(record, request.account) if record else None  # saved with the next write
        self._now = now
        self._new_password = new_password
        self._answers: list[PasswordAnswer] = []
        self._sent = ""
        opens = request.state == "adopted" or (request.state == "resumed" and request.force)
        # The orphans of a closed account stay before those that this run adds: they were tried less often.
        self._keeps_order = bool(record and closed_status(record) and opens)
        # Handlers of the answer to a pair that was never sent before, and to one that may have been applied already.
        self._after_first_send: Mapping[Reaction, Handler] = {
            **dict.fromkeys(NOT_APPLIED, self._not_applied),
            "applied": self._commit,
            "mismatch": self._after_mismatch,
            "unknown": self._wait_and_resend,
            "policy": self._try_another_value,
            "refused": self._refused,
            "barred": self._quarantine,
        }
        self._after_resend: Mapping[Reaction, Handler] = {
            **dict.fromkeys(NOT_APPLIED, self._still_in_doubt),
            "applied": self._commit,
            "mismatch": self._after_mismatch,
            "unknown": self._leave_in_doubt,
            "policy": self._forward_in_doubt,
            "refused": self._forward_in_doubt,
            "barred": self._quarantine,
        }

    def steps(self) -> Steps:
        if self._record is None:
            return (yield from self._first())
        if self._request.state == "present":
            return self._outcome("fresh", self._record)
        wanted = {"rotated": self._rotated, "resumed": self._resumed, "adopted": self._adopted}
        return (yield from wanted.get(self._request.state, self._delivered)(self._record))

    # States

    def _first(self) -> Steps:
        """There is no record yet: adopt the initial password in the same write that stages the first pair."""
        request = self._request
        if request.state in ("resumed", "delivered"):
            return self._outcome("fresh", None)
        if request.initial_password is None:
            return self._outcome("no_password", None)
        record = Record(request.account, Current(request.initial_password, self._time(), "adopted"))
        if request.state == "present":
            return (yield from self._saved(record, "created"))
        return (yield from self._change(record))

    def _delivered(self, record: Record) -> Steps:
        if record.delivered:
            return self._outcome("fresh", record)
        if self._request.generation not in (None, record.generation):  # the consumers got an earlier password
            return self._outcome("busy", record)
        return (yield from self._saved(replace(record, delivered=True), "delivered"))

    def _adopted(self, record: Record) -> Steps:
        """Use the initial password as the live one. Earlier candidates are kept, and are tried first."""
        closed = closed_status(record)
        if not closed:
            return self._outcome("fresh", record)
        if self._request.initial_password is None or was_refused(self._request.initial_password, record):
            return self._outcome(closed, record)
        former = self._with_orphans(replace(record, pending=None), record.candidates(), "before adoption")
        current = Current(self._request.initial_password, self._time(), "adopted")
        return (yield from self._change(replace(former, current=current, status="ok", unproven_sends=0)))

    def _resumed(self, record: Record) -> Steps:
        closed = closed_status(record)
        if closed:
            return (yield from self._reopen(record)) if self._request.force else self._outcome(closed, record)
        if not record.pending:
            return self._outcome("fresh", record)
        return (yield from self._resume(record, record.pending))

    def _rotated(self, record: Record) -> Steps:
        closed = closed_status(record)
        if closed:
            return self._outcome(closed, record)
        if record.pending:
            return (yield from self._resume(record, record.pending))
        due = self._due(record.current)
        if due is None:
            return self._outcome("age_unknown", record)
        return (yield from self._change(record)) if due else self._outcome("fresh", record)

    def _due(self, current: Current) -> bool | None:
        """Tell whether a rotation is due, or return None if the password's age is not known."""
        if self._request.force or current.source == "adopted":
            return True
        days = age_days(current, self._now())
        return None if days is None else days >= self._request.max_age_days

    # Requests

    def _change(self, record: Record) -> Steps:
        return (yield from self._send(record, Attempt(self._pair(record.current.password))))

    def _resume(self, record: Record, pending: Pending) -> Steps:
        return (yield from self._send(record, Attempt(pending, maybe_applied=pending.maybe_live)))

    def _reopen(self, record: Record) -> Steps:
        """Try the passwords that may be live, one after the other, up to the limit of mismatches."""
        first, *others = record.candidates()
        opened = self._with_orphans(replace(record, pending=None), record.candidates(), "not proven dead")
        opened = replace(opened, status="in_doubt", unproven_sends=0)
        return (yield from self._send(opened, Attempt(self._pair(first), untried=tuple(others))))

    def _send(self, record: Record, attempt: Attempt) -> Steps:
        """Save the pair, send it, and continue as the table for this attempt says."""
        if record.unproven_sends >= UNPROVEN_LIMIT:
            return (yield from self._saved(replace(record, status="quarantined"), "quarantined"))
        pair = attempt.pair
        staged = next_generation(
            record,
            pending=replace(pair, maybe_live=True),
            status="in_doubt" if attempt.maybe_applied else record.status,
            unproven_sends=record.unproven_sends + 1,
        )
        failure = yield from self._persisted(staged)
        if failure:
            return failure
        self._sent = pair.new
        answer: PasswordAnswer = yield Send(pair.old, pair.new)
        self._answers.append(answer)
        handlers = self._after_resend if attempt.maybe_applied else self._after_first_send
        return (yield from handlers[reaction(answer)](staged, attempt))

    # Handlers of answers. `record` is the staged one

    def _commit(self, record: Record, attempt: Attempt) -> Steps:
        delivered = record.delivered and not self._request.consumers
        record = committed(record, attempt.pair, self._time(), delivered=delivered)
        return (yield from self._persisted_as(record, self._success()))

    def _after_mismatch(self, record: Record, attempt: Attempt) -> Steps:
        """The old password is dead. The new one is live, or one that this run has not tried."""
        if self._mismatches() >= MISMATCH_LIMIT:
            return (yield from self._close(record, attempt))
        if not attempt.is_forward and (attempt.maybe_applied or not attempt.untried):
            return (yield from self._step_forward(record, attempt))
        if attempt.untried:
            following, *others = attempt.untried
            retry = replace(attempt, pair=self._pair(following), maybe_applied=False, untried=tuple(others))
            return (yield from self._send(self._without_pair(record, attempt), retry))
        return (yield from self._close(record, attempt))

    def _close(self, record: Record, attempt: Attempt) -> Steps:
        closed = replace(self._without_pair(record, attempt), status="out_of_sync")
        return (yield from self._saved(closed, "out_of_sync"))

    def _step_forward(self, record: Record, attempt: Attempt) -> Steps:
        """Continue from the new password of a pair that may have been applied. A run does this once."""
        if attempt.is_forward:
            return self._outcome("in_doubt", record)
        onward = self._with_orphans(record, (attempt.pair.old,), "replaced")
        forward = replace(attempt, pair=self._pair(attempt.pair.new), maybe_applied=False, is_forward=True)
        return (yield from self._send(replace(onward, status="in_doubt"), forward))

    def _forward_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        """Step forward although the old password may still be live: a refusal proves nothing about this pair.

        The server may check policy and history before the old password. The old password is tried next.
        """
        if not attempt.is_forward:
            untried = (*attempt.untried, attempt.pair.old)
            attempt = replace(attempt, doubted=attempt.pair, untried=untried)
        return (yield from self._step_forward(record, attempt))

    def _back_in_doubt(self, record: Record, doubted: Pending) -> Steps:
        """The server refused the step forward as well, which proves nothing. The next run sends the first pair."""
        without = self._with_orphans(record, [record.pending.new] if record.pending else [], "rejected")
        return (yield from self._saved(replace(without, pending=doubted), "in_doubt"))

    def _wait_and_resend(self, record: Record, attempt: Attempt) -> Steps:
        yield Wait()
        return (yield from self._send(record, replace(attempt, maybe_applied=True)))

    def _leave_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        yield from ()  # a generator, like every handler
        return self._outcome("in_doubt", record)

    def _not_applied(self, record: Record, attempt: Attempt) -> Steps:
        """The request had no effect, and no other request with this pair is in flight."""
        status = NOT_APPLIED[self._answers[-1].kind]
        return (yield from self._saved(self._uncounted(record, attempt, maybe_live=False), status))

    def _still_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        """The request had no effect, which proves nothing about an earlier one with the same pair."""
        status: AccountStatus = "not_found" if self._answers[-1].kind == "not_found" else "in_doubt"
        return (yield from self._saved(self._uncounted(record, attempt, maybe_live=True), status))

    def _uncounted(self, record: Record, attempt: Attempt, *, maybe_live: bool) -> Record:
        pending = replace(attempt.pair, maybe_live=maybe_live)
        return replace(record, pending=pending, unproven_sends=record.unproven_sends - 1)

    def _try_another_value(self, record: Record, attempt: Attempt) -> Steps:
        """The policy rejects the new password, and the pair was never sent before: the old password is live."""
        if attempt.doubted:
            return (yield from self._back_in_doubt(record, attempt.doubted))
        rejected = attempt.rejected + 1
        proven = self._with_orphans(record, (attempt.pair.new,), "rejected by policy")
        proven = replace(proven, unproven_sends=record.unproven_sends - 1)
        if rejected < POLICY_TRIES:
            another = replace(attempt, pair=self._pair(attempt.pair.old), rejected=rejected)
            return (yield from self._send(proven, another))
        if record.status == "ok":  # the old one is the current one, and was proven to be live
            proven = replace(proven, pending=None, status="ok")
        else:
            proven = replace(proven, pending=replace(attempt.pair, maybe_live=False))
        return (yield from self._saved(proven, "policy_rejected"))

    def _refused(self, record: Record, attempt: Attempt) -> Steps:
        if attempt.doubted:
            return (yield from self._back_in_doubt(record, attempt.doubted))
        return self._outcome("refused", record)

    def _quarantine(self, record: Record, attempt: Attempt) -> Steps:
        return (yield from self._saved(replace(record, status="quarantined"), "quarantined"))

    # Writing

    def _saved(self, record: Record, status: AccountStatus) -> Steps:
        return (yield from self._persisted_as(next_generation(record), status))

    def _persisted_as(self, record: Record, status: AccountStatus) -> Steps:
        failure = yield from self._persisted(record)
        return failure or self._outcome(status, record)

    def _persisted(self, record: Record) -> Generator[Step, Any, Outcome | None]:
        """Save the record, and return the outcome if that fails.

        If another process has written the record before this run sent anything, its version stands. So does the version
        of a run that continued from ours. Any other version lacks a password that may be live, so ours is written, with
        the passwords of the other one.
        """
        if (yield Save(record)):
            return None
        if not self._answers:
            return self._outcome("busy", None)
        foreign: Record | None = yield PreserveConflict()
        if foreign and foreign.generation >= record.generation and self._sent in foreign.candidates():
            return self._outcome("store_conflict", foreign)
        merged = self._merged(record, foreign) if foreign else record
        saved = yield Save(merged)
        return self._outcome("store_conflict", merged if saved else None)

    def _merged(self, ours: Record, theirs: Record) -> Record:
        """Keep the passwords of both. Theirs is older (restored, edited), or it is not known which one is right."""
        unknown = [password for password in theirs.candidates() if password not in ours.candidates()]
        return replace(
            self._with_orphans(ours, unknown, "written by another process"),
            generation=max(ours.generation, theirs.generation) + 1,
            status=ours.status if theirs.generation < ours.generation else "out_of_sync",
        )

    # Helpers

    def _outcome(self, status: AccountStatus, record: Record | None) -> Outcome:
        return Outcome(status, record, tuple(self._answers))

    def _success(self) -> AccountStatus:
        """Return the status of a change that was applied."""
        if self._request.state == "adopted":
            return "adopted"
        resumes = self._record is not None and (self._record.pending or closed_status(self._record))
        return "resumed" if resumes else "rotated"

    def _mismatches(self) -> int:
        return sum(answer.kind == "mismatch" for answer in self._answers)

    def _pair(self, old: str) -> Pending:
        return Pending(old, self._new_password(), self._time())

    def _without_pair(self, record: Record, attempt: Attempt) -> Record:
        return self._with_orphans(replace(record, pending=None), (attempt.pair.new, attempt.pair.old), "rejected")

    def _with_orphans(self, record: Record, passwords: Sequence[str], why: OrphanReason) -> Record:
        return with_orphans(record, passwords, self._time(), why, behind=self._keeps_order)

    def _time(self) -> str:
        return self._now().astimezone(timezone.utc).isoformat(timespec="seconds")


def reaction(answer: PasswordAnswer) -> Reaction:
    return "barred" if answer.kind == "refused" and is_barred(answer.codes) else answer.kind


def was_refused(password: str, record: Record) -> bool:
    """Tell whether the password was adopted in an earlier run and proven dead."""
    current = record.current
    return record.status == "out_of_sync" and (current.password, current.source) == (password, "adopted")


def is_barred(codes: Sequence[str]) -> bool:
    """Tell whether the server bars the user from signing in (locked, inactive). UiPath's codes are not documented."""
    about_users = [code.lower() for code in codes if not code.lower().startswith("password")]  # PasswordInBlocklist
    return any(word in code for code in about_users for word in ("lock", "inactive", "notactive", "disabled"))
