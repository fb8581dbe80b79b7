# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that end with their process, and the generation noted in their files."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    read_whole,
    synchronize,
    synchronize_directory,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.ownership import (
    refuse_other_than_own_file,
)

# A lock file has this length before the first write of a record, so a generation can be noted on a full disk.
GENERATION_LENGTH = 20


@dataclass(frozen=True)
class LockFile:
    """The locked file of one account. It holds the generation of the record's last write."""

    descriptor: int
    path: Path

    def generation(self) -> int | None:
        """Return the noted generation: 0 before the first write, None if the lock file is new."""
        return parsed_generation(os.pread(self.descriptor, GENERATION_LENGTH, 0), self.path)

    def is_replaced(self) -> bool:
        """Tell whether another run could lock another file of this name."""
        try:
            return not os.path.samestat(os.lstat(self.path), os.fstat(self.descriptor))
        except FileNotFoundError:
            return True

    def note(self, generation: int) -> None:
        is_new = not os.fstat(self.descriptor).st_size
        os.pwrite(self.descriptor, b"%0*d\n" % (GENERATION_LENGTH - 1, generation), 0)
        synchronize(self.descriptor, self.path)
        if is_new:
            synchronize_directory(self.path.parent)


@contextmanager
def locked(path: Path) -> Iterator[LockFile]:
    """Hold the lock, or raise Busy at once.

    `flock`, because the kernel releases it with the process, and because, unlike `lockf`, it is not released when
    another descriptor of the file is closed. The file is kept: deleting it would let two runs lock two files of one
    name.
    """
    with opened(path) as descriptor:
        lock = LockFile(descriptor, path)
        if not is_granted(descriptor) or lock.is_replaced():  # replaced between opening and locking
            raise Busy("Nothing was sent; run again later.")
        yield lock


def prove_exclusion(path: Path) -> None:
    """Refuse a file system that grants two locks on this file: there, two runs could work on one account."""
    with opened(path) as first, opened(path) as second:
        try:
            is_exclusive = not (is_granted(first) and is_granted(second))
        except OSError:
            is_exclusive = False
    if not is_exclusive:
        raise StoreError(
            f"The file system of {path} does not honor locks (flock), so two runs could change one password at the same"
            " time. Nothing was sent. Put the store on a local disk."
        )


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        refuse_other_than_own_file(path, os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def is_granted(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def noted_generation(path: Path) -> int | None:
    """Return the generation in a lock file without locking it."""
    return parsed_generation(read_whole(path) or b"", path)


def parsed_generation(content: bytes, path: Path) -> int | None:
    if not content:
        return None
    if len(content) != GENERATION_LENGTH or not content.strip().isdigit():
        raise StoreError(
            f"The lock file {path} is damaged: it should contain the generation of the record's last write. Restore"
            " it from a backup while no run is active."
        )
    return int(content)
