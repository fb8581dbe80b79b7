# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port: the interface that a rotation requires of a store. The packages and files in `_stores` implement it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Record


class StoreError(UiPathError):
    """The store cannot be used, or not for this account. The message says what to do, and never contains a secret."""

    status = "store_error"


class NotDurable(StoreError):
    """The store cannot confirm that a write is durable: it may be lost, or not. The run starts nothing more."""

    stops_task = True


class WentBackwards(StoreError):
    """The record is older than the last one written. Reading it under its lock closes the account for a repair.

    `account` has the names in that record, if it is known.
    """

    def __init__(self, message: str, *, account: Account | None = None) -> None:
        super().__init__(message)
        self.account = account


class WrongSecret(StoreError):
    """No secret of the run decrypts the record. `of_all` says it of all records of a store, given their number."""

    def __init__(self, message: str, *, of_all: Callable[[int], str]) -> None:
        super().__init__(message)
        self.of_all = of_all


class RecordLost(StoreError):
    """A record that an earlier run wrote is missing, and may have the only live password. Perhaps all are."""


class RecordDeleted(RecordLost):
    """The server says that an administrator deleted this account's record. That concerns no other account."""


# Before the time, in ISO 8601, after which an account is no longer busy if that is known.
LEASE_ENDS = "Its lease ends at"


class Busy(UiPathError):
    """Another run is working on this account. `record` is the record as far as it can be read all the same."""

    status = "busy"

    def __init__(self, message: str, *, record: Record | None = None) -> None:
        super().__init__(message)
        self.record = record


# The result of reading an account: its record, None if there never was one, or the reason why it cannot be used.
Reading = Union[Record, None, UiPathError]


@dataclass(frozen=True)
class StoredAccount:
    """An account that has a record, as a listing shows it. If its names cannot be read, `error` says why."""

    user_id: str
    label: str | None = None
    user_name: str | None = None
    error: StoreError | None = None


class LockedRecord(Protocol):
    """The record of one account, while this run holds its lock."""

    def read(self) -> Record | None:
        """Return the record, or None if there never was one. StoreError and Busy mean: send nothing for this account.

        The record returned may have more orphans than the stored one: passwords that a killed run was about to store.
        The next write makes them durable.
        """

    def write(self, record: Record) -> bool:
        """Make the record durable by compare-and-swap. False: another process has written; nothing was replaced."""

    def preserve_conflict(self) -> Record | None:
        """Keep what another process wrote beside the record, and return the record in it if it is one.

        The next write replaces it. Something was sent before, so this never raises Busy.
        """


class OpenStore(Protocol):
    """An open store. Threads may work on different accounts at the same time."""

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings to display before the store is used."""

    def accounts(self) -> Sequence[StoredAccount]:
        """List the accounts that have a record, and those whose record is gone, with the error RecordLost.

        The listing may be minutes old: only a read proves what it says.
        """

    def user_ids(self) -> Sequence[str]:
        """List the ids of the accounts that have a record, without reading one. It may lag like `accounts`.

        A store that can tell also lists the accounts that had a record: reading one of these raises RecordLost.
        """

    def read(self, user_id: str) -> Record | None:
        """Return the record without locking and without writing anything, or raise like `LockedRecord.read`."""

    def read_many(self, user_ids: Sequence[str]) -> Sequence[Reading]:
        """Read several accounts, in order. The store chooses how many at once."""

    def read_cached(self, user_ids: Sequence[str]) -> Sequence[Record | None]:
        """Return what a cache says of these records, without their passwords, in order; None means: read the record.

        It is used for accounts with nothing to do and for reports, never for a password or a request.
        """

    def locked(self, user_id: str) -> AbstractContextManager[LockedRecord]:
        """Hold the account's lock, or raise Busy. The lock ends with the process, even if that is killed.

        A store that has no locks relies on `LockedRecord.write` alone. Leaving the context undoes nothing: an error
        there is ignored.
        """


def reading(store: OpenStore, user_id: str) -> Reading:
    """Read one account for `read_many`: an error is part of the result."""
    try:
        return store.read(user_id)
    except UiPathError as error:
        return error


def refuse_unreadable(errors: Sequence[UiPathError | None]) -> None:
    """Raise StoreError if no record can be read at all: the vault password, or the store, may be the wrong one.

    `errors` are those of all records of the store, None for one that can be read.
    """
    of_records = [error for error in errors if not isinstance(error, RecordLost)]
    unusable = [error for error in of_records if isinstance(error, StoreError) and not isinstance(error, WentBackwards)]
    if not unusable or len(unusable) < len(of_records):
        return
    first, count = unusable[0], len(unusable)
    if isinstance(first, WrongSecret) and all(isinstance(error, WrongSecret) for error in unusable):
        raise StoreError(first.of_all(count))
    several = f"None of the {count} records can be read. The first one: " if count > 1 else ""
    raise StoreError(f"{several}{first.message}")


class Store(Protocol):
    """A configured store."""

    @property
    def place(self) -> str:
        """The name of the store in messages, such as its path or URL, without a secret."""

    def secrets(self) -> Collection[str]:
        """Return the store's own secrets, which are masked like those of the connection."""

    def open(self, *, read_only: bool) -> AbstractContextManager[OpenStore]:
        """Check the store and, unless `read_only`, create what is missing. Leaving the context closes it.

        By then, everything is durable: a StoreError there is a warning.
        """


class StoredNames:
    """The accounts of a listing, by their labels and user names."""

    def __init__(self, accounts: Iterable[StoredAccount]) -> None:
        self._accounts = {account.user_id: account for account in accounts}
        errors = [account.error for account in self._accounts.values() if account.error]
        lost = [error for error in errors if isinstance(error, RecordLost) and not isinstance(error, RecordDeleted)]
        self._error = next(iter([*lost, *errors]), None)
        self._by_name: dict[tuple[str, str], list[str]] = {}
        for account in self._accounts.values():
            for kind, name in (("label", account.label), ("user_name", account.user_name)):
                if name:
                    self._by_name.setdefault((kind, comparable(name)), []).append(account.user_id)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._accounts

    def find(self, name: str, *kinds: Literal["label", "user_name"]) -> list[str]:
        """Return the user ids of the accounts with this `label` or `user_name`.

        If there is none, an account whose names cannot be read may be the one: then its error is raised.
        """
        found = {user_id for kind in kinds for user_id in self._by_name.get((kind, comparable(name)), ())}
        if self._error and not found:
            raise self._error
        return sorted(found)


class RecordFinder:
    """Finds records by user id, label or user name. It lists the accounts once, when a name needs that."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store

    def find(self, name: str) -> Record | None:
        """Return the record of the account, or None if there is none. An empty name finds none."""
        if not name.strip():
            return None
        user_id = canonical_user_id(name)
        record = self._store.read(user_id) if is_uuid(user_id) else None  # a read costs less than a listing
        if record:
            return record
        found = [user_id] if user_id in self._names else self._names.find(name, "label", "user_name")
        if len(found) > 1:
            raise StoreError(f"'{name}' is the name of several accounts: {', '.join(found)}. Use the user id.")
        record = self._store.read(found[0] if found else user_id)
        if record and found and not is_called(record, name):
            raise StoreError(f"The store's listing is out of date for '{name}'. Use the user id, or try again later.")
        return record

    @cached_property
    def _names(self) -> StoredNames:
        """The names in the store, or the StoreError of one in which no record can be read."""
        accounts = self._store.accounts()
        refuse_unreadable([account.error for account in accounts])
        return StoredNames(accounts)


def is_called(record: Record, name: str) -> bool:
    """Tell whether this is the account's user id, label or user name, as its record has it."""
    account = record.account
    names = {comparable(known) for known in (account.name, account.user_name) if known}
    return canonical_user_id(name) == canonical_user_id(account.user_id) or comparable(name) in names


def is_uuid(user_id: str) -> bool:
    """Tell whether this is a UUID in its canonical spelling."""
    try:
        return str(uuid.UUID(user_id)) == user_id
    except ValueError:
        return False
