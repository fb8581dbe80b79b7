# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that are gone with their process, and what their files remember."""

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

# A lock file has this length from before the first write on: a full disk cannot keep a generation from being noted.
GENERATION_LENGTH = 20


@dataclass(frozen=True)
class LockFile:
    """The locked file of one account. It holds the generation of the record that was written last."""

    descriptor: int
    path: Path

    def generation(self) -> int | None:
        """Return what was noted last: 0 before the first write, None if the lock file is as new as that."""
        return parsed_generation(os.pread(self.descriptor, GENERATION_LENGTH, 0), self.path)

    def note(self, generation: int) -> None:
        is_new = not os.fstat(self.descriptor).st_size
        os.pwrite(self.descriptor, b"%0*d\n" % (GENERATION_LENGTH - 1, generation), 0)
        synchronize(self.descriptor, self.path)
        if is_new:
            synchronize_directory(self.path.parent)


@contextmanager
def locked(path: Path) -> Iterator[LockFile]:
    """Hold the lock, or raise Busy at once.

    `flock`, since the kernel frees it with the process, and since closing another descriptor of the file does not
    free it (`lockf`). The file stays: who deletes it lets two runs lock two files of one name.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("Another run is working on this account. Nothing was sent; run again later.") from None
        yield LockFile(descriptor, path)
    finally:
        os.close(descriptor)


def noted_generation(path: Path) -> int | None:
    """Return the generation in a lock file without locking it."""
    return parsed_generation(read_whole(path) or b"", path)


def parsed_generation(content: bytes, path: Path) -> int | None:
    if not content:
        return None
    if len(content) != GENERATION_LENGTH or not content.strip().isdigit():
        raise StoreError(f"The lock file {path} is damaged: it should hold the number of the record's last generation.")
    return int(content)
