# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recorded account each entry of a list means. An entry means one account or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredNames


@dataclass(frozen=True)
class Matches:
    """The user ids of the accounts that the entries mean, what entries without a record are called, and problems.

    The entries that are `unsure` match no record that can be read, and may mean one that cannot.
    """

    user_ids: frozenset[str]
    missing: tuple[str, ...]
    unsure: tuple[str, ...]
    problems: tuple[str, ...]


def matches(entries: Sequence[Mapping[str, Any]], names: StoredNames, nameless: Collection[str] = ()) -> Matches:
    """Compare the entries with the accounts. Of the `nameless` ones, only the ids are known."""
    owners: dict[str, int] = {}
    absent, problems = [], []
    for index, entry in enumerate(entries):
        place, found = f"accounts[{index}] ({entry_label(entry)})", candidates(entry, names)
        if not found:
            absent.append(entry)
        elif len(found) > 1:
            problems.append(f"{place} is the name of several recorded accounts, {', '.join(found)}; give its user_id.")
        elif found[0] in owners:
            problems.append(f"{place} is the same account as accounts[{owners[found[0]]}]; list it once.")
        else:
            owners[found[0]] = index
    unsure = explained([entry for entry in absent if not entry["user_id"]], set(nameless) - set(owners))
    missing = [missing_label(entry, names) for entry in absent if entry["user_id"] or not unsure]
    return Matches(frozenset(owners), tuple(missing), tuple(map(entry_label, unsure)), tuple(problems))


def explained(entries: Sequence[Mapping[str, Any]], nameless: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """Return the entries if the nameless records may be those of all of them. Otherwise, at least one has none."""
    return entries if len(entries) <= len(nameless) else ()


def candidates(entry: Mapping[str, Any], names: StoredNames) -> list[str]:
    """Return the recorded accounts that an entry may mean: by its id or else by its names, the surest kind first."""
    if entry["user_id"]:
        user_id = canonical_user_id(entry["user_id"])
        return [user_id] if user_id in names else []
    kinds: tuple[tuple[str | None, Literal["label", "user_name"]], ...] = (
        (entry["user_name"], "user_name"),
        (entry["name"], "label"),
        (entry["user_name"], "label"),
        (entry["name"], "user_name"),
    )
    found = (names.find(name, kind) for name, kind in kinds if name)
    return next(filter(None, found), [])


def missing_label(entry: Mapping[str, Any], names: StoredNames) -> str:
    """Return what an entry without a record is called: not by a name that a recorded account has."""
    label = entry["name"] or entry["user_name"] or ""
    is_of_another = entry["user_id"] and names.find(label, "label", "user_name")
    return displayable(entry["user_id"]) if is_of_another else entry_label(entry)


def entry_label(entry: Mapping[str, Any]) -> str:
    return displayable(entry["name"] or entry["user_name"] or entry["user_id"] or "")
