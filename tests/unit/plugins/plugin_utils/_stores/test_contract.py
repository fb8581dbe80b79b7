# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of stores, run against the store in memory that the engine's tests use, and against files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import encode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import MemoryStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import URL, StoreContract

SECRETS = (("default", VaultSecret(b"the vault password")),)


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()

    def interfere(self, store: Store, record: Record) -> None:
        assert isinstance(store, MemoryStore)
        store.records[record.account.user_id] = record

    def damage(self, store: Store, user_id: str) -> None:
        assert isinstance(store, MemoryStore)
        store.damaged.add(user_id)


class TestVaultFileStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return VaultFileStore(tmp_path / "store", secrets=SECRETS, identity_url=URL, controller="here")

    def interfere(self, store: Store, record: Record) -> None:
        Layout(Path(store.place)).record(record.account.user_id).write_bytes(encode(Vault(SECRETS), record))

    def damage(self, store: Store, user_id: str) -> None:
        Layout(Path(store.place)).record(user_id).write_bytes(b"no record")
