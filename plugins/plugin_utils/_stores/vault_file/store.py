# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file store: a directory with one file per account, in Ansible Vault format.

`<user id>.yml` are the records, `.prev` holds each of them as it was before its last write, `.locks` the lock files,
`.tmp` what is being written. `store.json` says whose directory it is, `index.json` which name belongs to which user
id. Nothing but the records and their copies holds a password, and those are encrypted before they reach a disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import normalize_identity_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError, WentBackwards
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.binding import (
    StoreBinding,
    checked_binding,
    read_binding,
    this_controller,
    write_binding,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import explained, read_whole
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.index import Index
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locked_record import VaultFileRecord
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import locked, noted_generation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.record_files import Files, went_backwards


class VaultFileStore:
    """`open` comes first; from then on, threads may work on different accounts at the same time."""

    _files: Files

    def __init__(
        self,
        directory: Path,
        *,
        secrets: Sequence[tuple[str, VaultSecret]],
        vault_id: str | None = None,
        identity_url: str | None = None,
        rebind_from: str | None = None,
        controller: str | None = None,
        any_controller: bool = False,
        in_awx_job: bool = False,
        persistent: bool = False,
    ) -> None:
        """Take the play's vault secrets. Without an `identity_url` the store serves whom it belongs to, read only.

        `persistent` promises that an AWX job's directory outlives the job, and that one job at a time writes to it:
        the name of a pod says nothing about that.
        """
        self._layout = Layout(directory)
        self._vault = Vault(secrets, vault_id, encrypts=identity_url is not None)
        self._identity_url = identity_url
        self._rebind_from = normalize_identity_url(rebind_from) if rebind_from else None
        self._controller = controller or this_controller()
        self._any_controller = any_controller or (in_awx_job and persistent)
        self._is_ephemeral = in_awx_job and not persistent
        self._may_write = False
        self.is_new = False

    def open(self, *, check_mode: bool) -> None:
        if self._is_ephemeral:
            raise StoreError(
                "An AWX job's directories are deleted after the job, and the only copy of the passwords with them."
                " Mount a volume for the store and set persistent to true. Nothing was changed."
            )
        self._may_write = not check_mode and self._identity_url is not None
        with explained(self._layout.directory):
            self._layout.check()
            self.is_new = not self._layout.directory.exists()
            if self._may_write:
                self._layout.create()
            binding = self._bound()
            index = Index(self._layout)
            index.load()
        self._files = Files(self._layout, self._vault, index, binding.identity_url, binding.former)

    def close(self) -> None:
        if self._may_write:
            with suppress(OSError, StoreError):  # the index is made again where it is needed
                self._files.index.save()

    def holds(self, account_id: str) -> bool:
        try:
            return self._layout.record(canonical_user_id(account_id)).exists()
        except OSError:  # too long for a file name
            return False

    def find(self, kind: str, name: str) -> list[str]:
        with explained(self._layout.directory):
            return self._files.index.find(kind, name, self._files.stored)

    def read(self, account_id: str) -> Record | None:
        account_id = canonical_user_id(account_id)
        with explained(self._layout.record(account_id)):
            noted = noted_generation(self._layout.lock(account_id))  # first: a run that is at work only raises it
            text = read_whole(self._layout.record(account_id))
            if text is None:
                self._files.refuse_lost(account_id, noted)
                self._files.refuse_strange_secrets()
                return None
            record = self._files.opened(account_id, text)
        if noted is not None and record.generation < noted:
            raise WentBackwards(went_backwards(self._layout.record(account_id), record, noted))
        return record

    @contextmanager
    def account(self, account_id: str) -> Iterator[VaultFileRecord]:
        if not self._may_write:
            raise WriteInCheckMode("The store was opened for reading, and something wanted to write to it.")
        account_id = canonical_user_id(account_id)
        path = self._layout.lock(account_id)
        with ExitStack() as held:
            with explained(path):  # not what is done under the lock
                lock = held.enter_context(locked(path))
            yield VaultFileRecord(self._files, account_id, lock)

    def _bound(self) -> StoreBinding:
        """Return the binding that holds, and write it if it is new."""
        stored = found = read_binding(self._layout)
        if self._identity_url is None:
            if found is None:
                raise StoreError(f"There is no store in {self._layout.directory}. Look at the path.")
            return found
        wanted = StoreBinding(self._identity_url, self._controller, (self._rebind_from,) if self._rebind_from else ())
        binding = wanted
        if found and not self._layout.ids():  # the first URL was a mistake: no record belongs to it
            found = replace(found, identity_url=self._identity_url)
        if found:
            binding = checked_binding(found, wanted, rebind_from=self._rebind_from, any_controller=self._any_controller)
        if binding != stored and self._may_write:
            write_binding(self._layout, binding)
        return binding
