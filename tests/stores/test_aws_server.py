# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The imitation of AWS Secrets Manager against what AWS documents, and the faults that it makes."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.rpaops.uipath.tests.stores.aws_server import AwsServer
from ansible_collections.rpaops.uipath.tests.stores.transcripts import expanded, needs_transcripts, recorded

JSON = dict[str, Any]
VOLATILE = re.compile(r"(Date|^ARN)$")  # their types are compared
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=KEY/20261201/eu-central-1/secretsmanager/aws4_request, SignedHeaders=h, Signature=0"
)


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer() as server:
        server.stub.clear()
        yield server


def exchange(server: AwsServer, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, JSON]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    try:
        connection.request(method, path, json.dumps(body or {}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def call(server: AwsServer, action: str, **request: Any) -> tuple[int, JSON]:
    headers = {"X-Amz-Target": f"secretsmanager.{action}", "Authorization": SIGNED}
    return exchange(server, "POST", "/", request, **headers)


def token(number: int) -> str:
    return f"rotation-generation-{number:012d}"


def labels(body: JSON) -> dict[str, list[str]]:
    return {version: sorted(found) for version, found in body["VersionIdsToStages"].items()}


def labels_are(wanted: dict[int, list[str]]) -> Callable[[int, JSON], bool]:
    return lambda _status, body: labels(body) == {token(number): found for number, found in wanted.items()}


def holders_are(label: str, number: int) -> Callable[[int, JSON], bool]:
    return lambda _status, body: (
        [version for version, found in labels(body).items() if label in found] == [token(number)]
    )


def error_is(code: str) -> Callable[[int, JSON], bool]:
    return lambda status, body: (status, body["__type"]) == (400, code)


# What AWS documents, where moto differs.
DOCUMENTED: dict[str, Callable[[int, JSON], bool]] = {
    "DescribeSecret after: PutSecretValue moves the label of one's own": labels_are(
        {1: ["AWSPREVIOUS"], 2: ["AWSCURRENT"], 4: ["R"]}
    ),
    "DescribeSecret after: PutSecretValue with AWSCURRENT and a label of one's own": labels_are(
        {2: ["AWSPREVIOUS"], 5: ["AWSCURRENT", "R"]}
    ),
    "GetSecretValue by the label after: PutSecretValue with AWSCURRENT and a label of one's own": (
        lambda _status, body: body["VersionId"] == token(5)
    ),
    "PutSecretValue with AWSPENDING: same token, other content": error_is("ResourceExistsException"),
    "GetSecretValue by AWSPENDING after: PutSecretValue with AWSPENDING: same token, other content": (
        lambda _status, body: body["SecretString"] == "6"
    ),
    "UpdateSecretVersionStage: a label that is on another version, without RemoveFromVersionId": error_is(
        "InvalidParameterException"
    ),
    "DescribeSecret after: UpdateSecretVersionStage: a label that is on another version, without RemoveFromVersionId": (
        holders_are("R", 5)
    ),
    "DescribeSecret after: UpdateSecretVersionStage: to an absent version": holders_are("AWSCURRENT", 6),
    "ListSecretVersionIds": lambda _status, body: all(version["VersionStages"] for version in body["Versions"]),
    "SecretString of 65,537 bytes": error_is("InvalidParameterException"),
    "CreateSecret with a SecretString of 65,537 bytes": error_is("InvalidParameterException"),
    "a name with a character that is not allowed": error_is("InvalidParameterException"),
    "a name of 513 characters": error_is("InvalidParameterException"),
    "ListSecrets with a NextToken that is rubbish": error_is("InvalidNextTokenException"),
    "deleted secret: PutSecretValue": error_is("InvalidRequestException"),
    "deleted secret: CreateSecret": error_is("InvalidRequestException"),
    "deleted secret: UpdateSecretVersionStage": error_is("InvalidRequestException"),
}
# Records whose answer depends on what moto did otherwise before: only their status and error are compared.
CONSEQUENCES = re.compile(
    r"^DescribeSecret after: UpdateSecretVersionStage: AWSCURRENT, right|^ListSecrets with tag-key"
    r"|^ListSecretVersionIds with|^GetSecretValue after RestoreSecret|^deleted secret: (Describe|List)|cannot be empty"
)


@needs_transcripts
def test_it_answers_as_documented(server: AwsServer) -> None:
    records = recorded("aws_secrets_manager.json")["servers"][0]["records"]
    exchanges = [record for record in records if record["response"] and record["response"]["status"]]
    differing = {record["name"] for record in exchanges if not record["as_documented"]}
    assert differing == set(DOCUMENTED)
    for number in (1, 2, 3):  # they were made without being recorded
        name, tags = f"list/{number}", [{"Key": "app", "Value": "rot"}]
        call(server, "CreateSecret", Name=name, ClientRequestToken=token(1), SecretString="x", Tags=tags)
    wrong = [text for record in exchanges if (text := difference(server, record))]
    assert not wrong, "\n".join(wrong)
    assert len(exchanges) > 80


def difference(server: AwsServer, record: JSON) -> str:
    name, given = record["name"], json.loads(expanded(json.dumps(record["request"]["body"])))
    action = record["request"]["headers"]["X-Amz-Target"].partition(".")[2]
    status, body = call(server, action, **given)
    expected = record["response"]
    if name in DOCUMENTED:
        return "" if DOCUMENTED[name](status, body) else f"{name}: {status} {body}"
    wanted_status = 400 if expected["status"] == 404 else expected["status"]
    wanted = json.loads(expanded(json.dumps(expected["body"])))
    if status != wanted_status or body.get("__type") != wanted.get("__type"):
        return f"{name}: {status} {body}, not {wanted}"
    if CONSEQUENCES.search(name) or status != 200 or pinned(body) == pinned(wanted):
        return ""
    return f"{name}: {pinned(body)}, not {pinned(wanted)}"


def pinned(value: Any, name: str = "") -> Any:
    """Return what is the same at every run."""
    if VOLATILE.search(name) and value is not None:
        return name
    if isinstance(value, dict):
        return {key: pinned(part, key) for key, part in value.items()}
    return [pinned(part) for part in value] if isinstance(value, list) else value


def put(server: AwsServer, number: int, *stages: str) -> tuple[int, JSON]:
    request = {"ClientRequestToken": token(number), "SecretString": str(number)}
    if number == 1:
        return call(server, "CreateSecret", Name="a", **request)
    return call(server, "PutSecretValue", SecretId="a", VersionStages=list(stages), **request)


def value(server: AwsServer, stage: str = "AWSCURRENT") -> Any:
    return call(server, "GetSecretValue", SecretId="a", VersionStage=stage)[1].get("SecretString")


def test_a_label_stays_where_another_one_leaves(server: AwsServer) -> None:
    put(server, 1)
    put(server, 2, "R", "AWSCURRENT")
    put(server, 3, "AWSCURRENT")
    assert (value(server, "R"), value(server), value(server, "AWSPREVIOUS")) == ("2", "3", "2")


def test_of_two_writers_of_a_version_one_succeeds(server: AwsServer) -> None:
    put(server, 1)
    put(server, 2, "R")
    status, body = call(server, "PutSecretValue", SecretId="a", ClientRequestToken=token(2), SecretString="other")
    assert (status, body["__type"]) == (400, "ResourceExistsException")
    assert put(server, 2, "R")[0] == 200


@pytest.mark.parametrize("writes", [1, 2])
def test_a_stale_read_shows_what_was_true(server: AwsServer, writes: int) -> None:
    put(server, 1)
    put(server, 2, "R", "AWSCURRENT")
    server.fail("*", "stale", writes=writes, times=2)
    names = [secret["Name"] for secret in call(server, "ListSecrets")[1]["SecretList"]]
    assert (value(server), names) == (("1", ["a"]) if writes == 1 else (None, []))
    assert value(server) == "2"


@pytest.mark.parametrize(
    ("kind", "parameters", "code"),
    [
        ("throttle", {}, "ThrottlingException"),
        ("deny", {}, "AccessDeniedException"),
        ("error", {"code": "InternalServiceError", "status": 500}, "InternalServiceError"),
        ("quote", {}, "InvalidParameterException"),
    ],
)
@pytest.mark.parametrize("apply", [True, False])
def test_errors(server: AwsServer, kind: str, parameters: JSON, code: str, apply: bool) -> None:
    server.fail("CreateSecret", kind, apply=apply, **parameters)
    status, body = put(server, 1)
    assert (status >= 400, body["__type"]) == (True, code)
    assert value(server) == ("1" if apply else None)
    assert put(server, 1)[0] == 200


@pytest.mark.parametrize(("kind", "apply"), [("drop", True), ("drop", False), ("cut", False)])
def test_answers_that_are_lost(server: AwsServer, kind: str, apply: bool) -> None:
    server.fail("CreateSecret", kind, apply=apply)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        put(server, 1)
    assert value(server) == ("1" if apply or kind == "cut" else None)


def test_an_answer_that_is_late(server: AwsServer) -> None:
    server.fail("CreateSecret", "late", seconds=0.05, skip=1)
    began = time.monotonic()
    put(server, 1)
    assert put(server, 1)[0] == 200
    assert time.monotonic() - began >= 0.05


def test_the_control_api(server: AwsServer) -> None:
    exchange(server, "POST", "/control/faults", {"kind": "throttle", "action": "GetSecretValue"})
    exchange(server, "PATCH", "/control/config", {"latency": 0.001})
    assert call(server, "GetSecretValue", SecretId="a")[1]["__type"] == "ThrottlingException"
    assert call(server, "GetSecretValue", SecretId="a")[1]["__type"] == "ResourceNotFoundException"
    report = exchange(server, "GET", "/control/report")[1]
    assert (report["requests"], report["applied"]) == ({"GetSecretValue": 2}, {})
    exchange(server, "POST", "/control/reset")
    assert exchange(server, "GET", "/control/report")[1]["requests"] == {}
    assert exchange(server, "GET", "/control/nothing")[0] == 200


def test_a_request_without_a_signature(server: AwsServer) -> None:
    status, body = exchange(server, "POST", "/", **{"X-Amz-Target": "secretsmanager.ListSecrets"})
    assert (status, body["__type"]) == (400, "MissingAuthenticationTokenException")


def test_as_a_program() -> None:
    program = Path(__file__).with_name("aws_server.py")
    with subprocess.Popen([sys.executable, program, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = urlsplit(process.stdout.readline().strip())
            connection = http.client.HTTPConnection(str(url.hostname), url.port or 0, timeout=20)
            connection.request("GET", "/control/report")
            assert json.loads(connection.getresponse().read())["connections"] == 1
            connection.close()
        finally:
            process.terminate()
