# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    KEPT_PREVIOUS,
    KEPT_ROTATIONS,
    UNPROVEN_LIMIT,
    Current,
    Record,
    Retired,
    RotatedBy,
    Source,
    age_days,
    committed,
    doubt,
    is_due,
    is_overdue,
    last_rotated,
    next_due,
    redacted,
    timestamp,
    with_orphans,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    FULL,
    SECRETS,
    TIME,
    pending_record,
    record_of,
)

NOW, DAY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc), timedelta(days=1)
BY = RotatedBy("now", "root@controller")


class TestRecord:
    def test_candidates_begin_with_the_likeliest(self) -> None:
        assert FULL.candidates() == ("S3cret-new", "S3cret-old", "S3cret-orphan", "S3cret-retired")

    def test_without_a_pending_pair_orphans_come_first(self) -> None:
        record = Record(FULL.account, FULL.current, orphans=FULL.orphans)
        assert record.candidates() == ("S3cret-orphan", "S3cret-old")

    def test_no_password_is_shown(self) -> None:
        assert not any(secret in repr(FULL) for secret in SECRETS)


class TestRedacted:
    def test_has_no_password_and_everything_else(self) -> None:
        left = redacted(FULL)
        assert not any(left.candidates())
        assert (left.generation, left.status) == (FULL.generation, FULL.status)
        assert left.pending
        assert FULL.pending
        assert left.pending.staged_at == FULL.pending.staged_at


class TestCommitted:
    def test_the_new_password_is_current_and_all_others_are_dead(self) -> None:
        assert FULL.pending
        record = committed(FULL, FULL.pending, BY)
        assert record.candidates() == ("S3cret-new", "S3cret-old", "S3cret-orphan", "S3cret-retired")
        assert record.current == Current("S3cret-new", "now", "rotated", 42)
        assert (record.pending, record.orphans) == (None, ())
        assert (record.generation, record.status, record.unproven_sends) == (42, "ok", 0)
        assert (record.reason, record.error_codes, record.unproven_limit) == (None, (), UNPROVEN_LIMIT)

    @pytest.mark.parametrize("has_consumers", [True, False])
    def test_is_to_be_delivered_if_there_are_consumers(self, has_consumers: bool) -> None:
        record = replace(pending_record(), has_consumers=has_consumers)
        assert record.pending
        assert committed(record, record.pending, BY).delivered is not has_consumers

    def test_the_last_rotations_are_kept_with_who_ran_them(self) -> None:
        record = pending_record()
        pair = record.pending
        assert pair
        for number in range(KEPT_ROTATIONS + 1):
            record = committed(record, pair, RotatedBy(f"time {number}", "root@controller"))
        assert [rotation.at for rotation in record.rotations] == ["time 3", "time 2", "time 1"]

    def test_the_last_dead_ones_are_kept_with_the_time_of_their_first_proof(self) -> None:
        assert FULL.pending
        many = tuple(Retired(f"dead-{number}", TIME) for number in range(KEPT_PREVIOUS))
        record = committed(Record(FULL.account, FULL.current, previous=many), FULL.pending, BY)
        expected = (Retired("S3cret-old", "now"), Retired("dead-0", TIME), Retired("dead-1", TIME))
        assert record.previous == expected


class TestWithOrphans:
    def orphans(self, *passwords: str, behind: bool = False) -> list[str]:
        return [orphan.password for orphan in with_orphans(FULL, passwords, "now", "replaced", behind=behind).orphans]

    def test_new_ones_come_first_once(self) -> None:
        assert self.orphans("b", "a", "b") == ["b", "a", "S3cret-orphan"]

    def test_a_known_one_stays_where_it_is(self) -> None:
        assert self.orphans("a", "S3cret-orphan") == ["a", "S3cret-orphan"]

    def test_behind_the_others_the_order_given_holds(self) -> None:
        assert self.orphans("b", "S3cret-orphan", "a", behind=True) == ["b", "S3cret-orphan", "a"]


class TestAgeDays:
    @pytest.mark.parametrize("since", ["2026-04-30T12:00:00+00:00", "2026-04-30T14:00:00+02:00", "2026-04-30T12:00:00"])
    def test_a_time_without_a_zone_is_in_utc(self, since: str) -> None:
        assert age_days(Current("old", since, "rotated"), NOW) == 1

    def test_what_is_no_text_is_unknown(self) -> None:
        since: Any = NOW  # what YAML makes of a time without quotes
        assert age_days(Current("old", since, "rotated"), NOW) is None

    def test_what_lies_outside_the_calendar_is_unknown(self) -> None:
        assert age_days(Current("old", "0001-01-01T00:00:00+14:00", "rotated"), NOW) is None


class TestNextDue:
    def test_is_the_end_of_the_age(self) -> None:
        since = "2026-04-30T14:00:00+02:00"
        record = record_of(current=Current("old", since, "rotated"))
        due = next_due(record, 90.5)
        assert (due and timestamp(due), last_rotated(record)) == ("2026-07-30T00:00:00+00:00", NOW - DAY)

    def test_an_initial_password_is_due_since_it_was_recorded(self) -> None:
        record = record_of(current=Current("old", TIME, "adopted"))
        assert (next_due(record, 90), last_rotated(record)) == (NOW, None)

    @pytest.mark.parametrize(("since", "max_age_days"), [(None, 90), ("yesterday", 90), (TIME, 1e9), (TIME, 3e6)])
    def test_that_is_not_known_or_beyond_the_calendar_is_none(self, since: str | None, max_age_days: float) -> None:
        assert next_due(record_of(current=Current("old", since, "rotated")), max_age_days) is None


class TestIsDue:
    @staticmethod
    def of(age: float, source: Source = "rotated", max_age_days: float = 90.0, **changes: Any) -> tuple[bool, bool]:
        since = (NOW - age * DAY).isoformat()
        record = record_of(current=Current("old", since, source), **changes)
        return is_due(record, max_age_days, NOW), is_overdue(record, max_age_days, NOW)

    @pytest.mark.parametrize(
        ("age", "expected"),
        [(0, (False, False)), (89.9, (False, False)), (90, (True, False)), (91, (True, False)), (91.1, (True, True))],
    )
    def test_is_overdue_a_day_later(self, age: float, expected: tuple[bool, bool]) -> None:
        assert self.of(age) == expected

    def test_an_initial_password(self) -> None:
        assert (self.of(0, "adopted"), self.of(1.1, "adopted")) == ((True, False), (True, True))

    def test_a_pair_under_way(self) -> None:
        assert self.of(1, pending=pending_record().pending) == (True, False)

    def test_an_age_that_is_not_known(self) -> None:
        assert self.of(-1) == (True, True)

    def test_an_age_beyond_the_calendar_is_never_reached(self) -> None:
        assert self.of(1000, max_age_days=1e9) == (False, False)


class TestDoubt:
    @pytest.mark.parametrize(
        ("record", "expected"),
        [
            (record_of(), None),
            (record_of(delivered=False), None),
            (pending_record(maybe_live=False), None),
            (pending_record(), "in_doubt"),
            (pending_record(status="in_doubt"), "in_doubt"),
            (record_of(status="out_of_sync"), "out_of_sync"),
            (pending_record(status="quarantined"), "quarantined"),
        ],
    )
    def test_of_a_record(self, record: Record, expected: str | None) -> None:
        assert doubt(record) == expected
