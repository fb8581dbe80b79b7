# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.options import (
    argument_spec,
    documentation,
    option_problems,
)

KEYS = {"Username": "user_name", "Password": "password"}


def test_the_documentation_has_the_defaults() -> None:
    text = documentation("prefix:\n  type: str\n  default: x/\n", consumer_keys=KEYS)
    documented = {name: (option["type"], option.get("default")) for name, option in yaml.safe_load(text).items()}
    spec = argument_spec(prefix="x/", consumer_keys=KEYS)
    assert documented == {name: (option["type"], option.get("default")) for name, option in spec.items()}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, None),
        ({"consumer_keys": {}}, None),
        ({"consumer_keys": {"key": "secret"}}, "the value of each key must be one of: password, user_name"),
        ({"consumer_keys": {"": "password"}}, "a key is empty or not a string"),
        ({"consumer_keys": {1: "password"}}, "a key is empty or not a string"),
        ({"consumer_keys": {"rpaops_uipath": "password"}}, "the key rpaops_uipath is the collection's own"),
        ({"lease_seconds": 0.5}, "store.lease_seconds must be from 1 to 86400"),
        ({"lease_seconds": float("nan")}, "store.lease_seconds must be from 1 to 86400"),
    ],
)
def test_problems_are_told_without_values(options: dict[str, Any], problem: str | None) -> None:
    found = option_problems({"consumer_keys": KEYS, "lease_seconds": 300.0, **options})
    assert len(found) == bool(problem)
    assert all(problem in text for text in found if problem)
