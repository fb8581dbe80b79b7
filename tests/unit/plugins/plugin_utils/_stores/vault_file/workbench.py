# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records, stores, and ways to die, for the tests of the file store."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Pending,
    Record,
    Retired,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredNames
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locked_record import VaultFileRecord
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import (
    OpenVaultFileStore,
    VaultFileStore,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put

URL = "https://cloud.example/acme/identity_"
USER = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"
TIME = "2026-03-01T00:00:00+00:00"
# Every password of these tests holds this, so that it is found wherever clear text gets.
CLEAR = "Distinctive-5ecret"
FIRST, SECOND, THIRD, FOURTH = (f"{CLEAR}-{number}" for number in range(1, 5))
SECRETS = [("default", VaultSecret(b"the vault password"))]

EFFECTS = ("open", "write", "pwrite", "fsync", "link", "replace", "unlink", "mkdir")


def a_record(
    generation: int = 1, current: str = FIRST, new: str | None = None, *, user_id: str = USER, **account: Any
) -> Record:
    return Record(
        Account(**{"identity_url": URL, "user_id": user_id, "name": "svc-robot", "user_name": "robot", **account}),
        Current(current, TIME, "rotated"),
        generation,
        Pending(current, new, TIME) if new else None,
    )


STAGED = a_record(1, FIRST, SECOND)
COMMITTED = replace(a_record(2, SECOND), previous=(Retired(FIRST, TIME),))
RESTAGED = replace(a_record(3, SECOND, THIRD), previous=(Retired(FIRST, TIME),))


HAND_WRITTEN = """
schema: 2
account: {identity_url: https://cloud.example/acme/identity_, user_id: %s, name: null, user_name: null}
current: {password: by hand, since: %s, source: rotated}
generation: 1
pending: null
orphans: []
previous: []
status: ok
reason: null
error_codes: []
unproven_sends: 0
unproven_limit: 4
stalled: 0
has_consumers: false
delivered: true
delivered_at: null
rotations: []
"""

# What closes the stores that were opened here. Until a test asks for that, a store stays as a killed run leaves it.
CLOSERS: dict[int, ExitStack] = {}


def configured(directory: Path, **options: Any) -> VaultFileStore:
    return VaultFileStore(directory, **{"secrets": SECRETS, "identity_url": URL, "controller": "here", **options})


def a_store(directory: Path, *, read_only: bool = False, **options: Any) -> OpenVaultFileStore:
    """Return an open store."""
    closer = ExitStack()
    store = closer.enter_context(configured(directory, **options).open(read_only=read_only))
    CLOSERS[id(store.files)] = closer
    return store


def close(store: OpenVaultFileStore) -> None:
    CLOSERS.pop(id(store.files)).close()


def fill(directory: Path, *records: Record) -> OpenVaultFileStore:
    """Write these records, one after the other."""
    store = a_store(directory)
    for record in records:
        put(store, record)
    return store


def found_id(store: OpenVaultFileStore, name: str) -> str | None:
    """Return the user id of the account with this id, label or user name, as the listing has it."""
    names = StoredNames(store.accounts())
    user_id = canonical_user_id(name)
    found = [user_id] if user_id in names else names.find(name, "label", "user_name")
    return found[0] if len(found) == 1 else None


def under_lock(directory: Path, work: Callable[[VaultFileRecord], Any]) -> Any:
    with a_store(directory).locked(USER) as locked_record:
        return work(locked_record)


def read(directory: Path) -> Any:
    return under_lock(directory, lambda locked_record: locked_record.read())


def record_file(directory: Path) -> Path:
    return Layout(directory).record(USER)


def replace_file(directory: Path, plain: str) -> None:
    """Replace the record the way `ansible-vault edit` does."""
    record_file(directory).write_bytes(VaultLib(SECRETS).encrypt(plain, secret=SECRETS[0][1]))


def texts(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory with what is in it."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(files)}


def refuse_to_open(patches: pytest.MonkeyPatch, *unreadable: Path) -> None:
    """Let the operating system open all files but these: who is root may read every file."""
    opened = os.open

    def refused(path: Any, *arguments: Any, **options: Any) -> int:
        if path in unreadable:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    patches.setattr(os, "open", refused)


def counting(call: Any, calls: list[object]) -> Any:
    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(call)
        return call(*arguments, **options)

    return counted


class Killed(BaseException):
    """The process ends here, as far as one process can play that: what catches exceptions does not catch it."""


def raise_killed() -> None:
    raise Killed


def kill_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class KillAt:
    """Counts what has an effect on the disk, and dies in place of one of them; of a write, half is done before."""

    deadline: int
    die: Callable[[], None] = raise_killed
    effects: list[str] = field(default_factory=list)
    _patches: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    def __enter__(self) -> KillAt:
        for name in EFFECTS:
            self._patches.setattr(os, name, self._counted(name, getattr(os, name)))
        return self

    def __exit__(self, *_reason: object) -> None:
        self._patches.undo()

    def _counted(self, name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.effects.append(name)
            if len(self.effects) == self.deadline:
                if name == "write":
                    effect(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.die()
            return effect(*arguments, **options)

        return counted


def in_child(work: Callable[[], object]) -> int:
    """Do this in a process of its own, and return its exit code: negative if a signal ended it."""
    pid = os.fork()
    if not pid:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"in the child: {error!r}\n".encode())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
