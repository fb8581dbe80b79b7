# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, cast

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    OutcomeUnknown,
    Throttled,
    UiPathError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WriteInCheckMode,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn, Token
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import (
    RIGHT_FORMS,
    Client,
    _Call,
    with_token,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.retry import LONGEST_WAIT
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response, Transport
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import token_of
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import (
    APPLICATION,
    BASE,
    GIVEN_TOKEN,
    Clock,
    Transcript,
    client_of,
)

URL = f"{BASE}/api/write"
WRITE, READ, LOGIN = "POST /api/write", "GET /api/write", "POST /connect/token"
PAGE, HTML = b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html; charset=utf-8"}
DONE = {"succeeded": True}


def quoting_server(*statuses: int) -> Transport:
    """A server that issues t0ken-1, t0ken-2, ... and quotes the one it is shown in its answers, one per status."""

    class QuotingTransport:
        logins = 0
        answers = iter(statuses)

        def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
            if url.endswith("/connect/token"):
                self.logins += 1
                return Response(200, {}, json.dumps(token(f"t0ken-{self.logins}")).encode())
            quoted = {"error": {"code": "Odd", "message": f"Refused: Authorization: {headers['Authorization']}"}}
            return Response(next(self.answers), {}, json.dumps(quoted).encode())

    return cast(Transport, QuotingTransport())


def token(value: str, lifetime: float = 3600) -> dict[str, Any]:
    return {"access_token": value, "expires_in": lifetime, "token_type": "Bearer"}


class TestSignIn:
    def test_fetches_a_token_with_a_form(self, server: Transcript, clock: Clock) -> None:
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "app-secret"}
        server.expects(LOGIN, form).answers(200, token("t1"))
        client_of(server, clock, APPLICATION).sign_in()

    def test_sends_nothing_where_a_token_is_given(self, server: Transcript, clock: Clock) -> None:
        client_of(server, clock).sign_in()

    def test_fetches_a_token_in_check_mode_too(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        client_of(server, clock, APPLICATION, check_mode=True).sign_in()

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_wrong_credentials(self, server: Transcript, clock: Clock, status: int) -> None:
        answer = {"error": "invalid_client", "error_description": "No app with app-secret."}
        server.expects(LOGIN).answers(status, answer)
        with pytest.raises(Unauthorized) as caught:
            client_of(server, clock, APPLICATION).sign_in()
        assert caught.value.message == (
            "The server issues no token for this client. Check client_id, client_secret and scopes."
            f" The server says: No app with {MASK}."
        )
        assert (caught.value.http_status, caught.value.codes) == (status, ("invalid_client",))

    @pytest.mark.parametrize(
        ("status", "answer", "headers"),
        [
            (200, PAGE, HTML),
            (404, PAGE, HTML),
            (404, b"", {}),
            (302, b"", {}),
            (400, PAGE, HTML),
            (200, {"other": 1}, {}),
        ],
    )
    def test_no_token_endpoint_there(
        self, server: Transcript, clock: Clock, status: int, answer: Any, headers: dict[str, str]
    ) -> None:
        server.expects(LOGIN).answers(status, answer, headers)
        with pytest.raises(WrongUrl, match=f"no token endpoint at {BASE}/connect/token, which was") as caught:
            client_of(server, clock, APPLICATION).sign_in()
        assert "token_url" not in caught.value.message
        assert "https://identity.test/identity " in caught.value.message

    @pytest.mark.parametrize("status", [408, 500, 503])
    def test_a_token_endpoint_that_does_not_work(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(LOGIN).answers(status)
        with pytest.raises(Unreachable, match=f"answered with HTTP status {status}"):
            client_of(server, clock, APPLICATION, retries=0).sign_in()

    @pytest.mark.parametrize(("status", "answer"), [(200, PAGE), (404, b""), (404, {"title": "Not Found"})])
    def test_a_wrong_token_url_is_named(self, server: Transcript, status: int, answer: Any) -> None:
        server.expects("POST https://login.test/token").answers(status, answer)
        client = Client(
            cast(Transport, server), identity_url=BASE, token_url="https://login.test/token", sign_in=APPLICATION
        )
        with pytest.raises(WrongUrl) as caught:
            client.sign_in()
        assert "https://login.test/token, which was answered with HTTP status" in caught.value.message
        assert "; check token_url, or leave it out (" in caught.value.message
        assert "identity_url is probably" not in caught.value.message

    def test_a_default_token_url_that_was_given_is_none(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(404, {"title": "Not Found"})
        with pytest.raises(WrongUrl, match="check the name of the organization in identity_url"):
            client_of(server, clock, APPLICATION).sign_in()

    def test_is_sent_again_after_failures_because_it_changes_nothing(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).fails("time is up", sent=True)
        server.expects(LOGIN).answers(503)
        server.expects(LOGIN).answers(429)
        server.expects(LOGIN).answers(200, token("t1"))
        client_of(server, clock, APPLICATION).sign_in()

    def test_the_guide_can_be_opened_from_a_terminal(self) -> None:
        assert RIGHT_FORMS.endswith(
            ": https://github.com/rpaops/ansible-collection-uipath/blob/main/docs/identity-url.md"
        )


class TestSignInWithinARequest:
    def test_is_none_of_its_attempts(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(503)
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE).answers(401)
        server.expects(LOGIN).answers(200, token("t2"))
        server.expects(WRITE).answers(200, DONE)
        assert client_of(server, clock, APPLICATION).post(URL, {}).attempts == 2

    @pytest.mark.parametrize("attempts", [0, 1])
    def test_nor_where_it_fails(self, server: Transcript, clock: Clock, attempts: int) -> None:
        if attempts:
            server.expects(LOGIN).answers(200, token("t1"))
            server.expects(WRITE).answers(401)
        server.expects(LOGIN).answers(503)
        with pytest.raises(Unreachable) as caught:
            client_of(server, clock, APPLICATION, retries=0).post(URL, {})
        assert caught.value.attempts == attempts

    def test_uses_up_its_retries(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(503)
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE).fails("refused", sent=False)
        server.expects(WRITE).fails("refused", sent=False)
        with pytest.raises(Unreachable) as caught:
            client_of(server, clock, APPLICATION, retries=2).post(URL, {})
        assert caught.value.attempts == 2

    def test_waits_of_both_end_at_the_limit(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(429, headers={"Retry-After": "160"})
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE).answers(429, headers={"Retry-After": "160"})
        with pytest.raises(Throttled, match="another 160 seconds"):
            client_of(server, clock, APPLICATION).post(URL, {})
        assert clock.naps == [160]


class TestGet:
    def test_is_signed_in_and_has_no_body(self, server: Transcript, clock: Clock) -> None:
        server.expects(READ, token="given-token").answers(200, {"id": "u1"})
        assert client_of(server, clock).get(URL).json == {"id": "u1"}

    def test_is_allowed_in_check_mode(self, server: Transcript, clock: Clock) -> None:
        server.expects(READ).answers(200, {})
        client_of(server, clock, check_mode=True).get(URL)

    def test_is_sent_again_after_a_lost_answer(self, server: Transcript, clock: Clock) -> None:
        server.expects(READ).fails("the connection was lost", sent=True)
        server.expects(READ).answers(502)
        server.expects(READ).answers(200, {})
        assert client_of(server, clock).get(URL).attempts == 3
        assert len(clock.naps) == 2

    def test_a_server_error_remains_in_the_end(self, server: Transcript, clock: Clock) -> None:
        server.expects(READ).answers(500)
        server.expects(READ).answers(500)
        assert client_of(server, clock, retries=1).get(URL).status == 500


class TestPost:
    def test_sends_json(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE, {"a": "ü"}, token="given-token").answers(200, DONE)
        assert client_of(server, clock).post(URL, {"a": "ü"}).json == DONE

    def test_is_refused_in_check_mode(self, server: Transcript, clock: Clock) -> None:
        with pytest.raises(WriteInCheckMode):
            client_of(server, clock, check_mode=True).post(URL, {})

    @pytest.mark.parametrize("status", [400, 404, 408, 409, 500, 502, 503])
    def test_other_answers_are_returned_and_never_sent_again(
        self, server: Transcript, clock: Clock, status: int
    ) -> None:
        server.expects(WRITE).answers(status, {"traceId": "00-1"})
        assert client_of(server, clock).post(URL, {}).status == status
        assert clock.naps == []

    def test_a_lost_answer_is_never_sent_again(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).fails("the server did not answer in time", sent=True)
        with pytest.raises(OutcomeUnknown) as caught:
            client_of(server, clock).post(URL, {})
        assert (
            caught.value.message
            == f"There was no answer: the server did not answer in time. The request was POST {URL}."
        )
        assert caught.value.attempts == 1

    def test_what_was_not_sent_is_sent_again(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).fails("refused", sent=False)
        server.expects(WRITE).fails("refused", sent=False)
        server.expects(WRITE).answers(200, DONE)
        assert client_of(server, clock).post(URL, {}).attempts == 3
        assert 0.5 <= clock.naps[0] <= 1 <= clock.naps[1] <= 2

    def test_retries_end(self, server: Transcript, clock: Clock) -> None:
        for _attempt in range(3):
            server.expects(WRITE).fails("the server cannot be reached (Connection refused)", sent=False)
        with pytest.raises(Unreachable) as caught:
            client_of(server, clock, retries=2).post(URL, {})
        assert caught.value.message == f"The server cannot be reached (Connection refused). The request was POST {URL}."
        assert caught.value.attempts == 3

    def test_a_permanent_failure_is_not_retried(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).fails("the certificate is not trusted", sent=False, permanent=True)
        with pytest.raises(Unreachable):
            client_of(server, clock).post(URL, {})
        assert clock.naps == []

    def test_waits_for_what_was_not_sent_end_too(self, clock: Clock) -> None:
        class UnsentTransport:
            def send(self, *request: object) -> Response:
                raise TransportError("refused", sent=False)

        with pytest.raises(Unreachable):
            client_of(UnsentTransport(), clock, retries=100).post(URL, {})
        assert LONGEST_WAIT - 60 <= sum(clock.naps) <= LONGEST_WAIT


class TestToken:
    def test_is_fetched_once(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE, token="t1").answers(200, DONE)
        server.expects(WRITE, token="t1").answers(200, DONE)
        client = client_of(server, clock, APPLICATION)
        client.post(URL, {})
        client.post(URL, {})

    def test_is_renewed_before_it_expires(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1", 600))
        server.expects(WRITE, token="t1").answers(200, DONE)
        server.expects(LOGIN).answers(200, token("t2", 600))
        server.expects(WRITE, token="t2").answers(200, DONE)
        client = client_of(server, clock, APPLICATION)
        client.sign_in()
        clock.now += 539
        client.post(URL, {})
        clock.now += 1
        client.post(URL, {})

    def test_a_rejected_one_is_renewed_and_the_request_sent_once_more(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE, {"a": 1}, token="t1").answers(401)
        server.expects(LOGIN).answers(200, token("t2"))
        server.expects(WRITE, {"a": 1}, token="t2").answers(200, DONE)
        assert client_of(server, clock, APPLICATION).post(URL, {"a": 1}).attempts == 2

    def test_a_second_rejection_stops_the_task(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE).answers(401)
        server.expects(LOGIN).answers(200, token("t2"))
        server.expects(WRITE).answers(401)
        with pytest.raises(Unauthorized) as caught:
            client_of(server, clock, APPLICATION).post(URL, {})
        assert (caught.value.stops_task, caught.value.http_status, caught.value.attempts) == (True, 401, 2)

    def test_a_given_one_is_never_renewed(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).answers(401)
        with pytest.raises(Unauthorized, match="does not accept the access token"):
            client_of(server, clock).post(URL, {})

    def test_a_renewal_that_fails_says_why(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE).answers(401)
        server.expects(LOGIN).answers(400, {"error": "invalid_client"})
        with pytest.raises(Unauthorized, match="invalid_client"):
            client_of(server, clock, APPLICATION).post(URL, {})

    def test_threads_that_held_the_same_one_share_the_failure_of_its_renewal(self, clock: Clock) -> None:
        threads = 8
        all_hold_the_first = threading.Barrier(threads)
        logins: list[str] = []

        class RevokingTransport:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
                if url == URL:
                    all_hold_the_first.wait(5)
                    return Response(401, {}, b"")
                logins.append(url)
                if len(logins) == 1:
                    return Response(200, {}, json.dumps(token("t1")).encode())
                return Response(400, {}, b'{"error": "invalid_client"}')

        client = client_of(RevokingTransport(), clock, APPLICATION)

        def end(user: int) -> UiPathError:
            with pytest.raises(Unauthorized) as caught:
                client.post(URL, {"user": user})
            return caught.value

        with ThreadPoolExecutor(threads) as pool:
            errors = list(pool.map(end, range(threads)))
        assert len(logins) == 2
        assert {(error.codes, error.attempts) for error in errors} == {(("invalid_client",), 1)}
        assert len(set(map(id, errors))) == threads

    def test_threads_that_held_the_same_one_share_its_renewal(self, clock: Clock) -> None:
        threads = 8
        all_hold_the_first = threading.Barrier(threads)
        logins: list[str] = []

        class RenewingTransport:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
                if url != URL:
                    logins.append(f"t{len(logins) + 1}")
                    return Response(200, {}, json.dumps(token(logins[-1])).encode())
                if headers["Authorization"] == "Bearer t1":
                    all_hold_the_first.wait(5)
                    return Response(401, {}, b"")
                return Response(200, {}, json.dumps(DONE).encode())

        client = client_of(RenewingTransport(), clock, APPLICATION)
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(lambda user: client.post(URL, {"user": user}), range(threads)))
        assert [answer.status for answer in answers] == [200] * threads
        assert logins == ["t1", "t2"]


class TestSecrets:
    def test_a_fetched_token_is_one(self, clock: Clock) -> None:
        client = client_of(quoting_server(), clock, APPLICATION, secrets=["pr0xy"])
        before = client.secrets
        client.sign_in()
        assert (before, client.secrets[2:]) == (("app-secret", "pr0xy"), ("t0ken-1",))

    @pytest.mark.parametrize("send", [lambda client: client.get(URL), lambda client: client.post(URL, {})])
    def test_an_answer_that_quotes_the_authorization_shows_no_fetched_token(
        self, clock: Clock, send: Callable[[Client], Response]
    ) -> None:
        with pytest.raises(Unauthorized) as caught:
            send(client_of(quoting_server(403), clock, APPLICATION))
        assert caught.value.message.endswith(f"The server says: Refused: Authorization: Bearer {MASK}")

    def test_nor_does_one_that_is_none_of_the_documented(self, clock: Clock) -> None:
        client = client_of(quoting_server(400), clock, APPLICATION)
        error = client.unexpected(URL, client.get(URL))
        assert error.message.endswith(f"Authorization: Bearer {MASK}")

    def test_a_former_token_stays_one(self, clock: Clock) -> None:
        def quote(message: str, status: int) -> UiPathError:
            answer = json.dumps({"error": {"message": message}}).encode()
            return client.unexpected(URL, Response(status, {}, answer))

        client = client_of(quoting_server(401, 200), clock, APPLICATION)
        assert client.post(URL, {}).attempts == 2
        assert quote("t0ken-1, T0KEN-2", 400).message.endswith(f"The server says: {MASK}, {MASK}")


class TestPause:
    def test_is_as_long_as_the_server_asks(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE, {"a": 1}).answers(429, headers={"Retry-After": "30"})
        server.expects(WRITE, {"a": 1}).answers(200, DONE)
        client_of(server, clock).post(URL, {"a": 1})
        assert clock.naps == [30]

    def test_until_a_date(self, server: Transcript, clock: Clock) -> None:
        date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
        server.expects(WRITE).answers(429, headers={"Retry-After": date})
        server.expects(WRITE).answers(200, DONE)
        client_of(server, clock).post(URL, {})
        assert 50 < sum(clock.naps) <= 60

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
    def test_backs_off_where_the_server_asks_for_nothing(
        self, server: Transcript, clock: Clock, headers: dict[str, str]
    ) -> None:
        server.expects(WRITE).answers(429, headers=headers)
        server.expects(WRITE).answers(429, headers=headers)
        server.expects(WRITE).answers(200, DONE)
        client_of(server, clock).post(URL, {})
        assert 0.5 <= clock.naps[0] <= 1 <= clock.naps[1] <= 2

    def test_retries_end(self, server: Transcript, clock: Clock) -> None:
        for _attempt in range(3):
            server.expects(WRITE).answers(429, {"error": {"code": "TooMany", "message": "Slow down."}})
        with pytest.raises(Throttled, match=r"used up, .* Slow down\.") as caught:
            client_of(server, clock, retries=2).post(URL, {})
        assert (caught.value.http_status, caught.value.codes, caught.value.attempts) == (429, ("TooMany",), 3)

    @pytest.mark.parametrize("seconds", ["301", "86400", "9" * 400])
    def test_a_longer_one_than_the_limit_ends_the_request_at_once(
        self, server: Transcript, clock: Clock, seconds: str
    ) -> None:
        server.expects(WRITE).answers(429, headers={"Retry-After": seconds})
        with pytest.raises(Throttled, match="The request was not applied") as caught:
            client_of(server, clock).post(URL, {})
        assert (clock.naps, caught.value.http_status) == ([], 429)

    def test_all_of_one_request_end_at_the_limit(self, server: Transcript, clock: Clock) -> None:
        for _attempt in range(3):
            server.expects(WRITE).answers(429, headers={"Retry-After": "140"})
        with pytest.raises(Throttled):
            client_of(server, clock).post(URL, {})
        assert clock.naps == [140, 140]

    def test_holds_for_all_threads(self, clock: Clock) -> None:
        sent_at: list[float] = []

        class ThrottlingTransport:
            def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
                sent_at.append(clock.now)
                if len(sent_at) == 1:
                    return Response(429, {"Retry-After": "30"}, b"")
                return Response(200, {}, json.dumps(DONE).encode())

        client = client_of(ThrottlingTransport(), clock, retries=0)
        with pytest.raises(Throttled):
            client.post(URL, {})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda user: client.post(URL, {"user": user}), range(4)))
        assert len(sent_at) == 5
        assert min(sent_at[1:]) >= sent_at[0] + 30

    def test_of_reads_does_not_hold_for_writes(self, server: Transcript, clock: Clock) -> None:
        """Automation Cloud limits them separately. What is only read to be careful must not stop the changes."""
        server.expects(READ).answers(429, headers={"Retry-After": "3600"})
        server.expects(WRITE).answers(200, DONE)
        client = client_of(server, clock)
        with pytest.raises(Throttled):
            client.get(URL)
        before = clock.now
        assert client.post(URL, {}).status == 200
        assert clock.now == before


class TestForeignAnswers:
    def refused(self, server: Transcript, clock: Clock) -> UiPathError:
        with pytest.raises(UiPathError) as caught:
            client_of(server, clock).post(URL, {})
        assert caught.value.attempts == 1
        return caught.value

    def test_a_403_names_scope_and_role(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).answers(403)
        error = self.refused(server, clock)
        assert isinstance(error, Unauthorized)
        assert "PM.User.Write" in error.message
        assert "organization administrator" in error.message

    @pytest.mark.parametrize(
        ("status", "answer", "headers"),
        [
            (200, PAGE, HTML),
            (200, b"\r\n <html>", {}),
            (400, PAGE, HTML),
            (404, PAGE, HTML),
            (405, {"error": {"code": "UnsupportedApiVersion", "message": "No version."}}, {}),
            (405, b"", {}),
            (301, b"", {"Location": "https://elsewhere.test"}),
            (302, b"", {"Location": "/login"}),
            (307, b"", {}),
            (400, {"code": "InvalidPartition"}, {}),
            (400, {"errors": [{"code": "InvalidPartition"}]}, {}),
        ],
    )
    def test_a_wrong_url_names_the_likely_one(
        self, server: Transcript, clock: Clock, status: int, answer: Any, headers: dict[str, str]
    ) -> None:
        server.expects(WRITE).answers(status, answer, headers)
        error = self.refused(server, clock)
        assert isinstance(error, WrongUrl)
        assert (error.stops_task, error.http_status) == (True, status)
        assert (
            f"There is no Identity API at identity_url: {URL} was answered with HTTP status {status}; " in error.message
        )
        assert error.is_foreign == (not isinstance(answer, dict) and status != 405)
        likely = "identity_url is probably https://identity.test/identity"
        likely += " (" if "UnsupportedApiVersion" in error.codes else " or https://identity.test/identity_ ("
        misnamed = "check the name of the organization in identity_url ("
        assert (misnamed if "InvalidPartition" in error.codes else likely) in error.message

    @pytest.mark.parametrize("status", [401, 403, 429])
    @pytest.mark.parametrize(("answer", "headers"), [(PAGE, HTML), (b"Slow down.", {}), (["no"], {}), (b'{"cut', {})])
    def test_a_refusal_that_is_not_the_api_s_leaves_a_write_unknown(
        self, server: Transcript, clock: Clock, status: int, answer: Any, headers: dict[str, str]
    ) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(WRITE, token="t1").answers(status, answer, headers)
        with pytest.raises(OutcomeUnknown) as caught:
            client_of(server, clock, APPLICATION).post(URL, {})
        assert (caught.value.http_status, caught.value.attempts, caught.value.stops_task) == (status, 1, False)
        assert f"The answer to {URL}, with HTTP status {status}, is not the Identity API's" in caught.value.message

    @pytest.mark.parametrize("body", [b"", b" \r\n", b'{"message": "No."}'])
    def test_a_refusal_without_a_body_may_be_the_api_s(self, server: Transcript, clock: Clock, body: bytes) -> None:
        server.expects(WRITE).answers(429, body, HTML)
        server.expects(WRITE).answers(403, body, HTML)
        with pytest.raises(Unauthorized):
            client_of(server, clock).post(URL, {})

    def test_a_throttling_gateway_makes_all_threads_wait(self, server: Transcript, clock: Clock) -> None:
        server.expects(WRITE).answers(429, PAGE, {**HTML, "Retry-After": "30"})
        server.expects(WRITE).answers(200, DONE)
        client = client_of(server, clock)
        with pytest.raises(OutcomeUnknown):
            client.post(URL, {})
        client.post(URL, {})
        assert clock.naps == [30]

    def test_a_read_is_sent_again_after_any_throttling_and_with_a_new_token(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(LOGIN).answers(200, token("t1"))
        server.expects(READ, token="t1").answers(429, PAGE, HTML)
        server.expects(READ, token="t1").answers(401, PAGE, HTML)
        server.expects(LOGIN).answers(200, token("t2"))
        server.expects(READ, token="t2").answers(200, {})
        assert client_of(server, clock, APPLICATION).get(URL).status == 200

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_read_that_something_else_refuses_says_so(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(READ).answers(status, PAGE, HTML)
        with pytest.raises(Unauthorized, match=f"{URL}, with HTTP status {status}, is not the Identity API's"):
            client_of(server, clock).get(URL)

    def test_the_url_in_a_message_shows_no_secret(self, server: Transcript, clock: Clock) -> None:
        server.expects(f"{WRITE}/hunter2").answers(404, PAGE, HTML)
        with pytest.raises(WrongUrl) as caught:
            client_of(server, clock).post(f"{URL}/hunter2", {}, secrets=["hunter2"])
        assert f"{URL}/{MASK} was answered" in caught.value.message

    @pytest.mark.parametrize(
        ("status", "answer"), [(200, PAGE), (404, PAGE), (404, b"404 page not found"), (405, PAGE), (302, b"")]
    )
    def test_a_page_after_an_answer_proves_nothing(
        self, server: Transcript, clock: Clock, status: int, answer: bytes
    ) -> None:
        server.expects(WRITE).answers(400, {"succeeded": False})
        server.expects(WRITE).answers(status, answer, HTML if answer == PAGE else {})
        client = client_of(server, clock)
        client.post(URL, {})
        with pytest.raises(OutcomeUnknown) as caught:
            client.post(URL, {})
        assert (caught.value.stops_task, caught.value.http_status) == (False, status)

    def test_a_403_to_a_read_names_the_scope_for_reading(self, server: Transcript, clock: Clock) -> None:
        server.expects(READ).answers(403)
        with pytest.raises(Unauthorized, match=r"the scope PM\.User or PM\.User\.Read, "):
            client_of(server, clock).get(URL)

    @pytest.mark.parametrize(("status", "answer"), [(200, PAGE), (404, PAGE), (302, b"")])
    def test_a_page_in_place_of_what_is_read_leaves_nothing_unknown(
        self, server: Transcript, clock: Clock, status: int, answer: bytes
    ) -> None:
        server.expects(READ).answers(200, {})
        server.expects(READ).answers(status, answer, HTML)
        client = client_of(server, clock)
        client.get(URL)
        with pytest.raises(UnexpectedAnswer, match="is not the Identity API's"):
            client.get(URL)

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_page_of_a_broken_gateway_is_returned(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(WRITE).answers(status, PAGE, HTML)
        assert client_of(server, clock).post(URL, {}).status == status

    @pytest.mark.parametrize(("status", "answer"), [(204, b""), (200, b""), (200, b'{"succeeded": tr'), (404, b"")])
    def test_an_empty_or_truncated_answer_is_returned(
        self, server: Transcript, clock: Clock, status: int, answer: bytes
    ) -> None:
        server.expects(WRITE).answers(status, answer)
        response = client_of(server, clock).post(URL, {})
        assert (response.status, response.json) == (status, None)


class TestUnexpected:
    def unexpected(self, server: Transcript, clock: Clock, answer: Any) -> UiPathError:
        server.expects(READ).answers(400, answer)
        client = client_of(server, clock)
        return client.unexpected(f"{URL}?top=1", client.get(URL))

    def test_quotes_the_server_with_the_token_masked(self, server: Transcript, clock: Clock) -> None:
        error = self.unexpected(server, clock, {"errors": {"top": [f"{GIVEN_TOKEN.access_token}?"]}, "traceId": "00-1"})
        assert isinstance(error, UnexpectedAnswer)
        assert error.message == (
            f"The server answered with HTTP status 400, but not with what was asked for: GET {URL}."
            f" The server says: top: {MASK}?"
        )
        assert (error.http_status, error.trace_id) == (400, "00-1")

    def test_of_a_server_that_says_nothing(self, server: Transcript, clock: Clock) -> None:
        assert self.unexpected(server, clock, b"").message.endswith(f"not with what was asked for: GET {URL}.")


class TestOrganizationId:
    def test_is_in_the_token(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, token(token_of("the organization")))
        assert client_of(server, clock, APPLICATION).organization_id() == "the organization"

    @pytest.mark.parametrize("value", ["opaque", token_of(None), token_of(""), token_of(7)])
    def test_is_not_in_every_token(self, server: Transcript, clock: Clock, value: str) -> None:
        assert client_of(server, clock, SignIn(access_token=value)).organization_id() is None


class TestOwnUserId:
    @pytest.mark.parametrize(
        ("claims", "own"),
        [
            ({"sub_type": "user", "sub": "u1"}, "u1"),
            ({"sub_type": "service.internal", "sub": "app"}, None),
            ({"sub": "u1"}, None),
            ({"sub_type": "user", "sub": 7}, None),
            ({"sub_type": "user"}, None),
        ],
    )
    def test_is_in_a_user_s_token(
        self, server: Transcript, clock: Clock, claims: dict[str, Any], own: str | None
    ) -> None:
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        assert client_of(server, clock, SignIn(access_token=f"h.{payload}.s")).own_user_id() == own

    def test_is_not_known_before_the_first_token(self, server: Transcript, clock: Clock) -> None:
        assert client_of(server, clock, APPLICATION).own_user_id() is None


class TestWithToken:
    def test_a_body_is_json(self) -> None:
        headers = with_token(_Call("POST", URL, b"{}"), Token("t1")).headers
        assert headers["Authorization"] == "Bearer t1"
        assert headers["Content-Type"] == "application/json"

    def test_no_body_has_no_type(self) -> None:
        assert "Content-Type" not in with_token(_Call("GET", URL), Token("t1")).headers


class TestDescribed:
    CALL = _Call("POST", URL, b"hunter2", {"Authorization": "Bearer hunter2"}, secrets=("hunter2", 'qu"ote'))

    def describe(self, answer: Any) -> UiPathError:
        response = Response(405, {}, json.dumps(answer).encode())
        client = client_of(Transcript(), Clock())
        return client._described(WrongUrl, self.CALL, response, "Message.")

    def test_keeps_status_codes_and_trace_id(self) -> None:
        error = self.describe({"errors": [{"code": "Odd", "description": "Strange."}], "traceId": "00-1"})
        assert error.message == "Message. The server says: Strange."
        assert (error.http_status, error.codes, error.trace_id) == (405, ("Odd",), "00-1")

    def test_without_words_gives_the_codes(self) -> None:
        assert self.describe({"error": "Odd"}).message == "Message. The server says: Odd"

    def test_without_anything_is_the_message(self) -> None:
        assert self.describe(None).message == "Message."

    def test_masks_every_part(self) -> None:
        text = 'Got HUNTER2 and "qu\\"ote" and given-token.'
        error = self.describe({"error": "xhunter2", "error_description": text, "traceId": "hunter2"})
        assert error.message == f'Message. The server says: Got {MASK} and "{MASK}" and {MASK}.'
        assert (error.codes, error.trace_id) == ((f"x{MASK}",), MASK)

    def test_the_call_shows_no_secret_in_its_repr(self) -> None:
        assert "hunter2" not in repr(self.CALL)
        assert "ote" not in repr(self.CALL)
