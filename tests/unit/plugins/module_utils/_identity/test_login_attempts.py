# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.login_attempts import SignIns, recent_sign_ins
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import Clock, Transcript, client_of

REQUEST = "GET /api/User/id-1/loginAttempts?top=1000"
SUCCESS = ("success", "2026-03-01T08:00:00Z")


def listed(*attempts: tuple[Any, Any], total: Any = None) -> dict[str, Any]:
    results = [{"id": 1, "result": result, "creationTime": moment} for result, moment in attempts]
    return {"totalCount": len(results) if total is None else total, "results": results}


def read(server: Transcript, clock: Clock, answer: Any) -> SignIns | None:
    server.expects(REQUEST).answers(200, answer)
    return recent_sign_ins(client_of(server, clock), "id-1")


class TestRecentSignIns:
    def test_nobody_signed_in_yet(self, server: Transcript, clock: Clock) -> None:
        assert read(server, clock, listed()) == SignIns(None, 0, locked_out=False)

    def test_the_last_one_succeeded(self, server: Transcript, clock: Clock) -> None:
        older = ("invalidPassword", "2026-02-01T08:00:00Z")
        assert read(server, clock, listed(SUCCESS, older)) == SignIns(SUCCESS[1], 0, locked_out=False)

    def test_counts_the_wrong_passwords_since(self, server: Transcript, clock: Clock) -> None:
        newer = [("invalidPassword", f"2026-03-02T08:00:0{second}Z") for second in (3, 2, 1)]
        older = ("invalidPassword", "2026-02-01T08:00:00Z")
        assert read(server, clock, listed(*newer, SUCCESS, older)) == SignIns(SUCCESS[1], 3, locked_out=False)

    def test_none_succeeded(self, server: Transcript, clock: Clock) -> None:
        answer = listed(("invalidPassword", "2026-03-01T08:00:00Z"), ("invalidPassword", "2026-02-01T08:00:00Z"))
        assert read(server, clock, answer) == SignIns(None, 2, locked_out=False)

    def test_a_locked_sign_in_counts(self, server: Transcript, clock: Clock) -> None:
        answer = listed(("lockedOut", "2026-03-02T08:00:01Z"), ("invalidPassword", "2026-03-02T08:00:00Z"), SUCCESS)
        assert read(server, clock, answer) == SignIns(SUCCESS[1], 2, locked_out=True)

    def test_a_lock_that_has_ended(self, server: Transcript, clock: Clock) -> None:
        answer = listed(SUCCESS, ("lockedOut", "2026-02-02T08:00:01Z"))
        assert read(server, clock, answer) == SignIns(SUCCESS[1], 0, locked_out=False)

    @pytest.mark.parametrize("result", ["userIsNotActive", "externalFailedAuthentication", "adLogin", "invented"])
    def test_a_result_without_a_password_does_not_count(self, server: Transcript, clock: Clock, result: str) -> None:
        answer = listed((result, "2026-03-02T08:00:00Z"), SUCCESS)
        assert read(server, clock, answer) == SignIns(SUCCESS[1], 0, locked_out=False)

    def test_oldest_first_is_sorted(self, server: Transcript, clock: Clock) -> None:
        newer = ("invalidPassword", "2026-03-01T08:00:00.5Z")
        assert read(server, clock, listed(SUCCESS, newer)) == SignIns(SUCCESS[1], 1, locked_out=False)

    def test_attempts_of_one_moment_keep_their_order(self, server: Transcript, clock: Clock) -> None:
        same = ("invalidPassword", "2026-03-01T08:00:00.0000000Z")
        assert read(server, clock, listed(same, SUCCESS)) == SignIns(SUCCESS[1], 1, locked_out=False)

    def test_more_than_one_answer_holds(self, server: Transcript, clock: Clock) -> None:
        answer = listed(("invalidPassword", "2026-03-02T08:00:00Z"), SUCCESS, total=5000)
        assert read(server, clock, answer) == SignIns(SUCCESS[1], 1, locked_out=False)

    def test_the_oldest_of_many_tell_nothing(self, server: Transcript, clock: Clock) -> None:
        assert read(server, clock, listed(SUCCESS, ("invalidPassword", "2026-03-02T08:00:00Z"), total=5000)) is None

    def test_an_empty_page_of_many_tells_nothing(self, server: Transcript, clock: Clock) -> None:
        assert read(server, clock, listed(total=5000)) is None

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
    def test_is_not_to_be_had(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(REQUEST).answers(status, {"errors": []})
        assert recent_sign_ins(client_of(server, clock, retries=0), "id-1") is None

    @pytest.mark.parametrize(
        "answer",
        [
            *({}, [], None, "text", b"<html>", b""),
            {"totalCount": 1, "results": None},
            listed(SUCCESS, total="1"),
            {"totalCount": 1, "results": ["text"]},
            *(listed(("success", moment)) for moment in (None, 5, "", "yesterday", "2026-03-01T08:00:00Z\n")),
            listed((None, SUCCESS[1])),
        ],
    )
    def test_is_not_in_the_answer(self, server: Transcript, clock: Clock, answer: Any) -> None:
        assert read(server, clock, answer) is None

    def test_no_connection_is_no_obstacle(self, server: Transcript, clock: Clock) -> None:
        server.expects(REQUEST).fails("refused", sent=False, permanent=True)
        assert recent_sign_ins(client_of(server, clock), "id-1") is None

    def test_any_character_of_the_id_is_kept(self, server: Transcript, clock: Clock) -> None:
        server.expects("GET /api/User/a%2Fb/loginAttempts?top=1000").answers(200, listed())
        assert recent_sign_ins(client_of(server, clock), "a/b") == SignIns(None, 0, locked_out=False)
