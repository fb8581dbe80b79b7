# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request over `requests`: TLS, proxies, time-outs, and whether a failed request had been sent.

Nothing of the environment is used beyond what is documented: no `.netrc`, no `CURL_CA_BUNDLE`, no redirects.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import ssl
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import is_loopback
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import (
    PROXY_REFUSAL,
    TransportError,
    transport_error,
)

try:
    import requests
    import requests.adapters
    import urllib3
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

# A page of 1,000 users takes less than one of these megabytes.
LONGEST_BODY = 32 * 1024 * 1024
CHUNK = 64 * 1024
# How many times `timeout` an exchange may take in all. A server that sends an octet at a time exceeds no other limit.
MOST_TIMEOUTS = 5

# Where operating systems keep their trusted certificates. OpenSSL may have been built with another path.
SYSTEM_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True)
class TransportOptions:
    """How to reach a server. `proxy` may contain credentials.

    `timeout` is in seconds: for connecting, and for each piece of the answer. The whole exchange takes MOST_TIMEOUTS of
    them at most.
    """

    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    connections: int = 1


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    attempts: int = 1

    @property
    def json(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_api_body(self) -> bool:
        """Whether the body may be the Identity API's own: it answers in JSON objects, or with nothing."""
        return not self.body.strip() or isinstance(self.json, dict)

    @property
    def is_html(self) -> bool:
        """Whether the body is a web page. A JSON object is none, whatever the header says."""
        says_html = "html" in self.headers.get("Content-Type", "").lower() and not isinstance(self.json, dict)
        return says_html or self.body.lstrip()[:1] == b"<"


class _Body(io.BytesIO):
    """A request body that records whether sending began: what was never read was never sent.

    Whoever stops waiting sets `cancelled` before looking at `touched`, so that a body that was not read by then is not
    sent later.
    """

    touched = False
    cancelled = False

    def read(self, size: int | None = -1) -> bytes:
        self.touched = True
        if self.cancelled:
            raise OSError("cancelled")
        return super().read(size)


class Transport:
    """A `requests` session whose connections are shared by all threads."""

    def __init__(self, options: TransportOptions, environ: Mapping[str, str]) -> None:
        self._options = options
        self._verify = trusted_certificates(options, environ)
        self._certificate = client_certificate(options)
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=options.connections, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        if not options.validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Return the answer, or raise a TransportError.

        The exchange has a thread of its own, because `requests` limits only the time between two octets. A thread that
        exceeds the limit is left behind. It ends with the connection, or with the process.
        """
        payload = _Body(body or b"")
        outcome: list[Response | TransportError] = []

        def exchange() -> None:
            try:
                outcome.append(self._exchange(method, url, headers, None if body is None else payload))
            except TransportError as error:
                outcome.append(error)
            except Exception as error:  # the library's defect: a thread would print its traceback
                outcome.append(TransportError(unreadable(error), sent=payload.touched, permanent=True))

        thread = threading.Thread(target=exchange, daemon=True)
        thread.start()
        try:
            thread.join(MOST_TIMEOUTS * self._options.timeout)
        finally:
            payload.cancelled = True
        found = outcome[0] if outcome else TransportError("the answer was not complete in time", sent=payload.touched)
        if isinstance(found, TransportError):
            raise found from None
        return found

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], payload: _Body | None) -> Response:
        try:
            data = None if payload is None else payload.getvalue()
            unencoded = {"Accept-Encoding": "identity", **headers}
            prepared = requests.Request(method, url, headers=unencoded, data=data).prepare()
            if payload is not None:
                prepared.body = payload  # type: ignore[assignment]
            # Not by way of the session's send(), which would follow the environment, cookies and redirects.
            answer = self._session.get_adapter(url).send(
                prepared,
                stream=True,
                verify=self._verify,
                cert=self._certificate,
                proxies=proxies_for(origin(url), self._options.proxy),
                timeout=(self._options.timeout, self._options.timeout),
            )
            body = read_body(answer)
            if answer.status_code == 407:  # of an http URL; for https, the library reports it
                raise TransportError(PROXY_REFUSAL.format(407), sent=payload is not None, permanent=True)
            return Response(answer.status_code, answer.headers, body)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
            ValueError,
        ) as error:
            # The library's exception is not chained: it may quote the URL, a header, or a piece of the body.
            raise transport_error(error, sent=payload is not None and payload.touched) from None


def unreadable(error: Exception) -> str:
    return f"the answer cannot be read ({type(error).__name__})"


def read_body(answer: requests.Response) -> bytes:
    """Return the body, of LONGEST_BODY octets at most. An encoded one is refused: a small one may expand without end.

    A connection is used again only after an answer that has a body. After an interim one (1xx), which `http.client`
    takes for final, the real answer would be read as that of the next request.
    """
    body = bytearray()
    try:
        if answer.status_code < 200 or answer.status_code in (204, 304):
            return b""
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise TransportError("the answer is encoded, which was not asked for", sent=True, permanent=True)
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > LONGEST_BODY:
                raise TransportError("the answer is too long", sent=True, permanent=True)
        return bytes(body)
    finally:
        answer.close()


def client_certificate(options: TransportOptions) -> tuple[str, str] | None:
    """Return certificate and key. Without `client_key`, the certificate's file is named for both.

    `urllib3` rejects an encrypted key that is named. OpenSSL would ask for the pass phrase of any other.
    """
    if not options.client_cert:
        return None
    return options.client_cert, options.client_key or options.client_cert


def trusted_certificates(options: TransportOptions, environ: Mapping[str, str]) -> bool | str:
    """Return what `requests` calls `verify`: `ca_path`, REQUESTS_CA_BUNDLE, the system's store, or certifi's."""
    if not options.validate_certs:
        return False
    return options.ca_path or environ.get("REQUESTS_CA_BUNDLE") or system_certificates() or True


def system_certificates() -> str | None:
    paths = ssl.get_default_verify_paths()
    for bundle in (paths.cafile, *SYSTEM_CA_BUNDLES):
        if bundle and os.path.isfile(bundle):
            return bundle
    if paths.capath and os.path.isdir(paths.capath) and os.listdir(paths.capath):
        return paths.capath
    return None


def origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


@lru_cache(maxsize=8)
def proxies_for(url: str, proxy: str | None) -> dict[str, str]:
    """Return the proxies for a URL: the given one, else the environment's, which never apply to a loopback address."""
    if proxy:
        return {"http": proxy, "https": proxy}
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return requests.utils.get_environ_proxies(url, no_proxy=None)


def proxy_secrets(urls: Iterator[str]) -> set[str]:
    """Return the credentials in proxy URLs, as written and decoded."""
    secrets = set()
    for url in urls:
        user_info, at, _host = url.split("//", 1)[-1].rpartition("@")  # any text may stand in the environment
        if at:
            password = user_info.partition(":")[2]
            secrets |= {user_info, unquote(user_info), password, unquote(password)}
    return {secret for secret in secrets if secret}
