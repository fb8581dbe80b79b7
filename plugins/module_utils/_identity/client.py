# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the Identity API: signing in, retries, waits, and the guard of check mode.

A write is sent again only if it was provably not applied: it was never sent, or the API itself answered with 429 or,
once, with 401. An answer that is not the API's own proves nothing: a gateway that retries may give it for a request
whose first copy was applied. Requests that change nothing are also sent again after a lost answer.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from json import dumps
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Throttled,
    UiPathError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WriteInCheckMode,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import (
    SignIn,
    Token,
    Tokens,
    read_token,
    token_claims,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    IDENTITY_URL_GUIDE,
    default_token_url,
    is_path_segment,
    likely_mistake,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import (
    error_codes,
    server_error,
    with_server_message,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.retry import (
    LONGEST_WAIT,
    RetryBudget,
    backoff,
    retry_after,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response, Transport
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask

RIGHT_FORMS = f"the right form for every product: {IDENTITY_URL_GUIDE}"


@dataclass(frozen=True)
class _Call:
    """One request. `safe` ones change nothing; `secrets` are masked in the server's message about it."""

    method: str
    url: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    safe: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def foreign_refusal(self, response: Response) -> bool:
        """Tell whether this write was refused by something else than the API, so that it may have been applied."""
        return not self.safe and response.status in (401, 403, 429) and not response.is_api_body

    @property
    def narrow_scope(self) -> str:
        return "PM.User.Read" if self.safe else "PM.User.Write"


THROTTLED = (
    "The server kept answering 429 (Too Many Requests) until the retries were used up, or asked to wait for more than"
    f" {LONGEST_WAIT:.0f} seconds in all. The request was not applied."
)
NO_TOKEN = "The server issues no token for this client. Check client_id, client_secret and scopes."


class Client:
    """A signed-in caller of the Identity API. Threads may share it."""

    def __init__(
        self,
        transport: Transport,
        *,
        identity_url: str,
        token_url: str,
        sign_in: SignIn,
        secrets: Iterable[str] = (),
        retries: int = 3,
        check_mode: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.identity_url = identity_url
        self._own_secrets = (*sign_in.secrets(), *secrets)
        self._transport = transport
        self._token_url = token_url
        self._sign_in = sign_in
        self._retries = retries
        self._check_mode = check_mode
        self._clock = clock
        self._sleep = sleep
        self._tokens = Tokens(Token(sign_in.access_token) if sign_in.access_token else None)
        self._paused_until: dict[str, float] = {}
        self._api_confirmed = False  # until the first answer in JSON, a web page means that the URL is wrong

    @property
    def secrets(self) -> tuple[str, ...]:
        """The connection's secrets as of now, with all tokens that were fetched."""
        return (*self._own_secrets, *self._tokens.secrets())

    def sign_in(self) -> None:
        """Fetch a token, unless one was given: a task that cannot sign in ends before its first request."""
        self._current_token(RetryBudget(self._retries))

    def get(self, url: str) -> Response:
        return self._request(_Call("GET", url, safe=True))

    def unexpected(self, url: str, response: Response) -> UiPathError:
        """Return the error for an answer to a read of this URL that is not the documented one."""
        call = _Call("GET", url)
        status = response.status
        message = (
            f"The server answered with HTTP status {status}, but not with what was asked for: GET {self._place(call)}."
        )
        return self._described(UnexpectedAnswer, call, response, message)

    def no_organization(self, url: str, response: Response) -> UiPathError:
        """Return the error for the organization in this URL, which the server does not have."""
        call = _Call("GET", url)
        message = f"There is no organization with this partition_id on the server: GET {self._place(call)} found none."
        return self._described(NotFound, call, response, message)

    def organization_id(self) -> str | None:
        """Return the id of the organization that the access token names. An opaque token names none."""
        claim = token_claims(self._current_token(RetryBudget(self._retries)).value).get("prt_id")
        return claim if isinstance(claim, str) and is_path_segment(claim) else None

    def own_user_id(self) -> str | None:
        """Return the id of the user whose token is in use, if it is a user's and there is one yet."""
        token = self._tokens.latest
        claims = token_claims(token.value) if token else {}
        own = claims.get("sub") if claims.get("sub_type") == "user" else None
        return own if isinstance(own, str) else None

    def post(self, url: str, body: Mapping[str, Any], *, secrets: Iterable[str] = ()) -> Response:
        """Send a write. `secrets` are those in the body, besides the connection's own."""
        return self._request(_Call("POST", url, dumps(body).encode(), secrets=tuple(secrets)))

    def _request(self, call: _Call) -> Response:
        """Return the API's answer to an authenticated request: never a redirect, 401, 403 or 429."""
        if self._check_mode and not call.safe:
            raise WriteInCheckMode(f"check mode: {call.method} is not sent")
        budget = RetryBudget(self._retries)
        try:
            response = self._authorized(call, budget)
            self._require_api_answer(call, response)
        except UiPathError as error:
            error.attempts = budget.attempts
            raise
        return dataclasses.replace(response, attempts=budget.attempts)

    def _authorized(self, call: _Call, budget: RetryBudget) -> Response:
        token = self._current_token(budget)
        response = self._exchange(with_token(call, token), budget)
        if response.status == 401 and self._sign_in.renewable and not call.foreign_refusal(response):
            token = self._current_token(budget, rejected=token)
            response = self._exchange(with_token(call, token), budget)
        return response

    def _current_token(self, budget: RetryBudget, rejected: Token | None = None) -> Token:
        """Return a usable token. Fetching one takes from the request's budget, but is none of its attempts."""
        attempts = budget.attempts
        try:
            return self._tokens.current(self._clock(), lambda: self._fetch_token(budget), rejected)
        finally:
            budget.attempts = attempts

    def _fetch_token(self, budget: RetryBudget) -> Token:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        call = _Call("POST", self._token_url, self._sign_in.form(), headers, safe=True)
        response = self._exchange(call, budget)
        token = read_token(response.json, self._clock()) if response.status == 200 else None
        if token:
            return token
        if response.status in (400, 401, 403) and isinstance(response.json, dict):
            raise self._described(Unauthorized, call, response, NO_TOKEN)
        if response.status == 408 or response.status >= 500:
            raise self._described(
                Unreachable,
                call,
                response,
                f"The token endpoint answered with HTTP status {response.status}: {self._place(call)}.",
            )
        api_is_there = response.status == 404 and response.json is not None
        mistake = likely_mistake(self.identity_url, error_codes(response.json), api_is_there=api_is_there)
        if self._token_url != default_token_url(self.identity_url):
            mistake = "check token_url, or leave it out"
        answered = f"{self._place(call)}, which was answered with HTTP status {response.status}"
        message = f"There is no token endpoint at {answered}; {mistake} ({RIGHT_FORMS})."
        raise self._described(WrongUrl, call, response, message)

    def _exchange(self, call: _Call, budget: RetryBudget) -> Response:
        """Send until there is an answer other than 429. Sign-in and API calls all go through here."""
        while True:
            self._wait_out_pause(call, budget)
            budget.attempts += 1
            try:
                response = self._transport.send(call.method, call.url, call.headers, call.body)
            except TransportError as error:
                if error.sent and not call.safe:
                    raise self._failed(OutcomeUnknown, call, f"There was no answer: {error.cause}") from error
                if error.permanent or not self._backed_off(budget):
                    raise self._failed(Unreachable, call, f"{error.cause[0].upper()}{error.cause[1:]}") from error
                continue
            if response.status == 429:
                self._pause_all(call, response, budget.retries_taken + 1)
            if response.status == 429 and not call.foreign_refusal(response):
                if not budget.take_retry():
                    raise self._described(Throttled, call, response, THROTTLED)
            elif response.status < 500 or not call.safe or not self._backed_off(budget):
                return response

    def _backed_off(self, budget: RetryBudget) -> bool:
        """Wait before a retry and return True, or return False where no retry is left."""
        if not budget.take_retry():
            return False
        seconds = backoff(budget.retries_taken)
        if not budget.take_wait(seconds):
            return False
        self._sleep(seconds)
        return True

    def _limit_of(self, call: _Call) -> str:
        """Return the name of the limit that a request counts towards. The server has one per method."""
        return "sign-in" if call.url == self._token_url else call.method

    def _pause_all(self, call: _Call, response: Response, retry: int) -> None:
        """Make every thread wait as long as a 429 asks for, or as long as the back-off before this retry."""
        seconds = retry_after(response.headers.get("Retry-After"), datetime.now(timezone.utc))
        if seconds is None:
            seconds = backoff(retry)
        limit = self._limit_of(call)
        self._paused_until[limit] = max(self._paused_until.get(limit, 0.0), self._clock() + seconds)

    def _wait_out_pause(self, call: _Call, budget: RetryBudget) -> None:
        while (seconds := self._paused_until.get(self._limit_of(call), 0.0) - self._clock()) > 0:
            if not budget.take_wait(seconds):
                raise Throttled(f"{THROTTLED} It asked for another {seconds:.0f} seconds.", http_status=429)
            self._sleep(seconds)

    def _require_api_answer(self, call: _Call, response: Response) -> None:
        """Raise where the answer is not the Identity API's: a missing scope, another application, a sign-in page."""
        if call.foreign_refusal(response):
            raise self._foreign(OutcomeUnknown, call, response)
        if response.status in (401, 403):
            raise self._unauthorized(call, response)
        codes = error_codes(response.json)
        page = is_page(response)
        if response.status == 404 and not response.is_api_body:
            # What a gateway answers for a path that it does not know. A read may be of what is not there.
            page = page or not call.safe or not self._api_confirmed
        if page and self._api_confirmed:
            raise self._foreign(UnexpectedAnswer if call.safe else OutcomeUnknown, call, response)
        if page or response.status == 405 or "InvalidPartition" in codes:
            likely = likely_mistake(self.identity_url, codes)
            answered = f"{self._place(call)} was answered with HTTP status {response.status}"
            message = f"There is no Identity API at identity_url: {answered}; {likely} ({RIGHT_FORMS})."
            error = self._described(WrongUrl, call, response, message)
            error.is_foreign = page or not response.is_api_body
            raise error
        self._api_confirmed = self._api_confirmed or response.json is not None

    def _unauthorized(self, call: _Call, response: Response) -> UiPathError:
        kind, message = Unauthorized, "The server does not accept the access token."
        if response.status == 403:
            kind, message = (
                Forbidden,
                (
                    f"The server forbids the operation: the token needs the scope PM.User or {call.narrow_scope}, and a"
                    " user's token also the rights of an organization administrator."
                ),
            )
        if not response.is_api_body:
            message = f"{message} {self._not_the_api(call, response)}"
        return self._described(kind, call, response, message)

    def _foreign(self, kind: type[UiPathError], call: _Call, response: Response) -> UiPathError:
        error = self._described(kind, call, response, self._not_the_api(call, response))
        error.is_foreign = True
        return error

    def _not_the_api(self, call: _Call, response: Response) -> str:
        return (
            f"The answer to {self._place(call)}, with HTTP status {response.status}, is not the Identity API's: a proxy"
            " or gateway may have sent it."
        )

    def _place(self, call: _Call) -> str:
        """Return the URL as messages name it."""
        return mask(call.url.partition("?")[0], (*self.secrets, *call.secrets))

    def _failed(self, kind: type[UiPathError], call: _Call, message: str) -> UiPathError:
        """Return the error for a request without an answer."""
        return kind(f"{message}. The request was {call.method} {self._place(call)}.")

    def _described(self, kind: type[UiPathError], call: _Call, response: Response, message: str) -> UiPathError:
        """Return an error that carries the server's message, masked."""
        found = server_error(response.json, self.secrets, call.secrets)
        message = with_server_message(message, [found.message or ", ".join(found.codes)])
        return kind(message, http_status=response.status, codes=found.codes, trace_id=found.trace_id)


def is_page(response: Response) -> bool:
    """Tell whether the answer is a web page or a redirect. A server that fails may well answer with a page."""
    return 300 <= response.status < 400 or (response.is_html and response.status < 500)


def with_token(call: _Call, token: Token) -> _Call:
    headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json", "User-Agent": "rpaops.uipath"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return dataclasses.replace(call, headers=headers)
