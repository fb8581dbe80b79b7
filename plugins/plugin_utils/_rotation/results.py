# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented result of a rotation, of every account and of the task. It never holds a password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import with_server_message
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import age_days, doubt
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome, RotationRequest

SUCCEEDED = frozenset({"rotated", "resumed", "fresh", "adopted", "created", "delivered", "would_rotate"})

# The record is not, or not for long, what this run has read.
OTHER_HANDS = frozenset({"busy", "store_error", "store_conflict"})

# Every status of an account, with what it means and what to do next.
MESSAGES = {
    "rotated": "The password was changed, and is in the store.",
    "resumed": "What an earlier run had left open is settled. The live password is in the store.",
    "fresh": "Nothing is due.",
    "adopted": "The password given was live, and was changed. The new one is in the store.",
    "created": "The password given is in the store. It was not tried.",
    "delivered": "The consumers have the password.",
    "would_rotate": "The password would be changed.",
    "busy": "Another run is working on this account.",
    "age_unknown": (
        "The record does not say since when the password is in effect, or says a time to come. Check the clock, or"
        " rotate with force: true."
    ),
    "throttled": "The server asks for more patience than this run has. Nothing was changed; the next run goes on.",
    "unreachable": "The server was not reached. Nothing was changed; the next run goes on.",
    "unauthorized": "The server does not accept the caller. Nothing was changed; the next run goes on.",
    "wrong_url": "This is not the Identity API. Nothing was changed; the next run goes on.",
    "refused": (
        "The server refuses the change, and not for its policy. Look at its codes. The lookup returns no password until"
        " a run has found out which one is live."
    ),
    "policy_rejected": (
        "The server's policy refuses all new passwords. Give the option password what it demands, or the application"
        " the scope PM.Setting.Read."
    ),
    "not_found": "The server knows no such user. The record is kept.",
    "in_doubt": (
        "Nothing proves which of the passwords in the record is live. Run again: the next run sends the same pair and"
        " finds out."
    ),
    "out_of_sync": (
        "None of the passwords tried is live: somebody else has changed it. Run with state: resumed and force: true to"
        " try two others that are in the record, or reset the password and run with state: adopted."
    ),
    "quarantined": (
        "The account is left alone, so that the server does not lock it: too many answers were lost, or the server has"
        " locked or disabled it. Mend that, then run with state: resumed and force: true."
    ),
    "store_error": "The store cannot be used for this account. Nothing is sent before it is mended.",
    "store_conflict": (
        "Somebody else wrote the record while it was worked on. Both versions are kept: compare the file with the"
        " .conflict file beside it, and stop what else writes there."
    ),
    "no_password": "There is no record, and no initial_password to adopt.",
    "not_attempted": "Nothing was done for this account, because the run was stopped before its turn.",
}


# What is said of an account out of sync that was never rotated in this store.
INITIAL_REFUSED = (
    "The password given is not live. Correct it, and run with state: adopted for this account. If it was rotated"
    " before, this is not the store that has its password."
)


def account_result(
    request: RotationRequest, outcome: Outcome, *, now: datetime, stopped: str | None = None
) -> dict[str, Any]:
    """Return the result of one account. `stopped` is the reason why an account was not attempted."""
    record = outcome.record
    age = age_days(record.current, now) if record else None
    last = outcome.answers[-1] if outcome.answers else None
    return {
        "user_id": request.account.user_id or None,
        "user_name": request.account.user_name,
        "name": request.account.name,
        "status": outcome.status,
        "changed": outcome.changed or outcome.status in ("created", "delivered", "would_rotate"),
        "generation": record.generation if record else None,
        "age_days": None if age is None else round(age, 2),
        "unproven_sends": record.unproven_sends if record else None,
        "attempts": sum(answer.attempts for answer in outcome.answers),
        "error_codes": list(dict.fromkeys(code for answer in failures(outcome) for code in answer.codes)),
        "trace_id": last.trace_id if last and outcome.status not in SUCCEEDED else None,
        "delivery_due": is_delivery_due(outcome),
        "msg": message(outcome, stopped),
    }


def is_delivery_due(outcome: Outcome) -> bool:
    """Tell whether the consumers have to be told, and can be: the lookup gives them the password."""
    record = outcome.record
    return bool(record and not record.delivered and not doubt(record)) and outcome.status not in OTHER_HANDS


def failures(outcome: Outcome) -> Sequence[PasswordAnswer]:
    return () if outcome.status in SUCCEEDED else outcome.answers


def message(outcome: Outcome, stopped: str | None) -> str:
    answers = failures(outcome)
    causes = dict.fromkeys(answer.cause for answer in answers if answer.cause)
    reason = [f"The reason: {stopped}."] if stopped and outcome.status == "not_attempted" else []
    ours = " ".join([status_message(outcome), *reason, *causes])
    return with_server_message(ours, (answer.message for answer in answers))


def status_message(outcome: Outcome) -> str:
    is_initial = outcome.record is not None and outcome.record.current.source == "adopted"
    return INITIAL_REFUSED if outcome.status == "out_of_sync" and is_initial else MESSAGES[outcome.status]


def is_overdue(result: Mapping[str, Any], max_age_days: float) -> bool:
    """Tell whether an account has been due for more than a day: then another run that holds it is no excuse."""
    return result["age_days"] is None or result["age_days"] > max_age_days + 1


def task_result(results: list[dict[str, Any]], max_age_days: float) -> dict[str, Any]:
    failed = [
        result
        for result in results
        if result["status"] not in SUCCEEDED and (result["status"] != "busy" or is_overdue(result, max_age_days))
    ]
    counts = dict.fromkeys(MESSAGES, 0)
    for result in results:
        counts[result["status"]] += 1
    outcome = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none given"
    msg = f"Accounts by status: {outcome}."
    if failed:
        first = failed[0]
        label = first["name"] or first["user_name"] or first["user_id"]
        msg = f"{len(failed)} of {len(results)} accounts failed: {outcome}. The first of them, {label}: {first['msg']}"
    return {
        "changed": any(result["changed"] for result in results),
        "failed": bool(failed),
        "accounts": results,
        "counts": counts,
        "msg": msg,
    }
