# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a request is sent again, and how long it waits in between."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

# The most seconds that one request may wait in all, over its retries.
LONGEST_WAIT = 300.0
LONGEST_BACKOFF = 60.0
# The most that a Retry-After counts for: more than any request waits, and a number that can be shown.
LONGEST_PAUSE = 86400.0


class RetryBudget:
    """What is left to one request: `retries`, and LONGEST_WAIT seconds of waiting."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._waited = 0.0
        self.retries_taken = 0
        self.attempts = 0

    def take_retry(self) -> bool:
        """Count a retry, and return whether it was still allowed."""
        self.retries_taken += 1
        return self.retries_taken <= self._retries

    def take_wait(self, seconds: float) -> bool:
        """Count a wait if it still fits in, and return whether it does."""
        if self._waited + seconds > LONGEST_WAIT:
            return False
        self._waited += seconds
        return True


def backoff(retry: int) -> float:
    """Return the seconds before retry number 1, 2, ...: doubled each time, with jitter."""
    return min(2.0 ** (retry - 1), LONGEST_BACKOFF) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number or a date), or None.

    It is LONGEST_PAUSE at most.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_PAUSE)
