# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments, _module
from ansible_collections.rpaops.uipath.plugins.module_utils._auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._directory import User, by_name
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    InvalidInput,
    ListChanged,
    UnexpectedAnswer,
    Unreachable,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.module_utils._password import PasswordChange
from ansible_collections.rpaops.uipath.plugins.module_utils._transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.modules.uipath_user_password import (
    argument_spec,
    input_problems,
    main,
    prepare,
    repetitions,
    requested_changes,
    resolved,
    run,
    unfinished,
    user_problems,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import (
    ORGANIZATION,
    dto,
    listing,
    page,
    token_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import (
    APPLICATION,
    BASE,
    GIVEN_TOKEN,
    Clock,
    Transcript,
    client_of,
)

WithArguments = Callable[[Callable[[], None], dict[str, Any]], dict[str, Any]]

LOGIN = "POST /connect/token"
DONE = {"succeeded": True, "errors": []}
MISMATCH = {"succeeded": False, "errors": [{"code": "PasswordMismatch", "description": "Incorrect password."}]}
UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
NO_ID = "users[1].user_id is missing, or user_name in its place"
STRAY = "old_password goes with user_id or user_name, and into the entries of users"


def password_of(user_id: str) -> str:
    return f"POST /api/User/{user_id}/changepassword"


def pair(old: str, new: str) -> dict[str, str]:
    return {"oldPassword": old, "newPassword": new}


def user(user_id: str | None = "u1", old: str | None = "old-1", new: str | None = "new-1") -> dict[str, str | None]:
    return {"user_id": user_id, "user_name": None, "old_password": old, "new_password": new}


def named(user_name: str, old: str = "old-1", new: str = "new-1") -> dict[str, str]:
    return {"user_name": user_name, "old_password": old, "new_password": new}


def options(**given: Any) -> dict[str, Any]:
    """The options as AnsibleModule hands them over."""
    return {**{name: option.get("default") for name, option in argument_spec().items()}, **given}


class TestArgumentSpec:
    def test_passwords_are_not_logged(self) -> None:
        spec = argument_spec()
        for part in (spec, spec["users"]["options"]):
            assert all(part[name]["no_log"] is True for name in ("old_password", "new_password"))

    def test_user_ids_and_names_are_shown(self) -> None:
        spec = argument_spec()
        assert not spec["users"].get("no_log")
        for part in (spec, spec["users"]["options"]):
            assert not any(part[name].get("no_log") for name in ("user_id", "user_name"))

    def test_passwords_never_come_from_the_environment(self) -> None:
        spec = argument_spec()
        own = ("user_id", "user_name", "old_password", "new_password", "users")
        assert not any("fallback" in spec[name] for name in own)


class TestInputProblems:
    @pytest.mark.parametrize(
        "given",
        [
            user(),
            {"users": []},
            {"users": [user("u1"), user("u2")]},
            {"users": [user("Har-1"), user("har-1")]},
            {**user(None), **named("jane")},
            {"users": [user("jane"), {**user(None), **named("jane")}]},
            {**user(), "concurrency": 64, "max_failures": 0, "settle_seconds": 0.0},
            {**user(), "max_failures": 10**400},
        ],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert input_problems(options(**given)) == []

    @pytest.mark.parametrize(
        ("given", "problems"),
        [
            (
                {},
                ["user_id is missing, or user_name in its place", "old_password is missing", "new_password is missing"],
            ),
            (user("", "", ""), ["user_id is empty", "old_password is empty", "new_password is empty"]),
            (user(".."), ["user_id cannot be part of a URL"]),
            ({"users": [user(), user(None, "")]}, [NO_ID, "users[1].old_password is empty"]),
            ({"users": [user(), user("u2"), user()]}, ["users[2] is the same user as users[0]"]),
            ({"users": [user(UUID), user(UUID.upper())]}, ["users[1] is the same user as users[0]"]),
            ({**user("u1"), **named("jane")}, ["user_id and user_name exclude each other"]),
            ({**user(None), **named("")}, ["user_name is empty"]),
            (
                {"users": [user(), {**user("u2"), **named("jane")}]},
                ["users[1].user_id and users[1].user_name exclude each other"],
            ),
            (
                {"users": [{**user(None), **named(name)} for name in ("Jane", "joe", " jane")]},
                ["users[2] is the same user as users[0]"],
            ),
            ({"users": [user(""), user("")]}, ["users[0].user_id is empty", "users[1].user_id is empty"]),
            ({"users": [], "old_password": "x"}, [STRAY]),
            ({**user(), "concurrency": 0}, ["concurrency must be from 1 to 64"]),
            ({**user(), "concurrency": 65}, ["concurrency must be from 1 to 64"]),
            ({**user(), "max_failures": -1}, ["max_failures must be at least 0"]),
            ({**user(), "settle_seconds": -0.1}, ["settle_seconds must be from 0 to 86400"]),
            ({**user(), "settle_seconds": 1e20}, ["settle_seconds must be from 0 to 86400"]),
        ],
    )
    def test_lists_all_of_them(self, given: dict[str, Any], problems: list[str]) -> None:
        assert input_problems(options(**given)) == problems


class TestUserProblems:
    def test_names_the_place_and_no_value(self) -> None:
        assert user_problems("users[7].", user("..", "hunter2", None)) == [
            "users[7].new_password is missing",
            "users[7].user_id cannot be part of a URL",
        ]


class TestRequestedChanges:
    def test_of_one_user(self) -> None:
        assert requested_changes(options(**user())) == [PasswordChange("u1", "old-1", "new-1")]

    def test_of_a_user_given_by_name(self) -> None:
        given = options(**named("Jane"))
        assert requested_changes(given) == [PasswordChange("", "old-1", "new-1", "Jane")]

    def test_of_many_in_order(self) -> None:
        given = options(users=[user("b"), user("a")])
        assert [change.user_id for change in requested_changes(given)] == ["b", "a"]


class TestRun:
    def ended(
        self, server: object, clock: Clock, *user_ids: str, sign_in: SignIn = GIVEN_TOKEN, **given: Any
    ) -> list[str]:
        """Change the password of users with scripted answers, one after the other, and return their statuses."""
        defaults = {"check_mode": False, "probe": True, "settle": lambda: clock.sleep(5), "cancelled": lambda: False}
        changes = [PasswordChange(user_id, f"old-{user_id}", f"new-{user_id}") for user_id in user_ids]
        client = client_of(server, clock, sign_in, retries=0)
        _changes, refusal = prepare(changes, client, None)
        self.results = run(changes, client, refusal=refusal, **{**defaults, **given})
        assert [result["user_id"] for result in self.results] == list(user_ids)
        return [result["status"] for result in self.results]

    def test_changes_every_password(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(200, DONE)
        server.expects(password_of("b"), pair("old-b", "new-b")).answers(200, DONE)
        assert self.ended(server, clock, "a", "b") == ["changed", "changed"]

    def test_probes_after_a_mismatch(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(400, MISMATCH)
        server.expects(password_of("a"), pair("new-a", "new-a")).answers(200, DONE)
        assert self.ended(server, clock, "a") == ["already_set"]

    def test_does_not_probe_where_told_so(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(400, MISMATCH)
        assert self.ended(server, clock, "a", probe=False) == ["wrong_password"]

    def test_settles_before_a_lost_answer_is_resolved(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).fails("time is up", sent=True)
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(400, MISMATCH)
        server.expects(password_of("a"), pair("new-a", "new-a")).answers(200, DONE)
        assert self.ended(server, clock, "a") == ["changed"]
        assert clock.naps == [5]

    def test_a_refused_caller_ends_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(200, DONE)
        server.expects(password_of("b")).answers(403)
        assert self.ended(server, clock, "a", "b", "c") == ["changed", "unauthorized", "not_attempted"]
        assert self.results[2]["msg"].endswith("another user ended as unauthorized.")
        assert self.results[2]["attempts"] == 0

    def test_a_wrong_base_ends_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(200, b"<html>")
        assert self.ended(server, clock, "a", "b") == ["wrong_base", "not_attempted"]

    def test_three_wrong_passwords_in_a_row_end_the_task(self, server: Transcript, clock: Clock) -> None:
        for user_id in "abc":
            server.expects(password_of(user_id)).answers(400, MISMATCH)
        statuses = self.ended(server, clock, *"abcde", probe=False)
        assert statuses == ["wrong_password"] * 3 + ["not_attempted"] * 2
        assert "3 users in a row ended as wrong_password" in self.results[-1]["msg"]

    def test_max_failures_ends_it_earlier(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(404, {})
        assert self.ended(server, clock, "a", "b", max_failures=1) == ["not_found", "not_attempted"]

    def test_a_failed_sign_in_is_the_answer_to_the_first_user(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(400, {"error": "invalid_client"})
        statuses = self.ended(server, clock, "a", "b", sign_in=APPLICATION, concurrency=4)
        assert statuses == ["unauthorized", "not_attempted"]
        assert (self.results[0]["error_codes"], self.results[0]["attempts"]) == (["invalid_client"], 0)

    def test_an_unreachable_token_endpoint_ends_it_too(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).fails("refused", sent=False, lasting=True)
        assert self.ended(server, clock, "a", "b", sign_in=APPLICATION) == ["unreachable", "not_attempted"]

    def test_check_mode_signs_in_and_predicts(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, {"access_token": "t1"})
        assert self.ended(server, clock, "a", "b", sign_in=APPLICATION, check_mode=True) == ["would_change"] * 2

    def test_check_mode_finds_a_failing_sign_in(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(400, {"error": "invalid_client"})
        statuses = self.ended(server, clock, "a", "b", sign_in=APPLICATION, check_mode=True)
        assert statuses == ["unauthorized", "not_attempted"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_equal_passwords_need_no_sign_in(self, server: Transcript, clock: Clock, check_mode: bool) -> None:
        client = client_of(server, clock, APPLICATION)
        changes, refusal = prepare([PasswordChange("a", "same", "same")], client, None)
        assert refusal is None
        (result,) = run(
            changes, client, check_mode=check_mode, probe=True, settle=lambda: None, cancelled=lambda: False
        )
        assert (result["status"], result["attempts"], result["http_status"]) == ("already_set", 0, None)

    def test_equal_passwords_prove_nothing_for_a_name_that_was_not_looked_up(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).answers(403)
        client = client_of(server, clock)
        changes, refusal = prepare([PasswordChange("", "same", "same", "jane")], client, ORGANIZATION)
        (result,) = run(
            changes,
            client,
            refusal=refusal,
            check_mode=False,
            probe=True,
            settle=lambda: None,
            cancelled=lambda: False,
        )
        assert (result["status"], result["user_id"]) == ("unauthorized", None)

    def test_nobody_waits_any_more(self, server: Transcript, clock: Clock) -> None:
        assert self.ended(server, clock, "a", "b", cancelled=lambda: True) == ["not_attempted"] * 2

    def test_a_defect_leaves_one_user_unknown(self, clock: Clock) -> None:
        class Server:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
                if "/b/" in url:
                    raise ZeroDivisionError(body)
                return Response(200, {}, json.dumps(DONE).encode())

        assert self.ended(Server(), clock, "a", "b", "c") == ["changed", "unknown", "not_attempted"]
        assert "unexpected ZeroDivisionError" in self.results[1]["msg"]

    def test_many_at_the_same_time(self, clock: Clock) -> None:
        class Server:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
                odd = int(url.split("/")[-2]) % 2
                return Response(404 if odd else 200, {}, json.dumps({} if odd else DONE).encode())

        statuses = self.ended(Server(), clock, *map(str, range(100)), concurrency=16, max_failures=0)
        assert statuses == ["changed", "not_found"] * 50


class TestPrepare:
    CHANGE = PasswordChange("u1", "old-1", "new-1")

    def test_nothing_to_say(self, server: Transcript, clock: Clock) -> None:
        assert prepare([self.CHANGE], client_of(server, clock), None) == ([self.CHANGE], None)

    def test_any_failure_stops_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(503)
        _changes, answer = prepare([self.CHANGE], client_of(server, clock, APPLICATION, retries=0), None)
        assert answer is not None
        assert (answer.outcome, answer.stops_task) == (Unreachable.status, True)

    def prepared(
        self, server: Transcript, clock: Clock, *user_names: str
    ) -> tuple[Sequence[PasswordChange], PasswordAnswer | None]:
        changes = [self.CHANGE, *(PasswordChange("", "old", "new", name) for name in user_names)]
        return prepare(changes, client_of(server, clock, retries=0), ORGANIZATION)

    def test_names_get_their_ids_and_ids_are_not_asked_for(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), dto("joe")))
        changes, refusal = self.prepared(server, clock, "JOE", "jane@example.com")
        assert ([change.user_id for change in changes], refusal) == (["u1", "id-joe", "id-jane"], None)
        assert [change.user_name for change in changes] == [None, "JOE", "jane@example.com"]

    def test_equal_passwords_are_no_reason_to_trust_a_name(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page())
        with pytest.raises(InvalidInput, match="nobody has the user name"):
            prepare([PasswordChange("", "same", "same", "jane")], client_of(server, clock), ORGANIZATION)

    def test_without_an_organization(self, server: Transcript, clock: Clock) -> None:
        with pytest.raises(InvalidInput, match="partition_id is missing"):
            prepare([PasswordChange("", "old", "new", "jane")], client_of(server, clock), None)

    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (401, b"", "unauthorized"),
            (403, b"", "unauthorized"),
            (200, b"<html>", "wrong_base"),
            (429, b"", "throttled"),
        ],
    )
    def test_a_refused_look_up_is_the_answer_to_the_first_user(
        self, server: Transcript, clock: Clock, status: int, body: bytes, outcome: str
    ) -> None:
        server.expects(listing()).answers(status, body)
        changes, refusal = self.prepared(server, clock, "jane")
        assert refusal is not None
        assert (refusal.outcome, refusal.stops_task, refusal.attempts) == (outcome, True, 0)
        assert [change.user_id for change in changes] == ["u1", ""]

    @pytest.mark.parametrize(("status", "answer"), [(200, {}), (500, b""), (400, {})])
    def test_a_failed_look_up_ends_the_task(
        self, server: Transcript, clock: Clock, status: int, answer: object
    ) -> None:
        server.expects(listing()).answers(status, answer)
        with pytest.raises(UnexpectedAnswer):
            self.prepared(server, clock, "jane")

    def test_a_changing_list_ends_it_too(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), total=2))
        server.expects(listing(skip=1)).answers(200, page(dto("joe"), total=3))
        with pytest.raises(ListChanged):
            self.prepared(server, clock, "jane")


class TestResolved:
    def test_all_that_is_wrong_at_once(self) -> None:
        users = [
            dto("jane"),
            dto("clerk", isActive=False),
            dto("robot", type="robotAccount"),
            dto("twin"),
            dto("other", email="twin"),
        ]
        named_users = by_name(User(fields["id"], fields) for fields in users)
        names = ["nobody", "jane", "clerk", "robot", "TWIN"]
        changes = [PasswordChange("", "old", "new", name) for name in names]
        with pytest.raises(InvalidInput) as caught:
            resolved(changes, named_users)
        assert caught.value.problems == (
            "users[0]: nobody has the user name or e-mail address nobody",
            "users[2]: clerk is not active",
            "users[3]: robot is a robotAccount, which has no password here",
            "users[4]: TWIN is the user name or e-mail address of id-twin and of id-other: use the id",
        )

    @pytest.mark.parametrize(
        "others", [[PasswordChange("", "old", "new", "jane@example.com")], [PasswordChange(UUID.upper(), "old", "new")]]
    )
    def test_the_same_user_twice(self, others: list[PasswordChange]) -> None:
        jane = dto("jane", id=UUID)
        changes = [PasswordChange("", "old", "new", "jane"), *others]
        with pytest.raises(InvalidInput) as caught:
            resolved(changes, by_name([User(UUID, jane)]))
        assert caught.value.problems == ("users[1] is the same user as users[0]",)

    def test_a_single_user_has_no_number(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            resolved([PasswordChange("", "old", "new", "jane")], {})
        assert caught.value.problems == ("nobody has the user name or e-mail address jane",)


class TestRepetitions:
    def test_each_names_the_first(self) -> None:
        assert repetitions(["a", "b", "a", "a"]) == [
            "users[2] is the same user as users[0]",
            "users[3] is the same user as users[0]",
        ]

    def test_empty_ones_are_none(self) -> None:
        assert repetitions(["", ""]) == []


class TestUnfinished:
    def test_one_under_way_is_unknown(self) -> None:
        verdict = unfinished(True, "the task was interrupted")
        assert verdict.status == "unknown"
        assert verdict.answers[0].cause == "the task was interrupted."

    def test_one_not_started_was_not_attempted(self) -> None:
        assert unfinished(False, None).status == "not_attempted"


TASK = {"identity_url": BASE, "access_token": "given-t0ken", "settle_seconds": 0, "retries": 0}


class TestMain:
    @pytest.fixture(autouse=True)
    def _connected(self, server: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_arguments, "Transport", lambda options, environ: server)

    def test_one_user(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("u1"), pair("old-1", "new-1"), token="given-t0ken").answers(200, DONE)
        result = with_arguments(main, {**TASK, **user()})
        del result["invocation"]
        assert result == {
            "changed": True,
            "user_id": "u1",
            "user_name": None,
            "status": "changed",
            "http_status": 200,
            "error_codes": [],
            "trace_id": None,
            "attempts": 1,
            "msg": "The password was changed.",
        }

    def test_one_user_by_name(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), dto("joe")))
        server.expects(password_of("id-jane"), pair("old-1", "new-1")).answers(200, DONE)
        given = {**TASK, **named("Jane"), "partition_id": ORGANIZATION, "_ansible_diff": True}
        result = with_arguments(main, given)
        assert (result["user_id"], result["user_name"], result["status"]) == ("id-jane", "Jane", "changed")
        assert result["diff"]["after"] == {"Jane": "new password"}

    def test_users_by_name_and_by_id(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), dto("joe")))
        for user_id in ("id-joe", "u1", "id-jane"):
            server.expects(password_of(user_id)).answers(200, DONE)
        users = [named("joe"), user("u1"), named("jane@example.com")]
        given = {**TASK, "access_token": token_of(ORGANIZATION), "users": users, "concurrency": 1}
        results = with_arguments(main, given)["results"]
        assert [(result["user_id"], result["user_name"]) for result in results] == [
            ("id-joe", "joe"),
            ("u1", None),
            ("id-jane", "jane@example.com"),
        ]

    def test_an_unknown_name_leaves_all_users_alone(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(dto("jane")))
        given = {"users": [named("jane"), named("joe"), user("u1")], "partition_id": ORGANIZATION}
        result = with_arguments(main, {**TASK, **given})
        del result["invocation"]
        assert result == {
            "failed": True,
            "msg": "Nothing was changed, because the input has problems:"
            " users[1]: nobody has the user name or e-mail address joe.",
            "status": "invalid_input",
            "http_status": None,
            "error_codes": [],
            "trace_id": None,
        }

    def test_a_token_that_may_not_read(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(403)
        given = {"users": [named("jane"), user("u1")], "partition_id": ORGANIZATION}
        results = with_arguments(main, {**TASK, **given})["results"]
        assert [(result["status"], result["user_id"]) for result in results] == [
            ("unauthorized", None),
            ("not_attempted", "u1"),
        ]
        assert "PM.User.Read" in results[0]["msg"]
        assert results[0]["attempts"] == 0

    def test_a_server_that_cannot_list(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(500, {"traceId": "00-1"})
        given = {"users": [named("jane"), user("u1")], "partition_id": ORGANIZATION}
        result = with_arguments(main, {**TASK, **given})
        assert (result["status"], result["http_status"], result["trace_id"]) == ("unexpected_answer", 500, "00-1")
        assert "results" not in result

    def test_check_mode_looks_names_up(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(dto("jane")))
        given = {**TASK, **named("jane"), "partition_id": ORGANIZATION, "_ansible_check_mode": True}
        result = with_arguments(main, given)
        assert (result["status"], result["user_id"]) == ("would_change", "id-jane")

    def test_many_users_that_fail_in_part(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("a")).answers(200, DONE)
        server.expects(password_of("b")).answers(404, {})
        given = {"users": [user("a"), user("b")], "concurrency": 1}
        result = with_arguments(main, {**TASK, **given})
        assert (result["failed"], result["changed"]) == (True, True)
        assert [entry["status"] for entry in result["results"]] == ["changed", "not_found"]
        assert (result["counts"]["changed"], result["counts"]["not_found"]) == (1, 1)
        assert result["msg"].startswith("1 of 2 users failed: 1 changed, 1 not_found. The first of them, b: ")

    def test_no_users(self, with_arguments: WithArguments) -> None:
        result = with_arguments(main, {**TASK, "users": []})
        assert (result["changed"], result["results"]) == (False, [])

    def test_check_mode_sends_nothing(self, with_arguments: WithArguments) -> None:
        result = with_arguments(main, {**TASK, **user(), "_ansible_check_mode": True, "_ansible_diff": True})
        assert (result["changed"], result["status"]) == (True, "would_change")
        assert result["diff"] == {"before": {"u1": "old password"}, "after": {"u1": "new password"}}

    def test_always_sends_once(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("u1")).answers(400, MISMATCH)
        result = with_arguments(main, {**TASK, **user(), "update_password": "always"})
        assert (result["status"], result["error_codes"]) == ("wrong_password", ["PasswordMismatch"])

    def test_all_problems_at_once_and_nothing_sent(self, with_arguments: WithArguments) -> None:
        given = {"identity_url": "hunter2", "retries": -1, "users": [{"old_password": "hunter2"}], "concurrency": 0}
        result = with_arguments(main, given)
        assert result["failed"] is True
        for problem in ("identity_url", "sign-in is missing", "retries", "concurrency", "users[0].user_id is missing"):
            assert problem in result["msg"]
        assert "hunter2" not in result["msg"]

    @pytest.mark.parametrize("other", ["client_id", "client_secret"])
    def test_two_ways_to_sign_in(self, with_arguments: WithArguments, other: str) -> None:
        result = with_arguments(main, {**TASK, **user(), other: "app-secret"})
        assert "mutually exclusive" in result["msg"]

    @pytest.mark.parametrize("one", [user(), named("jane")])
    def test_one_user_and_many(self, with_arguments: WithArguments, one: dict[str, str]) -> None:
        assert "mutually exclusive" in with_arguments(main, {**TASK, **one, "users": []})["msg"]

    def test_the_environment_fills_up(
        self, server: Transcript, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environ = {"IDENTITY_URL": f"{BASE}/", "TOKEN_URL": "", "CLIENT_ID": "app", "CLIENT_SECRET": "s", "PROXY": ""}
        for name, value in environ.items():
            monkeypatch.setenv(f"UIPATH_{name}", value)
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s"}
        server.expects(LOGIN, form).answers(200, {"access_token": "t1"})
        server.expects(password_of("u1"), token="t1").answers(200, DONE)
        assert with_arguments(main, user())["status"] == "changed"

    def test_secrets_do_not_reach_the_result(
        self, server: Transcript, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UIPATH_ACCESS_TOKEN", "env-t0ken")
        words = 'old-1, new-\\"1, env-t0ken, pr0xy'
        error = {"succeeded": False, "errors": [{"code": "Odd", "description": words}]}
        server.expects(password_of("u1")).answers(400, error)
        given = {"identity_url": BASE, "proxy": "http://me:pr0xy@proxy", **user(new='new-"1')}
        result = with_arguments(main, given)
        assert result["msg"].endswith(f"The server says: {MASK}, {MASK}, {MASK}, {MASK}")
        assert not any(secret in json.dumps(result) for secret in ("old-1", 'new-"1', "env-t0ken", "pr0xy"))

    def test_unverified_warns(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("u1")).answers(200, DONE)
        result = with_arguments(main, {**TASK, **user(), "validate_certs": False})
        assert "validate_certs is false" in json.dumps(result["warnings"])

    def test_interrupted_before_the_first_request(
        self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_arguments: object, **_options: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(_module, "connect", interrupt)
        result = with_arguments(main, {**TASK, **user()})
        assert "interrupted" in result["msg"]
        assert "Traceback" not in json.dumps(result)

    def test_without_requests(self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", "ImportError: requests")
        result = with_arguments(main, {**TASK, **user()})
        assert "requests" in result["msg"]
        assert result["failed"] is True
