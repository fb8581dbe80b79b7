# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to the stores names every type, with options that there are. The rights are tested in `tests/stores`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import (
    DEFAULT_TYPE,
    STORES,
    StoreOptions,
    store_type,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/stores.md").read_text(encoding="utf-8")
NETWORK = sorted(set(STORES) - {DEFAULT_TYPE})
# The environment variables that an example cannot do without, or not without each other.
NEEDED = {
    "hashi_vault": {"VAULT_ADDR", "ANSIBLE_HASHI_VAULT_ROLE_ID"},
    "aws_secrets_manager": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
    "kubernetes": set(),
}
COMMON = {"prefix", "consumer_keys", "lease_seconds", "rebind_from"}
VALUES = {"VAULT_ADDR": "https://vault.example.com:8200", "K8S_AUTH_NAMESPACE": "robots"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("K8S_AUTH_", "KUBE", "VAULT_", "ANSIBLE_HASHI_VAULT_", "AWS_")):
            monkeypatch.delenv(name)


def section(heading: str) -> str:
    [text] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return str(text)


def blocks(text: str, language: str) -> list[str]:
    return [dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


def configurations() -> dict[str, dict[str, Any]]:
    """The store of each block that configures one, by its type."""
    found = [yaml.safe_load(block) for block in blocks(GUIDE, "yaml") if block.startswith("rotate_passwords_store:")]
    return {block["rotate_passwords_store"]["type"]: block["rotate_passwords_store"] for block in found}


def example(name: str) -> Path:
    return ROOT / f"examples/rotate_{name}.yml"


def store_in(file: Path) -> dict[str, Any]:
    [play] = yaml.safe_load(file.read_text(encoding="utf-8"))
    [role] = play["roles"]
    store: dict[str, Any] = role["vars"]["rotate_passwords_store"]
    return store


def exported(name: str) -> set[str]:
    """The environment variables that the comment of an example sets."""
    lines = re.findall(r"^#   export (.*)$", example(name).read_text(encoding="utf-8"), re.MULTILINE)
    return {variable for line in lines for variable in re.findall(r"(\w+)=", line)}


def problems(store: Mapping[str, Any]) -> list[str]:
    return StoreOptions(store).problems


def test_the_table_has_every_type() -> None:
    head, *named = re.findall(r"^\| `(\w+)`", section("Which store"), re.MULTILINE)
    assert head == "type"
    assert sorted(named) == sorted(STORES)


def test_every_type_has_a_configuration_that_is_valid() -> None:
    found = configurations()
    assert sorted(found) == NETWORK
    assert {name: problems(store) for name, store in found.items()} == {name: [] for name in NETWORK}


@pytest.mark.parametrize("name", NETWORK)
class TestExample:
    def test_is_complete_with_the_variables_of_its_comment(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in exported(name):
            monkeypatch.setenv(variable, VALUES.get(variable, "value"))
        assert problems(store_in(example(name))) == []

    def test_names_the_variables_that_it_needs(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert exported(name) >= NEEDED[name]
        for missing in NEEDED[name]:
            for variable in exported(name):
                monkeypatch.setenv(variable, VALUES.get(variable, "value"))
            monkeypatch.delenv(missing, raising=False)
            assert problems(store_in(example(name))) != []

    def test_keeps_the_secrets_where_the_policies_of_the_guide_allow_it(self, name: str) -> None:
        prefix = store_in(example(name))["prefix"]
        assert prefix == store_type(name).argument_spec["prefix"]["default"]
        assert f"{prefix}2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c07" in GUIDE

    def test_is_listed_among_the_examples(self, name: str) -> None:
        assert f"({example(name).name})" in (ROOT / "examples/README.md").read_text(encoding="utf-8")


def test_what_the_options_have_in_common_is_explained() -> None:
    common = set.intersection(*(set(store_type(name).argument_spec) for name in NETWORK))
    text = section("What the stores on a network have in common")
    assert {option for option in COMMON if f"`{option}`" in text} == COMMON <= common
    assert f"`{KEY}`" in text


@pytest.mark.parametrize("name", NETWORK)
def test_the_guide_names_the_keys_that_consumers_read(name: str) -> None:
    keys = store_type(name).argument_spec["consumer_keys"]["default"]
    assert [key for key in keys if f"`{key}`" not in GUIDE] == []
