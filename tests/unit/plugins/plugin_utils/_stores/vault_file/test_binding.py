# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.binding import (
    this_controller,
    write_binding,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    COMMITTED,
    STAGED,
    URL,
    USER,
    a_record,
    a_store,
    close,
    counting,
    fill,
    found_id,
    read,
    record_file,
    texts,
)

OTHER_URL = "https://other.example/identity"
TAKEOVERS: list[dict[str, Any]] = [
    {"controller": "there", "any_controller": True},
    {"identity_url": OTHER_URL, "rebind_from": URL},
]


def at(url: str) -> Record:
    return a_record(2, identity_url=url)


class TestBinding:
    def test_names_server_and_controller(self, tmp_path: Path) -> None:
        a_store(tmp_path / "store")
        assert json.loads((tmp_path / "store" / "store.json").read_bytes()) == {
            "identity_url": URL,
            "controller": "here",
            "former": [],
        }

    @pytest.mark.parametrize("read_only", [True, False])
    def test_refuses_another_server(self, tmp_path: Path, read_only: bool) -> None:
        fill(tmp_path / "store", STAGED)
        with pytest.raises(
            StoreError, match=f"belongs to {URL}, but identity_url is {OTHER_URL}.* set rebind_from to {URL}"
        ):
            a_store(tmp_path / "store", identity_url=OTHER_URL, rebind_from="https://x", read_only=read_only)

    def test_binds_nothing_while_there_is_no_record(self, tmp_path: Path) -> None:
        a_store(tmp_path / "store", identity_url=OTHER_URL)
        fill(tmp_path / "store", STAGED)
        assert json.loads((tmp_path / "store" / "store.json").read_bytes())["identity_url"] == URL

    def test_refuses_another_controller_unless_told(self, tmp_path: Path) -> None:
        fill(tmp_path / "store", STAGED)
        with pytest.raises(StoreError, match=r"another controller, here, .*\(there\).* set any_controller"):
            a_store(tmp_path / "store", controller="there")
        before = texts(tmp_path / "store")
        told = a_store(tmp_path / "store", controller="there", any_controller=True, read_only=True)
        assert told.read(USER) == STAGED
        assert texts(tmp_path / "store") == before

    def test_is_that_of_the_controller_that_was_told_to_take_it(self, tmp_path: Path) -> None:
        fill(tmp_path / "store", STAGED)
        put(a_store(tmp_path / "store", controller="there", any_controller=True), COMMITTED)
        assert a_store(tmp_path / "store", controller="there").read(USER) == COMMITTED
        with pytest.raises(StoreError, match=r"another controller, there, .*\(here\)"):
            a_store(tmp_path / "store")

    def test_follows_a_server_to_its_new_address(self, tmp_path: Path) -> None:
        fill(tmp_path / "store", STAGED)
        before = texts(tmp_path / "store")
        a_store(tmp_path / "store", identity_url=OTHER_URL, rebind_from=URL, read_only=True)
        assert texts(tmp_path / "store") == before
        put(a_store(tmp_path / "store", identity_url=OTHER_URL, rebind_from=URL), at(OTHER_URL))
        found = a_store(tmp_path / "store", identity_url=OTHER_URL).read(USER)
        assert found
        assert found.account.identity_url == OTHER_URL
        with pytest.raises(StoreError, match=f"belongs to {OTHER_URL}"):
            read(tmp_path / "store")

    @pytest.mark.parametrize("options", TAKEOVERS)
    def test_is_left_alone_by_a_run_that_writes_no_record(self, tmp_path: Path, options: dict[str, Any]) -> None:
        close(fill(tmp_path / "store", STAGED))
        before = texts(tmp_path / "store")
        store = a_store(tmp_path / "store", **options)
        assert store.read(USER)
        with store.locked(USER) as locked_record:
            assert locked_record.read()
        close(store)
        assert texts(tmp_path / "store").items() >= before.items()
        assert read(tmp_path / "store") == STAGED

    @pytest.mark.parametrize("options", TAKEOVERS)
    def test_is_left_alone_by_a_wrong_vault_password(self, tmp_path: Path, options: dict[str, Any]) -> None:
        close(fill(tmp_path / "store", STAGED))
        before = texts(tmp_path / "store")
        store = a_store(tmp_path / "store", secrets=[("default", VaultSecret(b"mistyped"))], **options)
        with store.locked(USER) as locked_record, pytest.raises(StoreError, match="Nothing was changed"):
            locked_record.read()
        close(store)
        assert texts(tmp_path / "store").items() >= before.items()

    def test_is_written_once_by_many_threads(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(tmp_path / "store", STAGED)
        calls: list[object] = []
        monkeypatch.setattr(f"{VaultFileStore.__module__}.write_binding", counting(write_binding, calls))
        store = a_store(tmp_path / "store", controller="there", any_controller=True)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: put(store, a_record(user_id=f"user-{number}")), range(8)))
        assert len(calls) == 1

    def test_that_another_run_has_changed_since_is_not_overwritten(self, tmp_path: Path) -> None:
        """Nothing is written for a server, then, to which the store no longer belongs."""
        fill(tmp_path / "store", STAGED)
        first = a_store(tmp_path / "store", controller="there", any_controller=True)
        moved = a_store(
            tmp_path / "store", identity_url=OTHER_URL, rebind_from=URL, controller="there", any_controller=True
        )
        put(moved, at(OTHER_URL))
        before = texts(tmp_path / "store")
        for _attempt in range(2):
            with pytest.raises(StoreError, match=f"belongs to {OTHER_URL}"), first.locked(USER) as locked_record:
                locked_record.write(COMMITTED)
        assert texts(tmp_path / "store") == before

    def test_of_a_server_that_has_moved_is_made_again(self, tmp_path: Path) -> None:
        fill(tmp_path / "store", STAGED)
        (tmp_path / "store" / "store.json").unlink()
        with pytest.raises(StoreError, match=f"belongs to another server, {URL}.* set rebind_from to it"):
            a_store(tmp_path / "store", identity_url=OTHER_URL).read(USER)
        (tmp_path / "store" / "store.json").unlink()
        assert a_store(tmp_path / "store", identity_url=OTHER_URL, rebind_from=f"{URL}/").read(USER)
        assert a_store(tmp_path / "store", identity_url=OTHER_URL).read(USER)

    @pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'"x"', b"[" * 100_000])
    def test_is_not_guessed(self, tmp_path: Path, content: bytes) -> None:
        fill(tmp_path / "store", STAGED)
        (tmp_path / "store" / "store.json").write_bytes(content)
        with pytest.raises(StoreError, match=r"store\.json is damaged"):
            a_store(tmp_path / "store")

    def test_binds_records_of_a_directory_that_lost_it(self, tmp_path: Path) -> None:
        fill(tmp_path / "store", STAGED)
        (tmp_path / "store" / "store.json").unlink()
        store = a_store(tmp_path / "store", identity_url=OTHER_URL)
        with pytest.raises(StoreError, match=f"{record_file(tmp_path / 'store')} belongs to another server, {URL}"):
            store.read(USER)

    def test_is_enough_for_reading(self, tmp_path: Path) -> None:
        close(fill(tmp_path / "store", STAGED))
        before = texts(tmp_path / "store")
        store = a_store(tmp_path / "store", identity_url=None, controller="anywhere")
        assert found_id(store, "svc-robot") == USER
        assert store.read(USER) == STAGED
        close(store)
        assert texts(tmp_path / "store") == before

    def test_is_missed_by_reading(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="There is no store in"):
            a_store(tmp_path / "store", identity_url=None)

    def test_controllers_have_a_lasting_name(self) -> None:
        assert this_controller() == this_controller() != ""
