# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    COMMITTED,
    STAGED,
    USER,
    a_record,
    a_store,
    fill,
    read,
    record_file,
    texts,
)


class TestRefusal:
    def test_a_deleted_record_is_no_new_account(self, directory: Path) -> None:
        fill(directory, STAGED)
        record_file(directory).unlink()
        before = texts(directory)
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"is missing.*Copy {Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    def test_nor_is_one_whose_lock_file_is_gone_too(self, directory: Path) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).unlink()
        Layout(directory).lock(USER).unlink()
        for _run in range(2):
            with pytest.raises(StoreError, match="is missing"):
                read(directory)

    @pytest.mark.parametrize("length", [0, 20, 100, 500, -3])
    def test_a_truncated_record_names_its_second_copy(self, directory: Path, length: int) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).write_bytes(record_file(directory).read_bytes()[:length])
        before = texts(directory)
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"cannot be decrypted.*{Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    def test_another_vault_password(self, directory: Path) -> None:
        fill(directory, STAGED)
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))])
        with pytest.raises(StoreError, match="the vault secret is not the one"), store.locked(USER) as locked_record:
            locked_record.read()

    def test_another_vault_password_begins_no_record(self, directory: Path) -> None:
        """A mistyped one would be the only one that decrypts the new record."""
        fill(directory, STAGED, a_record(1, user_id="damaged"))
        Layout(directory).record("damaged").write_bytes(b"garbage")
        assert a_store(directory, read_only=True).read("new") is None
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))], read_only=True)
        with pytest.raises(StoreError, match="do not decrypt the records"):
            store.read("new")
