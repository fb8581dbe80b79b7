# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.task import move_accounts
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import NotDurable, StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    MemoryStore,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE


class AnotherStore(MemoryStore):
    place = "another memory"


def moved(source: MemoryStore, target: MemoryStore, *accounts: str, check_mode: bool = False) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    return move_accounts(accounts or None, source, target, check_mode=check_mode, now=lambda: now)


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {account["label"]: account["status"] for account in result["accounts"]}


@pytest.fixture
def source() -> MemoryStore:
    return MemoryStore.holding(record_of("u1"), record_of("u2"), record_of("u3"))


@pytest.fixture
def target() -> MemoryStore:
    return AnotherStore()


class TestMoveAccounts:
    def test_moves_all_and_then_nothing(self, source: MemoryStore, target: MemoryStore) -> None:
        first, second = moved(source, target), moved(source, target)
        assert statuses(first) == dict.fromkeys(("u1", "u2", "u3"), "moved")
        assert (first["changed"], first["failed"], first["counts"]["moved"]) == (True, False, 3)
        assert (first["source"], first["target"]) == ("memory", "another memory")
        assert statuses(second) == dict.fromkeys(("u1", "u2", "u3"), "already_moved")
        assert (second["changed"], second["failed"]) == (False, False)
        assert OLD not in str(first)

    def test_writes_nothing_in_check_mode(self, source: MemoryStore, target: MemoryStore) -> None:
        result = moved(source, target, check_mode=True)
        assert statuses(result) == dict.fromkeys(("u1", "u2", "u3"), "would_move")
        assert (result["changed"], source.writes, target.writes) == (True, 0, 0)

    def test_finds_accounts_by_id_label_and_user_name(self, source: MemoryStore, target: MemoryStore) -> None:
        result = moved(source, target, "u1", "label-u2", "U3@example.com", "label-u1", "nobody")
        assert statuses(result) == {
            "nobody": "no_record",
            "U3@example.com": "moved",
            "label-u2": "moved",
            "u1": "moved",
        }
        assert result["failed"]

    def test_refuses_a_name_of_several_accounts(self, source: MemoryStore, target: MemoryStore) -> None:
        source.records["u2"] = replace(record_of("u2"), account=Account(BASE, "u2", "label-u1"))
        with pytest.raises(InvalidInput, match="'label-u1' is the name of several accounts: u1, u2"):
            moved(source, target, "label-u1")

    def test_goes_on_with_the_other_accounts(self, source: MemoryStore, target: MemoryStore) -> None:
        source.held.add("u1")
        source.damaged.add("u2")
        result = moved(source, target)
        assert statuses(result) == {"u1": "busy", "u2": "store_error", "u3": "moved"}
        assert result["failed"]

    def test_stops_at_what_concerns_all(self, source: MemoryStore, target: MemoryStore) -> None:
        target.failures["write 1"] = NotDurable("The disk is full.")
        assert statuses(moved(source, target)) == {"u1": "store_error", "u2": "not_attempted", "u3": "not_attempted"}
        assert source.writes == 0

    def test_refuses_one_store_for_both(self, source: MemoryStore) -> None:
        with pytest.raises(InvalidInput, match="source and target are the same store"):
            moved(source, source)

    def test_warns_of_a_store_that_is_not_closed(self, source: MemoryStore, target: MemoryStore) -> None:
        target.failures["close"] = StoreError("The disk is full.")
        warnings: list[str] = []
        now = datetime.now(timezone.utc)
        result = move_accounts(None, source, target, check_mode=False, now=lambda: now, warn=warnings.append)
        assert (result["failed"], warnings) == (False, ["The store was not closed properly. The disk is full."])
