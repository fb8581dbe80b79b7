# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import recorded_ids
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordFinder,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import (
    RememberingCipher,
    Vault,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    SECRETS,
    STAGED,
    USER,
    a_record,
    a_store,
    close,
    counting,
    fill,
    found_id,
)

VAULT = Vault(SECRETS)


class TestFind:
    def records(self) -> list[Record]:
        return [a_record(1, user_id=f"user-{n}", name=f"label {n}", user_name=f"Robot{n}") for n in range(3)]

    def test_by_user_id_label_and_user_name(self, directory: Path) -> None:
        store = fill(directory, *self.records(), STAGED)
        names = [USER.upper(), "user-2", "label 1", "robot0", "unknown"]
        assert [found_id(store, name) for name in names] == [USER, "user-2", "user-1", "user-0", None]

    def close_all(self, directory: Path) -> None:
        close(fill(directory, *self.records()))

    def test_decrypts_the_index_alone(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.close_all(directory)
        decrypted: list[object] = []
        monkeypatch.setattr(RememberingCipher, "decrypt", counting(RememberingCipher.decrypt, decrypted))
        assert found_id(a_store(directory), "label 2") == "user-2"
        assert len(decrypted) == 1

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"garbage",
            b"[]",
            b'{"user-1": {}}',
            b'{"user-1": 3}',
            b'{"user-1": {"name": 5, "user_name": null, "stamp": []}}',
            b"[" * 100_000,
        ],
        ids=lambda content: str(content)[:30],
    )
    def test_does_without_a_valid_index(self, directory: Path, content: bytes) -> None:
        self.close_all(directory)
        (directory / "index.vault").write_bytes(VAULT.encrypt(content))
        assert found_id(a_store(directory, read_only=True), "label 1") == "user-1"

    @pytest.mark.parametrize("content", [None, b"", b"garbage"])
    def test_does_without_an_index(self, directory: Path, content: bytes | None) -> None:
        self.close_all(directory)
        if content is None:
            (directory / "index.vault").unlink()
        else:
            (directory / "index.vault").write_bytes(content)
        assert found_id(a_store(directory, read_only=True), "label 1") == "user-1"

    def test_notices_what_changed_since_the_index_was_written(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.close_all(directory)
        renamed = a_record(2, user_id="user-1", name="label 2")
        fill(directory, renamed)  # and killed before the index was written
        Layout(directory).record("user-2").unlink()
        store = a_store(directory)
        decrypted: list[object] = []
        monkeypatch.setattr(RememberingCipher, "decrypt", counting(RememberingCipher.decrypt, decrypted))
        assert found_id(store, "label 2") == "user-1"
        assert found_id(store, "label 1") is None
        assert len(decrypted) == 2  # the index and the renamed record

    def test_by_a_name_while_a_record_has_gone_backwards(self, directory: Path) -> None:
        """Whose names are as good as ever. The account itself is stopped under its lock."""
        fill(directory, *self.records())
        old = Layout(directory).record("user-1").read_bytes()
        fill(directory, a_record(2, user_id="user-1", name="label 1"))
        Layout(directory).record("user-1").write_bytes(old)
        (directory / "index.vault").unlink(missing_ok=True)
        store = a_store(directory)
        assert [found_id(store, name) for name in ("label 2", "label 1")] == ["user-2", "user-1"]
        with pytest.raises(WentBackwards):
            store.read("user-1")

    @pytest.mark.parametrize("name", ["Ж" * 200, "x" * 5000])
    def test_a_name_may_be_too_long_for_a_file(self, directory: Path, name: str) -> None:
        assert found_id(fill(directory, a_record(1, user_id="a", name=name)), name) == "a"
        assert found_id(fill(directory, STAGED), f"{name}!") is None

    def test_refuses_a_name_of_two_accounts(self, directory: Path) -> None:
        store = fill(directory, a_record(1, user_id="a"), a_record(1, user_id="b"))
        with pytest.raises(StoreError, match="several accounts: a, b"):
            RecordFinder(store).find("svc-robot")

    def test_says_what_it_could_not_read(self, directory: Path) -> None:
        store = fill(directory, *self.records())
        Layout(directory).record("user-1").write_bytes(b"garbage")
        with pytest.raises(StoreError, match=r"user-1\.yml cannot be used"):
            found_id(store, "label 1")

    def test_two_runs_do_not_forget_each_other(self, directory: Path) -> None:
        one, two = a_store(directory), a_store(directory)
        for store, record in zip((one, two), self.records()):
            with store.locked(record.account.user_id) as locked_record:
                assert locked_record.write(record)
        close(one)
        close(two)
        assert {"user-0", "user-1"} == set(index_entries(directory))


def index_entries(directory: Path) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(VAULT.decrypt((directory / "index.vault").read_bytes()))
    return entries


class TestExchangedNames:
    """Another process exchanges the names of two accounts in the index."""

    def exchanged(self, directory: Path) -> bytes:
        """Return an index with two accounts' names exchanged, and the stamps of their files."""
        one, two = (a_record(1, user_id=f"user-{n}", name=f"label {n}", user_name=f"Robot{n}") for n in range(2))
        close(fill(directory, one, two))
        entries = index_entries(directory)
        first, second = entries["user-0"], entries["user-1"]
        first["stamp"], second["stamp"] = second["stamp"], first["stamp"]
        return json.dumps({"user-0": second, "user-1": first}).encode()

    def test_are_not_believed_without_the_vault_secret(self, directory: Path) -> None:
        exchanged = self.exchanged(directory)
        other = Vault([("default", VaultSecret(b"another"))])
        for content in (exchanged, other.encrypt(exchanged)):
            (directory / "index.vault").write_bytes(content)
            finder = RecordFinder(a_store(directory, read_only=True))
            for name in ("label 0", "Robot0"):
                found = finder.find(name)
                assert found
                assert found.account.user_id == "user-0"

    def test_never_lead_to_the_other_account(self, directory: Path) -> None:
        """Not even if the index is encrypted with the vault password: the names in a record decide."""
        (directory / "index.vault").write_bytes(VAULT.encrypt(self.exchanged(directory)))
        store = a_store(directory)
        assert found_id(store, "label 0") == "user-1"
        for name in ("label 0", "Robot0"):
            with pytest.raises(StoreError, match="listing is out of date"):
                RecordFinder(store).find(name)
        assert recorded_ids(["Robot0", "Robot1"], store) == {}
