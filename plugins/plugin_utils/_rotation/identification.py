# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which user an account is: the ids of accounts given by user name, from the store or else from the server.

If the store has every user name, finding the ids needs no network. Before anything is sent, the server is asked whether
the names still belong to these users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    UiPathError,
    UnexpectedAnswer,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    User,
    by_name,
    comparable,
    name_problem,
    open_directory,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import duplicates
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import settled_plans
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import OpenStore, Reading, StoredNames

NAMES_NOT_VERIFIED = (
    "The run cannot verify that user names still belong to the recorded users, and uses the recorded user ids: the"
    " token has neither the scope PM.User nor PM.User.Read, or it names no organization and partition_id is missing, or"
    " the server does not list its users."
)


class UserNames:
    """The users of the organization by their names. The server lists them once, when the first name is looked up."""

    def __init__(self, client: Client, partition_id: str | None) -> None:
        self._client = client
        self._partition_id = partition_id

    def find(self, user_name: str) -> Sequence[User]:
        return self._users.get(comparable(user_name), ())

    @cached_property
    def _users(self) -> dict[str, list[User]]:
        return by_name(open_directory(self._client, self._partition_id).list_users())


def identified(requested: Sequence[RotationRequest], store: OpenStore, names: UserNames) -> list[RotationRequest]:
    """Return the requests with the id of every account, from the store or else from the server.

    If a recorded name leads to a user whom the task names otherwise as well, the server decides about all names.
    """
    complete = listed(with_recorded_ids(requested, store), names)
    if same_users(complete):
        complete = listed(requested, names)
    problems = same_users(complete)
    if problems:
        raise InvalidInput(problems)
    return complete


def listed(requested: Sequence[RotationRequest], names: UserNames) -> list[RotationRequest]:
    """Fill in the ids that are missing from the server's list of users."""
    problems, complete = [], []
    for request in requested:
        user_name = request.account.user_name or ""
        users = () if request.account.user_id else names.find(user_name)
        problem = None if request.account.user_id else name_problem(user_name, users)
        problems += [f"accounts[{request.index}]: {problem}"] if problem else []
        complete.append(with_id(request, users[0].id) if users else request)
    if problems:
        raise InvalidInput(problems)
    return complete


def same_users(requested: Sequence[RotationRequest]) -> list[str]:
    ids = {request.index: request.account.user_id for request in requested}
    return duplicates((ids.get(index, "") for index in range(max(ids, default=-1) + 1)), "accounts")


def with_recorded_ids(requested: Sequence[RotationRequest], store: OpenStore) -> list[RotationRequest]:
    """Fill in the ids that the store has for the user names. If it has several or none, the server decides."""
    named = [request for request in requested if not request.account.user_id]
    recorded = recorded_ids(named, store) if named else {}
    return [
        with_id(request, request.account.user_id or recorded.get(request.account.user_name or "", ""))
        for request in requested
    ]


def recorded_ids(requested: Sequence[RotationRequest], store: OpenStore) -> dict[str, str]:
    """Return the ids of accounts whose records have these user names. The listing may lag, so the records decide.

    Where nothing is due, the cached record will do: nothing is sent for its user.
    """
    names = StoredNames(store.accounts())
    found = [names.find(request.account.user_name or "", "user_name") for request in requested]
    single = [with_id(request, *ids) for request, ids in zip(requested, found) if len(ids) == 1]
    settled = settled_plans(single, store)
    unsettled = [request for request, planned in zip(single, settled) if planned is None]
    readings = iter(store.read_many([request.account.user_id for request in unsettled]))
    return {
        request.account.user_name or "": request.account.user_id
        for request, planned in zip(single, settled)
        if has_user_name(planned.record if planned else next(readings), request.account.user_name or "")
    }


def has_user_name(reading: Reading, user_name: str) -> bool:
    """Tell whether the account's record has this user name. If it cannot be read, the account ends with that error."""
    if reading is None or isinstance(reading, UiPathError):
        return reading is not None
    return comparable(reading.account.user_name or "") == comparable(user_name)


def with_id(request: RotationRequest, user_id: str) -> RotationRequest:
    return replace(request, account=replace(request.account, user_id=canonical_user_id(user_id)))


def verify_names(requests: Sequence[RotationRequest], names: UserNames, warn: Callable[[str], None]) -> None:
    """Raise InvalidInput if a user name, of the accounts given by one, belongs to another user than the request's.

    A name that no user has any more changes nothing: the id is still that of the user who had it.
    """
    named = [request for request in requests if request.account.user_name]
    try:
        found = [names.find(request.account.user_name or "") for request in named]
    except (InvalidInput, NotFound, UnexpectedAnswer, Forbidden):
        warn(NAMES_NOT_VERIFIED)
        return
    problems = [problem for request, users in zip(named, found) if (problem := reassignment(request, users))]
    if problems:
        raise InvalidInput(problems)


def reassignment(request: RotationRequest, users: Sequence[User]) -> str | None:
    """Return the problem of an account whose name only other users have. `users` are those with its name."""
    account = request.account
    ids = [canonical_user_id(user.id) for user in users]
    if not ids or account.user_id in ids:
        return None
    return (
        f"accounts[{request.index}]: {account.user_name} is the user {account.user_id} in the store, but on the server"
        f" it is now the name of {' and of '.join(ids)}: give the present user name of the user that is meant, or its"
        " user_id"
    )
