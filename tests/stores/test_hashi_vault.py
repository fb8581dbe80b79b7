# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store in HashiCorp Vault, over real sockets: against the stub, and against a real server if that is asked for.

`UIPATH_TEST_REAL_STORES=1` with `VAULT_ADDR` and `VAULT_TOKEN` runs the contract in a prefix of its own of the secrets
engine `UIPATH_TEST_VAULT_MOUNT` (the default is `secret`), which is deleted afterwards.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.tests.stores.vault_rig import VaultRig
from ansible_collections.rpaops.uipath.tests.stores.vault_server import ROOT, VaultServer, running_vault
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import StoreContract, put

JSON = dict[str, Any]
REAL = {name: os.environ.get(name, "") for name in ("VAULT_ADDR", "VAULT_TOKEN")}
IS_REAL = os.environ.get("UIPATH_TEST_REAL_STORES") == "1" and all(REAL.values())


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("VAULT_", "ANSIBLE_HASHI_VAULT_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with running_vault() as server:
        yield server


@pytest.fixture
def rig(server: VaultServer) -> VaultRig:
    return VaultRig(server.url, ROOT)


class VaultContract(StoreContract):
    has_locks = False

    @pytest.fixture
    def store(self, rig: VaultRig) -> Store:
        self.used = rig
        return rig.store()

    def interfere(self, store: Store, record: Record) -> None:
        with self.used.store().open(read_only=False) as opened:
            put(opened, record)

    def damage(self, store: Store, user_id: str) -> None:
        self.used.put(user_id, {"something": "else"})


class TestContract(VaultContract):
    pass


@pytest.mark.skipif(not IS_REAL, reason="needs UIPATH_TEST_REAL_STORES=1, VAULT_ADDR and VAULT_TOKEN")
def test_a_real_server_is_there() -> None:
    headers = {"X-Vault-Token": REAL["VAULT_TOKEN"]}
    assert requests.get(f"{REAL['VAULT_ADDR']}/v1/auth/token/lookup-self", headers=headers, timeout=20).ok


class TestContractOnARealServer(VaultContract):
    __test__ = IS_REAL

    @pytest.fixture
    def rig(self) -> Iterator[VaultRig]:
        mount = os.environ.get("UIPATH_TEST_VAULT_MOUNT", "secret")
        prefix = f"uipath-test-{uuid.uuid4().hex}/"
        rig = VaultRig(REAL["VAULT_ADDR"].rstrip("/"), REAL["VAULT_TOKEN"], mount, prefix)
        yield rig
        rig.remove_all()
