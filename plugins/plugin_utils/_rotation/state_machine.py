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
from datetime import datetime
from typing import Any, Literal, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL, reopened
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    ClosedReason,
    ClosedStatus,
    Current,
    Orphan,
    OrphanReason,
    Pending,
    Record,
    RotatedBy,
    age_days,
    closed,
    closed_status,
    committed,
    doubt,
    is_due,
    next_generation,
    timestamp,
    with_names,
    with_orphans,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    CountFailedSignIns,
    Outcome,
    PreserveConflict,
    RotationRequest,
    Save,
    Send,
    Step,
    Steps,
    Wait,
)

# Answers "the old password is wrong" that one run may cause.
MISMATCH_LIMIT = 2
# New passwords that one run offers to the server's password policy.
POLICY_TRIES = 3

NEEDS_PASSWORD = "state: adopted needs an initial_password, the one that is live now."
ADOPTED_BEFORE = (
    "This initial_password was adopted before, and rejected as wrong. If it was set on the server since, run with"
    " force: true as well."
)
IN_ORDER = (
    "The record is in order, so initial_password was not used. If the password was reset on the server, run with force:"
    " true first, and adopt the account if it then ends as out_of_sync."
)
ADOPTS_CLOSED = "state: adopted does not work on it: run without that state first."

# The account's status after an answer which proves that the request had no effect and was no failed sign-in.
NOT_APPLIED: dict[AnswerKind, AccountStatus] = {
    "throttled": "throttled",
    "unreachable": "unreachable",
    "unauthorized": "unauthorized",
    "wrong_url": "wrong_url",
    "not_found": "not_found",
}
# Statuses that say what became of the last request. An account that is in doubt ends as `in_doubt` instead.
OF_THE_LAST_REQUEST: frozenset[AccountStatus] = frozenset(
    {"throttled", "unreachable", "unauthorized", "wrong_url", "not_found", "refused", "policy_rejected"}
)

# The keys of the tables below: the kinds of answers, a refusal because the user is locked or inactive, and an answer
# that is not the Identity API's.
Reaction = Union[AnswerKind, Literal["barred", "foreign"]]


@dataclass(frozen=True)
class Attempt:
    """A pair that is about to be sent, and how this run came to it.

    `maybe_applied`: an earlier request with the same pair may have been applied. `untried`: passwords that may be live,
    to try as the old one if this pair's old one is dead. `is_forward`: this run has made its step forward,
    `is_unproven`: without a proof that the old password is dead. `rejected`: how many new passwords the policy has
    rejected.
    """

    pair: Pending
    maybe_applied: bool = False
    untried: tuple[str, ...] = ()
    is_forward: bool = False
    is_unproven: bool = False
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
        by: str = "",
        unproven_total: int = UNPROVEN_TOTAL,
    ) -> None:
        """`by` is the user or the job that runs this. `unproven_total` bounds the requests without a proof."""
        self._request = request
        self._record = as_requested(record, request) if record else None  # saved with the next write
        self._is_renamed = bool(record and self._record and is_renamed(record.account, self._record.account))
        self._now = now
        self._by = by
        self._unproven_total = unproven_total
        self._failed_sign_ins: int | None = None  # the server is not asked yet
        self._may_be_wrong = bool(record and doubt(record))
        self._new_password = new_password
        self._answers: list[PasswordAnswer] = []
        self._sent = ""
        opens = request.state == "adopted" or (request.state == "resumed" and request.force)
        # The closed account that this run opens. Its orphans stay before those that the run adds: they were tried less
        # often.
        self._opened = self._record if record and closed_status(record) and opens else None
        # Handlers of the answer to a pair that was never sent before, and to one that may have been applied already.
        self._after_first_send: Mapping[Reaction, Handler] = {
            **dict.fromkeys(NOT_APPLIED, self._not_applied),
            "applied": self._commit,
            "mismatch": self._after_mismatch,
            "unknown": self._wait_and_resend,
            "policy": self._try_another_value,
            "refused": self._refused,
            "barred": self._quarantine,
            "foreign": self._leave_in_doubt,
        }
        self._after_resend: Mapping[Reaction, Handler] = {
            **dict.fromkeys(NOT_APPLIED, self._still_in_doubt),
            "applied": self._commit,
            "mismatch": self._after_mismatch,
            "unknown": self._leave_in_doubt,
            "policy": self._forward_in_doubt,
            "refused": self._forward_in_doubt,
            "barred": self._quarantine,
            "foreign": self._leave_in_doubt,
        }

    def steps(self) -> Steps:
        if self._record is None:
            return (yield from self._first())
        if self._record.move:
            return self._outcome("moved", self._record)
        if self._request.state == "present":
            return (yield from self._nothing_due(self._record))
        wanted = {
            "rotated": self._rotated,
            "resumed": self._resumed,
            "adopted": self._adopted,
            "delivered": self._delivered,
            "redeliver": self._redeliver,
        }
        return (yield from wanted[self._request.state](self._record))

    # States

    def _first(self) -> Steps:
        """There is no record yet: adopt the initial password in the same write that stages the first pair."""
        request = self._request
        if request.state in ("resumed", "delivered"):
            return self._outcome("fresh", None)
        if request.initial_password is None or request.state == "redeliver":
            return self._outcome("no_password", None)
        current = Current(request.initial_password, self._time(), "adopted")
        record = Record(request.account, current, has_consumers=bool(request.consumers))
        if request.state == "present":
            return (yield from self._noted(record, "created"))
        return (yield from self._change(record))

    def _nothing_due(self, record: Record) -> Steps:
        """Save new names at once, unless the account is in doubt or closed: then its next change saves them."""
        if doubt(record) or not self._is_renamed:
            return self._left_alone(record)
        return (yield from self._noted(record, "renamed"))

    def _left_alone(self, record: Record) -> Outcome:
        """Return the status of an account on which this run does not work: only a good one is fresh."""
        return self._outcome(doubt(record) or "fresh", record)

    def _delivered(self, record: Record) -> Steps:
        delivered = self._request.generation
        if delivered is not None and delivered < record.current.generation:
            # An older password was handed out, maybe after the current one, or not to all consumers.
            undone = replace(record, delivered=False)
            return (yield from self._saved(undone, "superseded"))
        if record.delivered:
            return self._left_alone(record)
        return (yield from self._noted(replace(record, delivered=True, delivered_at=self._time()), "delivered"))

    def _redeliver(self, record: Record) -> Steps:
        """Note that the consumers have to be told the current password again.

        From now on, a delivery that began earlier counts as that of an older password: it may miss a consumer.
        """
        if doubt(record):
            return self._left_alone(record)
        current = replace(record.current, generation=record.generation + 1)
        due = replace(record, current=current, delivered=False)
        return (yield from self._noted(due, "delivery_due"))

    def _adopted(self, record: Record) -> Steps:
        """Use the initial password as the live one. Earlier candidates are kept, and are tried first."""
        status = closed_status(record)
        if not status:
            return replace(self._left_alone(record), error=UiPathError(ADOPTS_CLOSED if doubt(record) else IN_ORDER))
        password = self._request.initial_password
        if password is None:
            return replace(self._outcome(status, record), error=UiPathError(NEEDS_PASSWORD))
        if was_refused(password, record) and not self._request.force:
            return replace(self._outcome(status, record), error=UiPathError(ADOPTED_BEFORE))
        others = [candidate for candidate in record.candidates() if candidate != password]
        kept = tuple(orphan for orphan in record.orphans if orphan.password != password)
        former = self._with_orphans(replace(record, pending=None, orphans=kept), others, "before adoption")
        untried = {orphan.password for orphan in record.orphans if orphan.why == "adopted, but not tried"}
        is_reset = password in untried or password not in record.candidates()
        # A password that was set on the server is worth one request, even if no other is left.
        sends = min(record.unproven_sends, self._unproven_total - 1) if is_reset else record.unproven_sends
        opened = reopened(former, sends)
        self._may_be_wrong = not is_reset
        current = Current(password, self._time(), "adopted", record.generation + 1)
        return (yield from self._change(replace(opened, current=current, status="ok")))

    def _resumed(self, record: Record) -> Steps:
        status = closed_status(record)
        if status:
            return (yield from self._reopen(record)) if self._request.force else self._outcome(status, record)
        if not record.pending:
            return (yield from self._nothing_due(record))
        return (yield from self._resume(record, record.pending))

    def _rotated(self, record: Record) -> Steps:
        status = closed_status(record)
        if status:
            return self._outcome(status, record)
        if record.pending:
            return (yield from self._resume(record, record.pending))
        due = self._due(record)
        if due is None:
            return self._outcome("age_unknown", record)
        return (yield from self._change(record) if due else self._nothing_due(record))

    def _due(self, record: Record) -> bool | None:
        """Tell whether a rotation is due, or return None if the password's age is not known."""
        if self._request.force or record.current.source == "adopted":
            return True
        now = self._now()
        return None if age_days(record.current, now) is None else is_due(record, self._request.max_age_days, now)

    # Requests

    def _change(self, record: Record) -> Steps:
        return (yield from self._send(record, Attempt(self._pair(record.current.password))))

    def _resume(self, record: Record, pending: Pending) -> Steps:
        return (yield from self._send(record, Attempt(pending, maybe_applied=pending.maybe_live)))

    def _reopen(self, record: Record) -> Steps:
        """Try the passwords that may be live, one after the other, up to the limit of mismatches."""
        first, *others = record.candidates()
        opened = self._with_orphans(replace(record, pending=None), record.candidates(), "not proven dead")
        opened = replace(reopened(opened, record.unproven_sends), status="in_doubt")
        return (yield from self._send(opened, Attempt(self._pair(first), untried=tuple(others))))

    def _send(self, record: Record, attempt: Attempt) -> Steps:
        """Save the pair, send it, and continue as the table for this attempt says."""
        exhausted = yield from self._exhausted(record)
        if exhausted:
            return (yield from self._closed(record, "quarantined", exhausted))
        pair = attempt.pair
        staged = next_generation(
            record,
            pending=replace(pair, maybe_live=True),
            status="in_doubt" if attempt.maybe_applied else record.status,
            unproven_sends=record.unproven_sends + 1,
            unproven_limit=self._limit(record),
        )
        failure = yield from self._persisted(staged)
        if failure:
            return failure
        self._sent = pair.new
        answer: PasswordAnswer = yield Send(pair.old, pair.new)
        self._answers.append(answer)
        handlers = self._after_resend if attempt.maybe_applied else self._after_first_send
        return (yield from handlers[reaction(answer)](staged, attempt))

    def _exhausted(self, record: Record) -> Generator[Step, Any, ClosedReason | None]:
        """Return why nothing more may be sent for this account before a person has looked into it, or None.

        The server's own count is asked for once, and only before a request with a password that may be wrong.
        """
        if record.unproven_sends >= self._limit(record):
            return "unproven_sends"
        if self._may_be_wrong and self._failed_sign_ins is None:
            listed = yield CountFailedSignIns()
            self._failed_sign_ins = max(listed - self._mismatches(), 0)  # this run's own may be among them
        if record.unproven_sends + (self._failed_sign_ins or 0) >= self._unproven_total:
            return "failed_sign_ins"
        return None

    # Handlers of answers. `record` is the staged one

    def _commit(self, record: Record, attempt: Attempt) -> Steps:
        record = committed(record, attempt.pair, RotatedBy(self._time(), self._by))
        return (yield from self._persisted_as(record, self.success()))

    def _after_mismatch(self, record: Record, attempt: Attempt) -> Steps:
        """The old password is dead. The new one is live, or one that this run has not tried."""
        self._may_be_wrong = True
        if self._mismatches() >= MISMATCH_LIMIT or (self._request.in_new_store and not attempt.maybe_applied):
            return (yield from self._close(record, attempt))
        if not attempt.is_forward and (attempt.maybe_applied or not attempt.untried):
            return (yield from self._step_forward(record, attempt))
        if attempt.untried:
            following, *others = attempt.untried
            retry = replace(attempt, pair=self._pair(following), maybe_applied=False, untried=tuple(others))
            return (yield from self._send(self._without_pair(record, attempt), retry))
        return (yield from self._close(record, attempt))

    def _close(self, record: Record, attempt: Attempt) -> Steps:
        """None of the passwords tried is live. In a new store, the others' initial passwords are likely wrong too."""
        outcome = yield from self._closed(self._without_pair(record, attempt), "out_of_sync", "wrong_password")
        return replace(outcome, stops_run=self._request.in_new_store)

    def _closed(self, record: Record, status: ClosedStatus, reason: ClosedReason) -> Steps:
        return (yield from self._saved(closed(record, status, reason), status))

    def _step_forward(self, record: Record, attempt: Attempt) -> Steps:
        """Continue from the new password of a pair that may have been applied. A run does this once."""
        if attempt.is_forward:
            return (yield from self._saved(record, "in_doubt"))
        is_rejected = self._answers[-1].kind == "mismatch"
        onward = self._with_orphans(record, (attempt.pair.old,), "rejected" if is_rejected else "replaced")
        forward = replace(attempt, pair=self._pair(attempt.pair.new), maybe_applied=False, is_forward=True)
        return (yield from self._send(replace(onward, status="in_doubt"), forward))

    def _forward_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        """Step forward although the old password may still be live: a refusal proves nothing about this pair.

        The server may check policy and history before the old password. The old password is tried next.
        """
        if not attempt.is_forward:
            untried = (*attempt.untried, attempt.pair.old)
            attempt = replace(attempt, is_unproven=True, untried=untried)
        return (yield from self._step_forward(record, attempt))

    def _wait_and_resend(self, record: Record, attempt: Attempt) -> Steps:
        yield Wait()
        return (yield from self._send(record, replace(attempt, maybe_applied=True)))

    def _leave_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        yield from ()  # a generator, like every handler
        return self._outcome("in_doubt", record)

    def _not_applied(self, record: Record, attempt: Attempt) -> Steps:
        """The request had no effect, and no other request with this pair is in flight."""
        if self._opened:
            return (yield from self._close_again(record, attempt, self._opened))
        status = NOT_APPLIED[self._answers[-1].kind]
        return (yield from self._saved(self._uncounted(record, attempt, maybe_live=False), status))

    def _still_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        """The request had no effect, which proves nothing about an earlier one with the same pair."""
        return (yield from self._saved(self._uncounted(record, attempt, maybe_live=True), "in_doubt"))

    def _uncounted(self, record: Record, attempt: Attempt, *, maybe_live: bool) -> Record:
        pending = replace(attempt.pair, maybe_live=maybe_live)
        return replace(record, pending=pending, unproven_sends=record.unproven_sends - 1, stalled=record.stalled + 1)

    def _close_again(self, record: Record, attempt: Attempt, opened: Record) -> Steps:
        """The server did not let this run try a password: leave the account as it was, with the passwords added."""
        sends = max(record.unproven_sends - 1, opened.unproven_sends)
        again = replace(opened, generation=record.generation, orphans=record.orphans, unproven_sends=sends)
        pair = attempt.pair
        again = with_orphans(again, [pair.new], self._time(), "never applied")
        if pair.old not in again.candidates():
            before = [orphan for orphan in opened.orphans if orphan.password == pair.old]
            adopted = before or [Orphan(pair.old, self._time(), "adopted, but not tried")]
            again = replace(again, orphans=(*adopted, *again.orphans))
        return (yield from self._persisted_as(next_generation(again), closed_status(opened) or "out_of_sync"))

    def _try_another_value(self, record: Record, attempt: Attempt) -> Steps:
        """The policy rejects the new password, and the pair was never sent before: the old password is live."""
        if attempt.is_unproven:
            return (yield from self._refused(record, attempt))
        rejected = attempt.rejected + 1
        proven = self._with_orphans(record, (attempt.pair.new,), "rejected by policy")
        proven = replace(proven, unproven_sends=record.unproven_sends - 1)
        if rejected < POLICY_TRIES:
            another = replace(attempt, pair=self._pair(attempt.pair.old), rejected=rejected)
            return (yield from self._send(proven, another))
        if self._opened:
            return (yield from self._close_again(record, attempt, self._opened))
        proven = replace(proven, stalled=record.stalled + 1)
        if record.status == "ok":  # the old one is the current one, and was proven to be live
            proven = replace(proven, pending=None, status="ok")
        else:
            proven = replace(proven, pending=replace(attempt.pair, maybe_live=False))
        return (yield from self._saved(proven, "policy_rejected"))

    def _refused(self, record: Record, attempt: Attempt) -> Steps:
        """Stay on this pair: a late copy of the request may still be applied, so no earlier pair may follow."""
        return (yield from self._saved(record, "refused"))

    def _quarantine(self, record: Record, attempt: Attempt) -> Steps:
        return (yield from self._closed(record, "quarantined", "barred"))

    # Writing

    def _noted(self, record: Record, status: AccountStatus) -> Steps:
        """Save what concerns no password."""
        outcome = yield from self._saved(record, status)
        return replace(outcome, noted=outcome.status == status)

    def _saved(self, record: Record, status: AccountStatus) -> Steps:
        following = next_generation(record, error_codes=self._codes() or record.error_codes)
        return (yield from self._persisted_as(following, status))

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
        if foreign and foreign.move:  # made from a record that this run wrote, so it has what was sent
            return self._outcome("store_conflict", foreign)
        if foreign and foreign.generation >= record.generation and self._sent in foreign.candidates():
            return self._outcome("store_conflict", foreign)
        merged = self._merged(record, foreign) if foreign else record
        saved = yield Save(merged)
        return self._outcome("store_conflict", merged if saved else None)

    def _merged(self, ours: Record, theirs: Record) -> Record:
        """Keep the passwords of both. Theirs is older (restored, edited), or it is not known which one is right."""
        unknown = [password for password in theirs.candidates() if password not in ours.candidates()]
        merged = self._with_orphans(ours, unknown, "written by another process")
        merged = replace(merged, generation=max(ours.generation, theirs.generation) + 1)
        return merged if theirs.generation < ours.generation else closed(merged, "out_of_sync", "record_conflict")

    # Helpers

    def _outcome(self, status: AccountStatus, record: Record | None) -> Outcome:
        if record and record.status == "in_doubt" and status in OF_THE_LAST_REQUEST:
            status = "in_doubt"
        return Outcome(status, record, tuple(self._answers))

    def success(self) -> AccountStatus:
        """Return the status that the account has if a change is applied."""
        if self._request.state == "adopted":
            return "adopted"
        resumes = self._record is not None and (self._record.pending or closed_status(self._record))
        return "resumed" if resumes else "rotated"

    def _limit(self, record: Record) -> int:
        return min(record.unproven_limit, self._unproven_total)

    def _codes(self) -> tuple[str, ...]:
        """Return the server's error codes in this run, each once."""
        return tuple(dict.fromkeys(code for answer in self._answers for code in answer.codes))

    def _mismatches(self) -> int:
        return sum(answer.kind == "mismatch" for answer in self._answers)

    def _pair(self, old: str) -> Pending:
        return Pending(old, self._new_password(), self._time())

    def _without_pair(self, record: Record, attempt: Attempt) -> Record:
        """Keep the passwords of a pair whose old one was rejected."""
        both = (attempt.pair.new, attempt.pair.old)
        kept = self._with_orphans(replace(record, pending=None), both, "not proven dead")
        return with_orphans(kept, (attempt.pair.old,), self._time(), "rejected")

    def _with_orphans(self, record: Record, passwords: Sequence[str], why: OrphanReason) -> Record:
        return with_orphans(record, passwords, self._time(), why, behind=bool(self._opened))

    def _time(self) -> str:
        return timestamp(self._now())


def reaction(answer: PasswordAnswer) -> Reaction:
    if answer.keeps_doubt and answer.kind != "unknown":
        return "foreign"
    return "barred" if answer.kind == "refused" and answer.is_barred else answer.kind


def as_requested(record: Record, request: RotationRequest) -> Record:
    """Return the record with what the task says about the account: its names, and whether it has consumers."""
    named = with_names(record, request.account)
    consumers = record.has_consumers if request.consumers is None else request.consumers
    return named if consumers == record.has_consumers else replace(named, has_consumers=consumers)


def is_renamed(recorded: Account, requested: Account) -> bool:
    """Tell whether the label or the user name is a new one. User names ignore case."""
    names = [comparable(account.user_name or "") for account in (recorded, requested)]
    return recorded.name != requested.name or names[0] != names[1]


def was_refused(password: str, record: Record) -> bool:
    """Tell whether the password was adopted in an earlier run and proven dead."""
    current = record.current
    return record.status == "out_of_sync" and (current.password, current.source) == (password, "adopted")
