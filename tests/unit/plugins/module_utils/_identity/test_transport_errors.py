# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.client
import socket
import ssl

import pytest
import requests
import urllib3
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import (
    TransportError,
    chained,
    transport_error,
)

SECRET = "https://host/hunter2"
POOL = urllib3.HTTPSConnectionPool("host", 443)


def untrusted(code: int = 18, message: str = "self-signed certificate") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {SECRET}")
    error.verify_code, error.verify_message = code, message
    return error


def by_requests(kind: type[requests.ConnectionError], cause: Exception) -> requests.ConnectionError:
    """Wrap an error the way that requests and urllib3 do."""
    return kind(urllib3.exceptions.MaxRetryError(POOL, SECRET, cause))


def tls_failure(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, SECRET)
    error.reason = reason  # type: ignore[assignment]
    return error


class TestTransportError:
    def of_certificate(self, code: int, message: str) -> TransportError:
        cause = by_requests(requests.exceptions.SSLError, urllib3.exceptions.SSLError(untrusted(code, message)))
        error = transport_error(cause, sent=True)
        assert error.cause.startswith(f"the server's certificate is not trusted ({message})")
        assert (error.sent, error.permanent) == (False, True)
        return error

    @pytest.mark.parametrize("code", [18, 19, 20, 21])
    def test_of_an_unknown_issuer_names_the_option_and_was_never_sent(self, code: int) -> None:
        assert self.of_certificate(code, "self-signed certificate").cause.endswith(
            "; set ca_path to its issuer's certificate"
        )

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            (9, "certificate is not yet valid"),
            (10, "certificate has expired"),
            (62, "Hostname mismatch, certificate is not valid for 'host'."),
        ],
    )
    def test_of_a_certificate_that_no_issuer_mends_has_no_advice(self, code: int, message: str) -> None:
        assert self.of_certificate(code, message).cause.endswith(f"({message})")

    @pytest.mark.parametrize("sent", [True, False])
    @pytest.mark.parametrize(
        ("cause", "message"),
        [
            (requests.ReadTimeout(SECRET), "the server did not answer in time"),
            (requests.ConnectTimeout(SECRET), "the server did not answer in time"),
            (urllib3.exceptions.ReadTimeoutError(POOL, SECRET, SECRET), "the server did not answer in time"),
            (socket.timeout(SECRET), "the server did not answer in time"),
            (ConnectionRefusedError(111, "Connection refused"), "the server cannot be reached (Connection refused)"),
            (
                by_requests(requests.ConnectionError, socket.gaierror(-2, "Name or service not known")),
                "the server cannot be reached (Name or service not known)",
            ),
            (
                by_requests(requests.exceptions.ProxyError, ConnectionRefusedError(111, "Connection refused")),
                "the proxy cannot be reached (Connection refused)",
            ),
            (
                by_requests(requests.exceptions.ProxyError, urllib3.exceptions.ConnectTimeoutError(SECRET)),
                "the proxy did not answer in time",
            ),
            (
                by_requests(requests.exceptions.SSLError, tls_failure("TLSV1_ALERT_INTERNAL_ERROR")),
                "TLS failed (TLSV1_ALERT_INTERNAL_ERROR)",
            ),
            (by_requests(requests.exceptions.SSLError, tls_failure(None)), "TLS failed (no reason given)"),
        ],
    )
    def test_gives_the_cause_as_the_system_gives_it(self, cause: Exception, message: str, sent: bool) -> None:
        error = transport_error(cause, sent=sent)
        assert (error.cause, error.sent, error.permanent) == (message, sent, False)

    def test_knows_a_timeout_that_is_no_time_out_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in Python 3.9, where socket.timeout is another class than TimeoutError."""

        class Timeout(OSError):
            pass

        monkeypatch.setattr(socket, "timeout", Timeout)
        cause = by_requests(requests.ConnectionError, Timeout("timed out"))
        assert transport_error(cause, sent=True).cause == "the server did not answer in time"

    @pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"])
    def test_of_a_server_without_tls_has_a_hint(self, reason: str) -> None:
        error = transport_error(by_requests(requests.exceptions.SSLError, tls_failure(reason)), sent=False)
        assert error.cause == f"TLS failed ({reason}); the server's port may speak http, not https"
        assert (error.sent, error.permanent) == (False, True)

    def test_of_a_server_with_tls_has_a_hint(self) -> None:
        alert = http.client.BadStatusLine("\x15\x03\x01\x00\x02\x02F")
        cause = requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", alert))
        error = transport_error(cause, sent=True)
        assert error.cause == "the server answered in TLS; its port may speak https, not http"
        assert (error.sent, error.permanent) == (True, True)

    def test_of_a_server_that_says_what_a_proxy_would_may_have_been_sent(self) -> None:
        """The library's errors quote what the server has sent."""
        quoted = http.client.BadStatusLine("Tunnel connection failed: 407 gone")
        cause = by_requests(requests.ConnectionError, urllib3.exceptions.ProtocolError("Connection aborted.", quoted))
        error = transport_error(cause, sent=True)
        assert (error.cause, error.sent) == ("the connection was lost before the answer was complete", True)

    def test_of_a_proxy_that_refuses_was_never_sent(self) -> None:
        cause = by_requests(
            requests.exceptions.ProxyError, OSError("Tunnel connection failed: 407 Authentication required")
        )
        error = transport_error(cause, sent=False)
        assert (error.cause, error.sent, error.permanent) == (
            "the proxy refused the connection (HTTP 407)",
            False,
            True,
        )

    @pytest.mark.parametrize(
        ("sent", "message"),
        [
            (True, "the connection was lost before the answer was complete"),
            (False, "the server cannot be reached (BadStatusLine)"),
        ],
    )
    def test_of_any_other_quotes_nothing(self, sent: bool, message: str) -> None:
        error = transport_error(http.client.BadStatusLine(SECRET), sent=sent)
        assert (str(error), error.cause, error.sent) == (message, message, sent)


class TestChained:
    def test_finds_causes_contexts_reasons_and_arguments(self) -> None:
        argument, reason, context, cause = (OSError(name) for name in ("argument", "reason", "context", "cause"))
        error = Exception("top", argument)
        error.__cause__, error.__context__, error.reason = cause, context, reason  # type: ignore[attr-defined]
        assert set(chained(error)) == {error, argument, reason, context, cause}

    def test_ends_where_errors_stem_from_each_other(self) -> None:
        first, second = OSError(), OSError()
        first.__context__, second.__context__ = second, first
        assert list(chained(first)) == [first, second]

    def test_keeps_an_error_of_the_transport(self) -> None:
        error = TransportError("cause", sent=False)
        assert list(chained(error)) == [error]
