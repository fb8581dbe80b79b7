# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport of one run, between its client and the server: it loses, delays, copies and answers by itself.

A fate has three parts: what becomes of the request, whether the network makes a copy, and what the client gets. What
the API proves with an answer of its own is true here: such a request has no other copy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import error_codes
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from ansible_collections.rpaops.uipath.tests.nights.servers import LATE_TOKEN, LOCKED, Server
from ansible_collections.rpaops.uipath.tests.nights.truth import Pair, Truth

PAGE = b"<!doctype html>\n<html><body>Sign in</body></html>\n"
HTML = {"Content-Type": "text/html; charset=utf-8"}
TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}
POLICY = "PasswordRequiresUniqueChars"

Arrival = Literal["never", "now", "late"]


@dataclass(frozen=True)
class Fate:
    """`answer` makes the client's answer of the server's own; None leaves that as it is.

    `copy`: when a copy arrives that the network has made. `verdict`: the code with which the server refuses the pair,
    instead of judging it.
    """

    request: Arrival = "now"
    copy: Arrival = "never"
    answer: str | None = None
    verdict: str | None = None

    def __str__(self) -> str:
        copied = "" if self.copy == "never" else f", copied {self.copy}"
        return f"arrives {self.request}{copied}, answer {self.verdict or self.answer or 'its own'}"


def refusal(code: str) -> Response:
    document = {"succeeded": False, "errors": [{"code": code, "description": "Not accepted."}]}
    return Response(400, JSON, json.dumps(document).encode())


def lost(_own: Response) -> Response:
    raise TransportError("the connection was lost", sent=True)


def no_connection(_own: Response) -> Response:
    raise TransportError("the connection was refused", sent=False)


Answer = Callable[[Response], Response]
# What a request may be answered that is or may be applied: nothing is known after it.
UNKNOWN: dict[str, Answer] = {
    "lost": lost,
    "401 page": lambda own: Response(401, HTML, PAGE),
    "401 text": lambda own: Response(401, TEXT, b"session expired"),
    "403 page": lambda own: Response(403, HTML, PAGE),
    "403 text": lambda own: Response(403, TEXT, b"blocked"),
    "404 page": lambda own: Response(404, HTML, PAGE),
    "404 text": lambda own: Response(404, TEXT, b"no upstream"),
    "429 page": lambda own: Response(429, {**HTML, "Retry-After": "0"}, PAGE),
    "429 text": lambda own: Response(429, {**TEXT, "Retry-After": "0"}, b"slow down"),
    "500": lambda own: Response(500, JSON, b'{"message": "The request failed."}'),
    "502 page": lambda own: Response(502, HTML, PAGE),
    "504 text": lambda own: Response(504, TEXT, b"no answer from upstream"),
    "200 page": lambda own: Response(200, HTML, PAGE),
    "302": lambda own: Response(302, {"Location": "/login"}, b""),
    "204": lambda own: Response(204, {}, b""),
    "200 empty": lambda own: Response(200, JSON, b""),
    "truncated": lambda own: Response(200, JSON, b'{"succeeded": tr'),
    "ConcurrencyFailure": lambda own: refusal("ConcurrencyFailure"),
}
# Answers of the API, or none, that prove that nothing was applied.
PROOFS: dict[str, Answer] = {
    "no connection": no_connection,
    "401": lambda own: Response(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b""),
    "403": lambda own: Response(403, {}, b""),
    "403 JSON": lambda own: Response(403, JSON, b'{"message": "Forbidden"}'),
    "404 JSON": lambda own: Response(404, JSON, b'{"title": "Not Found", "status": 404}'),
    "429": lambda own: Response(429, {**JSON, "Retry-After": "0"}, b'{"message": "Rate limit is exceeded."}'),
}
ANSWERS = {**UNKNOWN, **PROOFS}
VERDICTS = (POLICY, "PasswordReuse", "DbDeadlock", "ClockSkew", "SomethingElse", LOCKED, "UserInactive")
PASSING = ("DbDeadlock", "ClockSkew")  # the copy may be accepted
BARRING = (LOCKED, "UserInactive")
SIGN_IN_FAULTS = ("no connection", "500", "200 page", "401", "429")

# Kinds of trouble. A night may have one kind or several, all of them, or a few fates of any kind.
TROUBLES: dict[str, tuple[Fate, ...]] = {
    "lost": tuple(Fate(request, answer="lost") for request in ("never", "now", "late")),
    "unknown": tuple(Fate(request, answer=answer) for answer in UNKNOWN for request in ("never", "now", "late")),
    "copied": tuple(Fate("now", copy) for copy in ("now", "late")),
    "copied, unknown": tuple(Fate("now", copy, answer) for answer in UNKNOWN for copy in ("now", "late")),
    "not applied": tuple(Fate("never", answer=answer) for answer in PROOFS),
    "refused": tuple(Fate("never", verdict=verdict) for verdict in VERDICTS),
    "refused, copied": tuple(Fate("never", "late", verdict=verdict) for verdict in VERDICTS),
    "refused once, copied": tuple(Fate("never", "late", verdict=verdict) for verdict in PASSING),
}
# A lost answer, refusals after it, and copies of what was refused: the longest way to lose a password.
HARDEST = ("lost", "refused once, copied")
CALM = Fate()


@dataclass(frozen=True)
class Weather:
    """The faults of a night: how many requests in a hundred have one, and which ones there are."""

    percent: int = 0
    fates: tuple[Fate, ...] = ()
    sign_in_percent: int = 0

    def fate(self, chance: Random) -> Fate:
        return chance.choice(self.fates) if chance.randrange(100) < self.percent else CALM

    def __str__(self) -> str:
        fates = "; ".join(map(str, self.fates)) if len(self.fates) < 9 else f"one of {len(self.fates)}"
        return f"faults in {self.percent} of 100 requests: {fates}"


def weather(chance: Random, *kinds: str) -> Weather:
    """Choose the faults of a night, of these kinds of trouble or of any."""
    kinds = kinds or tuple(chance.sample(list(TROUBLES), chance.choice((1, 2, 2, 3, len(TROUBLES)))))
    fates = tuple(fate for kind in kinds for fate in TROUBLES[kind])
    if not chance.randrange(3):
        fates = tuple(chance.sample(fates, min(len(fates), 3)))
    return Weather(chance.choice((0, 10, 30, 60, 95)), fates, chance.choice((0, 0, 0, 5, 50)))


@dataclass
class Network:
    """`step` is called before every side effect: there a process may be killed."""

    run: int
    server: Server
    truth: Truth
    chance: Random
    weather: Weather
    policy_first: bool
    step: Callable[[str], None]

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        if not url.endswith("/changepassword"):
            return self._other(method, url, headers, body)
        given = json.loads(body or b"")
        pair = Pair(self.run, url.split("/")[-2], given["oldPassword"], given["newPassword"])
        self.step(f"send {pair.user}")
        fate = self.weather.fate(self.chance)
        self.truth.note("sends", *pair, str(fate))
        answer = self._passed(pair, fate)
        self.step(f"receive {pair.user}")
        return answer

    def _other(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        if url.endswith("/connect/token") and self.chance.randrange(100) < self.weather.sign_in_percent:
            fault = self.chance.choice(SIGN_IN_FAULTS)
            self.truth.note("signs_in", self.run, fault)
            return ANSWERS[fault](refusal("unused"))
        return self.server.send(method, url, headers, body)

    def _passed(self, pair: Pair, fate: Fate) -> Response:
        own = self._refused(pair, fate) if fate.verdict else None
        if own is None:
            own = self._delivered(pair) if fate.verdict or fate.request == "now" else refusal("unused")
        if fate.request == "late":
            self.truth.note("delays", *pair)
        if fate.copy == "now":
            copied = judged(self.server, self.truth, pair)
            self.truth.note("judges_copy", *pair, verdict_of(copied))
            own = self.chance.choice((own, copied))
        elif fate.copy == "late":
            self.truth.note("delays", *pair)
        if fate.answer in UNKNOWN:
            self.truth.note("loses", pair.run, pair.user)
        return ANSWERS[fate.answer](own) if fate.answer else own

    def _refused(self, pair: Pair, fate: Fate) -> Response | None:
        """The refusal, or None if the server looks at the old password first, which is not the live one."""
        code = fate.verdict or ""
        if code == POLICY and not self.policy_first and pair.old != self.server.live(pair.user):
            return None
        if code == POLICY:
            self.truth.note("rejects", pair.user, pair.new, code)
        self.truth.note("refuses", pair.user)
        if code in BARRING:
            self.truth.note("bars", pair.user)
        return refusal(code)

    def _delivered(self, pair: Pair) -> Response:
        answer = judged(self.server, self.truth, pair)
        self.truth.note("judges", *pair, verdict_of(answer))
        return answer


def judged(server: Server, truth: Truth, pair: Pair) -> Response:
    """Let the server judge a pair. What its policy has rejected once it rejects again."""
    code = truth.rejected.get((pair.user, pair.new))
    if code and pair.old == server.live(pair.user):
        return refusal(code)
    headers = {"Authorization": f"Bearer {LATE_TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"oldPassword": pair.old, "newPassword": pair.new}).encode()
    return server.send("POST", f"{server.identity_url}/api/User/{pair.user}/changepassword", headers, body)


def arrive(server: Server, truth: Truth, pair: Pair) -> None:
    """Let a request or copy arrive that was in flight."""
    truth.note("arrives", *pair)
    truth.note("judges_copy", *pair, verdict_of(judged(server, truth, pair)))


def verdict_of(answer: Response) -> str:
    codes = error_codes(answer.json)
    if answer.status == 200 and answer.json["succeeded"]:
        return "applied"
    assert codes, answer.body  # an unknown user, or a token that has expired
    return "mismatch" if "PasswordMismatch" in codes else ", ".join(codes)
