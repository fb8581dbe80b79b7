# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two charts as geometry: where the bars, ticks and the limit are. The page draws them.

Positions along the x axis are percentages of the width, so a chart fits any width with text of one size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.accounts import (
    Fields,
    is_closed,
    moment,
    number,
    rotations,
)

HEIGHT = 150  # of the highest bar's axis, in pixels
MOST_BARS = 40
SHORTEST_SPAN = timedelta(days=13)
TICKS = 4
LONGEST_LIMIT = 1000  # days; beyond that, the ages alone are shown
LONGEST_RANGE = 2.5  # of the ages shown, in limits
LONGEST_SPAN = timedelta(days=365 * (MOST_BARS - 1))  # of the rotations shown: older times are mistakes


@dataclass(frozen=True)
class Bar:
    """So many accounts or rotations. `span` says in words what the bar stands for."""

    span: str
    count: int
    x: float
    width: float
    height: float
    past_limit: bool = False


@dataclass(frozen=True)
class Tick:
    text: str
    at: float
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """`unit` is what one bar covers, `limit` is None where the limit lies outside of the chart."""

    bars: Sequence[Bar]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    unit: str
    notes: Sequence[str] = ()
    limit: Tick | None = None

    @property
    def total(self) -> int:
        return sum(one.count for one in self.bars)


def age_chart(accounts: Iterable[Fields], max_age_days: float) -> Chart | None:
    """Return how many passwords have which age, or None if no age is known, as of initial passwords."""
    known = list(accounts)
    ages = sorted(age for account in known if (age := age_of(account)) is not None)
    if not ages:
        return None
    width = bin_width(max_age_days, ages[-1])
    bins = min(MOST_BARS, max(math.floor(ages[-1] / width) + 1, math.ceil(max_age_days / width * 1.1)))
    counts = [0] * bins
    for age in ages:
        counts[min(int(age / width), bins - 1)] += 1
    end, open_ended = bins * width, ages[-1] >= bins * width
    spans = [f"{shown(n * width)} to {shown((n + 1) * width)} days" for n in range(bins)]
    if open_ended:
        spans[-1] = f"{shown(end - width)} days or more"
    past = [width * n >= max_age_days for n in range(bins)]
    at = max_age_days / end * 100
    return Chart(
        bars=bars(counts, spans, past),
        x_ticks=age_ticks(bins, width, max_age_days),
        y_ticks=count_ticks(max(counts)),
        unit=f"{shown(width)} {'day' if width == 1 else 'days'}",
        notes=[*left_out(known, len(ages)), *age_notes(at, spans[-1] if open_ended else None)],
        limit=Tick(f"limit: {shown(max_age_days)} days", at, "end" if at > 60 else "start") if at <= 100 else None,
    )


def age_of(account: Fields) -> float | None:
    """Return the age of the live password, or None if it is not known.

    That of an initial password or of a closed account is not, and a negative one is a mistake.
    """
    age = number(account.get("age_days"))
    is_unknown = age is None or age < 0 or account.get("source") == "adopted" or is_closed(account)
    return None if is_unknown else age


def bin_width(limit: float, oldest: float) -> float:
    """Return how many days a bar covers. The limit lies between two bars, if it lies among the ages at all."""
    if limit <= 0 or (limit > LONGEST_LIMIT and oldest * 4 < limit):
        return nice(max(oldest, 1) / 15)
    parts = next((parts for parts in range(18, 5, -1) if (limit / parts).is_integer()), 12)
    longest = min(oldest, limit * LONGEST_RANGE)
    bins = longest / limit * parts
    return limit / parts * max(1, math.ceil(bins / MOST_BARS)) if bins > MOST_BARS else limit / parts


def nice(value: float) -> float:
    """Return the next number that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def shown(days: float) -> str:
    return f"{days:,.0f}" if days == int(days) else f"{days:,.3g}" if days < 1000 else f"{days:,.0f}"


def left_out(accounts: Sequence[Fields], shown_ages: int) -> list[str]:
    """Return a note on the accounts that have no age in the chart."""
    closed = sum(map(is_closed, accounts))
    others = len(accounts) - shown_ages - closed
    kinds = ((closed, "closed"), (others, "others"))
    parts = [f"{count:,} {what}" for count, what in kinds if count]
    return [f"Not in the chart, as the age of the live password is not known: {', '.join(parts)}."] if parts else []


def age_notes(at: float, last: str | None) -> list[str]:
    notes = [f"The last bar stands for {last}."] if last else []
    return notes + (["The limit is beyond the right edge."] if at > 100 else [])


def bars(counts: Sequence[int], spans: Sequence[str], past: Sequence[bool]) -> list[Bar]:
    """Return a bar for each count that is not 0, with a gap between two neighbors."""
    width, top = 100 / len(counts), axis_top(max(counts))
    return [
        Bar(span, count, width * (n + 0.06), width * 0.88, max(2.0, count / top * HEIGHT), past_limit)
        for n, (count, span, past_limit) in enumerate(zip(counts, spans, past))
        if count
    ]


def axis_top(highest: int) -> int:
    return count_step(highest) * math.ceil(highest / count_step(highest))


def count_step(highest: int) -> int:
    return max(1, int(nice(max(1, highest) / TICKS)))


def count_ticks(highest: int) -> list[Tick]:
    """Return the ticks of the y axis, as pixels from the bottom."""
    top = axis_top(highest)
    return [Tick(f"{count:,}", count / top * HEIGHT) for count in range(0, top + 1, count_step(highest))]


def age_ticks(bins: int, width: float, limit: float) -> list[Tick]:
    """Return ticks with one at the limit, if that lies between two bars."""
    parts = round(limit / width)
    steps = [step for step in range(1, bins + 1) if parts % step == 0] if 0 < parts <= bins else range(1, bins + 1)
    step = min(steps, key=lambda step: abs(step - bins / TICKS))
    return [Tick(shown(n * width), n / bins * 100, anchor(n, bins)) for n in range(0, bins + 1, step)]


def anchor(position: float, end: float) -> str:
    """Keep the text of a tick at an edge inside the chart."""
    return "start" if position < end * 0.03 else "end" if position > end * 0.97 else "middle"


def day_after(day: datetime) -> datetime:
    return day + timedelta(days=1)


def week_after(day: datetime) -> datetime:
    return day + timedelta(days=7)


def month_after(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def year_after(day: datetime) -> datetime:
    return day.replace(year=day.year + 1, month=1, day=1)


# What a bar covers: the start of the first one, the next start, and how a start is written.
Unit = tuple[str, Callable[[datetime], datetime], Callable[[datetime], datetime], str]
UNITS: tuple[Unit, ...] = (
    ("day", lambda day: day, day_after, "%Y-%m-%d"),
    ("week", lambda day: day - timedelta(days=day.weekday()), week_after, "%Y-%m-%d"),
    ("month", lambda day: day.replace(day=1), month_after, "%Y-%m"),
    ("year", lambda day: day.replace(month=1, day=1), year_after, "%Y"),
)


def rotation_chart(accounts: Iterable[Fields], now: Any) -> Chart | None:
    """Return how many rotations there were when, up to the time of the report, or None if none is recorded."""
    end = moment(now)
    recorded = [moment(rotation.get("at")) for account in accounts for rotation in rotations(account)]
    times = sorted(time for time in recorded if time and end and timedelta(0) <= end - time < LONGEST_SPAN)
    if not times or not end:
        return None
    unit, starts = time_line(min(times[0], end - SHORTEST_SPAN), end)
    counts, position = [0] * (len(starts) - 1), 0
    for time in times:
        while time >= starts[position + 1]:
            position += 1
        counts[position] += 1
    spans = [span_of(unit, start) for start in starts[:-1]]
    return Chart(
        bars=bars(counts, spans, [False] * len(counts)),
        x_ticks=time_ticks(unit, starts),
        y_ticks=count_ticks(max(counts)),
        unit=unit[0],
    )


def time_line(first: datetime, last: datetime) -> tuple[Unit, list[datetime]]:
    """Return the finest unit with few enough bars, and where its bars begin; the last entry is the end."""
    for unit in UNITS:
        _name, floor, following, _form = unit
        starts = [floor(first.replace(hour=0, minute=0, second=0, microsecond=0))]
        while starts[-1] <= last and (len(starts) <= MOST_BARS or unit is UNITS[-1]):
            starts.append(following(starts[-1]))
        if starts[-1] > last:
            break
    return unit, starts


def span_of(unit: Unit, start: datetime) -> str:
    name, _floor, _following, form = unit
    return f"week from {start:%Y-%m-%d}" if name == "week" else start.strftime(form)


def time_ticks(unit: Unit, starts: Sequence[datetime]) -> list[Tick]:
    bins = len(starts) - 1
    step = max(1, math.ceil(bins / (TICKS - 1)))
    return [Tick(starts[n].strftime(unit[3]), (n + 0.06) / bins * 100, "start") for n in range(0, bins, step)]
