# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments, _module
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Unauthorized, Unreachable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange
from ansible_collections.rpaops.uipath.plugins.modules.uipath_user_password import (
    STOPPING_STATUSES,
    argument_spec,
    input_problems,
    main,
    refused_results,
    requested_changes,
    run,
    unfinished,
    user_problems,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.conftest import WithArguments
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

LOGIN = "POST /connect/token"
DONE = {"succeeded": True, "errors": []}
REUSE = {"succeeded": False, "errors": [{"code": "PasswordReuse", "description": "Used before."}]}
MISMATCH = {"succeeded": False, "errors": [{"code": "PasswordMismatch", "description": "Incorrect password."}]}
UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
SURROGATE = "an unpaired surrogate (invalid Unicode)"
LINE_BREAK = "new_password ends with a line break, which would be part of the password: leave it out"
NO_ID = "users[1].user_id or users[1].user_name is required"
STRAY = "old_password cannot be combined with users: set it in each entry of users"


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
            {"users": [{**user(None), **named(name)} for name in ("jane", " jane")]},
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
                ["user_id or user_name is required", "old_password is missing", "new_password is missing"],
            ),
            (user("", "", ""), ["user_id is empty", "old_password is empty", "new_password is empty"]),
            (user("u", "a\udcf6", "b"), [f"old_password contains {SURROGATE}"]),
            (user("u", "a", "b\udcf6"), [f"new_password contains {SURROGATE}"]),
            (user("u", "a\n", "b\n"), [LINE_BREAK]),
            (user(".."), ["user_id cannot be part of a URL"]),
            ({"users": [user(), user(None, "")]}, [NO_ID, "users[1].old_password is empty"]),
            ({"users": [user(), user("u2"), user()]}, ["users[2] is the same user as users[0]"]),
            ({"users": [user(UUID), user(UUID.upper())]}, ["users[1] is the same user as users[0]"]),
            ({**user("u1"), **named("jane")}, ["user_id and user_name are mutually exclusive"]),
            ({**user(None), **named("")}, ["user_name is empty"]),
            (
                {"users": [user(), {**user("u2"), **named("jane")}]},
                ["users[1].user_id and users[1].user_name are mutually exclusive"],
            ),
            (
                {"users": [{**user(None), **named(name)} for name in ("Jane", "joe", "jane")]},
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
            "users[7].user_id cannot be part of a URL",
            "users[7].new_password is missing",
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


class HistoryServer:
    """A server with a history that counts the live password. Everyone has the new one, `new-...`."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.control: dict[str, Any] = MISMATCH

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        sent = json.loads(body or b"")
        old, new = sent["oldPassword"], sent["newPassword"]
        if self.lost:
            raise TransportError(f"lost {self.lost.pop()}", sent=True, permanent=False)
        answer = REUSE if old.startswith("new-") else MISMATCH if old != new else self.control
        return Response(400, {}, json.dumps(answer).replace("{0}", new).encode())


class TestRun:
    def statuses(
        self, server: object, clock: Clock, *user_ids: str, sign_in: SignIn = GIVEN_TOKEN, **given: Any
    ) -> list[str]:
        """Change the password of users with scripted answers, one after the other, and return their statuses."""
        defaults = {"check_mode": False, "probe": True, "wait": lambda: clock.sleep(5), "cancelled": lambda: False}
        changes = [PasswordChange(user_id, f"old-{user_id}", f"new-{user_id}") for user_id in user_ids]
        client = client_of(server, clock, sign_in, retries=0)
        self.results = run(changes, client, **{**defaults, **given})
        assert [result["user_id"] for result in self.results] == list(user_ids)
        return [result["status"] for result in self.results]

    def test_changes_every_password(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(200, DONE)
        server.expects(password_of("b"), pair("old-b", "new-b")).answers(200, DONE)
        assert self.statuses(server, clock, "a", "b") == ["changed", "changed"]

    def test_probes_after_a_mismatch(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(400, MISMATCH)
        server.expects(password_of("a"), pair("new-a", "new-a")).answers(200, DONE)
        assert self.statuses(server, clock, "a") == ["already_set"]

    def test_asks_what_a_refused_probe_means(self, clock: Clock) -> None:
        server = HistoryServer()
        assert self.statuses(server, clock, "a") == ["already_set"]
        assert (self.results[0]["changed"], self.results[0]["attempts"]) == (False, 3)

    def test_asks_once_for_all_users(self, clock: Clock) -> None:
        server = HistoryServer()
        assert self.statuses(server, clock, *"abcdefgh", concurrency=4) == ["already_set"] * 8
        assert sum(result["attempts"] for result in self.results) == 8 * 2 + 1

    def test_a_lost_answer_turns_out_as_a_change(self, clock: Clock) -> None:
        server = HistoryServer()
        server.lost = ["a"]
        assert self.statuses(server, clock, "a") == ["changed"]

    def test_masks_the_random_password(self, clock: Clock) -> None:
        server = HistoryServer()
        server.control = {"succeeded": False, "errors": [{"code": "Odd", "description": "Not {0}."}]}
        assert self.statuses(server, clock, "a") == ["unknown"]
        assert self.results[0]["msg"].endswith(f"The server says: Incorrect password. / Used before. / Not {MASK}.")

    def test_always_asks_nothing(self, clock: Clock) -> None:
        server = HistoryServer()
        assert self.statuses(server, clock, "a", probe=False) == ["wrong_password"]
        assert self.results[0]["attempts"] == 1

    def test_does_not_probe_where_told_so(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(400, MISMATCH)
        assert self.statuses(server, clock, "a", probe=False) == ["wrong_password"]

    def test_waits_before_a_lost_answer_is_resolved(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).fails("time is up", sent=True)
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(400, MISMATCH)
        server.expects(password_of("a"), pair("new-a", "new-a")).answers(200, DONE)
        assert self.statuses(server, clock, "a") == ["changed"]
        assert clock.naps == [5]

    def test_a_refused_caller_ends_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(200, DONE)
        server.expects(password_of("b")).answers(401)
        assert self.statuses(server, clock, "a", "b", "c") == ["changed", "unauthorized", "not_attempted"]
        assert self.results[2]["msg"].endswith(
            "because the error unauthorized occurred for another user. Nothing was sent."
        )
        assert self.results[2]["attempts"] == 0

    def test_a_user_whom_the_caller_may_not_change_does_not(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(403)
        server.expects(password_of("b")).answers(200, DONE)
        assert self.statuses(server, clock, "a", "b") == ["unauthorized", "changed"]

    def test_also_where_only_the_probe_was_refused(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a"), pair("old-a", "new-a")).answers(400, MISMATCH)
        server.expects(password_of("a"), pair("new-a", "new-a")).answers(401)
        assert self.statuses(server, clock, "a", "b") == ["unknown", "not_attempted"]
        assert "could not be checked" in self.results[0]["msg"]
        assert self.results[1]["msg"].endswith(
            "because the error unauthorized occurred for another user. Nothing was sent."
        )

    def test_or_the_retry_after_a_lost_answer(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).fails("time is up", sent=True)
        server.expects(password_of("a")).answers(302)
        assert self.statuses(server, clock, "a", "b") == ["unknown", "not_attempted"]
        assert self.results[1]["msg"].endswith(
            "because the error wrong_url occurred for another user. Nothing was sent."
        )

    def test_a_wrong_url_ends_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(200, b"<html>")
        assert self.statuses(server, clock, "a", "b") == ["wrong_url", "not_attempted"]

    def test_three_wrong_passwords_in_a_row_end_the_task(self, server: Transcript, clock: Clock) -> None:
        for user_id in "abc":
            server.expects(password_of(user_id)).answers(400, MISMATCH)
        statuses = self.statuses(server, clock, *"abcde", probe=False)
        assert statuses == ["wrong_password"] * 3 + ["not_attempted"] * 2
        assert "3 users in a row failed, the last as wrong_password" in self.results[-1]["msg"]

    @pytest.mark.parametrize("status", sorted(STOPPING_STATUSES))
    def test_so_does_each_of_these_statuses(self, server: Transcript, clock: Clock, status: str) -> None:
        for user_id in "abc":
            request = server.expects(password_of(user_id))
            if status == "wrong_password":
                request.answers(400, MISMATCH)
            elif status == "unauthorized":
                request.answers(403)
            elif status == "throttled":
                request.answers(429, headers={"Retry-After": "0"})
            else:
                request.fails("time is up", sent=status == "unknown")
        statuses = self.statuses(server, clock, *"abcd", probe=False)
        assert statuses == [status] * 3 + ["not_attempted"]
        assert f"3 users in a row failed, the last as {status}" in self.results[-1]["msg"]

    def test_max_failures_ends_it_earlier(self, server: Transcript, clock: Clock) -> None:
        server.expects(password_of("a")).answers(404, {})
        assert self.statuses(server, clock, "a", "b", max_failures=1) == ["not_found", "not_attempted"]

    def test_a_failed_renewal_ends_it_too(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, {"access_token": "t1"})
        server.expects(password_of("a")).answers(401)
        server.expects(LOGIN).answers(400, {"error": "invalid_client"})
        assert self.statuses(server, clock, "a", "b", sign_in=APPLICATION) == ["unauthorized", "not_attempted"]
        assert (self.results[0]["error_codes"], self.results[0]["attempts"]) == (["invalid_client"], 1)

    def test_check_mode_predicts_and_sends_nothing(self, server: Transcript, clock: Clock) -> None:
        assert self.statuses(server, clock, "a", "b", check_mode=True) == ["would_change"] * 2

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_equal_passwords_send_nothing(self, server: Transcript, clock: Clock, check_mode: bool) -> None:
        (result,) = run(
            [PasswordChange("a", "same", "same")],
            client_of(server, clock, APPLICATION),
            check_mode=check_mode,
            probe=True,
            wait=lambda: None,
            cancelled=lambda: False,
        )
        assert (result["status"], result["attempts"], result["http_status"]) == ("already_set", 0, None)

    def test_no_process_waits_any_more(self, server: Transcript, clock: Clock) -> None:
        assert self.statuses(server, clock, "a", "b", cancelled=lambda: True) == ["not_attempted"] * 2

    def test_a_defect_leaves_one_user_unknown(self, clock: Clock) -> None:
        class DefectiveTransport:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
                if "/b/" in url:
                    raise ZeroDivisionError(body)
                return Response(200, {}, json.dumps(DONE).encode())

        assert self.statuses(DefectiveTransport(), clock, "a", "b", "c") == ["changed", "unknown", "not_attempted"]
        assert "unexpected ZeroDivisionError" in self.results[1]["msg"]

    def test_many_at_the_same_time(self, clock: Clock) -> None:
        class HalfMissingTransport:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
                odd = int(url.split("/")[-2]) % 2
                return Response(404 if odd else 200, {}, json.dumps({} if odd else DONE).encode())

        statuses = self.statuses(HalfMissingTransport(), clock, *map(str, range(100)), concurrency=16, max_failures=0)
        assert statuses == ["changed", "not_found"] * 50


class TestRefusedResults:
    CHANGES = (
        PasswordChange("u1", "same", "same"),
        PasswordChange("", "old", "new", "jane"),
        PasswordChange("u3", "old", "new"),
    )
    ERROR = Unauthorized("No token.", http_status=400, codes=["invalid_client"], trace_id="00-1")

    def test_the_first_user_gets_the_answer_and_the_others_no_turn(self) -> None:
        first, *others = refused_results(self.CHANGES, self.ERROR)
        assert (first["status"], first["http_status"], first["error_codes"], first["trace_id"], first["msg"]) == (
            "unauthorized",
            400,
            ["invalid_client"],
            "00-1",
            "No token.",
        )
        assert [result["status"] for result in others] == ["not_attempted"] * 2
        assert all(
            other["msg"].endswith("because the error unauthorized occurred for another user. Nothing was sent.")
            for other in others
        )

    def test_they_are_in_order_and_nothing_was_tried(self) -> None:
        self.ERROR.attempts = 3  # those of the look-up
        results = refused_results(self.CHANGES, self.ERROR)
        assert [(result["user_id"], result["user_name"]) for result in results] == [
            ("u1", None),
            (None, "jane"),
            ("u3", None),
        ]
        assert not any(result["attempts"] or result["changed"] for result in results)

    def test_equal_passwords_prove_nothing_then(self) -> None:
        (result,) = refused_results(self.CHANGES[:1], Unreachable("Gone."))
        assert (result["status"], result["http_status"], result["msg"]) == ("unreachable", None, "Gone.")

    def test_of_no_users(self) -> None:
        assert refused_results([], self.ERROR) == []


class TestUnfinished:
    def test_one_under_way_is_unknown(self) -> None:
        verdict = unfinished(True, "the task was interrupted")
        assert verdict.status == "unknown"
        assert verdict.reason.endswith("because the task was interrupted.")

    def test_one_not_started_was_not_attempted(self) -> None:
        verdict = unfinished(False, "2 users failed (max_failures)")
        assert verdict.status == "not_attempted"
        message = "The task stopped before this user's turn because 2 users failed (max_failures). Nothing was sent."
        assert verdict.reason == message


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
            "label": "u1",
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
            "msg": "Invalid input; nothing was changed: users[1]: no user has the user name or e-mail address joe.",
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

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_failed_sign_in(self, server: Transcript, with_arguments: WithArguments, check_mode: bool) -> None:
        server.expects(LOGIN).answers(400, {"error": "invalid_client"})
        sign_in = {
            "identity_url": BASE,
            "client_id": "app",
            "client_secret": "s3cret",
            "_ansible_check_mode": check_mode,
        }
        result = with_arguments(main, {**sign_in, "users": [user("a"), user("b"), user("c", "same", "same")]})
        assert (result["failed"], result["changed"]) == (True, False)
        assert [(one["status"], one["attempts"]) for one in result["results"]] == [
            ("unauthorized", 0),
            ("not_attempted", 0),
            ("not_attempted", 0),
        ]
        assert result["results"][0]["error_codes"] == ["invalid_client"]
        assert (result["counts"]["unauthorized"], result["counts"]["not_attempted"]) == (1, 2)

    def test_a_failed_sign_in_of_one_user(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(LOGIN).fails("refused", sent=False, permanent=True)
        sign_in = {"identity_url": BASE, "client_id": "app", "client_secret": "s3cret"}
        result = with_arguments(main, {**sign_in, **user()})
        assert (result["failed"], result["status"], result["user_id"], result["attempts"]) == (
            True,
            "unreachable",
            "u1",
            0,
        )
        assert "results" not in result

    def test_equal_passwords_need_no_sign_in(self, with_arguments: WithArguments) -> None:
        sign_in = {"identity_url": BASE, "client_id": "app", "client_secret": "s3cret"}
        assert with_arguments(main, {**sign_in, **user("u1", "same", "same")})["status"] == "already_set"

    def test_a_list_that_changes_meanwhile(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), total=2))
        server.expects(listing(skip=1)).answers(200, page(dto("joe"), total=3))
        result = with_arguments(main, {**TASK, "users": [named("jane")], "partition_id": ORGANIZATION})
        assert (result["failed"], result["status"], "results" in result) == (True, "list_changed", False)

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
        assert result["msg"].startswith("1 of 2 users failed. By status: 1 changed, 1 not_found. First failure, b: ")

    def test_no_users(self, with_arguments: WithArguments) -> None:
        result = with_arguments(main, {**TASK, "users": []})
        assert (result["changed"], result["results"]) == (False, [])

    def test_check_mode_sends_nothing(self, with_arguments: WithArguments) -> None:
        result = with_arguments(main, {**TASK, **user(), "_ansible_check_mode": True, "_ansible_diff": True})
        assert (result["changed"], result["status"]) == (True, "would_change")
        assert result["diff"] == {"before": {"u1": "old password"}, "after": {"u1": "new password"}}

    def test_a_repeated_run_warns(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("u1")).answers(400, MISMATCH)
        server.expects(password_of("u1")).answers(200, DONE)
        result = with_arguments(main, {**TASK, **user()})
        assert (result["status"], result["changed"]) == ("already_set", False)
        assert "The new password was in effect before." in json.dumps(result["warnings"])

    def test_always_sends_once(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(password_of("u1")).answers(400, MISMATCH)
        result = with_arguments(main, {**TASK, **user(), "update_password": "always"})
        assert (result["status"], result["error_codes"]) == ("wrong_password", ["PasswordMismatch"])

    def test_all_problems_at_once_and_nothing_sent(self, with_arguments: WithArguments) -> None:
        given = {"identity_url": "hunter2", "retries": -1, "users": [{"old_password": "hunter2"}], "concurrency": 0}
        result = with_arguments(main, given)
        assert result["failed"] is True
        for problem in (
            "identity_url",
            "credentials are missing",
            "retries",
            "concurrency",
            "users[0].user_id or",
        ):
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
        text = 'old-1, new-\\"1, env-t0ken, pr0xy'
        error = {"succeeded": False, "errors": [{"code": "Odd", "description": text}]}
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
