# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps before the first password is sent: checking who the users are, signing in, and ids for user names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    User,
    by_name,
    comparable,
    name_problem,
    open_directory,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    UNPAIRED_SURROGATE,
    is_path_segment,
    is_text,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange


def prepared(changes: Sequence[PasswordChange], client: Client, partition_id: str | None) -> Sequence[PasswordChange]:
    """Sign in where something will be sent, and return the changes with the ids of users given by name."""
    has_names = any(change.user_name for change in changes)
    if has_names or any(change.old != change.new for change in changes):
        client.sign_in()
    named = by_name(open_directory(client, partition_id).list_users()) if has_names else {}
    return resolved(changes, named, many=len(changes) > 1)


def resolved(
    changes: Sequence[PasswordChange], named: Mapping[str, Sequence[User]], *, many: bool
) -> list[PasswordChange]:
    """Return the changes with the ids of all users, or raise with all that is wrong with their names."""
    problems, complete = [], []
    for index, change in enumerate(changes):
        users = named.get(comparable(change.user_name), ()) if change.user_name else ()
        if change.user_name and (problem := name_problem(change.user_name, users)):
            problems.append(f"users[{index}]: {problem}" if many else problem)
        complete.append(dataclasses.replace(change, user_id=users[0].id) if users else change)
    problems += duplicates((change.user_id for change in complete), "users")
    if problems:
        raise InvalidInput(problems)
    return complete


def identity_problems(place: str, entry: Mapping[str, Any]) -> list[str]:
    """Return why an entry does not name one user. `place` is what comes before the option's name."""
    given = [name for name in ("user_id", "user_name") if entry[name] is not None]
    problems = {
        0: [f"{place}user_id or {place}user_name is required"],
        2: [f"{place}user_id and {place}user_name are mutually exclusive"],
    }.get(len(given), [])
    problems += [f"{place}{name} is empty" for name in given if not entry[name]]
    if entry["user_id"] and not is_path_segment(entry["user_id"]):
        problems.append(f"{place}user_id cannot be part of a URL")
    if entry["user_name"] and not is_text(entry["user_name"]):
        problems.append(f"{place}user_name contains {UNPAIRED_SURROGATE}")
    return problems


def password_problems(place: str, password: str | None, *, is_new: bool = False) -> list[str]:
    """Return why a password cannot be meant as it is. `place` is the option. No problem contains the password.

    An old password may end with a line break, if it was once set so by mistake.
    """
    if password == "":
        return [f"{place} is empty"]
    if password and not is_text(password):
        return [f"{place} contains {UNPAIRED_SURROGATE}"]
    if password and is_new and password[-1] in "\r\n":
        return [f"{place} ends with a line break, which would be part of the password: leave it out"]
    return []


def duplicates(identities: Iterable[str], place: str, *, verb: str = "is the same user as") -> list[str]:
    """Return which entries of an option mean what an earlier entry means. Empty ones mean nothing."""
    problems = []
    first_index: dict[str, int] = {}
    for index, identity in enumerate(map(canonical_user_id, identities)):
        first = first_index.setdefault(identity, index) if identity else index
        if first != index:
            problems.append(f"{place}[{index}] {verb} {place}[{first}]")
    return problems
