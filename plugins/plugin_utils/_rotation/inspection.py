# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of all accounts of a store: read it, compare it with a list, and say what to look at. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.findings import failures, findings
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.matching import Matches, entry_label, matches
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.overview import (
    account_state,
    counts_of,
    unreadable_state,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Record,
    doubt,
    is_due,
    redacted,
    timestamp,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    Reading,
    Store,
    StoredAccount,
    StoredNames,
    StoreError,
    WentBackwards,
)


@dataclass(frozen=True)
class StoreReadings:
    """What was read of a store: records without passwords, and why others cannot be read, by user id.

    `lost` are ids of the list that no record can be read for, although there was one.
    """

    records: Mapping[str, Record]
    errors: Mapping[str, UiPathError] = field(default_factory=dict)
    lost: Mapping[str, UiPathError] = field(default_factory=dict)

    def names(self) -> StoredNames:
        readable = [
            StoredAccount(user_id, record.account.name, record.account.user_name)
            for user_id, record in self.records.items()
        ]
        return StoredNames([*readable, *(StoredAccount(user_id) for user_id in self.errors)])


def inspected(
    options: Mapping[str, Any],
    store: Store,
    *,
    now: datetime,
    warn: Callable[[str], None] = lambda _message: None,
) -> dict[str, Any]:
    """Run a task whose options are valid, and return its result."""
    readings: StoreReadings | None = None
    try:
        with store.open(read_only=True) as opened:
            for warning in opened.warnings:
                warn(warning)
            readings = read_all(opened, options, now)
    except StoreError as error:
        if readings is None:
            raise
        warn(f"The store was not closed properly. {error.message}")
    return overview_result(readings, options, now)


def read_all(store: OpenStore, options: Mapping[str, Any], now: datetime) -> StoreReadings:
    """Read all accounts of the store, and those that the list names by id: their records may be gone."""
    recorded = store.accounts()
    refuse_unreadable([account.error for account in recorded])
    known = {account.user_id for account in recorded}
    named = {canonical_user_id(entry["user_id"]) for entry in options["accounts"] or () if entry["user_id"]}
    user_ids = [*(account.user_id for account in recorded), *sorted(named - known)]
    found = readings_of(store, user_ids, options, now)
    refuse_unreadable([error_of(found[user_id]) for user_id in known if found[user_id]])
    errors = {user_id: error for user_id, reading in found.items() if (error := error_of(reading))}
    return StoreReadings(
        {user_id: redacted(record) for user_id, reading in found.items() if (record := record_of(reading))},
        {user_id: error for user_id, error in errors.items() if user_id in known},
        {user_id: error for user_id, error in errors.items() if user_id not in known},
    )


def readings_of(
    store: OpenStore, user_ids: Sequence[str], options: Mapping[str, Any], now: datetime
) -> dict[str, Reading]:
    """Return what the cache says of accounts with nothing to look at, and read all others."""
    cached = [None] * len(user_ids) if options["verify"] else store.read_cached(user_ids)
    found: dict[str, Reading] = {
        user_id: record
        for user_id, record in zip(user_ids, cached)
        if record and is_in_order(record, options["max_age_days"], now)
    }
    others = [user_id for user_id in user_ids if user_id not in found]
    read = dict(zip(others, store.read_many(others)))
    return {user_id: found.get(user_id) or read.get(user_id) for user_id in user_ids}


def is_in_order(record: Record, max_age_days: float, now: datetime) -> bool:
    return record.delivered and not doubt(record) and not is_due(record, max_age_days, now)


def record_of(reading: Reading) -> Record | None:
    """Return the record, of an account that another run works on the one that it had before."""
    if isinstance(reading, Busy):
        return reading.record
    return None if isinstance(reading, UiPathError) else reading


def error_of(reading: Reading) -> UiPathError | None:
    return reading if isinstance(reading, UiPathError) and not record_of(reading) else None


def refuse_unreadable(errors: Sequence[UiPathError | None]) -> None:
    """Raise StoreError if no record can be read at all: the vault password or another secret may be wrong."""
    unusable = [error for error in errors if error and not isinstance(error, (Busy, WentBackwards))]
    if unusable and len(unusable) == len(errors):
        raise StoreError(f"No record in the store can be read. The first one: {unusable[0].message}")


def overview_result(readings: StoreReadings, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the documented result."""
    entries: Sequence[Mapping[str, Any]] | None = options["accounts"]
    found = matches(entries or (), readings.names())
    states = account_states(readings, None if entries is None else found, options["max_age_days"], now)
    lost = {
        entry_label(entry): displayable(readings.lost[user_id].message)
        for entry in entries or ()
        if entry["user_id"] and (user_id := canonical_user_id(entry["user_id"])) in readings.lost
    }
    looked_at = findings(states, found.missing, lost)
    failed = failures(looked_at, options["fail_on"])
    problems = [*(one.sentence for one in looked_at), *found.problems]
    return {
        "changed": False,
        "failed": bool(failed),
        "time": timestamp(now),
        "max_age_days": options["max_age_days"],
        "accounts": states,
        "missing": list(found.missing),
        "counts": counts_of(states, found.missing),
        "problems": problems,
        "msg": " ".join(failed) or summary(len(states), problems),
    }


def account_states(
    readings: StoreReadings, found: Matches | None, max_age_days: float, now: datetime
) -> list[dict[str, Any]]:
    """Return the state of every account, by label. Without a list, `found` is None."""

    def listed(user_id: str) -> bool | None:
        return user_id in found.user_ids if found else None

    readable = (
        account_state(record, now=now, max_age_days=max_age_days, listed=listed(user_id))
        for user_id, record in readings.records.items()
    )
    unreadable = (  # an entry that names it otherwise than by its id may mean it
        unreadable_state(user_id, error, listed=listed(user_id) or None) for user_id, error in readings.errors.items()
    )
    return in_order((*readable, *unreadable))


def in_order(states: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(states, key=lambda state: (comparable(state["label"]), state["user_id"]))


def summary(accounts: int, problems: Sequence[str]) -> str:
    counted = f"{accounts} account{'' if accounts == 1 else 's'}"
    if not problems:
        return f"{counted}, nothing to look at."
    return f"{counted}, {len(problems)} problem{'' if len(problems) == 1 else 's'}. The first one: {problems[0]}"
