# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stub of Vault against the answers of a genuine one, and the faults that it makes."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.rpaops.uipath.tests.stores.transcripts import (
    TRANSCRIPTS,
    expanded,
    needs_transcripts,
    recorded,
)
from ansible_collections.rpaops.uipath.tests.stores.vault_server import (
    ROOT,
    Fault,
    Mount,
    Token,
    Vault,
    VaultServer,
    running_vault,
)

JSON = dict[str, Any]
# Records that are not compared: patterns of their names.
LEFT_OUT = {
    "^(health|seal status|is_authenticated)|^sys/mounts with|under /v1/sys": "no store asks for it",
    "not initialised$": "the stub begins initialised",
    r"^(un)?seal$|^enable kv|\(tune\)|^after the upgrade": "tests set the state",
    "renew-self|revoke-self": "no store renews a token: it signs in again",
    "login: (not configured|expired|wrong audience|no JWT|the Kubernetes API)": "the stub knows one JWT",
}
# Fields whose values differ from server to server: their types are compared.
VOLATILE = re.compile(
    r"_time$|^(request_id|uuid|accessor|client_token|entity_id|creation_time|ttl|expire_time|issue_time)$"
)
TOKENS = {
    "s.READER": Token(["reader"]),
    "s.WRITER": Token(["writer"]),
    "s.CREATOR": Token(["creator"]),
    "s.NOBODY": Token([]),
    "s.USED": Token(["reader"], uses=1),
    "s.EXPIRED": Token(["writer"], expired=True),
}
LOGINS: dict[str, tuple[JSON, list[str]]] = {
    "auth/approle/login": ({"role_id": "ROLE-ID", "secret_id": "SECRET-ID"}, ["writer"]),
    "auth/userpass/login": ({"username": "rot", "password": "right"}, ["writer"]),
    "auth/jwt/login": ({"role": "rot", "jwt": "JWT_RIGHT"}, ["writer"]),
    "auth/kubernetes/login": ({"role": "rot", "jwt": "K8S_JWT"}, ["writer"]),
}


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with running_vault(Vault(logins=dict(LOGINS))) as server:
        server.vault.tokens.update({name: Token(**vars(token)) for name, token in TOKENS.items()})
        yield server


def exchange(
    server: VaultServer, method: str, path: str, body: Any = None, token: str | None = ROOT, connection: Any = None
) -> tuple[int, bytes]:
    used = connection or http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    headers = {"X-Vault-Token": token} if token else {}
    text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body, ensure_ascii=False).encode()
    used.request(method, path, body=text, headers=headers)
    answer = used.getresponse()
    content = answer.read()
    if not connection:
        used.close()
    return answer.status, content


def ask(server: VaultServer, method: str, path: str, body: Any = None, token: str | None = ROOT) -> tuple[int, Any]:
    status, content = exchange(server, method, f"/v1/{path}", body, token)
    return status, json.loads(content) if content else None


def write(server: VaultServer, path: str, content: JSON, **options: int) -> tuple[int, Any]:
    return ask(server, "POST", f"secret/data/{path}", {"options": options, "data": content})


def shape(body: Any, key: str = "") -> Any:
    """A body in which volatile values are replaced by their types: of a time, whether there is one."""
    if isinstance(body, dict):
        return {name: shape(value, name) for name, value in body.items()}
    if VOLATILE.search(key):
        return (type(body).__name__, bool(body)) if key.endswith("_time") else type(body).__name__
    return body


def is_left_out(name: str) -> bool:
    return any(re.search(pattern, name) for pattern in LEFT_OUT)


def before(name: str, server: VaultServer) -> None:
    """What happened between the recorded exchanges."""
    vault = server.vault
    vault.sealed = "sealed" in name
    vault.mounts["up"].upgrading = "is being upgraded" in name
    if name == "list":
        write(server, "uipath/sub/x", {"n": 1})
    elif name.startswith("metadata read after 13 versions"):
        for number in range(13):
            write(server, "many", {"n": number + 1})
    elif "1.1 MiB, storage takes no value over" in name:
        vault.max_value_size = 1024 * 1024
    elif "rate limit quota exceeded" in name:
        path = "secret/data/big"
        vault.faults.append(Fault(status=429, errors=[f'request path "{path}": rate limit quota exceeded']))


@needs_transcripts
class TestTranscript:
    @pytest.mark.parametrize("number", [0, 2])
    def test_it_answers_as_the_genuine_server(
        self, server: VaultServer, report: Callable[[str], None], number: int
    ) -> None:
        server.vault.mounts["up"] = Mount()
        records = recorded("vault_kv2.json")["servers"][number]["records"]
        compared, omitted, differences = 0, [], []
        for record in records:
            if is_left_out(record["name"]):
                omitted.append(record["name"])
                continue
            before(record["name"], server)
            compared += 1
            if difference := self.difference(server, record["request"], record["response"]):
                differences.append(f"{record['name']}: {difference}")
        report(f"{compared} recorded exchanges compared, {len(omitted)} left out")
        assert not differences, "\n".join(differences)
        assert compared > len(omitted)

    def difference(self, server: VaultServer, request: JSON, response: JSON) -> str | None:
        body = expanded(json.dumps(request["body"])) if request.get("body") is not None else request.get("body_text")
        status, content = exchange(
            server, request["method"], request["path"], body, request["headers"].get("X-Vault-Token")
        )
        found = json.loads(content) if content else None
        expected = response.get("body")
        if (status, shape(found)) != (response["status"], shape(expected)):
            return f"{status} {shape(found)}\n  instead of {response['status']} {shape(expected)}"
        ends = not content or content.endswith(b"\n")
        return None if ends == (status != 404 or "errors" in (found or {})) else "a newline too many, or one too few"

    def test_every_reason_applies_to_a_record(self) -> None:
        names = [record["name"] for server in recorded("vault_kv2.json")["servers"] for record in server["records"]]
        assert not [pattern for pattern in LEFT_OUT if not any(re.search(pattern, name) for name in names)]


class TestKeyValue:
    def test_a_write_replaces_only_the_version_that_it_names(self, server: VaultServer) -> None:
        assert [write(server, "a", {"n": cas}, cas=cas)[0] for cas in (1, 0, 0, 1, 1)] == [400, 200, 400, 200, 400]

    def test_of_writes_at_once_one_succeeds(self, server: VaultServer) -> None:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(write(server, "a", {}, cas=0)[0])) for _number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, *[400] * 7]

    def test_a_mount_of_version_1_ignores_check_and_set(self, server: VaultServer) -> None:
        body = {"options": {"cas": 0}, "data": {"n": 1}}
        assert [ask(server, "POST", "kv1/data/a", body) for _time in range(2)] == [(204, None)] * 2
        assert ask(server, "GET", "kv1/data/a")[1]["data"] == body

    def test_mounts_can_have_slashes(self, server: VaultServer) -> None:
        server.vault.mounts["team/kv"] = Mount()
        assert ask(server, "POST", "team/kv/data/a/b", {"options": {"cas": 0}, "data": {}})[0] == 200
        assert ask(server, "LIST", "team/kv/metadata/a")[1]["data"] == {"keys": ["b"]}
        assert ask(server, "GET", "sys/internal/ui/mounts/team/kv")[1]["data"]["options"] == {"version": "2"}


class TestTokens:
    @pytest.mark.parametrize(
        ("path", "fields"),
        [
            ("auth/approle/login", {"role_id": "ROLE-ID", "secret_id": "SECRET-ID"}),
            ("auth/userpass/login/rot", {"password": "right"}),
            ("auth/jwt/login", {"role": "rot", "jwt": "JWT_RIGHT"}),
            ("auth/kubernetes/login", {"role": "rot", "jwt": "K8S_JWT"}),
        ],
    )
    def test_a_sign_in_gives_a_token_until_it_expires(self, server: VaultServer, path: str, fields: JSON) -> None:
        token = ask(server, "POST", path, fields, token=None)[1]["auth"]["client_token"]
        assert ask(server, "GET", "secret/data/a", token=token)[0] == 404
        server.vault.expire_tokens()
        assert ask(server, "GET", "secret/data/a", token=token)[0] == 403
        assert ask(server, "GET", "secret/data/a")[0] == 404

    def test_the_longest_path_of_a_policy_decides(self, server: VaultServer) -> None:
        server.vault.policies["reader"]["secret/data/a*"] = []
        try:
            assert ask(server, "GET", "secret/data/abc", token="s.READER")[0] == 403
            assert ask(server, "GET", "secret/data/b", token="s.READER")[0] == 404
        finally:
            del server.vault.policies["reader"]["secret/data/a*"]


class TestFaults:
    def test_a_write_is_applied_and_not_answered(self, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", "data/a", skip=1, applies=True, drop=True))
        assert write(server, "a", {"n": 1}, cas=0)[0] == 200
        with pytest.raises(http.client.RemoteDisconnected):
            write(server, "a", {"n": 2}, cas=1)
        assert ask(server, "GET", "secret/data/a")[1]["data"]["data"] == {"n": 2}

    def test_a_write_is_neither_applied_nor_answered(self, server: VaultServer) -> None:
        server.vault.faults.append(Fault("POST", drop=True))
        with pytest.raises(http.client.RemoteDisconnected):
            write(server, "a", {"n": 1}, cas=0)
        assert ask(server, "GET", "secret/data/a")[0] == 404

    @pytest.mark.parametrize("applies", [True, False])
    def test_an_error_before_or_after_a_write(self, server: VaultServer, applies: bool) -> None:
        server.vault.faults.append(Fault("POST", applies=applies, status=500, errors=["storage"]))
        assert write(server, "a", {"n": 1}, cas=0) == (500, {"errors": ["storage"]})
        assert ask(server, "GET", "secret/data/a")[0] == (200 if applies else 404)

    def test_some_requests_are_throttled(self, server: VaultServer) -> None:
        server.vault.faults.append(Fault(status=429, times=2))
        assert [ask(server, "GET", "secret/data/a")[0] for _time in range(3)] == [429, 429, 404]

    def test_a_late_answer(self, server: VaultServer) -> None:
        server.vault.faults.append(Fault(seconds=0.05))
        started = time.monotonic()
        assert ask(server, "GET", "secret/data/a")[0] == 404
        assert time.monotonic() - started >= 0.05


class TestProgram:
    def test_it_prints_its_url_and_takes_faults_and_state(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("vault_server.py")), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                address = urlsplit(process.stdout.readline().strip()).netloc
                connection = http.client.HTTPConnection(address, timeout=20)
                self.drive(connection)
            finally:
                process.kill()

    def drive(self, connection: http.client.HTTPConnection) -> None:
        def ask(method: str, path: str, body: Any = None, token: str = ROOT) -> tuple[int, Any]:
            connection.request(
                method, path, body=None if body is None else json.dumps(body), headers={"X-Vault-Token": token}
            )
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None

        policy = {"secret/data/*": ["read"]}
        state = {"tokens": {"s.NEW": {"policies": ["few"]}}, "policies": {"few": policy}}
        assert ask("POST", "/control/state", state)[0] == 204
        assert ask("GET", "/v1/secret/data/a", token="s.NEW")[0] == 404
        assert ask("POST", "/v1/secret/data/a", {"data": {}}, "s.NEW")[0] == 403
        assert ask("POST", "/control/faults", {"path": "data/a", "status": 429})[0] == 204
        assert [ask("GET", "/v1/secret/data/a")[0] for _time in range(2)] == [429, 404]
        assert ask("POST", "/control/expire", {})[0] == 204
        assert ask("GET", "/v1/secret/data/a", token="s.NEW")[0] == 403
        assert ask("POST", "/control/state", {"sealed": True})[0] == 204
        assert ask("GET", "/v1/secret/data/a")[0] == 503
        assert ask("GET", "/control/requests")[1][0] == ["GET", "secret/data/a", ""]


def test_the_recordings_are_looked_for_beside_the_checkout() -> None:
    assert TRANSCRIPTS.parent.name == "shared"
