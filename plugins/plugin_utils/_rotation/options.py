# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a rotation: their specification, their problems, and the requests and rules they describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    LONGEST_OPTION,
    connection_argument_spec,
    range_problems,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    normalize_identity_url,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import (
    duplicates,
    identity_problems,
    password_problems,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import (
    SPECIAL,
    PasswordRules,
    rules_problems,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import STATES, RotationRequest


def rotation_argument_spec() -> dict[str, dict[str, Any]]:
    """Return the specification of the options. The registry validates those inside `store` for its type."""
    return {
        **connection_argument_spec(),
        "accounts": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "user_id": {"type": "str"},
                "user_name": {"type": "str"},
                "name": {"type": "str"},
                "initial_password": {"type": "str", "no_log": True},
                "generation": {"type": "int"},
            },
        },
        "only": {"type": "list", "elements": "str"},
        "store": {"type": "dict", "required": True},
        "state": {"type": "str", "choices": list(STATES), "default": "rotated"},
        "max_age_days": {"type": "float", "default": 90.0},
        "force": {"type": "bool", "default": False},
        "password": {"type": "dict", "no_log": False, "options": password_argument_spec()},
        "concurrency": {"type": "int", "default": 4},
        "max_failures": {"type": "int"},
        "settle_seconds": {"type": "float", "default": 90.0},
        "strict": {"type": "bool", "default": False},
        "consumers": {"type": "bool"},
        "verify": {"type": "bool", "default": False},
    }


def password_argument_spec() -> dict[str, dict[str, Any]]:
    counts = {name: {"type": "int", "default": 1} for name in ("lower", "upper", "digits", "special")}
    return {
        "length": {"type": "int", "default": 24},
        **counts,
        "special_characters": {"type": "str", "default": SPECIAL},
        "exclude": {"type": "str", "default": ""},
    }


def password_rules(options: Mapping[str, Any]) -> PasswordRules:
    return PasswordRules(**(options["password"] or {}))


def option_problems(options: Mapping[str, Any]) -> list[str]:
    """Return all problems of the options except the connection's, by index and without values."""
    ranges = {
        "concurrency": (1, 64),
        "max_failures": (0, float("inf")),
        "max_age_days": (0, float("inf")),
        "settle_seconds": (0, LONGEST_OPTION),
    }
    problems = range_problems(options, ranges) + rules_problems(password_rules(options))
    accounts = options["accounts"]
    for index, account in enumerate(accounts):
        problems += account_problems(f"accounts[{index}].", account)
    return problems + repeated_accounts(accounts) + only_problems(options["only"], accounts)


def account_problems(place: str, account: Mapping[str, Any]) -> list[str]:
    empty = [f"{place}name is empty"] if account["name"] == "" else []
    password = password_problems(f"{place}initial_password", account["initial_password"])
    return identity_problems(place, account) + empty + password


def repeated_accounts(accounts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which accounts and labels are given twice, as far as it shows before user names are looked up."""
    names = [comparable(account["user_name"] or "") for account in accounts]
    labels = [comparable(account["name"] or "") for account in accounts]
    places = {name: index for index, name in enumerate(names)}
    return [
        *duplicates((account["user_id"] or "" for account in accounts), "accounts"),
        *duplicates(names, "accounts"),
        *duplicates(labels, "accounts", verb="has the same name as"),
        *(
            f"accounts[{index}].name is also the user_name of accounts[{places[label]}]"
            for index, label in enumerate(labels)
            if label and places.get(label, index) != index
        ),
    ]


def only_problems(only: Sequence[str] | None, accounts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the entries of `only` that match no account. An empty list may be a mistake, so it does not mean all."""
    if only == []:
        return ["only is empty: omit it to work on all accounts"]
    names = {name for account in accounts for name in account_names(account)}
    return [f"only: no account is named '{name}'" for name in only or () if comparable(name) not in names]


def account_names(account: Mapping[str, Any]) -> set[str]:
    return {comparable(account[key]) for key in ("name", "user_name", "user_id") if account[key]}


def chosen_accounts(options: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Return the accounts to work on, with their index: all, or those that `only` names."""
    only = {comparable(name) for name in options["only"] or ()}
    for index, account in enumerate(options["accounts"]):
        if not only or only & account_names(account):
            yield index, account


def rotation_requests(options: Mapping[str, Any]) -> list[RotationRequest]:
    identity_url = normalize_identity_url(options["identity_url"])
    return [
        RotationRequest(
            account=Account(identity_url, account["user_id"] or "", account["name"], account["user_name"]),
            state=options["state"],
            initial_password=account["initial_password"],
            max_age_days=options["max_age_days"],
            force=options["force"],
            consumers=options["consumers"],
            generation=account["generation"],
            verify=options["verify"],
            index=index,
        )
        for index, account in chosen_accounts(options)
    ]
