# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.rpaops.uipath.plugins.filter.uipath_rotation_summary import FilterModule
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import MESSAGES, STOPPED, SUCCEEDED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import ACCOUNT_STATUSES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import LEASE_ENDS
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.summary import (
    ADOPT,
    ADVICE,
    COUNTED,
    FOR_REAL,
    MOST_LABELS,
    MOST_MESSAGES,
    MOST_ROWS,
    NEVER_ROTATED,
    NEXT_RUN,
    NO_TASKS,
    NOT_DELIVERED,
    NOT_TOLD,
    ONE_ACCOUNT,
    RENAMED,
    RESUME,
    TO_DELIVER,
    summary,
    with_variables,
)
from ansible_collections.rpaops.uipath.tests.playbook.playbook import ROOT

ROTATED, DUE = "2026-03-01T12:30:00Z", "2026-05-30T12:30:00Z"
ALL = "The playbook rpaops.uipath.report lists all accounts."
FIRST_DUE = f"The first of the fresh accounts is due 2026-05-30 12:30 (UTC). {ALL}"


def account(label: str, status: Any = "fresh", msg: str | None = None) -> dict[str, Any]:
    return {
        "user_id": f"id of {label}",
        "label": label,
        "status": status,
        "failed": status not in SUCCEEDED,
        "last_rotated": ROTATED,
        "next_due": DUE,
        "msg": msg or MESSAGES[status],
    }


def table(*accounts: dict[str, Any], undelivered: list[str] | None = None) -> list[str]:
    """The lines below the numbers."""
    lines: list[str] = summary({"accounts": accounts, "msg": "By status."}, undelivered or [])["table"]
    assert lines[0] == f"By status.{' Not delivered: 1.' if undelivered else ''}"
    return lines[1:]


def failure(*accounts: dict[str, Any], undelivered: list[str] | None = None) -> str:
    result = {"accounts": accounts, "msg": "2 accounts failed. By status: 2 of a kind. First failure, a: because."}
    return str(summary(result, undelivered or [])["failure"])


def many(number: int, status: str, msg: str | None = None) -> list[dict[str, Any]]:
    return [account(f"{status}-{index}", status, msg and f"{msg}-{index}") for index in range(number)]


class TestAdvice:
    def test_knows_every_status_and_needs_no_action_where_nothing_failed(self) -> None:
        assert set(ADVICE) >= set(ACCOUNT_STATUSES)
        assert {status for status in ACCOUNT_STATUSES if not ADVICE[status]} <= SUCCEEDED
        assert {ADVICE[status] for status in SUCCEEDED} == {"", FOR_REAL, RENAMED}
        assert set(COUNTED) <= set(ADVICE)

    def test_names_only_variables_that_the_role_has(self) -> None:
        specification = yaml.safe_load((ROOT / "roles/rotate_passwords/meta/argument_specs.yml").read_text())
        variables = set(specification["argument_specs"]["main"]["options"])
        words = " ".join([*ADVICE.values(), ADOPT, NEVER_ROTATED, ONE_ACCOUNT, NO_TASKS]).replace("=", " ").split()
        named = {word.strip(".,:;") for word in words if word.startswith("rotate_passwords_")}
        assert named <= variables

    @pytest.mark.parametrize(
        ("reason", "changes", "text"),
        [
            ("unproven_sends", {}, RESUME),
            ("barred", {}, RESUME),
            ("wrong_password", {}, ADOPT),
            ("wrong_password", {"last_rotated": None}, NEVER_ROTATED),
        ],
    )
    def test_repairs_a_closed_account_as_its_reason_says(self, reason: str, changes: Any, text: str) -> None:
        closed = {**account("svc", "quarantined"), "reason": reason, "name": None, "user_name": "svc-1", **changes}
        assert table(closed)[1].endswith(text.format(only="rotate_passwords_only=svc-1"))
        named = {**closed, "name": "svc; two"}
        assert table(named)[1].endswith(text.format(only="and rotate_passwords_only"))
        by_id = {**closed, "user_name": None}
        assert table({**by_id, "user_id": "83"})[1].endswith(text.format(only="rotate_passwords_only=83"))

    def test_of_an_account_with_a_lease_says_when_that_ends(self) -> None:
        ends = f"Another run works on it. {LEASE_ENDS} 2026-05-01T12:05:40.123456+00:00. Run again later."
        lines = table(account("leased", "busy", ends), account("locked", "busy"))
        assert lines[1].endswith("run again after 2026-05-01 12:05:40 (UTC), when another run's lease ends")
        assert lines[2].endswith("nothing, another run works on it")

    def test_tells_consumers_a_new_label_again(self) -> None:
        renamed = {**account("svc", "renamed"), "name": "svc", "user_name": "svc-1"}
        assert table(renamed)[1].endswith(RENAMED.format(only="rotate_passwords_only=svc"))
        lines = table(
            *({**renamed, "user_id": str(number)} for number in range(MOST_ROWS + 1)), account("a", "refused")
        )
        assert lines[-1] == f"{MOST_ROWS + 1} more renamed"


class TestTable:
    def test_has_the_times_and_what_to_do(self) -> None:
        initial = {**account("svc-orders", "unreachable"), "last_rotated": None, "next_due": None}
        assert table(account("svc", "rotated"), initial) == [
            "account     status       last rotated (UTC)  next due (UTC)    what to do",
            "svc         rotated      2026-03-01 12:30    2026-05-30 12:30",
            f"svc-orders  unreachable  -                   -                 {NEXT_RUN}",
        ]

    def test_an_account_that_is_not_delivered_says_so_whatever_its_status(self) -> None:
        assert table(account("svc", "rotated"), undelivered=["id of svc"])[1].endswith(NOT_DELIVERED)

    def test_a_delivery_that_this_run_does_not_do_is_due(self) -> None:
        lines = summary({"accounts": [account("svc")], "msg": ""}, [], ["id of svc"])
        assert lines["table"][2].endswith(TO_DELIVER)
        assert lines["failure"] == ""

    def test_an_account_that_was_told_again_in_this_run_is_delivered(self) -> None:
        accounts = [account("a", "delivery_due"), account("b", "delivery_due"), account("c", "unreachable")]
        told = ["id of a", "id of c"]
        lines = summary({"accounts": accounts, "msg": ""}, ["id of b"], [], True, told)["table"]
        expected = "1 of 3 accounts failed. By status: 1 delivered, 1 delivery_due, 1 unreachable."
        assert lines[0] == f"{expected} Not delivered: 1."
        assert [line.split()[1] for line in lines[2:]] == ["delivered", "delivery_due", "unreachable"]

    def test_says_once_why_accounts_were_not_attempted(self) -> None:
        text = f"{MESSAGES['not_attempted']} {STOPPED} 2 accounts failed (max_failures)."
        lines = table(*many(2, "refused"), *(account(f"later-{number}", "not_attempted", text) for number in range(40)))
        assert lines[-2:] == [
            "40 more not_attempted",
            "The run stopped because 2 accounts failed (rotate_passwords_max_failures).",
        ]
        assert "stopped" not in "".join(table(account("a", "not_attempted")))

    def test_shows_labels_of_any_kind(self) -> None:
        long = "long" * 20
        lines = table(account("svc\x1b[31m\n"), account(long))
        assert "svc [31m   fresh" not in lines[0]
        assert not any(char in "".join(lines) for char in "\x1b\n")
        assert lines[2].startswith(f"{long}  fresh")

    def test_lists_fresh_accounts_of_a_short_list_only(self) -> None:
        assert len(table(*many(MOST_ROWS, "fresh"))) == MOST_ROWS + 1
        # The numbers by status, in the first line, have said how many there are.
        assert table(*many(MOST_ROWS + 1, "fresh")) == [FIRST_DUE]

    def test_counts_what_needs_nothing_in_a_long_list(self) -> None:
        lines = table(*many(40, "fresh"), *many(50, "out_of_sync"), *many(3, "rotated"), *many(9, "not_attempted"))
        assert len(lines) == 1 + 50 + 4
        assert lines[-4:] == ["3 more rotated", "9 more not_attempted", "40 more fresh", FIRST_DUE]

        lines = table(*many(40, "fresh"), *many(2, "out_of_sync"), *many(20, "rotated"))
        assert [line.split()[1] for line in lines[1:-2]] == ["out_of_sync"] * 2 + ["rotated"] * 20
        assert lines[-2] == "40 more fresh"

    def test_says_when_the_first_of_the_counted_fresh_accounts_is_due(self) -> None:
        fresh = [*many(40, "fresh"), {**account("a"), "next_due": "2026-05-01T00:00:00Z"}]
        assert "The first of the fresh accounts is due 2026-05-01 00:00 (UTC)." in table(*fresh)[0]
        unknown = [{**one, "next_due": None} for one in fresh]
        assert table(*unknown) == [ALL]
        assert FIRST_DUE not in table(*many(40, "rotated"))

    @pytest.mark.parametrize("status", ["rotated", "resumed", "would_rotate", "would_resume"])
    def test_says_that_no_consumer_is_told_of_new_passwords(self, status: str) -> None:
        result = {"accounts": [account("a", status), account("b")], "msg": ""}
        assert summary(result, has_tasks=False)["table"][-1] == NOT_TOLD
        assert NOT_TOLD not in summary(result)["table"]
        assert NOT_TOLD not in summary(result, ["id of a"], has_tasks=False)["table"]
        assert NOT_TOLD not in summary({**result, "accounts": [account("b")]}, has_tasks=False)["table"]

    def test_of_no_accounts_is_empty(self) -> None:
        assert table() == []


class TestFailure:
    def test_is_empty_if_all_is_well(self) -> None:
        assert failure(*many(3, "fresh"), account("a", "rotated")) == ""

    def test_tells_each_reason_once(self) -> None:
        message = failure(
            account("a", "unreachable"), account("b"), account("c", "unreachable"), account("d", "refused")
        )
        assert message == (
            f"2 accounts failed. By status: 2 of a kind. a, c: unreachable. {MESSAGES['unreachable']}"
            f" d: refused. {MESSAGES['refused']}"
        )

    def test_names_the_variables_of_the_role_instead_of_options(self) -> None:
        message = failure(account("a", "out_of_sync"), account("b", "quarantined"))
        assert "Run with rotate_passwords_state: resumed and rotate_passwords_force: true" in message
        assert message.count(ONE_ACCOUNT) == 1
        assert message.endswith(ONE_ACCOUNT)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("accounts[0].user_id must", "rotate_passwords_accounts[0].user_id must"),
            ("Unsupported parameters: accounts[1].a (", "Unsupported parameters: rotate_passwords_accounts[1].a ("),
            ("store: missing required arguments: path", "rotate_passwords_store: missing required arguments: path"),
            ("no accounts. The store is busy.", "no accounts. The store is busy."),
            ("store.path is relative", "rotate_passwords_store.path is relative"),
            ("identity_url must look like", "rotate_passwords_connection.identity_url must look like"),
            ("only: no account is named 'a'", "rotate_passwords_only: no account is named 'a'"),
            ("strict is true, and", "rotate_passwords_strict is true, and"),
            ("max_age_days must be", "rotate_passwords_max_age_days must be"),
            ("Wrong. The server says: state: client_id", "Wrong. The server says: state: client_id"),
            ("/srv/store.path/x", "/srv/store.path/x"),
        ],
    )
    def test_translates_options_only(self, text: str, expected: str) -> None:
        assert with_variables(text) == expected

    def test_names_the_accounts_that_are_not_delivered(self) -> None:
        assert failure(account("a", "rotated"), undelivered=["id of a"]) == (
            "2 accounts failed. By status: 2 of a kind."
            " The delivery of a is not complete. Fix the tasks that failed, and run again."
        )

    def test_asks_for_the_tasks_that_a_run_was_not_given(self) -> None:
        result = {"accounts": [account("a", "rotated"), account("b")], "msg": "By status."}
        found = summary(result, ["id of a"], ["id of a"], False)
        assert found["table"][2].endswith(NO_TASKS)
        assert found["failure"].startswith("By status. Set rotate_passwords_after_tasks and run again: ")
        assert "the consumers of a may lack the current password" in found["failure"]
        assert summary(result, [], [], False)["failure"] == ""

    def test_is_bounded(self) -> None:
        message = failure(*many(30, "refused", "because"), *many(30, "unreachable"))
        assert message.count("because") == MOST_MESSAGES
        assert f"{31 - MOST_MESSAGES} more messages are in rotate_passwords_result." in message

        assert f", unreachable-{MOST_LABELS - 1} and 20 more: unreachable." in failure(*many(30, "unreachable"))

    def test_accounts_that_were_not_attempted_have_no_reason_of_their_own(self) -> None:
        assert failure(account("a", "not_attempted")) == "2 accounts failed. By status: 2 of a kind."

    def test_of_a_task_that_failed_as_a_whole_is_its_message(self) -> None:
        assert summary({"msg": "It is in use.", "status": "busy"}) == {"table": [], "failure": "It is in use."}
        refused = summary({"msg": "accounts must be a list.", "status": "invalid_input"})["failure"]
        assert refused == "rotate_passwords_accounts must be a list."

    def test_repairs_are_for_accounts_that_are_closed(self) -> None:
        assert {status for status, advice in ADVICE.items() if advice == RESUME} == {"out_of_sync", "quarantined"}


class TestFilter:
    def test_is_the_summary(self) -> None:
        apply = FilterModule().filters()["uipath_rotation_summary"]
        assert apply({"accounts": [], "msg": "None."}) == {"table": ["None."], "failure": ""}
        with pytest.raises(AnsibleFilterError, match="must be a result"):
            apply("text")
