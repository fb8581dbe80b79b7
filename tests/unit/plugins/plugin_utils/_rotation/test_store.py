# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    RecordFinder,
    StoredAccount,
    StoredNames,
    StoreError,
    is_uuid,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    MemoryStore,
    record_of,
)

UUID = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"
NO_LISTING = StoreError("The accounts cannot be listed.")
DAMAGED = StoreError("The names of this account cannot be read.")


class TestStoredNames:
    NAMES = StoredNames(
        [
            StoredAccount("u3", "svc", None),
            StoredAccount("u1", "svc", "Robot"),
            StoredAccount("u2", None, "svc"),
            StoredAccount("u4"),
        ]
    )

    def test_contain_user_ids(self) -> None:
        assert "u1" in self.NAMES
        assert "svc" not in self.NAMES
        assert "u5" not in self.NAMES

    def test_an_account_is_found_by_its_user_name(self) -> None:
        assert self.NAMES.find("Robot", "user_name") == ["u1"]

    def test_all_accounts_of_a_label_are_found_in_order(self) -> None:
        assert self.NAMES.find("svc", "label") == ["u1", "u3"]

    def test_all_kinds_asked_for_are_searched_and_no_other(self) -> None:
        assert self.NAMES.find("svc", "label", "user_name") == ["u1", "u2", "u3"]
        assert self.NAMES.find("Robot", "label") == []

    def test_case_is_ignored(self) -> None:
        assert self.NAMES.find("SVC", "label") == ["u1", "u3"]
        assert self.NAMES.find("robot", "user_name") == ["u1"]

    def test_a_user_id_is_no_name(self) -> None:
        assert self.NAMES.find("u1", "label", "user_name") == []

    def test_an_empty_name_finds_no_account_not_even_one_without_names(self) -> None:
        assert self.NAMES.find("", "label", "user_name") == []

    def test_an_unreadable_account_is_no_error_if_another_one_was_found(self) -> None:
        names = StoredNames([StoredAccount("u1", error=DAMAGED), StoredAccount("u2", "svc")])
        assert names.find("svc", "label") == ["u2"]
        assert "u1" in names

    @pytest.mark.parametrize("name", ["other", ""])
    def test_an_unreadable_account_is_an_error_if_none_was_found(self, name: str) -> None:
        names = StoredNames([StoredAccount("u2", "svc"), StoredAccount("u1", error=DAMAGED)])
        with pytest.raises(StoreError) as caught:
            names.find(name, "label")
        assert caught.value is DAMAGED


class TestRecordFinder:
    @pytest.mark.parametrize("name", [UUID, UUID.upper(), f"{{{UUID}}}", UUID.replace("-", "")])
    def test_a_uuid_is_read_without_a_listing(self, name: str) -> None:
        store = MemoryStore.holding(record_of(UUID))
        store.failures["list"] = NO_LISTING
        assert RecordFinder(store).find(name) == store.records[UUID]

    @pytest.mark.parametrize("name", ["u1", "label-u1", "LABEL-U1", "u1@example.com"])
    def test_other_names_are_found_through_the_listing(self, name: str) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        assert RecordFinder(store).find(name) == store.records["u1"]
        store.failures["list"] = NO_LISTING
        with pytest.raises(StoreError) as caught:
            RecordFinder(store).find(name)
        assert caught.value is NO_LISTING

    @pytest.mark.parametrize("user_id", ["u1", UUID])
    def test_an_account_that_the_listing_lacks_is_found_by_its_id(self, user_id: str) -> None:
        store = MemoryStore.holding(record_of(user_id))
        store.listed = {}
        assert RecordFinder(store).find(user_id) == store.records[user_id]
        assert RecordFinder(store).find(f"label-{user_id}") is None

    def test_a_listing_with_an_account_that_is_gone_finds_nothing(self) -> None:
        assert RecordFinder(MemoryStore(listed={"u1": record_of("u1")})).find("label-u1") is None

    def test_a_uuid_without_a_record_may_be_a_label(self) -> None:
        record = record_of("u1")
        store = MemoryStore.holding(replace(record, account=replace(record.account, name=UUID)))
        assert RecordFinder(store).find(UUID) == store.records["u1"]

    @pytest.mark.parametrize("user_id", ["u2", UUID])
    def test_an_id_takes_precedence_over_a_label(self, user_id: str) -> None:
        labelled, record = record_of("u1"), record_of(user_id)
        store = MemoryStore.holding(replace(labelled, account=replace(labelled.account, name=user_id)), record)
        assert RecordFinder(store).find(user_id) == record

    def test_the_name_of_two_accounts_is_refused(self) -> None:
        second = record_of("u2")
        store = MemoryStore.holding(replace(second, account=replace(second.account, user_name="Label-U1")), record_of())
        with pytest.raises(StoreError, match=r"^'label-u1' is the name of several accounts: u1, u2\. Use the user"):
            RecordFinder(store).find("label-u1")

    def test_of_a_store_without_any_record_that_can_be_read_is_its_error(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u1", "u2"}
        with pytest.raises(StoreError, match=r"^None of the 2 records can be read. The first one: The record of u1 "):
            RecordFinder(store).find("label-u2")

    @pytest.mark.parametrize("name", ["unknown", "", UUID])
    def test_no_account_is_found_by_another_name(self, name: str) -> None:
        assert RecordFinder(MemoryStore.holding(record_of())).find(name) is None

    def test_a_label_that_moved_since_the_listing_finds_no_other_account(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.listed = {"u1": store.records["u2"]}  # the listing still says that label-u2 is u1's
        with pytest.raises(StoreError, match="out of date for 'label-u2'"):
            RecordFinder(store).find("label-u2")

    def test_many_names_cost_one_listing(self) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        finder = RecordFinder(store)
        assert finder.find("label-u1") == store.records["u1"]
        store.failures["list"] = NO_LISTING
        assert finder.find("u2@example.com") == store.records["u2"]

    def test_an_error_of_the_account_is_passed_on(self) -> None:
        busy = Busy("Another run is working on this account.")
        store = MemoryStore(failures={f"plan {UUID}": busy})
        with pytest.raises(Busy) as caught:
            RecordFinder(store).find(UUID)
        assert caught.value is busy


class TestIsUuid:
    def test_the_canonical_spelling_is_one(self) -> None:
        assert is_uuid(UUID)

    @pytest.mark.parametrize("text", [UUID.upper(), f"{{{UUID}}}", UUID.replace("-", ""), f"{UUID}0", "u1", ""])
    def test_nothing_else_is_one(self, text: str) -> None:
        assert not is_uuid(text)
