# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import (
    Findings,
    check_names,
    edits,
    extra_message,
    forbidden_extras,
    is_slip,
    missing_names,
    misspelled_message,
    unknown_message,
    unprefixed_message,
)

ROLE = "rotate_passwords"
SPECIFICATION = Path(__file__).parents[4] / f"roles/{ROLE}/meta/argument_specs.yml"
KNOWN = [*yaml.safe_load(SPECIFICATION.read_text())["argument_specs"]["main"]["options"], f"{ROLE}_hosts"]
OWN = [f"{ROLE}_{name}" for name in ("result", "undelivered", "account")]
MISSPELLED = {
    "rotate_passwords_after_task": "rotate_passwords_after_tasks",
    "rotate_password_after_tasks": "rotate_passwords_after_tasks",
    "rotate_password_after_task": "rotate_passwords_after_tasks",
    "rotate_passwords_aftertasks": "rotate_passwords_after_tasks",
    "rotate_passwords_tasks_after": "rotate_passwords_after_tasks",
    "rotate_passwords_after": "rotate_passwords_after_tasks",
    "Rotate_Passwords_After_Tasks": "rotate_passwords_after_tasks",
    "rotate-passwords-after-tasks": "rotate_passwords_after_tasks",
    "passwords_rotate_after_tasks": "rotate_passwords_after_tasks",
    "rotation_passwords_after_tasks": "rotate_passwords_after_tasks",
    "rotatePasswordsAfterTasks": "rotate_passwords_after_tasks",
    "uipath_rotate_passwords_after_tasks": "rotate_passwords_after_tasks",
    "rotate_user_passwords_after_tasks": "rotate_passwords_after_tasks",
    "rotate_pw_after_tasks": "rotate_passwords_after_tasks",
    "rotate_passwords_tasks": "rotate_passwords_after_tasks",
    "rotate_passwords_post_tasks": "rotate_passwords_after_tasks",
    "rotate_passwords_after_tasks_file": "rotate_passwords_after_tasks",
    "rotate_passwords_after_rotation": "rotate_passwords_after_tasks",
    "rotate_passwords_max_ages_days": "rotate_passwords_max_age_days",
    "rotate_passwords_max_days_age": "rotate_passwords_max_age_days",
    "rotate_passwords_max_age": "rotate_passwords_max_age_days",
    "rotate_passwords_maxage_days": "rotate_passwords_max_age_days",
    "rotate_passwords_max_failure": "rotate_passwords_max_failures",
    "rotate_passwrods_store": "rotate_passwords_store",
    "otate_passwords_store": "rotate_passwords_store",
    "rotatepasswords_store": "rotate_passwords_store",
    "rotate_passwords__store": "rotate_passwords_store",
    "rotate_passwords_stores": "rotate_passwords_store",
    "rotate_passwords_sore": "rotate_passwords_store",
    "rotate_passwords_sotre": "rotate_passwords_store",
    "rotate_passwords_froce": "rotate_passwords_force",
    "rotate_passwords_onyl": "rotate_passwords_only",
    "rotate_passwords_acounts": "rotate_passwords_accounts",
    "rotate_paswords_acounts": "rotate_passwords_accounts",
    "rotate_passwords_conection": "rotate_passwords_connection",
    "rotate_passwords_concurency": "rotate_passwords_concurrency",
    "rotate_passwords_passwords": "rotate_passwords_password",
    "rotate_passwords_settle_second": "rotate_passwords_settle_seconds",
    "rotate_passwords_nolog": "rotate_passwords_no_log",
    "rotate_passwords_host": "rotate_passwords_hosts",
    "rotates_passwords_state": "rotate_passwords_state",
}
OF_THE_USER = [
    "rotate_passwords_consumers_dir",
    "rotate_passwords_store_path",
    "rotate_passwords_accounts_file",
    "rotate_passwords_vault_file",
    "rotate_passwords_schedule",
    "rotate_passwords_date",
    "rotate_passwords_log",
    "rotate_passwords_mail",
    "rotate_passwords_role",
    "rotate_passwords_source",
    "rotate_passwords_results",
    "rotate_passwords_accounts_a",
    "rotate_passwords_accounts_1",
    "rotate_passwords_accounts2",
    "rotate_passwords_store_2",
    "rotate_passwords_failed",
]
ELSEWHERE = [
    "rotate",
    "passwords",
    "passwords_store",
    "password_store",
    "report_passwords_store",
    "report_passwords_max_age_days",
    "rotate_certificates_store",
    "rotate_secrets_max_age_days",
    "rotate_logs_hosts",
    "uipath_accounts",
    "rotate_logs_after_tasks",
    "ansible_facts",
    "__rotate_passwords_store",
    "__rotate_passwords_item",
]
# Without the role's words, or with only some of them, as long as the variable for tasks is not set.
FOR_TASKS = [
    "after_tasks",
    "after_task",
    "aftertasks",
    "afterTasks",
    "rotate_after_tasks",
    "rotation_after_tasks",
    "rotation_aftertasks",
    "password_after_tasks",
    "passwords_after_tasks",
    "tasks_after_rotation",
    "uipath_after_tasks",
    "uipath_password_after_tasks",
]
NOT_FOR_TASKS = [
    "after",
    "tasks",
    "task_after_deploy",
    "rotate_tasks",
    "password_tasks",
    "post_tasks",
    "deploy_after_tasks",
    "after_tasks_dir",
    "rotate_logs_after_tasks",
]


class TestCheckNames:
    @pytest.mark.parametrize("name", MISSPELLED)
    def test_a_near_miss_comes_with_the_known_name(self, name: str) -> None:
        assert check_names([name], ROLE, KNOWN, OWN) == Findings({name: MISSPELLED[name]}, [], {})

    @pytest.mark.parametrize("name", OF_THE_USER)
    def test_another_name_of_the_role_is_unknown(self, name: str) -> None:
        assert check_names([name], ROLE, KNOWN, OWN) == Findings({}, [name], {})

    @pytest.mark.parametrize("name", [*ELSEWHERE, *NOT_FOR_TASKS, *KNOWN, *OWN])
    def test_others_and_known_ones_are_nothing_to_tell(self, name: str) -> None:
        assert check_names([name], ROLE, KNOWN, OWN) == Findings({}, [], {})

    @pytest.mark.parametrize("name", FOR_TASKS)
    def test_a_name_for_tasks_needs_no_word_of_the_role_if_those_are_not_set(self, name: str) -> None:
        tasks = f"{ROLE}_after_tasks"
        assert check_names([name], ROLE, KNOWN, OWN) == Findings({name: tasks}, [], {})
        assert check_names([name, tasks], ROLE, KNOWN, OWN) == Findings({}, [], {})
        without = [one for one in KNOWN if one != tasks]
        assert check_names([name], ROLE, without, OWN) == Findings({}, [], {})

    @pytest.mark.parametrize("name", ["max_age_days", "max_failures", "settle_seconds"])
    def test_an_option_without_the_name_of_the_role_is_told_if_that_is_not_set(self, name: str) -> None:
        known = f"{ROLE}_{name}"
        expected = Findings({}, [], {name: known})
        assert check_names([name], ROLE, KNOWN) == expected
        assert check_names([name, known], ROLE, KNOWN, (), [known]) == expected
        assert check_names([name, known], ROLE, KNOWN) == Findings({}, [], {})
        assert check_names([name], "report_logs", [f"report_logs_{name}s"]) == Findings({}, [], {})

    @pytest.mark.parametrize(
        "name", ["store", "accounts", "state", "force", "only", "password", "concurrency", "no_log"]
    )
    def test_a_usual_word_is_nothing_to_tell(self, name: str) -> None:
        assert check_names([name], ROLE, KNOWN) == Findings({}, [], {})

    def test_names_are_in_order(self) -> None:
        names = ["rotate_passwords_z_dir", "rotate_passwords_stor", "rotate_passwords_a_dir", "rotate_passwords_forc"]
        misspelled, unknown, _unprefixed = check_names(names, ROLE, KNOWN)
        assert list(misspelled) == ["rotate_passwords_forc", "rotate_passwords_stor"]
        assert unknown == ["rotate_passwords_a_dir", "rotate_passwords_z_dir"]


class TestEdits:
    @pytest.mark.parametrize(
        ("one", "other", "number"),
        [
            ("", "", 0),
            ("ab", "ab", 0),
            ("ab", "ba", 1),
            ("abc", "ac", 1),
            ("ac", "abc", 1),
            ("abc", "axc", 1),
            ("abcd", "badc", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ],
    )
    def test_counts(self, one: str, other: str, number: int) -> None:
        assert edits(one, other) == number


class TestForbiddenExtras:
    def test_are_what_the_role_itself_uses(self) -> None:
        names = ["__rotate_passwords_item", "rotate_passwords_account", "rotate_passwords_result", "__another"]
        found = forbidden_extras(names, ROLE, ["rotate_passwords_account"])
        assert found == ["__rotate_passwords_item", "rotate_passwords_account"]
        assert extra_message(found).startswith(
            "The role sets __rotate_passwords_item, rotate_passwords_account itself: "
        )


class TestMissingNames:
    NEEDED = ("rotate_passwords_accounts", "rotate_passwords_store")

    def test_are_those_that_are_not_set(self) -> None:
        assert missing_names(self.NEEDED, {}) == list(self.NEEDED)
        assert missing_names([], {}) == []

    def test_one_that_is_misspelled_is_told_once(self) -> None:
        names = ["rotate_password_accounts", "rotate_passwords_force"]
        misspelled = check_names(names, ROLE, KNOWN).misspelled
        assert misspelled == {"rotate_password_accounts": "rotate_passwords_accounts"}
        assert missing_names(self.NEEDED, misspelled) == ["rotate_passwords_store"]

    def test_a_name_of_the_role_itself_may_be_a_slip(self) -> None:
        assert is_slip("rotate_passwords_account", "rotate_passwords_accounts")
        assert not is_slip("rotate_passwords_result", "rotate_passwords_store")


class TestMessages:
    def test_name_the_nearest(self) -> None:
        message = misspelled_message({"rotate_passwords_stor": "rotate_passwords_store"})
        assert message.startswith("rotate_passwords_stor: no such variable, did you mean rotate_passwords_store? ")

    def test_number_of_the_names(self) -> None:
        assert unknown_message(["a"], ROLE) == f"The role {ROLE} has no variable a: it has no effect."
        assert unknown_message(["a", "b"], ROLE) == f"The role {ROLE} has no variables a, b: they have no effect."

    def test_say_which_variable_the_role_has(self) -> None:
        message = unprefixed_message({"max_age_days": f"{ROLE}_max_age_days"}, ROLE)
        assert message.startswith(f"max_age_days has no effect on the role {ROLE}, whose variable is {ROLE}_max_age")

    def test_show_names_of_any_kind(self) -> None:
        assert "\x1b" not in unknown_message(["rotate_passwords_\x1b[31m" + "a" * 500], ROLE)
        assert len(unknown_message(["rotate_passwords_\x1b[31m" + "a" * 500], ROLE)) < 200
