# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of the server means for the store, or that there was none.

The status decides. Texts differ between versions of the server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import shown
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import chained, transport_error
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain, Unconfirmed


class NotSignedIn(StoreError):
    """The server does not accept the credentials or the token, which concerns all accounts."""

    stops_task = True


@dataclass(frozen=True)
class Call:
    """A request. `right` is the capability that a policy has to give for `path`. `fields` are its JSON."""

    method: str
    path: str
    right: str
    fields: Mapping[str, Any] | None = field(default=None, repr=False)
    query: Mapping[str, Any] | None = None

    @property
    def writes(self) -> bool:
        return self.right in ("create", "update")


@dataclass(frozen=True)
class Answer:
    """`body` is empty if it is not a JSON object."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def content(self) -> Mapping[str, Any]:
        found = self.body.get("data")
        return found if isinstance(found, Mapping) else {}

    @property
    def text(self) -> str:
        errors = self.body.get("errors")
        return "; ".join(" ".join(str(error).split()) for error in errors) if isinstance(errors, list) else ""


def answer_of(response: Any) -> Answer:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    return Answer(response.status_code, body if isinstance(body, dict) else {})


def refusal(call: Call, answer: Answer, url: str, secrets: Collection[str]) -> StoreError:
    """Return the error for an answer that is not what was asked for. `secrets` are masked in the server's words."""
    status, text = answer.status, answer.text
    words = shown(text, [*secrets, *strings_in(call.fields)]) if text else ""
    general = f"{url} answered HTTP {status} when asked to {call.right} {call.path}" + (f": {words}" if words else ".")
    if status == 429:
        return TryAgain(f"{url} throttles requests (HTTP 429). Run again later, or raise the limit.")
    if status in (301, 302, 303, 307, 308):
        return TryAgain(f"{url} redirects requests (HTTP {status}). Set store.url to the address of the active server.")
    if status == 503 and (not call.writes or "token check" in text):
        return TryAgain(f"{url} is sealed or not ready (HTTP 503). Run again when it serves requests.")
    if status == 413 or "too large" in text:
        return StoreError(f"{url} refuses the size of {call.path} (HTTP {status}).")
    if status == 412 or (status == 400 and "pgrad" in text):  # a standby that lags, a mount that is being upgraded
        return TryAgain(general)
    if status >= 500 or status == 408:
        return Unconfirmed(general) if call.writes else TryAgain(general)
    if status == 400 and "missing client token" in text:
        return NotSignedIn(f"{url} got no token (HTTP 400). Check whether a proxy removes the header X-Vault-Token.")
    return StoreError(general)


def login_refusal(call: Call, answer: Answer, url: str, secrets: Collection[str]) -> StoreError:
    if answer.status in (412, 429, 502, 503, 504) or 300 <= answer.status < 400:
        return refusal(call, answer, url, secrets)
    if answer.status == 404 or "missing client token" in answer.text:
        return NotSignedIn(
            f"There is no sign-in at {call.path} on {url} (HTTP {answer.status}). Check store.auth_method,"
            " store.mount_point and store.namespace."
        )
    words = shown(answer.text, [*secrets, *strings_in(call.fields)])
    said = f": {words}" if words else "."
    return NotSignedIn(f"{url} refuses the sign-in at {call.path} (HTTP {answer.status}){said}")


def no_answer(call: Call, error: Exception, url: str) -> StoreError:
    trouble = transport_error(error, sent=call.writes)
    message = f"{url} gave no answer when asked to {call.right} {call.path}: {trouble.cause}."
    if trouble.permanent:
        return NotSignedIn(message.replace("ca_path", "store.ca_cert"))
    return Unconfirmed(message) if call.writes and may_be_sent(error) else TryAgain(message)


def may_be_sent(error: Exception) -> bool:
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    return not any(isinstance(cause, (ConnectTimeoutError, NewConnectionError)) for cause in chained(error))


def strings_in(value: Any) -> set[str]:
    """Return every string in what was sent: a server may quote any."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return set()
    return {text for entry in value for text in strings_in(entry)}
