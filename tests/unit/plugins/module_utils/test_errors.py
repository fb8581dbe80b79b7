# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import get_args

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _errors
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    InvalidInput,
    ListChanged,
    NotFound,
    OutcomeUnknown,
    RequestError,
    RequestStatus,
    Throttled,
    UiPathError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WriteInCheckMode,
    WrongUrl,
)


class TestUiPathError:
    def test_keeps_what_the_server_said(self) -> None:
        error = Throttled("Slow down.", http_status=429, codes=["TooMany"], trace_id="00-1")
        assert (str(error), error.http_status, error.codes, error.trace_id) == ("Slow down.", 429, ("TooMany",), "00-1")

    @pytest.mark.parametrize(
        ("kind", "status", "stops_task"),
        [
            (Unauthorized, "unauthorized", True),
            (WrongUrl, "wrong_url", True),
            (Throttled, "throttled", False),
            (Unreachable, "unreachable", False),
            (OutcomeUnknown, "unknown", False),
            (WriteInCheckMode, "unknown", False),
            (InvalidInput, "invalid_input", False),
            (NotFound, "not_found", False),
            (UnexpectedAnswer, "unexpected_answer", False),
            (ListChanged, "list_changed", False),
            (Ambiguous, "ambiguous", False),
        ],
    )
    def test_each_kind_has_a_status(self, kind: type[UiPathError], status: str, stops_task: bool) -> None:
        assert (kind.status, kind.stops_task) == (status, stops_task)

    def test_every_status_of_a_request_is_one_of_its_errors(self) -> None:
        kinds = [
            value for value in vars(_errors).values() if isinstance(value, type) and issubclass(value, RequestError)
        ]
        assert {kind.status for kind in kinds} == set(get_args(RequestStatus))


class TestInvalidInput:
    def test_lists_all_problems_in_one_message(self) -> None:
        error = InvalidInput(["a is empty", "b is missing"])
        assert error.message == "Invalid input; nothing was changed: a is empty; b is missing."
        assert error.problems == ("a is empty", "b is missing")


class TestListChanged:
    def test_tells_both_numbers(self) -> None:
        assert ListChanged(4, 3).message == (
            "The list of users changed while it was read: the server announced 4 users and listed 3 different ones."
            " Run the task again."
        )
