# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request of every module, as it left, against UiPath's own specification."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook
from ansible_collections.rpaops.uipath.tests.playbook.recorder import Recorded, recording
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess
from ansible_collections.rpaops.uipath.tests.simulator.specification import (
    FIRST,
    INTERNAL,
    NEWEST,
    dump,
    needs_specification,
)

openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is a tool of `make test`")
OpenAPIError = pytest.importorskip("openapi_core.exceptions").OpenAPIError
MockRequest = pytest.importorskip("openapi_core.testing.requests").MockRequest

pytestmark = needs_specification

BASE, TOKEN = "/identity", "/identity/connect/token"
GENERATIONS = ("new", "old")
# Each specification has another listing, or none.
LISTINGS = {NEWEST: "User/users", FIRST: None, INTERNAL: "UserPartition/users"}
SCOPES = ["PM.User", "PM.Setting"]
PARTITION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"
USERS = [f"1111111{number}-1111-4111-8111-111111111111" for number in range(5)]
CHANGED, GONE, NAMED, LOST, ROTATED = USERS
MODULE, INFO, ROTATION = (
    f"rpaops.uipath.uipath_{name}" for name in ("user_password", "user_info", "password_rotation")
)


def pair(old: str = "initial-1", new: str = "changed-1") -> dict[str, str]:
    return {"old_password": old, "new_password": new}


def tasks(store: Path) -> list[dict[str, Any]]:
    """Whatever makes a module send a request of another kind."""
    rotation = {"store": {"path": str(store)}, "partition_id": PARTITION, "settle_seconds": 0.1, "timeout": 2}
    account = {"user_id": ROTATED, "user_name": ROTATED, "initial_password": "initial-1"}
    by_name = {"user_name": ROTATED, "initial_password": "initial-1"}
    many = [{"user_id": CHANGED, **pair()}, {"user_id": LOST, **pair()}, {"user_id": GONE, **pair("wrong")}]
    asked: list[tuple[str, dict[str, Any]]] = [
        (MODULE, {"user_name": NAMED, "partition_id": PARTITION, **pair()}),
        (MODULE, {"users": many}),
        (MODULE, {"user_id": CHANGED, **pair()}),  # the probe and the control request
        (INFO, {"partition_id": PARTITION}),
        (INFO, {"names": [NAMED], "partition_id": PARTITION, "login_attempts": True}),
        (INFO, {"user_ids": [NAMED, CHANGED], "scopes": SCOPES}),
        (ROTATION, {**rotation, "accounts": [{k: v for k, v in account.items() if k != "user_name"}]}),
        (ROTATION, {**rotation, "accounts": [by_name], "force": True}),
        (ROTATION, {**rotation, "accounts": [by_name], "state": "resumed"}),
    ]
    return [{"name": f"{number}", name: given, "ignore_errors": True} for number, (name, given) in enumerate(asked)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Recorded]]:
    folder = tmp_path_factory.mktemp("specification")
    (folder / "server").mkdir()
    simulator = SimulatorProcess(folder / "server")
    try:
        for generation in GENERATIONS:
            simulator.configure(generations=generation)
            simulator.control("DELETE", "users")
            users = [{"id": user, "userName": user, "password": "initial-1"} for user in USERS]
            simulator.control("POST", "users", {"users": users})
            simulator.fault("drop", user_id=LOST, apply=True)
            simulator.fault("drop", user_id=ROTATED, apply=True, skip=1, times=2)
            with recording(simulator.port) as (origin, requests):
                connection = {"identity_url": f"{origin}{BASE}", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
                play = Playbook(folder / generation, connection)
                play.allowed_warnings = ("There is no store in", "Some requests got no answer.", "The new password")
                play(tasks(folder / generation / "store"))
                found = list(requests)
            if generation == "new":
                newest = found
        yield [*newest, *found]
    finally:
        simulator.stop()


@lru_cache(maxsize=len(LISTINGS))
def specification(name: str) -> tuple[Any, dict[str, Any]]:
    """Return the specification of users and settings: elsewhere, the newest one is not valid OpenAPI."""
    document = dump(name)
    paths = {path: found for path, found in document["paths"].items() if path.startswith(("/api/User", "/api/Setting"))}
    servers = [{"url": f"http://identity.test{BASE}"}]
    strict = openapi_core.Config(additional_properties_default_policy="forbid")
    return openapi_core.OpenAPI.from_dict({**document, "paths": paths, "servers": servers}, config=strict), document


def deviation(request: Recorded, name: str) -> str | None:
    """Return what the specification says against a request, or None."""
    openapi, _document = specification(name)
    judged = MockRequest(
        "http://identity.test",
        request.method,
        request.path,
        args=request.query,
        headers=dict(request.headers),
        data=request.body,
        content_type=request.content_type,
    )
    try:
        openapi.validate_request(judged)
    except OpenAPIError as error:
        return f"{type(error).__name__}: {error.__cause__ or error}"
    unknown = {query for query, _value in request.query} - known_queries(request, name)
    return f"unknown query names: {sorted(unknown)}" if unknown else None


def known_queries(request: Recorded, name: str) -> set[str]:
    """Return the query names of the operation: the library takes any."""
    _openapi, document = specification(name)
    template = next(path for path in document["paths"] if fits(path, request.path.removeprefix(BASE)))
    parameters = document["paths"][template][request.method.lower()]["parameters"]
    return {parameter["name"] for parameter in parameters if parameter["in"] == "query"}


def fits(template: str, path: str) -> bool:
    pieces = list(zip(template.split("/"), path.split("/")))
    is_long = template.count("/") == path.count("/")
    return is_long and all(one == other or one.startswith("{") for one, other in pieces)


def is_change(request: Recorded) -> bool:
    return kind_of(request) == "changepassword"


class TestRequests:
    def test_there_is_one_of_every_kind(self, recorded: list[Recorded]) -> None:
        kinds = {(request.method, kind_of(request)) for request in recorded}
        assert kinds == {
            ("POST", "connect/token"),
            ("POST", "changepassword"),
            ("GET", "User/users"),
            ("GET", "UserPartition/users"),
            ("GET", "User"),
            ("GET", "loginAttempts"),
            ("GET", "Setting"),
        }

    def test_changes_are_of_every_kind(self, recorded: list[Recorded]) -> None:
        changes = [json.loads(request.body) for request in recorded if is_change(request)]
        kinds = {(one["oldPassword"] == one["newPassword"], one["newPassword"] == "changed-1") for one in changes}
        pairs, generated, probes, controls = (False, True), (False, False), (True, True), (True, False)
        assert kinds == {pairs, generated, probes, controls}

    def test_a_lost_answer_is_followed_by_the_same_pair(self, recorded: list[Recorded]) -> None:
        sent = [json.loads(request.body) for request in recorded if is_change(request) and LOST in request.path]
        assert sent.count({"oldPassword": "initial-1", "newPassword": "changed-1"}) == 2 * len(GENERATIONS)

    @pytest.mark.parametrize("name", LISTINGS)
    def test_every_one_is_as_specified(self, recorded: list[Recorded], name: str) -> None:
        others = {"connect/token", *LISTINGS.values()} - {LISTINGS[name]}
        judged = [request for request in recorded if kind_of(request) not in others]
        found = {(request.method, request.path, deviation(request, name)) for request in judged}
        assert {finding for finding in found if finding[2]} == set()

    def test_a_change_has_both_passwords(self, recorded: list[Recorded]) -> None:
        """The specifications require neither."""
        for request in recorded:
            if is_change(request):
                body = json.loads(request.body)
                assert set(body) == {"oldPassword", "newPassword"}
                assert all(isinstance(password, str) and password for password in body.values())

    def test_a_token_is_asked_for_by_a_form(self, recorded: list[Recorded]) -> None:
        """The specification does not have this operation: it is OAuth's."""
        tokens = [request for request in recorded if request.path == TOKEN]
        assert {request.content_type for request in tokens} == {"application/x-www-form-urlencoded"}
        client = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)]
        forms = {tuple(parse_qsl(request.body.decode())) for request in tokens}
        assert forms == {tuple(client), (*client, ("scope", " ".join(SCOPES)))}


def kind_of(request: Recorded) -> str:
    path = request.path.removeprefix(f"{BASE}/").removeprefix("api/")
    pieces = [piece for piece in path.split("/") if "-" not in piece]
    return pieces[-1] if pieces[-1] in ("changepassword", "loginAttempts") else "/".join(pieces)


def with_header(request: Recorded, name: str, value: str | None) -> Recorded:
    """Return the request with another value of the header, or without it."""
    others = tuple(header for header in request.headers if header[0] != name)
    return replace(request, headers=others if value is None else (*others, (name, value)))


Change = Callable[[Recorded], Recorded]
# What is changed, and which finding it has to lead to: another one would mean that this one is not looked for.
CHANGES: dict[str, tuple[Change, str]] = {
    "a path": (lambda sent: replace(sent, path=sent.path.replace("changepassword", "changePasswords")), "PathNotFound"),
    "a method": (lambda sent: replace(sent, method="PUT"), "OperationNotFound"),
    "an id that is none": (lambda sent: replace(sent, path=sent.path.replace(CHANGED, "someone")), "not a 'uuid'"),
    "a query name": (lambda sent: replace(sent, query=(("dryRun", "true"),)), "unknown query names: ['dryRun']"),
    "a field": (lambda sent: replace(sent, body=sent.body.replace(b"newPass", b"pass")), "InvalidRequestBody"),
    "a type": (lambda sent: replace(sent, body=b'{"oldPassword": ["a"], "newPassword": "b"}'), "InvalidRequestBody"),
    "no JSON": (lambda sent: replace(sent, body=b"oldPassword=a"), "Failed to deserialize"),
    "a content type": (lambda sent: with_header(sent, "Content-Type", "text/plain"), "mimetype not found: text/plain"),
    "no content type": (lambda sent: with_header(sent, "Content-Type", None), "mimetype not found"),
    "no token": (lambda sent: with_header(sent, "Authorization", None), "SecurityValidationError"),
}


class TestJudge:
    """A judge that never finds anything proves nothing."""

    @pytest.mark.parametrize(("change", "finding"), CHANGES.values(), ids=list(CHANGES))
    def test_finds_a_request_with_one_thing_wrong(self, recorded: list[Recorded], change: Change, finding: str) -> None:
        sent = next(request for request in recorded if request.path.endswith(f"{CHANGED}/changepassword"))
        assert deviation(sent, NEWEST) is None
        assert finding in str(deviation(change(sent), NEWEST))

    @pytest.mark.parametrize(
        ("name", "value", "finding"),
        [
            ("top", "5000", "5000 is greater than the maximum"),
            ("sortOrder", "up", "'up' is not one of"),
            ("search", "a", "unknown query names: ['search']"),
        ],
    )
    def test_finds_a_wrong_query_of_a_listing(
        self, recorded: list[Recorded], name: str, value: str, finding: str
    ) -> None:
        sent = next(request for request in recorded if kind_of(request) == LISTINGS[NEWEST])
        assert deviation(sent, NEWEST) is None
        assert finding in str(deviation(replace(sent, query=((name, value),)), NEWEST))
