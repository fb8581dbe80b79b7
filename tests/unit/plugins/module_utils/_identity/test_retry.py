# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.retry import (
    LONGEST_BACKOFF,
    LONGEST_WAIT,
    RetryBudget,
    backoff,
    retry_after,
)


class TestRetryBudget:
    def test_grants_as_many_retries_as_given(self) -> None:
        budget = RetryBudget(2)
        assert [budget.take_retry() for _attempt in range(4)] == [True, True, False, False]

    def test_without_retries_grants_none(self) -> None:
        assert not RetryBudget(0).take_retry()

    def test_all_waits_together_end_at_the_limit(self) -> None:
        budget = RetryBudget(9)
        assert budget.take_wait(LONGEST_WAIT - 1)
        assert not budget.take_wait(1.5)
        assert budget.take_wait(1)
        assert not budget.take_wait(0.001)

    def test_a_wait_that_does_not_fit_is_not_counted(self) -> None:
        budget = RetryBudget(0)
        assert not budget.take_wait(LONGEST_WAIT + 1)
        assert budget.take_wait(LONGEST_WAIT)


class TestBackoff:
    @pytest.mark.parametrize(
        ("retry", "longest"), [(1, 1), (2, 2), (3, 4), (7, LONGEST_BACKOFF), (100, LONGEST_BACKOFF)]
    )
    def test_doubles_up_to_a_limit_with_jitter(self, retry: int, longest: float) -> None:
        waits = {backoff(retry) for _draw in range(50)}
        assert len(waits) > 1
        assert longest / 2 <= min(waits)
        assert max(waits) <= longest


class TestRetryAfter:
    NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("Sat, 31 Jan 2026 12:00:30 GMT", 30),
            ("Sat, 31 Jan 2026 13:00:30 +0100", 30),
            ("Sat, 31 Jan 2026 12:00:30 -0000", 30),
            ("Saturday, 31-Jan-26 12:00:30 GMT", 30),
            ("Sat, 31 Jan 2026 11:59:00 GMT", 0),
        ],
    )
    def test_seconds_or_a_date(self, header: str, seconds: float) -> None:
        assert retry_after(header, self.NOW) == seconds

    @pytest.mark.parametrize("header", ["9" * 400, "86401", "Fri, 31 Dec 9999 12:00:00 GMT"])
    def test_never_more_than_a_day(self, header: str) -> None:
        assert retry_after(header, self.NOW) == 86400

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "soon",
            "-5",
            "1.5",
            "²",
            "31 Feb",
            "Sat, 99 Jan 2026 12:00:00 GMT",
            f"Sat, 31 Jan {'9' * 30} 12:00:00 GMT",
        ],
    )
    def test_anything_else_says_nothing(self, header: str | None) -> None:
        assert retry_after(header, self.NOW) is None
