# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.errors import UnsupportedError
from ansible.parsing.dataloader import DataLoader
from ansible.release import __version__ as core_version
from ansible.template import Templar
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import MOST_NAMED, complete, plain, validated

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value: str) -> str:  # type: ignore[misc]
        return value


CORE = tuple(int(number) for number in core_version.split(".")[:2])
SECRET = "Distinctive-5ecret"
SPECIFICATION: dict[str, Any] = {
    "name": {"type": "str"},
    "count": {"type": "int", "default": 3},
    "state": {"type": "str", "choices": ["on", "off"]},
    "password": {"type": "str", "no_log": True},
    "needed": {"type": "str", "required": True},
    "entries": {"type": "list", "elements": "dict", "options": {"size": {"type": "int", "default": 1}}},
}
GIVEN: dict[str, Any] = {"needed": "x"}
NESTED = {"a": [{"b": ["c", {"d": "e"}]}], "f": {}, "g": [], "h": "i"}


def templated(value: Any) -> Any:
    """Return the value as a lookup gets it: ansible-core 2.19 and later put containers of their own around it."""
    given: list[Any] = []
    variables = {"value": value, "give": given.append}
    Templar(DataLoader(), variables=variables).template(trust_as_template("{{ give(value) }}"))
    return given[0]


def containers(value: Any) -> set[type]:
    """Return the types of all containers in a value."""
    if isinstance(value, Mapping):
        return {type(value)}.union(*map(containers, value.values()))
    if isinstance(value, (list, tuple)):
        return {type(value)}.union(*map(containers, value))
    return set()


class TestValidated:
    def test_fills_in_defaults_and_converts(self) -> None:
        options, errors = validated({**GIVEN, "count": "7", "entries": [{"size": "2"}, {}]}, SPECIFICATION)
        assert errors == []
        assert options == {
            "name": None,
            "count": 7,
            "state": None,
            "password": None,
            "needed": "x",
            "entries": [{"size": 2}, {"size": 1}],
        }
        assert validated(GIVEN, SPECIFICATION)[0]["count"] == 3

    def test_leaves_what_it_was_given_as_it_was(self) -> None:
        given = {**GIVEN, "entries": [{"size": "2"}]}
        validated(given, SPECIFICATION)
        assert given == {"needed": "x", "entries": [{"size": "2"}]}

    def test_excludes_options_that_exclude_each_other(self) -> None:
        given = {**GIVEN, "name": "a", "state": "on"}
        assert validated(given, SPECIFICATION)[1] == []
        assert validated(given, SPECIFICATION, [("name", "state")])[1] == [
            "parameters are mutually exclusive: name|state"
        ]

    def test_names_unsupported_options(self) -> None:
        [error] = validated({**GIVEN, "colour": "red"}, SPECIFICATION)[1]
        supported = "count, entries, name, needed, password, state"
        assert error == f"Unsupported parameters: colour (supported: {supported})"

    def test_names_the_entry_of_an_unsupported_option_and_what_was_meant(self) -> None:
        [error] = validated({**GIVEN, "nmae": "a", "entries": [{}, {"sise": 1}]}, SPECIFICATION)[1]
        assert error == "Unsupported parameters: nmae (did you mean name?), entries[1].sise (did you mean size?)"

    def test_names_some_of_many_unsupported_options(self) -> None:
        [error] = validated({**GIVEN, "entries": [{"sise": 1}] * (MOST_NAMED + 3)}, SPECIFICATION)[1]
        assert error.count("did you mean") == MOST_NAMED
        assert error.endswith(" and 3 more")

    def test_returns_all_errors(self) -> None:
        missing, unsupported = sorted(validated({"colour": "red"}, SPECIFICATION)[1], reverse=True)
        assert missing == "missing required arguments: needed"
        assert unsupported.startswith("Unsupported parameters: colour")

    def test_returns_what_has_a_wrong_type_before_anything_is_converted(self) -> None:
        assert validated({"name": [SECRET], "count": SECRET, "entries": [SECRET]}, SPECIFICATION)[1] == [
            "name must be a string, but it is a list",
            "count must be a whole number, but it is a string",
            "entries[0] must be a mapping, but it is a string",
        ]

    def test_masks_a_secret_that_is_also_the_name_of_an_unsupported_option(self) -> None:
        [error] = validated({**GIVEN, "password": SECRET, SECRET: "x"}, SPECIFICATION)[1]
        assert error.startswith(f"Unsupported parameters: {MASK}")
        assert SECRET not in error


class TestPlain:
    def test_keeps_values_and_keys(self) -> None:
        assert plain(NESTED) == NESTED
        assert plain(templated(NESTED)) == NESTED

    def test_all_containers_are_ordinary_ones_at_every_depth(self) -> None:
        assert (containers(templated(NESTED)) == {dict, list}) == (CORE < (2, 19))
        assert containers(plain(templated(NESTED))) == {dict, list}
        assert containers(plain({"a": ({"b": ()},)})) == {dict, list}

    @pytest.mark.parametrize("value", ["text", b"bytes", 3, 1.5, True, None])
    def test_leaves_other_values_as_they_are(self, value: object) -> None:
        assert plain(value) is value

    def test_is_what_is_validated(self) -> None:
        options, errors = validated(templated({**GIVEN, "entries": [{"size": "2"}]}), SPECIFICATION)
        assert errors == []
        assert containers(options) == {dict, list}
        assert options["entries"] == [{"size": 2}]


class TestComplete:
    def test_an_unsupported_option(self) -> None:
        error = complete(UnsupportedError("colour"), {"coun": 1}, SPECIFICATION)
        assert error == "Unsupported parameters: coun (did you mean count?)"

    def test_other_errors_are_complete(self) -> None:
        assert complete(ValueError("missing"), {}, SPECIFICATION) == "missing"
