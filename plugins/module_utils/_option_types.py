# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of options as they were given, checked before ansible-core converts them.

Its `type: str` turns a list into Python's text of it, and takes the zeros from an unquoted number: sent as a password,
that text would become the live one. Its messages also quote what they refuse. No message here contains a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

CONVERSIONS = {
    "int": (check_type_int, "a whole number"),
    "float": (check_type_float, "a number"),
    "bool": (check_type_bool, "true or false"),
}
# A boolean is a number for Python.
TYPE_NAMES: tuple[tuple[Any, str], ...] = (
    (bool, "a boolean"),
    ((int, float), "a number"),
    (str, "a string"),
    (Mapping, "a mapping"),
    ((list, tuple), "a list"),
)
QUOTE = ": put it in quotes where it is defined"


def type_problems(given: Mapping[Any, Any], specification: Mapping[str, Any], place: str = "") -> list[str]:
    """Return which values have the wrong type or are none of the choices. None is an option that was not given."""
    problems = []
    for name, value in given.items():
        if not isinstance(name, str):
            problems.append(f"{place or 'options: '}the name of an option must be a string")
        elif value is not None and name in specification:
            problems += value_problems(f"{place}{name}", value, specification[name])
    return problems


def value_problems(name: str, value: Any, option: Mapping[str, Any]) -> list[str]:
    kind = option.get("type", "str")
    if kind == "list":
        return list_problems(name, value, option)
    if kind == "dict":
        is_mapping = isinstance(value, Mapping)
        return (
            type_problems(value, option.get("options", {}), f"{name}.")
            if is_mapping
            else [wrong(name, "a mapping", value)]
        )
    if kind in ("str", "path") and not isinstance(value, str):
        return [wrong(name, "a string", value)]
    if kind in CONVERSIONS and not is_convertible(kind, value):
        return [wrong(name, CONVERSIONS[kind][1], value)]
    choices = option.get("choices")
    return [f"{name} must be one of: {', '.join(choices)}"] if choices and value not in choices else []


def list_problems(name: str, value: Any, option: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a list and its entries. ansible-core splits a string at its commas."""
    entry_option = {**option, "type": option.get("elements", "raw")}
    is_split = isinstance(value, str) and entry_option["type"] == "str"
    entries = [entry.strip() for entry in value.split(",")] if is_split else value
    if not isinstance(entries, (list, tuple)):
        return [wrong(name, "a list", value)]
    problems = (value_problems(f"{name}[{index}]", entry, entry_option) for index, entry in enumerate(entries))
    return [problem for found in problems for problem in found]


def is_convertible(kind: str, value: Any) -> bool:
    try:
        CONVERSIONS[kind][0](value)
    except (TypeError, ValueError, ArithmeticError):
        return False
    return kind == "bool" or not isinstance(value, bool)


def wrong(name: str, wanted: str, value: Any) -> str:
    """Return the problem of a value whose type is wrong. What is no string may have lost zeros or its spelling."""
    advice = QUOTE if wanted == "a string" and not isinstance(value, (Mapping, list, tuple, type(None))) else ""
    return f"{name} must be {wanted}, but it is {type_name(value)}{advice}"


def type_name(value: Any) -> str:
    """Return the type of a value in the words of YAML."""
    if value is None:
        return "null"
    return next((name for types, name in TYPE_NAMES if isinstance(value, types)), "of another type")
