# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a network store's accounts as records: decoding them, and refusing those that must not be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    LEASE_ENDS,
    Busy,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import InvalidRecord, bound_record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import Entry, entry_in
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import SecretsServer, Version
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.retry import retried


@dataclass(frozen=True)
class Secrets:
    """The secrets of a store's accounts, with what all accounts share. `run` names this run in leases."""

    server: SecretsServer
    consumer_keys: Mapping[str, str]
    lease_seconds: float
    run: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    identity_url: str | None = None
    former_urls: tuple[str, ...] = ()

    def newest(self, user_id: str) -> Version | None:
        return retried(lambda: self.server.read(user_id), self.sleep)

    def entry(self, user_id: str, version: Version) -> Entry:
        """Return the entry in a version, bound to the server's present URL, or raise StoreError."""
        place = f"of {user_id} in {self.server.place}"
        try:
            entry = entry_in(version, user_id)
        except InvalidRecord as error:
            raise StoreError(
                f"The record {place} cannot be used: {error}. Nothing was changed. Fix that, or restore it."
            ) from None
        record = entry.record
        if self.identity_url:
            record = bound_record(record, self.identity_url, former=self.former_urls, place=place)
        self.server.note(record.account)
        return replace(entry, record=record)

    def refuse_leased(self, entry: Entry) -> None:
        lease = entry.lease
        if lease and lease.run != self.run and lease.holds(self.now()):
            message = f"{LEASE_ENDS} {lease.until}. Nothing was sent; run again later."
            raise Busy(message, record=entry.record)

    def read(self, user_id: str) -> Record | None:
        """Return the record without writing anything, or raise like `LockedRecord.read`."""
        version = self.newest(user_id)
        if version is None:
            return None
        entry = self.entry(user_id, version)
        if is_outdated(entry, version):
            raise WentBackwards(self.went_backwards(user_id, entry), account=entry.record.account)
        self.refuse_leased(entry)
        return entry.record

    def went_backwards(self, user_id: str, entry: Entry) -> str:
        return (
            f"The record of {user_id} in {self.server.place} is version {entry.number}, not the newest one: an older"
            " version was written again."
        )


def is_outdated(entry: Entry, version: Version) -> bool:
    return version.number is not None and entry.number != version.number
