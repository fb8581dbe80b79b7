# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Unauthorized, UnexpectedAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    ClosedReason,
    ClosedStatus,
    Orphan,
    Record,
    Retired,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import (
    ADOPTED_REFUSED,
    INITIAL_REFUSED,
    LAST_REQUEST,
    MESSAGES,
    NOT_TRIED,
    REASONS,
    RECORD_KEPT,
    SUCCEEDED,
    WITHOUT_EFFECT,
    account_result,
    is_failed,
    message,
    rotation_result,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    RotationRequest,
    outcome_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    APPLIED,
    NEW,
    OLD,
    pending_record,
    record_of,
)

NOW = datetime(2026, 3, 2, tzinfo=timezone.utc)
REQUEST = RotationRequest(Account("https://host/identity", "u1", "svc", "svc@example.com"), initial_password=OLD)
CURRENT = replace(record_of().current, since="2026-02-20T12:00:00+00:00")
RECORD = record_of(current=CURRENT, generation=7, unproven_sends=1)
SAID = PasswordAnswer("refused", 400, ("Odd",), message="No.", cause="We cannot.", trace_id="00-t", attempts=2)


def result_of(outcome: Outcome, stopped: str | None = None) -> dict[str, Any]:
    return account_result(REQUEST, outcome, now=NOW, stopped=stopped)


class TestMessages:
    def test_the_first_ten_are_successes(self) -> None:
        assert set(list(MESSAGES)[:10]) == SUCCEEDED

    @pytest.mark.parametrize("status", MESSAGES)
    def test_each_is_a_sentence(self, status: AccountStatus) -> None:
        assert MESSAGES[status].endswith(".")


class TestAccountResult:
    def test_of_a_success(self) -> None:
        answers = (replace(SAID, kind="unknown"), replace(APPLIED, trace_id="00-a"))
        assert result_of(Outcome("rotated", RECORD, answers)) == {
            "user_id": "u1",
            "user_name": "svc@example.com",
            "name": "svc",
            "label": "svc",
            "status": "rotated",
            "changed": True,
            "failed": False,
            "generation": 7,
            "age_days": 9.5,
            "last_rotated": "2026-02-20T12:00:00+00:00",
            "next_due": "2026-05-21T12:00:00+00:00",
            "reason": None,
            "unproven_sends": 1,
            "attempts": 3,
            "error_codes": [],
            "trace_id": None,
            "delivery_due": False,
            "msg": MESSAGES["rotated"],
        }

    def test_of_a_failure(self) -> None:
        result = result_of(Outcome("refused", RECORD, (SAID, replace(SAID, codes=("Odd", "Other"), trace_id="00-u"))))
        assert (result["changed"], result["error_codes"], result["trace_id"]) == (False, ["Odd", "Other"], "00-u")
        assert result["msg"] == f"{MESSAGES['refused']} We cannot. The server says: No."

    def test_without_a_record(self) -> None:
        result = result_of(Outcome("no_password", None))
        unknown = {name for name, value in result.items() if value is None}
        times = {"age_days", "last_rotated", "next_due"}
        assert unknown == {"generation", "reason", "unproven_sends", "trace_id"} | times
        assert (result["delivery_due"], result["attempts"]) == (False, 0)

    def test_without_an_id(self) -> None:
        request = replace(REQUEST, account=replace(REQUEST.account, user_id=""))
        assert account_result(request, Outcome("no_password", None), now=NOW)["user_id"] is None

    @pytest.mark.parametrize("since", [None, "", "yesterday", "2026-03-03T00:00:00+00:00"])
    def test_an_age_that_is_not_known(self, since: str | None) -> None:
        record = replace(RECORD, current=replace(CURRENT, since=since))
        assert result_of(Outcome("age_unknown", record))["age_days"] is None

    def test_of_an_initial_password_is_due_since_it_was_recorded(self) -> None:
        result = result_of(Outcome("created", replace(RECORD, current=replace(CURRENT, source="adopted"))))
        assert (result["last_rotated"], result["next_due"]) == (None, "2026-02-20T12:00:00+00:00")

    @pytest.mark.parametrize("status", ["fresh", "rotated", "throttled"])
    def test_a_delivery_is_due_where_the_lookup_gives_the_password(self, status: AccountStatus) -> None:
        assert result_of(Outcome(status, replace(RECORD, delivered=False)))["delivery_due"] is True

    @pytest.mark.parametrize("status", ["busy", "store_error", "store_conflict"])
    def test_no_delivery_is_due_where_the_record_is_uncertain(self, status: AccountStatus) -> None:
        assert result_of(Outcome(status, replace(RECORD, delivered=False)))["delivery_due"] is False

    @pytest.mark.parametrize("record", [pending_record(delivered=False), record_of(delivered=False, status="in_doubt")])
    def test_no_delivery_is_due_in_doubt(self, record: Record) -> None:
        assert result_of(Outcome("refused", record))["delivery_due"] is False

    def test_of_an_initial_password_that_was_never_live(self) -> None:
        current = replace(CURRENT, source="adopted", generation=1)
        record = record_of(current=current, status="out_of_sync", reason="wrong_password")
        assert result_of(Outcome("out_of_sync", record))["msg"] == INITIAL_REFUSED

    @pytest.mark.parametrize("status", ["out_of_sync", "quarantined"])
    @pytest.mark.parametrize("reason", REASONS)
    def test_of_a_closed_account_says_why_in_every_run(self, status: ClosedStatus, reason: ClosedReason) -> None:
        record = record_of(status=status, reason=reason, error_codes=("Odd",))
        result = result_of(Outcome(status, record))
        assert (result["reason"], result["error_codes"]) == (reason, ["Odd"])
        assert result["msg"] == f"{REASONS[reason]} {MESSAGES[status]}"

    def test_of_a_wrong_password_that_was_adopted(self) -> None:
        earlier = (Orphan("S3cret-orphan", NOW.isoformat(), "before adoption"),)
        current = replace(CURRENT, source="adopted", generation=3)
        record = record_of(current=current, status="out_of_sync", reason="wrong_password", orphans=earlier)
        assert result_of(Outcome("out_of_sync", record))["msg"] == ADOPTED_REFUSED

    @pytest.mark.parametrize("kind", sorted(WITHOUT_EFFECT))
    def test_of_an_opening_without_effect_says_that_nothing_was_tried(self, kind: AnswerKind) -> None:
        record = record_of(current=replace(CURRENT, source="adopted"), status="out_of_sync", reason="wrong_password")
        assert result_of(Outcome("out_of_sync", record, (PasswordAnswer(kind),)))["msg"] == NOT_TRIED

    def test_of_the_last_request_without_a_proof(self) -> None:
        record = record_of(status="in_doubt", unproven_sends=4)
        assert result_of(Outcome("in_doubt", record))["msg"] == LAST_REQUEST
        assert result_of(Outcome("in_doubt", replace(record, unproven_sends=3)))["msg"] == MESSAGES["in_doubt"]

    def test_of_a_doubt_about_a_user_that_is_gone_says_so(self) -> None:
        outcome = Outcome("in_doubt", pending_record(), (PasswordAnswer("not_found", 404),))
        assert result_of(outcome)["msg"] == f"{MESSAGES['in_doubt']} {MESSAGES['not_found']} {RECORD_KEPT}"

    def test_says_that_a_record_is_kept_only_of_an_account_that_has_one(self) -> None:
        for record, end in ((None, ""), (pending_record(), f" {RECORD_KEPT}")):
            assert result_of(Outcome("not_found", record))["msg"] == f"{MESSAGES['not_found']}{end}"

    def test_of_a_run_that_was_cut_off_delivers_nothing(self) -> None:
        assert result_of(Outcome("in_doubt", record_of(delivered=False)))["delivery_due"] is False

    @pytest.mark.parametrize("status", MESSAGES)
    def test_every_status_has_its_message(self, status: AccountStatus) -> None:
        result = result_of(Outcome(status, RECORD), "two failed")
        tails = {"not_attempted": " It stopped because two failed.", "not_found": f" {RECORD_KEPT}"}
        assert (result["status"], result["msg"]) == (status, MESSAGES[status] + tails.get(status, ""))

    @pytest.mark.parametrize("status", MESSAGES)
    def test_is_a_change_where_something_was_or_would_be_written(self, status: AccountStatus) -> None:
        assert result_of(Outcome(status, RECORD))["changed"] is status.startswith("would_")
        assert result_of(Outcome(status, RECORD, noted=True))["changed"] is True
        assert result_of(Outcome(status, RECORD, (APPLIED, SAID)))["changed"] is True

    def test_holds_no_password(self) -> None:
        record = pending_record(
            orphans=(Orphan("Distinctive-orphan", "t", "replaced"),), previous=(Retired("Distinctive-dead", "t"),)
        )
        for status in MESSAGES:
            result = json.dumps(result_of(Outcome(status, record, (SAID,)), "stopped"))
            assert not any(secret in result for secret in (*record.candidates(), OLD, NEW, "Distinctive"))


class TestMessage:
    def test_says_the_same_only_once(self) -> None:
        assert message(Outcome("refused", None, (SAID, SAID)), None).count("We cannot.") == 1
        assert message(Outcome("refused", None, (SAID, SAID)), None).endswith("The server says: No.")

    def test_joins_what_the_server_said(self) -> None:
        text = message(Outcome("refused", None, (SAID, replace(SAID, message="Never."))), None)
        assert text.endswith("The server says: No. / Never.")

    def test_a_success_does_not_complain(self) -> None:
        assert message(Outcome("resumed", None, (SAID, APPLIED)), None) == MESSAGES["resumed"]

    def test_the_reason_of_a_stop_is_that_of_accounts_without_a_turn(self) -> None:
        assert "stopped" not in message(Outcome("refused", None), "stopped elsewhere")


class TestLabel:
    @pytest.mark.parametrize(
        ("names", "label"),
        [({}, "svc"), ({"name": None}, "svc@example.com"), ({"name": None, "user_name": None}, "label-u1")],
    )
    def test_is_what_a_person_calls_the_account(self, names: dict[str, Any], label: str) -> None:
        request = replace(REQUEST, account=replace(REQUEST.account, **names))
        assert account_result(request, Outcome("fresh", RECORD), now=NOW)["label"] == label

    def test_comes_from_the_record_where_only_the_id_was_given(self) -> None:
        request = replace(REQUEST, account=Account(REQUEST.account.identity_url, "u1"))
        assert account_result(request, Outcome("fresh", RECORD), now=NOW)["label"] == "label-u1"
        assert account_result(request, Outcome("no_password", None), now=NOW)["label"] == "u1"


class TestNothingChanged:
    @pytest.mark.parametrize("status", ["throttled", "unreachable", "unauthorized", "wrong_url"])
    def test_is_all_that_is_added_to_a_cause(self, status: AccountStatus) -> None:
        answer = PasswordAnswer("throttled", cause="The server kept answering 429.")
        text = message(Outcome(status, None, (answer,)), None)
        assert text == "Nothing was changed; the next run continues. The server kept answering 429."
        assert message(Outcome(status, None), None) == MESSAGES[status]


class TestIsFailed:
    @pytest.mark.parametrize("status", MESSAGES)
    def test_unless_it_succeeded_or_another_run_holds_it(self, status: AccountStatus) -> None:
        assert is_failed(status, RECORD, 90, NOW) is (status not in {*SUCCEEDED, "busy"})

    @pytest.mark.parametrize(("age", "failed"), [(91.5, True), (91, False), (90, False), (0, False), (-1, True)])
    def test_an_account_that_another_run_holds_while_it_is_overdue(self, age: float, failed: bool) -> None:
        since = (NOW - timedelta(days=age)).isoformat()
        assert is_failed("busy", replace(RECORD, current=replace(CURRENT, since=since)), 90, NOW) is failed

    def test_no_account_that_another_run_has_just_begun(self) -> None:
        assert is_failed("busy", None, 90, NOW) is False


class TestError:
    ERROR = StoreError("The store is full.", codes=["Full"], trace_id="00-e")

    def test_speaks_for_an_account_whose_store_failed(self) -> None:
        result = result_of(outcome_of(self.ERROR))
        assert (result["status"], result["error_codes"], result["trace_id"]) == ("store_error", ["Full"], "00-e")
        assert result["msg"] == f"{MESSAGES['store_error']} The store is full."

    def test_comes_after_what_was_answered_before(self) -> None:
        result = result_of(outcome_of(self.ERROR, answers=(SAID,)))
        assert (result["error_codes"], result["attempts"]) == (["Odd", "Full"], 2)
        assert result["msg"] == f"{MESSAGES['store_error']} We cannot. The store is full. The server says: No."

    def test_of_a_kind_that_no_account_ends_as_leaves_it_in_doubt(self) -> None:
        assert outcome_of(UnexpectedAnswer("?")).status == "in_doubt"

    def test_stops_the_run_where_it_stops_the_task(self) -> None:
        assert outcome_of(Unauthorized("no")).stopped_by == "unauthorized"
        assert outcome_of(self.ERROR).stopped_by is None


class TestTaskResult:
    @staticmethod
    def of(*statuses: AccountStatus, age: float = 1.0) -> dict[str, Any]:
        since = (NOW - timedelta(days=age)).isoformat()
        record = replace(RECORD, current=replace(CURRENT, since=since))
        return rotation_result([result_of(Outcome(status, record)) for status in statuses])

    def test_of_successes(self) -> None:
        result = self.of("fresh", "rotated", "fresh")
        assert (result["failed"], result["changed"], len(result["accounts"])) == (False, False, 3)
        assert result["msg"] == "Accounts by status: 1 rotated, 2 fresh."

    def test_of_none(self) -> None:
        assert rotation_result([])["msg"] == "Accounts by status: none."

    def test_counts_every_status(self) -> None:
        counts = self.of("fresh", "fresh", "busy")["counts"]
        assert list(counts) == [*MESSAGES, "undelivered"]
        assert {status: count for status, count in counts.items() if count} == {"fresh": 2, "busy": 1}

    def test_counts_what_is_not_delivered_beside_the_statuses(self) -> None:
        late = replace(RECORD, delivered=False)
        ends = [Outcome("fresh", late), Outcome("rotated", late), Outcome("fresh", RECORD), Outcome("busy", late)]
        result = rotation_result([result_of(end) for end in ends])
        assert result["counts"]["undelivered"] == 2
        assert "undelivered" not in result["msg"]

    def test_fails_with_one_account(self) -> None:
        assert self.of("fresh", "refused")["failed"] is True
        assert self.of("fresh", "busy")["failed"] is False
        assert self.of("fresh", "busy", age=92)["failed"] is True

    def test_names_the_first_failure(self) -> None:
        result = self.of("fresh", "in_doubt", "quarantined")
        assert result["msg"] == (
            "2 of 3 accounts failed. By status: 1 fresh, 1 in_doubt, 1 quarantined. First failure, svc:"
            f" {MESSAGES['in_doubt']}"
        )

    def test_is_changed_if_one_account_is(self) -> None:
        assert self.of("fresh", "would_rotate")["changed"] is True
        assert self.of("fresh", "store_error")["changed"] is False
