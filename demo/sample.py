# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `uipath_password_store_info` returns for a store in which everything occurs, at a fixed time.

The picture in docs is made of it, and the tests of the page use it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=timezone.utc)
LIMIT = 60
DEPARTMENTS = ("invoices", "orders", "payroll", "claims", "stock", "hr", "tax", "reports")
BY = ("AWX job 4711 (Rotate passwords)", "ops@controller1")
COUNTED = ("pending", "due", "overdue")
# Days since the last rotation, the same in every run.
AGES = tuple((number * 17) % 57 + number / 50 for number in range(40))

Account = dict[str, Any]


def iso(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


def account(number: int, age: float, **changes: Any) -> Account:
    name = f"svc-{DEPARTMENTS[number % len(DEPARTMENTS)]}-{number // len(DEPARTMENTS) + 1}"
    rotated = NOW - timedelta(days=age)
    due = rotated + timedelta(days=LIMIT)
    rotations = [rotated - timedelta(days=LIMIT * before, hours=number) for before in range(3)]
    return {
        "label": name,
        "user_id": str(uuid.UUID(int=0x2D5A1F3E3F0C4C399F0A0C7D6A1B2C00 + number)),
        "user_name": name,
        "status": "ok",
        "reason": None,
        "error_codes": [],
        "pending": False,
        "pending_since": None,
        "last_rotated": iso(rotated),
        "source": "rotated",
        "age_days": age,
        "next_due": iso(due),
        "due": due <= NOW,
        "overdue": due + timedelta(days=1) < NOW,
        "delivered": True,
        "delivered_at": iso(rotated + timedelta(seconds=9)),
        "generation": 6,
        "unproven_sends": 0,
        "rotations": [{"at": iso(time), "by": BY[number % 7 == 0]} for time in rotations],
        "listed": True,
        "msg": None,
        **changes,
    }


def unreadable(number: int) -> Account:
    """The fields of a record that does not decrypt."""
    msg = "The record does not decrypt. Restore it from a backup, or from its second copy."
    known = {"user_id": account(number, 0)["user_id"], "status": "unreadable", "msg": msg, "error_codes": []}
    return {**dict.fromkeys(account(number, 0)), **known, "label": known["user_id"], "rotations": []}


def store_info(accounts: Sequence[Account], *, missing: Sequence[str] = (), problems: Iterable[str] = ()) -> Any:
    """Return the result of the module for these accounts."""
    statuses = ("ok", "in_doubt", "out_of_sync", "quarantined", "unreadable")
    counts = {status: sum(one["status"] == status for one in accounts) for status in statuses}
    counts |= {name: sum(one[name] is True for one in accounts) for name in COUNTED}
    counts |= {f"un{name}": sum(one[name] is False for one in accounts) for name in ("delivered", "listed")}
    return {
        "time": iso(NOW),
        "max_age_days": LIMIT,
        "accounts": list(accounts),
        "missing": list(missing),
        "counts": {"accounts": len(accounts), **counts, "missing": len(missing)},
        "problems": list(problems),
    }


def sample() -> Any:
    accounts = [account(number, age) for number, age in enumerate(AGES)]
    accounts[3] = account(3, 63.4, msg="It has been due for 3 days.")
    accounts[9] = account(9, 71.2, delivered=False, delivered_at=None, msg="Its consumers wait for the password.")
    accounts[12] = account(12, 31.9, delivered=False, delivered_at=None)
    accounts[17] = account(17, 60.1, status="in_doubt", pending=True, pending_since=iso(NOW - timedelta(hours=2)))
    accounts[17]["msg"] = "A request got no answer. The next run finds out which password is live."
    accounts[22] = account(22, 48.0, status="out_of_sync", reason="wrong_password", error_codes=["PasswordMismatch"])
    accounts[22]["msg"] = "The server accepts no password of the record. Adopt the live one."
    accounts[27] = unreadable(27)
    accounts[33] = account(33, 12.5, listed=False, msg="It is in the store, and not in the list of accounts.")
    accounts[38] = account(38, 0, source="adopted", last_rotated=None, age_days=0.2, rotations=[], due=True)
    accounts[38]["next_due"] = iso(NOW - timedelta(hours=5))
    label = [one["label"] for one in accounts]
    problems = (
        f"Cannot be read: {label[27]}; restore its record.",
        f"Closed: {label[22]} (wrong_password); adopt the live password.",
        f"In doubt: {label[17]}; the next run finds out which password is live.",
        f"Due for more than a day: {label[3]}, {label[9]}; check that scheduled runs rotate them.",
        f"Not delivered: {label[9]}, {label[12]}; run the rotation with their tasks.",
        f"Not in the list: {label[33]}; list it, or move its record away.",
        "Without a record: svc-archive-1; run the rotation.",
    )
    return store_info(accounts, missing=["svc-archive-1"], problems=problems)
