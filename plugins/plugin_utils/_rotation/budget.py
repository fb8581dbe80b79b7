# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests an account may send without a proof of which password is live: each may be a failed sign-in."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import UNPROVEN_LIMIT, Record

# Over all reopenings. The server may lock the account at 10 failed sign-ins.
UNPROVEN_TOTAL = 8


def reopened(record: Record, sends: int) -> Record:
    """Return an account that a person reopens after so many requests without a proof. It may send a few more."""
    limit = min(sends + UNPROVEN_LIMIT, UNPROVEN_TOTAL)
    return replace(record, unproven_sends=sends, unproven_limit=limit, reason=None, error_codes=())


def unproven_total(lockout_limit: int | None) -> int:
    """Return the most requests without a proof for a server that locks a user after so many failed sign-ins."""
    return UNPROVEN_TOTAL if lockout_limit is None else max(1, min(lockout_limit - 2, UNPROVEN_TOTAL))
