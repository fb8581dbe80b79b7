# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HashiCorp Vault and OpenBao as the server of a store: one secret per account, and one with their names."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import is_loopback
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.connection import connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.names import NAME, NameList
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.secrets_engine import (
    Deleted,
    SecretsEngine,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.names import secret_name, user_id_in
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import Content, Version
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.retry import retried
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

UNVERIFIED = "store.validate_certs is false: an attacker who can answer in the server's place gets the passwords."
IN_CLEAR = "store.url begins with http: the passwords and the token are sent in clear text."


@dataclass
class HashiVault:
    """The server, as the store uses it. `names` is the list of names of one opening of the store."""

    engine: SecretsEngine
    warnings: tuple[str, ...] = ()
    sleep: Callable[[float], None] = time.sleep
    keeps_versions: bool = True
    names: NameList = field(init=False)
    may_write: bool = field(default=False, init=False)
    has_written: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._begin(may_write=False)

    @property
    def place(self) -> str:
        return f"{self.engine.mount}/{self.engine.prefix} on {self.engine.url}"

    def secrets(self) -> Collection[str]:
        return self.engine.connection.secrets

    def sign_in(self, *, may_write: bool) -> Sequence[str]:
        self._begin(may_write=may_write)
        self.engine.connection.sign_in()
        self.engine.check(may_write=may_write)
        return self.warnings

    def read(self, user_id: str) -> Version | None:
        return self.engine.read(secret_name(user_id))

    def write(
        self, account: Account, content: Content, *, replaces: Version | None, publish: bool, beside: Version | None
    ) -> Version | None:
        self.has_written = True
        name = secret_name(canonical_user_id(account.user_id))
        return self.engine.write(name, content, replaces.token if replaces else 0)

    def earlier(self, user_id: str) -> Iterator[Version]:
        name = secret_name(user_id)
        for number in retried(lambda: self.engine.older(name), self.sleep):
            version = retried(lambda number=number: self.engine.read(name, number), self.sleep)  # type: ignore[misc]
            if version:
                yield version

    def user_ids(self) -> Sequence[str]:
        return [user_id for user_id in map(user_id_in, self.engine.names()) if user_id]

    def accounts(self, user_ids: Sequence[str]) -> Sequence[StoredAccount | None]:
        return self.names.accounts(user_ids)

    def note(self, account: Account) -> None:
        self.names.note(account)

    def close(self) -> None:
        """Save the names if that costs no more than what this run has done anyway."""
        try:
            if self.may_write and (self.has_written or self.names.held is not None):
                self.names.save()
        finally:
            self.engine.connection.close()

    def _begin(self, *, may_write: bool) -> None:
        self.names = NameList(self._fetch_names, self._replace_names)
        self.may_write, self.has_written = may_write, False

    def _fetch_names(self) -> tuple[int, Mapping[str, Any]]:
        try:
            found = self.engine.read(NAME)
        except Deleted as error:
            return error.number, {}
        return (found.token, found.content or {}) if found else (0, {})

    def _replace_names(self, number: int, names: Mapping[str, Any]) -> bool:
        return self.engine.write(NAME, names, number) is not None


def hashi_vault(options: Options, connections: int) -> HashiVault:
    opened = connection(options, connections)
    warnings = [] if options["validate_certs"] else [UNVERIFIED]
    if opened.url.startswith("http:") and not is_loopback(urlsplit(opened.url).hostname or ""):
        warnings.append(IN_CLEAR)
    engine = SecretsEngine(opened, options["engine_mount_point"].strip("/"), options["prefix"])
    return HashiVault(engine, tuple(warnings))
