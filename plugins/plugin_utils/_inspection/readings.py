# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All records of a store without their passwords, and why others cannot be read. The cache is used where it may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Record,
    doubt,
    is_due,
    redacted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    Reading,
    StoredAccount,
    StoredNames,
    WentBackwards,
    refuse_unreadable,
)


@dataclass(frozen=True)
class StoreReadings:
    """What was read of a store: records without passwords, and why others cannot be read, by user id.

    `lost` are ids of the list that no record can be read for, although there was one, and that the store does not list.
    """

    records: Mapping[str, Record]
    errors: Mapping[str, UiPathError] = field(default_factory=dict)
    lost: Mapping[str, UiPathError] = field(default_factory=dict)

    def names(self) -> StoredNames:
        readable = [stored_account(user_id, record.account) for user_id, record in self.records.items()]
        unreadable = [stored_account(user_id, account_of(error)) for user_id, error in self.errors.items()]
        return StoredNames([*readable, *unreadable])


def read_all(
    store: OpenStore, named: Iterable[str], *, max_age_days: float, now: datetime, verify: bool = False
) -> StoreReadings:
    """Read all accounts of the store, and those whose ids a list has: their records may be gone.

    What the store has cached is used for accounts with nothing to do, unless `verify` is set.
    """
    known = dict.fromkeys(store.user_ids())
    user_ids = list(known | dict.fromkeys(map(canonical_user_id, named)))
    cached = [None] * len(user_ids) if verify else store.read_cached(user_ids)
    found: dict[str, Reading] = {
        user_id: record
        for user_id, record in zip(user_ids, cached)
        if record and has_nothing_to_do(record, max_age_days, now)
    }
    others = [user_id for user_id in user_ids if user_id not in found]
    found.update((user_id, without_password(read)) for user_id, read in zip(others, store.read_many(others)))
    refuse_unreadable([error_of(found[user_id]) for user_id in known if found[user_id]])
    return store_readings(found, known)


def store_readings(found: Mapping[str, Reading], known: Collection[str]) -> StoreReadings:
    errors = {user_id: error for user_id, reading in found.items() if (error := error_of(reading))}
    return StoreReadings(
        {user_id: record for user_id, reading in found.items() if (record := record_of(reading))},
        {user_id: error for user_id, error in errors.items() if user_id in known},
        {user_id: error for user_id, error in errors.items() if user_id not in known},
    )


def stored_account(user_id: str, account: Account | None) -> StoredAccount:
    return StoredAccount(user_id, account.name, account.user_name) if account else StoredAccount(user_id)


def account_of(error: UiPathError) -> Account | None:
    """Return the names of an account whose record cannot be used, if they are known."""
    return error.account if isinstance(error, WentBackwards) else None


def has_nothing_to_do(record: Record, max_age_days: float, now: datetime) -> bool:
    return record.delivered and not doubt(record) and not is_due(record, max_age_days, now)


def without_password(reading: Reading) -> Reading:
    return redacted(reading) if isinstance(reading, Record) else reading


def record_of(reading: Reading) -> Record | None:
    """Return the record, of an account that another run works on the one that it had before."""
    if isinstance(reading, Busy):
        return reading.record and redacted(reading.record)
    return None if isinstance(reading, UiPathError) else reading


def error_of(reading: Reading) -> UiPathError | None:
    return reading if isinstance(reading, UiPathError) and not record_of(reading) else None
