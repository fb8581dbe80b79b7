# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a specification with every kind of value that it must not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SECRET = "Distinctive-'5ecret\"%41ä"
NUMBER = 83830083
WRONG: dict[str, list[Any]] = {
    "str": [[SECRET], {"a": SECRET}, NUMBER, True],
    "path": [[SECRET], {"a": SECRET}, NUMBER, True],
    "int": [SECRET, [SECRET], {"a": SECRET}, True],
    "float": [SECRET, [SECRET], {"a": SECRET}, True],
    "bool": [SECRET, [SECRET], {"a": SECRET}, NUMBER],
    "dict": [SECRET, [SECRET], NUMBER, True],
    "raw": [],
    "list of str": [{"a": SECRET}, NUMBER, True],
    "list of dict": [SECRET, {"a": SECRET}, NUMBER, True],
}
WRONG_ENTRIES: dict[str, list[Any]] = {
    "str": [[SECRET], {"a": SECRET}, NUMBER, True, None],
    "dict": [SECRET, [SECRET], NUMBER, True, None],
}

# The name as messages have it, and the options of a task.
Case = tuple[str, dict[str, Any]]


def wrong_values(specification: Mapping[str, Mapping[str, Any]]) -> Iterator[Case]:
    """Generate tasks with one wrong value each."""
    for name, option in specification.items():
        kind, elements = option["type"], option.get("elements")
        for value in WRONG[f"{kind} of {elements}" if elements else kind]:
            yield name, {name: value}
        if option.get("choices") and not elements:
            yield name, {name: SECRET}
        for value in WRONG_ENTRIES[elements] if elements else ():
            yield f"{name}[0]", {name: [value]}
        if option.get("choices") and elements:
            yield f"{name}[0]", {name: [SECRET]}
        for inner, given in wrong_values(option.get("options", {})):
            yield (f"{name}[1].{inner}", {name: [{}, given]}) if elements else (f"{name}.{inner}", {name: given})
