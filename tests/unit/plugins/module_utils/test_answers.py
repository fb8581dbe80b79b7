# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._answers import (
    descriptions,
    error_codes,
    trace_id,
    validation_messages,
)

IDENTITY_RESULT = {
    "succeeded": False,
    "errors": [
        {"code": "PasswordTooShort", "description": "Too short."},
        {"code": "PasswordRequiresDigit", "description": "No digit."},
    ],
}
PROBLEM_DETAILS = {
    "errors": {"newPassword": ["Required.", "Too short."], "$": "Not JSON."},
    "title": "One or more validation errors occurred.",
    "status": 400,
    "traceId": "00-84c1-85d1-00",
}
OAUTH_ERROR = {"error": "invalid_client", "error_description": "Unknown client."}
ERROR_OBJECT = {"error": {"code": "UnsupportedApiVersion", "message": "No version."}}
NOT_OBJECTS: list[Any] = [None, [], "text", 3, True]
ODD_OBJECTS: list[Any] = [
    {"errors": None, "error": None, "traceId": None},
    {"errors": ["text", None, {"code": 7, "description": []}], "error": ["x"], "traceId": 5},
    {"errors": {"field": [1, None]}, "error": {"code": None, "message": 1}, "traceId": ""},
]


class TestErrorCodes:
    @pytest.mark.parametrize(
        ("answer", "codes"),
        [
            (IDENTITY_RESULT, ("PasswordTooShort", "PasswordRequiresDigit")),
            (PROBLEM_DETAILS, ()),
            (OAUTH_ERROR, ("invalid_client",)),
            (ERROR_OBJECT, ("UnsupportedApiVersion",)),
            ({"code": "InvalidPartition"}, ("InvalidPartition",)),
            ({"errorCode": "1001"}, ("1001",)),
        ],
    )
    def test_of_every_shape(self, answer: Any, codes: tuple[str, ...]) -> None:
        assert error_codes(answer) == codes

    @pytest.mark.parametrize("answer", NOT_OBJECTS + ODD_OBJECTS)
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert error_codes(answer) == ()


class TestDescriptions:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (IDENTITY_RESULT, "Too short. No digit."),
            (PROBLEM_DETAILS, ""),
            (OAUTH_ERROR, "Unknown client."),
            (ERROR_OBJECT, "No version."),
        ],
    )
    def test_of_every_shape(self, answer: Any, words: str) -> None:
        assert descriptions(answer) == words

    @pytest.mark.parametrize("answer", NOT_OBJECTS + ODD_OBJECTS)
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert descriptions(answer) == ""


class TestValidationMessages:
    def test_names_the_field_of_each_message(self) -> None:
        expected = "newPassword: Required.; newPassword: Too short.; $: Not JSON."
        assert validation_messages(PROBLEM_DETAILS) == expected

    @pytest.mark.parametrize("answer", [*NOT_OBJECTS, *ODD_OBJECTS, IDENTITY_RESULT, OAUTH_ERROR])
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert validation_messages(answer) == ""


class TestTraceId:
    def test_of_problem_details(self) -> None:
        assert trace_id(PROBLEM_DETAILS) == "00-84c1-85d1-00"

    @pytest.mark.parametrize("answer", [*NOT_OBJECTS, *ODD_OBJECTS, IDENTITY_RESULT])
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert trace_id(answer) is None
