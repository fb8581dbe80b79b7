# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of one organization: listed page by page, found by name or by id. Nothing here writes.

The server can search, but what its search matches is not documented, so that one hit would not prove that there is no
second one. Names are looked for in the whole list, exactly but for case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    InvalidInput,
    ListChanged,
    UiPathError,
    UnexpectedAnswer,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    IDENTITY_URL_GUIDE,
    LISTINGS,
    is_path_segment,
    list_users_url,
    user_url,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import USER_TYPES, is_unknown_id
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

# The most users that one listing call returns.
PAGE_SIZE = 1000
# More than any organization has. An answer with a greater number is not a listing.
MOST_USERS = 10**7
# A server that brings few users on each of endless pages would be read for ever.
MOST_PAGES = 2000
# The most users that a message names, and an id that it shows: a server may put anything into one.
MOST_NAMED = 5
USUAL_ID = re.compile(r"[A-Za-z0-9_.-]{1,36}")
# The most characters of a user's id, and of a field that are returned.
LONGEST_ID = 256
LONGEST_FIELD = 16000
# So few ids, when no name is asked for, are read one by one: that needs no organization id.
FEW_IDS = 10

NO_ORGANIZATION = (
    "partition_id is missing, and the access token does not name an organization: set partition_id to the"
    f" organization's id (where to find it: {IDENTITY_URL_GUIDE})"
)

# The result's names for the fields of the server's UserDto.
SHOWN_FIELDS = {
    "id": "id",
    "user_name": "userName",
    "email": "email",
    "name": "name",
    "surname": "surname",
    "display_name": "displayName",
    "type": "type",
    "is_active": "isActive",
    "created": "creationTime",
    "last_modified": "lastModificationTime",
    "last_login": "lastLoginTime",
}
USED_FIELDS = tuple(SHOWN_FIELDS.values())


@dataclass(frozen=True)
class User:
    """A user as the server describes it, in the names of UserDto."""

    id: str
    fields: dict[str, Any] = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the user has a password on this server. Directory users and robot accounts have none."""
        return self.fields.get("type") == "user"

    @property
    def is_active(self) -> bool:
        return self.fields.get("isActive") is True

    def names(self) -> set[str]:
        """Return the user name and the e-mail address, as they are compared. One that was cut is none."""
        names = (self.fields.get("userName"), self.fields.get("email"))
        return {
            comparable(name) for name in names if isinstance(name, str) and name.strip() and len(name) <= LONGEST_FIELD
        }

    def shown(self) -> dict[str, Any]:
        """Return the user as modules return it."""
        shown = {name: showable(self.fields.get(source)) for name, source in SHOWN_FIELDS.items()}
        return {**shown, "password_changeable": self.is_local}


@dataclass(frozen=True)
class Page:
    total: int
    users: tuple[User, ...]


class Directory:
    """The listing of one organization. Remembers which generation of the operation the server has."""

    def __init__(self, client: Client, organization_id: str) -> None:
        self._client = client
        self._organization_id = organization_id
        self._listings: tuple[str, ...] = LISTINGS

    def list_users(self) -> list[User]:
        """Return all users, each once, in one call per PAGE_SIZE of them."""
        page = self._page(0)
        users, total, read, pages = {user.id: user for user in page.users}, page.total, len(page.users), 1
        while page.users and read < total == page.total:
            if pages == MOST_PAGES:
                raise UnexpectedAnswer(f"The server's list of users has not ended after {MOST_PAGES:,} pages.")
            pages += 1
            page, before = self._page(read), len(users)
            users.update((user.id, user) for user in page.users)
            read += len(page.users)
            if len(users) == before:  # a server that ignores skip would be read endlessly
                break
        if not len(users) == total == page.total:
            raise ListChanged(page.total, len(users))
        return list(users.values())

    def _page(self, skip: int) -> Page:
        url, response = self._answer(skip)
        page = read_page(response.json) if response.status == 200 else None
        if page is None:
            raise self._client.unexpected(url, response)
        return page

    def _answer(self, skip: int) -> tuple[str, Response]:
        """Ask for one page, by the older operation if the server does not know the newer one. Return URL and answer.

        For an operation that they do not know, servers answer with 404, or with a web page and any status.
        """
        missing: list[UiPathError] = []
        for listing in self._listings:
            url = self._url(listing, skip)
            try:
                response = self._client.get(url)
            except (WrongUrl, UnexpectedAnswer) as error:
                if not error.is_foreign or (listing == self._listings[-1] and not missing):
                    raise
                continue
            if response.status != 404:
                self._listings = (listing,)
                return url, response
            missing.append(self._client.no_organization(url, response))
        raise missing[0]

    def _url(self, listing: str, skip: int) -> str:
        query: dict[str, str | int] = {"top": PAGE_SIZE, "skip": skip, "sortBy": "userName", "sortOrder": "asc"}
        return list_users_url(self._client.identity_url, listing, self._organization_id, query)


def open_directory(client: Client, partition_id: str | None) -> Directory:
    """Return the directory of the given organization or, without one, of the organization that the token names."""
    organization_id = partition_id or client.organization_id()
    if not organization_id:
        raise InvalidInput([NO_ORGANIZATION])
    return Directory(client, organization_id)


def read_users(client: Client, user_ids: Iterable[str]) -> list[User]:
    """Return those of the users that exist, one call each."""
    users = []
    for user_id in user_ids:
        url = user_url(client.identity_url, user_id)
        response = client.get(url)
        if is_unknown_id(response):
            continue
        user = read_user(response.json) if response.status == 200 else None
        if user is None:
            raise client.unexpected(url, response)
        users.append(user)
    return users


def read_page(answer: Any) -> Page | None:
    total = answer.get("totalCount") if isinstance(answer, dict) else None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(total, int) or not 0 <= total <= MOST_USERS or not isinstance(results, list):
        return None
    users = tuple(user for user in map(read_user, results) if user)
    return Page(total, users) if len(users) == len(results) else None


def read_user(fields: Any) -> User | None:
    """Return the user with the fields that are used, or None if there is no id that can be sent and shown."""
    user_id = fields.get("id") if isinstance(fields, dict) else None
    if not isinstance(user_id, str) or len(user_id) > LONGEST_ID or displayable(user_id) != user_id:
        return None
    return User(user_id, {name: kept(fields.get(name)) for name in USED_FIELDS}) if is_path_segment(user_id) else None


def kept(value: Any) -> str | bool | None:
    """Return what is kept of a field. One character more than is shown tells that it was cut."""
    if isinstance(value, str):
        return value[: LONGEST_FIELD + 1]
    return value if isinstance(value, bool) else None


def showable(value: Any) -> str | bool | None:
    """Return a field as the specification has it, or None. Data is not changed, but for unpaired surrogates."""
    if isinstance(value, str):
        return value[:LONGEST_FIELD].encode("utf-8", "replace").decode()
    return value if isinstance(value, bool) else None


def comparable(name: str) -> str:
    return name.lower()


def by_name(users: Iterable[User]) -> dict[str, list[User]]:
    """Return the different users under each of their names, as names are compared."""
    index: dict[str, list[User]] = {}
    for user in {user.id: user for user in users}.values():
        for name in user.names():
            index.setdefault(name, []).append(user)
    return index


def demand_unambiguous(names: Iterable[str], named: Mapping[str, Sequence[User]]) -> None:
    """Raise where names fit more than one user, with all of them in the message."""
    problems = [ambiguity(name, named[comparable(name)]) for name in names if len(named.get(comparable(name), ())) > 1]
    if problems:
        raise Ambiguous("; ".join(problems) + ".")


def ambiguity(name: str, users: Sequence[User]) -> str:
    ids = [user.id if USUAL_ID.fullmatch(user.id) else "an unusual id" for user in users[:MOST_NAMED]]
    others = ["others"] if len(users) > MOST_NAMED else []
    return f"{name} is the user name or e-mail address of {' and of '.join(ids + others)}: use the id"


def name_problem(name: str, users: Sequence[User]) -> str | None:
    """Return why a password cannot be changed for this name, given the users that it fits."""
    if not users:
        return f"no user has the user name or e-mail address {name}"
    if len(users) > 1:
        return ambiguity(name, users)
    if not users[0].is_local:
        given = users[0].fields.get("type")
        kind = given if given in USER_TYPES else "user of another kind"
        return f"{name} is a {kind}, which has no password on this server"
    return None if users[0].is_active else f"{name} is not active"
