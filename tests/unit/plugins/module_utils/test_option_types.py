# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
from itertools import product
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._option_types import (
    QUOTE,
    is_convertible,
    list_problems,
    type_name,
    type_problems,
    value_problems,
    wrong,
)

PAIR = {"user_id": {"type": "str"}, "password": {"type": "str", "no_log": True}}
SPECIFICATION: dict[str, Any] = {
    "name": {"type": "str"},
    "file": {"type": "path"},
    "state": {"type": "str", "choices": ["on", "off"]},
    "users": {"type": "list", "elements": "dict", "options": PAIR},
    "only": {"type": "list", "elements": "str"},
    "password": {"type": "dict", "options": {"length": {"type": "int"}}},
    "store": {"type": "dict"},
}


class TestTypeProblems:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"name": None, "users": None},
            {"name": "", "file": "~", "state": "off"},
            {"users": []},
            {"users": [{"user_id": "1", "password": None}, {}]},
            {"users": ({"user_id": "1"},)},
            {"only": "a, b", "password": {"length": "20"}, "store": {"anything": ["goes"]}},
            {"unknown": ["left to ansible-core"]},
        ],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert type_problems(given, SPECIFICATION) == []

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"name": 83}, f"name must be a string, but it is a number{QUOTE}"),
            ({"name": ["hunter2"]}, "name must be a string, but it is a list"),
            ({"name": {"hunter2": "x"}}, "name must be a string, but it is a mapping"),
            ({"file": True}, f"file must be a string, but it is a boolean{QUOTE}"),
            ({"state": "hunter2"}, "state must be one of: on, off"),
            ({"users": "hunter2"}, "users must be a list, but it is a string"),
            ({"users": {"user_id": "hunter2"}}, "users must be a list, but it is a mapping"),
            ({"users": [{}, "hunter2"]}, "users[1] must be a mapping, but it is a string"),
            ({"users": [None]}, "users[0] must be a mapping, but it is null"),
            ({"users": [{"password": 1234}]}, f"users[0].password must be a string, but it is a number{QUOTE}"),
            ({"users": [{7: "hunter2"}]}, "users[0].the name of an option must be a string"),
            ({7: "hunter2"}, "options: the name of an option must be a string"),
            ({"only": ["a", None]}, "only[1] must be a string, but it is null"),
            ({"password": "hunter2"}, "password must be a mapping, but it is a string"),
            ({"password": {"length": "hunter2"}}, "password.length must be a whole number, but it is a string"),
        ],
    )
    def test_one(self, given: dict[Any, Any], problem: str) -> None:
        assert type_problems(given, SPECIFICATION) == [problem]

    def test_all_at_once(self) -> None:
        given = {"name": 1, "users": [{"user_id": 1, "password": [1]}], "only": 3}
        assert len(type_problems(given, SPECIFICATION)) == 4


class TestValueProblems:
    def test_an_option_without_a_type_is_a_string(self) -> None:
        assert value_problems("x", 1, {}) == [f"x must be a string, but it is a number{QUOTE}"]

    def test_anything_is_raw(self) -> None:
        assert value_problems("x", [{1}], {"type": "raw"}) == []


class TestListProblems:
    def test_the_parts_of_a_string_have_to_be_choices_too(self) -> None:
        option = {"type": "list", "elements": "str", "choices": ["a", "b"]}
        assert list_problems("x", "a, b", option) == []
        assert list_problems("x", "a, hunter2", option) == ["x[1] must be one of: a, b"]


class TestIsConvertible:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [("int", 3), ("int", "3"), ("float", "1.5"), ("float", 2), ("bool", "yes"), ("bool", 0), ("bool", False)],
    )
    def test_true(self, kind: str, value: Any) -> None:
        assert is_convertible(kind, value)

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            *product(["int"], ["three", "1.5", True, [1], {}, float("inf"), float("nan")]),
            *product(["float"], ["three", True, [1], {}, 10**400]),
            *product(["bool"], ["perhaps", 2, [True], {}]),
        ],
    )
    def test_false(self, kind: str, value: Any) -> None:
        assert not is_convertible(kind, value)


class TestWrong:
    @pytest.mark.parametrize("value", [1, 1.5, True, datetime.date(2026, 1, 1)])
    def test_advises_quotes_where_they_make_it_a_string(self, value: Any) -> None:
        assert wrong("x", "a string", value).endswith(QUOTE)

    @pytest.mark.parametrize("value", [None, [], {}])
    def test_advises_nothing_otherwise(self, value: Any) -> None:
        assert not wrong("x", "a string", value).endswith(QUOTE)
        assert not wrong("x", "a list", 3).endswith(QUOTE)


class TestTypeName:
    def test_is_no_word_of_python(self) -> None:
        values: list[Any] = [None, True, 1, 1.5, "a", {}, [], (), b"a", datetime.date(2026, 1, 1)]
        assert [type_name(value) for value in values] == [
            "null",
            "a boolean",
            "a number",
            "a number",
            "a string",
            "a mapping",
            "a list",
            "a list",
            "of another type",
            "of another type",
        ]
