# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Unauthorized, Unreachable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import (
    KEPT_TOKENS,
    SignIn,
    Token,
    Tokens,
    choose_sign_in,
    read_token,
    sign_in_problems,
    token_claims,
)

TOKEN = {"UIPATH_ACCESS_TOKEN": "env-token"}
CLIENT = {"UIPATH_CLIENT_ID": "env-id", "UIPATH_CLIENT_SECRET": "env-secret"}


class TestSignIn:
    def test_secrets_are_not_in_its_repr(self) -> None:
        assert "hunter2" not in repr(SignIn(access_token="hunter2"))
        assert "hunter2" not in repr(SignIn(client_id="app", client_secret="hunter2"))

    def test_a_given_token_cannot_be_renewed(self) -> None:
        assert not SignIn(access_token="t").renewable
        assert SignIn(client_id="app", client_secret="s").renewable

    def test_secrets(self) -> None:
        assert SignIn(access_token="t").secrets() == ("t",)
        assert SignIn(client_id="app", client_secret="s").secrets() == ("s",)


class TestForm:
    def test_names_no_scope_by_default(self) -> None:
        assert parse_qs(SignIn(client_id="app", client_secret="s").form().decode()) == {
            "grant_type": ["client_credentials"],
            "client_id": ["app"],
            "client_secret": ["s"],
        }

    def test_joins_scopes_with_spaces(self) -> None:
        form = SignIn(client_id="app", client_secret="s", scopes=("PM.User", "PM.Setting")).form()
        assert parse_qs(form.decode())["scope"] == ["PM.User PM.Setting"]

    def test_encodes_every_character(self) -> None:
        form = SignIn(client_id="app", client_secret="a&b=c+d %é").form()
        assert parse_qs(form.decode())["client_secret"] == ["a&b=c+d %é"]


class TestToken:
    def test_value_is_not_in_its_repr(self) -> None:
        assert "hunter2" not in repr(Token("hunter2"))


class TestTokens:
    """Fetches are counted: an endpoint that sees the same wrong secret over and over may lock the client."""

    @staticmethod
    def gives(token: Token) -> Callable[[], Token]:
        return lambda: token

    @staticmethod
    def never() -> Token:
        raise AssertionError("a token was fetched")

    def test_a_given_one_is_in_use_and_a_secret(self) -> None:
        given = Token("given")
        tokens = Tokens(given)
        assert tokens.current(1e9, self.never) is given
        assert (tokens.latest, tokens.secrets()) == (given, ("given",))

    def test_without_one_there_is_none_before_the_first_use(self) -> None:
        tokens = Tokens(None)
        assert (tokens.latest, tokens.secrets()) == (None, ())

    def test_a_fetched_one_is_used_until_it_expires(self) -> None:
        tokens = Tokens(None)
        first, second = Token("t1", renew_at=10), Token("t2", renew_at=20)
        assert tokens.current(0, self.gives(first)) is first
        assert tokens.current(9.9, self.never) is first
        assert tokens.current(10, self.gives(second)) is second
        assert tokens.latest is second

    def test_a_rejected_one_is_replaced_once_for_all_who_held_it(self) -> None:
        first, second = Token("t1"), Token("t2")
        tokens = Tokens(first)
        assert tokens.current(0, self.gives(second), rejected=first) is second
        assert tokens.current(0, self.never, rejected=first) is second

    def test_former_ones_stay_secrets(self) -> None:
        tokens = Tokens(Token("t1", renew_at=0))
        tokens.current(0, self.gives(Token("t2")))
        assert tokens.secrets() == ("t1", "t2")

    def test_only_the_newest_stay_secrets(self) -> None:
        tokens = Tokens(None)
        for number in range(100):
            tokens.current(number, self.gives(Token(f"t{number}", renew_at=number)))
        assert tokens.secrets() == tuple(f"t{number}" for number in range(100 - KEPT_TOKENS, 100))

    @pytest.mark.parametrize("held", [None, Token("t1")])
    def test_a_failure_is_shared_by_all_who_wait_for_the_same_renewal(self, held: Token | None) -> None:
        tokens = Tokens(held)

        def refuse() -> Token:
            raise Unauthorized("No.", http_status=400, codes=["invalid_client"], trace_id="00-1")

        with pytest.raises(Unauthorized) as first:
            tokens.current(0, refuse, rejected=held)
        first.value.attempts = 7
        with pytest.raises(Unauthorized) as second:
            tokens.current(0, self.never, rejected=held)
        assert second.value is not first.value  # each request notes its own attempts in it
        assert (second.value.message, second.value.http_status, second.value.codes, second.value.trace_id) == (
            "No.",
            400,
            ("invalid_client",),
            "00-1",
        )

    def test_a_failure_leaves_the_token_to_those_who_were_not_refused(self) -> None:
        held = Token("t1")
        tokens = Tokens(held)

        def fail() -> Token:
            raise Unreachable("Gone.")

        with pytest.raises(Unreachable):
            tokens.current(0, fail, rejected=held)
        assert tokens.current(0, self.never) is held


class TestChooseSignIn:
    @pytest.mark.parametrize(
        ("options", "environ", "chosen"),
        [
            ({"access_token": "t"}, {}, SignIn(access_token="t")),
            ({"access_token": "t"}, {**TOKEN, **CLIENT}, SignIn(access_token="t")),
            ({"client_id": "i", "client_secret": "s"}, {}, SignIn(client_id="i", client_secret="s")),
            ({"client_id": "i", "client_secret": "s"}, {**TOKEN, **CLIENT}, SignIn(client_id="i", client_secret="s")),
            ({"client_id": "i"}, {**TOKEN, **CLIENT}, SignIn(client_id="i", client_secret="env-secret")),
            ({"client_secret": "s"}, {**TOKEN, **CLIENT}, SignIn(client_id="env-id", client_secret="s")),
            ({"client_id": "i"}, TOKEN, SignIn(client_id="i")),
            ({}, {**TOKEN, **CLIENT}, SignIn(access_token="env-token")),
            ({}, TOKEN, SignIn(access_token="env-token")),
            ({}, CLIENT, SignIn(client_id="env-id", client_secret="env-secret")),
            ({}, {"UIPATH_ACCESS_TOKEN": "", **CLIENT}, SignIn(client_id="env-id", client_secret="env-secret")),
            ({}, {"UIPATH_CLIENT_ID": "", "UIPATH_CLIENT_SECRET": ""}, SignIn()),
            ({}, {}, SignIn()),
            ({"access_token": ""}, {**TOKEN, **CLIENT}, SignIn(access_token="")),
            ({"client_secret": ""}, {**TOKEN, **CLIENT}, SignIn(client_id="env-id", client_secret="")),
        ],
    )
    def test_options_win_and_the_environment_fills_up_their_method_only(
        self, options: dict[str, str], environ: dict[str, str], chosen: SignIn
    ) -> None:
        assert choose_sign_in(options, environ) == chosen

    def test_scopes_go_with_a_client(self) -> None:
        assert choose_sign_in({"scopes": ["PM.User"]}, CLIENT).scopes == ("PM.User",)


class TestSignInProblems:
    @pytest.mark.parametrize("sign_in", [SignIn(access_token="opaque-1"), SignIn(client_id="app", client_secret="ü s")])
    def test_none_with_either_method(self, sign_in: SignIn) -> None:
        assert sign_in_problems(sign_in) == []

    @pytest.mark.parametrize(
        ("sign_in", "problem"),
        [
            (SignIn(), "credentials are missing"),
            (SignIn(access_token=""), "access_token is empty"),
            (SignIn(access_token="two words"), "access_token contains characters"),
            (SignIn(access_token="line\nbreak"), "access_token contains characters"),
            (SignIn(access_token="tökén"), "access_token contains characters"),
            (SignIn(client_id="app"), "client_id and client_secret are required together"),
            (SignIn(client_secret="hunter2"), "client_id and client_secret are required together"),
            (SignIn(client_id="", client_secret="hunter2"), "client_id is empty"),
            (SignIn(client_id="app", client_secret=""), "client_secret is empty"),
            (SignIn(client_id="app", client_secret="hunter2\udce9"), "client_secret contains an unpaired surrogate"),
        ],
    )
    def test_says_what_is_wrong_without_values(self, sign_in: SignIn, problem: str) -> None:
        (found,) = sign_in_problems(sign_in)
        assert found.startswith(problem)
        assert "hunter2" not in found

    def test_both_halves_at_once(self) -> None:
        assert sign_in_problems(SignIn(client_id="", client_secret="")) == [
            "client_id is empty",
            "client_secret is empty",
        ]


class TestReadToken:
    @pytest.mark.parametrize(("lifetime", "renew_at"), [(3600, 3540), (100, 90), (60, 54), (10, 9), (0.5, 0.45)])
    def test_renews_a_minute_before_expiry_or_in_the_last_tenth(self, lifetime: float, renew_at: float) -> None:
        token = read_token({"access_token": "t", "expires_in": lifetime}, now=1000)
        assert token is not None
        assert token.value == "t"
        assert token.renew_at == pytest.approx(1000 + renew_at)

    @pytest.mark.parametrize("lifetime", [None, True, "3600", 0, -1, float("nan"), float("inf")])
    def test_without_a_usable_lifetime_waits_for_a_refusal(self, lifetime: Any) -> None:
        assert read_token({"access_token": "t", "expires_in": lifetime}, now=0) == Token("t")

    @pytest.mark.parametrize(
        "answer",
        [None, "<html>", [], {}, *({"access_token": value} for value in (None, "", 7, "ü", "a\nb"))],
    )
    def test_none_where_there_is_no_token(self, answer: Any) -> None:
        assert read_token(answer, now=0) is None


def jwt(payload: bytes) -> str:
    return f"header.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.signature"


class TestTokenClaims:
    @pytest.mark.parametrize("claims", [{"prt_id": "7a2f"}, {"sub": "ü"}, {}, {"pad": "?>~"}])
    def test_of_a_jwt(self, claims: dict[str, str]) -> None:
        assert token_claims(jwt(json.dumps(claims, ensure_ascii=False).encode())) == claims

    @pytest.mark.parametrize(
        "token",
        ["", "opaque", "rt_1A.B", "a.b.c", "ü.ü.ü", jwt(b"[]"), jwt(b"\xff"), jwt(b"not JSON"), jwt(b"[" * 99999)],
    )
    def test_none_in_an_opaque_token(self, token: str) -> None:
        assert token_claims(token) == {}
