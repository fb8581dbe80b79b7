# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.matching import matches
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount, StoredNames

UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
STORED = [
    StoredAccount(UUID, "robot", "svc-robot"),
    StoredAccount("u2", None, "svc-orders"),
    StoredAccount("u3", "invoices"),
    StoredAccount("u4", "twin", "one"),
    StoredAccount("u5", "TWIN", "two"),
]


def entry(**names: str) -> dict[str, Any]:
    return {"user_id": None, "user_name": None, "name": None, **names}


def match(*entries: dict[str, Any]) -> Any:
    return matches(entries, StoredNames(STORED))


class TestMatches:
    @pytest.mark.parametrize(
        ("given", "user_id"),
        [
            ({"user_id": UUID.upper()}, UUID),
            ({"user_id": "u2", "name": "robot"}, "u2"),
            ({"user_name": "SVC-orders"}, "u2"),
            ({"name": "Invoices"}, "u3"),
            ({"user_name": "svc-robot", "name": "invoices"}, UUID),
            ({"user_name": "renamed", "name": "invoices"}, "u3"),
            ({"user_name": "invoices"}, "u3"),
            ({"name": "svc-orders"}, "u2"),
        ],
    )
    def test_finds_the_account_that_an_entry_means(self, given: dict[str, str], user_id: str) -> None:
        found = match(entry(**given))
        assert (found.user_ids, found.missing, found.problems) == ({user_id}, (), ())

    @pytest.mark.parametrize(
        ("given", "label"),
        [
            ({"user_id": "u9", "name": "orders"}, "orders"),
            ({"user_id": "u9", "name": "robot"}, "u9"),  # another account is called so
            ({"user_id": "u9", "user_name": "svc-orders"}, "u9"),
            ({"user_id": "u9"}, "u9"),
            ({"user_name": "robot\u2028"}, "robot "),
        ],
    )
    def test_says_which_entries_have_no_record(self, given: dict[str, str], label: str) -> None:
        found = match(entry(**given))
        assert (found.user_ids, found.missing, found.problems) == (frozenset(), (label,), ())

    def test_an_ambiguous_name_means_no_account(self) -> None:
        found = match(entry(name="twin"))
        assert (found.user_ids, found.missing) == (frozenset(), ())
        assert found.problems == (
            "accounts[0] (twin) is the name of several recorded accounts, u4, u5; give its user_id.",
        )

    def test_two_entries_of_one_account_are_a_problem(self) -> None:
        found = match(entry(user_id=UUID), entry(user_name="svc-robot"))
        assert (found.user_ids, found.missing) == ({UUID}, ())
        assert found.problems == ("accounts[1] (svc-robot) is the same account as accounts[0]; list it once.",)
