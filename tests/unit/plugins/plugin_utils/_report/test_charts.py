# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The charts: every account and rotation is counted once, the limit is where it belongs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.demo.sample import NOW, account, iso, unreadable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.charts import (
    HEIGHT,
    MOST_BARS,
    Chart,
    age_chart,
    rotation_chart,
    shown,
)

NOT_SHOWN = "Not in the chart, as the age of the live password is not known:"


def ages(*days: float, limit: float = 60) -> Chart:
    chart = age_chart([account(number, age) for number, age in enumerate(days)], limit)
    assert chart
    return chart


def rotated(*days_ago: float) -> list[dict[str, Any]]:
    return [account(0, 1, rotations=[{"at": iso(NOW - timedelta(days=days)), "by": "ops"}]) for days in days_ago]


def rotations(*days_ago: float) -> Chart:
    chart = rotation_chart(rotated(*days_ago), iso(NOW))
    assert chart
    return chart


class TestAgeChart:
    def test_counts_each_account_once(self) -> None:
        chart = ages(0, 3.9, 4, 59.99, 60, 71)
        assert [(column.span, column.count) for column in chart.bars] == [
            ("0 to 4 days", 2),
            ("4 to 8 days", 1),
            ("56 to 60 days", 1),
            ("60 to 64 days", 1),
            ("68 to 72 days", 1),
        ]
        assert chart.unit == "4 days"
        assert chart.notes == []

    def test_marks_the_bars_past_the_limit(self) -> None:
        assert [column.past_limit for column in ages(59.99, 60, 71).bars] == [False, True, True]

    @pytest.mark.parametrize("limit", [1, 7, 30, 45, 60, 90, 180, 365])
    def test_has_the_limit_between_two_bars_and_at_a_tick(self, limit: float) -> None:
        chart = ages(0, limit * 0.5, limit * 1.2, limit=limit)
        assert chart.limit
        assert all(not column.x < chart.limit.at - 0.001 < column.x + column.width for column in chart.bars)
        assert min(abs(tick.at - chart.limit.at) for tick in chart.x_ticks) < 0.001

    def test_puts_very_old_passwords_into_the_last_bar_and_says_so(self) -> None:
        chart = ages(5, 61, 4000, limit=30)
        assert len(chart.bars) == 3
        assert "days or more" in chart.bars[-1].span
        assert chart.notes == [f"The last bar stands for {chart.bars[-1].span}."]
        assert chart.limit
        assert chart.limit.at > 30

    @pytest.mark.parametrize("limit", [1001.0, 1e9])
    def test_leaves_out_a_limit_that_is_far_away(self, limit: float) -> None:
        chart = ages(1, 2, 3, limit=limit)
        assert not chart.limit
        assert "beyond the right edge" in chart.notes[0]
        assert len(chart.bars) == 3

    @pytest.mark.parametrize("limit", [0.0, 60.0])
    def test_a_negative_age_is_not_known(self, limit: float) -> None:
        chart = ages(-1, -1000, 1, limit=limit)
        assert (chart.total, chart.notes) == (1, [f"{NOT_SHOWN} 2 others."])
        assert age_chart([account(1, -0.5)], limit) is None

    def test_works_without_any_tolerance(self) -> None:
        chart = ages(0, 1, limit=0)
        assert chart.limit
        assert chart.limit.at == 0
        assert all(column.past_limit for column in chart.bars)

    def test_says_how_many_ages_are_not_known(self) -> None:
        initial = account(1, 2, source="adopted", last_rotated=None)
        chart = age_chart([account(0, 5), initial, unreadable(2)], 60)
        assert chart
        assert chart.total == 1
        assert chart.notes == [f"{NOT_SHOWN} 2 others."]

    @pytest.mark.parametrize("status", ["out_of_sync", "quarantined"])
    def test_leaves_out_closed_accounts(self, status: str) -> None:
        closed = account(1, 2, status=status)
        chart = age_chart([account(0, 5), closed, closed, unreadable(2)], 60)
        assert chart
        assert (chart.total, chart.notes) == (1, [f"{NOT_SHOWN} 2 closed, 1 others."])
        assert age_chart([closed], 60) is None

    def test_is_none_if_no_age_is_known(self) -> None:
        assert age_chart([unreadable(1)], 60) is None
        assert age_chart([], 60) is None


class TestRotationChart:
    @pytest.mark.parametrize(
        ("oldest", "unit"), [(0, "day"), (30, "day"), (60, "week"), (400, "month"), (1500, "year"), (9000, "year")]
    )
    def test_has_the_finest_unit_that_fits(self, oldest: float, unit: str) -> None:
        chart = rotations(0, oldest)
        assert chart.unit == unit
        assert chart.total == 2

    def test_names_what_a_bar_stands_for(self) -> None:
        assert [column.span for column in rotations(1, 40).bars] == ["week from 2026-10-19", "week from 2026-11-23"]
        assert [column.span for column in rotations(1, 3).bars] == ["2026-11-27", "2026-11-29"]
        assert [column.span for column in rotations(1, 400).bars] == ["2025-10", "2026-11"]

    def test_covers_two_weeks_at_least(self) -> None:
        [column] = rotations(0).bars
        assert 0 < column.width < 100 / 13

    def test_leaves_out_times_that_cannot_be(self) -> None:
        times = [*rotated(5, -1, 365 * 100), *[account(0, 1, rotations=[{"at": at, "by": ""}]) for at in ("", None)]]
        chart = rotation_chart(times, iso(NOW))
        assert chart
        assert chart.total == 1

    def test_is_none_if_no_rotation_is_known(self) -> None:
        assert rotation_chart([unreadable(1)], iso(NOW)) is None
        assert rotation_chart(rotated(5), None) is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 11, 99, 10_000])
def test_bars_and_ticks_stay_inside(count: int) -> None:
    chart = ages(*[5.0] * count, *(float(age) for age in range(200)), limit=90)
    assert len(chart.bars) <= MOST_BARS
    assert all(
        column.x >= 0 and column.x + column.width <= 100 and 2 <= column.height <= HEIGHT for column in chart.bars
    )
    assert all(0 <= tick.at <= 100 for tick in chart.x_ticks)
    assert all(0 <= tick.at <= HEIGHT for tick in chart.y_ticks)
    assert len(chart.x_ticks) <= 8
    assert len(chart.y_ticks) <= 6
    assert len({tick.text for tick in chart.y_ticks}) == len(chart.y_ticks)


@pytest.mark.parametrize(("days", "text"), [(4, "4"), (30.41666, "30.4"), (0.5, "0.5"), (1234567.2, "1,234,567")])
def test_shown(days: float, text: str) -> None:
    assert shown(days) == text
