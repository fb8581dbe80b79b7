# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table as CSV: RFC 4180, one row per account, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.accounts import (
    Fields,
    error_codes,
    rotations,
    text,
)

ROTATIONS = tuple(f"rotation_{number}_{part}" for number in (1, 2, 3) for part in ("at", "by"))
COLUMNS = (
    "label",
    "user_id",
    "user_name",
    "status",
    "reason",
    "error_codes",
    "pending",
    "pending_since",
    "last_rotated",
    "source",
    "age_days",
    "next_due",
    "due",
    "overdue",
    "delivered",
    "delivered_at",
    "generation",
    "unproven_sends",
    *ROTATIONS,
    "listed",
    "msg",
)
# With these, also in their full-width forms, a spreadsheet begins a formula. One that separates cells by semicolons as
# well may take what follows a semicolon for a cell.
FORMULA_STARTS = tuple("=+-@\t\r\n;\uff1d\uff0b\uff0d\uff20\uff1b")


def csv_table(report: Fields) -> str:
    """Return a row for the header, for each account, and for each listed account that has no record."""
    lines = io.StringIO()
    writer = csv.writer(lines)  # with CRLF at the end of each line, as RFC 4180 wants
    writer.writerow(COLUMNS)
    writer.writerows(row(account) for account in all_accounts(report))
    return lines.getvalue()


def all_accounts(report: Fields) -> Iterator[Fields]:
    yield from report["accounts"]
    for name in report.get("missing") or ():
        yield {"label": name, "status": "missing"}


def row(account: Fields) -> Sequence[str]:
    derived = {"error_codes": error_codes(account), **rotation_columns(account)}
    return [cell(derived[column] if column in derived else account.get(column)) for column in COLUMNS]


def rotation_columns(account: Fields) -> dict[str, Any]:
    """Return when and by whom the last rotations were made, the newest first."""
    values = [one.get(part) for one in rotations(account) for part in ("at", "by")]
    return {**dict.fromkeys(ROTATIONS), **dict(zip(ROTATIONS, values))}


def cell(value: Any) -> str:
    """Return the value as text. An apostrophe before it tells a spreadsheet that it is not a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, (int, float)):
        return text(value)
    starts_formula = str(value).startswith(FORMULA_STARTS) or text(value).lstrip().startswith(FORMULA_STARTS)
    return f"'{text(value)}" if starts_formula else text(value)
