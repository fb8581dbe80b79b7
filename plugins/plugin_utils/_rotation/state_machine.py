# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of one account, as the sequence of its durable writes and its requests.

Nothing here knows a file or HTTP. `Rotation.steps` is a generator: it yields what is to be done next (save a record,
send a pair, wait), is sent what came of it, and returns how the account ended. A driver that dies between two steps
leaves what was saved last, and the next rotation starts from that.

What it rests on: the server applies a pair only while the old password of it is live. So

- a pair is saved before it is sent, and what was saved is never replaced because of an error, only because of a proof;
- the same pair may be sent again at any time, another pair only from a password that may be live;
- there is no way back: the undone value of a request that is still on its way would come to life again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Current,
    Pending,
    Record,
    age_days,
    committed,
    is_closed,
    next_generation,
    with_names,
    with_orphans,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    Outcome,
    PreserveConflict,
    RotationRequest,
    Save,
    Send,
    Step,
    Steps,
    Wait,
)

# Sends of which nothing proves that they were no failed sign-ins. The server may lock the account at 10.
UNPROVEN_LIMIT = 4
# Mismatches that one run may cause.
MISMATCH_LIMIT = 2
# New passwords that one run tries against the server's policy.
POLICY_TRIES = 3

# What a not-applied answer makes of the account. None of these answers is a failed sign-in.
NOT_APPLIED = {
    "throttled": "throttled",
    "unreachable": "unreachable",
    "unauthorized": "unauthorized",
    "wrong_url": "wrong_url",
    "not_found": "not_found",
    "conflict": "refused",
}


class Rotation:
    """One run over one account. Remembers the answers of this run, which are lost when it is killed."""

    def __init__(
        self, request: RotationRequest, *, now: Callable[[], datetime], new_password: Callable[[], str]
    ) -> None:
        self._request = request
        self._now = now
        self._new_password = new_password
        self._answers: list[PasswordAnswer] = []
        self._sent = ""
        self._success = "rotated"
        self._untried: list[str] = []
        self._keeps_order = False
        self._forwarded = False
        self._doubted: Pending | None = None
        self._policy_tries = 0

    def steps(self, record: Record | None) -> Steps:
        if record is None:
            return (yield from self._first())
        record = with_names(record, self._request.account)  # durable with the next write
        if self._request.state == "present":
            return self._outcome("fresh", record)
        wanted = {"rotated": self._rotated, "resumed": self._resumed, "adopted": self._adopted}
        return (yield from wanted.get(self._request.state, self._delivered)(record))

    # What is asked for

    def _first(self) -> Steps:
        """There is no record yet: adopt the initial password, in the same write as the first stage."""
        request = self._request
        if request.state in ("resumed", "delivered"):
            return self._outcome("fresh", None)
        if request.initial_password is None:
            return self._outcome("no_password", None)
        record = Record(request.account, Current(request.initial_password, self._time(), "adopted"))
        if request.state == "present":
            return (yield from self._saved(record, "created"))
        self._success = "adopted" if request.state == "adopted" else "rotated"
        return (yield from self._change(record))

    def _delivered(self, record: Record) -> Steps:
        if record.delivered:
            return self._outcome("fresh", record)
        if self._request.generation not in (None, record.generation):  # they were told of another password than this
            return self._outcome("busy", record)
        return (yield from self._saved(replace(record, delivered=True), "delivered"))

    def _adopted(self, record: Record) -> Steps:
        """The operator says that the initial password is live. What was believed before stays, and stays first."""
        if not is_closed(record):
            return self._outcome("fresh", record)
        if self._request.initial_password is None or was_refused(self._request.initial_password, record):
            return self._outcome(record.status, record)
        self._success, self._keeps_order = "adopted", True
        former = self._with_orphans(replace(record, pending=None), record.candidates(), "before an adoption")
        current = Current(self._request.initial_password, self._time(), "adopted")
        return (yield from self._change(replace(former, current=current, status="ok", unproven_sends=0)))

    def _resumed(self, record: Record) -> Steps:
        if is_closed(record):
            return (yield from self._reopened(record)) if self._request.force else self._outcome(record.status, record)
        if not record.pending:
            return self._outcome("fresh", record)
        return (yield from self._resume(record, record.pending))

    def _rotated(self, record: Record) -> Steps:
        if is_closed(record):
            return self._outcome(record.status, record)
        if record.pending:
            return (yield from self._resume(record, record.pending))
        due = self._due(record.current)
        if due is None:
            return self._outcome("age_unknown", record)
        return (yield from self._change(record)) if due else self._outcome("fresh", record)

    def _due(self, current: Current) -> bool | None:
        """Tell whether a rotation is due, or return None where the password's age is not known."""
        if self._request.force or current.source == "adopted":
            return True
        days = age_days(current, self._now())
        return None if days is None else days >= self._request.max_age_days

    # How it is done

    def _change(self, record: Record) -> Steps:
        return (yield from self._send(record, self._pair(record.current.password), maybe_applied=False))

    def _resume(self, record: Record, pending: Pending) -> Steps:
        self._success = "resumed"
        return (yield from self._send(record, pending, maybe_applied=pending.maybe_live))

    def _reopened(self, record: Record) -> Steps:
        """Try what may be live, one after the other, as often as one run may be wrong."""
        self._success, self._keeps_order = "resumed", True
        first, *self._untried = record.candidates()
        opened = self._with_orphans(replace(record, pending=None), record.candidates(), "not proven dead")
        opened = replace(opened, status="in_doubt", unproven_sends=0)
        return (yield from self._send(opened, self._pair(first), maybe_applied=False))

    def _send(self, record: Record, pair: Pending, *, maybe_applied: bool) -> Steps:
        """Save the pair, send it, and continue as the answer proves; `maybe_applied`: an earlier send may have worked."""
        if record.unproven_sends >= UNPROVEN_LIMIT:
            return (yield from self._saved(replace(record, status="quarantined"), "quarantined"))
        staged = next_generation(
            record,
            pending=replace(pair, maybe_live=True),
            status="in_doubt" if maybe_applied else record.status,
            unproven_sends=record.unproven_sends + 1,
        )
        failure = yield from self._persisted(staged)
        if failure:
            return failure
        self._sent = pair.new
        answer: PasswordAnswer = yield Send(pair.old, pair.new)
        self._answers.append(answer)
        if answer.kind == "applied":
            return (yield from self._commit(staged, pair))
        if answer.kind == "mismatch":
            return (yield from self._after_mismatch(staged, pair, maybe_applied))
        if answer.kind == "unknown":
            return (yield from self._after_silence(staged, pair, maybe_applied))
        if answer.kind in NOT_APPLIED:
            return (yield from self._not_applied(staged, pair, maybe_applied, NOT_APPLIED[answer.kind]))
        if answer.kind == "refused" and is_barred(answer.codes):
            return (yield from self._saved(replace(staged, status="quarantined"), "quarantined"))
        if maybe_applied:  # the server may look at policy and history before the old password: this proves nothing
            return (yield from self._forward_in_doubt(staged, pair))
        if self._doubted:
            return (yield from self._back_in_doubt(staged, self._doubted))
        if answer.kind == "policy":
            return (yield from self._another_value(staged, pair))
        return self._outcome("refused", staged)

    def _commit(self, record: Record, pair: Pending) -> Steps:
        delivered = record.delivered and not self._request.consumers
        return (yield from self._kept(committed(record, pair, self._time(), delivered=delivered), self._success))

    def _after_mismatch(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        """The old password is dead. Either the new one is live, or somebody else changed it."""
        mismatches = sum(answer.kind == "mismatch" for answer in self._answers)
        is_new_likely = not self._forwarded and (maybe_applied or not self._untried)
        if mismatches < MISMATCH_LIMIT and is_new_likely:
            return (yield from self._forward(record, pair))
        without = self._with_orphans(replace(record, pending=None), (pair.new, pair.old), "refused")
        if mismatches < MISMATCH_LIMIT and self._untried:
            return (yield from self._send(without, self._pair(self._untried.pop(0)), maybe_applied=False))
        return (yield from self._saved(replace(without, status="out_of_sync"), "out_of_sync"))

    def _forward(self, record: Record, pair: Pending) -> Steps:
        """Go on from the new password of a pair that may have been applied. Once in a run."""
        if self._forwarded:
            return self._outcome("in_doubt", record)
        self._forwarded = True
        onward = self._with_orphans(record, (pair.old,), "replaced")
        return (yield from self._send(replace(onward, status="in_doubt"), self._pair(pair.new), maybe_applied=False))

    def _forward_in_doubt(self, record: Record, pair: Pending) -> Steps:
        """Go on from the new password though the old one may still be live: it is the next to try."""
        if not self._forwarded:
            self._doubted = pair
            self._untried.append(pair.old)
        return (yield from self._forward(record, pair))

    def _back_in_doubt(self, record: Record, doubted: Pending) -> Steps:
        """The step forward was refused as well, and that proves as little. Leave it to the next run to begin again."""
        without = self._with_orphans(record, [record.pending.new] if record.pending else [], "refused")
        return (yield from self._saved(replace(without, pending=doubted), "in_doubt"))

    def _after_silence(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        if maybe_applied:
            return self._outcome("in_doubt", record)
        yield Wait()
        return (yield from self._send(record, pair, maybe_applied=True))

    def _not_applied(self, record: Record, pair: Pending, maybe_applied: bool, status: str) -> Steps:
        """The request had no effect at all. That says nothing about an earlier one of the same pair."""
        safe = replace(
            record,
            pending=replace(pair, maybe_live=maybe_applied),
            unproven_sends=record.unproven_sends - 1,
        )
        doubtful = maybe_applied and status != "not_found"
        return (yield from self._saved(safe, "in_doubt" if doubtful else status))

    def _another_value(self, record: Record, pair: Pending) -> Steps:
        """The new password is refused by policy, and was never tried before: the old one is live."""
        self._policy_tries += 1
        proven = self._with_orphans(record, (pair.new,), "refused by policy")
        proven = replace(proven, unproven_sends=record.unproven_sends - 1)
        if self._policy_tries < POLICY_TRIES:
            return (yield from self._send(proven, self._pair(pair.old), maybe_applied=False))
        if record.status == "ok":  # the old one is the current one, and was proven to be live
            proven = replace(proven, pending=None, status="ok")
        else:
            proven = replace(proven, pending=replace(pair, maybe_live=False))
        return (yield from self._saved(proven, "policy_rejected"))

    # What it is made of

    def _pair(self, old: str) -> Pending:
        return Pending(old, self._new_password(), self._time())

    def _saved(self, record: Record, status: str) -> Steps:
        return (yield from self._kept(next_generation(record), status))

    def _kept(self, record: Record, status: str) -> Steps:
        failure = yield from self._persisted(record)
        return failure or self._outcome(status, record)

    def _persisted(self, record: Record) -> Generator[Step, Any, Outcome | None]:
        """Save the record, and return how the account ends if that fails.

        Before anything was sent, somebody else's record is left as it is, and so is that of a run which went on from
        ours. Any other lacks a password that may be live, so ours is written, with all that was in the other one.
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
        """Keep both. Theirs is older than ours (restored, edited), or nobody can tell which of them is right."""
        unknown = [password for password in theirs.candidates() if password not in ours.candidates()]
        return replace(
            self._with_orphans(ours, unknown, "written by somebody else"),
            generation=max(ours.generation, theirs.generation) + 1,
            status=ours.status if theirs.generation < ours.generation else "out_of_sync",
        )

    def _outcome(self, status: str, record: Record | None) -> Outcome:
        return Outcome(status, record, tuple(self._answers))

    def _with_orphans(self, record: Record, passwords: Sequence[str], why: str) -> Record:
        return with_orphans(record, passwords, self._time(), why, behind=self._keeps_order)

    def _time(self) -> str:
        return self._now().astimezone(timezone.utc).isoformat(timespec="seconds")


def was_refused(password: str, record: Record) -> bool:
    """Tell whether the password was adopted before, and found to be dead."""
    current = record.current
    return record.status == "out_of_sync" and (current.password, current.source) == (password, "adopted")


def is_barred(codes: Sequence[str]) -> bool:
    """Tell whether the server keeps the user from signing in at all. UiPath's codes are not documented."""
    about_users = [code.lower() for code in codes if not code.lower().startswith("password")]  # PasswordInBlocklist
    return any(word in code for code in about_users for word in ("lock", "inactive", "notactive", "disabled"))
