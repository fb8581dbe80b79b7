# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's sign-ins since the last one that succeeded, where the token may read them.

Whether the server lists a rejected password change among them is not documented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import login_attempts_url

# The most attempts that one request returns.
MOST_ATTEMPTS = 1000
LOCKED_OUT = "lockedOut"
# The results that count towards a lock. The others of LoginAttemptResult were decided before a password was compared.
FAILURES = frozenset({"invalidPassword", LOCKED_OUT})
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?", re.ASCII)


@dataclass(frozen=True)
class SignIns:
    """The user's newest sign-ins, at most MOST_ATTEMPTS.

    `last_success` is a time as the server writes it, or None if no listed attempt succeeded. `failures_since` counts
    the wrong passwords and locked sign-ins after it. `locked_out` tells whether the newest attempt met a lock.
    """

    last_success: str | None
    failures_since: int
    locked_out: bool


@dataclass(frozen=True)
class _Attempt:
    moment: str
    result: str

    @property
    def order(self) -> tuple[str, str]:
        """What moments are sorted by: servers leave out zeros at the end of a fraction."""
        found = MOMENT.fullmatch(self.moment)
        return (found.group(1), (found.group(2) or "").rstrip("0")) if found else ("", "")


def recent_sign_ins(client: Client, user_id: str) -> SignIns | None:
    """Return the user's sign-ins, or None where they cannot be read: they only serve to be careful.

    It needs the scope PM.UserLoginAttempt or PM.UserLoginAttempt.Read, which changing passwords does not.
    """
    try:
        response = client.get(login_attempts_url(client.identity_url, user_id, MOST_ATTEMPTS))
    except UiPathError:
        return None
    attempts = read_attempts(response.json) if response.status == 200 else None
    return None if attempts is None else counted(attempts)


def read_attempts(answer: Any) -> list[_Attempt] | None:
    """Return the attempts, newest first, or None if the answer is not usable.

    The order of the server is not documented. It matters only where the answer does not contain all attempts.
    """
    total = answer.get("totalCount") if isinstance(answer, dict) else None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(total, int) or not isinstance(results, list):
        return None
    attempts = [attempt for attempt in map(read_attempt, results) if attempt]
    newest_first = sorted(attempts, key=lambda attempt: attempt.order, reverse=True)
    if len(attempts) != len(results) or (total > len(attempts) and attempts != newest_first):
        return None
    return newest_first if attempts or not total else None


def read_attempt(fields: Any) -> _Attempt | None:
    moment, result = (fields.get("creationTime"), fields.get("result")) if isinstance(fields, dict) else (None, None)
    if not isinstance(moment, str) or not isinstance(result, str) or not MOMENT.fullmatch(moment):
        return None
    return _Attempt(moment, result)


def counted(attempts: list[_Attempt]) -> SignIns:
    last = next((index for index, attempt in enumerate(attempts) if attempt.result == "success"), None)
    return SignIns(
        last_success=None if last is None else attempts[last].moment,
        failures_since=sum(attempt.result in FAILURES for attempt in attempts[:last]),
        locked_out=bool(attempts) and attempts[0].result == LOCKED_OUT,
    )
