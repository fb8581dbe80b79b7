# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.module_utils.common.yaml import yaml_load
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.doc_fragments.store import ModuleDocFragment
from ansible_collections.rpaops.uipath.plugins.lookup.uipath_password import DOCUMENTATION, LookupModule
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Move, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import MESSAGES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import AccountStatus
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, RecordFinder, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    NEW,
    OLD,
    MemoryStore,
    pending_record,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE

SECRETS = (("default", VaultSecret(b"the vault password")),)
Look = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", os.fstat)


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., None]:
    """Put records into a store."""

    def keep_records(*records: Record) -> None:
        store = VaultFileStore(tmp_path / "store", secrets=SECRETS, identity_url=BASE, controller="another")
        with store.open(read_only=False) as opened:
            for record in records:
                with opened.locked(record.account.user_id) as locked_record:
                    locked_record.read()
                    assert locked_record.write(record)

    return keep_records


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Look up terms as a playbook in `tmp_path` does."""
    name = "rpaops.uipath.uipath_password"
    options = {**yaml_load(ModuleDocFragment.DOCUMENTATION)["options"], **yaml_load(DOCUMENTATION)["options"]}
    constants.config.initialize_plugin_configuration_definitions("lookup", name, options)

    def look_up(
        *terms: str, secrets: Any = SECRETS, store: Any = None, variables: Any = None, **options: Any
    ) -> list[str]:
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        loader.set_vault_secrets(secrets)
        plugin = LookupModule(loader=loader, templar=None)
        plugin._load_name = name
        return plugin.run(list(terms), variables or {}, store=store or {"path": "store"}, **options)

    return look_up


class TestRun:
    @pytest.mark.parametrize("term", ["u1", "label-u1", "u1@example.com", "U1@Example.com"])
    def test_finds_an_account_by_any_of_its_names(self, look: Look, keep: Callable[..., None], term: str) -> None:
        keep(record_of("u1"), record_of("u2", NEW))
        assert look(term) == [OLD]

    def test_returns_one_password_for_each_term(self, look: Look, keep: Callable[..., None]) -> None:
        keep(record_of("u1"), record_of("u2", NEW))
        assert look("u2", "u1", "u2") == [NEW, OLD, NEW]

    def test_takes_an_absolute_path(self, look: Look, keep: Callable[..., None], tmp_path: Path) -> None:
        keep(record_of())
        assert look("u1", store={"path": str(tmp_path / "store")}) == [OLD]

    def test_reads_on_any_controller_and_writes_nothing(
        self, look: Look, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        keep(record_of())
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        look("u1")
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

    def test_reads_from_a_volume_of_a_pod_in_an_awx_job(
        self, look: Look, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        """Kubernetes makes a volume writable by the group of the pod."""
        keep(record_of())
        with tempfile.TemporaryDirectory(dir="/tmp") as volume:  # which other users can reach, unlike those of pytest
            shutil.copytree(tmp_path / "store", f"{volume}/store")
            if not os.getegid():
                os.chown(volume, -1, 1234)
            Path(volume).chmod(0o2775)
            store = {"path": f"{volume}/store", "persistent": True}
            assert look("u1", store=store, variables={"awx_job_id": 7}) == [OLD]
            with pytest.raises(AnsibleLookupError, match="can be written to by other users"):
                look("u1", store=store)

    @pytest.mark.parametrize("term", ["", " "])
    def test_fails_for_an_empty_term(self, look: Look, keep: Callable[..., None], term: str) -> None:
        keep(record_of())
        with pytest.raises(AnsibleLookupError, match=r"^A term is empty\. Give the user id"):
            look("u1", term)

    @pytest.mark.parametrize("term", ["nobody", "../store"])
    def test_fails_where_there_is_no_such_account(self, look: Look, keep: Callable[..., None], term: str) -> None:
        keep(record_of())
        with pytest.raises(AnsibleLookupError, match="The store has no account with the user id, label or user name"):
            look(term)

    def test_fails_where_there_is_no_store(self, look: Look) -> None:
        with pytest.raises(AnsibleLookupError, match=r"There is no store in .* Check the path"):
            look("u1")

    def test_fails_without_a_vault_secret(self, look: Look, keep: Callable[..., None]) -> None:
        keep(record_of())
        with pytest.raises(AnsibleLookupError, match="No vault password was given"):
            look("u1", secrets=[])

    def test_fails_with_the_wrong_one(self, look: Look, keep: Callable[..., None]) -> None:
        keep(record_of())
        with pytest.raises(AnsibleLookupError, match="The vault password does not decrypt the only record in "):
            look("u1", secrets=[("default", VaultSecret(b"wrong"))])

    def test_tries_every_secret_and_needs_no_choice(self, look: Look, keep: Callable[..., None]) -> None:
        keep(record_of("u1"))
        assert look("u1", secrets=[("other", VaultSecret(b"another one")), *SECRETS]) == [OLD]

    @pytest.mark.parametrize(
        ("store", "problem"),
        [
            ({"type": "vault_file"}, "missing required arguments: path"),
            ({"path": "store", "type": "cloud"}, "type must be one of: vault_file"),
            ({"path": "store", "pasword": "hunter2"}, "pasword"),
        ],
    )
    def test_fails_where_the_store_is_not_described(self, look: Look, store: dict[str, str], problem: str) -> None:
        with pytest.raises(AnsibleLookupError, match=f"^store.*{problem}") as caught:
            look("u1", store=store)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("record", "status"),
        [
            (pending_record(), "in_doubt"),
            (record_of(status="out_of_sync"), "out_of_sync"),
            (record_of(status="quarantined"), "quarantined"),
        ],
    )
    def test_a_doubtful_password_only_where_that_is_allowed(
        self, look: Look, keep: Callable[..., None], record: Record, status: AccountStatus
    ) -> None:
        keep(record)
        with pytest.raises(AnsibleLookupError) as caught:
            look("u1")
        assert str(caught.value).startswith(f"u1: {status}. {MESSAGES[status]} Set allow_in_doubt=true")
        assert not any(password in str(caught.value) for password in record.candidates())
        assert look("u1", allow_in_doubt=True) == [OLD]

    @pytest.mark.parametrize(
        ("is_copy", "message"),
        [
            (False, "The account was moved to another-store."),
            (True, "The move of the account from another-store is not"),
        ],
    )
    def test_names_the_store_that_an_account_was_moved_to_or_from(
        self, look: Look, keep: Callable[..., None], is_copy: bool, message: str
    ) -> None:
        keep(record_of(status="moved", move=Move("1", "another-store", is_copy, 1, "ok")))
        with pytest.raises(AnsibleLookupError, match=message):
            look("u1")
        assert look("u1", allow_in_doubt=True) == [OLD]

    @pytest.mark.parametrize(("record", "allowed"), [(record_of(), True), (record_of(), False), (None, True)])
    def test_that_of_an_account_another_run_works_on_only_where_it_is_allowed(
        self, look: Look, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch, record: Record, allowed: bool
    ) -> None:
        def fail(_finder: RecordFinder, name: str) -> Record | None:
            raise Busy("Its lease ends at noon.", record=record)

        keep(record_of())
        monkeypatch.setattr(RecordFinder, "find", fail)
        if record and allowed:
            assert look("u1", allow_in_doubt=True) == [OLD]
        else:
            with pytest.raises(
                AnsibleLookupError, match=r"u1: Another run is working .* Its lease ends at noon\. Look"
            ):
                look("u1", allow_in_doubt=allowed)

    def test_an_unexpected_error_is_named_without_its_text(
        self, look: Look, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_finder: RecordFinder, name: str) -> Record | None:
            raise ValueError(f"Distinctive {name}")

        monkeypatch.setattr(RecordFinder, "find", fail)
        keep(record_of())
        with pytest.raises(AnsibleLookupError, match="ValueError") as caught:
            look("u1")
        assert "Distinctive" not in str(caught.value)

    def test_a_store_that_does_not_close_costs_no_password(self, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
        store = MemoryStore.holding(record_of())
        store.failures["close"] = StoreError("503.")
        monkeypatch.setattr(StoreOptions, "create", lambda _self, _context: store)
        assert look("u1") == [OLD]
