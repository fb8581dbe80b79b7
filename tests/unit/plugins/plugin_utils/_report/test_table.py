# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: RFC 4180, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.rpaops.uipath.demo.sample import account, sample, store_info
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.table import COLUMNS, cell, csv_table


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class TestCsvTable:
    def test_has_a_row_for_each_account_and_each_missing_one(self) -> None:
        found = rows(csv_table(sample()))
        assert len(found) == 40 + 1
        assert found[1]["label"] == "svc-claims-1"
        assert found[-1] == {**dict.fromkeys(COLUMNS, ""), "label": "svc-archive-1", "status": "missing"}

    def test_has_all_that_is_known_of_an_account(self) -> None:
        one = account(1, 2, error_codes=["One", "Two"], status="out_of_sync", reason="wrong_password", msg="Adopt it.")
        [row] = rows(csv_table(store_info([one])))
        assert set(one) - set(row) == {"rotations"}
        assert (row["error_codes"], row["pending"], row["delivered"]) == ("One, Two", "false", "true")
        assert [row[f"rotation_{n}_at"] for n in (1, 2, 3)] == [rotation["at"] for rotation in one["rotations"]]
        assert row["rotation_3_by"] == one["rotations"][2]["by"]

    def test_ends_lines_and_quotes_as_the_standard_says(self) -> None:
        text = csv_table(store_info([account(1, 2, label='a "b", c')]))
        assert text.endswith("\r\n")
        assert text.count("\r\n") == 2
        assert '"a ""b"", c",' in text

    def test_keeps_an_account_on_one_line(self) -> None:
        assert csv_table(store_info([account(1, 2, msg="a\nb\rc\u2028d")])).count("\n") == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        (";=1", "';=1"),
        (" ;1", "' ;1"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("  =1", "'  =1"),
        ("\u202e=1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("a=b", "a=b"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (-1.5, "-1.5"),
    ],
)
def test_cell(value: object, expected: str) -> None:
    assert cell(value) == expected
