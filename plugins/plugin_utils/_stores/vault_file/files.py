# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durable files: they survive a power failure.

`ansible.module_utils.basic.AnsibleModule.atomic_move` renames, but never calls `fsync`: after a power failure, the name
can exist without the content.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import NotDurable, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.ownership import (
    refuse_other_than_own_file,
)

# Without O_NONBLOCK, opening a named pipe waits for a writer.
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
# The most octets of a file that is read.
LARGEST = 128 * 1024 * 1024


@contextmanager
def explained(path: Path, *, sends: bool = False) -> Iterator[None]:
    """Turn errors of the operating system into StoreError. `sends`: it is about an account that is worked on."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, (str, bytes)) else path
        sent = " Nothing more was sent for it." if sends else ""
        raise StoreError(
            f"The store cannot be read or written: {error.strerror or type(error).__name__} ({os.fsdecode(place)})."
            f"{sent} Fix that, then run again."
        ) from error


def read_whole(path: Path) -> bytes | None:
    """Return the content of a file, or None if it does not exist. Anything but an own regular file is an error."""
    try:
        descriptor = os.open(path, READING)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):  # a symbolic link, a socket
            raise
        refuse_other_than_own_file(path, os.lstat(path))
        raise
    try:
        status = os.fstat(descriptor)
        refuse_other_than_own_file(path, status)  # before `open`, which refuses a directory with another error
        if status.st_size > LARGEST:
            raise StoreError(f"{path} is larger than a file of a store can be. Find out what it is, and move it away.")
        return b"".join(iter(lambda: os.read(descriptor, status.st_size + 1), b""))
    finally:
        os.close(descriptor)


def create(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet. Its name is not durable yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        synchronize(descriptor, path)
    except (OSError, NotDurable):
        discard(path)
        raise
    finally:
        os.close(descriptor)


def synchronize(descriptor: int, path: Path) -> None:
    """Make a file durable. A failure is final: the kernel reports it once, and may count the data as written then."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise NotDurable(
            f"The disk did not confirm a write ({error.strerror}: {path}). No further change was started. Check the"
            " disk, then run again: the run continues where this one stopped."
        ) from error


def synchronize_directory(path: Path) -> None:
    """Make the names in a directory durable: `fsync` of a file does not (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        synchronize(descriptor, path)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory that only its owner can use, and its parents."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with suppress(FileExistsError):  # another run was first
        os.mkdir(path, 0o700)
    synchronize_directory(path.parent)


def discard(path: Path) -> None:
    with suppress(OSError):
        os.unlink(path)


def keep_copy(copy: Path, content: bytes) -> None:
    """Replace the second copy of a file. Its content is durable, its name not yet: the old copy exists until then.

    A hard link would be cheaper, but `ansible-vault` overwrites a file in place before it deletes it, which would
    destroy the copy as well.
    """
    make_directory(copy.parent)
    spare = copy.with_suffix(".new")
    discard(spare)
    create(spare, content)
    os.replace(spare, copy)
