# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store in HashiCorp Vault, over real sockets: against the stub, and against a real server if that is asked for.

`UIPATH_TEST_REAL_STORES=1` with `VAULT_ADDR` and `VAULT_TOKEN` runs the contract in a prefix of its own of the secrets
engine `UIPATH_TEST_VAULT_MOUNT` (the default is `secret`), which is deleted afterwards.
"""

from __future__ import annotations

import os
import ssl
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    RecordDeleted,
    Store,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault import auth
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.answers import NotSignedIn
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, spellings
from ansible_collections.rpaops.uipath.tests.stores.vault_rig import VaultRig, server_of
from ansible_collections.rpaops.uipath.tests.stores.vault_server import (
    ROOT,
    TOO_LARGE,
    UPGRADING,
    Fault,
    Mount,
    Token,
    VaultServer,
    running_vault,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    TIME,
    USER,
    StoreContract,
    put,
    record_of,
)

JSON = dict[str, Any]
PATH = f"data/uipath/{USER}"
PASSWORD, NEXT = awkward("Marmalade"), awkward("Rhubarb")
SECRETS = {
    "token": "s.Distinctive0Token",
    "password": awkward("Quince"),
    "secret_id": "Damson-5ecret",
    "jwt": "Sloe.jwt.x",
}
RECORD = record_of(password=PASSWORD)
STAGED = replace(RECORD, generation=2, pending=Pending(PASSWORD, NEXT, TIME))
LOGINS: dict[str, tuple[JSON, list[str]]] = {
    "auth/approle/login": ({"role_id": "rot", "secret_id": SECRETS["secret_id"]}, ["writer"]),
    "auth/userpass/login": ({"username": "rot", "password": SECRETS["password"]}, ["writer"]),
    "auth/jwt/login": ({"role": "rot", "jwt": SECRETS["jwt"]}, ["writer"]),
    "auth/kubernetes/login": ({"role": "rot", "jwt": SECRETS["jwt"]}, ["writer"]),
}
METHODS: dict[str, JSON] = {
    "approle": {"role_id": "rot", "secret_id": SECRETS["secret_id"]},
    "userpass": {"username": "rot", "password": SECRETS["password"]},
    "jwt": {"role_id": "rot", "jwt": SECRETS["jwt"]},
    "kubernetes": {"role_id": "rot", "jwt": SECRETS["jwt"]},
}
REAL = {name: os.environ.get(name, "") for name in ("VAULT_ADDR", "VAULT_TOKEN")}
IS_REAL = os.environ.get("UIPATH_TEST_REAL_STORES") == "1" and all(REAL.values())


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("VAULT_", "ANSIBLE_HASHI_VAULT_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with running_vault() as server:
        server.vault.logins = dict(LOGINS)
        server.vault.tokens[SECRETS["token"]] = Token(["writer"])
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


def error_of(kind: type[UiPathError], work: Callable[[], Any]) -> str:
    """The message of the error that the work raises. No secret is in it, or in anything that it stems from."""
    with pytest.raises(kind) as caught:
        work()
    shown = "".join([*traceback.format_exception(caught.type, caught.value, caught.tb), repr(caught.value)])
    assert not [form for secret in (*SECRETS.values(), PASSWORD, NEXT) for form in spellings(secret) if form in shown]
    return caught.value.message


def store_record(rig: VaultRig, record: Record = RECORD, **options: Any) -> None:
    with rig.store(**options).open(read_only=False) as opened:
        put(opened, record)


def read_record(rig: VaultRig, user_id: str = USER, **options: Any) -> Record | None:
    with rig.store(**options).open(read_only=True) as opened:
        return opened.read(user_id)


def requests_to(server: VaultServer, path: str = "secret/data/uipath") -> list[str]:
    return [request.method for request in server.vault.requests if path in request.path]


def bodies(server: VaultServer) -> list[JSON]:
    return [request.fields for request in server.vault.requests if request.method == "POST" and PATH in request.path]


class TestSignIn:
    @pytest.mark.parametrize("method", METHODS)
    def test_every_method_signs_in_for_one_run(self, rig: VaultRig, server: VaultServer, method: str) -> None:
        store = rig.store(auth_method=method, **METHODS[method])
        with store.open(read_only=False) as opened:
            put(opened, RECORD)
            assert opened.read(USER) == RECORD
            [token] = set(store.secrets()) - set(METHODS[method].values())
            assert token in server.vault.tokens
        assert token not in server.vault.tokens
        login = next(request for request in server.vault.requests if "/login" in request.path)
        assert (login.token, set(server.vault.logins)) == ("", set(LOGINS))

    def test_a_method_may_be_mounted_elsewhere(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.logins["auth/approle/teams/login"] = server.vault.logins.pop("auth/approle/login")
        assert read_record(rig, auth_method="approle", mount_point="approle/teams", **METHODS["approle"]) is None

    @pytest.mark.parametrize("method", METHODS)
    def test_a_refused_sign_in_says_why(self, rig: VaultRig, method: str) -> None:
        wrong = {name: f"wrong {value}" for name, value in METHODS[method].items()}
        message = error_of(NotSignedIn, lambda: read_record(rig, auth_method=method, **wrong))
        path = f"auth/{method}/login" + (f"/wrong%20{wrong['username'][6:]}" if method == "userpass" else "")
        assert message.startswith(f"{rig.url} refuses the sign-in at {path} (HTTP 400): ")

    def test_a_method_that_is_not_mounted(self, rig: VaultRig) -> None:
        message = error_of(
            NotSignedIn, lambda: read_record(rig, auth_method="jwt", mount_point="oidc", **METHODS["jwt"])
        )
        assert message.startswith(f"There is no sign-in at auth/oidc/login on {rig.url} (HTTP 400).")

    def test_a_pod_presents_its_service_account(
        self, rig: VaultRig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text(SECRETS["jwt"] + "\n")
        monkeypatch.setattr(auth, "SERVICE_ACCOUNT_TOKEN", str(tmp_path / "token"))
        store = rig.store(auth_method="kubernetes", role_id="rot")
        with store.open(read_only=True) as opened:
            assert opened.read(USER) is None
        assert SECRETS["jwt"] in store.secrets()

    @pytest.mark.parametrize("content", [None, b"\xff"])
    def test_a_pod_without_a_readable_token(
        self, rig: VaultRig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
    ) -> None:
        monkeypatch.setattr(auth, "SERVICE_ACCOUNT_TOKEN", str(tmp_path / "token"))
        (tmp_path / "token").write_bytes(content or b"x")
        store = rig.store(auth_method="kubernetes", role_id="rot")
        if content is None:
            (tmp_path / "token").unlink()
        with pytest.raises(StoreError, match="The pod's service account has no readable token in "):
            store.open(read_only=True).__enter__()

    def test_a_token_of_the_home_directory_is_not_used(
        self, rig: VaultRig, server: VaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / ".vault-token").write_text(ROOT)
        monkeypatch.setenv("HOME", str(tmp_path))
        read_record(rig, auth_method="approle", **METHODS["approle"])
        assert ROOT not in {request.token for request in server.vault.requests}

    def test_a_namespace_goes_with_every_request(self, rig: VaultRig, server: VaultServer) -> None:
        store_record(rig, namespace="team/a", auth_method="approle", **METHODS["approle"])
        assert {request.namespace for request in server.vault.requests} == {"team/a"}

    def test_an_expired_token_is_replaced_once_for_all_threads(self, rig: VaultRig, server: VaultServer) -> None:
        store_record(rig)
        users = [f"user-{number}" for number in range(8)]
        with rig.store(auth_method="approle", **METHODS["approle"]).open(read_only=False) as opened:
            assert opened.read(USER) == RECORD
            server.vault.expire_tokens()
            assert list(opened.read_many([USER, *users])) == [RECORD, *[None] * 8]
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda user: put(opened, record_of(user)), users))
        assert len(requests_to(server, "/login")) == 2

    def test_a_token_expires_just_before_a_write(self, rig: VaultRig, server: VaultServer) -> None:
        with rig.store(auth_method="approle", **METHODS["approle"]).open(read_only=False) as opened:
            with opened.locked(USER) as locked_record:
                locked_record.read()
                server.vault.expire_tokens()
                assert locked_record.write(RECORD)
            assert opened.read(USER) == RECORD
        assert rig.pauses == []

    @pytest.mark.parametrize("read_only", [True, False])
    def test_a_token_that_was_given_is_not_replaced(self, rig: VaultRig, server: VaultServer, read_only: bool) -> None:
        with rig.store(token=SECRETS["token"]).open(read_only=read_only) as opened:
            server.vault.expire_tokens()
            message = error_of(NotSignedIn, lambda: opened.read(USER))
        expected = f"{rig.url} does not accept store.token when asked to read secret/{PATH} (HTTP 403). It has expired"
        assert message.startswith(expected)

    def test_a_token_that_is_wrong(self, rig: VaultRig) -> None:
        message = error_of(NotSignedIn, lambda: store_record(rig, token="s.wrong"))
        assert message.startswith(f"{rig.url} does not accept store.token")

    def test_a_proxy_that_removes_the_token(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.faults.append(Fault("GET", PATH, status=400, errors=["missing client token"]))
        message = error_of(NotSignedIn, lambda: read_record(rig))
        assert message.startswith(f"{rig.url} got no token (HTTP 400).")


class TestSecretsEngine:
    def test_one_of_version_1_is_refused_before_anything_is_written(self, rig: VaultRig, server: VaultServer) -> None:
        rig.mount = "kv1"
        for work in (store_record, read_record):
            message = error_of(StoreError, lambda work=work: work(rig))  # type: ignore[misc]
            assert message == f"kv1 on {rig.url} is not a secrets engine KV version 2. Nothing was written."
        assert server.vault.mounts["kv1"].plain == {}

    def test_one_that_becomes_version_1_meanwhile_is_noticed(self, rig: VaultRig, server: VaultServer) -> None:
        with rig.store().open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            server.vault.mounts["secret"] = Mount(version=1)
            message = error_of(StoreError, lambda: locked_record.write(RECORD))
        assert message == f"secret/{PATH} on {rig.url} is not a secret of KV version 2."

    def test_one_whose_version_is_not_known_is_only_read(self, rig: VaultRig, server: VaultServer) -> None:
        store_record(rig)
        server.vault.mounts_hidden = True
        assert read_record(rig) == RECORD
        message = error_of(StoreError, lambda: store_record(rig))
        assert message.startswith(f"It is not known whether secret on {rig.url} is KV version 2 (HTTP 403 at sys/")

    def test_one_that_is_not_there(self, rig: VaultRig) -> None:
        rig.mount = "nowhere"
        assert "There is no such secrets engine" in error_of(StoreError, lambda: store_record(rig)).replace(
            "Either t", "T"
        )
        assert "no handler for route" in error_of(StoreError, lambda: read_record(rig))

    def test_one_in_a_folder(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.mounts["team/kv"] = Mount()
        rig.mount, rig.prefix = "team/kv", "robots-"
        store_record(rig)
        assert read_record(rig) == RECORD
        with rig.store().open(read_only=True) as opened:
            assert [account.user_id for account in opened.accounts()] == [USER]
        assert set(server.vault.mounts["team/kv"].secrets) == {f"robots-{USER}", "robots-.names"}


class TestWrites:
    def test_each_names_the_version_that_it_replaces(self, rig: VaultRig, server: VaultServer) -> None:
        store_record(rig)
        store_record(rig, STAGED)
        assert [body["options"] for body in bodies(server)] == [{"cas": 0}, {"cas": 1}]

    def test_consumers_read_the_current_password_also_while_another_one_is_staged(self, rig: VaultRig) -> None:
        store_record(rig)
        store_record(rig, STAGED)
        content = rig.content(USER)
        assert content.pop("rpaops_uipath")["version"] == 2
        assert content == {"Username": f"{USER}@example.com", "Password": PASSWORD}

    def test_of_two_runs_one_replaces_the_record(self, rig: VaultRig) -> None:
        with rig.store().open(read_only=False) as first, rig.store().open(read_only=False) as second:
            put(first, RECORD)
            with first.locked(USER) as of_first, second.locked(USER) as of_second:
                assert of_first.read() == of_second.read() == RECORD
                assert of_first.write(STAGED)
                assert of_second.write(replace(STAGED, pending=Pending(PASSWORD, "other", TIME))) is False
                with pytest.raises(Busy):
                    of_second.read()
            assert first.read(USER) == STAGED

    def test_of_many_first_writes_at_once_one_succeeds(self, rig: VaultRig) -> None:
        def write(number: int) -> bool:
            with rig.store().open(read_only=False) as opened, opened.locked(USER) as record, suppress(Busy):
                return record.read() is None and record.write(replace(RECORD, generation=number + 1))
            return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(write, range(8))) == 1

    def test_another_run_waits_until_the_lease_has_run_out(self, rig: VaultRig) -> None:
        store_record(rig, STAGED)
        error_of(Busy, lambda: store_record(rig, RECORD))
        later = datetime.now(timezone.utc) + timedelta(seconds=301)
        with rig.store(now=lambda: later).open(read_only=False) as opened:
            put(opened, replace(STAGED, generation=3))

    @pytest.mark.parametrize("applies", [True, False])
    @pytest.mark.parametrize("status", [0, 500, 502, 503])
    def test_one_without_a_certain_answer_is_found_out_about(
        self, rig: VaultRig, server: VaultServer, status: int, applies: bool
    ) -> None:
        fault = Fault("POST", PATH, applies=applies, drop=not status, status=status, errors=[f"lost {PASSWORD}"])
        server.vault.faults.append(fault)
        store_record(rig)
        assert read_record(rig) == RECORD
        assert rig.content(USER)["rpaops_uipath"]["version"] == 1
        assert len(bodies(server)) == (1 if applies else 2)

    def test_one_that_takes_longer_than_the_time_out(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", PATH, applies=True, seconds=0.3))
        with rig.store(timeout=0.1).open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            assert locked_record.write(RECORD)  # whichever of its requests is applied first
        assert read_record(rig) == RECORD

    def test_one_that_is_never_answered_is_not_durable(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", PATH, drop=True, times=99))
        message = error_of(NotDurable, lambda: store_record(rig))
        assert f"{rig.url} gave no answer when asked to create secret/{PATH}: " in message

    @pytest.mark.parametrize("status", [429, 412, 307])
    def test_one_that_the_server_put_off_is_repeated(self, rig: VaultRig, server: VaultServer, status: int) -> None:
        server.vault.faults.append(Fault("POST", PATH, status=status, times=2, headers={"Location": "http://other/"}))
        store_record(rig)
        assert read_record(rig) == RECORD
        assert len(bodies(server)) == 3

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Fault(status=429), "throttles requests (HTTP 429)"),
            (Fault(status=307, headers={"Location": "http://127.0.0.1:9/"}), "redirects requests (HTTP 307)"),
            (Fault(status=400, errors=[UPGRADING]), "when asked to create"),
            (Fault(status=503, errors=["error performing token check: Vault is sealed"]), "is sealed or not ready"),
        ],
    )
    def test_one_that_is_always_put_off(self, rig: VaultRig, server: VaultServer, fault: Fault, words: str) -> None:
        fault.method, fault.path, fault.times = "POST", PATH, 99
        server.vault.faults.append(fault)
        assert words in error_of(NotDurable, lambda: store_record(rig))

    @pytest.mark.parametrize(
        ("policy", "words"),
        [
            ({"secret/data/*": ["read"]}, f"lack the capability create for secret/{PATH} on "),
            ({"secret/data/*": ["create", "read"]}, f"lack the capability update for secret/{PATH} on "),
            ({"secret/data/*": ["create", "update"]}, f"lack the capability read for secret/{PATH} on "),
        ],
    )
    def test_a_policy_that_lacks_a_right(self, rig: VaultRig, server: VaultServer, policy: JSON, words: str) -> None:
        if "create" in policy["secret/data/*"]:
            store_record(rig)
        server.vault.policies["writer"] = policy
        for given in ({"token": SECRETS["token"]}, {"auth_method": "approle", **METHODS["approle"]}):
            message = error_of(StoreError, lambda given=given: store_record(rig, STAGED, **given))  # type: ignore[misc]
            assert words in message
            assert message.endswith("(HTTP 403).")

    def test_one_that_is_too_large(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", PATH, status=500, errors=[TOO_LARGE]))
        message = error_of(StoreError, lambda: store_record(rig))
        assert message == f"{rig.url} refuses the size of secret/{PATH} (HTTP 500)."

    def test_a_lost_swap_in_other_words(self, rig: VaultRig, server: VaultServer) -> None:
        with rig.store().open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            store_record(rig)
            server.vault.faults.append(Fault("POST", PATH, status=400, errors=["the version is another one"]))
            assert locked_record.write(replace(RECORD, generation=2)) is False

    def test_a_refusal_that_is_no_lost_swap_shows_the_servers_words_without_secrets(
        self, rig: VaultRig, server: VaultServer
    ) -> None:
        server.vault.faults.append(Fault("POST", PATH, status=400, errors=[f"no {PASSWORD} in\n{SECRETS['token']}"]))
        message = error_of(StoreError, lambda: store_record(rig, token=SECRETS["token"]))
        assert message == f"{rig.url} answered HTTP 400 when asked to create secret/{PATH}: no ******** in ********"

    def test_an_answer_with_another_version_than_the_next(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", PATH, applies=True, status=200, body={"data": {"version": 7}}))
        store_record(rig)
        assert read_record(rig) == RECORD

    def test_a_server_that_would_delete_what_was_written(self, rig: VaultRig, server: VaultServer) -> None:
        body = {"data": {"version": 1, "deletion_time": "2027-01-01T00:00:00Z"}}
        server.vault.faults.append(Fault("POST", PATH, applies=True, status=200, body=body))
        message = error_of(StoreError, lambda: store_record(rig))
        assert message.startswith(f"{rig.url} is going to delete secret/{PATH} by itself.")


class TestReads:
    @pytest.mark.parametrize(
        "fault",
        [
            Fault(status=429),
            Fault(status=500, errors=["x"]),
            Fault(status=502),
            Fault(drop=True),
            Fault(status=503, errors=["Vault is sealed"]),
            Fault(seconds=0.4, applies=True),
        ],
    )
    def test_one_that_fails_is_repeated(self, rig: VaultRig, server: VaultServer, fault: Fault) -> None:
        store_record(rig)
        server.vault.faults.append(replace(fault, method="GET", path=PATH))
        assert read_record(rig, timeout=0.2) == RECORD
        assert len(rig.pauses) == 1

    def test_a_sealed_server(self, rig: VaultRig, server: VaultServer) -> None:
        with rig.store().open(read_only=True) as opened:
            server.vault.sealed = True
            message = error_of(TryAgain, lambda: opened.read(USER))
            found = opened.read_many([f"user-{number}" for number in range(100)])
        assert message == f"{rig.url} is sealed or not ready (HTTP 503). Run again when it serves requests."
        assert all(isinstance(error, TryAgain) for error in found)
        assert len(requests_to(server)) < 100

    def test_a_server_that_is_not_there(self, rig: VaultRig) -> None:
        rig.url = "http://127.0.0.1:9"
        message = error_of(TryAgain, lambda: read_record(rig))
        assert message.startswith(
            "http://127.0.0.1:9 gave no answer when asked to read sys/internal/ui/mounts/secret: "
        )
        assert message.endswith("the server cannot be reached (Connection refused).")

    @pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"data": {}}}, [], "text"])
    def test_an_answer_of_another_program(self, rig: VaultRig, server: VaultServer, body: Any) -> None:
        server.vault.faults.append(Fault("GET", PATH, status=200, body=body))
        assert error_of(StoreError, lambda: read_record(rig)).endswith("is not a secret of KV version 2.")

    @pytest.mark.parametrize("body", [{}, {"errors": ["no handler for route"]}, {"warnings": ["x"], "data": None}, []])
    def test_only_the_servers_own_404_says_that_there_is_no_record(
        self, rig: VaultRig, server: VaultServer, body: Any
    ) -> None:
        server.vault.faults.append(Fault("GET", PATH, status=404, body=body))
        assert f"answered HTTP 404 when asked to read secret/{PATH}" in error_of(StoreError, lambda: read_record(rig))

    def test_a_deleted_version_is_never_begun_anew(self, rig: VaultRig) -> None:
        store_record(rig)
        rig.change("delete", USER, 1)
        expected = (
            f"Version 1 of secret/uipath/{USER} on {rig.url}, the newest one, is deleted. Restore it: vault kv undelete"
        )
        for work in (read_record, store_record):
            message = error_of(RecordDeleted, lambda work=work: work(rig))  # type: ignore[misc]
            assert message == f"{expected} -versions=1 secret/uipath/{USER}"
        with rig.store().open(read_only=True) as opened:
            assert list(opened.user_ids()) == [USER]
        rig.change("undelete", USER, 1)
        assert read_record(rig) == RECORD

    def test_a_destroyed_version_is_never_begun_anew(self, rig: VaultRig) -> None:
        store_record(rig)
        store_record(rig, replace(RECORD, generation=2))
        rig.change("destroy", USER, 2)
        message = error_of(RecordDeleted, lambda: store_record(rig))
        assert message.startswith(
            f"Version 2 of secret/uipath/{USER} on {rig.url}, the newest one, is destroyed. Restore"
        )

    def test_a_version_that_was_rolled_back_to_is_repaired_with_all_passwords(self, rig: VaultRig) -> None:
        for generation in range(1, 4):
            store_record(rig, record_of(password=f"password-{generation}", generation=generation))
        rig.change("destroy", USER, 2)
        rig.roll_back(USER, 1)
        error_of(WentBackwards, lambda: read_record(rig))
        assert "The passwords in its other versions were added" in error_of(StoreError, lambda: store_record(rig))
        found = read_record(rig)
        assert found
        assert (found.status, found.generation) == ("out_of_sync", 4)
        assert set(found.candidates()) == {"password-1", "password-3"}


class TestNames:
    NAMES = "data/uipath/.names"

    def names(self, rig: VaultRig) -> JSON:
        return dict(rig.ask("GET", self.NAMES).get("data", {}).get("data") or {})

    def listed(self, rig: VaultRig, *, read_only: bool = True) -> dict[str, str | None]:
        with rig.store().open(read_only=read_only) as opened:
            return {account.user_id: account.label for account in opened.accounts()}

    def prepare(self, rig: VaultRig, count: int = 5) -> dict[str, str | None]:
        users = [f"user-{number}" for number in range(count)]
        with rig.store().open(read_only=False) as opened:
            for user in users:
                put(opened, record_of(user, password=PASSWORD))
        return {user: f"label {user}" for user in users}

    def test_the_list_has_names_and_no_password(self, rig: VaultRig) -> None:
        expected = self.prepare(rig)
        assert self.names(rig) == {user: [label, f"{user}@example.com"] for user, label in expected.items()}

    def test_a_listing_takes_two_requests(self, rig: VaultRig, server: VaultServer) -> None:
        expected = self.prepare(rig, 20)
        server.vault.requests.clear()
        assert self.listed(rig) == expected
        assert len(requests_to(server, "secret/metadata")) == len(requests_to(server)) == 1

    @pytest.mark.parametrize("content", [{"user-0": 7, "user-1": ["x"], "user-2": [7, None]}, {}, None, "deleted"])
    def test_a_damaged_list_is_made_anew(self, rig: VaultRig, content: Any) -> None:
        expected = self.prepare(rig)
        complete = self.names(rig)
        if content == "deleted":
            rig.ask("DELETE", self.NAMES)
        else:
            rig.ask("POST", self.NAMES, {"data": content})
        assert self.listed(rig) == expected
        assert self.listed(rig, read_only=False) == expected
        assert self.names(rig) == complete

    def test_an_account_that_is_gone_leaves_the_list(self, rig: VaultRig) -> None:
        expected = self.prepare(rig, 2)
        rig.ask("DELETE", "metadata/uipath/user-0")
        del expected["user-0"]
        assert self.listed(rig, read_only=False) == expected
        assert set(self.names(rig)) == {"user-1"}

    def test_two_runs_keep_each_others_names(self, rig: VaultRig) -> None:
        with rig.store().open(read_only=False) as first:
            put(first, record_of("user-1"))
            with rig.store().open(read_only=False) as second:
                second.accounts()
                put(second, record_of("user-2"))
            first.accounts()
            store_record(rig, record_of("user-3"))
        assert set(self.names(rig)) == {"user-1", "user-2", "user-3"}

    def test_a_run_with_nothing_to_do_neither_reads_nor_writes_it(self, rig: VaultRig, server: VaultServer) -> None:
        users = list(self.prepare(rig))
        server.vault.requests.clear()
        with rig.store().open(read_only=False) as opened:
            opened.read_many(users)
        assert len(server.vault.requests) == len(users) + 1  # and the version of the secrets engine

    @pytest.mark.parametrize("status", [403, 500])
    def test_a_run_does_not_depend_on_it(self, rig: VaultRig, server: VaultServer, status: int) -> None:
        server.vault.faults.append(Fault("POST", self.NAMES, status=status, times=99))
        expected = self.prepare(rig)
        server.vault.faults.append(Fault("GET", self.NAMES, status=403, times=99))
        assert self.listed(rig, read_only=False) == expected

    def test_a_policy_without_list(self, rig: VaultRig, server: VaultServer) -> None:
        server.vault.policies["writer"] = {"secret/data/*": ["read"]}
        with rig.store(token=SECRETS["token"]).open(read_only=True) as opened:
            message = error_of(StoreError, opened.accounts)
        assert message.startswith("The policies of the token lack the capability list for secret/metadata/uipath on ")


class TestTransport:
    def test_certificates(self, server: VaultServer, rig: VaultRig, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        files = authority.issue("vault")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        rig.url = rig.url.replace("http:", "https:")
        message = error_of(NotSignedIn, lambda: read_record(rig))
        assert "the server's certificate is not trusted" in message
        assert message.endswith("set store.ca_cert to its issuer's certificate.")
        assert read_record(rig, ca_cert=str(authority.certificate)) is None
        with rig.store(validate_certs=False).open(read_only=True) as opened:
            assert opened.warnings == (
                "store.validate_certs is false: an attacker who can answer in the server's place gets the passwords.",
            )
            assert opened.read(USER) is None

    def test_http_to_another_machine_causes_a_warning(self, rig: VaultRig) -> None:
        rig.url = "http://vault.example:8200"
        assert server_of(rig.store()).warnings[0].startswith("store.url begins with http: ")

    @pytest.mark.parametrize("form", ["http://rot:{}@127.0.0.1:9", '{{"http": "http://rot:{}@127.0.0.1:9"}}'])
    def test_a_proxy_and_its_password(self, rig: VaultRig, form: str) -> None:
        store = rig.store(proxies=form.format(SECRETS["secret_id"]))
        assert SECRETS["secret_id"] in store.secrets()
        with pytest.raises(TryAgain, match="the proxy cannot be reached") as caught, store.open(read_only=True):
            pass
        assert SECRETS["secret_id"] not in caught.value.message

    def test_connections_are_kept_and_used_again(self, rig: VaultRig, server: VaultServer) -> None:
        store = rig.store()
        with store.open(read_only=True) as opened:
            opened.read_many([f"user-{number}" for number in range(64)])
            session = server_of(store).engine.connection.session
            pool = session.get_adapter(rig.url).poolmanager.connection_from_url(rig.url)
            assert pool.num_connections <= 16
