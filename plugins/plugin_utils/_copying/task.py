# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of all accounts, or of some, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.account import Stores, move_account, predicted
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.results import (
    MoveStatus,
    account_result,
    move_result,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    Store,
    StoredNames,
    StoreError,
    is_uuid,
)


def move_accounts(
    accounts: Sequence[str] | None,
    source: Store,
    target: Store,
    *,
    check_mode: bool,
    now: Callable[[], datetime],
    warn: Callable[[str], None] = lambda _message: None,
) -> dict[str, Any]:
    """Move these accounts, or all that the source has, and return the result of the task."""
    if source.place == target.place:
        raise InvalidInput(["source and target are the same store"])
    with opened(source, check_mode, warn) as ours, opened(target, check_mode, warn) as theirs:
        stores = Stores(ours, theirs, source.place, target.place, now)
        results = results_of(stores, entries(ours, accounts), predicted if check_mode else move_account)
    return move_result(results, source.place, target.place)


@contextmanager
def opened(store: Store, check_mode: bool, warn: Callable[[str], None]) -> Iterator[OpenStore]:
    """Open a store. An error when it is closed is a warning: everything is durable by then."""
    is_done = False
    try:
        with store.open(read_only=check_mode) as open_store:
            for warning in open_store.warnings:
                warn(warning)
            yield open_store
            is_done = True
    except StoreError as error:
        if not is_done:
            raise
        warn(f"The store was not closed properly. {error.message}")


def entries(source: OpenStore, accounts: Sequence[str] | None) -> Mapping[str, str]:
    """Return what each account to move is called, by its user id."""
    if accounts is None:
        return {user_id: user_id for user_id in sorted(source.user_ids())}
    names = [name for name in accounts if not is_uuid(canonical_user_id(name))]
    known = StoredNames(source.accounts() if names else ())
    found = [(name, found_ids(name, known)) for name in accounts]
    problems = [f"'{name}' is the name of several accounts: {', '.join(ids)}" for name, ids in found if len(ids) > 1]
    if problems:
        raise InvalidInput(problems)
    return {ids[0]: name for name, ids in reversed(found)}


def found_ids(name: str, known: StoredNames) -> list[str]:
    """Return the ids of the accounts with this user id, label or user name. What no account has is taken for an id."""
    user_id = canonical_user_id(name)
    if is_uuid(user_id) or user_id in known:
        return [user_id]
    return known.find(name, "label", "user_name") or [user_id]


def results_of(
    stores: Stores, names: Mapping[str, str], move: Callable[[Stores, str], MoveStatus]
) -> list[dict[str, Any]]:
    results, stopped = [], ""
    for user_id, label in names.items():
        if stopped:
            results.append(account_result(label, user_id, "not_attempted", stopped))
            continue
        try:
            results.append(account_result(label, user_id, move(stores, user_id)))
        except UiPathError as error:
            status: MoveStatus = "busy" if isinstance(error, Busy) else "store_error"
            results.append(account_result(label, user_id, status, error.message))
            stopped = error.message if error.stops_task else ""
    return results
