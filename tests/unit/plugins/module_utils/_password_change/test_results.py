# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import Throttled, Unauthorized
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange, Verdict
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.results import (
    difference,
    failure_message,
    repeated_run_warning,
    task_result,
    user_result,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import MESSAGES, STATUSES, Status

CHANGE = PasswordChange("u1", "old-1", "new-1")


def results(*statuses: str) -> list[dict[str, Any]]:
    """Some users' results, as far as the task's result depends on them."""
    return [
        {
            "label": f"u{index}",
            "status": status,
            "changed": status in ("changed", "would_change"),
            "failed": status not in ("changed", "already_set", "would_change"),
            "msg": "Why.",
        }
        for index, status in enumerate(statuses)
    ]


class TestUserResult:
    def test_of_a_change(self) -> None:
        verdict = Verdict("changed", "changed", (PasswordAnswer("applied", 200, trace_id="00-1", attempts=2),))
        assert user_result(CHANGE, verdict) == {
            "label": "u1",
            "user_id": "u1",
            "user_name": None,
            "status": "changed",
            "changed": True,
            "failed": False,
            "http_status": 200,
            "error_codes": [],
            "trace_id": None,
            "attempts": 2,
            "msg": MESSAGES["changed"],
        }

    def test_of_a_failure_names_all_codes_once_and_the_last_trace_id(self) -> None:
        answers = (
            PasswordAnswer("mismatch", 400, ("PasswordMismatch",), "Incorrect password.", trace_id="00-1"),
            PasswordAnswer("refused", 400, ("PasswordReused", "PasswordMismatch"), "Used before.", trace_id="00-2"),
        )
        result = user_result(CHANGE, Verdict("unknown", "probe_refused", answers))
        assert result["error_codes"] == ["PasswordMismatch", "PasswordReused"]
        assert (result["changed"], result["http_status"], result["trace_id"]) == (False, 400, "00-2")
        assert result["attempts"] == 2
        assert "does not show whether the new one is" in result["msg"]
        assert result["msg"].endswith("The server says: Incorrect password. / Used before.")

    def test_a_success_after_a_mismatch_shows_no_codes(self) -> None:
        answers = (PasswordAnswer("mismatch", 400, ("PasswordMismatch",)), PasswordAnswer("applied", 200))
        result = user_result(CHANGE, Verdict("already_set", "already_set", answers))
        assert (result["changed"], result["error_codes"], result["attempts"]) == (False, [], 2)

    def test_a_prediction_is_a_change_without_an_answer(self) -> None:
        result = user_result(CHANGE, Verdict("would_change", "would_change"))
        assert (result["changed"], result["http_status"], result["attempts"]) == (True, None, 0)

    @pytest.mark.parametrize(("user_id", "shown"), [("u1", "u1"), ("", None)])
    def test_of_a_user_given_by_name(self, user_id: str, shown: str | None) -> None:
        result = user_result(PasswordChange(user_id, "old-1", "new-1", "Jane"), Verdict("refused", "refused"))
        assert (result["label"], result["user_id"], result["user_name"]) == ("Jane", shown, "Jane")

    @pytest.mark.parametrize("status", STATUSES)
    def test_fails_unless_the_password_is_or_would_be_in_effect(self, status: Status) -> None:
        succeeded = status in ("changed", "already_set", "would_change")
        assert user_result(CHANGE, Verdict(status, status))["failed"] is not succeeded

    def test_of_a_task_that_could_not_sign_in(self) -> None:
        error = Unauthorized("No token.", http_status=400, codes=["invalid_client"], trace_id="00-1")
        error.attempts = 3  # those of the sign-in
        result = user_result(CHANGE, Verdict("unauthorized", "unauthorized", error=error))
        assert (result["http_status"], result["error_codes"], result["trace_id"]) == (400, ["invalid_client"], "00-1")
        assert (result["attempts"], result["msg"]) == (0, "No token.")

    @pytest.mark.parametrize("status", STATUSES)
    def test_every_status_has_a_message_without_a_password(self, status: Status) -> None:
        result = user_result(CHANGE, Verdict(status, status, reason="The cause."))
        assert len(result["msg"]) >= len("The cause.")
        assert CHANGE.old not in str(result)
        assert CHANGE.new not in str(result)


class TestFailureMessage:
    def test_joins_message_causes_and_the_servers_messages_without_repetition(self) -> None:
        answers = (
            PasswordAnswer("unknown", cause="There was no answer: a."),
            PasswordAnswer("unknown", cause="There was no answer: a.", message="Busy."),
            PasswordAnswer("unknown", message="Busy."),
        )
        message = failure_message(Verdict("unknown", "unknown", answers))
        assert message == f"{MESSAGES['unknown']} There was no answer: a. The server says: Busy."

    def test_a_status_whose_error_brings_the_message(self) -> None:
        verdict = Verdict("throttled", "throttled", (PasswordAnswer("throttled", cause="Slow down."),))
        assert failure_message(verdict) == "Slow down."
        assert failure_message(Verdict("throttled", "throttled", error=Throttled("Slow down."))) == "Slow down."

    def test_a_reason_follows_the_message_of_the_status(self) -> None:
        verdict = Verdict("unknown", "unknown", reason="Cut off.")
        assert failure_message(verdict) == f"{MESSAGES['unknown']} Cut off."


class TestTaskResult:
    def test_of_one_user_is_that_users(self) -> None:
        (result,) = results("changed")
        assert task_result([result], many=False) == result

    def test_fails_if_any_user_did(self) -> None:
        assert task_result(results("changed", "unknown"), many=True)["failed"] is True
        assert task_result(results("changed", "already_set"), many=True)["failed"] is False

    def test_is_changed_if_any_password_was_also_in_a_failing_task(self) -> None:
        result = task_result(results("wrong_password", "changed"), many=True)
        assert (result["failed"], result["changed"]) == (True, True)

    def test_counts_every_status(self) -> None:
        result = task_result(results("changed", "unknown", "changed"), many=True)
        assert result["counts"] == {**dict.fromkeys(STATUSES, 0), "changed": 2, "unknown": 1}
        assert len(result["results"]) == 3
        assert result["msg"] == "1 of 3 users failed. By status: 2 changed, 1 unknown. First failure, u1: Why."

    def test_without_users(self) -> None:
        result = task_result([], many=True)
        assert (result["failed"], result["changed"], result["results"]) == (False, False, [])


class TestRepeatedRunWarning:
    def warned(self, *attempts: int, changed: int = 0) -> bool:
        """Whether there is a warning where users that had their new passwords took so many attempts each."""
        found = [{"status": "already_set", "attempts": count} for count in attempts]
        return repeated_run_warning(found + [{"status": "changed", "attempts": 1}] * changed) is not None

    def test_more_than_half_had_their_new_passwords(self) -> None:
        assert self.warned(2)
        assert self.warned(2, 3, changed=1)

    def test_half_of_them_are_not_enough(self) -> None:
        assert not self.warned(2, changed=1)

    def test_equal_passwords_cost_nothing(self) -> None:
        assert not self.warned(0, 0)

    def test_without_users(self) -> None:
        assert not self.warned()


class TestDifference:
    def test_names_those_that_changed_and_constants(self) -> None:
        assert difference(results("changed", "already_set", "would_change", "unknown")) == {
            "before": {"u0": "old password", "u2": "old password"},
            "after": {"u0": "new password", "u2": "new password"},
        }

    def test_calls_a_user_as_the_task_does(self) -> None:
        changed = [{**results("changed")[0], "label": "Jane"}]
        assert difference(changed) == {"before": {"Jane": "old password"}, "after": {"Jane": "new password"}}
