# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._summaries import count_statuses, summary, task_result

SUCCEEDED = {"label": "jane", "status": "changed", "failed": False, "msg": "Fine."}
FAILED = {"label": "joe", "status": "unknown", "failed": True, "msg": "Why."}
ALSO_FAILED = {"label": "jim", "status": "refused", "failed": True, "msg": "Why not."}
STATUSES = ("changed", "unknown", "refused")


def of(*results: dict[str, Any], noun: str = "user") -> str:
    return summary(results, count_statuses(results, STATUSES), noun)


class TestTaskResult:
    def of(self, *results: dict[str, Any]) -> dict[str, Any]:
        return task_result(list(results), key="accounts", statuses=STATUSES, noun="account")

    def test_has_the_results_under_the_key_and_sums_them_up(self) -> None:
        succeeded, failed = {**SUCCEEDED, "changed": True}, {**FAILED, "changed": False}
        assert self.of(succeeded, failed) == {
            "changed": True,
            "failed": True,
            "accounts": [succeeded, failed],
            "counts": {"changed": 1, "unknown": 1, "refused": 0},
            "msg": "1 of 2 accounts failed. By status: 1 changed, 1 unknown. First failure, joe: Why.",
        }

    def test_of_no_results(self) -> None:
        result = self.of()
        assert (result["changed"], result["failed"], result["accounts"]) == (False, False, [])


class TestCountStatuses:
    def test_counts_every_status_in_order(self) -> None:
        counts = count_statuses([FAILED, SUCCEEDED, FAILED], STATUSES)
        assert list(counts.items()) == [("changed", 1), ("unknown", 2), ("refused", 0)]


class TestSummary:
    def test_of_a_success(self) -> None:
        assert of(SUCCEEDED, SUCCEEDED) == "Users by status: 2 changed."

    def test_of_a_failure_quotes_the_first(self) -> None:
        expected = "2 of 3 users failed. By status: 1 changed, 1 unknown, 1 refused. First failure, joe: Why."
        assert of(SUCCEEDED, FAILED, ALSO_FAILED) == expected

    def test_shows_no_control_characters(self) -> None:
        assert of({**FAILED, "label": "jo\x1be\n"}).endswith("First failure, jo e : Why.")

    def test_a_status_that_fails_only_sometimes(self) -> None:
        busy = {**FAILED, "failed": False}
        assert of(busy, FAILED).startswith("1 of 2 users failed. By status: 2 unknown.")

    def test_of_no_results(self) -> None:
        assert of() == "Users by status: none."

    def test_names_what_the_results_are_about(self) -> None:
        assert of(SUCCEEDED, noun="account") == "Accounts by status: 1 changed."
        assert of(FAILED, noun="account").startswith("1 of 1 account failed. By status: 1 unknown.")
