# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a file store: which account has which name, so that a name costs no decryption of all records.

It holds no secret and no truth: an entry counts only as long as its record's file is the one that it was made from.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
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
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._noted: dict[str, Entry] = {}
        self._ids: dict[str, dict[str, set[str]]] = {}
        self._is_complete = False

    def load(self) -> None:
        """Take over what the file says. What cannot be read in it is made again."""
        with self._lock:
            self._is_complete = False
            self._entries = self._stored()
            self._ids = {}

    def note(self, account_id: str, record: Record, stamp: list[int]) -> None:
        with self._lock:
            entry = Entry(record.account.name, record.account.user_name, stamp)
            self._entries[account_id] = self._noted[account_id] = entry
            self._ids = {}

    def find(self, kind: str, name: str, decrypted: Callable[[str], Record | None]) -> list[str]:
        """Return the accounts with this `name` or `user_name`. `decrypted` reads those whose entry is stale."""
        with self._lock:
            found = [known for known in self._named(kind, name) if self._counts(known)]
            if not found and not self._is_complete:
                self._complete(decrypted)
                found = self._named(kind, name)
            return found

    def save(self) -> None:
        """Write what this run has learned, over what other runs have written in the meantime."""
        with self._lock:
            if not self._noted:
                return
            present = set(self._layout.ids())
            entries = {**self._stored(), **self._noted}
            lines = {known: asdict(entry) for known, entry in sorted(entries.items()) if known in present}
            temporary = self._layout.temporary_for(self._layout.index)
            create(temporary, json.dumps(lines, indent=1).encode() + b"\n")
            os.replace(temporary, self._layout.index)
            self._noted.clear()

    def _stored(self) -> dict[str, Entry]:
        try:
            entries = json.loads(read_whole(self._layout.index) or b"{}")
            return {account_id: entry_of(fields) for account_id, fields in entries.items()}
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def _named(self, kind: str, name: str) -> list[str]:
        if kind not in self._ids:
            ids = self._ids[kind] = defaultdict(set)
            for account_id, entry in self._entries.items():
                ids[comparable(getattr(entry, kind) or "")].add(account_id)
        return sorted(self._ids[kind].get(comparable(name), ()))

    def _counts(self, account_id: str) -> bool:
        entry = self._entries.get(account_id)
        try:
            return entry is not None and entry.stamp == stamp(os.stat(self._layout.record(account_id)))
        except FileNotFoundError:
            return False

    def _complete(self, decrypted: Callable[[str], Record | None]) -> None:
        """Read every record whose entry does not count. A record that cannot be read is an error: it may be the one."""
        present = self._layout.ids()
        self._entries = {known: self._entries[known] for known in present if known in self._entries}
        self._ids = {}
        for account_id in present:
            if not self._counts(account_id):
                status = os.stat(self._layout.record(account_id))
                record = decrypted(account_id)
                if record:
                    self.note(account_id, record, stamp(status))
        self._is_complete = True
