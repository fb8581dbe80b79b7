# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account in a file store: reads and writes under its lock.

The order of a write: create the new file and make it durable, make a new binding of the store durable, compare the
present file with the one that was read, rename, make the name durable, replace the second copy, and note the generation
in the lock file. If the run is killed before that note, the noted generation is too low by one, and the next read
corrects it. If the generation were noted first, a valid record or its copy would look like an old backup. Nothing is
sent before the write is complete.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import encode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    create,
    discard,
    explained,
    keep_copy,
    read_whole,
    synchronize_directory,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import LockFile
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.record_files import (
    Leftover,
    RecordFiles,
    Traces,
    went_backwards,
    with_leftovers,
)


@dataclass(frozen=True)
class Version:
    """The ciphertext that a write may replace, and the passwords that its second copy holds.

    A new salt makes every ciphertext unique, so it serves as the token of the compare-and-swap.
    """

    text: bytes | None = None
    copied: frozenset[str] = field(default=frozenset(), repr=False)


class VaultFileRecord:
    def __init__(self, files: RecordFiles, account_id: str, lock: LockFile) -> None:
        self._files = files
        self._account_id = account_id
        self._lock = lock
        self._path = files.layout.record(account_id)
        self._copy = files.layout.previous(account_id)
        self._version = Version()
        self._leftovers: list[Leftover] = []

    def read(self) -> Record | None:
        with explained(self._path, sends=True):
            return self._read()

    def write(self, record: Record) -> bool:
        with explained(self._path, sends=True):
            return self._write(record)

    def preserve_conflict(self) -> Record | None:
        with explained(self._path, sends=True):
            return self._preserve_conflict()

    def _read(self) -> Record | None:
        text = read_whole(self._path)
        self._version = Version(text)
        noted = self._lock.generation()
        if text is None:
            self._files.refuse_lost(self._account_id, Traces(noted, self._copy.exists()))
            self._refuse_remains(self._found_leftovers(), is_lock_new=noted is None)
            return None
        record = self._files.opened(self._account_id, text)
        self._files.refuse_other_secret(self._account_id, text)
        copy = self._second_copy(record, text)
        self._version = Version(text, frozenset(copy.record.candidates() if copy.record else ()))
        self._leftovers = self._found_leftovers()
        if noted is not None and record.generation < noted:
            self._close(record, noted, copy)
        if record.generation != noted:
            self._lock.note(record.generation)
        return with_leftovers(record, [copy, *self._leftovers], first=False)

    def _second_copy(self, record: Record, text: bytes) -> Leftover:
        is_equal = read_whole(self._copy) == text  # the usual case, which needs no second decryption
        return Leftover(self._copy, record) if is_equal else self._files.leftover_of(self._account_id, self._copy)

    def _found_leftovers(self) -> list[Leftover]:
        paths = self._files.layout.temporaries(self._account_id)
        return [self._files.leftover_of(self._account_id, path) for path in paths]

    def _refuse_remains(self, leftovers: Iterable[Leftover], *, is_lock_new: bool) -> None:
        """Refuse to begin a new record if the leftovers show that there was one.

        The lock file is created before any other file of an account. If it exists and notes no write, the leftovers are
        those of a killed first write. Nothing was sent by then, so the account starts from the beginning; the next
        record gets the passwords of the leftovers.
        """
        for left in leftovers:
            if is_lock_new or (left.record and left.record.generation > 1):
                raise StoreError(
                    f"The record {self._path} is missing, although a killed run left a version of it, {left.path}."
                    " Nothing was sent. Restore the record from a backup, or from that file."
                )

    def _close(self, record: Record, noted: int, copy: Leftover) -> NoReturn:
        """Add the passwords of the record's other versions to it, and close the account for an administrator to repair.

        The write replaces the second copy, which belongs to the lost version. So it has to be readable.
        """
        if copy.is_unreadable:
            raise StoreError(
                f"{went_backwards(self._path, record, noted)} Nothing was sent. Its second copy, {self._copy}, cannot"
                " be decrypted. Run with the vault password of that file as well. If the file is damaged, move it away."
            )
        closed = with_leftovers(record, [copy, *self._leftovers], first=True)
        # An older version knows less of the requests that were sent: a restored file must not allow them again.
        versions = [record, *(leftover.record for leftover in (copy, *self._leftovers) if leftover.record)]
        sends = max(version.unproven_sends for version in versions)
        move = max(versions, key=lambda version: version.generation).move
        closed = replace(closed, generation=noted + 1, unproven_sends=sends, move=move)
        if not self._write(replace(closed, status="moved" if move else "out_of_sync")):
            raise Busy(f"Another process is writing to {self._path}. Nothing was sent; run again later.")
        raise StoreError(
            f"{went_backwards(self._path, record, noted)} Nothing was sent. The passwords in its other versions were"
            " added to it. Run with state: resumed and force: true, for this account only, to try them, or with"
            " state: adopted and the live password."
        )

    def _write(self, record: Record) -> bool:
        text = encode(self._files.vault, record)
        if self._lock.generation() is None:
            self._lock.note(0)
        temporary = self._files.layout.temporary(self._account_id)
        try:
            create(temporary, text)
            self._prove(temporary, record)
            self._files.takeover.complete()
            if read_whole(self._path) != self._version.text:
                discard(temporary)
                return False
            self._refuse_replaced()
            os.replace(temporary, self._path)
        except (OSError, StoreError):
            discard(temporary)
            raise
        synchronize_directory(self._path.parent)
        if read_whole(self._path) != text:
            return False
        self._refuse_replaced()  # again: from here on, another run reads this version
        copied = self._copied(record, text)
        self._lock.note(record.generation)
        self._written(Version(text, copied))
        return True

    def _refuse_replaced(self) -> None:
        """Refuse to go on if the lock no longer keeps other runs away."""
        self._files.refuse_moved()
        if self._lock.is_replaced():
            raise StoreError(
                f"The lock file {self._lock.path} was deleted or replaced during the run, so another run may work on"
                " the account. Nothing more was sent for it. Never delete lock files. Run again."
            )

    def _copied(self, record: Record, text: bytes) -> frozenset[str]:
        """Replace the second copy, and return the passwords in it.

        Without a copy of a new password, nothing may be sent. A commit adds none: there, the old copy will do.
        """
        passwords = frozenset(record.candidates())
        is_complete = passwords <= self._version.copied
        try:
            keep_copy(self._copy, text)
            if not is_complete:
                synchronize_directory(self._copy.parent)
        except (OSError, StoreError):
            if not is_complete:
                raise
            return self._version.copied
        return passwords

    def _prove(self, temporary: Path, record: Record) -> None:
        """Read the new file back before it replaces the record."""
        try:
            read_back = self._files.opened(self._account_id, read_whole(temporary) or b"")
        except StoreError:
            read_back = None
        if read_back != record:
            raise StoreError(f"The file written for {self._path} does not read back as written.")

    def _written(self, version: Version) -> None:
        self._version = version
        for left in self._leftovers:
            if left.record or left.is_empty:
                discard(left.path)
        self._leftovers = []

    def _preserve_conflict(self) -> Record | None:
        text = read_whole(self._path)
        self._version = replace(self._version, text=text)
        if text is None:
            return None
        for number in itertools.count(1):
            try:
                create(self._files.layout.conflict(self._account_id, number), text)
                break
            except FileExistsError:
                continue
        synchronize_directory(self._path.parent)
        try:
            return self._files.opened(self._account_id, text)
        except StoreError:
            return None
