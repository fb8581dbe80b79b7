# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run: what it would do with every account, from the store. Planning writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, closed_status, with_names
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    SENDING,
    AccountStatus,
    Outcome,
    RotationRequest,
    Save,
    Step,
    Steps,
    outcome_of,
    sends_or_stages,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    Reading,
    RecordDeleted,
    RecordLost,
    StoredNames,
    StoreError,
    WentBackwards,
    refuse_unreadable,
)

# The status in check mode of an account to which the run would send a request, by the one that it would end with.
PREDICTED: dict[AccountStatus, AccountStatus] = {
    "rotated": "would_rotate",
    "adopted": "would_rotate",
    "resumed": "would_resume",
}


# Statuses with which the plan of an account ends before anything is sent for it.
UNUSABLE: frozenset[AccountStatus] = frozenset({"not_found", "name_conflict", "store_error", "no_password"})


@dataclass(frozen=True)
class Plan:
    """What is known about an account before the run. `outcome` is None if there is work to do.

    `is_renamed`: nothing is due, and the work is to save new names. `outdated`: the record went backwards. The work is
    to read it under its lock, which gives it the passwords of its other versions and ends with an error.
    """

    request: RotationRequest
    record: Record | None
    outcome: Outcome | None
    is_renamed: bool = False
    outdated: WentBackwards | None = None

    @property
    def end(self) -> Outcome | None:
        """The outcome, or the one to which the work of an outdated record leads."""
        return outcome_of(self.outdated) if self.outdated and not self.outcome else self.outcome

    @property
    def is_unusable(self) -> bool:
        """Tell whether the run cannot work on the account: a person has to correct its entry, its record or access."""
        if self.request.problem:
            return True
        if self.end is None:
            return False
        error = self.end.error
        return self.end.status in UNUSABLE or bool(error and error.status in UNUSABLE)

    @property
    def has_work(self) -> bool:
        return self.outcome is None or self.outcome.status in PREDICTED.values()

    @property
    def sends(self) -> bool:
        """Tell whether the work may send requests to the server."""
        return self.has_work and self.request.state in SENDING and not self.is_renamed


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class SettledPlans:
    """The plans of accounts for which the store's cache says that nothing is due. The store is asked once for each.

    The rotation itself decides that, from the record without its passwords. Only the end without a step counts. The
    records of all other accounts are read once for identification and planning.
    """

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self._plans: dict[RotationRequest, Plan | None] = {}
        self._readings: dict[str, Reading] = {}

    def of(self, requested: Sequence[RotationRequest]) -> list[Plan | None]:
        """Return the plan of each account, or None: then its record is to be read."""
        new = [request for request in requested if may_be_settled(request) and request not in self._plans]
        cached = self._store.read_cached([request.account.user_id for request in new])
        self._plans.update(zip(new, map(settled_plan, new, cached)))
        return [self._plans.get(request) for request in requested]

    def read_many(self, user_ids: Sequence[str]) -> list[Reading]:
        new = [user_id for user_id in user_ids if user_id not in self._readings]
        self._readings.update(zip(new, self._store.read_many(new)))
        return [self._readings[user_id] for user_id in user_ids]


def plan_all(
    requested: Sequence[RotationRequest],
    store: OpenStore,
    *,
    check_mode: bool = False,
    settled: SettledPlans | None = None,
) -> list[Plan]:
    """Plan every account, or raise the StoreError that may concern all of them."""
    settled = settled or SettledPlans(store)
    plans = settled.of(requested)
    unsettled = [request for request, planned in zip(requested, plans) if not planned and not request.problem]
    found = iter(settled.read_many([request.account.user_id for request in unsettled]))
    readings = [
        planned.record if planned else request.problem or next(found) for request, planned in zip(requested, plans)
    ]
    refuse_lost(readings)
    refuse_wrong_store(readings, store)
    return [
        planned or plan(request, reading, check_mode=check_mode)
        for request, reading, planned in zip(requested, readings, plans)
    ]


def may_be_settled(request: RotationRequest) -> bool:
    if request.force or request.verify or request.problem:
        return False
    return request.state in ("rotated", "resumed")


def settled_plan(request: RotationRequest, cached: Record | None) -> Plan | None:
    planned = plan(request, cached) if cached else None
    return planned if planned and planned.outcome and planned.outcome.status == "fresh" else None


def refuse_lost(readings: Sequence[Reading]) -> None:
    """Raise RecordLost for a record that is missing. One that the server says was deleted ends its account alone."""
    lost = [found for found in readings if isinstance(found, RecordLost) and not isinstance(found, RecordDeleted)]
    if len(lost) > 1:
        raise RecordLost(f"{len(lost)} records are missing. The first one: {lost[0].message}")
    if lost:
        raise lost[0]


def refuse_wrong_store(readings: Sequence[Reading], store: OpenStore) -> None:
    """Raise StoreError if neither the accounts' records nor any other one of the store can be read."""
    has_read = any(isinstance(reading, (Record, Busy, WentBackwards)) for reading in readings)
    errors = [reading for reading in readings if isinstance(reading, StoreError)]
    if has_read or not errors:
        return
    of_all = [account.error for account in store.accounts()]
    refuse_unreadable([error for error in of_all if not isinstance(error, RecordLost)] or errors)


def plan(request: RotationRequest, reading: Reading, *, check_mode: bool = False) -> Plan:
    """Determine from the record whether there is work to do: if so, the rotation yields a first step."""
    if isinstance(reading, Busy):
        return Plan(request, reading.record, outcome_of(reading))
    if isinstance(reading, WentBackwards):
        return Plan(request, None, outcome_of(reading) if check_mode else None, outdated=reading)
    if isinstance(reading, UiPathError):
        return Plan(request, None, outcome_of(reading))
    rotation = Rotation(request, reading, now=utc_now, new_password=lambda: "-")
    steps = rotation.steps()
    try:
        first = next(steps)
    except StopIteration as ending:
        return Plan(request, reading, ending.value)
    end = end_of_notes(first, steps)
    predicted = end or Outcome(PREDICTED[rotation.success()], reading)
    is_renamed = bool(end and end.status == "renamed")
    return Plan(request, reading, predicted if check_mode else None, is_renamed)


def end_of_notes(first: Step, steps: Steps) -> Outcome | None:
    """Return how an account ends of which a run only records something, or None if it sends a request."""
    if not isinstance(first, Save) or (sends_or_stages(first) and not closed_status(first.record)):
        return None
    try:
        steps.send(True)
    except StopIteration as ending:
        outcome: Outcome = ending.value
        return outcome
    return None


def with_checked_labels(
    plans: Sequence[Plan],
    store: OpenStore,
    *,
    check_mode: bool = False,
    warn: Callable[[str], None] = lambda _message: None,
) -> list[Plan]:
    """Return the plans, or raise InvalidInput for new labels that belong to another account.

    A new label that a record may have which cannot be read ends its account. One that another account of the list gives
    up has to wait, unless the run surely renames that account: two accounts with one label would not be found by it.
    """
    if not any(map(has_new_label, plans)):
        return list(plans)
    names = StoredNames(store.accounts())
    checked = [with_readable_label(planned, names) if has_new_label(planned) else planned for planned in plans]
    problems = taken_labels(checked, names)
    if problems:
        raise InvalidInput(problems)
    while waiting := waiting_labels(checked, names):
        for index, owner in waiting.items():
            warn(label_waits(checked[index], owner))
        checked = [
            with_present_label(planned, check_mode=check_mode) if index in waiting else planned
            for index, planned in enumerate(checked)
        ]
    return checked


def waiting_labels(plans: Sequence[Plan], names: StoredNames) -> dict[int, str]:
    """Return the plans, by index, whose new label still belongs to an account, and that account's user id."""
    by_id = {planned.request.account.user_id: planned for planned in plans}
    waiting = {}
    for index, planned in enumerate(plans):
        label, own = planned.request.account.name or "", planned.request.account.user_id
        found = names.find(label, "label", "user_name") if has_new_label(planned) else []
        owners = [owner for owner in found if owner != own and not gives_up(by_id[owner], label)]
        if owners:
            waiting[index] = owners[0]
    return waiting


def gives_up(planned: Plan, label: str) -> bool:
    """Tell whether the run surely takes the label from the account: nothing else is to be done for it."""
    if not planned.is_renamed or planned.record is None:
        return False
    renamed = with_names(planned.record, planned.request.account).account
    return comparable(label) not in {comparable(name) for name in (renamed.name, renamed.user_name) if name}


def label_waits(planned: Plan, owner: str) -> str:
    place, label = f"accounts[{planned.request.index}].name", displayable(planned.request.account.name or "")
    return (
        f"{place}: {label} is still a name of the user {displayable(owner)}, which this run may not rename. The account"
        " keeps its present label until that user has another one."
    )


def with_present_label(planned: Plan, *, check_mode: bool) -> Plan:
    """Return the plan of the account without its new label."""
    name = planned.record.account.name if planned.record else None
    request = replace(planned.request, account=replace(planned.request.account, name=name))
    if planned.outcome and planned.outcome.error:
        return replace(planned, request=request)
    return plan(request, planned.record, check_mode=check_mode)


def with_readable_label(planned: Plan, names: StoredNames) -> Plan:
    label = planned.request.account.name or ""
    try:
        names.find(label, "label", "user_name")
    except StoreError as error:
        reason = f"The name {label} may be that of a record which cannot be read. {error.message}"
        return replace(planned, outcome=outcome_of(StoreError(reason), planned.record), is_renamed=False)
    return planned


def taken_labels(plans: Sequence[Plan], names: StoredNames) -> list[str]:
    """Return which new labels belong to another account, unless the list has a new one for it as well."""
    labels = {planned.request.account.user_id: planned.request.account.name for planned in plans}
    problems = []
    for planned in filter(has_new_label, plans):
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
    return bool(label) and not planned.is_unusable and not (planned.record and planned.record.account.name == label)


def foreign_deliveries(plans: Sequence[Plan]) -> list[str]:
    """Return which deliveries are of a password that the store never had: it is another store, or a restored one."""
    problems = []
    for planned in plans:
        delivered, written = planned.request.generation or 0, planned.record.generation if planned.record else 0
        if planned.request.state == "delivered" and delivered > written and not planned.is_unusable:
            place = f"accounts[{planned.request.index}].generation"
            problems.append(f"{place} is {delivered}, but generation {written} is the last one in this store")
    return problems
