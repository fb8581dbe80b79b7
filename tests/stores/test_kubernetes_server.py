# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stub answers as a genuine API server did, field by field, where the recording lies beside this checkout."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.stores.kubernetes_server import KubernetesServer
from ansible_collections.rpaops.uipath.tests.stores.transcripts import TRANSCRIPTS, needs_transcripts, recorded

TRANSCRIPT = "kubernetes_secrets.json"
ANY_UID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
ZEROS = "00000000-0000-0000-0000-000000000000"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
REPEATED = re.compile(r"<'(.+)' repeated (\d+) times>")
AGENT = {"User-Agent": "OpenAPI-Generator/37.0.2/python"}
ROLE = ["get", "create"]
LEFT_OUT = {
    "server version": "the store does not ask for it",
    "list at an exact resourceVersion that was compacted away": "the store lists the present state only",
    "nothing listens": "it has no exchange",
}
# The cluster's state that the recording does not show, or that takes minutes to come about.
ETCD_DOWN = {"etcd is down: get": "get", "etcd is down: replace": "update"}
COMPACTED = "list: a continue whose resourceVersion was compacted away"
WITH_A_ROLE = "with a role of get and create: get"


def records() -> list[dict[str, Any]]:
    if not TRANSCRIPTS.is_dir():
        return []
    return [record for record in recorded(TRANSCRIPT)["servers"][0]["records"] if record["name"] not in LEFT_OUT]


@pytest.fixture(scope="module")
def server() -> Iterator[KubernetesServer]:
    with KubernetesServer() as server:
        send(server, "PATCH", "/control/config", {"tokens": {"SVC-TOKEN": "svc"}})
        yield server


@pytest.fixture(scope="module")
def exchanges(server: KubernetesServer) -> dict[str, tuple[Any, Any]]:
    """The stub's answer to each request of the recording, and the recorded one."""
    found = {}
    for record in records():
        prepare(server, record)
        expected = record["response"]
        found[record["name"]] = (replayed(server, record["request"]), (expected["status"], expected["body"]))
    return {name: (shaped(actual), shaped(expected)) for name, (actual, expected) in found.items()}


def prepare(server: KubernetesServer, record: dict[str, Any]) -> None:
    """Do what was done to the recorded cluster without the recorder."""
    if record["name"] == "list with labelSelector":
        for number in range(2, 6):
            body = {"metadata": {"name": f"l{number}", "labels": {"app": "rot"}}, "stringData": {"x": str(number)}}
            send(server, "POST", "/api/v1/namespaces/default/secrets", body, token="ADMIN-TOKEN")
    elif record["name"] == WITH_A_ROLE:
        send(server, "PATCH", "/control/config", {"roles": {"svc": ROLE}})
        server.stub.cluster.revision += 2  # a Role and a RoleBinding
    elif record["name"] == COMPACTED:
        send(server, "POST", "/control/compact", {})
    elif record["name"] in ETCD_DOWN:
        fault = {"verb": ETCD_DOWN[record["name"]], "kind": "status", "status": 504}
        send(server, "POST", "/control/faults", {**fault, "body": record["response"]["body"]})


def replayed(server: KubernetesServer, request: dict[str, Any]) -> tuple[int, Any]:
    token = request["headers"].get("authorization", "").removeprefix("Bearer ")
    body = json.loads(with_our_uids(server, json.dumps(unfolded(request["body"]))))
    return send(server, request["method"], request["path"], body, token=token)


def with_our_uids(server: KubernetesServer, text: str) -> str:
    """Every uid of the recording is zeros. Only one Secret is asked for by it, which is deleted on the way."""
    known = server.stub.cluster.secrets.get(("default", "a"))
    return text.replace(ZEROS, known["metadata"]["uid"]) if known else text


def send(server: KubernetesServer, method: str, path: str, body: Any = None, *, token: str = "") -> tuple[int, Any]:
    host, port = str(server.server_address[0]), int(server.server_address[1])
    headers = {**AGENT, **({"Authorization": f"Bearer {token}"} if token else {})}
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def unfolded(value: Any) -> Any:
    """Return a document whose long runs of characters are written out."""
    if isinstance(value, dict):
        return {key: unfolded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [unfolded(each) for each in value]
    return REPEATED.sub(lambda run: run[1] * int(run[2]), value) if isinstance(value, str) else value


def shaped(value: Any) -> Any:
    """Return what is compared: a document without the values that differ from cluster to cluster."""
    if isinstance(value, dict):
        return {key: shaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shaped(each) for each in value]
    if not isinstance(value, str) or len(value) > 9999:
        return unfolded(value)
    return TIME.sub("TIME", ANY_UID.sub(ZEROS, unfolded(value)))


@needs_transcripts
class TestRecording:
    @pytest.mark.parametrize("name", [record["name"] for record in records()])
    def test_answers_as_recorded(self, exchanges: dict[str, tuple[Any, Any]], name: str) -> None:
        actual, expected = exchanges[name]
        assert actual == expected

    def test_leaves_out_nothing_else(self) -> None:
        assert len(records()) == 72 - len(LEFT_OUT)


class TestFaults:
    @pytest.fixture(autouse=True)
    def forgotten(self, server: KubernetesServer) -> Iterator[None]:
        yield
        send(server, "POST", "/control/reset", {})

    def create(self, server: KubernetesServer, name: str) -> tuple[int, Any]:
        body = {"metadata": {"name": name}, "stringData": {"x": "a value"}}
        return send(server, "POST", "/api/v1/namespaces/default/secrets", body, token="ADMIN-TOKEN")

    def fault(self, server: KubernetesServer, **fault: Any) -> None:
        send(server, "POST", "/control/faults", fault)

    @pytest.mark.parametrize("apply", [True, False])
    def test_drops_the_connection(self, server: KubernetesServer, apply: bool) -> None:
        self.fault(server, verb="create", kind="drop", apply=apply)
        with pytest.raises(http.client.RemoteDisconnected):
            self.create(server, f"drop-{apply}".lower())
        assert (("default", f"drop-{apply}".lower()) in server.stub.cluster.secrets) is apply

    def test_a_fault_meets_as_many_requests_as_it_says(self, server: KubernetesServer) -> None:
        self.fault(server, verb="create", kind="status", status=500, times=2, skip=1)
        statuses = [self.create(server, f"counted-{number}")[0] for number in range(4)]
        assert statuses == [201, 500, 500, 201]
        report = send(server, "GET", "/control/report")[1]
        assert (report["requests"], report["applied"]) == ({"create": 4}, {"create": 2})

    def test_a_fault_may_be_about_one_secret(self, server: KubernetesServer) -> None:
        self.fault(server, name="elsewhere", kind="status", times=None)
        assert self.create(server, "not-elsewhere")[0] == 201

    def test_a_quota_refuses_what_is_new(self, server: KubernetesServer) -> None:
        send(server, "PATCH", "/control/config", {"quota": 0})
        status, body = self.create(server, "one-too-many")
        send(server, "PATCH", "/control/config", {"quota": None})
        assert (status, body["reason"]) == (403, "Forbidden")
        assert "exceeded quota" in body["message"]

    def test_a_quoting_error_has_the_value_in_clear_text(self, server: KubernetesServer) -> None:
        self.fault(server, verb="create", kind="quote")
        status, body = self.create(server, "quoted")
        assert (status, "a value" in body["message"]) == (500, True)
