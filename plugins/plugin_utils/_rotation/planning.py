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
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome, RotationRequest, Save, Step
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store, WentBackwards


@dataclass(frozen=True)
class Plan:
    """What is to come of an account. `ended` is None where something has to be done."""

    request: RotationRequest
    record: Record | None
    outcome: Outcome | None


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def identified(
    requests: Sequence[RotationRequest], store: Store, client: Client, partition_id: str | None
) -> list[RotationRequest]:
    """Return the requests with the id of every account: from the store or, where that knows none, from the server."""
    known = [with_id(request, request.account.user_id or recorded_id(request, store)) for request in requests]
    names = [request.account.user_name or "" for request in known if not request.account.user_id]
    named = by_name(open_directory(client, partition_id).everybody()) if names else {}
    problems, complete = [], []
    for request in known:
        users = named.get(comparable(request.account.user_name or ""), ())
        problem = None if request.account.user_id else name_problem(request.account.user_name or "", users)
        problems += [f"accounts[{request.index}]: {problem}"] if problem else []
        complete.append(with_id(request, users[0].id) if users and not request.account.user_id else request)
    ids = {request.index: request.account.user_id for request in complete}
    problems = problems or repetitions((ids.get(index, "") for index in range(max(ids, default=-1) + 1)), "accounts")
    if problems:
        raise InvalidInput(problems)
    return complete


def with_id(request: RotationRequest, user_id: str) -> RotationRequest:
    return replace(request, account=replace(request.account, user_id=canonical_user_id(user_id)))


def recorded_id(request: RotationRequest, store: Store) -> str:
    """Return the id of the account that the store knows by the user name. If it knows several, the server decides."""
    found = store.find("user_name", request.account.user_name or "")
    return found[0] if len(found) == 1 else ""


def plan(request: RotationRequest, store: Store, *, check_mode: bool = False) -> Plan:
    """Find out from the store what has to be done: the first step of the rotation tells."""
    try:
        record = store.read(request.account.user_id)
    except WentBackwards as error:  # under its lock, the record takes over what was found beside it
        outcome = Outcome(error.status, None, (unanswered(error),))  # type: ignore[arg-type]
        return Plan(request, None, outcome if check_mode else None)
    try:
        first = next(Rotation(request, now=utc_now, new_password=lambda: "-").steps(record))
    except StopIteration as ending:
        return Plan(request, record, ending.value)
    return Plan(request, record, foreseen(request, record, first) if check_mode else None)


def foreseen(request: RotationRequest, record: Record | None, first: Step) -> Outcome:
    """Return how an account would end outside check mode, if all goes well."""
    if isinstance(first, Save) and is_closed(first.record):
        return Outcome(first.record.status, record)
    return Outcome({"present": "created", "delivered": "delivered"}.get(request.state, "would_rotate"), record)


def plan_all(requests: Sequence[RotationRequest], store: Store, *, check_mode: bool = False) -> list[Plan]:
    """Plan in as many threads as there are processors: most of it is the derivation of keys, and they share that."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(lambda request: plan(request, store, check_mode=check_mode), requests))
    finally:
        pool.shutdown(cancel_futures=True)


def is_account(name: str, store: Store, ids: Collection[str]) -> bool:
    return canonical_user_id(name) in ids or store.holds(name)


def taken_labels(plans: Sequence[Plan], store: Store) -> list[str]:
    """Say which new labels are another account's, unless that account is about to get a new one, too."""
    labels = {planned.request.account.user_id: planned.request.account.name for planned in plans}
    problems = []
    for planned in plans:
        own, label = planned.request.account.user_id, planned.request.account.name
        if label and not (planned.record and planned.record.account.name == label):
            holders = {*store.find("name", label), *store.find("user_name", label)}
            others = {other for other in holders if labels.get(other) in (None, label)}
            others |= {canonical_user_id(label)} if is_account(label, store, labels) else set()
            others -= {own}
            if others:
                place = f"accounts[{planned.request.index}].name"
                problems.append(f"{place} stands for another account already, {min(others)}")
    return problems
