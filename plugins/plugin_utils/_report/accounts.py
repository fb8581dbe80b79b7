# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page and the table say of one account: its conditions, its times, and text without invisible characters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import CLOSED, STATUSES

Fields = Mapping[str, Any]
Cell = Union[str, int, float, bool, None]

# What may be the matter with an account, the worst first. Each has its word and, for those who see no colors, its sign.
CONDITIONS: dict[str, tuple[str, str]] = {
    "unreadable": ("Unreadable", "✕"),
    "out_of_sync": ("Out of sync", "✕"),
    "quarantined": ("Quarantined", "✕"),
    "moved": ("Moved", "→"),
    "in_doubt": ("In doubt", "?"),
    "overdue": ("Overdue", "▲"),
    "undelivered": ("Not delivered", "►"),
    "unlisted": ("Not in the list", "○"),
    "pending": ("Under way", "↻"),
    "due": ("Due", "△"),
}


def conditions(account: Fields) -> list[str]:
    """Return what is the matter with the account, the worst first."""
    overdue = account.get("overdue") is True
    holds = {
        **{status: account.get("status") == status for status in ("unreadable", *STATUSES)},
        "overdue": overdue,
        "undelivered": account.get("delivered") is False,
        "unlisted": account.get("listed") is False,
        "pending": account.get("pending") is True,
        "due": account.get("due") is True and not overdue,
    }
    return [condition for condition in CONDITIONS if holds[condition]]


def is_closed(account: Fields) -> bool:
    """Tell whether the live password may be another one than the recorded one, so its age is not known."""
    return account.get("status") in (*CLOSED, "moved")


def text(value: object) -> str:
    """Return the value as one line of text that shows all its characters."""
    return "" if value is None else displayable(str(value))


def moment(value: object) -> datetime | None:
    """Return an ISO 8601 time as one in UTC, or None if it is none."""
    try:
        parsed = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def number(value: object) -> float | None:
    """Return a number that is one and is finite, or None."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def rotations(account: Fields) -> list[Fields]:
    """Return the recorded rotations of the account, the newest first."""
    return [rotation for rotation in account.get("rotations") or () if isinstance(rotation, Mapping)]


def last_rotated_by(account: Fields) -> str:
    return text(rotations(account)[0].get("by")) if rotations(account) else ""


def error_codes(account: Fields) -> str:
    return ", ".join(text(code) for code in account.get("error_codes") or ())
