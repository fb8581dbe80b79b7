# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.findings import (
    FAIL_ON,
    RULES,
    enumeration,
    failures,
    findings,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import CLOSED, REASONS

IN_ORDER = {
    "label": "robot",
    "user_id": "u1",
    "status": "ok",
    "reason": None,
    "age_days": 1.0,
    "overdue": False,
    "source": "rotated",
    "delivered": True,
    "listed": None,
}


def sentences(**changes: Any) -> list[str]:
    return [found.sentence for found in findings([{**IN_ORDER, **changes}], [], {})]


class TestFindings:
    def test_there_is_none_where_all_is_in_order(self) -> None:
        assert sentences() == []
        assert findings([], [], {}) == []

    @pytest.mark.parametrize(
        ("changes", "beginning"),
        [
            ({"status": "unreadable"}, "The record cannot be read: robot; "),
            ({"status": "in_doubt"}, "In doubt, as it is not established which password is live: robot; "),
            ({"overdue": True}, "Due for more than a day: robot; "),
            ({"overdue": True, "age_days": None}, "Of unknown age: robot; "),
            ({"source": "adopted"}, "The record still has the initial password: robot; "),
            ({"delivered": False}, "A consumer may lack the current password: robot; "),
            ({"listed": False}, "Recorded, but not in accounts: robot; "),
        ],
    )
    def test_says_what_it_is_and_what_to_do(self, changes: dict[str, Any], beginning: str) -> None:
        [sentence] = sentences(**changes)
        assert sentence.startswith(beginning)
        assert sentence.count(".") == 1

    @pytest.mark.parametrize("status", CLOSED)
    @pytest.mark.parametrize("reason", [*REASONS, None])
    def test_names_the_reason_of_a_closed_account(self, status: str, reason: str | None) -> None:
        [sentence] = sentences(status=status, reason=reason)
        why = f" ({reason})" if reason else ""
        assert sentence.startswith(f"Closed as {status}{why}, and tried by no run: ")

    @pytest.mark.parametrize("status", CLOSED)
    def test_a_closed_account_with_its_initial_password_is_to_be_repaired(self, status: str) -> None:
        assert sentences(status=status, source="adopted") == sentences(status=status)

    def test_names_all_accounts_of_a_kind_at_once(self) -> None:
        late = [{**IN_ORDER, "label": label, "overdue": True} for label in ("a", "b")]
        assert [found.sentence.partition(";")[0] for found in findings(late, [], {})] == [
            "Due for more than a day: a, b"
        ]

    @pytest.mark.parametrize("changes", [{"overdue": True}, {"listed": False}, {"status": "unreadable"}])
    def test_speaks_of_one_account_or_of_several(self, changes: dict[str, Any]) -> None:
        [one] = sentences(**changes)
        [several] = (found.sentence for found in findings([{**IN_ORDER, **changes}] * 2, [], {}))
        assert not {"them", "their", "accounts"} & set(one.partition("; ")[2].strip(".").split())
        assert {"their", "accounts"} & set(several.partition("; ")[2].strip(".").split())
        assert one[0].isupper()

    def test_a_record_that_cannot_be_read_is_not_missing(self) -> None:
        [found] = findings([], [], {}, ["robot"])
        assert found.sentence == (
            "Listed, but in no record that can be read: robot; the records that cannot be read may be theirs: restore"
            " those first."
        )

    def test_a_lost_record_is_no_new_account(self) -> None:
        found = findings([], ["old", "new"], {"old": "It is gone."})
        assert [one.kind for one in found] == ["lost", "missing"]
        assert found[0].sentence == "old: It is gone."
        assert found[1].sentence.startswith("Listed, but without a record: new; ")

    def test_a_lost_record_is_not_only_unreadable(self) -> None:
        unreadable = [{**IN_ORDER, "label": label, "status": "unreadable"} for label in ("gone", "damaged")]
        assert [one.sentence.partition(";")[0] for one in findings(unreadable, [], {"gone": "It is gone."})] == [
            "gone: It is gone.",
            "The record cannot be read: damaged",
        ]

    def test_many_lost_records_are_not_all_named(self) -> None:
        lost = {str(number): "It is gone." for number in range(22)}
        assert [one.sentence for one in findings([], list(lost), lost)][-2:] == ["19: It is gone.", "... and 2 more."]

    @pytest.mark.parametrize("status", [*CLOSED, "in_doubt"])
    def test_the_record_of_a_closed_account_is_never_to_be_moved_away(self, status: str) -> None:
        [_its_status, sentence] = sentences(status=status, listed=False)
        assert sentence.startswith("Recorded, closed or in doubt, and not in accounts: robot; ")
        assert "keep its record" in sentence
        assert "away" not in sentence

    def test_a_listed_account_without_a_record_is_new_or_another(self) -> None:
        assert [found.sentence for found in findings([IN_ORDER], ["a", "b"], {})] == [
            "Listed, but without a record: a, b; unless they are new, check the store and the names."
        ]

    def test_a_record_that_is_not_listed_may_be_that_of_a_listed_account(self) -> None:
        former = {**IN_ORDER, "listed": False, "status": "quarantined"}
        found = findings([former], ["new name"], {})[-1]
        assert (found.kind, found.sentence.partition(",")[0]) == ("missing", "A renamed account can be both")

    def test_a_record_that_cannot_be_read_may_be_that_of_a_listed_account(self) -> None:
        damaged = {**IN_ORDER, "status": "unreadable"}
        found = findings([damaged], ["new name"], {})[-1]
        assert (found.kind, found.sentence.partition(" may be")[0]) == ("missing", "A record that cannot be read")
        assert [one.kind for one in findings([damaged], ["new name"], {}, outdated=["u1"])] == ["unreadable", "missing"]

    def test_an_older_record_can_be_read(self) -> None:
        found = findings([{**IN_ORDER, "status": "unreadable"}], [], {}, outdated=["u1"])
        assert [(one.kind, one.sentence) for one in found] == [
            (
                "unreadable",
                "The record is older than the last one written, as after a restore: robot; run the rotation, which"
                " closes the account without a request, then repair the account.",
            )
        ]

    def test_every_way_to_fail_has_a_rule(self) -> None:
        assert set(FAIL_ON) <= {*(rule.kind for rule in RULES), "missing"}


class TestFailures:
    FOUND = findings([{**IN_ORDER, "overdue": True}, {**IN_ORDER, "status": "unreadable"}], ["new"], {})

    def test_are_those_asked_for_and_what_cannot_be_known(self) -> None:
        assert [text.partition(":")[0] for text in failures(self.FOUND, ["overdue"])] == [
            "The record cannot be read",
            "Due for more than a day",
        ]
        assert [text.partition(":")[0] for text in failures(self.FOUND, ["closed"])] == ["The record cannot be read"]
        assert [text.partition(":")[0] for text in failures(self.FOUND, ["missing"])] == [
            "The record cannot be read",
            "Listed, but without a record",
            "A record that cannot be read may be that of an account listed without one",
        ]

    def test_are_none_unless_asked_for(self) -> None:
        assert failures(self.FOUND, []) == []


class TestEnumeration:
    def test_ends_after_twenty_names(self) -> None:
        assert enumeration(["a", "b"]) == "a, b"
        assert enumeration([str(number) for number in range(20)]).endswith("18, 19")
        assert enumeration([str(number) for number in range(22)]).endswith("18, 19 and 2 more")
