# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role `rotate_passwords` are documented as the options of the module are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.doc_fragments import connection, store
from ansible_collections.rpaops.uipath.plugins.modules import uipath_password_rotation
from ansible_collections.rpaops.uipath.tests.playbook.playbook import ROOT

ROLE = ROOT / "roles/rotate_passwords"
PREFIX = "rotate_passwords_"
MODULE = yaml_load(uipath_password_rotation.DOCUMENTATION)["options"]
CONNECTION = yaml_load(connection.ModuleDocFragment.DOCUMENTATION)["options"]
STORE_OPTION = yaml_load(store.ModuleDocFragment.DOCUMENTATION)["options"]
STORE = STORE_OPTION["store"]["suboptions"]
DOCUMENTED = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
STRUCTURES = {"connection": CONNECTION, "store": STORE, "password": MODULE["password"]["suboptions"]}
# ansible-core would show a value that it cannot convert, and refuse one that is omitted: these types take any value.
SECRETS = (
    "access_token",
    "api_key",
    "client_secret",
    "proxy",
    "token",
    "password",
    "secret_id",
    "jwt",
    "secret_key",
    "session_token",
)
UNCONVERTED = ("str", "path", "list")
NOUNS = {"bool": "A boolean.", "int": "A whole number.", "float": "A number."}


def described(text: dict[str, Any], prefix: str = PREFIX) -> list[str]:
    """The description of an option as a list, with references to options as references to the role's variables."""

    def variable(match: re.Match[str]) -> str:
        is_of_connection = re.split(r"[.=]", match[1])[0] in CONNECTION
        return f"O({prefix}{'connection.' if is_of_connection else ''}{match[1]})"

    lines = [text["description"]] if isinstance(text["description"], str) else text["description"]
    return [re.sub(r"O\(([^)#]+)\)", variable, line) for line in lines]


def expected(name: str, text: dict[str, Any], prefix: str = PREFIX) -> dict[str, Any]:
    """What the role says of an option of the module inside one of its variables."""
    kind = text["type"] if name not in SECRETS else "raw"
    nouns = [NOUNS[kind]] if kind in NOUNS else []
    same: dict[str, Any] = {key: text[key] for key in ("default", "elements") if key in text}
    lines = described(text, prefix) + nouns
    description = lines if len(lines) > 1 else lines[0]
    return {**same, "description": description, "type": kind if kind in UNCONVERTED else "raw"}


@pytest.mark.parametrize("variable", STRUCTURES)
def test_the_structure_of_a_variable_is_that_of_the_option(variable: str) -> None:
    options = DOCUMENTED[PREFIX + variable]["options"]
    assert options == {name: expected(name, text) for name, text in STRUCTURES[variable].items()}


def test_the_structure_of_the_store_is_that_of_the_option_in_the_report() -> None:
    file = ROOT / "roles/report_passwords/meta/argument_specs.yml"
    options = yaml.safe_load(file.read_text())["argument_specs"]["main"]["options"]["report_passwords_store"]["options"]
    assert options == {name: expected(name, text, "report_passwords_") for name, text in STORE.items()}


def test_the_role_documents_the_defaults_that_it_has_and_the_options_of_the_module() -> None:
    assert yaml.safe_load((ROLE / "defaults/main.yml").read_text()) == {
        name: text["default"] for name, text in DOCUMENTED.items() if "default" in text
    }
    own = {"connection", "after_tasks", "no_log"}
    options = {name.removeprefix(PREFIX): text for name, text in DOCUMENTED.items()}
    assert set(options) - own == {*MODULE, "store"} - {"consumers"}
    for name in set(options) & set(MODULE):
        same = {"choices"} | ({"default"} if name != "password" else set())
        same |= {"type", "elements"} if options[name]["type"] != "raw" else set()
        assert {key: options[name].get(key) for key in same} == {key: MODULE[name].get(key) for key in same}


@pytest.mark.parametrize("role", ["rotate_passwords", "report_passwords"])
def test_the_role_says_which_variables_are_required_and_checks_them_itself(role: str) -> None:
    """ansible-core would not name the variable that is misspelled, and would show the whole specification."""
    folder = ROOT / "roles" / role
    options = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert not any("required" in text for text in options.values())
    checked = yaml.safe_load((folder / "tasks/main.yml").read_text())[0]["rpaops.uipath.uipath_role_variables"]
    assert checked["required"] == [name for name, text in options.items() if "Required." in str(text["description"])]
    assert set(checked.get("not_null", [])) <= set(options)


def test_the_role_requires_what_the_module_requires() -> None:
    checked = yaml.safe_load((ROLE / "tasks/main.yml").read_text())[0]["rpaops.uipath.uipath_role_variables"]
    of_module = {PREFIX + name for name, text in {**MODULE, **STORE_OPTION}.items() if text.get("required")}
    assert set(checked["required"]) == of_module


def test_the_keys_of_an_account_are_described() -> None:
    text = " ".join(DOCUMENTED[f"{PREFIX}accounts"]["description"])
    assert {key for key in MODULE["accounts"]["suboptions"] if f"C({key})" in text} == set(
        MODULE["accounts"]["suboptions"]
    ) - {"generation"}


@pytest.mark.parametrize(
    "file", sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")), ids=lambda file: file.parts[-3]
)
def test_has_nothing_that_ansible_takes_for_a_template(file: Path) -> None:
    """ansible-core templates the whole specification before it validates the variables."""
    assert not re.search("{[{%#]", file.read_text())


@pytest.mark.parametrize("name", ["rotate_passwords", "report_passwords"])
def test_the_example_of_a_role_sets_variables_that_there_are(name: str) -> None:
    [main] = yaml.safe_load((ROOT / f"roles/{name}/meta/argument_specs.yml").read_text())["argument_specs"].values()
    [play] = yaml.safe_load(main["examples"])
    [role] = play["roles"]
    assert role["role"] == f"rpaops.uipath.{name}"
    assert f"{name}_store" in role["vars"]
    assert set(role["vars"]) < set(main["options"])
