# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.options import (
    overview_problems,
    without_passwords,
)

VALID: dict[str, Any] = {"accounts": None, "max_age_days": 90.0, "fail_on": []}


def entry(**names: str) -> dict[str, str | None]:
    return {"user_id": None, "user_name": None, "name": None, **names}


class TestWithoutPasswords:
    def test_leaves_nothing_in_an_entry_but_its_names(self) -> None:
        given = {"accounts": [{"user_id": "u1", "name": "n", "initial_password": "hunter2", "team": 5}], "store": {}}
        assert without_passwords(given) == {"accounts": [{"user_id": "u1", "name": "n"}], "store": {}}

    @pytest.mark.parametrize("accounts", [None, "text", ["text"], {"user_id": "u1"}])
    def test_leaves_the_types_to_the_validation(self, accounts: Any) -> None:
        assert without_passwords({"accounts": accounts}) == {"accounts": accounts}

    def test_leaves_the_given_options_as_they_are(self) -> None:
        assert without_passwords({"store": {}}) == {"store": {}}


class TestOverviewProblems:
    def test_there_are_none(self) -> None:
        accounts = [entry(user_id="u1"), entry(user_name="u2"), entry(name="u3")]
        assert overview_problems({**VALID, "accounts": accounts, "fail_on": ["unlisted"]}) == []
        assert overview_problems(VALID) == []

    def test_are_all_named(self) -> None:
        given = {"accounts": [entry(), entry(name=" ")], "max_age_days": float("nan"), "fail_on": ["unlisted"]}
        assert overview_problems(given) == [
            "max_age_days must be at least 0",
            "accounts[0] needs a user_id, a user_name or a name",
            "accounts[1] needs a user_id, a user_name or a name",
        ]

    def test_of_what_is_not_listed_without_a_list(self) -> None:
        for kind in ("unlisted", "missing"):
            assert overview_problems({**VALID, "fail_on": [kind]}) == [f"fail_on: {kind} needs the option accounts"]
