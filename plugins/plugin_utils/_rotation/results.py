# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented result of every account and of the task. It never contains a password."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import with_server_message
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._summaries import task_result
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    ClosedReason,
    Move,
    Record,
    age_days,
    closed_status,
    doubt,
    is_overdue,
    last_rotated,
    next_due,
    timestamp,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import NOT_APPLIED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    RotationRequest,
)

SUCCEEDED: frozenset[AccountStatus] = frozenset(
    {
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
    }
)

# The stored record may not be the one that this run has read.
RECORD_UNCERTAIN: frozenset[AccountStatus] = frozenset({"busy", "in_doubt", "store_error", "store_conflict"})
# No password is delivered: the record may not be the stored one, or it is another user's.
NOT_DELIVERED = RECORD_UNCERTAIN | {"name_conflict"}

# The message of every status: what it means and what to do next.
MESSAGES: dict[AccountStatus, str] = {
    "rotated": "The password was changed, and the new one is in the store.",
    "resumed": "A change that an earlier run left unfinished is now complete. The live password is in the store.",
    "fresh": "Nothing is due.",
    "renamed": "Nothing is due. The record has the new label or user name.",
    "adopted": "The password given was live and was replaced. The new one is in the store.",
    "created": "The password given was recorded in the store. It was not tried at the server.",
    "delivered": "The account is noted as delivered: its consumers have the password.",
    "delivery_due": "The account is noted as not delivered: its consumers are to be told its password again.",
    "would_rotate": "The password would be changed.",
    "would_resume": "A change that an earlier run left unfinished would be completed.",
    "busy": "Another run is working on this account.",
    "age_unknown": (
        "The record does not say when the password took effect, or that time is in the future. Check the controller's"
        " clock, or rotate with force: true."
    ),
    "throttled": (
        "The server answered 429 (Too Many Requests), and the retries were used up or the wait was too long. Nothing"
        " was changed; the next run continues."
    ),
    "unreachable": "The server could not be reached. Nothing was changed; the next run continues.",
    "unauthorized": (
        "The server rejected the sign-in or the token, or forbids the change of this user. Nothing was changed; the"
        " next run continues."
    ),
    "wrong_url": (
        "There is no Identity API at this URL. Check identity_url. Nothing was changed; the next run continues."
    ),
    "refused": (
        "The server rejected the change for a reason other than the password policy; see error_codes. The lookup"
        " returns no password until a run has established which one is live."
    ),
    "policy_rejected": (
        "The server's password policy rejected every new password. Set the option password to what the policy requires,"
        " or give the application the scope PM.Setting.Read."
    ),
    "superseded": (
        "The store has a newer password than the one that was delivered, or the delivery was requested again since. Its"
        " delivery is due."
    ),
    "not_found": "There is no such user on the server, or none that is active and has a password.",
    "name_conflict": (
        "The user name belongs to several users, or to another one than the recorded user. Nothing was sent for this"
        " account. Give the user's present name, or its user_id."
    ),
    "in_doubt": (
        "It is not established which password in the record is live. Run again: the next run sends the same pair and"
        " finds out."
    ),
    "out_of_sync": (
        "It is not known which password is live. Run with state: resumed and force: true, for this account only, to try"
        " two passwords of the record, or reset the password on the server and run with state: adopted."
    ),
    "quarantined": (
        "The account is no longer tried, so that the server does not lock it. Remove the cause, then run with state:"
        " resumed and force: true, for this account only. If it stays quarantined, set a password on the server that"
        " the record does not have, and run with state: adopted."
    ),
    "moved": (
        "The store is not in charge of the account: the account was moved to another store, or its move from one is not"
        " complete. Nothing was sent for it."
    ),
    "store_error": "The store cannot be used for this account. Nothing is sent until that is fixed.",
    "store_conflict": (
        "Another process wrote or deleted the record during this run. No password was lost; the store's documentation"
        " says where both versions are. Compare them, and stop the other writer."
    ),
    "no_password": (
        "The store has no record of the account. Nothing was sent for it. Check the option store, or give an"
        " initial_password."
    ),
    "not_attempted": "Nothing was done for this account: the run stopped before its turn.",
}

# Why an account was closed. It comes before the message of the status.
REASONS: dict[ClosedReason, str] = {
    "wrong_password": (
        "The server answered that the passwords which the run tried are wrong. Perhaps somebody changed the password"
        " elsewhere, somebody restored the store or the server from a backup, or a proxy sent a request twice."
    ),
    "record_conflict": "Another process wrote the record as well, with a password that this one does not have.",
    "barred": "The server's error code says that the user is locked or not active.",
    "unproven_sends": (
        "No further request without a proof of the live password is allowed. The answers to the earlier ones were lost,"
        " or were refusals."
    ),
    "failed_sign_ins": (
        "Since the user's last successful sign-in, the server counts so many failed ones that another could lock the"
        " user: something may still use an old password. A successful sign-in of the user ends the count."
    ),
}

# The message of an account whose adopted password was wrong.
ADOPTED_REFUSED = (
    "The server answered that the adopted password is wrong. Find out which one is live, or reset it, and run with"
    " state: adopted for this account."
)

# The message of an account that stays closed, because its reopening had no effect, and the answers that lead to it.
NOT_TRIED = (
    "The server or the network did not let the run try the password, so the account is as it was before. Remove the"
    " cause, and run the same task again."
)
WITHOUT_EFFECT: frozenset[AnswerKind] = frozenset({*NOT_APPLIED, "policy"})

# The message of an account in doubt that has no request left.
LAST_REQUEST = (
    "It is not established which password in the record is live. The allowed requests without a proof are used up, so"
    " the next run ends as quarantined. Find out why the server's answers prove nothing, then run with state: resumed"
    " and force: true, for this account only."
)

# The message of an account that is out of sync and was never rotated in this store.
INITIAL_REFUSED = (
    "The server answered that the initial password is wrong. If it is, correct it, and run with state: adopted for this"
    " account. If it was rotated before, its password is in another store. If a proxy may have sent the request"
    " twice, run with state: resumed and force: true, for this account only."
)


# Added to the message of an account that was not attempted, where the reason is known.
STOPPED = "It stopped because"

# Added to the message of a user that the server does not have.
RECORD_KEPT = "A record of it is kept."

# Where the answer or the error says why, only this is added.
NOTHING_CHANGED = "Nothing was changed; the next run continues."


def account_result(
    request: RotationRequest, outcome: Outcome, *, now: datetime, stopped: str | None = None
) -> dict[str, Any]:
    """Return the result of one account. `stopped` says why accounts were not attempted."""
    record, account = outcome.record, request.account
    return {
        "user_id": account.user_id or None,
        "user_name": account.user_name,
        "name": account.name,
        "label": label_of(request, record),
        "status": outcome.status,
        "changed": outcome.changed or outcome.noted or outcome.status in ("would_rotate", "would_resume"),
        "failed": is_failed(outcome.status, record, request.max_age_days, now),
        "generation": record.generation if record else None,
        "age_days": rounded_age(record, now),
        "last_rotated": time_of(last_rotated(record)) if record else None,
        "next_due": time_of(next_due(record, request.max_age_days)) if record else None,
        "reason": record.reason if record and closed_status(record) else None,
        "unproven_sends": record.unproven_sends if record else None,
        "attempts": sum(answer.attempts for answer in outcome.answers),
        "error_codes": error_codes(outcome),
        "trace_id": trace_id(outcome),
        "delivery_due": is_delivery_due(outcome),
        "msg": message(outcome, stopped),
    }


def label_of(request: RotationRequest, record: Record | None) -> str:
    """Return what messages call the account: its label, user name or id, as given or else as recorded."""
    given, recorded = request.account, record.account if record else request.account
    label = given.name or given.user_name or recorded.name or recorded.user_name or given.user_id
    return displayable(label)


def is_failed(status: AccountStatus, record: Record | None, max_age_days: float, now: datetime) -> bool:
    """Tell whether the account makes the task fail. A busy one does only if it is overdue.

    A busy account without a record is one that another run has just begun.
    """
    is_late = record is not None and is_overdue(record, max_age_days, now)
    return status not in SUCCEEDED and (status != "busy" or is_late)


def rounded_age(record: Record | None, now: datetime) -> float | None:
    """Return the age of the password in days, or None where it is not known."""
    age = age_days(record.current, now) if record else None
    return None if age is None else round(age, 2)


def time_of(time: datetime | None) -> str | None:
    return timestamp(time) if time else None


def is_delivery_due(outcome: Outcome) -> bool:
    """Tell whether the consumers need the new password and the lookup returns it."""
    record = outcome.record
    return bool(record and not record.delivered and not doubt(record)) and outcome.status not in NOT_DELIVERED


def failed_answers(outcome: Outcome) -> Sequence[PasswordAnswer]:
    return () if outcome.status in SUCCEEDED else outcome.answers


def error_codes(outcome: Outcome) -> list[str]:
    """Return the codes of this run's answers or, of an account that was closed earlier, those in its record."""
    codes = [code for answer in failed_answers(outcome) for code in answer.codes]
    recorded = outcome.record.error_codes if outcome.record and closed_status(outcome.record) else ()
    return list(dict.fromkeys([*codes, *(outcome.error.codes if outcome.error else ()), *recorded]))


def trace_id(outcome: Outcome) -> str | None:
    """Return the trace id of the error or of the last failed answer."""
    if outcome.error:
        return outcome.error.trace_id
    answers = failed_answers(outcome)
    return answers[-1].trace_id if answers else None


def message(outcome: Outcome, stopped: str | None) -> str:
    answers = failed_answers(outcome)
    found = [answer.cause for answer in answers] + ([outcome.error.message] if outcome.error else [])
    causes = list(dict.fromkeys(filter(None, found)))
    reason = f"{STOPPED} {stopped}." if stopped and outcome.status == "not_attempted" else ""
    ours = " ".join(filter(None, [status_message(outcome, is_explained=bool(causes)), reason, *causes]))
    return with_server_message(ours, (answer.message for answer in answers))


def status_message(outcome: Outcome, *, is_explained: bool) -> str:
    record = outcome.record
    last = outcome.answers[-1].kind if outcome.answers else None
    if record and outcome.status == closed_status(record) and last in WITHOUT_EFFECT:
        return NOT_TRIED
    if record and outcome.status in (closed_status(record), "in_doubt"):
        text = doubt_message(record) if doubt(record) else MESSAGES[outcome.status]
        return f"{text} {MESSAGES['not_found']} {RECORD_KEPT}" if last == "not_found" else text
    text = MESSAGES[outcome.status]
    if record and outcome.status == "not_found":
        return f"{text} {RECORD_KEPT}"
    return NOTHING_CHANGED if is_explained and text.endswith(NOTHING_CHANGED) else text


def doubt_message(record: Record) -> str:
    """Return why the live password of an account in doubt is not known, and what to do."""
    if record.move:
        return move_message(record.move)
    if record.reason == "wrong_password" and record.current.source == "adopted":
        is_first = record.current.generation == 1
        return INITIAL_REFUSED if is_first else ADOPTED_REFUSED
    status = doubt(record)
    if status == "in_doubt" and record.unproven_sends >= record.unproven_limit:
        return LAST_REQUEST
    reason = REASONS[record.reason] if record.reason and closed_status(record) else ""
    return " ".join(filter(None, [reason, MESSAGES[status] if status else ""]))


def move_message(move: Move) -> str:
    """Return which store is in charge, or how the move to this one is completed."""
    if move.is_copy:
        return (
            f"The move of the account from {move.place} is not complete. Nothing was sent. Run"
            " uipath_password_store_copy again, which completes it."
        )
    return f"The account was moved to {move.place}. Nothing was sent. Use that store."


def rotation_result(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of the task. `undelivered` counts beside the statuses: it is none."""
    result = task_result(results, key="accounts", statuses=MESSAGES, noun="account")
    undelivered = sum(account["delivery_due"] for account in results)
    return {**result, "counts": {**result["counts"], "undelivered": undelivered}}
