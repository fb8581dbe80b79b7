# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to one request, and the status of the account after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """The simulator's name for a fault, the status by order of checking, the most mismatches there may be."""

    kind: str
    statuses: dict[str, str]
    mismatches: int
    parameters: dict[str, Any]


def row(
    kind: str, outcome: str = "rotated", /, *, policy_first: str | None = None, mismatches: int = 0, **parameters: Any
) -> Row:
    """`policy_first`: the outcome if the server checks the policy first, where that makes a difference."""
    return Row(kind, {"old-first": outcome, "policy-first": policy_first or outcome}, mismatches, parameters)


ROWS: dict[str, Row] = {
    "applied, then closed": row("drop", mismatches=2, apply=True),
    "applied, then reset": row("drop", how="reset", mismatches=2, apply=True),
    "closed before applying": row("drop"),
    "reset before applying": row("drop", how="reset"),
    "applied during the settle": row("late", mismatches=2, delay=0.3, then="close"),
    "applied after the time-out": row("late", mismatches=2, delay=1.3, then="hang", seconds=2),
    "applied after the settle": row("late", mismatches=2, delay=2.5, then="close"),
    "500 before applying": row("status", status=500),
    "503 before applying": row("status", status=503),
    "500 after applying": row("status", mismatches=2, status=500, apply=True),
    "503 after applying": row("status", mismatches=2, status=503, apply=True),
    "delivered twice": row("twice", policy_first="refused", mismatches=2),
    "429 with Retry-After": row("too_many_requests", retry_after=1),
    "429 with a date": row("too_many_requests", retry_after=1, as_date=True),
    "429 without Retry-After": row("too_many_requests"),
    "429 for ever": row("too_many_requests", "throttled", retry_after=0, times=None),
    "200 without success": row("not_succeeded", "refused"),
    "200 with a page": row("html"),
    "200 with a page, applied": row("html", mismatches=2, apply=True),
    "403 with a page": row("html", status=403),
    "403 with a page, applied": row("html", mismatches=2, status=403, apply=True),
    "401 with a page, applied": row("html", mismatches=2, status=401, apply=True),
    "429 with a page, applied": row("html", mismatches=2, status=429, apply=True),
    "404 with a page, applied": row("html", mismatches=2, status=404, apply=True),
    "truncated": row("truncated", apply=False),
    "truncated, applied": row("truncated", mismatches=2),
    "cut off, applied": row("truncated", mismatches=2, cut="connection"),
    "204": row("no_content"),
    "204, applied": row("no_content", mismatches=2, apply=True),
    "empty, applied": row("empty", mismatches=2, apply=True),
    "redirect": row("redirect"),
    "redirect, applied": row("redirect", mismatches=2, apply=True),
    "too short": row("identity_error", code="PasswordTooShort"),
    "too few classes, for ever": row("identity_error", "policy_rejected", code="PasswordRequiresDigit", times=None),
    "used before": row("identity_error", "refused", code="PasswordReuse"),
    "concurrency failure": row("concurrency_failure"),
    "concurrency failure, for ever": row("concurrency_failure", "in_doubt", times=None),
    "doubled by a proxy": row("concurrency_failure", mismatches=2, apply=True),
}
