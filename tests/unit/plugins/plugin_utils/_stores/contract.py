# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine relies on in every store. A store's tests subclass `StoreContract` and provide `store`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError, WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Orphan,
    Pending,
    Record,
    Retired,
    redacted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    OpenStore,
    RecordFinder,
    Store,
    StoredAccount,
    StoredNames,
    StoreError,
)

URL = "https://cloud.example/acme/identity_"
USER = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"
SPELLINGS = (USER.upper(), f"{{{USER}}}", USER.replace("-", ""))  # of this id, besides the canonical one
ODD = "Distinctive \"q\" 'a' \\b %41 {{ x }} <&>+ \u00e4\u00df/? \U0001f511"
TIME = "2026-03-01T00:00:00+00:00"


def record_of(user_id: str = USER, generation: int = 1, password: str = ODD, **names: Any) -> Record:
    account = Account(URL, user_id, **{"name": f"label {user_id}", "user_name": f"{user_id}@example.com", **names})
    return Record(account, Current(password, TIME, "rotated"), generation)


# A record in which every field has a value.
FULL = replace(
    record_of(generation=7),
    pending=Pending(ODD, f"{ODD}2", TIME, maybe_live=False),
    orphans=(Orphan("orphan", TIME, "replaced"), Orphan(ODD, TIME, "rejected")),
    previous=(Retired("dead", TIME),),
    status="in_doubt",
    unproven_sends=3,
    delivered=False,
)


def put(store: OpenStore, record: Record) -> None:
    with store.locked(record.account.user_id) as locked_record:
        locked_record.read()
        assert locked_record.write(record)


class StoreContract:
    """Subclasses provide the fixture `store`: an empty store of this server, each use of which sees the same records.

    They also provide `interfere` and `damage`, which change a record behind its back. A store without locks sets
    `has_locks = False`: then two runs may hold one account, and only the swap decides.
    """

    has_locks = True

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            assert list(self.listing(opened)) == []
            assert list(opened.user_ids()) == []
            assert opened.read(USER) is None
            assert list(opened.read_many([USER])) == [None]

    @pytest.mark.parametrize("record", [record_of(), FULL], ids=["new", "full"])
    def test_what_is_written_is_read_again(self, store: Store, record: Record) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record)
            assert opened.read(USER) == record
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record
            assert list(opened.user_ids()) == [USER]

    def test_a_write_replaces_what_was_read(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            with opened.locked(USER) as locked_record:
                assert locked_record.read() == record_of(generation=1)
                assert locked_record.write(record_of(generation=2))
                assert locked_record.write(record_of(generation=3))  # its own write is what it has read last
            assert opened.read(USER) == record_of(generation=3)

    def test_a_write_over_another_one_is_refused_and_changes_nothing(self, store: Store) -> None:
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            assert locked_record.read() is None
            self.interfere(store, record_of(generation=5))
            assert locked_record.write(record_of(generation=1)) is False
            assert opened.read(USER) == record_of(generation=5)

    def test_a_conflict_is_preserved_and_can_be_replaced(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            with opened.locked(USER) as locked_record:
                locked_record.read()
                pending = Pending("theirs", "theirs-2", TIME)  # as a run leaves it that is still at work
                theirs = replace(record_of(generation=5, password="theirs"), pending=pending)
                self.interfere(store, theirs)
                assert locked_record.write(record_of(generation=2)) is False
                assert locked_record.preserve_conflict() == theirs
                assert locked_record.write(record_of(generation=6))
            assert opened.read(USER) == record_of(generation=6)

    def test_a_conflict_with_what_is_no_record_is_none_and_can_be_replaced(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            with opened.locked(USER) as locked_record:
                locked_record.read()
                self.damage(store, USER)
                assert locked_record.write(record_of(generation=2)) is False
                assert locked_record.preserve_conflict() is None
                assert locked_record.write(record_of(generation=3))
            assert opened.read(USER) == record_of(generation=3)

    def test_a_damaged_record_cannot_be_used(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of())
            self.damage(store, USER)
            with pytest.raises(StoreError):
                opened.read(USER)
            with opened.locked(USER) as locked_record, pytest.raises(StoreError):
                locked_record.read()
            assert [account.user_id for account in self.listing(opened)] == [USER]

    def test_a_damaged_record_does_not_affect_other_accounts(self, store: Store) -> None:
        """Of many accounts, the error of one is among the results, and is not raised."""
        users = ["user-1", "user-2", "user-3"]
        with store.open(read_only=False) as opened:
            for user in users:
                put(opened, record_of(user))
            self.damage(store, "user-2")
            first, damaged, last, missing = opened.read_many([*users, "user-4"])
            assert (first, last, missing) == (record_of("user-1"), record_of("user-3"), None)
            assert isinstance(damaged, StoreError)
            self.listing(opened)
            assert RecordFinder(opened).find("label user-3") == record_of("user-3")

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_every_spelling_of_an_id_is_the_same_account(self, store: Store, spelling: str) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            assert opened.read(spelling) == record_of(generation=1)
            assert list(opened.read_many([spelling, USER])) == [record_of(generation=1)] * 2
            with opened.locked(spelling) as locked_record:
                assert locked_record.read() == record_of(generation=1)
                assert locked_record.write(record_of(generation=2))
            assert opened.read(USER) == record_of(generation=2)
            assert [account.user_id for account in self.listing(opened)] == [USER]

    @pytest.mark.parametrize("read_only", [True, False])
    def test_warnings_are_texts_without_secrets(self, store: Store, read_only: bool) -> None:
        with store.open(read_only=read_only) as opened:
            assert isinstance(opened.warnings, Sequence)
            assert not isinstance(opened.warnings, str)
            assert all(isinstance(warning, str) and warning for warning in opened.warnings)
            assert not any(secret in warning for warning in opened.warnings for secret in store.secrets())

    def test_several_are_read_in_order(self, store: Store) -> None:
        users = [f"user-{number}" for number in range(9)]
        with store.open(read_only=False) as opened:
            for user in users[::2]:
                put(opened, record_of(user))
            readings = list(opened.read_many(users))
        assert readings == [None if number % 2 else record_of(user) for number, user in enumerate(users)]
        assert not any(isinstance(reading, UiPathError) for reading in readings)

    def test_a_cache_says_what_reading_says_or_nothing(self, store: Store) -> None:
        users = ["user-1", "user-2", "user-3", "user-4", USER]
        with store.open(read_only=False) as opened:
            for user in users[:3]:
                put(opened, record_of(user))
            put(opened, FULL)
            self.compare_cached(opened, users)
        self.interfere(store, record_of("user-2", generation=5))
        self.damage(store, "user-3")
        for read_only in (True, False, True):  # the second run may write what it has read into its cache
            with store.open(read_only=read_only) as opened:
                self.compare_cached(opened, users)

    def compare_cached(self, opened: OpenStore, users: Sequence[str]) -> None:
        for _time in range(2):  # before and after this run has read the records
            cached = opened.read_cached(users)
            assert len(cached) == len(users)
            for record, reading in zip(cached, opened.read_many(users)):
                assert record is None or (isinstance(reading, Record) and record == redacted(reading))

    def test_a_listing_has_ids_labels_and_user_names(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of("user-1"))
            put(opened, record_of("user-2", name=None, user_name="Robot"))
            listed = {
                (account.user_id, account.label, account.user_name, account.error) for account in self.listing(opened)
            }
        assert listed == {
            ("user-1", "label user-1", "user-1@example.com", None),
            ("user-2", None, "Robot", None),
        }

    def test_a_new_label_is_listed_after_the_write(self, store: Store) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of())
            put(opened, record_of(generation=2, name="new label"))
            assert StoredNames(self.listing(opened)).find("New Label", "label") == [USER]
            assert StoredNames(self.listing(opened)).find(f"label {USER}", "label") == []

    @pytest.mark.parametrize("name", [USER, USER.upper(), f"label {USER}", f"{USER}@EXAMPLE.com"])
    def test_an_account_is_found_by_every_name(self, store: Store, name: str) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of())
            self.listing(opened)
            assert RecordFinder(opened).find(name) == record_of()

    @pytest.mark.parametrize("name", ["nothing of this name", "", " ", "x" * 300])
    def test_no_account_is_found_by_another_name(self, store: Store, name: str) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record_of(name=" ", user_name=None))
            assert RecordFinder(opened).find(name) is None

    def test_an_account_is_worked_on_by_one_run_at_a_time(self, store: Store) -> None:
        """`Busy` may come from `locked`, or from the read under the lock."""
        if not self.has_locks:
            pytest.skip("the store has no locks: its compare-and-swap decides")
        with store.open(read_only=False) as opened:
            with opened.locked(USER), pytest.raises(Busy), opened.locked(USER.upper()) as second:
                second.read()
            with opened.locked(USER) as locked_record:
                assert locked_record.read() is None

    def test_a_run_that_finds_it_busy_does_not_disturb_the_other_one(self, store: Store) -> None:
        if not self.has_locks:
            pytest.skip("the store has no locks: its compare-and-swap decides")
        with store.open(read_only=False) as opened, opened.locked(USER) as first:
            first.read()
            for _attempt in range(2):
                with pytest.raises(Busy), opened.locked(USER) as second:
                    second.read()
            assert first.write(record_of())
            assert opened.read(USER) == record_of()

    def test_other_accounts_are_not_locked(self, store: Store) -> None:
        with store.open(read_only=False) as opened, opened.locked(USER), opened.locked("user-2") as other:
            assert other.read() is None

    def test_threads_work_on_different_accounts(self, store: Store) -> None:
        users = [f"user-{number}" for number in range(32)]
        with store.open(read_only=False) as opened, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda user: put(opened, record_of(user)), users))
            assert sorted(account.user_id for account in self.listing(opened)) == sorted(users)

    def test_reading_writes_nothing(self, store: Store) -> None:
        with store.open(read_only=True) as opened:
            with pytest.raises(WriteInCheckMode), opened.locked(USER):
                pass
            assert opened.read(USER) is None
        with store.open(read_only=True) as opened:
            assert list(self.listing(opened)) == []

    def test_it_closes_after_an_error(self, store: Store) -> None:
        def fail() -> None:
            with store.open(read_only=False) as opened:
                put(opened, record_of())
                raise UiPathError("stop")

        with pytest.raises(UiPathError, match="stop"):
            fail()
        with store.open(read_only=False) as opened:
            assert opened.read(USER) == record_of()
            assert [account.user_id for account in self.listing(opened)] == [USER]

    def test_its_place_and_its_secrets_can_be_told_apart(self, store: Store) -> None:
        assert store.place
        assert not any(secret in store.place for secret in store.secrets())

    def listing(self, opened: OpenStore) -> Sequence[StoredAccount]:
        """List the accounts. A store whose listing lags overrides it, and waits until it shows what was written."""
        return opened.accounts()

    def interfere(self, store: Store, record: Record) -> None:
        """Write a record as a process does that does not respect locks."""
        raise NotImplementedError

    def damage(self, store: Store, user_id: str) -> None:
        """Replace a record by something that is none, as a failing disk or an administrator does."""
        raise NotImplementedError
