# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one account as its record has it, and the counts. It never contains a password, a hash or a length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    STATUSES,
    Account,
    Record,
    age_days,
    closed_status,
    doubt,
    is_due,
    is_overdue,
    last_rotated,
    next_due,
    recorded_time,
    timestamp,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import doubt_message, rounded_age, time_of
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import WentBackwards

UNREADABLE = "unreadable"
AGE_UNKNOWN = (
    "The record does not say when the password took effect, or that time is in the future: check the controller's"
    " clock, or rotate the account with force: true."
)
OVERDUE = "The password has been due for more than a day: check that scheduled runs rotate this account."
INITIAL = "The record still has the initial password: rotate it."
UNDELIVERED = "A consumer may lack the current password: run the rotation with the tasks for consumers."
UNLISTED = (
    "The account is not in the list, so no run with that list rotates it: list it, or, unless it is listed under"
    " another name, move its record away."
)
OUTDATED = (
    "Run the rotation: it sends nothing for this account, adds the passwords of the record's other versions to it, and"
    " closes the account. Then repair the account."
)
# The numbers of accounts beyond those of each status, and the field of an account that each counts.
FLAGS = ("pending", "due", "overdue")


def account_state(record: Record, *, now: datetime, max_age_days: float, listed: bool | None) -> dict[str, Any]:
    """Return the state of an account whose record can be read."""
    closed, pending = closed_status(record), record.pending
    return {
        "label": label_of(record.account),
        "user_id": displayable(record.account.user_id),
        "user_name": shown(record.account.user_name),
        "status": doubt(record) or "ok",
        "reason": record.reason if closed else None,
        "error_codes": [displayable(code) for code in record.error_codes] if closed else [],
        "pending": pending is not None and not record.move,
        "pending_since": shown_time(pending.staged_at) if pending and not record.move else None,
        "last_rotated": time_of(last_rotated(record)),
        "source": record.current.source,
        "age_days": rounded_age(record, now),
        "next_due": None if record.move else time_of(next_due(record, max_age_days)),
        "due": not record.move and is_due(record, max_age_days, now),
        "overdue": not record.move and is_overdue(record, max_age_days, now),
        "delivered": is_delivered(record),
        "delivered_at": shown_time(record.delivered_at),
        "generation": record.generation,
        "unproven_sends": record.unproven_sends,
        "rotations": [{"at": shown_time(rotation.at), "by": shown(rotation.by)} for rotation in record.rotations],
        "listed": listed,
        "msg": advice(record, now=now, max_age_days=max_age_days, listed=listed),
    }


def unreadable_state(
    user_id: str, error: UiPathError, account: Account | None = None, *, listed: bool | None
) -> dict[str, Any]:
    """Return the state of an account whose record cannot be read: nothing is known but its id, or its names."""
    return {
        "label": label_of(account) if account else displayable(user_id),
        "user_id": displayable(user_id),
        "user_name": shown(account.user_name) if account else None,
        "status": UNREADABLE,
        "reason": None,
        "error_codes": [],
        "pending": None,
        "pending_since": None,
        "last_rotated": None,
        "source": None,
        "age_days": None,
        "next_due": None,
        "due": None,
        "overdue": None,
        "delivered": None,
        "delivered_at": None,
        "generation": None,
        "unproven_sends": None,
        "rotations": [],
        "listed": listed,
        "msg": displayable(error.message) + (f" {OUTDATED}" if isinstance(error, WentBackwards) else ""),
    }


def is_delivered(record: Record) -> bool | None:
    """Tell whether the consumers have the password, or None if the record knows of none or is not in charge."""
    if record.move:
        return None
    return bool(record.delivered) if record.has_consumers or not record.delivered else None


def advice(record: Record, *, now: datetime, max_age_days: float, listed: bool | None) -> str | None:
    """Return what to look at and what to do, of several things the most urgent one, or None."""
    if doubt(record):
        return displayable(doubt_message(record))
    if age_days(record.current, now) is None:
        return AGE_UNKNOWN
    if record.current.source == "adopted":
        return INITIAL
    if is_overdue(record, max_age_days, now):
        return OVERDUE
    if not record.delivered:
        return UNDELIVERED
    return UNLISTED if listed is False else None


def label_of(account: Account) -> str:
    return displayable(account.name or account.user_name or account.user_id)


def shown(text: object) -> str | None:
    """Return text of a record, or None if there is none: people may have edited the record."""
    return displayable(text) if isinstance(text, str) else None


def shown_time(text: object) -> str | None:
    time = recorded_time(text)
    return timestamp(time) if time else None


def counts_of(states: Sequence[Mapping[str, Any]], missing: Iterable[str]) -> dict[str, int]:
    """Return how many accounts have each status, and how many need something else."""
    statuses = [state["status"] for state in states]
    return {
        "accounts": len(states),
        **{status: statuses.count(status) for status in (*STATUSES, UNREADABLE)},
        **{flag: sum(state[flag] is True for state in states) for flag in FLAGS},
        "undelivered": sum(state["delivered"] is False for state in states),
        "unlisted": sum(state["listed"] is False for state in states),
        "missing": len(list(missing)),
    }
