# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of one organization: listed page by page, found by name or by id. Nothing here writes.

What the server's search matches is not documented, so what it finds is compared again here, exactly but for case, and
a name that it does not find is looked for in the whole list before it counts as missing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._endpoints import LISTINGS, list_users_url, user_url
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    InvalidInput,
    ListChanged,
    NotFound,
)

# The most users that one listing call returns.
PAGE_SIZE = 1000
# So few ids, when no name is asked for, are read one by one: that needs no organization id.
FEW_IDS = 10

NO_ORGANIZATION = (
    "partition_id is missing, and the access token does not name an organization: set partition_id to the"
    " organization's id (docs/identity-url.md says where to find it)"
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


@dataclass(frozen=True)
class User:
    """A user as the server describes it, in the names of UserDto."""

    id: str
    fields: dict[str, Any] = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the user has a password here. Directory users and robot accounts have none."""
        return self.fields.get("type") == "user"

    @property
    def is_active(self) -> bool:
        return self.fields.get("isActive") is True

    def names(self) -> set[str]:
        """Return the user name and the e-mail address, as they are compared."""
        names = (self.fields.get("userName"), self.fields.get("email"))
        return {comparable(name) for name in names if isinstance(name, str) and name.strip()}

    def shown(self) -> dict[str, Any]:
        """Return the user as modules return it."""
        shown = {name: self.fields.get(source) for name, source in SHOWN_FIELDS.items()}
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
        self._listings = list(LISTINGS)

    def everybody(self, first: Page | None = None) -> list[User]:
        """Return all users, each once. C(first) is the first page, where it was read before."""
        page = first or self._page("", 0)
        users, total, read = {user.id: user for user in page.users}, page.total, len(page.users)
        while page.users and read < total:
            page = self._page("", read)
            if page.total != total:
                raise ListChanged
            users.update((user.id, user) for user in page.users)
            read += len(page.users)
        if len(users) != total:
            raise ListChanged
        return list(users.values())

    def find(self, names: Collection[str], user_ids: Collection[str] = ()) -> list[User]:
        """Return all users of these names and ids, and maybe others, in as few calls as possible."""
        first = self._page("", 0)
        pages_left = math.ceil(first.total / (len(first.users) or 1)) - 1
        if pages_left <= len(names) + len(user_ids):
            return self.everybody(first)
        searches = [self._page(name, 0) for name in names]
        found = [user for search in searches for user in search.users]
        is_complete = all(len(search.users) == search.total for search in searches)
        if not is_complete or not {comparable(name) for name in names} <= by_name(found).keys():
            return self.everybody(first)
        return [*found, *read_users(self._client, user_ids)]

    def _page(self, search_term: str, skip: int) -> Page:
        """Return one page, by the older operation where the server does not know the newer one."""
        query: dict[str, str | int] = {"top": PAGE_SIZE, "skip": skip, "sortBy": "userName", "sortOrder": "asc"}
        if search_term:
            query["searchTerm"] = search_term
        url = list_users_url(self._client.identity_url, self._listings[0], self._organization_id, query)
        response = self._client.get(url)
        if response.status == 404 and len(self._listings) > 1:
            del self._listings[0]
            return self._page(search_term, skip)
        if response.status == 404:
            raise NotFound("The server knows no organization of this partition_id.", http_status=404)
        page = read_page(response.json) if response.status == 200 else None
        if page is None:
            raise self._client.unexpected(response)
        return page


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
        response = client.get(user_url(client.identity_url, user_id))
        if response.status in (400, 404):  # an id that is no UUID may be a validation error
            continue
        user = read_user(response.json) if response.status == 200 else None
        if user is None:
            raise client.unexpected(response)
        users.append(user)
    return users


def read_page(answer: Any) -> Page | None:
    """Return the page in a listing's answer, or None where there is none in it."""
    total = answer.get("totalCount") if isinstance(answer, dict) else None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(total, int) or not isinstance(results, list):
        return None
    users = tuple(user for user in map(read_user, results) if user)
    return Page(total, users) if len(users) == len(results) else None


def read_user(fields: Any) -> User | None:
    """Return the user that the server describes, or None where it describes none."""
    user_id = fields.get("id") if isinstance(fields, dict) else None
    return User(user_id, fields) if isinstance(user_id, str) and user_id else None


def comparable(name: str) -> str:
    return name.strip().lower()


def by_name(users: Iterable[User]) -> dict[str, list[User]]:
    """Return the different users under each of their names, as names are compared."""
    index: dict[str, list[User]] = {}
    for user in {user.id: user for user in users}.values():
        for name in user.names():
            index.setdefault(name, []).append(user)
    return index


def demand_unambiguous(names: Iterable[str], named: Mapping[str, Sequence[User]]) -> None:
    """Raise where a name fits more than one user, and say it of all such names."""
    problems = [ambiguity(name, named[comparable(name)]) for name in names if len(named.get(comparable(name), ())) > 1]
    if problems:
        raise Ambiguous("; ".join(problems) + ".")


def ambiguity(name: str, users: Sequence[User]) -> str:
    return f"{name} is the user name or e-mail address of {' and of '.join(user.id for user in users)}: use the id"


def name_problem(name: str, users: Sequence[User]) -> str | None:
    """Say why a password cannot be changed for this name, given the users that it fits."""
    if not users:
        return f"nobody has the user name or e-mail address {name}"
    if len(users) > 1:
        return ambiguity(name, users)
    if not users[0].is_local:
        return f"{name} is a {users[0].fields.get('type')}, which has no password here"
    return None if users[0].is_active else f"{name} is not active"
