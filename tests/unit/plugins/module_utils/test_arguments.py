# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.errors import AnsibleFallbackNotFound
from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    connect,
    connection_argument_spec,
    connection_problems,
    connection_secrets,
    option_error,
    proxy_problems,
    range_problems,
    set_variable,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import TransportOptions
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, Transcript

INFINITE = float("inf")
FORM = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s"}


def options(**given: Any) -> dict[str, Any]:
    """The connection options as AnsibleModule hands them over."""
    defaults = {name: option.get("default") for name, option in connection_argument_spec().items()}
    return {**defaults, "identity_url": BASE, "access_token": "t", **given}


class TestSetVariable:
    def test_the_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UIPATH_PROXY", "http://proxy")
        assert set_variable("UIPATH_PROXY") == "http://proxy"

    def test_an_empty_one_counts_as_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UIPATH_PROXY", "")
        with pytest.raises(AnsibleFallbackNotFound):
            set_variable("UIPATH_PROXY")

    def test_none(self) -> None:
        with pytest.raises(AnsibleFallbackNotFound):
            set_variable("UIPATH_PROXY")


class TestConnectionArgumentSpec:
    def test_secrets_are_not_logged(self) -> None:
        spec = connection_argument_spec()
        hidden = {name for name, option in spec.items() if option.get("no_log")}
        assert hidden == {"access_token", "client_secret", "proxy"}

    def test_the_sign_in_has_no_fallback_of_its_own(self) -> None:
        spec = connection_argument_spec()
        assert not any("fallback" in spec[name] for name in ("access_token", "client_id", "client_secret"))

    def test_is_new_each_time(self) -> None:
        connection_argument_spec().clear()
        assert connection_argument_spec()


class TestOptionError:
    def test_names_the_environment_variable_of_a_missing_option(self) -> None:
        message = option_error("missing required arguments: accounts, identity_url", [], connection_argument_spec())
        assert message == (
            "missing required arguments: accounts, identity_url (or the environment variable UIPATH_IDENTITY_URL)"
        )

    def test_also_among_other_errors(self) -> None:
        message = option_error(
            "missing required arguments: identity_url; retries is no int", [], connection_argument_spec()
        )
        assert message == (
            "missing required arguments: identity_url (or the environment variable UIPATH_IDENTITY_URL);"
            " retries is no int"
        )

    @pytest.mark.parametrize("names", ["identity_url", "identity_url, path", "path, identity_url"])
    def test_a_suboption_of_the_same_name_has_none(self, names: str) -> None:
        message = f"missing required arguments: {names} found in store"
        assert option_error(message, [], connection_argument_spec()) == message

    def test_any_other_error_stays_as_it_is(self) -> None:
        message = "Unsupported parameters for (uipath_user_info) module: identity_urll"
        assert option_error(message, [], connection_argument_spec()) == message

    def test_masks_every_secret_the_longest_first(self) -> None:
        assert option_error(
            "hunter2 and hunter and hunter23", ["hunter", "hunter23", "", "hunter2"], connection_argument_spec()
        ) == (f"{MASK} and {MASK} and {MASK}")


class TestConnectionProblems:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"identity_url": "http://localhost:8080/identity"},
            {"identity_url": "http://host/identity", "allow_http": True},
            {"token_url": "https://host/identity_/connect/token"},
            {"access_token": None, "client_id": "app", "client_secret": "s"},
            {"timeout": 0.001, "retries": 0},
            {"retries": 100},
            {"proxy": "http://me:hunter2@proxy:3128"},
        ],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert connection_problems(options(**given), {}) == []

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"identity_url": ""}, "identity_url must look like"),
            ({"identity_url": "http://host/identity"}, "identity_url would send passwords in clear text"),
            ({"token_url": "http://host/token"}, "token_url would send passwords in clear text"),
            ({"token_url": ""}, "token_url must look like"),
            ({"access_token": None}, "credentials are missing"),
            ({"proxy": "proxy:3128"}, "proxy must look like"),
            ({"ca_path": "/no/such/file"}, "ca_path does not name"),
            ({"client_cert": "/no/such/file"}, "client_cert does not name"),
            ({"client_key": "/"}, "client_key requires client_cert"),
            ({"partition_id": ".."}, "partition_id cannot be part of a URL"),
            ({"timeout": 0.0}, "timeout must be from 0.001 to 86400"),
            ({"timeout": INFINITE}, "timeout must be"),
            ({"timeout": 86401.0}, "timeout must be"),
            ({"timeout": float("nan")}, "timeout must be"),
            ({"retries": -1}, "retries must be from 0 to 100"),
            ({"retries": 101}, "retries must be from 0 to 100"),
        ],
    )
    def test_one(self, given: dict[str, Any], problem: str) -> None:
        (found,) = connection_problems(options(**given), {})
        assert found.startswith(problem)

    def test_all_together_and_without_values(self) -> None:
        given = {
            "identity_url": "http://me:hunter2@host",
            "token_url": "hunter2",
            "access_token": "hunter2 hunter2",
            "proxy": "hunter2",
            "ca_path": "/hunter2",
            "timeout": 0.0,
            "retries": 999,
        }
        problems = connection_problems(options(**given), {})
        assert len(problems) == 8
        assert "hunter2" not in str(problems)

    def test_the_environment_completes_the_sign_in(self) -> None:
        given = options(access_token=None, client_id="app")
        assert connection_problems(given, {"UIPATH_CLIENT_SECRET": "s"}) == []
        assert len(connection_problems(given, {"UIPATH_CLIENT_SECRET": ""})) == 1

    def test_existing_files(self, tmp_path: Path) -> None:
        given = dict.fromkeys(("ca_path", "client_cert", "client_key"), str(tmp_path))
        assert connection_problems(options(**given), {}) == []


class TestRangeProblems:
    @pytest.mark.parametrize("value", [None, 1, 64, 32.5])
    def test_none_within(self, value: float | None) -> None:
        assert range_problems({"x": value}, {"x": (1, 64)}) == []

    @pytest.mark.parametrize("value", [0, 65, -1, INFINITE, -INFINITE, float("nan"), 10**400])
    def test_outside(self, value: float) -> None:
        assert range_problems({"x": value}, {"x": (1, 64)}) == ["x must be from 1 to 64"]

    @pytest.mark.parametrize("value", [-1, INFINITE, float("nan")])
    def test_without_an_upper_end(self, value: float) -> None:
        assert range_problems({"x": value}, {"x": (0, INFINITE)}) == ["x must be at least 0"]

    def test_a_huge_number_is_one(self) -> None:
        assert range_problems({"x": 10**400}, {"x": (0, INFINITE)}) == []


class TestProxyProblems:
    @pytest.mark.parametrize("proxy", [None, "", "http://proxy", "https://proxy:3128", "http://me:p%40ss@[::1]:1"])
    def test_none(self, proxy: str | None) -> None:
        assert proxy_problems(options(proxy=proxy)) == []

    @pytest.mark.parametrize(
        "proxy", ["proxy:3128", "socks5://proxy", "http://", "http://proxy:0", "http://me:[@proxy"]
    )
    def test_not_a_proxy(self, proxy: str) -> None:
        assert proxy_problems(options(proxy=proxy)) == ["proxy must look like http://host:port"]

    @pytest.mark.parametrize("name", ["identity_url", "token_url"])
    def test_clear_text_on_the_way_to_it(self, name: str) -> None:
        given = options(proxy="http://proxy:3128", **{name: "HTTP://localhost/identity"})
        (problem,) = proxy_problems(given)
        assert "to the proxy in clear text" in problem
        assert proxy_problems({**given, "allow_http": True}) == []
        assert proxy_problems({**given, "proxy": "http://127.0.0.1:3128"}) == []

    def test_a_scheme_in_capitals_is_the_same_scheme(self) -> None:
        assert proxy_problems(options(proxy="http://proxy:3128", identity_url="HTTPS://host/identity")) == []


class TestConnectionSecrets:
    def test_of_options(self) -> None:
        given = options(access_token=None, client_id="app", client_secret="s", proxy="http://me:hunter2@proxy")
        assert connection_secrets(given, {}) == {"s", "me:hunter2", "hunter2"}

    def test_of_the_environment(self) -> None:
        environ = {
            "UIPATH_ACCESS_TOKEN": "t",
            "https_proxy": "http://me:hunter2@proxy",
            "UIPATH_CLIENT_SECRET": "unused",
        }
        assert connection_secrets(options(access_token=None), environ) == {"t", "me:hunter2", "hunter2"}

    def test_of_an_environment_that_makes_no_sense(self) -> None:
        assert connection_secrets(options(), {"HTTP_PROXY": "http://me:pa[ss@proxy"}) == {"t", "me:pa[ss", "pa[ss"}


class TestConnect:
    @pytest.fixture
    def transports(self, server: Transcript, monkeypatch: pytest.MonkeyPatch) -> list[TransportOptions]:
        """What every transport was made with. The server plays all of them."""
        made: list[TransportOptions] = []

        def make(transport_options: TransportOptions, environ: dict[str, str]) -> Transcript:
            made.append(transport_options)
            return server

        monkeypatch.setattr(_arguments, "Transport", make)
        return made

    def test_reaches_the_server_as_the_options_say(self, transports: list[TransportOptions]) -> None:
        given: dict[str, Any] = {
            "validate_certs": False,
            "ca_path": "/ca",
            "client_cert": "/cert",
            "client_key": "/key",
            "proxy": "http://proxy",
            "timeout": 7.0,
        }
        connect(options(**given), {}, check_mode=False, connections=9)
        assert transports == [TransportOptions(**given, connections=9)]

    @pytest.mark.usefixtures("transports")
    def test_takes_the_url_in_other_forms(self, server: Transcript) -> None:
        server.expects("POST /api/x", token="t").answers(200, {})
        client = connect(options(identity_url=f"{BASE}/api/"), {}, check_mode=False)
        client.post(f"{client.identity_url}/api/x", {})

    @pytest.mark.usefixtures("transports")
    def test_signs_in_below_the_base(self, server: Transcript) -> None:
        server.expects("POST /connect/token", {"scope": "PM.User", **FORM}).answers(200, {"access_token": "t1"})
        given = options(access_token=None, client_id="app", client_secret="s", scopes=["PM.User"])
        connect(given, {}, check_mode=False).sign_in()

    @pytest.mark.usefixtures("transports")
    def test_signs_in_elsewhere_without_the_blanks_around_the_url(self, server: Transcript) -> None:
        server.expects("POST https://login.test/token", FORM).answers(200, {"access_token": "t1"})
        given = options(access_token=None, client_id="app", client_secret="s", token_url=" https://login.test/token\n")
        connect(given, {}, check_mode=False).sign_in()

    @pytest.mark.usefixtures("transports")
    def test_signs_in_elsewhere(self, server: Transcript) -> None:
        server.expects("POST https://login.test/token", FORM).answers(200, {"access_token": "t1"})
        given = options(access_token=None, client_id="app", token_url="https://login.test/token")
        connect(given, {"UIPATH_CLIENT_SECRET": "s"}, check_mode=False).sign_in()

    @pytest.mark.usefixtures("transports")
    def test_writes_nothing_in_check_mode(self) -> None:
        client = connect(options(), {}, check_mode=True)
        with pytest.raises(WriteInCheckMode):
            client.post(BASE, {})

    @pytest.mark.usefixtures("transports")
    def test_knows_the_secrets_of_the_connection(self) -> None:
        client = connect(options(proxy="http://me:hunter2@proxy"), {}, check_mode=False)
        assert set(client.secrets) == {"t", "me:hunter2", "hunter2"}
