# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of one account."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.demo.sample import account, unreadable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.accounts import (
    CONDITIONS,
    conditions,
    error_codes,
    is_closed,
    last_rotated_by,
    moment,
    number,
    text,
)


class TestConditions:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, []),
            ({"status": "in_doubt", "pending": True}, ["in_doubt", "pending"]),
            ({"status": "out_of_sync", "due": True}, ["out_of_sync", "due"]),
            ({"status": "quarantined"}, ["quarantined"]),
            ({"due": True, "overdue": True, "delivered": False}, ["overdue", "undelivered"]),
            ({"listed": None}, []),
            ({"listed": False}, ["unlisted"]),
        ],
    )
    def test_are_the_worst_first(self, changes: dict[str, Any], expected: list[str]) -> None:
        assert conditions(account(1, 5, **changes)) == expected

    def test_of_an_unreadable_record_are_nothing_else(self) -> None:
        assert conditions(unreadable(1)) == ["unreadable"]

    def test_have_a_word_each_of_their_own(self) -> None:
        assert len({word for word, _sign in CONDITIONS.values()}) == len(CONDITIONS)
        assert all(sign for _word, sign in CONDITIONS.values())


@pytest.mark.parametrize(
    ("status", "expected"),
    [("out_of_sync", True), ("quarantined", True), ("in_doubt", False), ("ok", False), ([], False)],
)
def test_is_closed(status: object, expected: bool) -> None:
    assert is_closed({"status": status}) is expected


class TestText:
    def test_is_one_line_without_invisible_characters(self) -> None:
        assert text("a\u202eb\nc\x1b[31m") == "a b c [31m"

    def test_of_nothing_is_empty(self) -> None:
        assert text(None) == ""


class TestMoment:
    @pytest.mark.parametrize(
        "value", ["2026-05-01T12:00:00+00:00", "2026-05-01T12:00:00Z", "2026-05-01T14:00:00+02:00", "2026-05-01T12:00"]
    )
    def test_is_in_utc(self, value: str) -> None:
        assert moment(value) == datetime(2026, 5, 1, 12, tzinfo=timezone.utc)

    @pytest.mark.parametrize("value", [None, "", "soon", 7, [], "0001-01-01T00:00:00+05:00"])
    def test_is_none_if_there_is_no_time(self, value: object) -> None:
        assert moment(value) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3.0), (3.5, 3.5), (None, None), (True, None), ("3", None), (float("inf"), None)]
)
def test_number(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_last_rotated_by_is_the_newest() -> None:
    assert last_rotated_by({"rotations": [{"at": "x", "by": "ops"}, {"at": "y", "by": "other"}]}) == "ops"
    assert last_rotated_by({"rotations": []}) == last_rotated_by({}) == last_rotated_by({"rotations": ["?"]}) == ""


def test_error_codes_are_one_text() -> None:
    assert error_codes({"error_codes": ["One", "Two\n"]}) == "One, Two "
