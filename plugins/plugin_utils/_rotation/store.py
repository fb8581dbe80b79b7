# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rotation asks of a store. Another store is another file beside this one that answers to the same."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record


class StoreError(UiPathError):
    """The store cannot be used, or not for this account. The message says what to do, and never holds a secret."""

    status = "store_error"


class NotDurable(StoreError):
    """What was written may be gone after a power cut, or may be there: nothing else is to be started.

    The kernel reports such an error once, and may count the data as written afterwards. So it is not tried again.
    """

    stops_task = True


class WentBackwards(StoreError):
    """The record is older than what was written last. Whoever reads it under its lock gets it mended for a person."""


class Busy(UiPathError):
    """Another run is working on this account."""

    status = "busy"


class LockedRecord(Protocol):
    """The place of one account, for as long as its lock is held."""

    def read(self) -> Record | None:
        """Return the record, or None if there never was one. A StoreError means: send nothing for this account.

        The record returned may hold more orphans than the stored one: what a killed run was about to store. They are
        durable with the next write.
        """

    def write(self, record: Record) -> bool:
        """Make the record durable. False: somebody else has written since it was read; nothing was replaced."""

    def preserve_conflict(self) -> Record | None:
        """Keep what somebody else wrote under another name, and return the record in it if it is one.

        The next write replaces it.
        """


class Store(Protocol):
    is_new: bool  # known once the store is open

    def open(self, *, check_mode: bool) -> None:
        """Check the store as a whole, and create what is missing. Nothing is created or written in check mode."""

    def close(self) -> None:
        """Write what only serves speed. A run that is killed before does not miss it."""

    def holds(self, account_id: str) -> bool:
        """Tell whether the account has a record."""

    def find(self, kind: str, name: str) -> list[str]:
        """Return the user ids of the accounts whose record has this `name`, which is a label, or `user_name`."""

    def read(self, account_id: str) -> Record | None:
        """Return the record without taking the lock and without writing anything, for planning and check mode."""

    def account(self, account_id: str) -> AbstractContextManager[LockedRecord]:
        """Take the account's lock, or raise Busy. The lock ends with the process, however that ends."""


def one_account(store: Store, name: str) -> str | None:
    """Return the user id of the account with this user id, label or user name, or None if there is no record."""
    account_id = canonical_user_id(name)
    if store.holds(account_id):
        return account_id
    found = sorted({*store.find("name", name), *store.find("user_name", name)})
    if len(found) > 1:
        raise StoreError(f"'{name}' is the name of several accounts: {', '.join(found)}. Use the user id.")
    return found[0] if found else None
