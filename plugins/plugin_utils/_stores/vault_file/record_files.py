# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a store as records: decoding them, refusing them, and the leftovers of killed runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Orphan, Record, redacted
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordLost,
    StoredAccount,
    StoreError,
    WrongSecret,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import bound_record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.binding import Takeover
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import (
    Undecryptable,
    Unreadable,
    decode,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import explained, read_whole
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.index import Entry, Index, digest_of
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import noted_generation

# The number of records tried, the newest first: some may be damaged or have another vault password, and many would take
# long if the secret is wrong.
SAMPLE = 20


@dataclass(frozen=True)
class Leftover:
    """A file of a killed run, or the second copy of the record."""

    path: Path
    record: Record | None = None
    written_at: str = ""
    is_empty: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True)
class Traces:
    """What shows that a record was written. Without its lock, read it before the record: a run writes it after."""

    generation: int | None
    has_copy: bool


@dataclass(frozen=True)
class RecordFiles:
    """The files of a store, with what all accounts share."""

    layout: Layout
    vault: Vault
    index: Index
    takeover: Takeover
    identity_url: str
    former_urls: tuple[str, ...] = ()
    directory: os.stat_result | None = None
    rekey: bool = False

    def refuse_moved(self) -> None:
        """Refuse to go on in another directory than the one that was opened, such as one that was mounted over it."""
        if not self.directory or not os.path.samestat(self.directory, os.stat(self.layout.directory)):
            raise StoreError(
                f"The directory {self.layout.directory} was replaced by another one during the run. Nothing more was"
                " sent for it. Put the former directory back, then run again."
            )

    def opened(self, account_id: str, text: bytes) -> Record:
        """Return the record in an account's file, bound to the server's present URL."""
        path = self.layout.record(account_id)
        try:
            record = decode(self.vault, text, account_id)
        except Unreadable as error:
            message = (
                f"The record {path} cannot be used: {error}. Nothing was changed. Fix that; if the file is"
                f" damaged, restore it. Its second copy is {self.layout.previous(account_id)}."
            )
            if isinstance(error, Undecryptable):
                raise WrongSecret(message, of_all=self._none_decrypted) from None
            raise StoreError(message) from None
        is_own = not self.vault.has_others or self.vault.is_own(text)
        self.index.note(account_id, Entry(redacted(record), digest_of(text), is_own))
        return self._bound(record)

    def _none_decrypted(self, count: int) -> str:
        several = f"The vault passwords ({self.vault.ids}) do not decrypt"
        passwords = several if self.vault.has_several else "The vault password does not decrypt"
        records = f"any of the {count} records" if count > 1 else "the only record"
        return (
            f"{passwords} {records} in {self.layout.directory}. Nothing was changed. Run with the vault password that"
            " they were encrypted with, or correct the path of the store."
        )

    def accounts(self) -> list[StoredAccount]:
        """List all accounts with a record, by the index or else the records, and those whose record is gone."""
        lost = self.lost_accounts()  # first: a concurrent run writes the record before the files that show a lost one
        listed = [self._listed(account_id) for account_id in self.layout.ids()]
        return [*(account for account in listed if account), *lost]

    def lost_accounts(self) -> list[StoredAccount]:
        """List the accounts whose record is missing, although an earlier run wrote it."""
        former = self.layout.former_ids()
        lost = [self._lost(account_id) for account_id in sorted(set(former).difference(self.layout.ids()))]
        return [account for account in lost if account]

    def _lost(self, account_id: str) -> StoredAccount | None:
        """Return an account without a record, if there was one: nobody knows its names."""
        try:
            with explained(self.layout.lock(account_id)):
                traces = self.traces(account_id)
                if not self.layout.record(account_id).exists():  # else a concurrent run has just written its first one
                    self.refuse_lost(account_id, traces)
        except StoreError as error:
            return StoredAccount(account_id, error=error)
        return None

    def _listed(self, account_id: str) -> StoredAccount | None:
        """Return the account, or None if its record was deleted meanwhile. Its generation is not checked."""
        path = self.layout.record(account_id)
        try:
            with explained(path):
                text = read_whole(path)
            if text is None:
                return None
            digest = self.index.see(account_id, text)
            # With one secret, the index does not prove that a record of another secret can be read.
            indexed = self.indexed(account_id, digest, own_only=not self.vault.has_several)
            record = indexed or self.opened(account_id, text)
        except StoreError as error:
            return StoredAccount(account_id, error=error)
        return StoredAccount(account_id, record.account.name, record.account.user_name)

    def digest(self, account_id: str) -> str | None:
        """Return the digest of an account's file as this run has read it last, or None if there is no content.

        A record that another run has written since has another generation in its lock file.
        """
        seen = self.index.seen(account_id)
        text = None if seen else read_whole(self.layout.record(account_id))
        return self.index.see(account_id, text) if text else seen

    def indexed(self, account_id: str, digest: str, *, own_only: bool = False) -> Record | None:
        """Return the record in an account's file without its passwords, if the index has that of this very content.

        With `own_only`, only if the secret that encrypts has encrypted it.
        """
        entry = self.index.entry(account_id, digest)
        if entry is None or (own_only and not entry.is_own):
            return None
        return self._bound(entry.record)

    def refuse_other_secret(self, account_id: str, text: bytes) -> None:
        """Refuse a record that another secret of the run encrypted: its next write would change its vault password."""
        if not self.vault.has_others or self.vault.is_own(text):
            return
        if not self.rekey:
            raise StoreError(
                f"The record {self.layout.record(account_id)} is encrypted with another vault password of this run than"
                f" the one that would encrypt its next version ({self.vault.own_ids}). Nothing was sent. Check vault_id"
                " and its vault password. To change the vault password of records, set rekey: true."
            )
        self.refuse_unproven_secret()

    def refuse_unproven_secret(self) -> None:
        """Refuse to encrypt with a secret that decrypts no record: with a mistyped vault password, it would be lost."""
        if not self._is_secret_proven:
            raise StoreError(
                f"The vault password given ({self.vault.own_ids}) decrypts none of the records in"
                f" {self.layout.directory}. Nothing was changed. Run with the vault password of these records. To"
                " change it, begin with ansible-vault rekey."
            )

    @cached_property
    def _is_secret_proven(self) -> bool:
        records = [self.layout.record(account_id) for account_id in self.layout.ids()]
        newest = sorted(records, key=written_at, reverse=True)[:SAMPLE]
        return not records or any(self._proves_secret(path) for path in newest)

    def _proves_secret(self, path: Path) -> bool:
        try:
            return self.vault.is_own(read_whole(path) or b"")
        except (OSError, StoreError):  # it cannot be read, or is no file of ours
            return False

    def _bound(self, record: Record) -> Record:
        place = self.layout.record(canonical_user_id(record.account.user_id))
        return bound_record(record, self.identity_url, former=self.former_urls, place=place)

    def traces(self, account_id: str) -> Traces:
        return Traces(noted_generation(self.layout.lock(account_id)), self.layout.previous(account_id).exists())

    def refuse_lost(self, account_id: str, traces: Traces) -> None:
        """Refuse to begin a record that existed before: the missing one may have the only live password."""
        if traces.generation or traces.has_copy:
            copy = f"Copy {self.layout.previous(account_id)} to its place, which holds its passwords, or restore it"
            raise RecordLost(
                f"The record {self.layout.record(account_id)} is missing, although an earlier run wrote it. Nothing was"
                f" changed. {copy if traces.has_copy else 'Restore it'} from a backup."
            )

    def leftover_of(self, account_id: str, path: Path) -> Leftover:
        """Return the record in another file of the account. A file that cannot be decoded is kept."""
        text = read_whole(path)
        if not text:
            return Leftover(path, is_empty=text is not None)
        try:
            record = decode(self.vault, text, account_id)
        except Unreadable:
            return Leftover(path, is_unreadable=True)
        written = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        return Leftover(path, record, written.isoformat(timespec="seconds"))


def written_at(path: Path) -> int:
    """Return when a file was written, in nanoseconds, or 0 if it is gone."""
    try:
        return path.lstat().st_mtime_ns
    except FileNotFoundError:
        return 0


def went_backwards(path: Path, record: Record, noted: int) -> str:
    return (
        f"The record {path} is older than the last one written (generation {record.generation}, not {noted}): the file"
        " was restored or replaced."
    )


def with_leftovers(record: Record, leftovers: Iterable[Leftover], *, first: bool) -> Record:
    """Add the passwords that the record lacks to its orphans.

    With `first`, the record is outdated: any of them is likelier to be live than those that it has. Otherwise, what the
    other versions have as proven dead is left out.
    """
    known = set(record.candidates())
    found = {
        password: Orphan(password, leftover.written_at, "found in another version of the record")
        for leftover in leftovers
        if leftover.record
        for password in (leftover.record if first else replace(leftover.record, previous=())).candidates()
        if password not in known
    }
    added = tuple(found.values())
    return replace(record, orphans=(*added, *record.orphans) if first else (*record.orphans, *added))
