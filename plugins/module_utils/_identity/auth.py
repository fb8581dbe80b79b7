# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bearer token comes from: given by the user, or fetched with OAuth 2.0 client credentials (RFC 6749, 4.4).

`choose_sign_in` sends nothing; the client sends the request; `read_token` reads the answer.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import UNPAIRED_SURROGATE, is_text

# A token is renewed this long before it expires or, where that comes later, in the last tenth of its lifetime.
RENEW_BEFORE_SECONDS = 60.0
LONGEST_LIFETIME = 10**9
# In characters. Every answer is searched for the token, so a longer one is not accepted.
LONGEST_TOKEN = 65536
# The newest tokens, which stay secrets: a server that issues one for each request would fill the memory.
KEPT_TOKENS = 8


@dataclass(frozen=True)
class SignIn:
    """A sign-in method: a given `access_token`, or a client with its secret."""

    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()

    @property
    def renewable(self) -> bool:
        return self.access_token is None

    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.access_token, self.client_secret) if secret)

    def form(self) -> bytes:
        """Return the token request's body. Without scopes the server grants all that the client is registered with."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.client_id or "",
            "client_secret": self.client_secret or "",
        }
        if self.scopes:
            fields["scope"] = " ".join(self.scopes)
        return urlencode(fields).encode("ascii")


@dataclass(frozen=True)
class Token:
    value: str = field(repr=False)
    renew_at: float = float("inf")


class Tokens:
    """The token in use. Threads share it, its renewal, and a renewal that failed."""

    def __init__(self, given: Token | None) -> None:
        self._lock = threading.Lock()
        self._seen = [given] if given else []
        self._failure: tuple[Token | None, UiPathError] | None = None

    @property
    def latest(self) -> Token | None:
        return self._seen[-1] if self._seen else None

    def secrets(self) -> tuple[str, ...]:
        """Return the tokens that are or were in use lately: a server may quote any of them."""
        return tuple(token.value for token in self._seen)

    def current(self, now: float, fetch: Callable[[], Token], rejected: Token | None = None) -> Token:
        """Return a token that is neither rejected nor about to expire, fetching one where needed."""
        with self._lock:
            token = self.latest
            if token and token is not rejected and now < token.renew_at:
                return token
            if self._failure and self._failure[0] is token:
                raise copy.copy(self._failure[1])
            try:
                self._seen = [*self._seen, fetch()][-KEPT_TOKENS:]
            except UiPathError as error:
                self._failure = token, error
                raise
            return self._seen[-1]


def choose_sign_in(options: Mapping[str, Any], environ: Mapping[str, str]) -> SignIn:
    """Return the method that the options name, completed from the environment; without options, the environment's."""

    def variable(name: str) -> str | None:
        return environ.get(name) or None

    given = {name: options.get(name) for name in ("access_token", "client_id", "client_secret")}
    scopes = tuple(options.get("scopes") or ())
    if given["access_token"] is not None:
        return SignIn(access_token=given["access_token"])
    if given["client_id"] is None and given["client_secret"] is None and variable("UIPATH_ACCESS_TOKEN"):
        return SignIn(access_token=variable("UIPATH_ACCESS_TOKEN"))
    return SignIn(
        client_id=variable("UIPATH_CLIENT_ID") if given["client_id"] is None else given["client_id"],
        client_secret=variable("UIPATH_CLIENT_SECRET") if given["client_secret"] is None else given["client_secret"],
        scopes=scopes,
    )


def sign_in_problems(sign_in: SignIn) -> list[str]:
    """Return what is missing or unusable, without values."""
    if sign_in.access_token is not None:
        if not sign_in.access_token:
            return ["access_token is empty"]
        if not (sign_in.access_token.isascii() and sign_in.access_token.isprintable()) or " " in sign_in.access_token:
            return ["access_token contains characters that a bearer token cannot have"]
        return []
    if sign_in.client_id is None and sign_in.client_secret is None:
        return [
            "credentials are missing: set access_token, or client_id and client_secret, as options or as the"
            " environment variables UIPATH_ACCESS_TOKEN, or UIPATH_CLIENT_ID and UIPATH_CLIENT_SECRET"
        ]
    if sign_in.client_id is None or sign_in.client_secret is None:
        return ["client_id and client_secret are required together"]
    problems = []
    for name, value in (("client_id", sign_in.client_id), ("client_secret", sign_in.client_secret)):
        if not value:
            problems.append(f"{name} is empty")
        elif not is_text(value):
            problems.append(f"{name} contains {UNPAIRED_SURROGATE}")
    if not all(is_text(scope) for scope in sign_in.scopes):
        problems.append(f"scopes contains {UNPAIRED_SURROGATE}")
    return problems


def read_token(answer: Any, now: float) -> Token | None:
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if (
        not isinstance(value, str)
        or not value.isascii()
        or not value.isprintable()
        or not 0 < len(value) <= LONGEST_TOKEN
    ):
        return None
    lifetime = answer.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not 0 < lifetime < math.inf:
        return Token(value)
    lifetime = min(lifetime, LONGEST_LIFETIME)
    return Token(value, renew_at=now + max(lifetime - RENEW_BEFORE_SECONDS, lifetime * 0.9))


def token_claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, unverified, or an empty dict for an opaque token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
