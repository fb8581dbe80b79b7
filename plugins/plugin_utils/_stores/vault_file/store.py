# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file store: a directory with one file per account, in Ansible Vault format.

`<user id>.yml` are the records, `.prev` has a second copy of each of them, `.locks` the lock files, `.tmp` the files
that are being written. `store.json` has the binding, `index.vault` the records without their passwords. Only the
records and their copies contain passwords. They and the index are encrypted before they are written to disk.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import normalize_identity_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Reading,
    StoredAccount,
    StoreError,
    WentBackwards,
    reading,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.binding import (
    StoreBinding,
    Takeover,
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
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import (
    locked,
    noted_generation,
    prove_exclusion,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.record_files import (
    RecordFiles,
    went_backwards,
)


class VaultFileStore:
    """A directory that is not open yet."""

    def __init__(
        self,
        directory: Path,
        *,
        secrets: Sequence[tuple[str, VaultSecret]],
        vault_id: str | None = None,
        rekey: bool = False,
        identity_url: str | None = None,
        rebind_from: str | None = None,
        controller: str | None = None,
        any_controller: bool = False,
        in_awx_job: bool = False,
        persistent: bool = False,
    ) -> None:
        """Take the run's vault passwords. Without an `identity_url`, the store can only be read.

        `persistent` asserts that an AWX job's directory outlives the job and that only one job at a time writes to it.
        Then the controller is not checked: a job's host name is that of its pod.
        """
        self._layout = Layout(directory)
        self._vault = Vault(secrets, vault_id, encrypts=identity_url is not None)
        self._rekey = rekey
        self._identity_url = identity_url
        self._rebind_from = normalize_identity_url(rebind_from) if rebind_from else None
        self._controller = controller or this_controller()
        self._any_controller = any_controller or (in_awx_job and persistent)
        self._is_ephemeral = in_awx_job and not persistent and identity_url is not None  # reading loses nothing
        self._own_groups = in_awx_job and persistent  # the group of a mounted volume is that of the job's pod

    @property
    def place(self) -> str:
        return str(self._layout.directory)

    def secrets(self) -> Collection[str]:
        """Return none: the vault passwords are never sent, so no text from elsewhere can quote them."""
        return ()

    @contextmanager
    def open(self, *, read_only: bool) -> Iterator[OpenVaultFileStore]:
        if self._is_ephemeral:
            raise StoreError(
                "AWX deletes a job's directories after the job, and with them the only copy of the passwords. Use"
                " a store on a network, or put the directory on a mounted volume and set persistent: true. Nothing was"
                " changed."
            )
        may_write = not read_only and self._identity_url is not None
        with explained(self._layout.directory):
            self._layout.check(own_groups=self._own_groups)
            is_new = not self._layout.binding.exists()
            if may_write:
                self._layout.create()
                prove_exclusion(self._layout.proof_of_locks)
            stored = read_binding(self._layout)
            binding = self._bound(stored)
            if stored is None and may_write:
                write_binding(self._layout, binding)
            index = Index(self._layout, self._vault)
            identity = os.stat(self._layout.directory) if may_write else None
        url, former = binding.identity_url, binding.former
        takeover = Takeover(self._take_over if stored and binding != stored else None)
        files = RecordFiles(self._layout, self._vault, index, takeover, url, former, identity, self._rekey)
        warning = f"There is no store in {self.place} yet. Check the path, unless this is the first run."
        try:
            yield OpenVaultFileStore(files, may_write=may_write, warnings=(warning,) if is_new else ())
        finally:
            if may_write:
                with suppress(OSError, StoreError):  # a missing index only costs time
                    index.save()

    def _bound(self, found: StoreBinding | None) -> StoreBinding:
        """Return the binding of this run, given the stored one, or raise StoreError."""
        if self._identity_url is None:
            if found is None:
                raise StoreError(f"There is no store in {self.place}. Check the path.")
            return found
        wanted = StoreBinding(self._identity_url, self._controller, (self._rebind_from,) if self._rebind_from else ())
        if found is None:
            return wanted
        if not self._layout.ids():  # the first URL was a mistake: no record belongs to it
            found = replace(found, identity_url=self._identity_url)
        return checked_binding(found, wanted, rebind_from=self._rebind_from, any_controller=self._any_controller)

    def _take_over(self) -> None:
        stored = read_binding(self._layout)
        binding = self._bound(stored)
        if binding != stored:
            write_binding(self._layout, binding)


@dataclass(frozen=True)
class OpenVaultFileStore:
    files: RecordFiles
    may_write: bool
    warnings: tuple[str, ...] = ()

    def accounts(self) -> Sequence[StoredAccount]:
        with explained(self.files.layout.directory):
            return self.files.accounts()

    def user_ids(self) -> Sequence[str]:
        with explained(self.files.layout.directory):
            lost = [account.user_id for account in self.files.lost_accounts()]
            return [*self.files.layout.ids(), *lost]

    def read(self, user_id: str) -> Record | None:
        files, user_id = self.files, canonical_user_id(user_id)
        if not files.layout.can_name(user_id):
            return None
        path = files.layout.record(user_id)
        with explained(path):
            traces = files.traces(user_id)  # read first: a concurrent run writes them after the record
            text = read_whole(path)
            if text is None:
                files.refuse_lost(user_id, traces)
                files.refuse_unproven_secret()
                return None
            record = files.opened(user_id, text)
            files.refuse_other_secret(user_id, text)
        if traces.generation is not None and record.generation < traces.generation:
            raise WentBackwards(went_backwards(path, record, traces.generation), account=record.account)
        return record

    def read_many(self, user_ids: Sequence[str]) -> Sequence[Reading]:
        """Read in one thread per processor: deriving keys takes most of the time."""
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            return list(pool.map(partial(reading, self), user_ids))
        finally:
            pool.shutdown(cancel_futures=True)

    def read_cached(self, user_ids: Sequence[str]) -> Sequence[Record | None]:
        return [self._cached(canonical_user_id(user_id)) for user_id in user_ids]

    def _cached(self, user_id: str) -> Record | None:
        """Return what `read` would, without passwords, if the index has it; None also for all that `read` refuses."""
        layout = self.files.layout
        if not layout.can_name(user_id):
            return None
        with suppress(OSError, StoreError):
            noted = noted_generation(layout.lock(user_id))  # read first, as above
            digest = self.files.digest(user_id)
            record = self.files.indexed(user_id, digest, own_only=True) if digest else None
            return record if record and record.generation == noted else None
        return None

    @contextmanager
    def locked(self, user_id: str) -> Iterator[VaultFileRecord]:
        if not self.may_write:
            raise WriteInCheckMode("The store is open for reading only.")
        user_id = canonical_user_id(user_id)
        if not self.files.layout.can_name(user_id):
            raise StoreError("The user id is empty, or too long for a file name. Nothing was sent.")
        path = self.files.layout.lock(user_id)
        with ExitStack() as held:
            with explained(path, sends=True):  # not the work under the lock
                lock = held.enter_context(locked(path))
                self.files.refuse_moved()
            yield VaultFileRecord(self.files, user_id, lock)
