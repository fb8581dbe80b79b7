# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Throttled, Unauthorized
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import POLICY_CODES
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import (
    NAME_AS_ID,
    PasswordAnswer,
    answer_kind,
    canonical_user_id,
    change_password,
    is_identity_result,
    is_unknown_id,
    read_password_answer,
    unanswered,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import (
    APPLICATION,
    BASE,
    Clock,
    Transcript,
    client_of,
)

OLD, NEW = "old-Hunter2", 'new-"Quoted"'
UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
SUCCEEDED = {"succeeded": True, "errors": []}
PROBLEM_DETAILS = {
    "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
    "title": "One or more validation errors occurred.",
    "status": 400,
    "traceId": "00-84c1-85d1-00",
    "errors": {"$.newPassword": ["'h' is an invalid start of the value, near unter2."]},
}


INVALID_ID = {"errors": {"userId": ["The value 'x' is not valid."]}, "title": "One or more validation errors occurred."}


def identity_result(*codes: str, **other: Any) -> dict[str, Any]:
    return {"succeeded": False, "errors": [{"code": code, "description": f"{code}."} for code in codes], **other}


class TestAnswerKind:
    @pytest.mark.parametrize(
        ("status", "answer", "kind"),
        [
            (200, SUCCEEDED, "applied"),
            (200, {"succeeded": True}, "applied"),
            (200, identity_result("PasswordMismatch"), "mismatch"),
            (200, identity_result("Other"), "refused"),
            (200, {"succeeded": False}, "refused"),
            (200, {"succeeded": "true"}, "unknown"),
            (200, {"succeeded": 1}, "unknown"),
            (200, {"succeeded": True, "errors": {"a": ["b"]}}, "unknown"),
            (200, {}, "unknown"),
            (200, None, "unknown"),
            (200, [], "unknown"),
            (201, SUCCEEDED, "unknown"),
            (204, None, "unknown"),
            (400, PROBLEM_DETAILS, "refused"),
            (400, identity_result("PasswordMismatch"), "mismatch"),
            (400, identity_result("PasswordTooShort", "PasswordMismatch"), "mismatch"),
            *((400, identity_result(code), "policy") for code in sorted(POLICY_CODES)),
            (400, identity_result("PasswordTooShort", "PasswordRequiresDigit"), "policy"),
            (400, identity_result("Reused", "PasswordTooShort"), "policy"),
            (400, identity_result("ConcurrencyFailure"), "unknown"),
            (400, identity_result("PasswordMismatch", "ConcurrencyFailure"), "unknown"),
            (400, identity_result("UserLockedOut"), "refused"),
            (400, identity_result(), "refused"),
            (400, None, "unknown"),
            (400, SUCCEEDED, "refused"),
            (404, {"error": "no such user"}, "not_found"),
            (404, None, "not_found"),
            (408, None, "unknown"),
            (408, identity_result("PasswordMismatch"), "unknown"),
            (400, {"errorCode": 1104, "message": "No license."}, "refused"),
            (409, {"message": "conflict"}, "refused"),
            (415, {"title": "Unsupported Media Type"}, "refused"),
            *((status, answer, "unknown") for status in (500, 502, 503, 504) for answer in (None, SUCCEEDED)),
            (500, identity_result("PasswordMismatch"), "unknown"),
        ],
    )
    def test_only_what_the_answer_proves(self, status: int, answer: Any, kind: str) -> None:
        assert answer_kind(status, answer) == kind


def read(status: int, answer: Any) -> PasswordAnswer:
    return read_password_answer(Response(status, {}, json.dumps(answer).encode(), attempts=3), (), (OLD, NEW))


class TestReadPasswordAnswer:
    def test_of_a_change(self) -> None:
        assert read(200, SUCCEEDED) == PasswordAnswer("applied", 200, attempts=3, is_identity_result=True)

    def test_keeps_the_server_words(self) -> None:
        answer = read(400, identity_result("PasswordMismatch", "Other", traceId="00-1"))
        expected = ("PasswordMismatch", "Other"), "PasswordMismatch. Other.", "00-1"
        assert (answer.codes, answer.message, answer.trace_id) == expected

    def test_masks_both_passwords_in_words_codes_and_trace_id(self) -> None:
        result = identity_result(f"Bad{OLD}", traceId=OLD.upper())
        result["errors"][0]["description"] = f"{json.dumps(NEW)} breaks a rule, so does {OLD}."
        answer = read(400, result)
        assert (answer.codes, answer.trace_id) == ((f"Bad{MASK}",), MASK)
        assert answer.message == f'"{MASK}" breaks a rule, so does {MASK}.'

    def test_a_known_code_stays_readable_whatever_the_password(self) -> None:
        body = json.dumps(identity_result("PasswordMismatch")).encode()
        answer = read_password_answer(Response(400, {}, body), ("Password", "new"))
        assert answer.codes == ("PasswordMismatch",)
        assert answer.message == f"{MASK}Mismatch."

    def test_masks_fragments_in_validation_messages(self) -> None:
        answer = read(400, PROBLEM_DETAILS)
        assert answer.message == f"$.newPassword: '{MASK}' is an invalid start of the value, near {MASK}."
        assert answer.trace_id == "00-84c1-85d1-00"

    def test_an_answer_that_is_not_json(self) -> None:
        response = Response(200, {}, b'{"succeeded": tr')
        assert read_password_answer(response, ()) == PasswordAnswer("unknown", 200)


class TestIsIdentityResult:
    @pytest.mark.parametrize("answer", [SUCCEEDED, identity_result(), identity_result("Other")])
    def test_is_an_answer_of_the_operation(self, answer: Any) -> None:
        assert is_identity_result(answer)

    @pytest.mark.parametrize("answer", [PROBLEM_DETAILS, {}, [], None, {"succeeded": "true"}, {"error": {"code": "X"}}])
    def test_is_none(self, answer: Any) -> None:
        assert not is_identity_result(answer)


class TestCanonicalUserId:
    def test_the_case_of_a_uuid_does_not_matter(self) -> None:
        lower = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
        assert canonical_user_id(lower.upper()) == canonical_user_id(lower) == lower

    @pytest.mark.parametrize("spelling", ["{{{0}}}", "({0})", " {0}\n", "2D5A1F3E3F0C4C399F0A0C7D6A1B2C3D"])
    def test_all_spellings_of_a_uuid_are_one(self, spelling: str) -> None:
        uuid = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
        assert canonical_user_id(spelling.format(uuid)) == uuid

    @pytest.mark.parametrize("user_id", ["Har-3107", "", "X" * 36, "2D5A1F3E3F0C4C399F0A0C7D6A1B2C"])
    def test_any_other_id_stays_as_it_is(self, user_id: str) -> None:
        assert canonical_user_id(user_id) == user_id


class TestUnanswered:
    def test_takes_over_what_the_error_knows(self) -> None:
        error = Throttled("Slow down.", http_status=429, codes=["TooMany"], trace_id="00-1")
        error.attempts = 4
        expected = PasswordAnswer("throttled", 429, ("TooMany",), cause="Slow down.", trace_id="00-1", attempts=4)
        assert unanswered(error) == expected

    def test_an_error_that_stops_the_task(self) -> None:
        assert unanswered(Unauthorized("No.")).stops_task


class TestChangePassword:
    def change(self, server: Transcript, clock: Clock, user_id: str = "u1") -> PasswordAnswer:
        return change_password(client_of(server, clock), user_id, OLD, NEW, secrets=(OLD, NEW))

    def test_sends_the_pair_and_nothing_else(self, server: Transcript, clock: Clock) -> None:
        body = {"oldPassword": OLD, "newPassword": NEW}
        server.expects("POST /api/User/u%2F1/changepassword", body, token="given-token").answers(200, SUCCEEDED)
        assert self.change(server, clock, "u/1") == PasswordAnswer("applied", 200, is_identity_result=True)

    def test_an_error_becomes_an_answer(self, server: Transcript, clock: Clock) -> None:
        server.expects("POST /api/User/u1/changepassword").fails("time is up", sent=True)
        answer = self.change(server, clock)
        assert (answer.kind, answer.cause, answer.attempts) == (
            "unknown",
            f"There was no answer: time is up. The request was POST {BASE}/api/User/u1/changepassword.",
            1,
        )

    @pytest.mark.parametrize(
        ("status", "body", "user_id", "hinted"),
        [
            (404, {"title": "Not Found"}, "jane.doe", True),
            (404, {"title": "Not Found"}, UUID, False),
            (400, {"errors": {"userId": ["The value 'jane.doe' is not valid."]}}, "jane.doe", True),
            (400, {"errors": {"newPassword": ["Required."]}}, "jane.doe", False),
            (400, {"errors": {"userId": ["Odd."]}}, UUID, False),
            (400, identity_result("Other"), "jane.doe", False),
        ],
    )
    def test_an_id_that_may_be_a_name_gets_a_hint(
        self, server: Transcript, clock: Clock, status: int, body: object, user_id: str, hinted: bool
    ) -> None:
        server.expects(f"POST /api/User/{user_id}/changepassword").answers(status, body)
        assert self.change(server, clock, user_id).cause == (NAME_AS_ID if hinted else "")

    @pytest.mark.parametrize(("body", "keeps_doubt"), [(b"<html>", True), (b'{"code": "InvalidPartition"}', False)])
    def test_a_page_in_place_of_the_api_keeps_the_doubt(
        self, server: Transcript, clock: Clock, body: bytes, keeps_doubt: bool
    ) -> None:
        server.expects("POST /api/User/u1/changepassword").answers(400, body)
        answer = self.change(server, clock)
        assert (answer.kind, answer.keeps_doubt) == ("wrong_url", keeps_doubt)

    def test_masks_the_secrets_of_user_and_connection(self, server: Transcript, clock: Clock) -> None:
        result = identity_result("Other")
        result["errors"][0]["description"] = f"{OLD} with given-token"
        server.expects("POST /api/User/u1/changepassword").answers(400, result)
        assert self.change(server, clock).message == f"{MASK} with {MASK}"

    def test_masks_a_token_that_was_fetched_for_it(self, server: Transcript, clock: Clock) -> None:
        result = identity_result("Other")
        result["errors"][0]["description"] = "Bearer fetched-t0ken"
        server.expects("POST /connect/token").answers(200, {"access_token": "fetched-t0ken"})
        server.expects("POST /api/User/u1/changepassword").answers(400, result)
        client = client_of(server, clock, APPLICATION)
        assert change_password(client, "u1", OLD, NEW, secrets=(OLD, NEW)).message == f"Bearer {MASK}"


class TestIsUnknownId:
    @pytest.mark.parametrize(
        ("status", "answer", "is_one"),
        [
            (400, INVALID_ID, True),
            (400, {"errors": {"ID": "No UUID."}}, True),
            (400, {"errors": {"USERID": [], "id": []}}, True),
            (400, {"errors": {"api-version": ["Not supported."]}}, False),
            (400, {"errors": {"userId": ["No UUID."], "$": ["Bad."]}}, False),
            (400, {"errors": {}}, False),
            (400, {"errors": [{"code": "Odd"}]}, False),
            (400, {"title": "Bad Request"}, False),
            (400, [], False),
            (400, None, False),
            (404, INVALID_ID, True),
            (404, None, True),
            (200, INVALID_ID, False),
        ],
    )
    def test_a_404_or_a_validation_error_of_the_id(self, status: int, answer: object, is_one: bool) -> None:
        assert is_unknown_id(Response(status, {}, json.dumps(answer).encode())) is is_one
