# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of an account between stores: a kill, a failure or another run at every single step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.account import Stores, move_account, predicted
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Move, Orphan, Record, redacted
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    LockedRecord,
    OpenStore,
    Store,
    StoreError,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import BatchLimits, RotationTask
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    NEW,
    OLD,
    MemoryStore,
    PasswordServer,
    days_ago,
    pending_record,
    record_of,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.network.memory_server import MemoryServer
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, GIVEN_TOKEN, Clock, client_of

USER = "u1"
PAST_THE_LEASE = timedelta(minutes=20)
# Every record whose state a move has to keep.
RECORDS = {
    "ok": record_of(),
    "pending": pending_record(unproven_sends=1),
    "in doubt": pending_record(status="in_doubt", unproven_sends=2, stalled=1),
    "closed": record_of(
        status="out_of_sync",
        reason="wrong_password",
        error_codes=("PasswordMismatch",),
        orphans=(Orphan(NEW, days_ago(0), "rejected"),),
    ),
    "undelivered": record_of(has_consumers=True, delivered=False),
}
PAIRS = ("memory-memory", "network-network", "file-network", "network-file", "memory-network")
# Decryption takes time, and the stores of files keep every record alike.
CASES = [(kinds, state) for kinds in PAIRS for state in RECORDS if "file" not in kinds or state == "pending"]
Watch = Callable[[str], None]


class Killed(BaseException):
    """The process ends here: nothing of it runs any more."""


@dataclass
class WatchedRecord:
    """A record whose steps are announced before they begin and after they are done."""

    record: LockedRecord
    name: str
    watch: Watch

    def read(self) -> Record | None:
        self.watch(f"before read {self.name}")
        return self.record.read()

    def write(self, record: Record) -> bool:
        self.watch(f"before write {self.name}")
        is_written = self.record.write(record)
        self.watch(f"after write {self.name}")
        return is_written


@dataclass
class WatchedStore:
    store: OpenStore
    name: str
    watch: Watch

    def read(self, user_id: str) -> Record | None:
        return self.store.read(user_id)

    @contextmanager
    def locked(self, user_id: str) -> Iterator[WatchedRecord]:
        self.watch(f"before lock {self.name}")
        with self.store.locked(user_id) as record:
            yield WatchedRecord(record, self.name, self.watch)


@dataclass
class World:
    """Two stores, and the server that knows the live password. `steps` are those of moves since the last `move`."""

    kinds: str
    folder: Path
    record: Record | None = field(default_factory=record_of)
    live: str = OLD
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    steps: list[str] = field(default_factory=list)
    watch: Watch = lambda _step: None

    def __post_init__(self) -> None:
        first, second = self.kinds.split("-")
        self.source, self.target = self.new_store(first, "source"), self.new_store(second, "target")
        self.identity = PasswordServer({USER: self.live})
        if self.record:
            self.put(self.source, self.record)
            self.time += PAST_THE_LEASE  # of the run that put it there

    def new_store(self, kind: str, name: str) -> Store:
        if kind == "memory":
            return MemoryStore()
        if kind == "file":
            secrets = [("default", VaultSecret(b"the vault password"))]
            return VaultFileStore(self.folder / name, secrets=secrets, identity_url=BASE, controller="here")
        return NetworkStore(
            MemoryServer(), {"Password": "password"}, identity_url=BASE, now=self.now, sleep=lambda _seconds: None
        )

    def now(self) -> datetime:
        return self.time

    def put(self, store: Store, record: Record) -> None:
        with store.open(read_only=False) as opened:
            put(opened, record)

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.watch(name)

    def move(self, *, back: bool = False) -> str:
        self.steps.clear()
        ends = (self.target, self.source) if back else (self.source, self.target)
        with ends[0].open(read_only=False) as ours, ends[1].open(read_only=False) as theirs:
            watched: list[Any] = [WatchedStore(ours, "source", self.step), WatchedStore(theirs, "target", self.step)]
            return move_account(Stores(watched[0], watched[1], "from", "to", self.now), USER)

    def attempt(self, *, back: bool = False) -> str:
        try:
            return self.move(back=back)
        except UiPathError as error:
            return error.status

    def rotate(self, store: Store, **wanted: Any) -> str:
        clock = Clock()
        request = request_of(USER, max_age_days=50, **wanted)
        try:
            with store.open(read_only=False) as opened:
                task = RotationTask(
                    opened,
                    client_of(self.identity, clock, GIVEN_TOKEN),
                    PasswordRules(),
                    BatchLimits(concurrency=1),
                    sleep=clock.sleep,
                )
                [result] = task.run([request], check_mode=False)
        except UiPathError as error:
            return error.status
        return str(result["status"])

    def stored(self, store: Store) -> Record | None:
        self.time += PAST_THE_LEASE
        with store.open(read_only=True) as opened:
            return opened.read(USER)

    def records(self) -> list[Record | None]:
        return [self.stored(self.source), self.stored(self.target)]

    def in_charge(self) -> list[Record]:
        return [record for record in self.records() if record and record.move is None]

    def check(self) -> None:
        """At most one store is in charge, and no password that may be live is missing in any store with a record."""
        assert len(self.in_charge()) <= 1
        records = [record for record in self.records() if record]
        assert records
        assert all(self.identity.live[USER] in record.candidates() for record in records)


@pytest.fixture
def world_of(tmp_path: Path) -> Callable[..., World]:
    def new(kinds: str = "memory-memory", record: Record | None = None, live: str = OLD) -> World:
        worlds = len(list(tmp_path.iterdir()))
        folder = tmp_path / str(worlds)
        folder.mkdir()
        return World(kinds, folder, record or record_of(), live)

    return new


def once_at(number: int, action: Callable[[], None], world: World) -> Watch:
    counted = iter(range(1, 10_000))

    def watch(_step: str) -> None:
        if next(counted) == number:
            world.watch = lambda _step: None
            action()

    return watch


def kill() -> None:
    raise Killed


def fail() -> None:
    raise StoreError("The store is full.")


def rotate_in_the_source(world: World, ends: list[str]) -> None:
    ends.append(world.rotate(world.source))


def move_too(world: World, ends: list[str]) -> None:
    ends.append(world.attempt())


def plain(record: Record | None) -> Record:
    """The record apart from what every write changes."""
    assert record
    return replace(record, generation=0)


@pytest.mark.parametrize(("kinds", "state"), CASES)
class TestMoveAccount:
    def test_puts_the_target_in_charge_of_the_record_as_it_was(
        self, world_of: Callable[..., World], kinds: str, state: str
    ) -> None:
        world = world_of(kinds, RECORDS[state])
        assert world.move() == "moved"
        source, target = world.records()
        assert plain(target) == plain(RECORDS[state])
        assert source
        assert source.move
        assert (source.status, source.move.place, source.move.is_copy) == ("moved", "to", False)
        assert source.candidates() == RECORDS[state].candidates()
        world.time += PAST_THE_LEASE
        assert (world.move(), world.records()) == ("already_moved", [source, target])

    @pytest.mark.parametrize(("action", "ends"), [(kill, Killed), (fail, StoreError)], ids=["kill", "failure"])
    def test_goes_on_after_an_end_at_every_step(
        self, world_of: Callable[..., World], kinds: str, state: str, action: Callable[[], None], ends: Any
    ) -> None:
        probe = world_of(kinds, RECORDS[state])
        probe.move()
        assert sum(step.startswith("before write") for step in probe.steps) == 3
        for number in range(1, len(probe.steps) + 1):
            world = world_of(kinds, RECORDS[state])
            world.watch = once_at(number, action, world)
            with pytest.raises(ends):
                world.move()
            world.check()
            is_complete = bool(world.in_charge()) and world.in_charge() == [world.stored(world.target)]
            assert world.move() == ("already_moved" if is_complete else "moved")
            world.check()
            assert plain(world.stored(world.target)) == plain(RECORDS[state])


class TestAMoveThatWasKilled:
    def killed(self, world: World, step: str) -> World:
        def watch(name: str) -> None:
            if name == step and (step != "after write target" or world.steps.count(step) == 1):
                world.watch = lambda _step: None
                kill()

        world.watch = watch
        with pytest.raises(Killed):
            world.move()
        return world

    @pytest.mark.parametrize("kinds", PAIRS)
    def test_leaves_the_source_in_charge_before_the_hand_over(self, world_of: Callable[..., World], kinds: str) -> None:
        world = self.killed(world_of(kinds), "before write source")
        assert world.rotate(world.target) == "moved"
        assert world.rotate(world.source) == "rotated"
        rotated = world.stored(world.source)
        assert world.move() == "moved"
        assert plain(world.stored(world.target)) == plain(rotated)
        world.check()

    @pytest.mark.parametrize("kinds", PAIRS)
    def test_leaves_neither_in_charge_after_it(self, world_of: Callable[..., World], kinds: str) -> None:
        world = self.killed(world_of(kinds), "after write source")
        assert world.in_charge() == []
        wanted: list[dict[str, Any]] = [
            {},
            {"force": True},
            {"state": "resumed", "force": True},
            {"state": "adopted", "initial_password": OLD, "force": True},
            {"state": "delivered"},
            {"state": "redeliver"},
            {"state": "present", "initial_password": OLD},
        ]
        before = world.records()
        assert [world.rotate(store, **one) for store in (world.source, world.target) for one in wanted] == (
            ["moved"] * 2 * len(wanted)
        )
        assert (world.identity.requests, world.records()) == ([], before)
        assert world.attempt(back=True) == "unfinished"
        assert world.move() == "moved"


@pytest.mark.parametrize("kinds", PAIRS)
class TestAnotherRun:
    def test_rotates_in_the_source_at_every_step(self, world_of: Callable[..., World], kinds: str) -> None:
        probe = world_of(kinds)
        probe.move()
        for number in range(1, len(probe.steps) + 1):
            world = world_of(kinds)
            ends: list[str] = []
            world.watch = once_at(number, partial(rotate_in_the_source, world, ends), world)
            world.attempt()
            assert ends in (["rotated"], ["moved"], ["busy"])
            world.check()
            world.time += PAST_THE_LEASE
            assert world.attempt() in ("moved", "already_moved")
            [record] = world.in_charge()
            assert record.current.password == world.identity.live[USER]
            world.check()

    def test_moves_the_account_as_well_at_every_step(self, world_of: Callable[..., World], kinds: str) -> None:
        probe = world_of(kinds)
        probe.move()
        for number in range(1, len(probe.steps) + 1):
            world = world_of(kinds)
            ends: list[str] = []
            world.watch = once_at(number, partial(move_too, world, ends), world)
            ends.append(world.attempt())
            assert set(ends) <= {"moved", "already_moved", "busy"}
            assert "moved" in ends
            world.check()
            assert world.in_charge() == [world.stored(world.target)]


def calls_of_a_rotation(world: World) -> MemoryServer:
    assert isinstance(world.source, NetworkStore)
    assert isinstance(world.source.server, MemoryServer)
    return world.source.server


class TestARotation:
    @pytest.mark.parametrize("waits", [timedelta(0), PAST_THE_LEASE], ids=["in-its-lease", "past-its-lease"])
    @pytest.mark.parametrize("answers", [[], ["lost"], ["dropped"]], ids=["answered", "answer-lost", "dropped"])
    @pytest.mark.parametrize("kinds", ["network-network", "network-file"])
    def test_may_find_its_account_moved_at_every_call(
        self, world_of: Callable[..., World], kinds: str, answers: list[str], waits: timedelta
    ) -> None:
        probe = world_of(kinds)
        probe.identity.faults = {USER: list(answers)}
        server = calls_of_a_rotation(probe)
        server.calls.clear()
        probe.rotate(probe.source)
        for number in range(1, sum(call in ("read", "write") for call in server.calls) + 1):
            world = world_of(kinds)
            world.identity.faults = {USER: list(answers)}
            self.move_at(number, world, waits)
            world.check()
            world.time += PAST_THE_LEASE
            assert world.attempt() in ("moved", "already_moved")
            world.time += PAST_THE_LEASE
            sends = len(world.identity.changes())
            assert world.rotate(world.source) == "moved"
            assert len(world.identity.changes()) == sends
            rotated = world.rotate(world.target, force=True)
            if rotated == "quarantined":  # the lost answers have used up the budget of failed sign-ins
                world.time += PAST_THE_LEASE
                rotated = world.rotate(world.target, state="resumed", force=True)
            assert rotated in ("rotated", "resumed")
            [record] = world.in_charge()
            assert record.current.password == world.identity.live[USER]

    def move_at(self, number: int, world: World, waits: timedelta) -> None:
        """Rotate in the source, and move the account before this call to its server."""
        server = calls_of_a_rotation(world)
        counted = iter(range(1, 10_000))

        def watch(_call: str) -> None:
            if next(counted) == number:
                server.watch = lambda _call: None
                world.time += waits
                assert world.attempt() in ("moved", "busy")

        server.watch = watch
        world.rotate(world.source)
        server.watch = lambda _call: None


class TestMoveBack:
    @pytest.mark.parametrize("kinds", PAIRS)
    def test_puts_the_former_source_in_charge_again(self, world_of: Callable[..., World], kinds: str) -> None:
        world = world_of(kinds)
        assert [world.move(), world.rotate(world.target), world.move(back=True)] == ["moved", "rotated", "moved"]
        world.check()
        assert world.in_charge() == [world.stored(world.source)]
        assert [world.rotate(world.target), world.rotate(world.source, force=True)] == ["moved", "rotated"]
        assert world.move() == "moved"
        assert world.in_charge() == [world.stored(world.target)]

    def test_keeps_the_passwords_of_the_record_that_it_replaces(self, world_of: Callable[..., World]) -> None:
        world = world_of("memory-memory")
        move = Move("1", "elsewhere", False, 1, "ok")
        world.put(world.target, record_of(password="another", status="moved", move=move))
        assert world.move() == "moved"
        [record] = world.in_charge()
        assert (record.current.password, record.candidates()) == (OLD, (OLD, "another"))
        assert record.orphans[0].why == "found in another store"


class TestRefusals:
    def test_leaves_a_target_in_charge_alone(self, world_of: Callable[..., World]) -> None:
        world = world_of("file-network")
        world.put(world.target, record_of(password="another"))
        before = world.records()
        assert (world.move(), world.records()) == ("conflict", before)

    def test_opens_no_copy_of_another_move(self, world_of: Callable[..., World]) -> None:
        moved, copy = (Move(str(is_copy), "there", is_copy, 1, "ok") for is_copy in (False, True))
        world = world_of("memory-memory", record_of(status="moved", move=moved))
        world.put(world.target, record_of(status="moved", move=copy))
        before = world.records()
        assert (world.move(), world.records()) == ("conflict", before)

    def test_opens_no_record_that_is_not_there(self, world_of: Callable[..., World]) -> None:
        world = world_of("memory-memory", record_of(status="moved", move=Move("1", "there", False, 1, "ok")))
        assert (world.move(), world.stored(world.target)) == ("conflict", None)

    def test_ends_if_other_runs_keep_writing(self, world_of: Callable[..., World]) -> None:
        world = world_of("network-network")

        def interfere(step: str) -> None:
            if step == "before write source":
                record = world.stored(world.source)
                assert record
                world.put(world.source, replace(record, generation=record.generation + 1))

        world.watch = interfere
        with pytest.raises(Busy, match="Other runs keep writing"):
            world.move()
        world.check()

    def test_moves_nothing_that_the_source_does_not_have(self, tmp_path: Path) -> None:
        assert World("memory-memory", tmp_path, None).move() == "no_record"


class TestPredicted:
    def test_tells_how_the_move_would_end(self, world_of: Callable[..., World]) -> None:
        world = world_of("file-network")

        def told() -> str:
            with world.source.open(read_only=True) as ours, world.target.open(read_only=True) as theirs:
                return predicted(Stores(ours, theirs, "from", "to", world.now), USER)

        before = world.records()
        assert (told(), world.records()) == ("would_move", before)
        world.move()
        assert told() == "already_moved"


def test_a_redacted_record_still_says_that_it_was_moved() -> None:
    moved: Sequence[Record] = [record_of(status="moved", move=Move("1", "there", False, 1, "ok"))]
    assert redacted(moved[0]).move == moved[0].move
