# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection import overview
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import (
    account_state,
    counts_of,
    unreadable_state,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Pending,
    Record,
    RotatedBy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import doubt_message
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    FULL,
    SECRETS,
    TIME,
    pending_record,
    record_of,
)

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
OTHER_LINE, OTHER_ORDER = "\u2028", "\u202e"


def state(record: Record, *, max_age_days: float = 90, listed: bool | None = None) -> dict[str, Any]:
    return account_state(record, now=NOW, max_age_days=max_age_days, listed=listed)


def aged(days: float, **changes: Any) -> Record:
    since = (NOW - timedelta(days=days)).isoformat()
    return record_of(**{"current": Current("S3cret", since, "rotated"), **changes})


class TestAccountState:
    def test_says_all_that_the_record_knows(self) -> None:
        assert state(FULL) == {
            "label": "robot 1",
            "user_id": "id-1",
            "user_name": "svc-robot-1",
            "status": "quarantined",
            "reason": "barred",
            "error_codes": ["UserLockedOut"],
            "pending": True,
            "pending_since": TIME,
            "last_rotated": TIME,
            "source": "rotated",
            "age_days": 30.5,
            "next_due": "2026-07-30T12:00:00+00:00",
            "due": True,
            "overdue": False,
            "delivered": False,
            "delivered_at": TIME,
            "generation": 41,
            "unproven_sends": 2,
            "rotations": [{"at": TIME, "by": "root@controller"}],
            "listed": None,
            "msg": doubt_message(FULL),
        }

    def test_of_an_account_with_nothing_to_look_at(self) -> None:
        shown = state(aged(1), listed=True)
        assert (shown["status"], shown["due"], shown["overdue"], shown["msg"]) == ("ok", False, False, None)
        assert (shown["reason"], shown["error_codes"], shown["pending_since"]) == (None, [], None)

    def test_holds_no_password(self) -> None:
        assert not any(secret in json.dumps(state(FULL)) for secret in SECRETS)

    def test_a_pair_that_may_be_live_is_in_doubt_whatever_the_record_says(self) -> None:
        assert state(pending_record())["status"] == "in_doubt"
        assert state(pending_record(maybe_live=False))["status"] == "ok"

    def test_codes_of_an_account_that_is_not_closed_are_of_the_past(self) -> None:
        assert state(replace(FULL, status="in_doubt"))["error_codes"] == []

    @pytest.mark.parametrize(("days", "due", "overdue"), [(89, False, False), (90, True, False), (91.1, True, True)])
    def test_due_by_age(self, days: float, due: bool, overdue: bool) -> None:
        shown = state(aged(days))
        assert (shown["due"], shown["overdue"]) == (due, overdue)

    def test_an_initial_password_is_due_since_it_was_recorded(self) -> None:
        recorded = (NOW - timedelta(hours=2)).isoformat()
        shown = state(record_of(current=Current("S3cret", recorded, "adopted")))
        assert (shown["last_rotated"], shown["next_due"]) == (None, recorded)
        assert (shown["due"], shown["overdue"], shown["msg"]) == (True, False, overview.INITIAL)

    @pytest.mark.parametrize("since", [None, "yesterday", "2026-06-02T00:00:00+00:00"])
    def test_an_unknown_age_is_overdue(self, since: str | None) -> None:
        shown = state(record_of(current=Current("S3cret", since, "rotated")))
        assert (shown["age_days"], shown["due"], shown["overdue"]) == (None, True, True)
        assert shown["msg"] == overview.AGE_UNKNOWN

    def test_a_date_beyond_the_calendar_is_not_due(self) -> None:
        shown = state(aged(1), max_age_days=1e9)
        assert (shown["next_due"], shown["due"], shown["overdue"]) == (None, False, False)

    def test_what_people_have_broken_is_left_out(self) -> None:
        broken: Any = 5
        record = record_of(
            pending=Pending("a", "b", "soon"),
            delivered_at=broken,
            rotations=(RotatedBy("2026-13-01", broken), RotatedBy(broken, "root@controller")),
            delivered=broken,
            has_consumers=True,
        )
        shown = state(record)
        assert (shown["pending"], shown["pending_since"], shown["delivered_at"]) == (True, None, None)
        assert shown["rotations"] == [{"at": None, "by": None}, {"at": None, "by": "root@controller"}]
        assert shown["delivered"] is True

    def test_an_account_without_consumers_is_neither_delivered_nor_undelivered(self) -> None:
        assert state(aged(1))["delivered"] is None
        assert state(aged(1, has_consumers=True))["delivered"] is True
        assert state(aged(1, has_consumers=True, delivered=False))["delivered"] is False
        assert state(aged(1, delivered=False))["delivered"] is False

    def test_times_are_in_utc(self) -> None:
        moved = "2026-05-01T14:00:00+02:00"
        record = record_of(current=Current("S3cret", moved, "rotated"), rotations=(RotatedBy(moved, "root@c"),))
        assert (state(record)["last_rotated"], state(record)["rotations"][0]["at"]) == (TIME, TIME)

    def test_text_can_be_displayed(self) -> None:
        text = f"a{OTHER_LINE}b{OTHER_ORDER}\x1b[2J"
        account = Account("https://host/identity", "u1", text, text)
        record = record_of(
            account=account, rotations=(RotatedBy(TIME, text),), status="out_of_sync", error_codes=(text,)
        )
        shown = json.dumps(state(record), ensure_ascii=False)
        assert shown.isprintable()
        assert "a b  [2J" in shown

    @pytest.mark.parametrize(
        ("names", "label"), [(("robot", "svc"), "robot"), ((None, "svc"), "svc"), ((None, None), "u1")]
    )
    def test_the_label_is_the_best_name(self, names: tuple[str | None, str | None], label: str) -> None:
        assert state(record_of(account=Account("https://host/identity", "u1", *names)))["label"] == label

    def test_the_message_is_of_the_most_urgent_thing(self) -> None:
        late = aged(100, delivered=False)
        assert state(replace(late, status="in_doubt"), listed=False)["msg"] == doubt_message(aged(1, status="in_doubt"))
        assert state(late, listed=False)["msg"] == overview.OVERDUE
        assert state(aged(1, delivered=False), listed=False)["msg"] == overview.UNDELIVERED
        assert state(aged(1), listed=False)["msg"] == overview.UNLISTED


class TestUnreadableState:
    def test_has_the_same_fields(self) -> None:
        shown = unreadable_state("u1", StoreError(f"It is{OTHER_LINE}damaged."), listed=None)
        assert list(shown) == list(state(FULL))
        assert (shown["label"], shown["status"], shown["msg"]) == ("u1", "unreadable", "It is damaged.")


class TestCountsOf:
    def test_counts_statuses_and_all_else(self) -> None:
        states = [
            state(FULL, listed=False),
            state(aged(100), listed=True),
            unreadable_state("u9", StoreError("It is damaged."), listed=None),
        ]
        assert counts_of(states, ["new"]) == {
            "accounts": 3,
            "ok": 1,
            "in_doubt": 0,
            "out_of_sync": 0,
            "quarantined": 1,
            "moved": 0,
            "unreadable": 1,
            "pending": 1,
            "due": 2,
            "overdue": 1,
            "undelivered": 1,
            "unlisted": 1,
            "missing": 1,
        }
