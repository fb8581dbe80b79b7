# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Ambiguous, UnexpectedAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import User
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.login_attempts import SignIns
from ansible_collections.rpaops.uipath.plugins.modules.uipath_user_info import (
    argument_spec,
    input_problems,
    is_included,
    main,
    read_sign_ins,
    run,
    task_result,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.conftest import WithArguments
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import (
    ORGANIZATION,
    dto,
    listing,
    one_user,
    page,
    token_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, Clock, Transcript, client_of

UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
A = dto("a")
B = dto("b")
C = dto("c")
TEN = [str(number) for number in range(10)]


def attempts_of(user_id: str) -> str:
    return f"GET /api/User/{user_id}/loginAttempts?top=1000"


def options(**given: Any) -> dict[str, Any]:
    """The options as AnsibleModule hands them over."""
    return {**{name: option.get("default") for name, option in argument_spec().items()}, **given}


class TestInputProblems:
    @pytest.mark.parametrize(
        "given",
        [{}, {"names": [], "user_ids": []}, {"names": ["a", " b "], "user_ids": ["har-1"]}, {"names": [".."]}],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert input_problems(options(**given)) == []

    def test_lists_all_of_them(self) -> None:
        given = options(names=["a", ""], user_ids=["..", " ", "x"])
        assert input_problems(given) == [
            "names[1] is empty",
            "user_ids[1] is empty",
            "user_ids[0] cannot be part of a URL",
        ]


class TestRun:
    def found(
        self,
        server: Transcript,
        clock: Clock,
        names: list[str] | None = None,
        user_ids: list[str] | None = None,
        partition_id: str | None = ORGANIZATION,
    ) -> tuple[list[str], list[str]]:
        """The ids of the users found, and what is missing."""
        client = client_of(server, clock, retries=0, check_mode=True)
        users, missing = run(client, partition_id=partition_id, names=names, user_ids=user_ids)
        return [user.id for user in users], missing

    def test_all_users(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(B, A))
        assert self.found(server, clock) == (["id-b", "id-a"], [])

    @pytest.mark.parametrize(("names", "user_ids"), [([], None), (None, []), ([], [])])
    def test_empty_lists_find_no_user_and_ask_nothing(
        self, server: Transcript, clock: Clock, names: list[str] | None, user_ids: list[str] | None
    ) -> None:
        assert self.found(server, clock, names, user_ids, partition_id=None) == ([], [])

    def test_names_in_their_order(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, B, C))
        assert self.found(server, clock, ["C", "a@EXAMPLE.com"]) == (["id-c", "id-a"], [])

    def test_a_user_asked_for_in_several_ways_comes_once(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, B))
        found = self.found(server, clock, ["b", "B@example.com", "a"], ["id-b", "id-a"])
        assert found == (["id-b", "id-a"], [])

    def test_names_before_ids(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, B, C))
        assert self.found(server, clock, ["c", "b"], ["id-a"]) == (["id-c", "id-b", "id-a"], [])

    def test_what_is_missing_is_spelled_as_it_was_asked_for(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A))
        found = self.found(server, clock, [" Stranger", "a", "Stranger@Example.COM"], ["ID-A", "id-a"])
        assert found == (["id-a"], [" Stranger", "Stranger@Example.COM", "ID-A"])

    def test_a_name_of_two_users(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, dto("b", email="A")))
        with pytest.raises(Ambiguous, match="a is the user name or e-mail address of id-a and of id-b: use the id"):
            self.found(server, clock, ["a", "stranger"])

    def test_a_name_of_two_users_among_those_not_asked_for(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, B, dto("B")))
        assert self.found(server, clock, ["a"]) == (["id-a"], [])

    def test_ten_ids_need_no_organization(self, server: Transcript, clock: Clock) -> None:
        for user_id in TEN:
            server.expects(one_user(user_id)).answers(200, dto("x", id=user_id))
        assert self.found(server, clock, user_ids=TEN, partition_id=None) == (TEN, [])

    def test_eleven_are_listed(self, server: Transcript, clock: Clock) -> None:
        asked = [*TEN, "10"]
        server.expects(listing()).answers(200, page(*(dto(f"x{number}", id=number) for number in asked)))
        assert self.found(server, clock, user_ids=asked) == (asked, [])

    def test_one_name_among_many_costs_the_whole_list(self, server: Transcript, clock: Clock) -> None:
        """A search that finds it would not prove that there is no second one of the name."""
        server.expects(listing()).answers(200, page(A, B, total=4))
        server.expects(listing(skip=2)).answers(200, page(C, dto("d", email="A"), total=4))
        with pytest.raises(Ambiguous, match="of id-a and of id-d"):
            self.found(server, clock, ["a"])

    @pytest.mark.parametrize(("status", "answer"), [(400, {"errors": {"userId": ["No."]}}), (404, {"title": "No."})])
    def test_an_id_of_no_user(self, server: Transcript, clock: Clock, status: int, answer: Any) -> None:
        server.expects(one_user("x")).answers(status, answer)
        server.expects(one_user("id-a")).answers(200, A)
        assert self.found(server, clock, user_ids=["x", "id-a"]) == (["id-a"], ["x"])

    def test_a_refusal_says_nothing_about_an_id(self, server: Transcript, clock: Clock) -> None:
        server.expects(one_user("x")).answers(400, {"title": "Bad Request"})
        with pytest.raises(UnexpectedAnswer, match=r"The server says: Bad Request$"):
            self.found(server, clock, user_ids=["x"])

    def test_space_around_a_name_is_part_of_it(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(A, dto(" b")))
        assert self.found(server, clock, ["a ", " B"]) == (["id- b"], ["a "])

    def test_an_id_in_another_case(self, server: Transcript, clock: Clock) -> None:
        server.expects(one_user(UUID.upper())).answers(200, dto("a", id=UUID))
        assert self.found(server, clock, user_ids=[UUID.upper()]) == ([UUID], [])

    def test_an_id_that_the_server_does_not_answer(self, server: Transcript, clock: Clock) -> None:
        server.expects(one_user("x")).answers(500)
        with pytest.raises(UnexpectedAnswer):
            self.found(server, clock, user_ids=["x"])


class TestIsIncluded:
    @pytest.mark.parametrize(
        ("include", "included"),
        [
            (None, ["a", "b", "c"]),
            ({}, ["a", "b", "c"]),
            ({"active": True, "type": None}, ["a", "c"]),
            ({"active": False, "type": None}, ["b"]),
            ({"active": None, "type": ["user", "robot"]}, ["a", "b"]),
            ({"active": True, "type": ["directoryUser"]}, ["c"]),
            ({"active": None, "type": []}, []),
        ],
    )
    def test_by_activity_and_type(self, include: dict[str, Any] | None, included: list[str]) -> None:
        users = [dto("a"), dto("b", isActive=False), dto("c", type="directoryUser")]
        assert [user["userName"] for user in users if is_included(User("1", user), include)] == included


class TestTaskResult:
    def test_missing_ones_are_no_failure(self) -> None:
        result = task_result([User("id-a", A)], ["x"], options(), {})
        assert (result["missing"], result["msg"]) == (["x"], "Found: 1. Missing: 1.")
        assert "failed" not in result

    def test_missing_ones_are_one_where_told_so(self) -> None:
        result = task_result([User("id-a", A)], ["x", "Y"], options(fail_on_missing=True), {})
        assert (result["failed"], result["status"], result["missing"]) == (True, "not_found", ["x", "Y"])
        assert result["msg"] == "No user has these names or ids: x, Y."

    def test_sign_ins_of_those_whose_can_be_read(self) -> None:
        sign_ins = {"id-a": SignIns("2026-03-01T08:00:00Z", 2, locked_out=True)}
        users = task_result([User("id-a", A), User("id-b", B)], [], options(), sign_ins)["users"]
        assert [user["login_attempts"] for user in users] == [
            {"last_success": "2026-03-01T08:00:00Z", "failures_since": 2, "locked_out": True},
            None,
        ]


class TestReadSignIns:
    def asked(self, server: Transcript, clock: Clock, *statuses: int) -> list[str]:
        """The ids of the users whose sign-ins were read, of five users whose requests are answered like this."""
        for number, status in enumerate(statuses):
            server.expects(attempts_of(f"id-{number}")).answers(status, {"totalCount": 0, "results": []})
        users = [User(f"id-{number}", dto(str(number))) for number in range(5)]
        return list(read_sign_ins(client_of(server, clock, retries=0), users))

    def test_one_request_each(self, server: Transcript, clock: Clock) -> None:
        assert self.asked(server, clock, *[200] * 5) == ["id-0", "id-1", "id-2", "id-3", "id-4"]

    def test_stops_where_the_token_may_not_read_them(self, server: Transcript, clock: Clock) -> None:
        assert self.asked(server, clock, 403, 403, 403) == []

    def test_stops_after_three_in_a_row_that_cannot_be_read(self, server: Transcript, clock: Clock) -> None:
        assert self.asked(server, clock, 200, 500, 500, 500) == ["id-0"]

    def test_goes_on_where_some_cannot_be_read(self, server: Transcript, clock: Clock) -> None:
        assert self.asked(server, clock, 404, 404, 200, 404, 404) == ["id-2"]


TASK = {"identity_url": BASE, "access_token": token_of(ORGANIZATION), "retries": 0}


class TestMain:
    @pytest.fixture(autouse=True)
    def _connected(self, server: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_arguments, "Transport", lambda options, environ: server)

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_finds_and_changes_nothing(
        self, server: Transcript, with_arguments: WithArguments, check_mode: bool
    ) -> None:
        server.expects(listing()).answers(200, page(A, dto("r", type="robotAccount", email=None)))
        given = {"names": ["R", "stranger"], "include": {"type": ["robotAccount"]}, "_ansible_check_mode": check_mode}
        result = with_arguments(main, {**TASK, **given})
        del result["invocation"]
        (robot,) = result.pop("users")
        assert (robot["id"], robot["type"], robot["email"], robot["password_changeable"]) == (
            "id-r",
            "robotAccount",
            None,
            False,
        )
        assert result == {"missing": ["stranger"], "msg": "Found: 1. Missing: 1."}

    def test_login_attempts(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(A, B))
        attempt = {"result": "invalidPassword", "creationTime": "2026-03-01T08:00:00Z"}
        server.expects(attempts_of("id-a")).answers(200, {"totalCount": 1, "results": [attempt]})
        result = with_arguments(main, {**TASK, "names": ["a"], "login_attempts": True})
        expected = {"last_success": None, "failures_since": 1, "locked_out": False}
        assert [user["login_attempts"] for user in result["users"]] == [expected]
        assert "warnings" not in result

    def test_login_attempts_that_the_token_may_not_read(
        self, server: Transcript, with_arguments: WithArguments
    ) -> None:
        server.expects(listing()).answers(200, page(A))
        server.expects(attempts_of("id-a")).answers(403)
        result = with_arguments(main, {**TASK, "names": ["a"], "login_attempts": True})
        assert [user["login_attempts"] for user in result["users"]] == [None]
        assert "The sign-ins of 1 of 1 users could not be read." in json.dumps(result["warnings"])

    def failed(self, with_arguments: WithArguments, **given: Any) -> dict[str, Any]:
        result = with_arguments(main, {**TASK, **given})
        del result["invocation"]
        assert result.pop("failed") is True
        assert set(result) - {"missing"} == {"msg", "status", "http_status", "error_codes", "trace_id"}
        return result

    def test_missing_users(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(A))
        result = self.failed(with_arguments, names=["a", "x"], fail_on_missing=True)
        assert (result["status"], result["missing"]) == ("not_found", ["x"])

    def test_a_token_that_may_not_read(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(403, {"traceId": "00-1"})
        result = self.failed(with_arguments)
        assert (result["status"], result["http_status"], result["trace_id"]) == ("unauthorized", 403, "00-1")

    def test_an_ambiguous_name(self, server: Transcript, with_arguments: WithArguments) -> None:
        server.expects(listing()).answers(200, page(A, dto("A")))
        assert self.failed(with_arguments, names=["a"])["status"] == "ambiguous"

    def test_bad_input_of_all_kinds_at_once(self, with_arguments: WithArguments) -> None:
        result = self.failed(with_arguments, names=[""], partition_id="..", retries=-1)
        assert result["status"] == "invalid_input"
        assert all(problem in result["msg"] for problem in ("names[0] is empty", "partition_id cannot", "retries must"))

    def test_no_organization(self, with_arguments: WithArguments) -> None:
        result = self.failed(with_arguments, access_token="opaque", names=["a"])
        assert (result["status"], "partition_id is missing" in result["msg"]) == ("invalid_input", True)

    def test_an_organization_from_the_environment(
        self, server: Transcript, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UIPATH_PARTITION_ID", ORGANIZATION)
        server.expects(listing()).answers(200, page())
        assert with_arguments(main, {**TASK, "access_token": "opaque"})["users"] == []

    def test_an_unknown_type(self, with_arguments: WithArguments) -> None:
        result = with_arguments(main, {**TASK, "include": {"type": ["person"]}})
        assert "include.type[0] must be one of: user, robot" in result["msg"]
