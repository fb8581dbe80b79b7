# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option with a value of a wrong type is refused with one clear error, which shows no value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import encoded_forms
from ansible_collections.rpaops.uipath.plugins.modules import uipath_user_info, uipath_user_password
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.options import (
    overview_argument_spec,
    without_passwords,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import rotation_argument_spec
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import STORES, StoreOptions, store_type
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated
from ansible_collections.rpaops.uipath.tests.unit.plugins.conftest import WithArguments
from ansible_collections.rpaops.uipath.tests.unit.plugins.wrong_values import NUMBER, SECRET, Case, wrong_values

MAINS: dict[str, Callable[[], None]] = {
    "uipath_user_info": uipath_user_info.main,
    "uipath_user_password": uipath_user_password.main,
}
OF_MODULES = [
    *(("uipath_user_info", *case) for case in wrong_values(uipath_user_info.argument_spec())),
    *(("uipath_user_password", *case) for case in wrong_values(uipath_user_password.argument_spec())),
]
OF_ROTATIONS = list(wrong_values(rotation_argument_spec()))
OF_OVERVIEWS = list(wrong_values(overview_argument_spec()))
OF_STORES = [(name, *case) for name in STORES for case in wrong_values(store_type(name).argument_spec)]
REQUIRED = {"identity_url": "https://host/identity", "access_token": "t", "store": {"path": "s"}, "accounts": []}


def demand_one_error(text: str, option: str) -> None:
    """Demand that the text is about this option and its type or choices, and about nothing else."""
    assert text.startswith(f"{option} must be "), text
    assert text.count(" must be ") == 1
    assert not any(form in text for form in (*encoded_forms(SECRET), str(NUMBER), "Traceback"))


@pytest.mark.parametrize(("module", "option", "given"), OF_MODULES)
def test_a_module(with_arguments: WithArguments, module: str, option: str, given: dict[str, Any]) -> None:
    result = with_arguments(MAINS[module], given)
    assert (result["failed"], result["status"]) == (True, "invalid_input")
    demand_one_error(result["msg"].removeprefix("Invalid input; nothing was changed: "), option)
    assert not any(value in json.dumps(result, ensure_ascii=False) for value in ("5ecret", str(NUMBER)))


@pytest.mark.parametrize(("option", "given"), OF_ROTATIONS)
def test_a_rotation(option: str, given: dict[str, Any]) -> None:
    [error] = validated({**REQUIRED, **given}, rotation_argument_spec())[1]
    demand_one_error(error, option)


@pytest.mark.parametrize(("option", "given"), OF_OVERVIEWS)
def test_an_overview(option: str, given: dict[str, Any]) -> None:
    [error] = validated(without_passwords({"store": {"path": "s"}, **given}), overview_argument_spec())[1]
    demand_one_error(error, option)


@pytest.mark.parametrize(("name", "option", "given"), OF_STORES)
def test_a_store(name: str, option: str, given: dict[str, Any]) -> None:
    required = {key: "x" for key, value in store_type(name).argument_spec.items() if value.get("required")}
    [problem] = StoreOptions({"type": name, **required, **given}).problems
    demand_one_error(problem.removeprefix("store: "), option)


def test_there_are_many(report: Callable[[str], None]) -> None:
    cases: list[Case] = [
        *(case[1:] for case in OF_MODULES),
        *OF_ROTATIONS,
        *OF_OVERVIEWS,
        *(case[1:] for case in OF_STORES),
    ]
    report(f"{len(cases)} wrong values of {len({option for option, _given in cases})} options")
    assert len(cases) >= 408
