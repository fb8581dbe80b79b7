# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault import auth
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.options import STORE
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

SECRET = "Distinctive-5ecret"
GIVEN = {"type": "hashi_vault", "url": "https://vault.example:8200", "token": "t"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("VAULT_", "ANSIBLE_HASHI_VAULT_"))]:
        monkeypatch.delenv(name)


def needed(name: str) -> str:
    also = " or VAULT_TOKEN" if name == "token" else ""
    return f"{name} (or the environment variable ANSIBLE_HASHI_VAULT_{name.upper()}{also})"


def problems(**given: Any) -> list[str]:
    return StoreOptions({**GIVEN, **given}).problems


def values(**given: Any) -> dict[str, Any]:
    options, errors = validated(given, STORE.argument_spec)
    assert errors == []
    return options


class TestEnvironment:
    def test_is_named_in_the_documentation_of_every_option(self) -> None:
        documentation = yaml_load(STORE.documentation)
        for name, spec in STORE.argument_spec.items():
            named = set(re.findall(r"E\((\w*VAULT_\w+)\)", str(documentation[name])))
            assert named == set(spec["fallback"][1] if "fallback" in spec else ()), name

    @pytest.mark.parametrize("name", [name for name, spec in STORE.argument_spec.items() if "fallback" in spec])
    def test_an_option_comes_first_then_each_variable_and_an_empty_one_counts_as_not_set(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        needed = {"url": "https://other"} if name != "url" else {}
        variables = STORE.argument_spec[name]["fallback"][1]
        kinds = {"auth_method": "jwt", "timeout": "7", "validate_certs": "1"}
        default = STORE.argument_spec[name].get("default")
        expected = {"timeout": 7.0, "validate_certs": False}.get(name, kinds.get(name, "/of-environment"))
        for variable in reversed(variables):
            monkeypatch.setenv(variable, kinds.get(name, "/of-environment"))
            assert values(**needed)[name] == expected
            monkeypatch.setenv(variable, "")
        if name != "url":
            assert values(**needed)[name] == default
        given = {"auth_method": "userpass", "timeout": 9.0, "validate_certs": True}.get(name, "/given")
        monkeypatch.setenv(variables[0], kinds.get(name, "/of-environment"))
        assert values(**{**needed, name: given})[name] == given

    def test_completes_the_options_that_it_has_the_names_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VAULT_ADDR", "https://vault.example:8200")
        monkeypatch.setenv("VAULT_TOKEN", "t")
        assert StoreOptions({"type": "hashi_vault"}).problems == []


class TestProblems:
    def test_there_are_none_with_url_and_token(self) -> None:
        assert problems() == []

    def test_a_missing_url_names_its_variable(self) -> None:
        [problem] = StoreOptions({"type": "hashi_vault"}).problems
        assert "arguments: url (or the environment variable ANSIBLE_HASHI_VAULT_ADDR or VAULT_ADDR)" in problem

    @pytest.mark.parametrize(
        ("method", "names"),
        [("token", ["token"]), ("approle", ["role_id"]), ("userpass", ["username", "password"])]
        + [(method, ["role_id", "jwt"]) for method in ("jwt", "kubernetes")],
    )
    def test_a_method_says_in_one_message_what_it_needs(self, method: str, names: list[str]) -> None:
        requires = f"store.auth_method {method} requires"
        assert problems(auth_method=method, token="") == [f"{requires} {' and '.join(map(needed, names))}"]
        assert problems(auth_method=method, **dict.fromkeys(names, "x")) == []
        for name in names:
            others = dict.fromkeys([other for other in names if other != name], "x")
            assert problems(auth_method=method, **{"token": None, **others}) == [f"{requires} {needed(name)}"]

    def test_in_a_pod_kubernetes_needs_no_jwt(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(auth, "SERVICE_ACCOUNT_TOKEN", str(tmp_path / "token"))
        (tmp_path / "token").write_text(f"{SECRET}\n")
        assert problems(auth_method="kubernetes", role_id="r") == []
        options = values(url="https://host", auth_method="kubernetes", role_id="r")
        assert auth.login(options) == ("auth/kubernetes/login", {"role": "r", "jwt": SECRET})

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "vault",
            "ftp://host",
            "https://",
            f"https://user:{SECRET}@host",
            "https://host/?a=b",
            "https://ho st",
            "https://[",
            "https://host:0",
        ],
    )
    def test_a_url_that_cannot_be_used_is_not_quoted(self, url: str) -> None:
        [problem] = problems(url=url)
        assert problem.startswith("store.url must look like https://host:8200")
        assert SECRET not in problem

    @pytest.mark.parametrize("prefix", ["/a", "a//", "a//b", "../a", "a/../", "./", "a b", "ä/", "a?b", "a%2F", "a/."])
    def test_a_prefix_has_plain_segments(self, prefix: str) -> None:
        assert len(problems(prefix=prefix)) == 1

    @pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b/", "team.a/uipath-", "a/b_"])
    def test_a_usable_prefix(self, prefix: str) -> None:
        assert problems(prefix=prefix) == []

    @pytest.mark.parametrize("mount", ["", "/", "a b", "..", "a//b"])
    def test_a_mount_has_plain_segments(self, mount: str) -> None:
        assert problems(engine_mount_point=mount) == ["store.engine_mount_point is not the path of a secrets engine"]
        assert problems(engine_mount_point="/team/kv/") == []

    @pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}\r\nX-Other: 1", f"{SECRET}ä", f"a {SECRET}"])
    @pytest.mark.parametrize("name", ["token", "namespace"])
    def test_what_no_header_may_have_is_refused_and_not_quoted(self, name: str, value: str) -> None:
        assert problems(**{name: value}) == [f"store.{name} has characters that no header may have"]

    def test_a_file_of_certificates_exists(self, tmp_path: Path) -> None:
        assert problems(ca_cert=str(tmp_path)) == []
        assert problems(ca_cert="/nowhere") == ["store.ca_cert does not name an existing file or directory"]

    @pytest.mark.parametrize("seconds", [0, -1, 86401, float("nan"), float("inf")])
    def test_a_time_out_is_a_number_of_seconds(self, seconds: float) -> None:
        assert problems(timeout=seconds) == ["store.timeout must be from 0.001 to 86400"]

    @pytest.mark.parametrize("proxies", [["http://proxy"], {"http": 7}, 7, "{not JSON", '{"http": 7}'])
    def test_proxies_are_urls(self, proxies: Any) -> None:
        assert problems(proxies=proxies) == ["store.proxies must be a URL, or a mapping of http and https to URLs"]

    def test_those_of_all_network_stores_are_among_them(self) -> None:
        assert problems(lease_seconds=0.5) == ["store.lease_seconds must be from 1 to 86400"]


class TestDefaults:
    def test_consumers_find_what_orchestrator_reads(self) -> None:
        assert values(url="https://host")["consumer_keys"] == {"Username": "user_name", "Password": "password"}

    def test_secrets_are_not_logged(self) -> None:
        hidden = {name for name, spec in STORE.argument_spec.items() if spec.get("no_log")}
        assert hidden == {"token", "password", "secret_id", "jwt", "proxies"}
