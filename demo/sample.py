# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `uipath_password_store_info` returns for a store in which everything occurs, at a fixed time.

The product makes it of records, so all texts are its own. The picture in docs is made of it, and the tests of the page
use it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import (
    account_state,
    counts_of,
    unreadable_state,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.readings import StoreReadings
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.task import overview_result
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Pending,
    Record,
    RotatedBy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=timezone.utc)
LIMIT = 60.0
SERVER = "https://orchestrator.example.com/identity"
PLACE = "/srv/awx/uipath-passwords"
DEPARTMENTS = ("invoices", "orders", "payroll", "claims", "stock", "hr", "tax", "reports")
BY = ("AWX job 4711 (Rotate passwords)", "ops@controller1")
MADE = {"by": "AWX job 4818 (Report on the passwords)", "collection_version": "0.1.0"}
# Days since the last rotation, the same in every run.
AGES = tuple((number * 17) % 57 + number / 50 for number in range(40))
UNREADABLE = (
    "The record {file} cannot be used: it cannot be decrypted: the vault password is not the one it was encrypted with,"
    " or the file was changed or truncated. Nothing was changed. Fix that; if the file is damaged, restore it. Its"
    " second copy is {copy}."
)


def iso(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


def user_id_of(number: int) -> str:
    return str(uuid.UUID(int=0x2D5A1F3E3F0C4C399F0A0C7D6A1B2C00 + number))


def record(number: int, age: float, **changes: Any) -> Record:
    """Return the record of an account that is in order, with these changes. It has no password."""
    name = f"svc-{DEPARTMENTS[number % len(DEPARTMENTS)]}-{number // len(DEPARTMENTS) + 1}"
    rotated = NOW - timedelta(days=age)
    rotations = [rotated - timedelta(days=LIMIT * before, hours=number if before else 0) for before in range(3)]
    usual = Record(
        account=Account(SERVER, user_id_of(number), name, name),
        current=Current("", iso(rotated), "rotated"),
        generation=6,
        has_consumers=True,
        delivered_at=iso(rotated + timedelta(seconds=9)),
        rotations=tuple(RotatedBy(iso(time), BY[number % 7 == 0]) for time in rotations),
    )
    return replace(usual, **changes)


def account(number: int, age: float, **changes: Any) -> dict[str, Any]:
    """Return the state of an account that is in order, with these changes."""
    state = account_state(record(number, age), now=NOW, max_age_days=LIMIT, listed=True)
    return {**state, **changes}


def unreadable(number: int) -> dict[str, Any]:
    """Return the state of an account whose record cannot be decrypted."""
    return unreadable_state(user_id_of(number), damage(user_id_of(number)), listed=True)


def damage(user_id: str) -> StoreError:
    layout = Layout(Path(PLACE))
    return StoreError(UNREADABLE.format(file=layout.record(user_id), copy=layout.previous(user_id)))


def store_info(
    accounts: Sequence[dict[str, Any]], *, missing: Sequence[str] = (), problems: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the result of the module for these accounts."""
    result = overview_result(StoreReadings({}), options([]), NOW, PLACE, MADE)
    counts = counts_of(accounts, missing)
    changes = {"accounts": list(accounts), "missing": list(missing), "counts": counts, "problems": list(problems)}
    return {**result, **changes}


def options(accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"accounts": accounts, "max_age_days": LIMIT, "fail_on": [], "verify": False}


def sample() -> dict[str, Any]:
    undelivered = {"delivered": False, "delivered_at": None}
    changed = (
        record(3, 63.4),
        record(9, 71.2, **undelivered),
        record(12, 31.9, **undelivered),
        record(17, 60.1, status="in_doubt", pending=Pending("", "", iso(NOW - timedelta(hours=2)))),
        record(22, 48.0, status="out_of_sync", reason="wrong_password", error_codes=("PasswordMismatch",)),
        record(38, 0.2, rotations=(), current=Current("", iso(NOW - timedelta(hours=5)), "adopted")),
    )
    records = {one.account.user_id: one for one in (*map(record, range(len(AGES)), AGES), *changed)}
    damaged, unlisted = user_id_of(27), user_id_of(33)
    del records[damaged]
    listed = [{"user_id": user_id, "user_name": None, "name": None} for user_id in map(user_id_of, range(len(AGES)))]
    new = {"user_id": user_id_of(40), "user_name": None, "name": "svc-archive-1"}
    readings = StoreReadings(records, {damaged: damage(damaged)})
    entries = [*(entry for entry in listed if entry["user_id"] != unlisted), new]
    return overview_result(readings, options(entries), NOW, PLACE, MADE)
