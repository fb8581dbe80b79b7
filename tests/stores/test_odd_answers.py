# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers with JSON of another form than its own: every use of the store ends with a StoreError."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import OpenStore, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network import record, retry
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    ODD,
    URL,
    USER,
    put,
    record_of,
)

OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "hashi_vault": ("url", {"token": "token"}),
    "kubernetes": ("host", {"api_key": "token", "namespace": "robots"}),
    "aws_secrets_manager": ("endpoint_url", {"region": "eu-west-1", "access_key": "key", "secret_key": "secret"}),
}
NAMED = {"name": "uipath-x", "uid": "1", "resourceVersion": "2"}
ANSWERS: dict[str, list[Any]] = {
    "hashi_vault": [
        [],
        {"data": {"keys": [1], "metadata": {"version": 1}, "data": []}},
        {"data": {"keys": "x", "metadata": {"version": True}}},
        {"data": {"keys": 5, "metadata": 7, "version": "1"}},
    ],
    "kubernetes": [
        [],
        *({"kind": kind} for kind in ("Secret", "SecretList")),
        {"kind": "Secret", "metadata": {"name": "x"}},
        {"kind": "Secret", "metadata": NAMED, "data": {"password": 3}},
        {"kind": "Secret", "metadata": {**NAMED, "annotations": 3}},
        *({"kind": "SecretList", "metadata": {}, "items": items} for items in (5, [None], [{"metadata": {"name": 1}}])),
    ],
    "aws_secrets_manager": [
        {},
        {"VersionId": 5, "SecretList": [{}]},
        {"VersionId": "x", "SecretString": [1], "SecretList": [{"Name": 5}]},
        {"VersionId": None, "SecretList": [None]},
        {"VersionId": {}, "SecretList": "x"},
    ],
}
DEEP = b'{"data": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
CASES = [(name, answer) for name, answers in ANSWERS.items() for answer in (*answers, DEEP, b"<html></html>")]
USES: dict[str, Callable[[OpenStore], Any]] = {
    "read": lambda store: store.read(USER),
    "list": lambda store: store.accounts(),
    "write": lambda store: put(store, record_of()),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(record, "PAUSES", (0.0, 0.0))


@pytest.fixture
def answers() -> Iterator[tuple[str, list[Any]]]:
    """The URL of a server, and the list whose last entry it answers with. Two entries: there is nothing to be read."""
    given: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            mount = {"data": {"type": "kv", "options": {"version": "2"}}}
            is_read = self.command == "GET" or "Get" in self.headers.get("X-Amz-Target", "")
            is_missing = is_read and len(given) > 1
            answer = mount if "/ui/mounts/" in self.path else given[0 if is_missing else -1]
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(404 if is_missing and answer is not mount else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - as the standard library calls them

        def log_message(self, *_arguments: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", given
        server.shutdown()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(("name", "answer"), CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_is_an_error_of_the_store(answers: tuple[str, list[Any]], name: str, answer: Any, use: str) -> None:
    url, given = answers
    given.append(answer)
    option, others = OPTIONS[name]
    store = StoreOptions({"type": name, option: url, **others}).create(StoreContext("/", identity_url=URL))
    with store.open(read_only=False) as opened, pytest.raises(StoreError) as error:
        USES[use](opened)
    assert ODD not in error.value.message


MISSING = {
    "hashi_vault": {"errors": []},
    "kubernetes": {"kind": "Status", "status": "Failure", "code": 404, "details": {"kind": "secrets"}},
    "aws_secrets_manager": {"__type": "ResourceNotFoundException"},
}
WRITTEN: list[tuple[str, Any]] = [
    ("hashi_vault", {"data": {"version": 2}}),
    ("kubernetes", {"kind": "Secret", "metadata": {**NAMED, "name": "another"}}),
    ("kubernetes", {"kind": "Secret", "metadata": {**NAMED, "name": f"uipath-{USER}", "resourceVersion": ""}}),
    ("kubernetes", {"kind": "Secret", "metadata": {**NAMED, "name": f"uipath-{USER}"}, "data": {"password": "eA=="}}),
    ("aws_secrets_manager", {"Name": f"uipath/{USER}", "VersionId": "another"}),
]


@pytest.mark.parametrize(
    ("name", "answer"), WRITTEN, ids=[f"{case[0]}-{number}" for number, case in enumerate(WRITTEN)]
)
def test_of_another_write_confirms_none(answers: tuple[str, list[Any]], name: str, answer: Any) -> None:
    url, given = answers
    given += [MISSING[name], answer]
    option, others = OPTIONS[name]
    store = StoreOptions({"type": name, option: url, **others}).create(StoreContext("/", identity_url=URL))
    with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
        assert locked_record.read() is None
        with pytest.raises(StoreError):
            locked_record.write(record_of())
