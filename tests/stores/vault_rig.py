# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores in a server of Vault, and the server's administrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.server import HashiVault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.names import secret_name
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore, utc_now
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import URL


@dataclass
class VaultRig:
    """A place in a server. `pauses` are the seconds that stores wanted to wait."""

    url: str
    token: str
    mount: str = "secret"
    prefix: str = "uipath/"
    pauses: list[float] = field(default_factory=list)

    def store(self, now: Callable[[], Any] = utc_now, **options: Any) -> NetworkStore:
        """A store as a task makes it, apart from waits."""
        place = {"url": self.url, "engine_mount_point": self.mount, "prefix": self.prefix}
        given = {
            "type": "hashi_vault",
            **place,
            **({} if "auth_method" in options else {"token": self.token}),
            **options,
        }
        store = StoreOptions(given).create(StoreContext("/plays", identity_url=URL))
        assert isinstance(store, NetworkStore)
        server_of(store).sleep = self.pauses.append
        return replace(store, sleep=self.pauses.append, now=now)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{self.url}/v1/{self.mount}/{path}", json=body, headers={"X-Vault-Token": self.token}, timeout=20
        )
        assert answer.ok or answer.status_code == 404, answer.text
        return answer.json() if answer.content else {}

    def content(self, user_id: str) -> Any:
        return self.ask("GET", f"data/{self.prefix}{secret_name(user_id)}")["data"]["data"]

    def put(self, user_id: str, content: Any) -> None:
        self.ask("POST", f"data/{self.prefix}{secret_name(user_id)}", {"data": content})

    def change(self, operation: str, user_id: str, *versions: int) -> None:
        self.ask("POST", f"{operation}/{self.prefix}{secret_name(user_id)}", {"versions": versions})

    def roll_back(self, user_id: str, version: int) -> None:
        """Do what `vault kv rollback` does."""
        old = self.ask("GET", f"data/{self.prefix}{secret_name(user_id)}?version={version}")["data"]["data"]
        self.put(user_id, old)

    def remove_all(self) -> None:
        for key in self.ask("LIST", f"metadata/{self.prefix}").get("data", {}).get("keys", []):
            self.ask("DELETE", f"metadata/{self.prefix}{key}")


def server_of(store: NetworkStore) -> HashiVault:
    assert isinstance(store.server, HashiVault)
    return store.server
