# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a file store: all records without their passwords, so that a run need not decrypt every file.

It is a cache. An entry is valid only for a file with the very content that was decrypted: it has the SHA-256 digest of
that ciphertext, which is unique because of its salt. Unlike the times and the number of a file, a digest cannot be the
same by accident or by `touch`, `cp -a` or a restored backup, and reading a file costs little beside deriving its key.

The index is encrypted because that also authenticates it: without the vault password, nobody can exchange two entries.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import (
    InvalidRecord,
    from_redacted,
    to_document,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import CannotDecrypt, Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    LARGEST,
    create,
    discard,
    read_whole,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.ownership import (
    refuse_other_than_own_file,
)

# Another run replaces the index within seconds after it has written the temporary file, so an older one is a leftover.
LEFTOVER_SECONDS = 3600


@dataclass(frozen=True)
class Entry:
    """A record without its passwords, and the digest of its ciphertext. `is_own`: the index's secret encrypted it."""

    record: Record
    digest: str
    is_own: bool


class Index:
    """The entries of the index file and of this run. Threads may share it."""

    def __init__(self, layout: Layout, vault: Vault) -> None:
        self._layout = layout
        self._vault = vault
        self._lock = threading.Lock()
        self._noted: dict[str, Entry] = {}
        self._read: dict[str, Entry] = {}
        self._seen: dict[str, str] = {}

    @cached_property
    def _stored(self) -> dict[str, Any]:
        """The entries of the file when this run first needed them."""
        return stored_entries(self._layout, self._vault)

    def note(self, user_id: str, entry: Entry) -> None:
        with self._lock:
            self._noted[user_id] = entry

    def see(self, user_id: str, text: bytes) -> str:
        """Remember the digest of a file that this run has read, and return it."""
        self._seen[user_id] = digest = digest_of(text)
        return digest

    def seen(self, user_id: str) -> str | None:
        return self._seen.get(user_id)

    def entry(self, user_id: str, digest: str) -> Entry | None:
        """Return the entry of an account if it has this digest."""
        known = self._noted.get(user_id) or self._read.get(user_id)
        if known and known.digest == digest:
            return known
        fields = self._stored.get(user_id)
        has_digest = isinstance(fields, dict) and fields.get("digest") == digest
        entry = entry_in(user_id, fields) if has_digest else None
        if entry:
            self._read[user_id] = entry
        return entry

    def save(self) -> None:
        """Merge the entries of this run into the file, which other runs may have written meanwhile."""
        with self._lock:
            if not self._noted:
                return
            present, stored = set(self._layout.ids()), stored_entries(self._layout, self._vault)
            noted = {user_id: fields_of(entry) for user_id, entry in self._noted.items()}
            entries = {user_id: fields for user_id, fields in {**stored, **noted}.items() if user_id in present}
            content = serialized(entries)
            if content == serialized(stored) or len(content) > LARGEST:
                return
            encrypted = self._vault.encrypt(zlib.compress(content))
            if len(encrypted) <= LARGEST:
                replace_index(self._layout, encrypted)
                discard_leftovers(self._layout)


def digest_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def serialized(entries: Mapping[str, Any]) -> bytes:
    return json.dumps(entries, separators=(",", ":"), sort_keys=True).encode()


def fields_of(entry: Entry) -> dict[str, Any]:
    return {"digest": entry.digest, "is_own": entry.is_own, "record": to_document(entry.record)}


def entry_in(user_id: str, fields: Any) -> Entry | None:
    """Return the entry in these fields, or None if it is not a valid one of this account."""
    try:
        record = from_redacted(fields["record"])
        is_valid = canonical_user_id(record.account.user_id) == user_id and not any(record.passwords())
        return Entry(record, fields["digest"], fields["is_own"] is True) if is_valid else None
    except (InvalidRecord, LookupError, TypeError):
        return None


def stored_entries(layout: Layout, vault: Vault) -> dict[str, Any]:
    """Return the entries of the file, or none if it is missing, invalid or no file of ours: then it is rebuilt."""
    try:
        entries = json.loads(decompressed(vault.decrypt_own(read_whole(layout.index) or b"")))
    except (OSError, StoreError, CannotDecrypt, ValueError, RecursionError, zlib.error):
        return {}
    return entries if isinstance(entries, dict) else {}


def replace_index(layout: Layout, content: bytes) -> None:
    """Replace what has the name of the index, also a link. A directory stays: then there is no index."""
    temporary = layout.temporary_for(layout.index)
    create(temporary, content)
    try:
        os.replace(temporary, layout.index)
    except OSError:
        discard(temporary)
        raise


def discard_leftovers(layout: Layout) -> None:
    """Delete the temporary files that killed runs left of the index. Should one be another run's, it saves no index."""
    now = layout.index.lstat().st_mtime  # by the clock of the file system
    for path in layout.temporaries_for(layout.index):
        with suppress(OSError, StoreError):
            status = path.lstat()
            refuse_other_than_own_file(path, status)
            if now - status.st_mtime > LEFTOVER_SECONDS:
                discard(path)


def decompressed(content: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    plain = decompressor.decompress(content, LARGEST)
    if not decompressor.eof:
        raise ValueError
    return plain
