# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which user an account is: the ids of accounts given by user name, from the store or else from the server.

If the store has every user name, finding the ids needs no network. Before anything is sent, the server is asked whether
the names still belong to these users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    ErrorStatus,
    Forbidden,
    InvalidInput,
    ListChanged,
    NotFound,
    RequestError,
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
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import SettledPlans
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    OpenStore,
    Reading,
    RecordDeleted,
    RecordLost,
    StoredNames,
    StoreError,
)

NONE_LISTED = (
    "the server lists none of the user names that were looked up, so this may be another organization: check"
    " partition_id and identity_url"
)
NAMES_NOT_VERIFIED = (
    "The run cannot verify that user names still belong to the recorded users, and uses the recorded user ids: the"
    " token has neither the scope PM.User nor PM.User.Read, or it names no organization and partition_id is missing, or"
    " the server does not list its users."
)


class NoSuchUser(UiPathError):
    """No user has the name, or none whose password can be changed."""

    status = "not_found"


class NameConflict(UiPathError):
    """Several users have the name, or another one than the recorded user."""

    status = "name_conflict"


class NotLookedUp(UiPathError):
    """The server could not be asked whose name it is: the status is that of the error, as an account can have it."""

    def __init__(self, place: str, error: UiPathError) -> None:
        reason = "; ".join(error.problems) if isinstance(error, InvalidInput) else error.message.rstrip(".")
        codes, trace_id = error.codes, error.trace_id
        super().__init__(f"{place} could not be looked up: {reason}.", codes=codes, trace_id=trace_id)
        self.status = lookup_status(error)


def lookup_status(error: UiPathError) -> ErrorStatus:
    """Return the status of accounts whose names could not be looked up. `not_found` would be that of a user."""
    if isinstance(error, RequestError):
        return error.status
    return "wrong_url" if isinstance(error, (InvalidInput, NotFound)) else "unreachable"


class UserNames:
    """The users of the organization by their names. The server lists them once, when the first name is looked up.

    An error is final as well: it would only take as long again.
    """

    def __init__(self, client: Client, partition_id: str | None) -> None:
        self._client = client
        self._partition_id = partition_id

    def find(self, user_name: str) -> Sequence[User]:
        """Return the users who have the name, or raise the error with which the listing has failed."""
        if self.error:
            raise self.error
        return self._listed[0].get(comparable(user_name), ())

    @property
    def error(self) -> UiPathError | None:
        """Why the users cannot be listed. The server is asked, unless it was before."""
        return self._listed[1]

    @cached_property
    def _listed(self) -> tuple[dict[str, list[User]], UiPathError | None]:
        try:
            return by_name(open_directory(self._client, self._partition_id).list_users()), None
        except (RequestError, InvalidInput, NotFound, UnexpectedAnswer, ListChanged) as error:
            return {}, error


def identified(
    requested: Sequence[RotationRequest], store: OpenStore, names: UserNames, settled: SettledPlans | None = None
) -> list[RotationRequest]:
    """Return the requests with the id of every account, from the store or else from the server.

    If a recorded name leads to a user whom the task names otherwise as well, the server decides about all names. An
    account that cannot be identified has a `problem`, and does not stop the others.
    """
    recorded = with_recorded_ids(requested, store, settled or SettledPlans(store))
    complete = listed(recorded, names)
    if same_users(complete):
        complete = listed(to_look_up(requested, complete, names), names)
    problems = same_users(complete)
    if problems:
        raise InvalidInput(problems)
    return complete


def to_look_up(
    requested: Sequence[RotationRequest], found: Sequence[RotationRequest], names: UserNames
) -> list[RotationRequest]:
    """Return the requests as given, for the server to decide about all names, but those with a problem as found.

    If the server cannot, the names of users whom the task names otherwise as well stay open, and no others.
    """
    users = Counter(request.account.user_id for request in found)
    stay = [one.problem or (names.error and users[one.account.user_id] == 1) for one in found]
    return [known if stays else given for given, known, stays in zip(requested, found, stay)]


def listed(requested: Sequence[RotationRequest], names: UserNames) -> list[RotationRequest]:
    """Fill in the ids that are missing from the server's list of users.

    If it has none of the accounts, and the store has none either, it is more likely the list of another organization.
    If the server cannot be asked, only a task in which no account is known ends with that error.
    """
    unknown = [request for request in requested if not is_identified(request)]
    if len(unknown) == len(requested):
        found = [names.find(user_name_of(request)) for request in unknown]
        if len(unknown) > 1 and not any(found):
            raise InvalidInput([NONE_LISTED, *(unlisted(request, ()) or "" for request in unknown)])
    return [with_listed_id(request, names) for request in requested]


def is_identified(request: RotationRequest) -> bool:
    return bool(request.account.user_id or request.problem)


def with_listed_id(request: RotationRequest, names: UserNames) -> RotationRequest:
    if is_identified(request):
        return request
    if names.error:
        place = f"accounts[{request.index}]: {user_name_of(request)}"
        return replace(request, problem=NotLookedUp(place, names.error))
    users = names.find(user_name_of(request))
    problem = unlisted(request, users)
    if problem:
        error = NameConflict if len(users) > 1 else NoSuchUser
        return replace(request, problem=error(f"{problem}."))
    return with_id(request, users[0].id)


def unlisted(request: RotationRequest, users: Sequence[User]) -> str | None:
    """Return why none of the users with its name can be the account."""
    problem = name_problem(user_name_of(request), users)
    return f"accounts[{request.index}]: {problem}" if problem else None


def same_users(requested: Sequence[RotationRequest]) -> list[str]:
    ids = {request.index: request.account.user_id for request in requested}
    return duplicates((ids.get(index, "") for index in range(max(ids, default=-1) + 1)), "accounts")


def with_recorded_ids(
    requested: Sequence[RotationRequest], store: OpenStore, settled: SettledPlans
) -> list[RotationRequest]:
    """Fill in the ids that the store has for the user names. If it has several or none, the server decides.

    A name that a record may have which cannot be read is a problem: the server may have given it to another user since.
    """
    given = {canonical_user_id(request.account.user_id) for request in requested if request.account.user_id}
    if len(given) == len(requested):
        return [with_id(request, request.account.user_id) for request in requested]
    names = StoredNames(account for account in store.accounts() if not account.error or account.user_id not in given)
    found = [request if request.account.user_id else with_stored_id(request, names) for request in requested]
    named = [new for new, old in zip(found, requested) if new != old and not new.problem]
    recorded = recorded_ids(named, settled)
    return [
        new if new.problem else with_id(old, old.account.user_id or recorded.get(user_name_of(old), ""))
        for new, old in zip(found, requested)
    ]


def with_stored_id(request: RotationRequest, names: StoredNames) -> RotationRequest:
    """Fill in the id that the listing of the store has for the user name, if it is one.

    A record that is gone may have the only live password of this name: that stops the task, unless the server says that
    it was deleted.
    """
    place = f"accounts[{request.index}]: the record of {user_name_of(request)}"
    try:
        found = names.find(user_name_of(request), "user_name")
    except RecordDeleted as error:
        return replace(request, problem=StoreError(f"{place} may be one that was deleted. {error.message}"))
    except RecordLost as error:
        raise RecordLost(f"{place} may be one that is gone. {error.message}") from error
    except StoreError as error:
        return replace(request, problem=StoreError(f"{place} may be one that cannot be read. {error.message}"))
    return with_id(request, found[0]) if len(found) == 1 else request


def user_name_of(request: RotationRequest) -> str:
    return request.account.user_name or ""


def recorded_ids(requested: Sequence[RotationRequest], settled: SettledPlans) -> dict[str, str]:
    """Return the ids of accounts whose records have these user names. The listing may lag, so the records decide.

    Where nothing is due, the cached record will do: nothing is sent for its user.
    """
    plans = settled.of(requested)
    unsettled = [request for request, planned in zip(requested, plans) if planned is None]
    readings = iter(settled.read_many([request.account.user_id for request in unsettled]))
    return {
        user_name_of(request): request.account.user_id
        for request, planned in zip(requested, plans)
        if has_user_name(planned.record if planned else next(readings), user_name_of(request))
    }


def has_user_name(reading: Reading, user_name: str) -> bool:
    """Tell whether the account's record has this user name. If it cannot be read, the account ends with that error."""
    if reading is None or isinstance(reading, UiPathError):
        return reading is not None
    return comparable(reading.account.user_name or "") == comparable(user_name)


def with_id(request: RotationRequest, user_id: str) -> RotationRequest:
    canonical = canonical_user_id(user_id)
    if request.account.user_id == canonical:
        return request
    return replace(request, account=replace(request.account, user_id=canonical))


def name_conflicts(
    requests: Sequence[RotationRequest], names: UserNames, warn: Callable[[str], None]
) -> dict[str, NameConflict]:
    """Return which accounts given by user name have one that belongs to another user, by their user ids.

    A name that no user has any more changes nothing: the id is still that of the user who had it.
    """
    named = [request for request in requests if request.account.user_name]
    try:
        found = [names.find(user_name_of(request)) for request in named]
    except (InvalidInput, NotFound, UnexpectedAnswer, ListChanged, Forbidden):
        warn(NAMES_NOT_VERIFIED)
        return {}
    problems = {request.account.user_id: reassignment(request, users) for request, users in zip(named, found)}
    return {user_id: NameConflict(f"{problem}.") for user_id, problem in problems.items() if problem}


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
