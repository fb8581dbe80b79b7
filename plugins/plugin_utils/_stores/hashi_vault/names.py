# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the accounts in a secret of their own, because a listing of the server has only paths.

It saves reading every secret to find a name. What it says is checked against the record that it leads to, and an
account that it lacks is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain

# No secret of an account is called so: a dot in a user id is encoded.
NAME = ".names"
# Label and user name.
Names = tuple[Optional[str], Optional[str]]
MOST_WRITES = 2


@dataclass
class NameList:
    """`fetch` returns the number of the newest version, 0 for none, and its content. `replace` writes the next one."""

    fetch: Callable[[], tuple[int, Mapping[str, Any]]]
    replace: Callable[[int, Mapping[str, Any]], bool]
    held: dict[str, Names] | None = None
    number: int = 0
    seen: dict[str, Names] = field(default_factory=dict)
    listed: set[str] | None = None

    def accounts(self, user_ids: Sequence[str]) -> list[StoredAccount | None]:
        self.listed = set(user_ids)
        try:
            self._load()
        except TryAgain:
            raise
        except StoreError:  # without the list, every account is read
            pass
        known = {**(self.held or {}), **self.seen}
        return [StoredAccount(user_id, *known[user_id]) if user_id in known else None for user_id in user_ids]

    def note(self, account: Account) -> None:
        self.seen[canonical_user_id(account.user_id)] = (account.name, account.user_name)

    def save(self) -> None:
        """Write the list if this run saw other names. Another run that writes it meanwhile is not overwritten."""
        for _attempt in range(MOST_WRITES):
            held = self._load()
            kept = {user_id: names for user_id, names in held.items() if self.listed is None or user_id in self.listed}
            names = {**kept, **self.seen}
            if names == held or self.replace(self.number, names):
                return
            self.held = None

    def _load(self) -> dict[str, Names]:
        if self.held is None:
            self.number, content = self.fetch()
            self.held = {user_id: (names[0], names[1]) for user_id, names in content.items() if are_names(names)}
        return self.held


def are_names(names: Any) -> bool:
    if not isinstance(names, list) or len(names) != 2:
        return False
    return all(name is None or isinstance(name, str) for name in names)
