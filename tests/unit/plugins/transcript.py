# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the server and for time: a transport that follows a script, and a clock that sleeping moves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response, Transport
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError

BASE = "https://identity.test/acme/identity_"
GIVEN_TOKEN = SignIn(access_token="given-token")
APPLICATION = SignIn(client_id="app", client_secret="app-secret")


class Exchange:
    """One request that has to come, and what comes back."""

    def __init__(self, request: str, body: Mapping[str, Any] | None, token: str | None) -> None:
        self.request = request
        self.body = body
        self.token = token
        self.reply: Response | TransportError = Response(500, {}, b"")

    def answers(self, status: int, answer: Any = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answer in JSON, or in bytes as they are."""
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.reply = Response(status, headers or {}, body)

    def fails(self, cause: str, *, sent: bool, permanent: bool = False) -> None:
        self.reply = TransportError(cause, sent=sent, permanent=permanent)


class Transcript:
    """A transport that holds every request against the script. Body and token are compared where they are given."""

    def __init__(self) -> None:
        self._script: list[Exchange] = []
        self._deviations: list[str] = []

    def expects(self, request: str, body: Mapping[str, Any] | None = None, *, token: str | None = None) -> Exchange:
        """Add a request: its method, and its path below BASE."""
        self._script.append(Exchange(request, body, token))
        return self._script[-1]

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        request = f"{method} {url[len(BASE) :] if url.startswith(BASE) else url}"
        expected = self._script.pop(0) if self._script else Exchange("nothing", None, None)
        self._compare("request", request, expected.request)
        if expected.body is not None:
            self._compare("body", fields(headers, body), dict(expected.body))
        if expected.token is not None:
            self._compare("token", headers.get("Authorization"), f"Bearer {expected.token}")
        if isinstance(expected.reply, TransportError):
            raise expected.reply
        return expected.reply

    def _compare(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._deviations.append(f"{what}: {found!r} instead of {expected!r}")
            raise AssertionError(self._deviations[-1])

    def assert_followed(self) -> None:
        """Check that all that was expected came, and nothing else, even where the caller outlived a deviation."""
        assert self._deviations == []
        assert [exchange.request for exchange in self._script] == []


def fields(headers: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
    """The fields of a body in the format that its Content-Type names."""
    if headers["Content-Type"] == "application/x-www-form-urlencoded":
        return dict(parse_qsl((body or b"").decode()))
    assert headers["Content-Type"] == "application/json"
    return dict(json.loads(body or b""))


class Clock:
    """Seconds that pass only while code sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def client_of(server: object, clock: Clock, sign_in: SignIn = GIVEN_TOKEN, **options: Any) -> Client:
    """A client of anything that has the method of a transport."""
    return Client(
        cast(Transport, server),
        identity_url=BASE,
        token_url=f"{BASE}/connect/token",
        sign_in=sign_in,
        clock=clock,
        sleep=clock.sleep,
        **options,
    )
