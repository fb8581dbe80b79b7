# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module that shows the state of a store's accounts, and their problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import range_problems
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.findings import FAIL_ON

# The keys that name an account. Others are ignored, so that the list of a rotation can be given as it is.
IDENTITY = ("user_id", "user_name", "name")


def overview_argument_spec() -> dict[str, dict[str, Any]]:
    """Return the specification of the options. The registry validates those inside `store` for its type."""
    return {
        "store": {"type": "dict", "required": True},
        "accounts": {"type": "list", "elements": "dict", "options": {name: {"type": "str"} for name in IDENTITY}},
        "max_age_days": {"type": "float", "default": 90.0},
        "fail_on": {"type": "list", "elements": "str", "choices": list(FAIL_ON), "default": []},
        "verify": {"type": "bool", "default": False},
    }


def without_passwords(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with nothing in the accounts but what names them: passwords are not even decrypted."""
    accounts = given.get("accounts")
    if not isinstance(accounts, (list, tuple)):
        return dict(given)
    return {**given, "accounts": [identity_of(entry) for entry in accounts]}


def identity_of(entry: Any) -> Any:
    return {name: entry[name] for name in IDENTITY if name in entry} if isinstance(entry, Mapping) else entry


def overview_problems(options: Mapping[str, Any]) -> list[str]:
    """Return all problems of the options, by index and without values."""
    problems = range_problems(options, {"max_age_days": (0, float("inf"))})
    for index, entry in enumerate(options["accounts"] or ()):
        if not any((entry[name] or "").strip() for name in IDENTITY):
            problems.append(f"accounts[{index}] needs a user_id, a user_name or a name")
    for kind in ("unlisted", "missing"):
        if kind in options["fail_on"] and options["accounts"] is None:
            problems.append(f"fail_on: {kind} needs the option accounts")
    return problems
