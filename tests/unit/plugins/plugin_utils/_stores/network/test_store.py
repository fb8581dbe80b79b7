# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    RecordDeleted,
    Store,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore, network_store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    FULL,
    ODD,
    TIME,
    URL,
    USER,
    StoreContract,
    put,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.network.memory_server import MemoryServer

KEYS = {"Username": "user_name", "Password": "password"}
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
STAGED = replace(record_of(), pending=Pending(ODD, f"{ODD}2", TIME))


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def network(server: MemoryServer, clock: Clock) -> NetworkStore:
    return NetworkStore(server, KEYS, identity_url=URL, now=clock, sleep=clock.sleep)


def server_of(store: Store) -> MemoryServer:
    assert isinstance(store, NetworkStore)
    assert isinstance(store.server, MemoryServer)
    return store.server


@pytest.fixture(params=["numbered", "without-numbers"])
def counts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "numbered")


class TestContract(StoreContract):
    has_locks = False

    @pytest.fixture
    def store(self, network: NetworkStore, server: MemoryServer, counts: bool) -> Store:
        server.counts = server.keeps_versions = counts
        return network

    def interfere(self, store: Store, record: Record) -> None:
        assert isinstance(store, NetworkStore)
        with replace(store).open(read_only=False) as opened:
            put(opened, record)

    def damage(self, store: Store, user_id: str) -> None:
        server_of(store).versions[user_id].append({"something": "else"})


class TestLeases:
    def test_another_run_finds_an_account_busy_until_the_lease_ends(self, network: NetworkStore, clock: Clock) -> None:
        with network.open(read_only=False) as first, network.open(read_only=False) as second:
            put(first, STAGED)
            for read in (second.read, lambda user: put(second, replace(STAGED, generation=2))):
                with pytest.raises(Busy, match=r"Its lease ends at 2026-05-01T12:05:00\+00:00") as busy:
                    read(USER)
                assert busy.value.record == STAGED
            assert first.read(USER) == STAGED
            clock.sleep(301)
            put(second, replace(STAGED, generation=2))
            with pytest.raises(Busy):
                first.read(USER)

    @pytest.mark.parametrize(
        "record", [record_of(), replace(STAGED, pending=Pending(ODD, "new", TIME, maybe_live=False))], ids=["ok", "not"]
    )
    def test_only_a_pair_that_may_be_live_is_leased(self, network: NetworkStore, record: Record) -> None:
        with network.open(read_only=False) as first, network.open(read_only=False) as second:
            put(first, STAGED)
            put(first, replace(record, generation=2))
            assert second.read(USER) == replace(record, generation=2)

    def test_a_lease_of_a_clock_that_is_far_ahead_does_not_count(self, network: NetworkStore, clock: Clock) -> None:
        with network.open(read_only=False) as first, network.open(read_only=False) as second:
            clock.time += timedelta(days=365)
            put(first, STAGED)
            clock.time = NOW
            assert second.read(USER) == STAGED

    def test_a_run_that_reads_only_sees_the_record_of_a_busy_account(self, network: NetworkStore) -> None:
        with network.open(read_only=False) as first, network.open(read_only=True) as second:
            put(first, STAGED)
            [found] = second.read_many([USER])
            assert isinstance(found, Busy)
            assert found.record == STAGED
            assert [account.label for account in second.accounts()] == [f"label {USER}"]

    def test_it_is_as_long_as_the_run_needs(self, server: MemoryServer) -> None:
        options = {"consumer_keys": KEYS, "lease_seconds": 300.0, "rebind_from": None}
        for shortest, seconds in ((10, 300), (500, 500)):
            store = network_store(server, options, StoreContext("/", identity_url=URL, shortest_lease=shortest))
            with store.open(read_only=False) as opened:
                put(opened, replace(STAGED, account=replace(STAGED.account, user_id=f"user-{shortest}")))
            assert server.newest(f"user-{shortest}")[KEY]["lease"]["seconds"] == seconds


class TestWrites:
    """A write whose outcome is not known is found out about, before anything else happens."""

    @pytest.mark.parametrize("faults", [["lost"], ["answer lost"], ["throttled"], ["lost", "throttled", "answer lost"]])
    def test_that_get_no_answer_are_confirmed(
        self, network: NetworkStore, server: MemoryServer, faults: list[str]
    ) -> None:
        with network.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            with opened.locked(USER) as locked_record:
                locked_record.read()
                server.faults["write"] = faults
                assert locked_record.write(STAGED)
                assert locked_record.write(replace(STAGED, generation=2))
        assert len(server.versions[USER]) == 3

    def test_that_get_no_answer_may_be_those_of_another_run(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened, network.open(read_only=False) as other:
            put(opened, record_of(generation=1))
            with opened.locked(USER) as locked_record:
                locked_record.read()
                put(other, record_of(generation=2))
                server.faults["write"] = ["lost"]
                assert locked_record.write(STAGED) is False
        assert len(server.versions[USER]) == 2

    @pytest.mark.parametrize("fault", ["lost", "throttled"])
    def test_that_never_get_one_stop_the_run(self, network: NetworkStore, server: MemoryServer, fault: str) -> None:
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            server.faults["write"] = [fault] * 9
            with pytest.raises(NotDurable, match="It is not known whether the record") as stopped:
                locked_record.write(STAGED)
            assert stopped.value.stops_task

    def test_cannot_be_found_out_about_without_reads(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            server.faults = {"write": ["answer lost"] * 9, "read": ["throttled"] * 99}
            with pytest.raises(NotDurable):
                locked_record.write(STAGED)

    def test_that_a_right_is_missing_for_are_not_repeated(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            server.faults["write"] = ["refused"]
            with pytest.raises(StoreError, match="lacks a right"):
                locked_record.write(STAGED)
        assert server.calls.count("write") == 1

    def test_after_a_stale_read_replace_nothing(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            put(opened, record_of(generation=2))
            with opened.locked(USER) as locked_record:
                server.counts = False  # else the number inside shows nothing unusual either: both are the older one's
                server.faults["read"] = ["stale"]
                assert locked_record.read() == record_of(generation=1)
                assert locked_record.write(STAGED) is False
                server.faults["read"] = ["stale", "stale"]
                locked_record.read()
                with pytest.raises(StoreError, match="refuses to replace the record"):
                    locked_record.write(STAGED)
        assert len(server.versions[USER]) == 2


class TestWentBackwards:
    """An older version was written again, such as by a rollback."""

    @pytest.fixture
    def rolled_back(self, network: NetworkStore, server: MemoryServer) -> NetworkStore:
        with network.open(read_only=False) as opened:
            put(opened, record_of(generation=1, password="first"))
            put(opened, record_of(generation=2, password="second"))
        server.versions[USER].append(server.versions[USER][0])
        return network

    def test_is_told_by_a_read_and_closes_the_account_under_the_lock(self, rolled_back: NetworkStore) -> None:
        with rolled_back.open(read_only=False) as opened:
            with pytest.raises(WentBackwards, match="is version 1, not the newest one") as backwards:
                opened.read(USER)
            assert backwards.value.account == record_of().account
            with (
                opened.locked(USER) as locked_record,
                pytest.raises(StoreError, match=r"Nothing was sent\. The passwords"),
            ):
                locked_record.read()
            record = opened.read(USER)
        assert record
        assert (record.status, record.reason, record.generation) == ("out_of_sync", "record_conflict", 3)
        assert record.current.password == "first"
        assert [orphan.password for orphan in record.orphans] == ["second"]

    def test_writes_nothing_if_another_run_writes(self, rolled_back: NetworkStore, server: MemoryServer) -> None:
        def interfere(call: str) -> None:
            if call == "write":
                server.watch = lambda _call: None
                server.versions[USER].append(server.versions[USER][1])

        server.watch = interfere
        with (
            rolled_back.open(read_only=False) as opened,
            opened.locked(USER) as locked_record,
            pytest.raises(Busy, match="Another process is writing"),
        ):
            locked_record.read()


class TestConsumers:
    def test_read_the_current_password_at_the_top(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened:
            put(opened, FULL)
        content = {key: value for key, value in server.newest(USER).items() if key != KEY}
        assert content == {"Username": f"{USER}@example.com", "Password": ODD}

    def test_have_no_key_for_a_name_that_is_not_known(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened:
            put(opened, record_of(user_name=None))
        assert set(server.newest(USER)) == {"Password", KEY}

    def test_are_shown_a_first_version_and_then_none_with_a_staged_pair(
        self, network: NetworkStore, server: MemoryServer
    ) -> None:
        new = record_of(generation=4, password="new")
        seen = []
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            for record in (
                STAGED,
                replace(STAGED, generation=2, status="in_doubt"),
                replace(STAGED, generation=3, pending=None, status="out_of_sync"),
                new,
                replace(new, generation=5, pending=Pending("new", "newer", TIME)),
                replace(new, generation=6, delivered=False),
            ):
                locked_record.read()
                assert locked_record.write(record)
                seen.append(server.published[USER][KEY]["record"]["generation"])
        assert seen == [1, 1, 1, 4, 4, 4]

    def test_are_shown_a_password_that_was_adopted_when_no_pair_is_staged(
        self, network: NetworkStore, server: MemoryServer
    ) -> None:
        adopted = replace(record_of(generation=2, password="adopted"), pending=Pending("adopted", "new", TIME))
        with network.open(read_only=False) as opened:
            put(opened, record_of(generation=1))
            put(opened, adopted)
            assert server.published[USER]["Password"] == ODD
            put(opened, replace(adopted, generation=3, pending=None))
        assert server.published[USER]["Password"] == "adopted"


class TestConflicts:
    def test_with_what_is_no_record_are_kept_where_the_server_keeps_no_versions(
        self, network: NetworkStore, server: MemoryServer
    ) -> None:
        server.keeps_versions = False
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            assert locked_record.write(record_of(generation=1))
            server.versions[USER].append(None)
            assert locked_record.write(record_of(generation=2)) is False
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(record_of(generation=2))
            assert locked_record.write(record_of(generation=3))
        assert [version and version.token for version in server.beside] == [None, 2, None]

    def test_with_a_secret_that_was_deleted_begin_it_anew(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            assert locked_record.write(record_of(generation=1))
            server.versions.clear()
            assert locked_record.write(record_of(generation=2)) is False
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(record_of(generation=2))


class TestReads:
    def test_of_a_deleted_secret_raise(self, network: NetworkStore, server: MemoryServer) -> None:
        server.deleted.add(USER)
        with network.open(read_only=False) as opened:
            with pytest.raises(RecordDeleted):
                opened.read(USER)
            assert list(opened.user_ids()) == [USER]
            [account] = opened.accounts()
            assert isinstance(account.error, RecordDeleted)

    @pytest.mark.parametrize(
        "content",
        [
            None,
            {},
            {KEY: None},
            {KEY: {}},
            {KEY: {"lease": {}, "version": 1, "write": "", "is_published": True}},
            {KEY: {"lease": None, "version": "1", "write": "", "is_published": True}},
            {KEY: {"lease": {"run": "", "until": "", "seconds": ""}, "version": 1, "write": "", "is_published": True}},
            {KEY: {"lease": None, "version": 1, "write": "", "is_published": True}},
        ],
    )
    def test_of_what_is_no_record_raise(self, network: NetworkStore, server: MemoryServer, content: Any) -> None:
        server.versions[USER] = [content]
        with network.open(read_only=False) as opened, pytest.raises(StoreError, match=f"of {USER} in memory://secrets"):
            opened.read(USER)

    def test_of_another_account_raise(self, network: NetworkStore, server: MemoryServer) -> None:
        with network.open(read_only=False) as opened:
            put(opened, record_of("user-1"))
            server.versions["user-2"] = server.versions["user-1"]
            with pytest.raises(StoreError, match="it is the record of another user id"):
                opened.read("user-2")

    def test_are_repeated_while_the_server_throttles(self, network: NetworkStore, server: MemoryServer) -> None:
        server.faults["read"] = ["throttled"] * 3
        with network.open(read_only=False) as opened:
            assert opened.read(USER) is None
        assert server.calls.count("read") == 4

    def test_of_many_end_when_the_server_does_not_serve_one(self, network: NetworkStore, server: MemoryServer) -> None:
        server.faults["read"] = ["throttled"] * 999
        with replace(network, connections=1).open(read_only=False) as opened:
            found = list(opened.read_many([f"user-{number}" for number in range(100)]))
        assert all(isinstance(one, TryAgain) for one in found)
        assert server.calls.count("read") == 4


class TestBinding:
    def test_refuses_the_record_of_another_server(self, network: NetworkStore) -> None:
        with network.open(read_only=False) as opened:
            put(opened, record_of())
        other = replace(network, identity_url="https://other.example/identity_")
        with other.open(read_only=False) as opened, pytest.raises(StoreError, match="belongs to another server"):
            opened.read(USER)
        with replace(other, rebind_from=f"{URL}/").open(read_only=False) as opened:
            record = opened.read(USER)
            assert record
            assert record.account.identity_url == other.identity_url
        with replace(network, identity_url=None).open(read_only=False) as opened:
            assert opened.read(USER) == record_of()

    def test_only_reads_without_a_server(self, network: NetworkStore, server: MemoryServer) -> None:
        with (
            replace(network, identity_url=None).open(read_only=False) as opened,
            pytest.raises(UiPathError, match="open for reading only"),
            opened.locked(USER),
        ):
            pass
        assert server.calls == ["sign in"]

    def test_an_empty_id_is_refused(self, network: NetworkStore) -> None:
        with (
            network.open(read_only=False) as opened,
            pytest.raises(StoreError, match="The user id is empty"),
            opened.locked(""),
        ):
            pass


def test_the_server_is_closed_whatever_happens(network: NetworkStore, server: MemoryServer) -> None:
    with pytest.raises(UiPathError, match="stop"), network.open(read_only=False):
        raise UiPathError("stop")
    assert server.closed == 1
