# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport over real sockets on the loopback address, and the functions around it."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity import transport as transport_module
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import change_password_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import (
    Response,
    Transport,
    TransportOptions,
    _Body,
    client_certificate,
    origin,
    proxies_for,
    proxy_secrets,
    system_certificates,
    trusted_certificates,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TIMEOUT = 5.0  # no test waits as long


def answer(status: int = 200, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Loopback:
    """A server that gives one answer per request. An empty one hangs up; None leaves the request without an answer."""

    def __init__(self, *answers: bytes | None, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._tls = tls
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT)
        self._listener.close()

    @property
    def request(self) -> bytes:
        (request,) = self.requests
        return request

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                with contextlib.suppress(OSError), connection:
                    self._answer(self._tls.wrap_socket(connection, server_side=True) if self._tls else connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while self._answers and (request := read_request(connection)):
                self.requests.append(request)
                reply = self._answers.pop(0)
                if reply is None:
                    self._over.wait(TIMEOUT)
                if not reply:
                    return
                connection.sendall(reply)


class Dripping(Loopback):
    """A server that begins an answer, and goes on with an octet at a time."""

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            read_request(connection)
            connection.sendall(self._answers[0] or b"")
            while not self._over.wait(0.02):
                connection.sendall(b"H")


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _blank, body = received.partition(b"\r\n\r\n")
    sizes = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(sizes):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def transport(environ: dict[str, str] | None = None, **options: Any) -> Transport:
    return Transport(TransportOptions(**{"timeout": TIMEOUT, **options}), environ or {})


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return int(port)


def failure(call: Callable[[], object]) -> TransportError:
    with pytest.raises(TransportError) as caught:
        call()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


class TestBody:
    def test_is_not_sent_after_it_was_cancelled(self) -> None:
        body = _Body(b"hunter2")
        body.cancelled = True
        with pytest.raises(OSError, match="cancelled"):
            body.read()
        assert body.touched


class TestSend:
    def test_sends_method_path_headers_and_body(self) -> None:
        with Loopback(answer(201, b'{"a": 1}', "X-Other: value")) as server:
            response = transport().send("POST", f"{server.origin}/identity/api", {"Authorization": "Bearer t"}, b"body")
        assert (response.status, response.json, response.headers["x-other"]) == (201, {"a": 1}, "value")
        assert server.request.startswith(b"POST /identity/api HTTP/1.1\r\n")
        assert b"Authorization: Bearer t\r\n" in server.request
        assert b"Content-Length: 4\r\n" in server.request
        assert server.request.endswith(b"\r\n\r\nbody")

    def test_a_get_has_no_body(self) -> None:
        with Loopback(answer()) as server:
            transport().send("GET", server.origin, {})
        assert server.request.startswith(b"GET / HTTP/1.1\r\n")
        assert b"Content-Length" not in server.request

    @pytest.mark.parametrize(
        "user_id", ["..a", "../x", "a/b", "a?b#c", "%2e%2e", "50%", "jörg müller", "~tilde", "+&=;:@"]
    )
    def test_an_id_arrives_as_it_was_encoded(self, user_id: str) -> None:
        with Loopback(answer()) as server:
            url = change_password_url(server.origin, user_id)
            transport().send("POST", url, {}, b"{}")
        assert server.request.split(b" ")[1].decode() == url[len(server.origin) :]

    def test_connections_are_reused(self) -> None:
        with Loopback(answer(), answer(400)) as server:
            sender = transport()
            assert [sender.send("POST", server.origin, {}, b"{}").status for _request in range(2)] == [200, 400]
        assert server.connections == 1

    def test_https_to_a_port_that_speaks_http(self) -> None:
        def answer_anything() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer(400))

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer_anything)
            thread.start()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            error = failure(lambda: transport(validate_certs=False).send("POST", url, {}, b"{}"))
            thread.join(TIMEOUT)
        assert error.cause.endswith("; the server's port may speak http, not https")
        assert (error.sent, error.permanent) == (False, True)

    def test_redirects_are_not_followed(self) -> None:
        with Loopback(answer(307, b"", "Location: /elsewhere")) as server:
            assert transport().send("POST", server.origin, {}, b"{}").status == 307
        assert len(server.requests) == 1

    def test_cookies_are_not_kept(self) -> None:
        with Loopback(answer(200, b"{}", "Set-Cookie: session=1; Path=/"), answer()) as server:
            sender = transport()
            sender.send("GET", server.origin, {})
            sender.send("GET", server.origin, {})
        assert b"cookie" not in server.requests[1].lower()
        assert list(sender._session.cookies) == []

    def test_netrc_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".netrc").write_text("default login me password hunter2\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with Loopback(answer(), answer()) as server:
            transport().send("GET", server.origin, {"Authorization": "Bearer t"})
            transport().send("GET", server.origin, {})
        assert b"Authorization: Bearer t\r\n" in server.requests[0]
        assert b"Authorization" not in server.requests[1]

    def test_a_refused_connection_was_not_sent(self) -> None:
        error = failure(lambda: transport().send("POST", f"http://127.0.0.1:{closed_port()}", {}, b"{}"))
        assert (error.cause, error.sent) == ("the server cannot be reached (Connection refused)", False)

    def test_a_connection_dropped_after_the_request_was_sent(self) -> None:
        with Loopback(b"") as server:
            error = failure(lambda: transport().send("POST", server.origin, {}, b"{}"))
        assert (error.sent, error.permanent) == (True, False)

    def test_a_connection_dropped_within_the_answer_was_sent(self) -> None:
        with Loopback(answer(200, b'{"succeeded": true}')[:-5], b"") as server:
            sender = transport(timeout=0.05)
            error = failure(lambda: sender.send("POST", server.origin, {}, b"{}"))
        assert error.sent

    def test_a_time_out_was_sent(self) -> None:
        with Loopback(None) as server:
            error = failure(lambda: transport(timeout=0.05).send("POST", server.origin, {}, b"{}"))
        assert (error.cause, error.sent) == ("the server did not answer in time", True)

    def test_a_defect_of_the_library_is_no_answer_and_shown_by_no_thread(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_arguments: object) -> None:
            raise LookupError("Distinctive-5ecret")

        monkeypatch.setattr(Transport, "_exchange", broken)
        error = failure(lambda: transport().send("GET", "https://identity.test", {}))
        assert (error.cause, error.permanent) == ("the answer cannot be read (LookupError)", True)
        assert "5ecret" not in "".join(capfd.readouterr())

    @pytest.mark.parametrize("complete", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
    def test_an_answer_in_drips_ends_at_the_limit(self, complete: bytes) -> None:
        with Dripping(complete) as server:
            error = failure(lambda: transport(timeout=0.1).send("POST", server.origin, {}, b"{}"))
        assert (error.cause, error.sent, error.permanent) == ("the answer was not complete in time", True, False)

    def test_a_proxy_that_answers_in_drips_sends_nothing(self) -> None:
        with Dripping(b"HTTP/1.1 200 OK\r\n") as proxy:
            sender = transport(timeout=0.1, proxy=proxy.origin)
            error = failure(lambda: sender.send("POST", "https://identity.test", {}, b"{}"))
        assert not error.sent

    @pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br", "unheard-of"])
    @pytest.mark.parametrize("status", [200, 401, 404, 500])
    def test_an_encoded_answer_is_none(self, encoding: str, status: int) -> None:
        with Loopback(answer(status, b"{}", f"Content-Encoding: {encoding}")) as server:
            error = failure(lambda: transport().send("POST", server.origin, {}, b"{}"))
        assert (error.sent, error.permanent) == (True, True)
        assert error.cause == "the answer is encoded, which was not asked for"

    def test_asks_for_an_answer_that_is_not_encoded(self) -> None:
        with Loopback(answer(200, b"{}", "Content-Encoding: identity")) as server:
            assert transport().send("POST", server.origin, {}, b"{}").json == {}
        assert server.request.lower().count(b"accept-encoding: identity\r\n") == 1

    def test_something_else_than_http_was_sent(self) -> None:
        with Loopback(b"SSH-2.0-OpenSSH hunter2\r\n") as server:
            error = failure(lambda: transport().send("POST", server.origin, {}, b"{}"))
        assert error.sent
        assert "hunter2" not in error.cause

    @pytest.mark.parametrize("url", ["http://127.0.0.1:0/", "http:///", "http://host\udce9/", "gopher://host/"])
    def test_what_cannot_be_a_request_was_not_sent(self, url: str) -> None:
        error = failure(lambda: transport().send("POST", url, {}, b"hunter2"))
        assert not error.sent
        assert "hunter2" not in error.cause

    def test_plain_http_where_tls_was_expected_was_not_sent(self) -> None:
        with Loopback(answer()) as server:
            url = server.origin.replace("http:", "https:")
            error = failure(lambda: transport(timeout=0.05).send("POST", url, {}, b"{}"))
        assert not error.sent


def certificate(folder: Path, *, days: int) -> Path:
    """Write a self-signed certificate for 127.0.0.1 with its key, which expires in as many days."""
    now = datetime.datetime.now(datetime.timezone.utc)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "identity.test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{days}.pem"
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


def tls_of(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), days=9)


class TestTls:
    def test_an_untrusted_certificate_lasts_and_nothing_was_sent(self, trusted: Path) -> None:
        with Loopback(tls=tls_of(trusted)) as server:
            error = failure(lambda: transport().send("POST", server.origin, {}, b"{}"))
        assert "certificate is not trusted (self" in error.cause
        assert "ca_path" in error.cause
        assert (error.sent, error.permanent, server.requests) == (False, True, [])

    def test_an_expired_certificate_is_named_so(self, tmp_path: Path) -> None:
        expired = certificate(tmp_path, days=-1)
        with Loopback(tls=tls_of(expired)) as server:
            error = failure(lambda: transport(ca_path=str(expired)).send("POST", server.origin, {}, b"{}"))
        assert "(certificate has expired)" in error.cause

    def test_ca_path_is_trusted_over_the_environment(self, trusted: Path, tmp_path: Path) -> None:
        other = certificate(tmp_path, days=8)
        with Loopback(answer(), tls=tls_of(trusted)) as server:
            sender = transport({"REQUESTS_CA_BUNDLE": str(other)}, ca_path=str(trusted))
            assert sender.send("POST", server.origin, {}, b"{}").status == 200

    def test_the_environment_is_trusted_over_the_system(self, trusted: Path) -> None:
        with Loopback(answer(), tls=tls_of(trusted)) as server:
            sender = transport({"REQUESTS_CA_BUNDLE": str(trusted)})
            assert sender.send("POST", server.origin, {}, b"{}").status == 200

    def test_another_variable_changes_nothing(self, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CURL_CA_BUNDLE", str(trusted))
        with Loopback(tls=tls_of(trusted)) as server:
            sender = transport({"CURL_CA_BUNDLE": str(trusted)})
            assert "not trusted" in failure(lambda: sender.send("POST", server.origin, {}, b"{}")).cause

    def test_unverified_holds_whatever_the_environment_says(
        self, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = certificate(tmp_path, days=8)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        with Loopback(answer(), tls=tls_of(trusted)) as server:
            sender = transport({"REQUESTS_CA_BUNDLE": str(other)}, validate_certs=False)
            assert sender.send("POST", server.origin, {}, b"{}").status == 200

    def test_a_client_certificate_is_shown(self, trusted: Path) -> None:
        tls = tls_of(trusted)
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(trusted)
        with Loopback(answer(), tls=tls) as server:
            sender = transport(ca_path=str(trusted), client_cert=str(trusted))
            assert sender.send("POST", server.origin, {}, b"{}").status == 200


class TestProxy:
    def test_a_given_one_gets_the_request(self) -> None:
        with Loopback(answer()) as proxy:
            transport(proxy=proxy.origin).send("POST", "http://identity.test/identity", {}, b"{}")
        assert proxy.request.startswith(b"POST http://identity.test/identity HTTP/1.1\r\n")

    def test_so_does_the_one_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Loopback(answer()) as proxy:
            monkeypatch.setenv("http_proxy", proxy.origin.replace("//", "//me:hunter2@"))
            transport().send("POST", "http://identity.test/identity", {}, b"{}")
        assert b"Proxy-Authorization: Basic" in proxy.request

    def test_the_environment_does_not_come_between_loopback_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
        with Loopback(answer()) as server:
            assert transport().send("POST", server.origin, {}, b"{}").status == 200

    def test_one_that_is_down(self) -> None:
        sender = transport(proxy=f"http://me:hunter2@127.0.0.1:{closed_port()}")
        error = failure(lambda: sender.send("POST", "https://identity.test/identity", {}, b"{}"))
        assert (error.cause, error.sent) == ("the proxy cannot be reached (Connection refused)", False)

    def test_one_that_refuses(self) -> None:
        with Loopback(answer(407, b"")) as proxy:
            sender = transport(proxy=proxy.origin)
            error = failure(lambda: sender.send("POST", "https://identity.test/identity", {}, b"{}"))
        assert (error.cause, error.sent) == ("the proxy refused the connection (HTTP 407)", False)
        assert proxy.request.startswith(b"CONNECT identity.test:443 ")

    @pytest.mark.parametrize(("method", "body", "sent"), [("GET", None, False), ("POST", b"{}", True)])
    def test_one_that_refuses_without_a_tunnel(self, method: str, body: bytes | None, sent: bool) -> None:
        """Of several proxies, one behind the first may have refused a copy of the request."""
        with Loopback(answer(407, b"<html>")) as proxy:
            sender = transport(proxy=proxy.origin)
            error = failure(lambda: sender.send(method, "http://identity.test/identity", {}, body))
        assert (error.cause, error.sent) == ("the proxy refused the connection (HTTP 407)", sent)
        assert error.permanent


class TestTransportOptions:
    def test_the_proxy_is_not_in_the_repr(self) -> None:
        assert "hunter2" not in repr(TransportOptions(proxy="http://me:hunter2@proxy"))


class TestResponse:
    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b'{"succeeded": tr', b"\xff\xfe\xfd", b"[" * 200000, b"1" * 99999]
    )
    def test_json_is_none_where_there_is_none(self, body: bytes) -> None:
        assert Response(200, {}, body).json is None

    @pytest.mark.parametrize("value", [{"a": "ü"}, [], "text", 1])
    def test_json(self, value: object) -> None:
        assert Response(200, {}, json.dumps(value).encode()).json == value

    @pytest.mark.parametrize(
        ("headers", "body"), [({"Content-Type": "Text/HTML"}, b""), ({}, b"<!doctype html>"), ({}, b"\r\n\t <p>")]
    )
    def test_a_page_by_its_type_or_its_look(self, headers: dict[str, str], body: bytes) -> None:
        assert Response(200, headers, body).is_html

    @pytest.mark.parametrize("body", [b"", b"{}", b'"<"'])
    def test_anything_else_is_none(self, body: bytes) -> None:
        assert not Response(200, {"Content-Type": "application/json"}, body).is_html

    def test_the_body_is_not_in_the_repr(self) -> None:
        assert "hunter2" not in repr(Response(200, {"Set-Cookie": "hunter2"}, b"hunter2"))


class TestClientCertificate:
    def test_with_its_key_in_another_file(self) -> None:
        assert client_certificate(TransportOptions(client_cert="c", client_key="k")) == ("c", "k")

    def test_with_its_key_in_the_same_file(self) -> None:
        """Named as a key, too: then an encrypted one is an error, and no question for its pass phrase."""
        assert client_certificate(TransportOptions(client_cert="c")) == ("c", "c")

    def test_none(self) -> None:
        assert client_certificate(TransportOptions()) is None


BUNDLE = {"REQUESTS_CA_BUNDLE": "/bundle"}


class TestTrustedCertificates:
    @pytest.mark.parametrize(
        ("options", "environ", "trusted"),
        [
            (TransportOptions(validate_certs=False, ca_path="/ca"), BUNDLE, False),
            (TransportOptions(ca_path="/ca"), BUNDLE, "/ca"),
            (TransportOptions(), BUNDLE, "/bundle"),
            (TransportOptions(), {"REQUESTS_CA_BUNDLE": ""}, "/system"),
            (TransportOptions(), {"CURL_CA_BUNDLE": "/curl"}, "/system"),
        ],
    )
    def test_the_nearest_wins(
        self,
        options: TransportOptions,
        environ: dict[str, str],
        trusted: bool | str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(transport_module, "system_certificates", lambda: "/system")
        assert trusted_certificates(options, environ) == trusted

    def test_certifi_where_the_system_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport_module, "system_certificates", lambda: None)
        assert trusted_certificates(TransportOptions(), {}) is True


class TestSystemCertificates:
    @pytest.fixture
    def system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """An operating system that has no certificates yet."""
        paths = SimpleNamespace(cafile=None, capath=str(tmp_path / "certs"), bundle=tmp_path / "bundle.pem")
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        monkeypatch.setattr(transport_module, "SYSTEM_CA_BUNDLES", (str(paths.bundle),))
        os.mkdir(paths.capath)
        return paths

    def test_none(self, system: SimpleNamespace) -> None:
        assert system_certificates() is None

    def test_a_folder_that_is_not_empty(self, system: SimpleNamespace) -> None:
        Path(system.capath, "1.0").touch()
        assert system_certificates() == system.capath

    def test_rather_the_bundle_of_a_distribution(self, system: SimpleNamespace) -> None:
        Path(system.capath, "1.0").touch()
        system.bundle.touch()
        assert system_certificates() == str(system.bundle)

    def test_rather_the_bundle_that_openssl_names(self, system: SimpleNamespace, tmp_path: Path) -> None:
        system.bundle.touch()
        system.cafile = str(tmp_path / "openssl.pem")
        assert system_certificates() == str(system.bundle)
        Path(system.cafile).touch()
        assert system_certificates() == system.cafile


class TestOrigin:
    def test_is_what_comes_before_the_path(self) -> None:
        assert origin("https://host:8443/identity/api?x") == "https://host:8443"


class TestProxiesFor:
    def test_a_given_one_serves_every_address(self) -> None:
        both = {"http": "http://proxy:3128", "https": "http://proxy:3128"}
        assert proxies_for("https://host", "http://proxy:3128") == both
        assert proxies_for("http://127.0.0.1:1", "http://proxy:3128") == both

    @pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
    def test_else_the_environment_in_either_case(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(variable, "http://proxy:3128")
        assert "http://proxy:3128" in proxies_for("https://host", None).values()

    def test_but_not_where_it_says_no(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv("NO_PROXY", "host")
        assert proxies_for("https://host", None) == {}

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8443", "[::1]:8443"])
    def test_nor_for_a_loopback_address(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
        assert proxies_for(f"https://{host}", None) == {}


class TestProxySecrets:
    @pytest.mark.parametrize(
        ("url", "secrets"),
        [
            ("http://proxy:3128", set()),
            ("http://@proxy", set()),
            ("http://me:hunter2@proxy:3128", {"me:hunter2", "hunter2"}),
            ("http://key@proxy", {"key"}),
            ("http://me:p%40ss@proxy", {"me:p%40ss", "me:p@ss", "p%40ss", "p@ss"}),
            ("me:hunter2@proxy:3128", {"me:hunter2", "hunter2"}),
            ("http://me:pa[ss@proxy", {"me:pa[ss", "pa[ss"}),
            ("http://me:p@ss@proxy", {"me:p@ss", "p@ss"}),
        ],
    )
    def test_are_its_credentials_as_written_and_decoded(self, url: str, secrets: set[str]) -> None:
        assert proxy_secrets(iter([url])) == secrets


class TestReadBody:
    @pytest.mark.parametrize("status", [102, 103, 204])
    def test_a_connection_is_not_used_again_after_an_answer_without_a_body(self, status: int) -> None:
        """What follows such an answer would be taken for that of the next request."""
        interim = f"HTTP/1.1 {status} Status\r\n\r\n".encode()
        with Loopback(interim + answer(400, b'{"late": 1}'), answer(200, b'{"own": 1}')) as server:
            client = transport()
            first = client.send("POST", server.origin, {}, b"{}")
            second = client.send("POST", server.origin, {}, b"{}")
        assert (first.status, first.body) == (status, b"")
        assert (second.status, second.json) == (200, {"own": 1})
        assert server.connections == 2

    def test_an_endless_body_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport_module, "LONGEST_BODY", 100)
        with Loopback(answer(200, b" " * 101)) as server:
            assert failure(lambda: transport().send("POST", server.origin, {}, b"{}")).sent
