# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator over real sockets: the answers that the collection relies on, and every kind of fault."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.simulator import server_module

SERVER = Path(__file__).parents[1] / "integration/targets/setup_simulator/files/identity_server.py"
PARTITION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"
USER = "11111111-1111-4111-8111-111111111111"
NOBODY = "99999999-9999-4999-8999-999999999999"
OLD, NEW = "initial-1", "changed-1"
FORM = "application/x-www-form-urlencoded"
BASES = {
    "standalone": "/identity",
    "host": "/identity_",
    "organization": "/acme/identity_",
    "tenant": "/acme/DefaultTenant/identity_",
}


identity_server = server_module("identity_server")


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.json["errors"]]

    @property
    def is_html(self) -> bool:
        return self.headers["Content-Type"].startswith("text/html")


class Client:
    """Talks to one simulator; base is one of its URL forms."""

    def __init__(self, port: int, base: str = "/identity") -> None:
        self.port = port
        self.base = base
        self.token = ""

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, seconds: float = 5
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())

    def control(self, method: str, path: str, document: Any = None) -> Any:
        body = b"" if document is None else json.dumps(document).encode()
        reply = self.send(method, f"/simulator/{path}", body)
        assert reply.status == 200, reply.body
        return reply.json

    def log_in(self, **fields: str) -> Reply:
        given = {
            "grant_type": "client_credentials",
            "client_id": "automation",
            "client_secret": "automation-secret",
            **fields,
        }
        reply = self.send("POST", f"{self.base}/connect/token", urlencode(given).encode(), {"Content-Type": FORM})
        if reply.status == 200 and not reply.is_html:
            self.token = reply.json["access_token"]
        return reply

    def api(
        self, method: str, path: str, document: Any = None, seconds: float = 5, content_type: str = "application/json"
    ) -> Reply:
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        return self.send(method, f"{self.base}/api/{path}", body, given, seconds)

    def change(self, old: str = OLD, new: str = NEW, user_id: str = USER, seconds: float = 5) -> Reply:
        pair = {"oldPassword": old, "newPassword": new}
        return self.api("POST", f"User/{quote(user_id, safe='')}/changepassword", pair, seconds)

    def fault(self, kind: str, operation: str = "change_password", **parameters: Any) -> None:
        self.control("POST", "faults", {"operation": operation, "kind": kind, **parameters})

    def configure(self, **changes: Any) -> None:
        self.control("PATCH", "config", changes)

    def live(self, password: str, user_id: str = USER) -> bool:
        return bool(self.control("POST", "verify", {"user_id": user_id, "password": password})["live"])


@contextlib.contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen([sys.executable, str(SERVER), *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running() as (_process, port):
        yield port


@pytest.fixture
def client(port: int) -> Client:
    """A client that has logged in, one user, and the default configuration."""
    client = Client(port)
    client.control("POST", "reset")
    client.configure(**{**identity_server.DEFAULT_CONFIG, "clients": clients(), "static_tokens": {"pat": None}})
    client.control("DELETE", "users")
    client.control("POST", "users", {"users": [{"id": USER, "userName": "robo", "password": OLD}]})
    client.log_in()
    client.control("POST", "reset")
    return client


def clients() -> dict[str, Any]:
    return {**identity_server.DEFAULT_CONFIG["clients"], "reader": None}


class TestForms:
    @pytest.mark.parametrize("base", BASES.values())
    def test_every_form_serves_token_and_change(self, client: Client, base: str) -> None:
        client.base = base
        assert client.log_in().status == 200
        assert client.change().json == {"succeeded": True, "errors": []}

    def test_standalone_knows_no_host_form(self, client: Client) -> None:
        client.configure(forms="standalone")
        client.base = "/identity_"
        reply = client.change()
        assert (reply.status, reply.json["error"]["code"]) == (405, "UnsupportedApiVersion")
        assert client.log_in().status == 405

    def test_host_form_without_organization(self, client: Client) -> None:
        client.configure(forms="organization")
        client.base = "/identity_"
        assert client.log_in().status == 200
        reply = client.change()
        assert (reply.status, reply.json["error"]["code"]) == (400, "InvalidPartition")

    @pytest.mark.parametrize(("forms", "base"), [("organization", "standalone"), ("host", "tenant")])
    def test_other_forms_are_the_single_page_application(self, client: Client, forms: str, base: str) -> None:
        client.configure(forms=forms)
        client.base = BASES[base]
        reply = client.change()
        assert (reply.status, reply.is_html) == (200, True)

    def test_wrong_organization(self, client: Client) -> None:
        client.base = "/other/identity_"
        reply = client.change()
        assert (reply.status, reply.json["status"]) == (404, 404)

    def test_unknown_path_and_method(self, client: Client) -> None:
        assert client.send("GET", "/whatever").is_html
        assert client.api("GET", "Nothing").is_html
        assert client.api("PUT", f"User/{USER}/changepassword").status == 405


class TestToken:
    def test_all_registered_scopes(self, client: Client) -> None:
        reply = client.log_in()
        assert reply.json["expires_in"] == 3600
        assert reply.json["scope"].split() == identity_server.DEFAULT_CONFIG["clients"]["automation"]["scopes"]
        claims = json.loads(base64.urlsafe_b64decode(client.token.split(".")[1] + "=="))
        assert (claims["sub"], claims["sub_type"]) == ("automation", "service.external")
        assert claims["prt_id"] == PARTITION

    def test_without_partition_claim_and_opaque(self, client: Client) -> None:
        client.configure(token_claims={"prt_id": False})
        client.log_in()
        assert b"prt_id" not in base64.urlsafe_b64decode(client.token.split(".")[1] + "==")
        client.configure(token_format="opaque")
        client.log_in()
        assert "." not in client.token
        assert client.change().status == 200

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"client_secret": "wrong"}, "invalid_client"),
            ({"client_id": "wrong"}, "invalid_client"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"scope": "PM.User OR.Assets"}, "invalid_scope"),
        ],
    )
    def test_refusals(self, client: Client, fields: dict[str, str], error: str) -> None:
        reply = client.log_in(**fields)
        assert (reply.status, reply.json["error"]) == (400, error)

    def test_json_body_is_answered_with_html(self, client: Client) -> None:
        reply = client.send("POST", "/identity/connect/token", b"{}", {"Content-Type": "application/json"})
        assert (reply.status, reply.is_html) == (200, True)

    def test_discovery(self, client: Client) -> None:
        document = client.send("GET", "/acme/identity_/.well-known/openid-configuration").json
        assert document["token_endpoint"] == f"http://127.0.0.1:{client.port}/acme/identity_/connect/token"

    def test_unknown_expired_and_revoked(self, client: Client) -> None:
        assert Client(client.port).change().status == 401
        client.control("POST", "tokens/revoke")
        assert client.change().status == 401
        client.configure(token_lifetime=0)
        client.log_in()
        assert client.change().status == 401
        assert client.live(OLD)

    def test_scope_and_administrator(self, client: Client) -> None:
        client.log_in(scope="PM.User.Read")
        assert client.change().status == 403
        assert client.api("GET", f"User/{USER}").status == 200
        assert client.api("GET", "Setting").status == 403
        client.log_in(scope="PM.User.Write")
        assert client.change().status == 200
        assert client.api("GET", f"User/{USER}").status == 403
        client.configure(clients={"reader": {"secret": "s", "scopes": ["PM.User"], "administrator": False}})
        client.log_in(client_id="reader", client_secret="s")
        assert client.change(NEW, OLD).status == 403

    def test_static_token(self, client: Client) -> None:
        client.configure(static_tokens={"pat": {"scopes": ["PM.User"]}})
        client.token = "pat"
        assert client.change().status == 200


class TestChangePassword:
    def test_is_a_compare_and_swap(self, client: Client) -> None:
        assert client.change().json == {"succeeded": True, "errors": []}
        reply = client.change()
        assert (reply.status, reply.json["succeeded"], reply.codes) == (400, False, ["PasswordMismatch"])
        assert client.live(NEW)
        assert client.change(NEW, OLD).status == 200
        report = client.control("GET", "report")
        assert report["applied"] == {USER: 2}
        assert report["mismatches"] == {USER: 1}
        assert report["answers"]["change_password"] == {"200": 2, "400": 1}
        assert client.control("GET", f"users/{USER}")["security_stamp"] == 2

    def test_policy_reports_all_errors_together(self, client: Client) -> None:
        client.configure(policy={"digit": True, "lower": True, "upper": True, "special": True, "unique_chars": 2})
        assert client.change(OLD, "???").codes == [
            "PasswordTooShort",
            "PasswordRequiresDigit",
            "PasswordRequiresLower",
            "PasswordRequiresUpper",
            "PasswordRequiresUniqueChars",
        ]
        assert client.change(OLD, "Abcdefg1").codes == ["PasswordRequiresNonAlphanumeric"]

    @pytest.mark.parametrize(
        ("order", "code"), [("old-first", "PasswordMismatch"), ("policy-first", "PasswordTooShort")]
    )
    def test_order(self, client: Client, order: str, code: str) -> None:
        client.configure(order=order)
        assert client.change("wrong", "short1").codes == [code]

    def test_history(self, client: Client) -> None:
        client.change()
        client.configure(history={"limit": 2})
        assert client.change(NEW, OLD).codes == ["PasswordReuse"]
        assert client.change(NEW, NEW).codes == ["PasswordReuse"]
        client.configure(history={"counts_current": False})
        assert client.change(NEW, NEW).status == 200
        client.configure(history={"limit": 0})
        assert client.change(NEW, OLD).status == 200

    def test_the_live_password_is_the_default_history(self, client: Client) -> None:
        assert client.change(OLD, OLD).codes == ["PasswordReuse"]
        client.change()
        assert client.change(NEW, OLD).status == 200

    @pytest.mark.parametrize("order", ["old-first", "policy-first"])
    @pytest.mark.parametrize("code", ["PasswordReuse", "UiPath_NobodyKnows"])
    def test_history_of_every_order_and_code(self, client: Client, order: str, code: str) -> None:
        client.configure(order=order, history={"code": code})
        assert client.change(OLD, OLD).codes == [code]
        assert client.change("wrong", OLD).codes == ([code] if order == "policy-first" else ["PasswordMismatch"])

    @pytest.mark.parametrize(
        ("checked", "wrong", "right"),
        [
            ("never", "PasswordMismatch", "PasswordReuse"),
            ("after-old", "PasswordMismatch", "PasswordsEqual"),
            ("first", "PasswordsEqual", "PasswordsEqual"),
        ],
    )
    def test_equality(self, client: Client, checked: str, wrong: str, right: str) -> None:
        client.configure(equality={"checked": checked})
        assert client.change("wrong-123", "wrong-123").codes == [wrong]
        assert client.change(OLD, OLD).codes == [right]

    def test_equality_is_looked_at_last_where_the_history_is_first(self, client: Client) -> None:
        client.configure(order="policy-first", equality={"checked": "after-old"}, history={"limit": 0})
        assert client.change("wrong-123", "wrong-123").codes == ["PasswordMismatch"]
        assert client.change(OLD, OLD).codes == ["PasswordsEqual"]

    def test_mismatches_count_as_failed_sign_ins_if_told(self, client: Client) -> None:
        client.configure(lockout={"counts_changes": True, "max_failures": 2})
        assert client.change("wrong").codes == ["PasswordMismatch"]
        assert client.control("GET", f"users/{USER}")["failures"] == 1
        assert client.change("wrong").codes == ["PasswordMismatch"]
        assert client.control("GET", f"users/{USER}")["locked"] is True

    def test_mismatches_do_not_count_by_default(self, client: Client) -> None:
        client.configure(lockout={"max_failures": 1})
        client.change("wrong")
        user = client.control("GET", f"users/{USER}")
        assert (user["failures"], user["locked"]) == (0, False)

    @pytest.mark.parametrize("refuses", [False, True])
    def test_change_of_a_locked_user(self, client: Client, refuses: bool) -> None:
        client.configure(lockout={"max_failures": 1, "refuses_changes": refuses})
        client.control("POST", "sign-in", {"user_id": USER, "password": "wrong"})
        assert client.control("GET", f"users/{USER}")["locked"] is True
        assert client.change().status == (400 if refuses else 200)

    @pytest.mark.parametrize(("resets", "failures"), [(False, 1), (True, 0)])
    def test_failed_sign_ins_after_a_change(self, client: Client, resets: bool, failures: int) -> None:
        client.configure(lockout={"reset_by_change": resets})
        client.control("POST", "sign-in", {"user_id": USER, "password": "wrong"})
        client.change()
        assert client.control("GET", f"users/{USER}")["failures"] == failures

    def test_sign_in_resets_the_counter(self, client: Client) -> None:
        for password in ("wrong", OLD):
            client.control("POST", "sign-in", {"user_id": USER, "password": password})
        assert client.control("GET", f"users/{USER}")["failures"] == 0

    @pytest.mark.parametrize(("refused", "status"), [(False, 200), (True, 400)])
    def test_inactive_user(self, client: Client, refused: bool, status: int) -> None:
        client.control("POST", "users", {"users": [{"id": USER, "password": OLD, "isActive": False}]})
        client.configure(inactive={"refused": refused})
        reply = client.change()
        assert reply.status == status
        assert not refused or reply.codes == ["UserInactive"]

    @pytest.mark.parametrize("code", ["PasswordMismatch", "UserHasNoLocalPassword"])
    def test_directory_user(self, client: Client, code: str) -> None:
        client.control("POST", "users", {"users": [{"id": USER, "password": OLD, "type": "directoryUser"}]})
        client.configure(no_password_code=code)
        assert client.change().codes == [code]

    @pytest.mark.parametrize("user_id", ["har-3107", "a/b?c#d%e", "..", "a b", "Jürgen", "DOMÄIN\\x"])
    def test_id_is_one_segment(self, client: Client, user_id: str) -> None:
        client.configure(ids="any")
        client.control("POST", "users", {"users": [{"id": user_id, "password": OLD}]})
        assert client.change(user_id=user_id).status == 200
        assert client.live(NEW, user_id)

    def test_uuid_ignores_case_and_unknown_is_404(self, client: Client) -> None:
        user_id = "abcdefab-1111-4111-8111-111111111111"
        client.control("POST", "users", {"users": [{"id": user_id, "password": OLD}]})
        assert client.change(user_id=user_id.upper()).status == 200
        reply = client.change(user_id=NOBODY)
        assert (reply.status, reply.json["title"]) == (404, "Not Found")

    @pytest.mark.parametrize(("ids", "status"), [("uuid", 400), ("any", 404)])
    def test_id_that_is_no_uuid(self, client: Client, ids: str, status: int) -> None:
        client.configure(ids=ids)
        reply = client.change(user_id="har-3107")
        assert reply.status == status
        assert ids == "any" or reply.json["errors"] == {"userId": ["The value 'har-3107' is not valid."]}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b'{"oldPassword": x}',
            b'{"oldPassword": NaN}',
            b'{"oldPassword": "a"}',
            b'{"oldPassword": 7, "newPassword": "abcdefg1"}',
            b'{"oldPassword": "initial-1", "newPassword": "\\ud800abcdefg1"}',
            b'{"oldPassword": "\xff", "newPassword": "abcdefg1"}',
        ],
    )
    @pytest.mark.parametrize("validation", ["newtonsoft", "system-text-json"])
    def test_model_binding(self, client: Client, body: bytes, validation: str) -> None:
        client.configure(validation=validation)
        reply = client.api("POST", f"User/{USER}/changepassword", body)
        assert (reply.status, reply.json["status"]) == (400, 400)
        assert reply.headers["Content-Type"].startswith("application/problem+json")
        assert reply.json["traceId"].startswith("00-")
        assert reply.json["errors"]
        assert client.live(OLD)

    @pytest.mark.parametrize(
        ("body", "errors"),
        [
            (
                b'{"oldPassword": hasRestriction}',
                {
                    "oldPassword": [
                        f"Unexpected character encountered while parsing value: {character}. "
                        "Path 'oldPassword', line 1, position 17."
                        for character in "ha"
                    ]
                },
            ),
            (
                b'{"oldPassword": [1]}',
                {
                    "oldPassword": [
                        "Unexpected character encountered while parsing value: [. "
                        "Path 'oldPassword', line 1, position 14."
                    ]
                },
            ),
            (
                b'{"oldPassword": 7}',
                {
                    "oldPassword": [
                        "Error converting value 7 to type 'System.String'. Path 'oldPassword', line 1, position 14."
                    ]
                },
            ),
        ],
    )
    def test_binding_quotes_the_body(self, client: Client, body: bytes, errors: dict[str, list[str]]) -> None:
        assert client.api("POST", f"User/{USER}/changepassword", body).json["errors"] == errors

    def test_binding_in_the_words_of_system_text_json(self, client: Client) -> None:
        client.configure(validation="system-text-json")
        reply = client.api("POST", f"User/{USER}/changepassword", b'{"oldPassword": x}')
        assert "'x' is an invalid start of a value" in reply.json["errors"]["$"][0]
        reply = client.api("POST", f"User/{USER}/changepassword", b'{"oldPassword": 7}')
        assert list(reply.json["errors"]) == ["$.oldPassword"]

    def test_unknown_fields_are_ignored_and_names_ignore_case(self, client: Client) -> None:
        pair = {"OLDPASSWORD": OLD, "NewPassword": NEW, "more": 1}
        assert client.api("POST", f"User/{USER}/changepassword", pair).status == 200

    def test_content_type(self, client: Client) -> None:
        assert client.api("POST", f"User/{USER}/changepassword", b"{}", content_type="text/plain").status == 415


class TestUsers:
    @pytest.fixture
    def many(self, client: Client) -> Client:
        client.control("POST", "users", {"generate": {"count": 25, "prefix": "bot", "password": "start-{n}"}})
        return client

    def test_pages(self, many: Client) -> None:
        first = many.api("GET", f"User/users/{PARTITION}").json
        assert first["totalCount"] == 26
        assert [user["userName"] for user in first["results"]] == [f"bot{n:05d}" for n in range(10)]
        last = many.api("GET", f"User/users/{PARTITION}?top=1000&skip=25&sortBy=userName&sortOrder=desc").json
        assert [user["userName"] for user in last["results"]] == ["bot00000"]

    @pytest.mark.parametrize(("search", "term", "hits"), [("prefix", "BOT0001", 10), ("contains", "0002", 6)])
    def test_search(self, many: Client, search: str, term: str, hits: int) -> None:
        many.configure(search=search)
        assert many.api("GET", f"User/users/{PARTITION}?searchTerm={term}").json["totalCount"] == hits
        assert many.api("GET", f"User/users/{PARTITION}?searchTerm=zzz").json["totalCount"] == 0

    @pytest.mark.parametrize("query", ["top=1001", "top=-1", "top=x", "skip=-1", "sortOrder=up", "sortBy=nothing"])
    def test_bad_queries(self, client: Client, query: str) -> None:
        reply = client.api("GET", f"User/users/{PARTITION}?{query}")
        assert (reply.status, list(reply.json["errors"])) == (400, [query.partition("=")[0]])

    def test_partition(self, client: Client) -> None:
        assert client.api("GET", "User/users/nonsense").status == 400
        assert client.api("GET", f"User/users/{USER}").status == 404

    @pytest.mark.parametrize(("generations", "new", "old"), [("new", 200, 404), ("old", 404, 200), ("both", 200, 200)])
    def test_generations(self, client: Client, generations: str, new: int, old: int) -> None:
        client.configure(generations=generations, absent_paths="not_found")
        assert client.api("GET", f"User/users/{PARTITION}").status == new
        assert client.api("GET", f"UserPartition/users/{PARTITION}").status == old

    @pytest.mark.parametrize("path", [f"UserPartition/users/{PARTITION}", "Robots", "User/1/2/3"])
    def test_absent_paths(self, client: Client, path: str) -> None:
        client.configure(generations="new")
        reply = client.api("GET", path)
        assert (reply.status, reply.is_html) == (200, True)
        client.configure(absent_paths="not_found")
        assert client.api("GET", path).status == 404

    def test_get(self, client: Client) -> None:
        user = client.api("GET", f"User/{USER}").json
        assert set(user) == {"id", *identity_server.USER_DEFAULTS}
        assert (user["id"], user["userName"], user["type"]) == (USER, "robo", "user")
        assert client.api("GET", f"User/{NOBODY}").status == 404

    def test_put_changes_what_is_given(self, client: Client) -> None:
        group = "22222222-2222-4222-8222-222222222222"
        assert client.api("PUT", f"User/{USER}", {"surname": "S", "groupIDsToAdd": [group]}).json["succeeded"]
        user = client.api("GET", f"User/{USER}").json
        assert (user["surname"], user["groupIDs"], user["userName"]) == ("S", [group], "robo")
        assert client.live(OLD)
        assert client.api("PUT", f"User/{USER}", {"isActive": "yes"}).status == 400

    def test_put_resets_the_password(self, client: Client) -> None:
        assert client.api("PUT", f"User/{USER}", {"password": "x"}).codes[0] == "PasswordTooShort"
        assert client.api("PUT", f"User/{USER}", {"password": NEW}).status == 200
        assert client.live(NEW)

    def test_delete(self, client: Client) -> None:
        assert client.api("DELETE", f"User/{USER}").status == 204
        assert client.api("DELETE", f"User/{USER}").status == 404
        client.control("POST", "users", {"users": [{"id": USER}]})
        bulk = {"partitionGlobalId": PARTITION, "userIds": [USER]}
        assert client.api("DELETE", "User", bulk).status == 204
        assert client.control("GET", "users") == {"count": 0, "ids": []}

    def test_create_recreates_an_existing_user(self, client: Client) -> None:
        reply = client.api("POST", "User", {"userName": "ROBO", "password": NEW, "partitionGlobalId": PARTITION})
        assert reply.status == 200
        ids = client.control("GET", "users")["ids"]
        assert len(ids) == 1
        assert ids != [USER]
        client.configure(create_existing="refuse")
        assert client.api("POST", "User", {"userName": "robo"}).codes == ["DuplicateUserName"]
        assert client.api("POST", "User", {"userName": "other", "type": "alien"}).status == 400


class TestLoginAttempts:
    def sign_in(self, client: Client, password: str = OLD) -> str:
        return str(client.control("POST", "sign-in", {"user_id": USER, "password": password})["result"])

    def results(self, client: Client, query: str = "") -> list[str]:
        return [
            attempt["result"] for attempt in client.api("GET", f"User/{USER}/loginAttempts?{query}").json["results"]
        ]

    def test_are_listed_newest_first(self, client: Client) -> None:
        assert [self.sign_in(client), self.sign_in(client, "wrong")] == ["success", "invalidPassword"]
        page = client.api("GET", f"User/{USER}/loginAttempts").json
        assert page["totalCount"] == 2
        assert [attempt["result"] for attempt in page["results"]] == ["invalidPassword", "success"]

    def test_pages(self, client: Client) -> None:
        for password in (OLD, "wrong", OLD):
            self.sign_in(client, password)
        assert self.results(client, "top=1&skip=1") == ["invalidPassword"]

    def test_since(self, client: Client) -> None:
        self.sign_in(client)
        assert self.results(client, "since=2026-01-01T00:00:00Z") == ["success"]
        assert self.results(client, "since=2999-01-01T00:00:00Z") == []
        assert client.api("GET", f"User/{USER}/loginAttempts?since=yesterday").status == 400

    def test_lock(self, client: Client) -> None:
        client.configure(lockout={"enabled": True, "max_failures": 2, "seconds": 60})
        assert [self.sign_in(client, "wrong"), self.sign_in(client, "wrong")] == ["invalidPassword", "lockedOut"]
        assert self.sign_in(client) == "lockedOut"
        assert self.results(client) == ["lockedOut", "lockedOut", "invalidPassword"]

    def test_success_resets_the_counter(self, client: Client) -> None:
        client.configure(lockout={"enabled": True, "max_failures": 2, "seconds": 60})
        assert [self.sign_in(client, password) for password in ("wrong", OLD, "wrong")][-1] == "invalidPassword"
        assert client.control("GET", f"users/{USER}")["failures"] == 1

    def test_inactive_user(self, client: Client) -> None:
        client.control("POST", "users", {"users": [{"id": USER, "password": OLD, "isActive": False}]})
        assert self.sign_in(client) == "userIsNotActive"

    @pytest.mark.parametrize(("lists", "expected"), [(False, []), (True, ["invalidPassword"])])
    def test_mismatch_of_a_change(self, client: Client, lists: bool, expected: list[str]) -> None:
        client.configure(login_attempts={"lists_changes": lists})
        client.change("wrong")
        assert self.results(client) == expected

    def test_scope(self, client: Client) -> None:
        client.configure(static_tokens={"pat": {"scopes": ["PM.User"]}})
        client.token = "pat"
        assert client.api("GET", f"User/{USER}/loginAttempts").status == 403

    def test_unknown_user(self, client: Client) -> None:
        assert client.api("GET", f"User/{NOBODY}/loginAttempts").status == 404


class TestSettings:
    def test_get(self, client: Client) -> None:
        key = "Auth.Password.PasswordComplexity"
        (setting,) = client.api("GET", f"Setting?key={key}&partitionGlobalId={PARTITION}").json
        assert setting["key"] == key
        assert json.loads(setting["value"]) == {
            "hasSpecialCharacter": False,
            "hasLowercase": True,
            "hasUppercase": False,
            "hasDigit": True,
            "Length": "8",
        }
        assert len(client.api("GET", "Setting").json) == 7

    def test_put_is_what_changes_meet(self, client: Client) -> None:
        client.configure(clients={"automation": {"secret": "automation-secret", "scopes": ["PM.User", "PM.Setting"]}})
        client.log_in()
        settings = [
            {"key": "Auth.Password.PasswordComplexity", "value": '{"hasUppercase":true,"Length":"12"}'},
            {"key": "Auth.UserLockOut.IsEnabled", "value": "true"},
        ]
        reply = client.api("PUT", "Setting", {"settings": settings, "partitionGlobalId": PARTITION})
        assert [setting["key"] for setting in reply.json] == [setting["key"] for setting in settings]
        assert client.change().codes == ["PasswordTooShort", "PasswordRequiresUpper"]
        bad = {"settings": [{"key": "Auth.UserLockOut.IsEnabled", "value": "12"}]}
        assert client.api("PUT", "Setting", bad).status == 400


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "parameters", "status", "text"),
        [
            ("too_many_requests", {}, 429, "Rate limit"),
            ("status", {}, 500, "failed"),
            ("status", {"status": 408}, 408, "failed"),
            ("empty", {}, 200, ""),
            ("no_content", {}, 204, ""),
            ("html", {}, 200, "<!doctype"),
            ("html", {"status": 502}, 502, "<!doctype"),
            ("redirect", {}, 302, ""),
            ("not_succeeded", {"code": "Odd"}, 200, '"succeeded":false'),
            ("identity_error", {"code": "C", "description": "D"}, 400, '{"code":"C","description":"D"}'),
            ("unauthorized", {}, 401, ""),
            ("forbidden", {}, 403, ""),
            ("unsupported_api_version", {}, 405, "UnsupportedApiVersion"),
            ("invalid_partition", {}, 400, "InvalidPartition"),
            ("concurrency_failure", {}, 400, "ConcurrencyFailure"),
            ("custom", {"status": 418, "body": "tea", "headers": {"X-Tea": "1"}}, 418, "tea"),
            ("custom", {"json": {"a": 1}}, 200, '{"a":1}'),
        ],
    )
    @pytest.mark.parametrize("apply", [False, True])
    def test_answers(
        self, client: Client, kind: str, parameters: dict[str, Any], status: int, text: str, apply: bool
    ) -> None:
        client.fault(kind, apply=apply, **parameters)
        reply = client.change()
        assert reply.status == status
        assert text in reply.body.decode()
        assert client.live(NEW if apply else OLD)
        assert client.control("GET", "report")["faults_fired"] == {kind: 1}

    def test_every_kind_has_a_test(self) -> None:
        text = Path(__file__).read_text(encoding="utf-8")
        assert [kind for kind in identity_server.KINDS if f'"{kind}"' not in text] == []

    def test_retry_after(self, client: Client) -> None:
        client.fault("too_many_requests", retry_after=3)
        client.fault("too_many_requests", retry_after=3, as_date=True)
        client.fault("too_many_requests")
        values = [client.change().headers.get("Retry-After", "") for _attempt in range(3)]
        assert values[0] == "3"
        assert values[1].endswith("GMT")
        assert values[2] == ""

    @pytest.mark.parametrize("kind", ["problem", "quoting_result"])
    def test_passwords_are_quoted_in_every_spelling(self, client: Client, kind: str) -> None:
        secret = 'a"b/ü1'
        client.fault(kind)
        text = json.dumps(client.change(OLD, secret).json, ensure_ascii=False)
        errors = json.loads(text)["errors"]
        message = errors["$"][0] if kind == "problem" else errors[0]["description"]
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode(),
            secret.upper(),
        ):
            assert spelling in message

    @pytest.mark.parametrize("how", ["close", "reset"])
    @pytest.mark.parametrize("apply", [False, True])
    def test_drop(self, client: Client, how: str, apply: bool) -> None:
        client.fault("drop", how=how, apply=apply)
        with pytest.raises(ConnectionResetError) as caught:
            client.change()
        assert isinstance(caught.value, http.client.RemoteDisconnected) is (how == "close")
        assert client.live(NEW if apply else OLD)
        assert client.control("GET", "report")["answers"]["change_password"] == {"none": 1}

    def test_late_is_the_same_compare_and_swap(self, client: Client) -> None:
        client.fault("late", delay=0.2, then="close")
        with pytest.raises(http.client.RemoteDisconnected):
            client.change()
        assert client.live(OLD)
        assert client.change(OLD, "another-1").status == 200
        time.sleep(0.3)
        assert client.live("another-1")
        assert client.control("GET", "report")["mismatches"] == {USER: 1}

    def test_late_after_the_client_gave_up(self, client: Client) -> None:
        client.fault("late", delay=0.2)
        with pytest.raises(socket.timeout):
            client.change(seconds=0.1)
        client.fault("late", delay=0, then="status")
        assert client.change("wrong").status == 504
        time.sleep(0.2)
        assert client.live(NEW)

    def test_twice(self, client: Client) -> None:
        client.fault("twice")
        assert client.change().codes == ["PasswordMismatch"]
        assert client.live(NEW)

    def test_truncated(self, client: Client) -> None:
        client.fault("truncated")
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            client.change().json  # noqa: B018
        client.fault("truncated", cut="connection", apply=False)
        with pytest.raises(http.client.IncompleteRead):
            client.change(NEW, OLD)
        assert client.live(NEW)

    def test_slow(self, client: Client) -> None:
        client.fault("latency", seconds=0.1)
        client.fault("slow_body", seconds=0.1)
        started = time.monotonic()
        assert client.change().json["succeeded"]
        assert time.monotonic() - started > 0.18

    def test_interference(self, client: Client) -> None:
        client.fault("other_change", password="elsewhere-1")
        assert client.change().codes == ["PasswordMismatch"]
        client.fault("other_delete")
        assert client.change().status == 404

    def test_revoking_401(self, client: Client) -> None:
        client.fault("unauthorized", revoke=True)
        assert [client.change().status for _attempt in range(2)] == [401, 401]
        client.log_in()
        assert client.change().status == 200

    def test_selectors(self, client: Client) -> None:
        client.fault("status", operation="*", skip=1, times=2, status=503)
        assert [client.api("GET", f"User/{USER}").status for _attempt in range(4)] == [200, 503, 503, 200]
        client.fault("forbidden", operation="get_user", user_id=NOBODY, times=None)
        assert client.api("GET", f"User/{USER}").status == 200
        assert client.api("GET", f"User/{NOBODY}").status == 403
        client.control("DELETE", "faults")
        assert client.api("GET", f"User/{NOBODY}").status == 404

    def test_probability_has_a_seed(self, client: Client) -> None:
        def statuses() -> list[int]:
            client.configure(seed=7)
            return [client.api("GET", f"User/{USER}").status for _attempt in range(20)]

        client.fault("status", operation="get_user", times=None, probability=0.5)
        first = statuses()
        assert set(first) == {200, 500}
        assert statuses() == first

    @pytest.mark.parametrize("spec", [{"kind": "?"}, {"kind": "drop", "x": 1}, {"kind": "drop", "operation": "x"}])
    def test_mistakes_are_refused(self, client: Client, spec: dict[str, Any]) -> None:
        assert client.send("POST", "/simulator/faults", json.dumps(spec).encode()).status == 400


class TestControl:
    def test_requests_hold_no_secret(self, client: Client) -> None:
        client.log_in()
        client.change()
        log = client.control("GET", "requests")
        assert [entry["operation"] for entry in log] == ["token", "change_password"]
        assert log[1]["body_keys"] == ["newPassword", "oldPassword"]
        assert (log[1]["user_id"], log[1]["status"], log[1]["client_id"]) == (USER, 200, "automation")
        text = json.dumps(log)
        assert not any(secret in text for secret in (OLD, NEW, "automation-secret", client.token))

    def test_in_flight_peak(self, client: Client) -> None:
        client.configure(latency=0.1)
        threads = [threading.Thread(target=client.change, args=("wrong",)) for _attempt in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.control("GET", "report")["in_flight_peak"]["change_password"] > 1

    def test_verify_in_bulk(self, client: Client) -> None:
        pairs = [[USER, OLD], ["nobody", OLD]]
        assert client.control("POST", "verify", {"pairs": pairs}) == {"live": 1, "dead": ["nobody"]}

    @pytest.mark.parametrize("change", [{"polcy": {}}, {"policy": {"length": 1}}, {"order": "x"}, {"latency": "1"}])
    def test_config_mistakes_are_refused(self, client: Client, change: dict[str, Any]) -> None:
        assert client.send("PATCH", "/simulator/config", json.dumps(change).encode()).status == 400


class TestWire:
    def exchange(self, port: int, *pieces: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            for piece in pieces:
                connection.sendall(piece)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received

    def test_keep_alive_and_close(self, port: int) -> None:
        get = b"GET /simulator/users HTTP/1.1\r\nHost: x\r\n"
        received = self.exchange(port, get + b"\r\n", get + b"Connection: close\r\n\r\n")
        assert received.count(b"HTTP/1.1 200 OK") == 2

    def test_expect_continue(self, port: int) -> None:
        head = b"POST /simulator/verify HTTP/1.1\r\nExpect: 100-continue\r\n"
        head += b"Connection: close\r\nContent-Length: 12\r\n\r\n"
        received = self.exchange(port, head, b'{"pairs":[]}')
        assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")

    def test_chunked_body(self, port: int) -> None:
        head = b"POST /simulator/verify HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        assert b'"live":0' in self.exchange(port, head, b'4\r\n{"pa\r\n8\r\nirs":[]}\r\n0\r\n\r\n')

    @pytest.mark.parametrize("noise", [b"\x16\x03\x01 nonsense\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
    def test_noise(self, port: int, noise: bytes) -> None:
        assert self.exchange(port, noise).startswith(b"HTTP/1.1 400")


class TestTls:
    def test_https_and_client_certificate(self, tmp_path: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl, which makes the certificate, is not installed")
        key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        create = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        subprocess.run(
            [openssl, *create, *subject, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL
        )
        context = ssl.create_default_context(cafile=certificate)
        with running("--certfile", certificate, "--keyfile", key, "--client-ca", certificate) as (_process, port):
            idle = socket.create_connection(("127.0.0.1", port))  # never shakes hands, delays no other client
            with contextlib.closing(idle), pytest.raises((ssl.SSLError, ConnectionError)):
                self.status(port, context)
            context.load_cert_chain(certificate, key)
            assert self.status(port, context) == 200

    def status(self, port: int, context: ssl.SSLContext) -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/identity/.well-known/openid-configuration")
            return connection.getresponse().status


class TestProcess:
    def test_state_survives_sigkill(self, tmp_path: Path) -> None:
        state, config = tmp_path / "state.jsonl", tmp_path / "config.json"
        config.write_text(json.dumps({"users": [{"id": USER, "userName": "robo", "password": OLD}]}))
        options = ("--state", str(state), "--config", str(config))
        with running(*options) as (process, port):
            client = Client(port)
            client.log_in()
            client.fault("crash", apply=True, skip=1)
            assert client.change().status == 200
            assert identity_server.load_state(state)[USER].password == NEW
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                client.change(NEW, "changed-2")
            assert process.wait(5) == -signal.SIGKILL
        with state.open("ab") as journal:
            journal.write(b'{"op":"password","id":"1111')
        user = identity_server.load_state(state)[USER]
        assert (user.password, user.history) == ("changed-2", [NEW, OLD])
        with running(*options) as (_process, port):
            client = Client(port)
            assert client.live("changed-2")
            client.control("POST", "sign-in", {"user_id": USER, "password": "wrong"})
            assert [attempt["result"] for attempt in identity_server.load_state(state)[USER].attempts] == [
                "invalidPassword"
            ]
            client.log_in()
            assert client.api("DELETE", f"User/{USER}").status == 204
        assert identity_server.load_state(state) == {}

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signals_end_it_quietly(self, tmp_path: Path, number: signal.Signals) -> None:
        ready = tmp_path / "ready.json"
        with running("--ready-file", str(ready), "--forms", "host", "--order", "policy-first") as (process, port):
            announced = json.loads(ready.read_text())
            assert announced == {"url": f"http://127.0.0.1:{port}", "port": port, "pid": process.pid}
            config = Client(port).control("GET", "config")
            assert (config["forms"], config["order"]) == ("host", "policy-first")
            process.send_signal(number)
            assert process.wait(5) == 0
        assert os.listdir(tmp_path) == ["ready.json"]
