# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.action import uipath_password_rotation as action
from ansible_collections.rpaops.uipath.plugins.action.uipath_password_rotation import ActionModule
from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import INITIAL_REFUSED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.tests.unit.plugins.action.conftest import RunAction
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import ORGANIZATION, dto, listing, page
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    MemoryStore,
    PasswordServer,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, Transcript

ACCOUNT = {"user_id": "u1", "name": "svc", "initial_password": OLD}


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> PasswordServer:
    """A server that the action reaches whatever the connection options say."""
    server = PasswordServer({"u1": OLD, "u2": OLD})
    monkeypatch.setattr(_arguments, "Transport", lambda options, environ: server)
    return server


@pytest.fixture
def run(run_action: Callable[..., RunAction]) -> RunAction:
    usual = {"identity_url": BASE, "access_token": "t0ken", "store": {"path": "store"}, "accounts": [ACCOUNT]}
    return run_action(ActionModule, usual)


class TestRun:
    def test_rotates_and_keeps_the_password_below_the_playbook(
        self, run: RunAction, passwords: PasswordServer, tmp_path: Path
    ) -> None:
        result = run()
        assert (result["changed"], result["failed"]) == (True, False)
        assert result["accounts"][0]["status"] == "rotated"
        assert result["msg"] == "Accounts by status: 1 rotated."
        assert passwords.changes() == ["u1"]
        assert {"u1.yml", "index.vault", "store.json"} <= {path.name for path in (tmp_path / "store").iterdir()}

    def test_again_there_is_nothing_to_do(self, run: RunAction, passwords: PasswordServer) -> None:
        run()
        passwords.requests.clear()
        result = run()
        assert (result["changed"], result["accounts"][0]["status"]) == (False, "fresh")
        assert passwords.requests == []

    def test_shows_no_password(self, run: RunAction, passwords: PasswordServer) -> None:
        shown = json.dumps([run(), run(), run({"force": True}), run({"state": "delivered"})])
        assert OLD not in shown
        assert passwords.live["u1"] not in shown
        assert "t0ken" not in shown

    def test_of_a_failed_account_the_task_fails(self, run: RunAction, passwords: PasswordServer) -> None:
        passwords.live["u1"] = "something else"
        result = run()
        assert (result["failed"], result["counts"]["out_of_sync"]) == (True, 1)
        text = f"{INITIAL_REFUSED} The server says: Incorrect password."
        assert result["msg"].endswith(f"First failure, svc: {text}")

    def test_check_mode_leaves_no_trace(self, run: RunAction, passwords: PasswordServer, tmp_path: Path) -> None:
        result = run(check_mode=True)
        assert (result["changed"], result["accounts"][0]["status"]) == (True, "would_rotate")
        assert passwords.requests == []
        assert list(tmp_path.iterdir()) == []

    def test_the_store_answers_for_names(self, run: RunAction, passwords: PasswordServer) -> None:
        path = f"/api/User/users/{ORGANIZATION}"
        passwords.reads[path] = 200, page(dto("u1", id="u1"))
        by_name = {"accounts": [{"user_name": "u1@example.com", "initial_password": OLD}], "partition_id": ORGANIZATION}
        assert run(by_name)["accounts"][0]["status"] == "rotated"
        assert listing() in passwords.requests
        passwords.requests.clear()
        assert run(by_name)["accounts"][0]["status"] == "fresh"
        assert passwords.requests == []

    def test_warns_where_certificates_are_not_verified(
        self, run: RunAction, passwords: PasswordServer, warnings: list[str], tmp_path: Path
    ) -> None:
        run({"validate_certs": False, "state": "present"})
        assert [re.split("[:.] ", warning)[0] for warning in warnings] == [
            "validate_certs is false",
            f"There is no store in {tmp_path}/store yet",
        ]
        run({"state": "present"})
        assert len(warnings) == 2

    def test_warns_of_a_long_wait(self, run: RunAction, passwords: PasswordServer, warnings: list[str]) -> None:
        passwords.faults["u1"] = ["lost"]
        assert run({"settle_seconds": 0.01})["accounts"][0]["status"] == "rotated"
        assert warnings[1:] == ["Some requests got no answer. Waiting 0.01 seconds before sending them again."]

    @pytest.mark.usefixtures("passwords")
    def test_warns_of_an_empty_list(self, run: RunAction, warnings: list[str]) -> None:
        assert run({"accounts": []})["changed"] is False
        assert warnings == ["accounts is empty: there is nothing to do."]


class TestOtherStores:
    """What a store may do that is not in files."""

    SECRET = "Distinctive-t0ken"

    @pytest.fixture
    def store(self, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
        store = MemoryStore.holding(record_of())
        store.own_secrets = (self.SECRET,)
        monkeypatch.setattr(StoreOptions, "create", lambda _self, _context: store)
        return store

    @pytest.mark.parametrize("step", ["plan u1", "read"])
    def test_their_secrets_are_masked_in_what_they_quote(
        self, run: RunAction, passwords: PasswordServer, store: MemoryStore, step: str
    ) -> None:
        store.failures[step] = StoreError(f"403 for {self.SECRET}.")
        result = run()
        assert f"403 for {MASK}." in result["msg"]
        assert self.SECRET not in json.dumps(result)

    def test_their_warnings_are_shown_without_secrets(
        self, run: RunAction, passwords: PasswordServer, store: MemoryStore, warnings: list[str]
    ) -> None:
        store.warnings = (f"The token {self.SECRET} expires soon.",)
        run()
        assert warnings == [f"The token {MASK} expires soon."]

    def test_a_store_that_does_not_close_costs_no_result(
        self, run: RunAction, passwords: PasswordServer, store: MemoryStore, warnings: list[str]
    ) -> None:
        store.failures["close"] = StoreError("503.")
        result = run()
        assert [account["status"] for account in result["accounts"]] == ["rotated"]
        assert warnings == ["The store was not closed properly. 503."]


class TestSeveralHosts:
    HOSTS = {"ansible_play_batch": ["a", "b"], "ansible_play_hosts_all": ["a", "b"]}  # noqa: RUF012 - not changed
    ONE_BY_ONE = {**HOSTS, "ansible_play_batch": ["a"]}  # noqa: RUF012

    @staticmethod
    def play(serial: tuple[int, ...] = (), strategy: str = "linear") -> SimpleNamespace:
        block = SimpleNamespace(_play=SimpleNamespace(serial=serial, strategy=strategy))
        return SimpleNamespace(_parent=block)

    def test_are_refused_by_a_result_that_a_role_can_keep(self, run: RunAction) -> None:
        result = run(variables=self.HOSTS)
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert "run_once: true" in result["msg"]

    def test_are_refused_one_by_one(self, run: RunAction) -> None:
        result = run(variables=self.ONE_BY_ONE, _parent=self.play(serial=(1,)))
        assert (result["failed"], "run_once: true" in result["msg"]) == (True, True)

    @pytest.mark.parametrize("strategy", ["free", "ansible.builtin.host_pinned"])
    def test_are_refused_where_run_once_has_no_effect(self, run: RunAction, strategy: str) -> None:
        result = run(variables=self.HOSTS, run_once=True, _parent=self.play(strategy=strategy))
        assert (result["failed"], "The strategy free ignores run_once" in result["msg"]) == (True, True)

    @pytest.mark.usefixtures("passwords")
    def test_run_once(self, run: RunAction) -> None:
        assert run(variables=self.HOSTS, run_once=True, _parent=self.play())["changed"] is True

    @pytest.mark.usefixtures("passwords")
    def test_one_host_needs_nothing(self, run: RunAction) -> None:
        assert run(variables={"ansible_play_batch": ["localhost"]}, _parent=self.play())["changed"] is True

    @pytest.mark.usefixtures("passwords")
    def test_hosts_that_the_play_has_added_do_not_count(self, run: RunAction) -> None:
        added = {"ansible_play_batch": ["localhost"], "ansible_play_hosts_all": ["localhost", "added"]}
        assert run(variables=added, _parent=self.play())["changed"] is True


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"accounts": None}, "accounts"),
            ({"accounts": ["hunter2"]}, "accounts"),
            ({"accounts": [["hunter2"]]}, "accounts[0] must be a mapping, but it is a list"),
            (
                {"accounts": [{**ACCOUNT, "initial_password": ["hunter2"]}]},
                "accounts[0].initial_password must be a string",
            ),
            (
                {"accounts": [{"user_id": 83}]},
                "accounts[0].user_id must be a string, but it is a number: put it in quotes",
            ),
            ({"accounts": [{5: "hunter2"}]}, "accounts[0].the name of an option must be a string"),
            (
                {"accounts": [{**ACCOUNT, "initial_pasword": "hunter2"}]},
                "Unsupported parameters: accounts[0].initial_pasword (did you mean initial_password?)",
            ),
            ({"max_age": "hunter2"}, "Unsupported parameters: max_age"),
            (
                {"accounts": [{"user_id": "u", "initial_password": "hunter2"}], "state": "hunter2"},
                "state must be one of: rotated, present",
            ),
            ({"accounts": [{"user_id": "u", "initial_password": "hunter2"}], "force": "hunter2"}, "force"),
            ({"access_token": "hunter2", "concurrency": "hunter2"}, "concurrency"),
            ({"client_secret": "hunter2"}, "mutually exclusive: access_token|client_secret"),
            ({"store": None}, "store"),
        ],
    )
    def test_that_are_not_valid_fail_without_a_value(
        self, run: RunAction, arguments: dict[str, Any], problem: str
    ) -> None:
        result = run(arguments)
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert problem in result["msg"]
        assert "hunter2" not in str(result)

    @pytest.mark.parametrize(
        ("store", "problem"),
        [
            ({"path": "x", "vault_password": "hunter2"}, "store.vault_password is not supported by the type"),
            ({"path": "x", "type": "hunter2"}, "store.type must be one of: vault_file"),
            ({"path": "x", "persistent": "perhaps"}, "store: persistent must be true or false, but it is a string"),
            ({"path": ""}, "store.path is empty"),
        ],
    )
    def test_of_the_store_are_checked_by_its_type(self, run: RunAction, store: dict[str, str], problem: str) -> None:
        result = run({"store": store, "concurrency": 0})
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert problem in result["msg"]
        assert "concurrency must be from 1 to 64" in result["msg"]
        assert "hunter2" not in result["msg"]

    def test_that_cannot_be_used_are_named_all_at_once(self, run: RunAction, tmp_path: Path) -> None:
        result = run({"timeout": 0, "concurrency": 0, "accounts": [{"user_id": "u", "initial_password": ""}]})
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert all(name in result["msg"] for name in ("timeout", "concurrency", "accounts[0].initial_password"))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("passwords")
    def test_the_environment_fills_them_in(self, run: RunAction, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UIPATH_ACCESS_TOKEN", "t0ken")
        assert run({"access_token": None})["changed"] is True

    def test_requests_is_needed(self, run: RunAction, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(action, "REQUESTS_IMPORT_ERROR", "Traceback")
        result = run()
        assert (result["failed"], "Python library (requests)" in result["msg"]) == (True, True)


class TestDefect:
    def test_is_a_result_without_a_traceback(self, run: RunAction, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_arguments: Any, **_options: Any) -> Any:
            raise ZeroDivisionError("hunter2")

        monkeypatch.setattr(action, "rotate", broken)
        result = run()
        assert (result["failed"], result["status"], result["msg"].rpartition(" ")[2]) == (
            True,
            "defect",
            "(ZeroDivisionError)",
        )
        assert "hunter2" not in str(result)


class TestStore:
    @pytest.mark.usefixtures("passwords")
    @pytest.mark.parametrize("path", ["~nobody-of-this-name/store", "a\0b"])
    def test_a_path_that_leads_nowhere_is_refused(self, run: RunAction, path: str, tmp_path: Path) -> None:
        result = run({"store": {"path": path}})
        assert (result["status"], "store.path" in result["msg"]) == ("invalid_input", True)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("server")
    def test_without_a_vault_secret_nothing_happens(self, run: RunAction, tmp_path: Path) -> None:
        result = run(secrets=[])
        assert (result["failed"], result["status"]) == (True, "store_error")
        assert "No vault password was given" in result["msg"]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("by", ["user_id", "user_name", "a new account"])
    def test_a_vault_password_that_decrypts_no_record_is_one_error(
        self, run: RunAction, passwords: PasswordServer, tmp_path: Path, by: str
    ) -> None:
        run({"accounts": [ACCOUNT, {**ACCOUNT, "user_id": "u2", "name": "svc2"}]})
        passwords.requests.clear()
        entry = (
            {"user_id": "u1"} if by == "user_id" else {"user_name": "svc"} if by == "user_name" else {"user_id": "u3"}
        )
        result = run({"accounts": [{**entry, "initial_password": OLD}]}, secrets=(("x", VaultSecret(b"another")),))
        assert (result["status"], passwords.requests) == ("store_error", [])
        assert result["msg"].startswith(
            f"The vault password does not decrypt any of the 2 records in {tmp_path}/store."
        )

    def test_several_vault_passwords_that_decrypt_no_record_are_named(
        self, run: RunAction, passwords: PasswordServer
    ) -> None:
        run()
        given = (("x", VaultSecret(b"another")), ("y", VaultSecret(b"a third")))
        result = run({"store": {"path": "store", "vault_id": "x"}}, secrets=given)
        assert result["msg"].startswith("The vault passwords (x, y) do not decrypt the only record in ")

    @pytest.mark.usefixtures("passwords")
    def test_an_absolute_path(self, run: RunAction, tmp_path: Path) -> None:
        run({"store": {"path": str(tmp_path / "elsewhere")}})
        assert (tmp_path / "elsewhere" / "u1.yml").exists()

    @pytest.mark.usefixtures("passwords")
    def test_of_another_server_is_refused_unless_told(self, run: RunAction) -> None:
        run()
        moved = {"identity_url": "https://moved.test/identity"}
        result = run(moved)
        assert (result["status"], BASE in result["msg"]) == ("store_error", True)
        told = {**moved, "store": {"path": "store", "rebind_from": BASE}}
        for _run in range(2):  # nothing is due, so the store still belongs to the former URL
            assert run(told)["accounts"][0]["status"] == "fresh"
        assert run()["accounts"][0]["status"] == "fresh"

    def test_in_an_awx_job_it_has_to_be_persistent(self, run: RunAction, passwords: PasswordServer) -> None:
        job = {"awx_job_id": 7}
        result = run(variables=job)
        assert (result["status"], passwords.requests) == ("store_error", [])
        assert run({"store": {"path": "store", "persistent": True}}, job)["changed"] is True


class TestNames:
    def test_of_one_user_in_two_lists_replace_each_other(self, run: RunAction, passwords: PasswordServer) -> None:
        """A record has one user name: the e-mail address or the user name, as the last list had it."""
        user = dto("u1", id="u1", userName="svc", email="svc@example.com")
        passwords.reads[f"/api/User/users/{ORGANIZATION}"] = 200, page(user)

        def status(name: str) -> str:
            entry = {"user_name": name, "name": "label", "initial_password": OLD}
            return str(run({"accounts": [entry], "partition_id": ORGANIZATION})["accounts"][0]["status"])

        names = ["svc", "svc", "svc@example.com", "svc@example.com", "svc"]
        assert [status(name) for name in names] == ["rotated", "fresh", "renamed", "fresh", "renamed"]

    def test_that_cannot_be_looked_up_fail_the_task(
        self, run: RunAction, server: Transcript, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_arguments, "Transport", lambda options, environ: server)
        server.expects(listing()).answers(403, {})
        result = run({"accounts": [{"user_name": "ann"}], "partition_id": ORGANIZATION})
        assert (result["failed"], result["status"], result["http_status"]) == (True, "unauthorized", 403)
