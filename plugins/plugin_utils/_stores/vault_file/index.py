# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a file store: the names of all accounts, so that a look-up by name need not decrypt every record.

It is a cache: an entry is valid only while its record's file is unchanged. It holds no password. It is encrypted
because that also authenticates it: without the vault password, nobody can exchange two names in it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import CannotDecrypt, Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import create, read_whole, stamp
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout


@dataclass(frozen=True)
class Entry:
    name: str | None
    user_name: str | None
    stamp: list[int]


def entry_of(fields: dict[str, Any]) -> Entry:
    if not all(isinstance(fields[name] or "", str) for name in ("name", "user_name")):
        raise TypeError
    return Entry(**fields)


class Index:
    """The entries of the index file and of this run. Threads may share it."""

    def __init__(self, layout: Layout, vault: Vault) -> None:
        self._layout = layout
        self._vault = vault
        self._lock = threading.Lock()
        self._noted: dict[str, Entry] = {}

    @cached_property
    def _stored(self) -> dict[str, Entry]:
        """The entries of the file when this run first needed them."""
        return stored_entries(self._layout, self._vault)

    def note(self, user_id: str, record: Record, stamp: list[int]) -> None:
        with self._lock:
            self._noted[user_id] = Entry(record.account.name, record.account.user_name, stamp)

    def accounts(self, stored: Callable[[str], Record | None]) -> list[StoredAccount]:
        """List all accounts with a record. `stored` reads those whose entry is missing or stale."""
        listed = (self._account(user_id, stored) for user_id in self._layout.ids())
        return [account for account in listed if account]

    def save(self) -> None:
        """Merge the entries of this run into the file, which other runs may have written meanwhile."""
        with self._lock:
            if not self._noted:
                return
            present = set(self._layout.ids())
            entries = {**stored_entries(self._layout, self._vault), **self._noted}
            lines = {known: asdict(entry) for known, entry in sorted(entries.items()) if known in present}
            temporary = self._layout.temporary_for(self._layout.index)
            create(temporary, self._vault.encrypt(json.dumps(lines).encode()))
            os.replace(temporary, self._layout.index)

    def _account(self, user_id: str, stored: Callable[[str], Record | None]) -> StoredAccount | None:
        """Return the account, or None if its record was deleted meanwhile."""
        try:
            current = stamp(os.lstat(self._layout.record(user_id)))
            entry = self._noted.get(user_id) or self._stored.get(user_id)
            if entry and entry.stamp == current:
                return StoredAccount(user_id, entry.name, entry.user_name)
            record = stored(user_id)
        except FileNotFoundError:
            return None
        except StoreError as error:
            return StoredAccount(user_id, error=error)
        if record is None:
            return None
        self.note(user_id, record, current)
        return StoredAccount(user_id, record.account.name, record.account.user_name)


def stored_entries(layout: Layout, vault: Vault) -> dict[str, Entry]:
    """Return the entries of the file, or none if it is invalid: then it is rebuilt."""
    try:
        entries = json.loads(vault.decrypt(read_whole(layout.index) or b""))
        return {user_id: entry_of(fields) for user_id, fields in entries.items()}
    except (CannotDecrypt, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
