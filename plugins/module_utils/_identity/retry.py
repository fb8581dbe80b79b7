# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a request is repeated, and how long it waits in between."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

# All waits on behalf of one request end here, in seconds.
LONGEST_WAIT = 300.0
LONGEST_BACKOFF = 60.0


class RetryBudget:
    """What one request may still spend: `retries` repeats, and LONGEST_WAIT seconds of waiting."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._waited = 0.0
        self.retries_spent = 0
        self.attempts = 0

    def spend_retry(self) -> bool:
        """Count a repeat, and tell whether it was still allowed."""
        self.retries_spent += 1
        return self.retries_spent <= self._retries

    def spend_wait(self, seconds: float) -> bool:
        """Count a wait if it fits in, and tell whether it does."""
        if self._waited + seconds > LONGEST_WAIT:
            return False
        self._waited += seconds
        return True


def backoff(repeat: int) -> float:
    """Return the seconds before repeat number 1, 2, ...: doubled each time, with jitter."""
    return min(2.0 ** (repeat - 1), LONGEST_BACKOFF) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number or a date), or None."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max((moment - now).total_seconds(), 0.0)
