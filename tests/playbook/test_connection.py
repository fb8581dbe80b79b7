# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reaching the server: URL forms, certificates, proxies, and what the environment may not say."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import LOOPBACK, Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import OLD, Scene, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

USERS = [f"user-{number}" for number in range(8)]
BASES = {
    "standalone": "/identity",
    "host": "/identity_",
    "organization": "/acme/identity_",
    "tenant": "/acme/DefaultTenant/identity_",
}


@pytest.fixture(autouse=True)
def _users(simulator: SimulatorProcess) -> None:
    simulator.add_users(dict.fromkeys(USERS, OLD))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def test_a_missing_url_is_told_with_the_variable_that_may_hold_it(play: Playbook) -> None:
    del play.defaults["identity_url"]
    run = play([task("Change", **change("user-0")), {"name": "Find", "rpaops.uipath.uipath_user_info": {}}])
    expected = "missing required arguments: identity_url (or the environment variable UIPATH_IDENTITY_URL)"
    assert [run[name]["msg"] for name in ("Change", "Find")] == [expected] * 2


class TestUrlForms:
    def test_all_forms_with_a_slash_or_an_operation_behind(self, play: Playbook, simulator: SimulatorProcess) -> None:
        urls = [simulator.origin + base for base in BASES.values()]
        urls += [urls[0] + "/", urls[1] + "/api/", urls[2] + "/api/User", urls[3] + "/connect/token"]
        tasks = [task(url, identity_url=url, **change(user)) for url, user in zip(urls, USERS)]
        run = play(tasks)
        assert [run[url]["status"] for url in urls] == ["changed"] * 8

    @pytest.mark.parametrize(
        ("served", "asked", "suggested"),
        [
            ("standalone", "host", "/identity"),
            ("standalone", "organization", "/identity"),
            ("standalone", "tenant", "/identity"),
            ("organization", "standalone", "/ORGANIZATION/identity_"),
            ("organization", "host", "/ORGANIZATION/identity_"),
            ("organization", "tenant", "/acme/identity_"),
            ("host", "standalone", "/identity_"),
            ("host", "organization", "/identity_"),
        ],
    )
    def test_the_wrong_one_is_told_with_the_likely_right_one(
        self, play: Playbook, simulator: SimulatorProcess, served: str, asked: str, suggested: str
    ) -> None:
        simulator.configure(forms=served)
        url = simulator.origin + BASES[asked]
        given = {"access_token": "static", "client_id": "{{ omit }}", "client_secret": "{{ omit }}"}
        simulator.configure(static_tokens={"static": {"scopes": ["PM.User"]}})
        tasks = [
            task("Signing in", identity_url=url, **change("user-0")),
            task("Signed in", identity_url=url, **given, **change("user-1")),
        ]
        run = play(tasks)
        for name in ("Signing in", "Signed in"):
            assert run[name]["status"] == "wrong_url"
            assert f" {simulator.origin}{suggested} " in run[name]["msg"]
            assert f" {url} " not in run[name]["msg"]
        assert simulator.report["applied"] == {}

    def test_wrong_organization_is_a_missing_user(self, play: Playbook, simulator: SimulatorProcess) -> None:
        url = f"{simulator.origin}/elsewhere/identity_"
        token_url = f"{simulator.identity_url}/connect/token"
        result = play([task("Change", identity_url=url, token_url=token_url, **change("user-0"))])["Change"]
        assert (result["status"], result["http_status"]) == ("not_found", 404)
        assert "organization in identity_url" in result["msg"]


class TestUnreachable:
    def test_refused_port_and_unknown_host(self, play: Playbook, simulator: SimulatorProcess) -> None:
        refused = f"https://{LOOPBACK}:{free_port()}/identity"
        unknown = "https://uipath.invalid/identity"
        tasks = [
            task("Refused", identity_url=refused, retries=1, **change("user-0")),
            task("Unknown", identity_url=unknown, retries=0, **change("user-0")),
            task("Many", identity_url=refused, retries=0, users=[change(user) for user in USERS]),
        ]
        run = play(tasks)
        assert (run["Refused"]["status"], run["Refused"]["http_status"]) == ("unreachable", None)
        assert "Connection refused" in run["Refused"]["msg"]
        assert run["Unknown"]["status"] == "unreachable"
        assert [user["status"] for user in run["Many"]["results"]] == ["unreachable"] + ["not_attempted"] * 7
        assert not any(one in run.output for one in ("Traceback", "HTTPSConnectionPool", "object at 0x"))

    def test_proxy_that_is_down(self, play: Playbook, simulator: SimulatorProcess) -> None:
        proxy = f"http://name:proxy-secret@{LOOPBACK}:{free_port()}"
        options = {"retries": 0, **change("user-0")}
        run = play([task("Option", proxy=proxy, **options), task("Environment", **options)],
                   environment={"UIPATH_PROXY": proxy})  # fmt: skip
        for name in ("Option", "Environment"):
            assert run[name]["status"] == "unreachable"
            assert "proxy" in run[name]["msg"]
        assert simulator.total == 0

    def test_environment_proxies_do_not_apply_to_the_loopback_address(self, play: Playbook) -> None:
        proxy = f"http://{LOOPBACK}:{free_port()}"
        run = play([task("Change", **change("user-0"))], environment={"HTTPS_PROXY": proxy, "ALL_PROXY": proxy})
        assert run["Change"]["status"] == "changed"

    def test_server_that_does_not_answer_in_time(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("latency", seconds=5, user_id="user-0", times=None)
        result = play([task("Change", timeout=0.5, update_password="always", **change("user-0"))])["Change"]
        assert result["status"] == "unknown"
        assert "in time" in result["msg"]


class TestCertificates:
    def test_sources_of_trust_and_their_order(
        self, play: Playbook, simulator: SimulatorProcess, authority: Authority, tmp_path: Path
    ) -> None:
        ca_path = play.defaults.pop("ca_path")
        directory = tmp_path / "certificates"
        directory.mkdir()
        hashed = subprocess.run(
            ["openssl", "x509", "-hash", "-noout", "-in", ca_path], capture_output=True, text=True, check=True
        ).stdout.strip()
        (directory / f"{hashed}.0").write_bytes(authority.certificate.read_bytes())
        stranger = str(Authority(tmp_path).certificate)
        with_bundle = {"environment": {"REQUESTS_CA_BUNDLE": ca_path}}
        with_stranger = {"environment": {"REQUESTS_CA_BUNDLE": stranger, "CURL_CA_BUNDLE": ca_path}}
        tasks = [
            task("Untrusted", **change("user-0")),
            task("File", ca_path=ca_path, **change("user-1")),
            task("Directory", ca_path=str(directory), **change("user-2")),
            task("REQUESTS_CA_BUNDLE", **change("user-3")) | with_bundle,
            task("Option beats the bundle", ca_path=ca_path, **change("user-4")) | with_stranger,
            task("Bundle beats the system", **change("user-5")) | with_stranger,
            task("Not verified", validate_certs=False, **change("user-6")) | with_stranger,
            task("Missing file", ca_path=str(tmp_path / "missing.pem"), **change("user-7")),
        ]
        run = play(tasks, warnings=["validate_certs is false"])
        found = {one["name"]: run[one["name"]].get("status") for one in tasks}
        assert found == {
            "Untrusted": "unreachable",
            "File": "changed",
            "Directory": "changed",
            "REQUESTS_CA_BUNDLE": "changed",
            "Option beats the bundle": "changed",
            "Bundle beats the system": "unreachable",
            "Not verified": "changed",
            "Missing file": "invalid_input",
        }
        assert "not trusted" in run["Untrusted"]["msg"]
        assert "ca_path" in run["Untrusted"]["msg"]
        assert "ca_path does not name an existing file" in run["Missing file"]["msg"]
        assert run.output.count("validate_certs is false") == 1
        assert "InsecureRequestWarning" not in run.output
        assert len(simulator.report["applied"]) == 5

    def test_expired(self, tmp_path: Path, authority: Authority) -> None:
        folder = tmp_path / "expired"
        folder.mkdir()
        with Scene.set_up(folder, authority, authority.issue("expired", days=-1)) as scene:
            result = scene.play([task("Change", **change("user-0"))])["Change"]
            assert result["status"] == "unreachable"
            assert "certificate has expired" in result["msg"]
            assert scene.simulator.total == 0

    def test_client_certificate(self, tmp_path: Path, authority: Authority, server_files: Files) -> None:
        folder = tmp_path / "mutual"
        folder.mkdir()
        client = authority.issue("client")
        pair = {"client_cert": str(client.certificate), "client_key": str(client.key)}
        with Scene.set_up(folder, authority, server_files, "--client-ca", str(authority.certificate)) as scene:
            scene.simulator.client_files = client
            scene.simulator.add_users({"user-0": OLD})
            run = scene.play([task("Without", retries=0, **change("user-0")), task("With", **pair, **change("user-0"))])
            assert (run["Without"]["status"], run["With"]["status"]) == ("unreachable", "changed")


class TestNotFollowed:
    def test_netrc_is_ignored(self, play: Playbook, simulator: SimulatorProcess, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text(f"machine {LOOPBACK}\nlogin somebody\npassword else\n")
        netrc.chmod(0o600)
        result = play([task("Change", **change("user-0"))], environment={"NETRC": str(netrc)})["Change"]
        assert result["status"] == "changed"
        assert simulator.report["answers"]["change_password"] == {"200": 1}

    def test_redirects_never_carry_the_password_on(self, play: Playbook, simulator: SimulatorProcess) -> None:
        location = f"{simulator.identity_url}/api/User/user-1/changepassword"
        for user, status in (("user-0", 302), ("user-2", 307), ("user-3", 308)):
            simulator.fault("redirect", user_id=user, status=status, location=location)
        names = ("user-0", "user-2", "user-3")
        run = play([task(name, **change(name)) for name in names])
        assert [run[name]["status"] for name in names] == ["wrong_url"] * 3
        assert simulator.report["applied"] == {}
        assert simulator.count() == 3


class TestPlainHttp:
    @pytest.fixture
    def run(self, tmp_path: Path, authority: Authority) -> PlaybookRun:
        folder = tmp_path / "plain"
        folder.mkdir()
        with Scene.set_up(folder, authority, None) as scene:
            scene.simulator.add_users(dict.fromkeys(USERS, OLD))
            port = scene.simulator.port
            tasks = [
                task("Loopback", **change("user-0")),
                task("Localhost", identity_url=f"http://localhost:{port}/identity", **change("user-1")),
                task("Refused", identity_url="http://uipath.invalid/identity", **change("user-2")),
                task("Refused token", token_url="http://uipath.invalid/connect/token", **change("user-2")),
                task("Allowed", **through_proxy("http://uipath.invalid/identity", port), **change("user-2")),
            ]
            return scene.play(tasks)

    def test_only_to_the_loopback_address_unless_allowed(self, run: PlaybookRun) -> None:
        assert [run[name]["status"] for name in ("Loopback", "Localhost")] == ["changed"] * 2
        for name, option in (("Refused", "identity_url"), ("Refused token", "token_url")):
            assert f"{option} would send passwords in clear text" in run[name]["msg"]
        assert run["Allowed"].get("status") == "wrong_url", run["Allowed"]


def through_proxy(url: str, port: int) -> dict[str, Any]:
    """A server that gets absolute request targets, as a proxy does, answers them with its web page."""
    return {"identity_url": url, "proxy": f"http://{LOOPBACK}:{port}", "allow_http": True}
