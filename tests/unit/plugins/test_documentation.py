# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what the code does: options, statuses, environment variables, action group."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.action import uipath_role_variables as role_variables
from ansible_collections.rpaops.uipath.plugins.doc_fragments import attributes, connection, store
from ansible_collections.rpaops.uipath.plugins.filter import uipath_password_report, uipath_rotation_summary
from ansible_collections.rpaops.uipath.plugins.lookup import uipath_password
from ansible_collections.rpaops.uipath.plugins.module_utils import _errors
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connection_argument_spec
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InputStatus, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import SHOWN_FIELDS, User
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.login_attempts import SignIns
from ansible_collections.rpaops.uipath.plugins.module_utils._module import AbortStatus, failure
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import STATUSES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying import results as copying
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.options import copy_argument_spec
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.findings import FAIL_ON
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.options import overview_argument_spec
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import UNREADABLE
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.readings import StoreReadings
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.task import overview_result
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.formats import FORMATS, PARTS
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.page import TITLE
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.table import COLUMNS, ROTATIONS
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import Findings
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import (
    rotation_argument_spec,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import CLOSED, REASONS, Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import STATUSES as RECORD_STATUSES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import (
    MESSAGES,
    account_result,
    rotation_result,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    ACCOUNT_STATUSES,
    Outcome,
    RotationRequest,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import STORES, store_type
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import FULL

COLLECTION = "rpaops.uipath"
ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
ACTIONS = {"uipath_role_variables": role_variables}
OF_STORES = {
    "uipath_password_rotation": rotation_argument_spec,
    "uipath_password_store_info": overview_argument_spec,
    "uipath_password_store_copy": copy_argument_spec,
}
EXTENDS = "extends_documentation_fragment"
COMPARED = ("type", "elements", "choices", "default", "required")
SIGN_IN_VARIABLES = {"UIPATH_ACCESS_TOKEN", "UIPATH_CLIENT_ID", "UIPATH_CLIENT_SECRET"}


def module_named(name: str) -> ModuleType:
    return importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")


def argument_spec_of(name: str) -> dict[str, Any]:
    """The options of a module, which its action validates where it has one."""
    if name in OF_STORES:
        spec = OF_STORES[name]()
        stores = [option for option in ("store", "source", "target") if option in spec]
        return {**spec, **{option: {**spec[option], "options": store_options()} for option in stores}}
    if name in ACTIONS:
        return dict(ACTIONS[name].argument_spec())
    return dict(module_named(name).argument_spec())


def store_options() -> dict[str, Any]:
    """The suboptions of `store`: those of all types, with what is the same for all types that have an option.

    An option that one type requires is optional for the others.
    """
    specs: dict[str, list[Mapping[str, Any]]] = {}
    for name in STORES:
        for option, text in store_type(name).argument_spec.items():
            specs.setdefault(option, []).append(text)
    return {
        "type": {"type": "str", "choices": list(STORES), "default": "vault_file"},
        **{option: {"type": "raw", **shared(texts)} for option, texts in specs.items()},
    }


def shared(texts: list[Mapping[str, Any]]) -> dict[str, Any]:
    first, *others = texts
    same = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    return {key: value for key, value in same.items() if key != "required"}


def fragment_options(fragment: ModuleType = connection, part: str = "DOCUMENTATION") -> dict[str, Any]:
    return dict(yaml_load(getattr(fragment.ModuleDocFragment, part))["options"])


def fragments_of(name: str) -> set[str]:
    """The names of the documentation fragments of this collection that a module uses."""
    return {
        fragment.removeprefix(f"{COLLECTION}.") for fragment in yaml_load(module_named(name).DOCUMENTATION)[EXTENDS]
    }


def uses_the_server(name: str) -> bool:
    return "connection" in fragments_of(name)


def documented(option: dict[str, Any], suboptions: str) -> dict[str, Any]:
    """What documentation and argument specification have in common, in one form."""
    common: dict[str, Any] = {name: option[name] for name in COMPARED if name in option}
    children = option.get(suboptions) or {}
    return {**common, "children": {name: documented(child, suboptions) for name, child in children.items()}}


def status_tables(guide: Path) -> list[list[str]]:
    """The first column of every table of a guide whose first column is the status."""
    tables = re.findall(r"^\| status \|.*\n\|[ -|]+\n((?:\|.*\n)+)", guide.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) for rows in tables]


@pytest.mark.parametrize("name", MODULES)
class TestModule:
    def test_documents_its_options_as_they_are(self, name: str) -> None:
        options = dict(yaml_load(module_named(name).DOCUMENTATION)["options"])
        for fragment, module in (("connection", connection), ("store", store)):
            options.update(fragment_options(module) if fragment in fragments_of(name) else {})
        options.update(fragment_options(store, "PAIR") if "store.pair" in fragments_of(name) else {})
        expected = {option: documented(spec, "options") for option, spec in argument_spec_of(name).items()}
        assert {option: documented(text, "suboptions") for option, text in options.items()} == expected

    def test_uses_the_shared_fragments(self, name: str) -> None:
        assert yaml_load(module_named(name).DOCUMENTATION)["module"] == name
        assert "attributes" in fragments_of(name)
        assert uses_the_server(name) == ("token_url" in argument_spec_of(name))

    def test_declares_every_attribute(self, name: str) -> None:
        declared = yaml_load(attributes.ModuleDocFragment.DOCUMENTATION)["attributes"]
        if uses_the_server(name):
            declared.update(yaml_load(connection.ModuleDocFragment.DOCUMENTATION)["attributes"])
        for attribute, text in yaml_load(module_named(name).DOCUMENTATION)["attributes"].items():
            declared[attribute] = {**declared[attribute], **text}
        assert all({"support", "description"} <= set(text) for text in declared.values())
        in_group = declared.get("action_group", {}).get("membership", [])
        assert in_group == ([f"{COLLECTION}.uipath"] if uses_the_server(name) else [])

    def test_examples_use_its_full_name_and_its_options(self, name: str) -> None:
        module = module_named(name)
        tasks = yaml_load(module.EXAMPLES)
        used = [task[f"{COLLECTION}.{name}"] for task in tasks if f"{COLLECTION}.{name}" in task]
        assert used
        assert all(set(arguments) <= set(argument_spec_of(name)) for arguments in used)


class TestUipathUserPassword:
    RETURN = yaml_load(module_named("uipath_user_password").RETURN)

    def test_documents_every_status_in_order(self) -> None:
        documented = [re.match(r"V\((\w+)\) - ", line) for line in self.RETURN["status"]["description"]]
        assert tuple(match[1] for match in documented if match) == STATUSES

    def test_documents_the_same_for_one_user_and_for_each_of_many(self) -> None:
        task_only = {"results", "counts"}
        assert {*self.RETURN, "changed", "failed"} - task_only == set(self.RETURN["results"]["contains"])


class TestUipathUserInfo:
    RETURN = yaml_load(module_named("uipath_user_info").RETURN)

    def test_documents_every_field_of_a_user_with_a_sample(self) -> None:
        fields = self.RETURN["users"]["contains"]
        assert list(fields) == [*User("1", {}).shown(), "login_attempts"]
        assert list(fields["login_attempts"]["contains"]) == [field.name for field in dataclasses.fields(SignIns)]
        assert all("sample" in field for field in fields.values())
        assert len(fields) == len(SHOWN_FIELDS) + len({"password_changeable", "login_attempts"})

    def test_documents_every_way_to_fail(self) -> None:
        kinds = [kind for kind in vars(_errors).values() if isinstance(kind, type) and issubclass(kind, UiPathError)]
        expected = {kind.status for kind in kinds} - {"unknown"} | {"interrupted", "defect"}
        lines = [line.partition(" - ")[0] for line in self.RETURN["status"]["description"]]
        assert {word for line in lines for word in re.findall(r"V\((\w+)\)", line)} == expected

    def test_documents_what_a_failure_returns(self) -> None:
        of_failures = {name for name, value in self.RETURN.items() if value["returned"] == "failure"}
        assert of_failures == set(failure("defect", "msg")) - {"failed", "msg"}


class TestUipathPasswordRotation:
    RETURN = yaml_load(module_named("uipath_password_rotation").RETURN)
    ACCOUNT = RETURN["accounts"]["contains"]

    def test_documents_every_status_with_its_message_in_order(self) -> None:
        documented = [f"V({status}) - {message}" for status, message in MESSAGES.items()]
        assert self.ACCOUNT["status"]["description"] == documented

    def test_documents_every_field_of_an_account_in_order(self) -> None:
        request = RotationRequest(Account("https://host/identity", "u1"))
        result = account_result(request, Outcome("fresh", None), now=datetime.now(timezone.utc))
        assert list(self.ACCOUNT) == list(result)

    def test_documents_every_status_of_a_task_that_failed_as_a_whole(self) -> None:
        described = [re.match(r"V\((\w+)\) - ", line) for line in self.RETURN["status"]["description"]]
        assert [match[1] for match in described if match] == ["invalid_input", "store_error", "busy", "defect"]

    def test_documents_what_a_task_returns(self) -> None:
        task, refused = set(rotation_result([])), set(failure("defect", "msg"))
        assert set(self.RETURN) == (task | refused) - {"changed", "failed"}
        of_refusals = {name for name, field in self.RETURN.items() if field["returned"].startswith("when the whole")}
        assert of_refusals == refused - task


class TestUipathRoleVariables:
    def test_documents_what_it_returns(self) -> None:
        returned = yaml_load(module_named("uipath_role_variables").RETURN)
        findings = [field for field in Findings._fields if field in returned]
        assert list(returned) == ["msg", *findings, "check_mode"]


class TestUipathPasswordStoreInfo:
    RETURN = yaml_load(module_named("uipath_password_store_info").RETURN)
    OPTIONS = yaml_load(module_named("uipath_password_store_info").DOCUMENTATION)["options"]
    RESULT = overview_result(
        StoreReadings({"id-1": FULL}, {"id-2": StoreError("It is damaged.")}),
        {"accounts": None, "max_age_days": 90.0, "fail_on": []},
        datetime.now(timezone.utc),
        "/the/store",
    )

    def test_documents_every_field_of_an_account_in_order(self) -> None:
        documented = self.RETURN["accounts"]["contains"]
        assert [list(account) for account in self.RESULT["accounts"]] == [list(documented)] * 2
        assert list(documented["rotations"]["contains"]) == list(self.RESULT["accounts"][1]["rotations"][0])

    def test_documents_every_status_in_order(self) -> None:
        lines = self.RETURN["accounts"]["contains"]["status"]["description"]
        assert [re.match(r"V\((\w+)\) - ", line)[1] for line in lines] == [*RECORD_STATUSES, UNREADABLE]  # type: ignore[index]

    def test_documents_every_count_in_order(self) -> None:
        assert list(self.RETURN["counts"]["contains"]) == list(self.RESULT["counts"])

    def test_documents_what_makes_the_task_fail(self) -> None:
        described = [re.match(r"V\((\w+)\) - ", line) for line in self.OPTIONS["fail_on"]["description"]]
        assert tuple(match[1] for match in described if match) == FAIL_ON

    def test_documents_what_a_task_returns(self) -> None:
        task, refused = set(self.RESULT), set(failure("defect", "msg"))
        assert set(self.RETURN) == (task | refused) - {"changed", "failed"}
        of_refusals = {name for name, field in self.RETURN.items() if field["returned"].startswith("when the whole")}
        assert of_refusals == refused - task


class TestUipathPasswordStoreCopy:
    RETURN = yaml_load(module_named("uipath_password_store_copy").RETURN)
    ACCOUNT = RETURN["accounts"]["contains"]

    def test_documents_every_status_with_its_message_in_order(self) -> None:
        documented = [f"V({status}) - {message}" for status, message in copying.MESSAGES.items()]
        assert self.ACCOUNT["status"]["description"] == documented
        assert tuple(copying.MESSAGES) == get_args(copying.MoveStatus)

    def test_documents_every_field_of_an_account_in_order(self) -> None:
        assert list(self.ACCOUNT) == list(copying.account_result("label", "u1", "moved"))

    def test_documents_what_a_task_returns(self) -> None:
        task, refused = set(copying.move_result([], "source", "target")), set(failure("defect", "msg"))
        assert set(self.RETURN) == (task | refused) - {"changed", "failed"}


class TestUipathRotationSummary:
    def test_documents_its_parameters_and_what_it_returns(self) -> None:
        documentation = yaml_load(uipath_rotation_summary.DOCUMENTATION)
        parameters = list(signature(uipath_rotation_summary.rotation_summary).parameters)
        assert list(documentation["options"])[1:] == parameters[1:] == documentation["positional"].split(", ")
        returned = yaml_load(uipath_rotation_summary.RETURN)["_value"]["contains"]
        assert list(returned) == list(uipath_rotation_summary.rotation_summary({"accounts": [], "msg": ""}))


class TestUipathPassword:
    def test_documents_the_store_as_the_rotation_does(self) -> None:
        documentation = yaml_load(uipath_password.DOCUMENTATION)
        assert documentation["name"] == "uipath_password"
        assert set(documentation["options"]) == {"_terms", "allow_in_doubt"}
        assert documentation["extends_documentation_fragment"] == ["rpaops.uipath.store"]
        assert set(fragment_options(store)["store"]["suboptions"]) == set(store_options())


class TestUipathPasswordReport:
    DOCUMENTATION = yaml_load(uipath_password_report.DOCUMENTATION)

    def test_documents_the_parameters_of_the_filter(self) -> None:
        assert self.DOCUMENTATION["name"] == uipath_password_report.NAME
        _input, *given = signature(uipath_password_report.uipath_password_report).parameters
        assert list(self.DOCUMENTATION["options"]) == ["_input", *given]
        assert self.DOCUMENTATION["positional"] == ", ".join(given)
        assert self.DOCUMENTATION["options"]["format"]["choices"] == list(FORMATS)
        assert self.DOCUMENTATION["options"]["title"]["default"] == TITLE

    def test_has_every_part_of_the_state(self) -> None:
        returned = yaml_load(module_named("uipath_password_store_info").RETURN)
        of_results = {name for name, field in returned.items() if field["returned"].startswith("unless")}
        assert set(PARTS) == of_results
        of_accounts = set(returned["accounts"]["contains"]) - {"rotations"} | set(ROTATIONS)
        assert set(COLUMNS) == of_accounts


class TestReportRole:
    FOLDER = ROOT / "roles/report_passwords"
    OPTIONS = yaml_load((FOLDER / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]

    def test_has_the_documented_defaults(self) -> None:
        documented = {name: option["default"] for name, option in self.OPTIONS.items() if "default" in option}
        assert yaml_load((self.FOLDER / "defaults/main.yml").read_text()) == documented

    def test_offers_what_the_module_and_the_filter_offer(self) -> None:
        module = argument_spec_of("uipath_password_store_info")
        assert {f"report_passwords_{name}" for name in (*module, *FORMATS)} < set(self.OPTIONS)
        assert self.OPTIONS["report_passwords_fail_on"]["choices"] == module["fail_on"]["choices"]


class TestConnectionFragment:
    def test_names_the_variable_of_every_option_that_has_one(self) -> None:
        for name, spec in connection_argument_spec().items():
            variables = set(re.findall(r"E\((UIPATH_\w+)\)", str(fragment_options()[name])))
            expected = set(spec["fallback"][1]) if "fallback" in spec else set()
            assert variables - SIGN_IN_VARIABLES == expected, name

    def test_names_the_variables_of_the_sign_in(self) -> None:
        assert set(re.findall(r"UIPATH_\w+", str(fragment_options()["access_token"]))) == SIGN_IN_VARIABLES

    def test_has_the_options_of_the_code_in_their_order(self) -> None:
        assert list(fragment_options()) == list(connection_argument_spec())


class TestOutcomesGuide:
    TABLES = status_tables(ROOT / "docs/outcomes.md")

    def test_has_every_status_of_a_user_once_in_order(self) -> None:
        assert self.TABLES[0] == list(STATUSES)

    def test_has_every_status_of_a_failed_task_once_in_order(self) -> None:
        of_tasks = [*get_args(InputStatus), *get_args(AbortStatus)]
        of_uipath_user_info = ["ambiguous"]
        assert self.TABLES[1:] == [[one for one in of_tasks if one not in of_uipath_user_info], of_uipath_user_info]


class TestRotationGuide:
    def test_has_every_status_of_an_account_once_in_order(self) -> None:
        assert status_tables(ROOT / "docs/rotation.md") == [list(ACCOUNT_STATUSES)]

    def test_has_every_reason_of_a_closed_account(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ", (ROOT / "docs/rotation.md").read_text(), re.MULTILINE)
        assert [reason for reason, _status in rows] == list(REASONS)
        assert {status for _reason, status in rows} == set(CLOSED)

    def test_every_status_has_a_message(self) -> None:
        assert tuple(MESSAGES) == ACCOUNT_STATUSES


class TestRuntime:
    def test_the_action_group_is_all_modules_that_use_the_server(self) -> None:
        runtime = yaml_load((ROOT / "meta/runtime.yml").read_text())
        assert runtime["action_groups"] == {"uipath": [name for name in MODULES if uses_the_server(name)]}
