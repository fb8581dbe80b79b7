# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the server: `hvac` over one pool of connections, and a token that is replaced when it expires."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible.module_utils.common.validation import check_type_dict
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import (
    TransportOptions,
    origin,
    proxies_for,
    proxy_secrets,
    trusted_certificates,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.answers import (
    Answer,
    Call,
    NotSignedIn,
    answer_of,
    login_refusal,
    no_answer,
    refusal,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.auth import SECRETS, login
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

LOOK_UP = Call("GET", "auth/token/lookup-self", "read")
REVOKE = Call("POST", "auth/token/revoke-self", "update")


@dataclass
class Connection:
    """Threads share it. After a sign-in, `client`, an `hvac.Client`, has the token. `session` is that of `requests`."""

    options: Options = field(repr=False)
    url: str
    session: Any = field(repr=False)
    secrets: set[str] = field(repr=False)
    client: Any = field(default=None, init=False, repr=False)
    is_answered: bool = field(default=False, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def renews(self) -> bool:
        return bool(self.options["auth_method"] != "token")

    def sign_in(self) -> None:
        if not self.renews:
            self.client = self._client(self.options["token"])
            return
        path, fields = login(self.options)
        self.secrets.update(fields[name] for name in SECRETS if name in fields)
        call = Call("POST", path, "sign in", fields)
        answer = self._exchange(call, self._client(""))
        auth = answer.body.get("auth")
        token = auth.get("client_token") if answer.status == 200 and isinstance(auth, Mapping) else None
        if not isinstance(token, str) or not token:
            raise login_refusal(call, answer, self.url, self.secrets)
        self.secrets.add(token)
        self.client = self._client(token)

    def ask(self, call: Call, *, accepted: Collection[int] = (200,)) -> Answer:
        """Return the answer, or raise what it means if its status is not among the accepted ones."""
        client = self.client
        answer = self._exchange(call, client)
        if answer.status == 403 and self.renews and self._has_new_token(client):
            answer = self._exchange(call, self.client)
        if answer.status in accepted:
            return answer
        if answer.status != 403:
            raise refusal(call, answer, self.url, self.secrets)
        self.demand_valid_token(call)
        raise StoreError(
            f"The policies of the token lack the capability {call.right} for {call.path} on {self.url} (HTTP 403)."
        )

    def demand_valid_token(self, call: Call) -> None:
        """Raise NotSignedIn if the server does not know a token that was given. One of a sign-in is new."""
        if not self.renews and self._exchange(LOOK_UP, self.client).status == 403:
            raise NotSignedIn(
                f"{self.url} does not accept store.token when asked to {call.right} {call.path} (HTTP 403). It has"
                " expired, was revoked, or belongs to another server or namespace."
            )

    def close(self) -> None:
        """Revoke the token of a sign-in if the server answers, and close the connections."""
        with suppress(StoreError):  # the token expires
            if self.renews and self.client and self.is_answered:
                self._exchange(REVOKE, self.client)
        self.session.close()

    def _has_new_token(self, stale: Any) -> bool:
        """Sign in again if the token has expired, unless another thread has done so."""
        with self.lock:
            if self.client is stale:
                if self._exchange(LOOK_UP, stale).status != 403:
                    return False
                self.sign_in()
            return True

    def _client(self, token: str) -> Any:
        import hvac

        return hvac.Client(
            self.url,
            token=token,
            verify=self.session.verify,
            timeout=self.options["timeout"],
            proxies=self.session.proxies,
            allow_redirects=False,  # the token would be sent to another server
            session=self.session,
            adapter=hvac.adapters.RawAdapter,
            namespace=self.options["namespace"] or None,
        )

    def _exchange(self, call: Call, client: Any) -> Answer:
        import urllib3

        path = f"/v1/{quote(call.path, safe='/%')}"
        self.is_answered = False
        try:
            response = client.adapter.request(
                call.method, path, raise_exception=False, json=call.fields, params=call.query
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # those of requests are OSErrors
            # The library's exception is not chained: it may quote the URL, a header, or a piece of the body.
            raise no_answer(call, error, self.url) from None
        self.is_answered = True
        return answer_of(response)


def connection(options: Options, connections: int) -> Connection:
    """Return the connection that the options describe. Nothing is sent yet."""
    import hvac  # noqa: F401 - if it is missing, the task ends here
    import requests.adapters
    import urllib3

    url = options["url"].strip().rstrip("/")
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    trust = TransportOptions(validate_certs=options["validate_certs"], ca_path=options["ca_cert"])
    session.verify = trusted_certificates(trust, os.environ)
    if not options["validate_certs"]:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.proxies = proxies_of(options["proxies"]) or proxies_for(origin(url), None)
    secrets = {options[name] for name in SECRETS if options[name]}
    return Connection(options, url, session, secrets | proxy_secrets(iter(session.proxies.values())))


def proxies_of(given: Any) -> dict[str, str]:
    """Return the proxies by scheme. A string is the URL for both, or a mapping as JSON."""
    if isinstance(given, str) and given.startswith("{"):
        given = check_type_dict(given)
    if isinstance(given, Mapping):
        return {str(scheme): str(url) for scheme, url in given.items()}
    return {"http": given, "https": given} if given else {}
