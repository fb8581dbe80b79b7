# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.action import uipath_password_store_info as action
from ansible_collections.rpaops.uipath.plugins.action.uipath_password_store_info import ActionModule
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import collection_version, runner
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.action.conftest import SECRETS, RunAction
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    NEW,
    OLD,
    MemoryStore,
    pending_record,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., None]:
    """Puts records into the store below `tmp_path`, as a rotation of another controller does."""

    def put_all(*records: Record) -> None:
        store = VaultFileStore(tmp_path / "store", secrets=SECRETS, identity_url=BASE, controller="another")
        with store.open(read_only=False) as opened:
            for record in records:
                put(opened, record)

    return put_all


@pytest.fixture
def run(run_action: Callable[..., RunAction]) -> RunAction:
    return run_action(ActionModule, {"store": {"path": "store"}})


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


class TestRun:
    @pytest.mark.parametrize("check_mode", [False, True])
    def test_shows_a_store_of_another_controller_and_changes_nothing(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path, check_mode: bool
    ) -> None:
        keep(record_of(days=1), pending_record("u2", days=1))
        (tmp_path / "store/index.vault").unlink()
        before = content_of(tmp_path)
        result = run(check_mode=check_mode)
        assert [account["status"] for account in result["accounts"]] == ["ok", "in_doubt"]
        assert (result["changed"], result["failed"]) == (False, False)
        assert content_of(tmp_path) == before
        assert not any(secret in json.dumps(result) for secret in (OLD, NEW))

    def test_says_who_made_it_and_with_what(self, run: RunAction, keep: Callable[..., None]) -> None:
        keep(record_of(days=1))
        result = run()
        assert (result["by"], result["collection_version"]) == (runner({}), collection_version())

    def test_takes_the_list_of_a_rotation(self, run: RunAction, keep: Callable[..., None]) -> None:
        keep(record_of(days=1))
        listed = {"user_id": "u1", "name": "svc", "initial_password": "hunter2", "generation": 3, "team": ["a"]}
        result = run({"accounts": [listed]})
        assert result["accounts"][0]["listed"] is True
        assert "hunter2" not in json.dumps(result)

    @pytest.mark.parametrize(("count", "records"), [(1, "the only record"), (3, "any of the 3 records")])
    def test_a_wrong_vault_password_fails_the_task(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path, count: int, records: str
    ) -> None:
        keep(*(record_of(f"u{number}") for number in range(count)))
        result = run(secrets=(("default", VaultSecret(b"another")),))
        assert (result["failed"], result["status"]) == (True, "store_error")
        assert result["msg"].startswith(f"The vault password does not decrypt {records} in {tmp_path}/store. ")
        assert "Run with the vault password that they were encrypted with" in result["msg"]
        assert "sent" not in result["msg"]

    def test_a_record_that_cannot_be_read_is_described_without_a_request(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        keep(record_of(days=1), record_of("u2", days=1), record_of("u3", days=1))
        (tmp_path / "store/u2.yml").write_bytes(b"damaged")
        (tmp_path / "store/u3.yml").unlink()
        _readable, damaged, lost = run()["accounts"]
        assert "it is not in the format of Ansible Vault" in damaged["msg"]
        assert "is missing" in lost["msg"]
        assert "sent" not in damaged["msg"] + lost["msg"]

    def test_without_a_vault_password_the_task_fails(self, run: RunAction, keep: Callable[..., None]) -> None:
        keep(record_of())
        assert "No vault password was given" in run(secrets=())["msg"]

    def test_a_store_that_is_not_there_is_one_error(self, run: RunAction, tmp_path: Path) -> None:
        result = run()
        assert (result["status"], result["msg"]) == (
            "store_error",
            f"There is no store in {tmp_path}/store. Check the path.",
        )
        assert list(tmp_path.iterdir()) == []

    def test_a_record_that_is_gone_is_a_problem(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        keep(record_of(days=1), record_of("u2", days=1))
        (tmp_path / "store/u2.yml").unlink()
        result = run({"accounts": [{"user_id": "u1"}, {"user_name": "user-u2"}], "fail_on": ["overdue"]})
        [_present, lost] = result["accounts"]
        assert (lost["status"], lost["user_id"], result["counts"]["unreadable"]) == ("unreadable", "u2", 1)
        assert lost["msg"].startswith(f"The record {tmp_path}/store/u2.yml is missing, although an earlier run wrote")
        assert f"Copy {tmp_path}/store/.prev/u2.yml to its place" in lost["msg"]
        assert (result["failed"], result["problems"][0]) == (True, f"u2: {lost['msg']}")

    def test_that_every_record_is_gone_is_a_problem(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        keep(record_of(days=1), record_of("u2", days=1))
        for user in ("u1", "u2"):
            (tmp_path / f"store/{user}.yml").unlink()
        result = run({"fail_on": ["closed"]})
        assert [account["status"] for account in result["accounts"]] == ["unreadable"] * 2
        assert (result["failed"], len(result["problems"])) == (True, 2)

    def test_a_record_that_went_backwards_is_unreadable(
        self, run: RunAction, keep: Callable[..., None], tmp_path: Path
    ) -> None:
        keep(record_of(days=1))
        earlier = (tmp_path / "store/u1.yml").read_bytes()
        keep(record_of(days=1, generation=2))
        (tmp_path / "store/u1.yml").write_bytes(earlier)
        [account] = run()["accounts"]
        assert account["status"] == "unreadable"
        assert "is older than the last one written" in account["msg"]

    @pytest.mark.parametrize("options", [{}, {"persistent": True}])
    def test_in_an_awx_job_it_opens_the_store_as_the_lookup_does(
        self, run: RunAction, keep: Callable[..., None], options: dict[str, bool]
    ) -> None:
        keep(record_of(days=1))
        assert run({"store": {"path": "store", **options}}, {"awx_job_id": 7})["counts"]["ok"] == 1


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"store": None}, "store"),
            ({"store": {"path": ""}}, "store.path is empty"),
            ({"store": {"path": "x", "vault_password": "hunter2"}}, "store.vault_password is not supported"),
            ({"identity_url": "hunter2"}, "Unsupported parameters: identity_url"),
            ({"accounts": "hunter2"}, "accounts must be a list"),
            ({"accounts": ["hunter2"]}, "accounts[0] must be a mapping, but it is a string"),
            ({"accounts": [{"initial_password": "hunter2"}]}, "accounts[0] needs a user_id, a user_name or a name"),
            ({"accounts": [{"user_id": 83}]}, "accounts[0].user_id must be a string, but it is a number"),
            ({"max_age_days": -1}, "max_age_days must be at least 0"),
            (
                {"fail_on": ["hunter2"]},
                "fail_on[0] must be one of: overdue, closed, in_doubt, undelivered, unlisted, missing",
            ),
            ({"fail_on": ["unlisted"]}, "fail_on: unlisted needs the option accounts"),
        ],
    )
    def test_that_are_not_valid_fail_without_a_value(
        self, run: RunAction, arguments: dict[str, Any], problem: str
    ) -> None:
        result = run(arguments)
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert problem in result["msg"]
        assert "hunter2" not in str(result)


class TestOtherStores:
    """What a store may do that is not in files."""

    SECRET = "Distinctive-t0ken"

    @pytest.fixture
    def store(self, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
        store = MemoryStore.holding(record_of(days=1), record_of("u2", days=1))
        store.own_secrets = (self.SECRET,)
        monkeypatch.setattr(StoreOptions, "create", lambda _self, _context: store)
        return store

    @pytest.mark.parametrize("step", ["plan u1", "plan u8", "list"])
    def test_their_secrets_are_masked_in_what_they_quote(self, run: RunAction, store: MemoryStore, step: str) -> None:
        store.failures[step] = StoreError(f"403 for {self.SECRET}.")
        result = run({"accounts": [{"user_id": "u1"}, {"user_id": "u2"}, {"user_id": "u8"}]})
        assert f"403 for {MASK}." in json.dumps(result)
        assert self.SECRET not in json.dumps(result)

    def test_their_warnings_are_shown_without_secrets(
        self, run: RunAction, store: MemoryStore, warnings: list[str]
    ) -> None:
        store.warnings = (f"The token {self.SECRET} expires soon.",)
        run()
        assert warnings == [f"The token {MASK} expires soon."]


def test_a_defect_is_a_result_without_a_traceback(run: RunAction, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> Any:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(StoreOptions, "create", lambda _self, _context: MemoryStore())
    monkeypatch.setattr(action, "inspected", broken)
    result = run()
    assert (result["failed"], result["status"]) == (True, "defect")
    assert "hunter2" not in str(result)


def test_requests_is_not_needed() -> None:
    code = f"import sys; sys.modules['requests'] = None; import {ActionModule.__module__}"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
