# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port: what a rotation needs of a store. The packages and files in `_stores` provide it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record


class StoreError(UiPathError):
    """The store cannot be used, or not for this account. The message says what to do, and never holds a secret."""

    status = "store_error"


class NotDurable(StoreError):
    """What was written may be gone after a power cut, or may be there: nothing else is started.

    The kernel reports such an error once, and may count the data as written afterwards. So it is not tried again.
    """

    stops_task = True


class WentBackwards(StoreError):
    """The record is older than what was written last. A run that reads it under its lock prepares it for a repair."""


class Busy(UiPathError):
    """Another run is working on this account."""

    status = "busy"


# What reading an account gives: its record, None where there never was one, or the reason why it cannot be used.
Reading = Union[Record, None, UiPathError]


@dataclass(frozen=True)
class StoredAccount:
    """An account that has a record, as a listing shows it. An `error` takes the place of names that cannot be read."""

    user_id: str
    label: str | None = None
    user_name: str | None = None
    error: StoreError | None = None


class LockedRecord(Protocol):
    """The record of one account, for as long as this run may write it."""

    def read(self) -> Record | None:
        """Return the record, or None if there never was one. StoreError and Busy mean: send nothing for this account.

        The record returned may hold more orphans than the stored one: what a killed run was about to store. They are
        durable with the next write.
        """

    def write(self, record: Record) -> bool:
        """Make the record durable by compare-and-swap. False: another process has written; nothing was replaced."""

    def preserve_conflict(self) -> Record | None:
        """Keep what another process wrote beside the record, and return the record in it if it is one.

        The next write replaces it.
        """


class OpenStore(Protocol):
    """A store between its opening and its closing. Threads may work on different accounts at the same time."""

    @property
    def warnings(self) -> Sequence[str]:
        """What an operator should know about the store before it is used."""

    def accounts(self) -> Sequence[StoredAccount]:
        """List the accounts that have a record. The listing may be minutes old: only a read proves absence."""

    def read(self, user_id: str) -> Record | None:
        """Return the record without locking and without writing anything, or raise like `LockedRecord.read`."""

    def read_many(self, user_ids: Sequence[str]) -> Sequence[Reading]:
        """Read several accounts, in order. The store chooses how many at once."""

    def locked(self, user_id: str) -> AbstractContextManager[LockedRecord]:
        """Hold the account's lock, or raise Busy. A lock ends with the process, however that ends.

        A store that has no locks relies on `LockedRecord.write` alone.
        """


class Store(Protocol):
    """A configured store."""

    @property
    def place(self) -> str:
        """What messages call the store, such as its path or URL, without a secret."""

    def secrets(self) -> Collection[str]:
        """Return the store's own secrets. They are masked wherever the connection's are."""

    def open(self, *, read_only: bool) -> AbstractContextManager[OpenStore]:
        """Check the store as a whole and, unless `read_only`, create what is missing. It closes after errors, too."""


class StoredNames:
    """The accounts of a listing, by their labels and user names."""

    def __init__(self, accounts: Iterable[StoredAccount]) -> None:
        self._accounts = {account.user_id: account for account in accounts}

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._accounts

    def find(self, name: str, *kinds: str) -> list[str]:
        """Return the user ids of the accounts with this `label` or `user_name`.

        Where there is none, an account whose names cannot be read may be the one: then its error is raised.
        """
        wanted = comparable(name)
        found = [
            account.user_id
            for account in self._accounts.values()
            if wanted and any(comparable(getattr(account, kind) or "") == wanted for kind in kinds)
        ]
        if not found:
            for account in self._accounts.values():
                if account.error:
                    raise account.error
        return sorted(found)


def find_record(store: OpenStore, name: str) -> Record | None:
    """Return the record of the account with this user id, label or user name, or None if there is none."""
    user_id = canonical_user_id(name)
    record = store.read(user_id) if is_uuid(user_id) else None  # a read costs less than a listing
    if record:
        return record
    names = StoredNames(store.accounts())
    found = [user_id] if user_id in names else names.find(name, "label", "user_name")
    if len(found) > 1:
        raise StoreError(f"'{name}' is the name of several accounts: {', '.join(found)}. Use the user id.")
    return store.read(found[0] if found else user_id)


def is_uuid(user_id: str) -> bool:
    try:
        return str(uuid.UUID(user_id)) == user_id
    except ValueError:
        return False
