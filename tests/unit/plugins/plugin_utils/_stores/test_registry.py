# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `store`: its type comes first, then the options of that type."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import set_variable
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores import registry
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import (
    HERE,
    StoreOptions,
    store_documentation,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext, StoreType
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import MemoryStore

CONTEXT = StoreContext("/plays", (("default", VaultSecret(b"x")),), "https://host/identity")
SECRET = "Distinctive-5ecret"


class RemoteStore(MemoryStore):
    """A store in memory that remembers what it was made of."""

    made_of: Mapping[str, Any]


def create(options: Mapping[str, Any], context: StoreContext) -> Store:
    store = RemoteStore()
    store.made_of = {**options, "context": context}
    return store


REMOTE = StoreType(
    documentation="""
url:
  description: Where it is.
  type: str
  required: true
token:
  description: [The token., It is a secret.]
  type: str
vault_id:
  description: The vault of the remote store.
  type: str
  default: main
""",
    argument_spec={
        "url": {"type": "str", "required": True, "fallback": (set_variable, ["REMOTE_URL"])},
        "token": {"type": "str", "no_log": True},
        "vault_id": {"type": "str", "default": "main"},
        "pages": {"type": "int"},
    },
    problems=lambda options: ["store.url has to begin with https"] if "https" not in options["url"] else [],
    create=create,
)


@pytest.fixture(autouse=True)
def _remote_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a second type."""
    module = ModuleType(f"{HERE}.remote")
    module.STORE = REMOTE  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "STORES", {"vault_file": registry.STORES["vault_file"], "remote": "remote"})


def problems(**given: Any) -> list[str]:
    return StoreOptions(given).problems


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(registry.__file__).parents[6])}


class TestType:
    def test_is_a_file_by_default(self) -> None:
        store = StoreOptions({"path": "/var/store"}).create(CONTEXT)
        assert store.place == "/var/store"

    def test_decides_about_the_options(self) -> None:
        store = StoreOptions({"type": "remote", "url": "https://store", "token": "t"}).create(CONTEXT)
        assert isinstance(store, RemoteStore)
        expected = {"url": "https://store", "token": "t", "vault_id": "main", "pages": None, "context": CONTEXT}
        assert store.made_of == expected

    @pytest.mark.parametrize("name", ["files", "", ["vault_file"], 7])
    def test_that_is_unknown_is_the_only_problem(self, name: Any) -> None:
        assert problems(type=name, url=SECRET) == ["store.type must be one of: vault_file, remote"]

    def test_is_imported_only_when_it_is_named(self) -> None:
        code = f"""
import sys
from {registry.__name__} import StoreOptions, store_documentation
assert StoreOptions(dict(path="store", pth=1)).problems and store_documentation()
assert not [name for name in sys.modules if name.startswith("{HERE}.vault_file.") and not name.endswith(".options")]
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False
        )
        assert done.returncode == 0, done.stderr

    def test_whose_library_is_missing_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_options: Any, _context: StoreContext) -> Store:
            raise ModuleNotFoundError(name="remotelib")

        monkeypatch.setattr(sys.modules[f"{HERE}.remote"], "STORE", replace(REMOTE, create=fail))
        with pytest.raises(StoreError, match=r"the required Python library \(remotelib\)"):
            StoreOptions({"type": "remote", "url": "https://store"}).create(CONTEXT)


class TestProblems:
    @pytest.mark.parametrize("given", [None, "path", ["path"], 5])
    def test_of_something_else_than_a_mapping(self, given: Any) -> None:
        assert StoreOptions(given).problems == ["store must be a mapping of options"]

    def test_of_an_option_that_is_missing(self) -> None:
        assert problems() == ["store: missing required arguments: path"]

    def test_of_a_missing_option_name_its_variable(self) -> None:
        name = "url (or the environment variable REMOTE_URL)"
        assert problems(type="remote") == [f"store: missing required arguments: {name}"]

    def test_of_an_option_of_another_type(self) -> None:
        found = problems(path="store", token=SECRET, url="x")
        assert found == [
            "store.token is an option of the type remote, not of vault_file",
            "store.url is an option of the type remote, not of vault_file",
        ]

    def test_of_an_option_that_no_type_has(self) -> None:
        found = problems(type="remote", url="https://store", tokn=SECRET)
        assert found == ["store.tokn is not supported by the type remote, which has: pages, token, url, vault_id"]

    @pytest.mark.parametrize("option", ["path", "vault_id", "rebind_from"])
    @pytest.mark.parametrize(
        "value", [7, True, [SECRET], {SECRET: SECRET}], ids=["number", "boolean", "list", "mapping"]
    )
    def test_of_an_option_that_is_no_string(self, option: str, value: Any) -> None:
        [found] = problems(**{"path": "store", option: value})
        assert found.startswith(f"store: {option} must be a string, but it is a ")
        assert SECRET not in found

    def test_none_for_an_option_that_is_null(self) -> None:
        assert problems(path="store", url=None, rebind_from=None) == []

    def test_none_for_a_variable_of_another_type(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REMOTE_URL", "https://store")
        assert problems(path="store") == []
        assert problems(type="remote") == []

    def test_show_no_value(self) -> None:
        found = problems(type="remote", url="https://store", token=SECRET, pages=SECRET)
        assert found == ["store: pages must be a whole number, but it is a string"]

    def test_of_values_come_from_the_type(self) -> None:
        assert problems(type="remote", url="http://store") == ["store.url has to begin with https"]
        assert problems(path="") == ["store.path is empty"]
        assert problems(path="a\0b") == ["store.path contains a NUL character"]

    def test_keep_the_store_from_being_made(self) -> None:
        with pytest.raises(InvalidInput, match=r"store\.path is empty"):
            StoreOptions({"path": ""}).create(CONTEXT)


class TestDocumentation:
    def test_has_the_options_of_all_types(self) -> None:
        store = yaml_load(store_documentation())["options"]["store"]
        options = store["suboptions"]
        assert (store["type"], store["required"]) == ("dict", True)
        assert options["type"]["choices"] == ["vault_file", "remote"]
        assert options["url"] == {
            "description": ["Where it is.", "Required with O(store.type=remote)."],
            "type": "str",
        }
        assert options["token"]["description"][1:] == ["It is a secret.", "Used with O(store.type=remote)."]

    def test_says_for_each_type_what_a_shared_name_means(self) -> None:
        shared = yaml_load(store_documentation())["options"]["store"]["suboptions"]["vault_id"]
        assert "default" not in shared
        assert shared["type"] == "str"
        assert shared["description"][-4:] == [
            "Used with O(store.type=vault_file).",
            "The vault of the remote store.",
            "Used with O(store.type=remote).",
            "With O(store.type=remote), the default is C(main).",
        ]
