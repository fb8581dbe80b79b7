# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run: what it would do with every account, from the store and, for new user names, from the server.

Planning writes nothing. If the store has every user name, it needs no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    by_name,
    comparable,
    name_problem,
    open_directory,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import duplicates
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, closed_status
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    RotationRequest,
    Save,
    State,
    Step,
    outcome_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    Reading,
    StoredNames,
    WentBackwards,
    is_called,
)

# The status in check mode of an account that the run would change, if it is not would_rotate.
PREDICTED: dict[State, AccountStatus] = {"present": "created", "delivered": "delivered"}


@dataclass(frozen=True)
class Plan:
    """What is known about an account before the run. `outcome` is None if there is work to do."""

    request: RotationRequest
    record: Record | None
    outcome: Outcome | None


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def identified(
    requested: Sequence[RotationRequest], store: OpenStore, client: Client, partition_id: str | None
) -> list[RotationRequest]:
    """Return the requests with the id of every account, from the store or else from the server."""
    known = with_recorded_ids(requested, store)
    names = [request.account.user_name or "" for request in known if not request.account.user_id]
    named = by_name(open_directory(client, partition_id).list_users()) if names else {}
    problems, complete = [], []
    for request in known:
        users = named.get(comparable(request.account.user_name or ""), ())
        problem = None if request.account.user_id else name_problem(request.account.user_name or "", users)
        problems += [f"accounts[{request.index}]: {problem}"] if problem else []
        complete.append(with_id(request, users[0].id) if users and not request.account.user_id else request)
    ids = {request.index: request.account.user_id for request in complete}
    problems = problems or duplicates((ids.get(index, "") for index in range(max(ids, default=-1) + 1)), "accounts")
    if problems:
        raise InvalidInput(problems)
    return complete


def with_recorded_ids(requested: Sequence[RotationRequest], store: OpenStore) -> list[RotationRequest]:
    """Fill in the ids that the store has for the user names. If it has several or none, the server decides."""
    named = [request.account.user_name or "" for request in requested if not request.account.user_id]
    recorded = recorded_ids(named, store) if named else {}
    return [
        with_id(request, request.account.user_id or recorded.get(request.account.user_name or "", ""))
        for request in requested
    ]


def recorded_ids(user_names: Sequence[str], store: OpenStore) -> dict[str, str]:
    """Return the ids of accounts whose records have these user names. The listing may lag, so the records decide."""
    names = StoredNames(store.accounts())
    listed = {user_name: names.find(user_name, "user_name") for user_name in user_names}
    single = {user_name: found[0] for user_name, found in listed.items() if len(found) == 1}
    readings = store.read_many(list(single.values()))
    return {
        user_name: user_id
        for (user_name, user_id), reading in zip(single.items(), readings)
        if isinstance(reading, UiPathError) or (reading and is_called(reading, user_name))
    }


def with_id(request: RotationRequest, user_id: str) -> RotationRequest:
    return replace(request, account=replace(request.account, user_id=canonical_user_id(user_id)))


def plan_all(requested: Sequence[RotationRequest], store: OpenStore, *, check_mode: bool = False) -> list[Plan]:
    readings = store.read_many([request.account.user_id for request in requested])
    return [plan(request, reading, check_mode=check_mode) for request, reading in zip(requested, readings)]


def plan(request: RotationRequest, reading: Reading, *, check_mode: bool = False) -> Plan:
    """Determine from the record whether there is work to do: if so, the rotation yields a first step."""
    if isinstance(reading, Busy):
        return Plan(request, reading.record, outcome_of(reading))
    if isinstance(reading, WentBackwards):  # read under its lock, the record gets the passwords of its other versions
        return Plan(request, None, outcome_of(reading) if check_mode else None)
    if isinstance(reading, UiPathError):
        raise reading
    try:
        first = next(Rotation(request, reading, now=utc_now, new_password=lambda: "-").steps())
    except StopIteration as ending:
        return Plan(request, reading, ending.value)
    return Plan(request, reading, predicted(request, reading, first) if check_mode else None)


def predicted(request: RotationRequest, record: Record | None, first: Step) -> Outcome:
    """Return the outcome of a normal run, if all goes well."""
    closed = closed_status(first.record) if isinstance(first, Save) else None
    if closed:
        return Outcome(closed, record)
    return Outcome(PREDICTED.get(request.state, "would_rotate"), record)


def taken_labels(plans: Sequence[Plan], store: OpenStore) -> list[str]:
    """Return which new labels belong to another account, unless that account gets a new one as well."""
    renamed = [planned for planned in plans if has_new_label(planned)]
    if not renamed:
        return []
    labels = {planned.request.account.user_id: planned.request.account.name for planned in plans}
    names, problems = StoredNames(store.accounts()), []
    for planned in renamed:
        own, label = planned.request.account.user_id, planned.request.account.name or ""
        others = {other for other in names.find(label, "label", "user_name") if labels.get(other) in (None, label)}
        if canonical_user_id(label) in names or canonical_user_id(label) in labels:
            others.add(canonical_user_id(label))
        others.discard(own)
        if others:
            place = f"accounts[{planned.request.index}].name"
            problems.append(f"{place} is already the name, user name or user id of another account, {min(others)}")
    return problems


def has_new_label(planned: Plan) -> bool:
    label = planned.request.account.name
    return bool(label) and not (planned.record and planned.record.account.name == label)
