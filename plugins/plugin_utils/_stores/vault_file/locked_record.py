# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of one account in a file store: its reads and writes under its lock.

The order of a write: the new file is complete and durable, what it replaces is compared with what was read, it is
renamed, the name is made durable, and the generation is noted in the lock file last. A kill before that note leaves a
generation that is too low by one, which the next read puts right; noted first, it would make a good record look like
an old backup. Nothing is sent before all of it is done.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    went_backwards,
    with_leftovers,
)


@dataclass(frozen=True)
class Version:
    """The ciphertext that a write may replace, and whether a copy of it is worth keeping.

    A fresh salt makes every ciphertext unique, so it serves as the token of the compare-and-swap.
    """

    text: bytes | None = None
    is_predecessor: bool = True


class VaultFileRecord:
    def __init__(self, files: RecordFiles, account_id: str, lock: LockFile) -> None:
        self._files = files
        self._account_id = account_id
        self._lock = lock
        self._path = files.layout.record(account_id)
        self._version = Version()
        self._leftovers: list[Leftover] = []

    def read(self) -> Record | None:
        with explained(self._path):
            return self._read()

    def write(self, record: Record) -> bool:
        with explained(self._path):
            return self._write(record)

    def preserve_conflict(self) -> Record | None:
        with explained(self._path):
            return self._preserve_conflict()

    def _read(self) -> Record | None:
        text = read_whole(self._path)
        self._version = Version(text)
        noted = self._lock.generation()
        if text is None:
            self._files.refuse_lost(self._account_id, noted)
            self._refuse_remains(self._found_leftovers(), is_lock_new=noted is None)
            return None
        record = self._files.opened(self._account_id, text)
        self._leftovers = self._found_leftovers()
        if noted is not None and record.generation < noted:
            self._close(record, noted)
        if record.generation != noted:
            self._lock.note(record.generation)
        return with_leftovers(record, self._leftovers, first=False)

    def _found_leftovers(self) -> list[Leftover]:
        paths = self._files.layout.temporaries(self._account_id)
        return [self._files.leftover_of(self._account_id, path) for path in paths]

    def _refuse_remains(self, leftovers: Iterable[Leftover], *, is_lock_new: bool) -> None:
        """Refuse what shows that there was a record.

        The lock file is older than any other file of an account. If it is there and notes no write, what is left is
        from a first write that was killed. Nothing was sent by then, so the account begins anew; what that run left is
        taken over once there is a record.
        """
        for left in leftovers:
            if is_lock_new or (left.record and left.record.generation > 1):
                raise StoreError(
                    f"The record {self._path} is gone, though a run that was killed left a version of it, {left.path}."
                    " Nothing was sent. Restore the record from a backup, or from that file."
                )

    def _close(self, record: Record, noted: int) -> NoReturn:
        """Take over every password that the record has lost, and leave the account to a person.

        The record's predecessor stays as it is: it belongs to the lost version.
        """
        previous = self._files.leftover_of(self._account_id, self._files.layout.previous(self._account_id))
        closed = with_leftovers(record, [previous, *self._leftovers], first=True)
        self._version = replace(self._version, is_predecessor=False)
        if not self._write(replace(closed, generation=noted + 1, status="out_of_sync")):
            raise Busy(f"Another process writes to {self._path}. Nothing was sent; run again later.")
        raise StoreError(
            f"{went_backwards(self._path, record, noted)} Every password that was found beside it was added to it. Run"
            " with state=resumed and force=true to try them, or with state=adopted and the password that is live."
        )

    def _write(self, record: Record) -> bool:
        text = encode(self._files.vault, record)
        if self._lock.generation() is None:
            self._lock.note(0)
        temporary = self._files.layout.temporary(self._account_id)
        try:
            stamp = create(temporary, text)
            self._prove(temporary, record)
            if read_whole(self._path) != self._version.text:
                discard(temporary)
                return False
            if self._version.text is not None and self._version.is_predecessor:
                keep_copy(self._path, self._files.layout.previous(self._account_id))
            os.replace(temporary, self._path)
        except (OSError, StoreError):
            discard(temporary)
            raise
        synchronize_directory(self._path.parent)
        if read_whole(self._path) != text:
            return False
        self._lock.note(record.generation)
        self._written(record, text, stamp)
        return True

    def _prove(self, temporary: Path, record: Record) -> None:
        """Make sure that what was written can be read again before it replaces anything."""
        try:
            read_back = self._files.opened(self._account_id, read_whole(temporary) or b"")
        except StoreError:
            read_back = None
        if read_back != record:
            raise StoreError(f"What was written for {self._path} does not read the same again. Nothing was sent.")

    def _written(self, record: Record, text: bytes, stamp: list[int]) -> None:
        self._version = Version(text)
        for left in self._leftovers:
            if left.record or left.is_empty:
                discard(left.path)
        self._leftovers = []
        self._files.index.note(self._account_id, record, stamp)

    def _preserve_conflict(self) -> Record | None:
        text = read_whole(self._path)
        # The predecessor of our own version is worth more than a second copy of theirs.
        self._version = Version(text, is_predecessor=False)
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
