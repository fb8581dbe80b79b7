# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a request got no answer, as the operating system or OpenSSL gives it.

A library's exception is never quoted: it may contain URLs, headers and pieces of a body.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator

try:
    import requests
    import urllib3
except ImportError:
    pass  # the transport reports it


# OpenSSL's X509_V_ERR_*: a certificate that is self-signed, or whose issuer is not available.
UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
# What versions of OpenSSL call an answer that is no TLS.
NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
# How a TLS record of the type "alert" begins, read as text (RFC 8446, 5.1).
TLS_ALERT = "\x15\x03"

PROXY_REFUSAL = "the proxy refused the connection (HTTP {0})"


class TransportError(Exception):
    """No answer. `sent` tells whether the server may have got the request, `permanent` that a retry cannot help."""

    def __init__(self, cause: str, *, sent: bool, permanent: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.sent = sent
        self.permanent = permanent


def transport_error(error: BaseException, *, sent: bool) -> TransportError:
    """Reduce a library's exception to the cause that the operating system or OpenSSL gave for it."""
    causes = tuple(chained(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            advice = "; set ca_path to its issuer's certificate" if cause.verify_code in UNKNOWN_ISSUER else ""
            message = f"the server's certificate is not trusted ({cause.verify_message}){advice}"
            return TransportError(message, sent=False, permanent=True)
    through_proxy = any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes)
    place = "the proxy" if through_proxy else "the server"
    timeouts = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError, socket.timeout)
    # urllib3 counts a refused connection and an unknown host among its time-outs
    refused = urllib3.exceptions.NewConnectionError
    if any(isinstance(cause, timeouts) and not isinstance(cause, refused) for cause in causes):
        return TransportError(f"{place} did not answer in time", sent=sent)
    for cause in causes:
        refusal = re.search(r"Tunnel connection failed: (\d{3})", str(cause)) if isinstance(cause, OSError) else None
        if refusal and through_proxy:
            return TransportError(PROXY_REFUSAL.format(refusal[1]), sent=sent, permanent=True)
        if isinstance(cause, ssl.SSLError):
            return tls_error(cause, place, sent=sent)
        if isinstance(cause, http.client.BadStatusLine) and str(cause).startswith(TLS_ALERT):
            return TransportError(
                f"{place} answered in TLS; its port may speak https, not http", sent=sent, permanent=True
            )
        if isinstance(cause, OSError) and cause.strerror:
            return TransportError(f"{place} cannot be reached ({cause.strerror})", sent=sent)
    if sent:
        return TransportError("the connection was lost before the answer was complete", sent=True)
    return TransportError(f"{place} cannot be reached ({type(error).__name__})", sent=False)


def tls_error(error: ssl.SSLError, place: str, *, sent: bool) -> TransportError:
    message = f"TLS failed ({error.reason or 'no reason given'})"
    if error.reason in NOT_TLS and not sent:
        return TransportError(f"{message}; {place}'s port may speak http, not https", sent=False, permanent=True)
    return TransportError(message, sent=sent)


def chained(error: object) -> Iterator[BaseException]:
    """Yield an exception and all that it stems from: `requests` and `urllib3` wrap in several ways."""
    pending, seen = [error], set()
    while pending:
        current = pending.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
