# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of all accounts of a store: read it, compare it with a list, and say what to look at. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.findings import failures, findings
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.matching import Matches, matches, missing_label
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import (
    account_state,
    counts_of,
    unreadable_state,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.readings import (
    StoreReadings,
    account_of,
    read_all,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import timestamp
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordLost,
    Store,
    StoredNames,
    StoreError,
    WentBackwards,
)

NOBODY: Mapping[str, str | None] = MappingProxyType({"by": None, "collection_version": None})


def inspected(
    options: Mapping[str, Any],
    store: Store,
    *,
    now: Callable[[], datetime],
    made: Mapping[str, str | None] = NOBODY,
    warn: Callable[[str], None] = lambda _message: None,
) -> dict[str, Any]:
    """Run a task whose options are valid, and return its result. `made` says by whom and with which version.

    The time of the result is that after the last reading: a run may rotate accounts meanwhile.
    """
    readings: StoreReadings | None = None
    try:
        with store.open(read_only=True) as opened:
            for warning in opened.warnings:
                warn(warning)
            named = (entry["user_id"] for entry in options["accounts"] or () if entry["user_id"])
            age, verify = options["max_age_days"], options["verify"]
            readings = read_all(opened, named, max_age_days=age, now=now(), verify=verify)
    except StoreError as error:
        if readings is None:
            raise
        warn(f"The store was not closed properly. {error.message}")
    return overview_result(readings, options, now(), store.place, made)


def overview_result(
    readings: StoreReadings,
    options: Mapping[str, Any],
    now: datetime,
    place: str,
    made: Mapping[str, str | None] = NOBODY,
) -> dict[str, Any]:
    """Return the documented result."""
    entries: Sequence[Mapping[str, Any]] | None = options["accounts"]
    names = readings.names()
    nameless = [user_id for user_id, error in readings.errors.items() if not account_of(error)]
    found = matches(entries, names, nameless) if entries is not None else None
    missing, unsure, ambiguous = (found.missing, found.unsure, found.problems) if found else ((), (), ())
    states = account_states(readings, found, options["max_age_days"], now)
    lost = lost_records(readings, entries or (), names)
    looked_at = findings(states, missing, lost, unsure, outdated_ids(readings))
    failed = failures(looked_at, options["fail_on"])
    problems = [*(one.sentence for one in looked_at), *ambiguous]
    return {
        "changed": False,
        "failed": bool(failed),
        "time": timestamp(now),
        **made,
        "store": displayable(place),
        "identity_url": server_of(readings),
        "max_age_days": options["max_age_days"],
        "accounts": states,
        "missing": list(missing),
        "counts": counts_of(states, missing),
        "problems": problems,
        "failures": failed,
        "msg": " ".join(failed) or summary(len(states), problems),
    }


def lost_records(readings: StoreReadings, entries: Sequence[Mapping[str, Any]], names: StoredNames) -> dict[str, str]:
    """Return what the store says of each record that is gone, by the label of the account or else of its entry."""
    of_accounts = {
        displayable(user_id): error.message
        for user_id, error in readings.errors.items()
        if isinstance(error, RecordLost)
    }
    of_entries = {
        missing_label(entry, names): readings.lost[user_id].message
        for entry in entries
        if entry["user_id"] and (user_id := canonical_user_id(entry["user_id"])) in readings.lost
    }
    return {label: displayable(message) for label, message in {**of_accounts, **of_entries}.items()}


def outdated_ids(readings: StoreReadings) -> set[str]:
    """Return the ids, as they are shown, of the accounts whose record is older than the last one written."""
    return {displayable(user_id) for user_id, error in readings.errors.items() if isinstance(error, WentBackwards)}


def server_of(readings: StoreReadings) -> str | None:
    """Return the server that the records belong to. A store binds all of them to the same one."""
    urls = {record.account.identity_url for record in readings.records.values()}
    return displayable(urls.pop()) if len(urls) == 1 else None


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
        unreadable_state(user_id, error, account_of(error), listed=listed(user_id) or None)
        for user_id, error in readings.errors.items()
    )
    return in_order((*readable, *unreadable))


def in_order(states: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(states, key=lambda state: (comparable(state["label"]), state["user_id"]))


def summary(accounts: int, problems: Sequence[str]) -> str:
    counted = f"{accounts} account{'' if accounts == 1 else 's'}"
    if not problems:
        return f"{counted}, nothing to look at."
    return f"{counted}, {len(problems)} problem{'' if len(problems) == 1 else 's'}. The first one: {problems[0]}"
