# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to come of every account, found out before anything is done: from the store and, for new names, the server.

Planning writes nothing. Where the store knows every name, it needs no network.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    by_name,
    comparable,
    name_problem,
    open_directory,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id, unanswered
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import repetitions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, is_closed
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Ended, Save, Step, Wish
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store, WentBackwards


@dataclass(frozen=True)
class Plan:
    """What is to come of an account. C(ended) is None where something has to be done."""

    wish: Wish
    record: Record | None
    ended: Ended | None


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def identified(wishes: Sequence[Wish], store: Store, client: Client, partition_id: str | None) -> list[Wish]:
    """Return the wishes with the id of every account: from the store or, where that knows none, from the server."""
    known = [with_id(wish, wish.account.user_id or recorded_id(wish, store)) for wish in wishes]
    names = [wish.account.user_name or "" for wish in known if not wish.account.user_id]
    named = by_name(open_directory(client, partition_id).everybody()) if names else {}
    problems, complete = [], []
    for wish in known:
        users = named.get(comparable(wish.account.user_name or ""), ())
        problem = None if wish.account.user_id else name_problem(wish.account.user_name or "", users)
        problems += [f"accounts[{wish.index}]: {problem}"] if problem else []
        complete.append(with_id(wish, users[0].id) if users and not wish.account.user_id else wish)
    ids = {wish.index: wish.account.user_id for wish in complete}
    problems = problems or repetitions((ids.get(index, "") for index in range(max(ids, default=-1) + 1)), "accounts")
    if problems:
        raise InvalidInput(problems)
    return complete


def with_id(wish: Wish, user_id: str) -> Wish:
    return replace(wish, account=replace(wish.account, user_id=canonical_user_id(user_id)))


def recorded_id(wish: Wish, store: Store) -> str:
    """Return the id of the account that the store knows by the user name. If it knows several, the server decides."""
    found = store.find("user_name", wish.account.user_name or "")
    return found[0] if len(found) == 1 else ""


def plan(wish: Wish, store: Store, *, check_mode: bool = False) -> Plan:
    """Find out from the store what has to be done: the first step of the rotation tells."""
    try:
        record = store.read(wish.account.user_id)
    except WentBackwards as error:  # under its lock, the record takes over what was found beside it
        return Plan(wish, None, Ended(error.status, None, (unanswered(error),)) if check_mode else None)
    try:
        first = next(Rotation(wish, now=utc_now, new_password=lambda: "-").steps(record))
    except StopIteration as ending:
        return Plan(wish, record, ending.value)
    return Plan(wish, record, foreseen(wish, record, first) if check_mode else None)


def foreseen(wish: Wish, record: Record | None, first: Step) -> Ended:
    """Return how an account would end outside check mode, if all goes well."""
    if isinstance(first, Save) and is_closed(first.record):
        return Ended(first.record.status, record)
    return Ended({"present": "created", "delivered": "delivered"}.get(wish.state, "would_rotate"), record)


def plan_all(wishes: Sequence[Wish], store: Store, *, check_mode: bool = False) -> list[Plan]:
    """Plan in as many threads as there are processors: most of it is the derivation of keys, and they share that."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(lambda wish: plan(wish, store, check_mode=check_mode), wishes))
    finally:
        pool.shutdown(cancel_futures=True)


def is_account(name: str, store: Store, ids: Collection[str]) -> bool:
    return canonical_user_id(name) in ids or store.holds(name)


def taken_labels(plans: Sequence[Plan], store: Store) -> list[str]:
    """Say which new labels are another account's, unless that account is about to get a new one, too."""
    labels = {planned.wish.account.user_id: planned.wish.account.name for planned in plans}
    problems = []
    for planned in plans:
        own, label = planned.wish.account.user_id, planned.wish.account.name
        if label and not (planned.record and planned.record.account.name == label):
            holders = {*store.find("name", label), *store.find("user_name", label)}
            others = {other for other in holders if labels.get(other) in (None, label)}
            others |= {canonical_user_id(label)} if is_account(label, store, labels) else set()
            others -= {own}
            if others:
                place = f"accounts[{planned.wish.index}].name"
                problems.append(f"{place} stands for another account already, {min(others)}")
    return problems
