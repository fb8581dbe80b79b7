# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator against UiPath's own OpenAPI files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.simulator import server_module
from ansible_collections.rpaops.uipath.tests.simulator.specification import (
    FIRST,
    INTERNAL,
    NEWEST,
    Document,
    dump,
    needs_specification,
)

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "tests/integration/targets/setup_simulator/files/identity_server.py"
USER = "11111111-1111-4111-8111-111111111111"

pytestmark = needs_specification

server = server_module("conforming_identity_server")


def resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def deviations(document: Document, schema: Document, value: Any, where: str = "$") -> list[str]:
    """Where a value leaves its schema; properties that the schema does not know count as well."""
    schema = resolved(document, schema)
    if value is None:
        return [] if schema.get("nullable") else [f"{where}: null"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value}"]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if not isinstance(value, kinds[schema["type"]]) or isinstance(value, bool) != (schema["type"] == "boolean"):
        return [f"{where}: {type(value).__name__} instead of {schema['type']}"]
    if isinstance(value, list):
        inner = [deviations(document, schema["items"], item, f"{where}[]") for item in value]
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        inner = [[f"{where}.{name}: unknown"] for name in value if name not in known]
        inner += [deviations(document, known[name], value[name], f"{where}.{name}") for name in value if name in known]
    else:
        return format_deviations(schema.get("format", ""), value, where)
    return [line for lines in inner for line in lines]


def format_deviations(name: str, value: Any, where: str) -> list[str]:
    patterns = {"uuid": r"[0-9a-f-]{36}", "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}
    matches = re.fullmatch(patterns.get(name, r"(?s).*"), str(value))
    return [] if matches else [f"{where}: {value} is no {name}"]


def answer_schema(document: Document, path: str, method: str, status: int) -> Document:
    content = document["paths"][path][method]["responses"][str(status)]["content"]
    return dict(content["application/json"]["schema"])


class Simulated:
    """A simulator without sockets, and a client that may do everything."""

    def __init__(self) -> None:
        config = server.merged(
            server.DEFAULT_CONFIG,
            {"static_tokens": {"t": {"scopes": ["PM.User", "PM.Setting", "PM.UserLoginAttempt"]}}},
        )
        self.simulator = server.Simulator(config)
        self.simulator.directory.add({"id": USER, "userName": "robo", "password": "initial-1"})
        self.partition = config["partition_id"]

    def call(self, method: str, path: str, document: Any = None) -> Any:
        headers = {"authorization": "Bearer t", "content-type": "application/json"}
        body = b"" if document is None else json.dumps(document).encode()
        target = path.format(userId=USER, partitionGlobalId=self.partition)
        return self.simulator.answer(server.Request(method.upper(), f"/identity{target}", headers, body))


@pytest.fixture
def simulated() -> Simulated:
    return Simulated()


CHANGE = "/api/User/{userId}/changepassword"
CALLS: list[tuple[str, str, Any, int]] = [
    ("post", CHANGE, {"oldPassword": "initial-1", "newPassword": "changed-1"}, 200),
    ("post", CHANGE, {"oldPassword": "wrong", "newPassword": "changed-1"}, 400),
    ("get", "/api/User/{userId}", None, 200),
    ("put", "/api/User/{userId}", {"name": "N", "password": "changed-1"}, 200),
    ("put", "/api/User/{userId}", {"password": "short"}, 400),
    ("post", "/api/User", {"userName": "new", "password": "initial-1"}, 200),
    ("post", "/api/User", {"userName": "new", "password": "short"}, 400),
    ("get", "/api/Setting", None, 200),
    ("put", "/api/Setting", {"settings": [{"key": "Auth.Password.PreviousUseLimit", "value": "3"}]}, 200),
]


class TestAnswers:
    @pytest.mark.parametrize("name", [NEWEST, FIRST, INTERNAL])
    @pytest.mark.parametrize(("method", "path", "body", "status"), CALLS)
    def test_shape(self, simulated: Simulated, name: str, method: str, path: str, body: Any, status: int) -> None:
        document = dump(name)
        answer = simulated.call(method, path, body)
        assert answer.status == status
        assert deviations(document, answer_schema(document, path, method, status), json.loads(answer.body)) == []

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            (NEWEST, "/api/User/users/{partitionGlobalId}"),
            (INTERNAL, "/api/UserPartition/users/{partitionGlobalId}"),
        ],
    )
    def test_user_list(self, simulated: Simulated, name: str, path: str) -> None:
        document = dump(name)
        page = json.loads(simulated.call("get", path).body)
        assert page["totalCount"] == 1
        assert deviations(document, answer_schema(document, path, "get", 200), page) == []

    @pytest.mark.parametrize("name", [NEWEST, FIRST, INTERNAL])
    def test_login_attempts(self, simulated: Simulated, name: str) -> None:
        document, path = dump(name), "/api/User/{userId}/loginAttempts"
        simulated.simulator.sign_in(simulated.simulator.directory.find(USER), "wrong")
        page = json.loads(simulated.call("get", path).body)
        assert page["totalCount"] == 1
        assert deviations(document, answer_schema(document, path, "get", 200), page) == []

    @pytest.mark.parametrize("name", [NEWEST, FIRST, INTERNAL])
    @pytest.mark.parametrize(("path", "body"), [("/api/User/{userId}", None), ("/api/User", {"userIds": [USER]})])
    def test_delete(self, simulated: Simulated, name: str, path: str, body: Any) -> None:
        assert "204" in dump(name)["paths"][path]["delete"]["responses"]
        given = body and {"partitionGlobalId": simulated.partition, **body}
        assert simulated.call("delete", path, given).status == 204


class TestFields:
    @pytest.mark.parametrize("name", [NEWEST, FIRST, INTERNAL])
    def test_every_user_field(self, name: str) -> None:
        assert set(dump(name)["components"]["schemas"]["UserDto"]["properties"]) == {"id", *server.USER_DEFAULTS}

    @pytest.mark.parametrize(
        ("schema", "fields"),
        [
            ("ChangeUserPasswordCommand", "CHANGE_FIELDS"),
            ("UpdateUserCommand", "PUT_USER_FIELDS"),
            ("CreateUserCommand", "CREATE_USER_FIELDS"),
            ("BulkSoftDeleteCommand", "BULK_DELETE_FIELDS"),
            ("BulkCreateOrUpdateSettingsCommand", "PUT_SETTING_FIELDS"),
        ],
    )
    @pytest.mark.parametrize("name", [NEWEST, FIRST, INTERNAL])
    def test_commands_take_no_invented_field(self, name: str, schema: str, fields: str) -> None:
        assert set(getattr(server, fields)) <= set(dump(name)["components"]["schemas"][schema]["properties"])

    def test_user_types_and_page_size(self) -> None:
        document = dump(NEWEST)
        assert tuple(document["components"]["schemas"]["UserType"]["enum"]) == server.USER_TYPES
        parameters = document["paths"]["/api/User/users/{partitionGlobalId}"]["get"]["parameters"]
        (top,) = [parameter["schema"] for parameter in parameters if parameter["name"] == "top"]
        assert (top["minimum"], top["maximum"]) == (0, 1000)


class TestDeviations:
    """The checker itself."""

    @pytest.mark.parametrize("value", [None, 1, {"x": 1}, {"a": 1}, {"a": None}])
    def test_finds(self, value: Any) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        assert deviations({}, schema, value)

    def test_accepts(self) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
        assert deviations({}, schema, {"a": [1]}) == []
