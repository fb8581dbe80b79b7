# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The binding: which server the records of a directory belong to, and which controller writes them.

Locks are visible on one machine only, so two controllers must not share a directory. And a copy of a directory must not
be used for another server: its passwords are live on the first server only.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    create,
    read_whole,
    synchronize_directory,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout


@dataclass(frozen=True)
class StoreBinding:
    """`former` are earlier URLs of the same server: records that name one of them belong to it."""

    identity_url: str
    controller: str
    former: tuple[str, ...] = ()


class Takeover:
    """Writes a new binding of an existing store before the first record of this run. Threads may share it.

    A run that writes no record must not take the store over: it proves neither that its vault password is right nor
    that its URL is that of the server.
    """

    def __init__(self, write: Callable[[], None] | None) -> None:
        self._lock = threading.Lock()
        self._write = write

    def complete(self) -> None:
        """Make the binding durable, or raise StoreError if another run has bound the store otherwise meanwhile."""
        with self._lock:
            if self._write:
                self._write()
                self._write = None


def this_controller() -> str:
    """Return a name for this machine: its host name, and a hash that distinguishes it from a clone of that name.

    The machine id itself is confidential (machine-id(5)).
    """
    try:
        machine_id = Path("/etc/machine-id").read_bytes().strip()
    except OSError:
        machine_id = b""
    host = socket.gethostname()
    return f"{host} ({hashlib.sha256(b'rpaops.uipath' + machine_id).hexdigest()[:12]})" if machine_id else host


def read_binding(layout: Layout) -> StoreBinding | None:
    content = read_whole(layout.binding)
    if content is None:
        return None
    try:
        fields = json.loads(content)
        return StoreBinding(fields["identity_url"], fields["controller"], tuple(fields["former"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StoreError(
            f"The store's file {layout.binding} is damaged. Restore it from a backup. If there is none, and the records"
            " belong to this server and this controller, delete it. If they were written under a former URL of this"
            " server, set rebind_from to that URL."
        ) from None


def write_binding(layout: Layout, binding: StoreBinding) -> None:
    temporary = layout.temporary_for(layout.binding)
    create(temporary, json.dumps(asdict(binding), indent=2).encode() + b"\n")
    os.replace(temporary, layout.binding)
    synchronize_directory(layout.directory)


def checked_binding(
    found: StoreBinding, wanted: StoreBinding, *, rebind_from: str | None, any_controller: bool
) -> StoreBinding:
    """Return the binding to use from now on, or raise StoreError if the directory must not be used.

    A controller that is accepted is the one from the first record that it writes, and then the former one is refused.
    """
    if found.controller != wanted.controller and not any_controller:
        raise StoreError(
            f"The store was made by another controller, {found.controller}, and this one ({wanted.controller})"
            f" cannot see its locks. Run there or, once no run is left on {found.controller}, set any_controller: true"
            " until a run has changed an account here."
        )
    found = replace(found, controller=wanted.controller)
    if found.identity_url == wanted.identity_url:
        return found
    if found.identity_url == rebind_from:
        former = dict.fromkeys((*found.former, found.identity_url))
        return replace(found, identity_url=wanted.identity_url, former=tuple(former))
    raise StoreError(
        f"The store belongs to {found.identity_url}, but identity_url is {wanted.identity_url}. Check identity_url. If"
        f" the server's address has changed, set rebind_from to {found.identity_url}. For another server, use another"
        " store."
    )
