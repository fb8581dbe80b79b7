# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store on a network: what all types have in common. Each type adds a server, see `port`.

There is no lock that ends with a process. Two runs may hold one account; the first write decides, and the other run's
write replaces nothing, so it sends nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import normalize_identity_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    Reading,
    StoredAccount,
    StoreError,
    reading,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import new_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import SecretsServer, TryAgain
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.record import NetworkRecord
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.retry import retried
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.secrets import Secrets
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options, StoreContext


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class NetworkStore:
    """A configured store. Without an `identity_url`, it can only be read. `connections`: reads at the same time."""

    server: SecretsServer
    consumer_keys: Mapping[str, str]
    lease_seconds: float = 300.0
    identity_url: str | None = None
    rebind_from: str | None = None
    connections: int = 16
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep

    @property
    def place(self) -> str:
        return self.server.place

    def secrets(self) -> Collection[str]:
        return self.server.secrets()

    @contextmanager
    def open(self, *, read_only: bool) -> Iterator[OpenNetworkStore]:
        may_write = not read_only and self.identity_url is not None
        secrets = Secrets(
            self.server,
            self.consumer_keys,
            self.lease_seconds,
            run=new_id(),
            now=self.now,
            sleep=self.sleep,
            identity_url=self.identity_url,
            former_urls=(normalize_identity_url(self.rebind_from),) if self.rebind_from else (),
        )
        try:
            warnings = retried(lambda: self.server.sign_in(may_write=may_write), self.sleep)
            yield OpenNetworkStore(secrets, may_write, tuple(warnings), self.connections)
        finally:
            with suppress(StoreError):  # a list of names only saves reads
                self.server.close()


def network_store(server: SecretsServer, options: Options, context: StoreContext) -> NetworkStore:
    """Return the store with the options that all network stores have."""
    return NetworkStore(
        server,
        options["consumer_keys"],
        max(options["lease_seconds"], context.shortest_lease),
        context.identity_url,
        options["rebind_from"],
        context.connections,
    )


@dataclass
class OpenNetworkStore:
    secrets: Secrets
    may_write: bool
    warnings: tuple[str, ...] = ()
    connections: int = 16
    unavailable: TryAgain | None = field(default=None, init=False)

    def accounts(self) -> Sequence[StoredAccount]:
        user_ids = self.user_ids()
        known = retried(lambda: self.secrets.server.accounts(user_ids), self.secrets.sleep)
        listed = dict(zip(user_ids, known))
        nameless = [user_id for user_id, account in listed.items() if account is None]
        listed.update(zip(nameless, map(stored_account, nameless, self.read_many(nameless))))
        return [account for account in listed.values() if account]

    def user_ids(self) -> Sequence[str]:
        return retried(self.secrets.server.user_ids, self.secrets.sleep)

    def read(self, user_id: str) -> Record | None:
        return self.secrets.read(canonical_user_id(user_id))

    def read_many(self, user_ids: Sequence[str]) -> Sequence[Reading]:
        """Read several at once. If the server does not serve one in spite of retries, the others are not tried."""
        if len(user_ids) < 2:
            return [self._reading(user_id) for user_id in user_ids]
        pool = ThreadPoolExecutor(self.connections)
        try:
            return list(pool.map(self._reading, user_ids))
        finally:
            pool.shutdown(cancel_futures=True)

    def _reading(self, user_id: str) -> Reading:
        if self.unavailable:
            return self.unavailable
        found = reading(self, user_id)
        if isinstance(found, TryAgain):
            self.unavailable = found
        return found

    def read_cached(self, user_ids: Sequence[str]) -> Sequence[Record | None]:
        return [None] * len(user_ids)

    @contextmanager
    def locked(self, user_id: str) -> Iterator[NetworkRecord]:
        if not self.may_write:
            raise WriteInCheckMode("The store is open for reading only.")
        user_id = canonical_user_id(user_id)
        if not user_id:
            raise StoreError("The user id is empty. Nothing was sent.")
        yield NetworkRecord(self.secrets, user_id)


def stored_account(user_id: str, found: Reading) -> StoredAccount | None:
    """Return the account whose record was read, or None if its secret was deleted meanwhile."""
    record = found.record if isinstance(found, Busy) else found
    if isinstance(record, Record):
        return StoredAccount(user_id, record.account.name, record.account.user_name)
    if isinstance(found, StoreError):
        return StoredAccount(user_id, error=found)
    return None
