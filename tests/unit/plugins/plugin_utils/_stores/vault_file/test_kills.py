# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file store, killed at every step."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultAES256
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import decode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locked_record import VaultFileRecord
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    COMMITTED,
    FIRST,
    FOURTH,
    RESTAGED,
    SECOND,
    STAGED,
    THIRD,
    URL,
    USER,
    KillAt,
    Killed,
    a_record,
    a_store,
    close,
    fill,
    in_child,
    kill_process,
    read,
    record_file,
    texts,
    under_lock,
)

MOST_EFFECTS = 60


@dataclass(frozen=True)
class Transition:
    """A write: what is there before, and what is written."""

    before: tuple[Record, ...]
    after: Record

    def make(self, directory: Path) -> None:
        under_lock(directory, lambda locked_record: write_over(locked_record, self.after))

    def check(self, directory: Path) -> None:
        """The record is the old or the new one, and what may be live before the kill is in it."""
        found = read(directory)
        stored = found and replace(found, orphans=())
        assert stored in ((self.before or (None,))[-1], self.after)
        if self.before:
            assert set(self.before[-1].candidates()) <= set(found.candidates())


TRANSITIONS = {
    "the first write": Transition((), STAGED),
    "a commit": Transition((STAGED,), COMMITTED),
    "a stage": Transition((STAGED, COMMITTED), RESTAGED),
}


def kills(template: Path, work: Callable[[Path], None]) -> Iterator[tuple[Path, list[str]]]:
    """Do the work on copies of a directory, killed at its first, second ... effect, until it ends unharmed."""
    for deadline in range(1, MOST_EFFECTS):
        directory = template.with_name(f"killed-{deadline}")
        shutil.copytree(template, directory)
        with KillAt(deadline) as kill, suppress(Killed):
            work(directory)
        yield directory, kill.effects
        if len(kill.effects) < deadline:
            return
    raise AssertionError("the work has no end")


def write_over(locked_record: VaultFileRecord, record: Record) -> None:
    locked_record.read()
    assert locked_record.write(record)


def leftovers(directory: Path) -> list[str]:
    return [name for name in texts(directory) if name.startswith(".tmp/")]


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the hundreds of key derivations, which take most of the time of a write and have no effect on a disk."""

    def derived(password: bytes, salt: bytes, key_length: int, iv_length: int) -> bytes:
        return hashlib.shake_256(password + salt).digest(2 * key_length + iv_length)

    monkeypatch.setattr(VaultAES256, "_create_key_cryptography", staticmethod(derived))


@pytest.fixture(params=TRANSITIONS)
def transition(request: pytest.FixtureRequest) -> Transition:
    return TRANSITIONS[request.param]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    directory = tmp_path / "store"
    a_store(directory)
    return directory


class TestATakeover:
    """The first write of a run on another controller, or under another URL."""

    NEW_URL = "https://new.example/identity"

    def test_is_durable_before_the_record(self, template: Path) -> None:
        fill(template, STAGED)
        moved: dict[str, Any] = {"identity_url": self.NEW_URL, "rebind_from": URL}
        moved = {**moved, "controller": "there", "any_controller": True}
        for directory, _effects in kills(template, lambda directory: put(a_store(directory, **moved), self._after())):
            binding = json.loads((directory / "store.json").read_bytes())
            url = self._url_in(directory)
            assert (binding["identity_url"], binding["controller"]) in ((URL, "here"), (self.NEW_URL, "there"))
            assert url in (binding["identity_url"], *binding["former"])
            assert url == URL or binding["identity_url"] == self.NEW_URL
            put(a_store(directory, **moved), replace(self._after(), generation=9))  # the option is still set
            assert self._url_in(directory) == self.NEW_URL

    def _after(self) -> Record:
        return replace(COMMITTED, account=replace(COMMITTED.account, identity_url=self.NEW_URL))

    def _url_in(self, directory: Path) -> str:
        record = decode(a_store(directory, identity_url=None).files.vault, record_file(directory).read_bytes(), USER)
        return record.account.identity_url


class TestAWrite:
    def test_leaves_the_old_or_the_new_record(self, template: Path, transition: Transition) -> None:
        fill(template, *transition.before)
        for directory, _effects in kills(template, transition.make):
            assert not any(CLEAR.encode() in text for text in texts(directory).values())
            transition.check(directory)
            under_lock(
                directory, lambda locked_record: write_over(locked_record, replace(transition.after, generation=9))
            )
            assert replace(read(directory), orphans=()) == replace(transition.after, generation=9)

    def test_leaves_a_second_copy_that_can_take_the_place_of_the_record(
        self, template: Path, transition: Transition
    ) -> None:
        """Nothing was sent from the new record unless the write was complete."""
        fill(template, *transition.before)
        for directory, _effects in kills(template, transition.make):
            copy = Layout(directory).previous(STAGED.account.user_id)
            record_file(directory).unlink(missing_ok=True)
            if not copy.exists():
                assert not transition.before
                continue
            shutil.copy(copy, record_file(directory))
            with suppress(StoreError):  # older than the last write: closed, with all passwords
                read(directory)
            possible = (transition.before or (transition.after,))[-1]
            assert set(replace(possible, previous=()).candidates()) <= set(read(directory).candidates())
        assert copy.read_bytes() == record_file(directory).read_bytes()
        assert read(directory) == transition.after

    @pytest.mark.parametrize("transition", ["the first write", "a commit"], indirect=True)
    def test_leaves_what_a_real_kill_leaves(self, template: Path, transition: Transition) -> None:
        fill(template, *transition.before)
        for deadline in range(1, MOST_EFFECTS):
            directory = template.with_name(f"killed-{deadline}")
            shutil.copytree(template, directory)

            def die_there(directory: Path = directory, deadline: int = deadline) -> None:
                with KillAt(deadline, kill_process):
                    transition.make(directory)

            code = in_child(die_there)
            assert code in (0, -signal.SIGKILL)
            transition.check(directory)  # so the lock is free, too
            if code == 0:
                return
        raise AssertionError("the work has no end")


class TestLeftovers:
    def test_their_passwords_come_into_the_record(self, template: Path) -> None:
        fill(template, STAGED, COMMITTED)
        found = [
            read(directory)
            for directory, effects in kills(template, TRANSITIONS["a stage"].make)
            if effects[-1] == "replace" and leftovers(directory)
        ]
        assert found
        assert all(record.orphans[0].password == THIRD for record in found)

    def test_they_go_once_a_record_holds_them(self, template: Path) -> None:
        fill(template, STAGED, COMMITTED)
        layout = Layout(template)
        left = layout.temporary(STAGED.account.user_id)
        os.link(record_file(template), left)

        def write_later(locked_record: VaultFileRecord) -> None:
            found = locked_record.read()
            assert found
            assert left.exists()
            assert locked_record.write(replace(found, generation=3))

        under_lock(template, write_later)
        assert not left.exists()

    @pytest.mark.parametrize("read_only", [True, False])
    def test_reading_without_the_lock_leaves_them_alone(self, template: Path, read_only: bool) -> None:
        fill(template, STAGED)
        left = Layout(template).temporary(STAGED.account.user_id)
        left.write_bytes(b"")
        before = texts(template)
        store = a_store(template, read_only=read_only)
        assert store.read(STAGED.account.user_id) == STAGED
        close(store)
        after = texts(template)
        assert (after.pop("index.vault", None) is None) == read_only
        assert after == before

    def test_what_does_not_decrypt_stays(self, template: Path) -> None:
        fill(template, STAGED)
        left = Layout(template).temporary(STAGED.account.user_id)
        left.write_bytes(record_file(template).read_bytes()[:-90])
        TRANSITIONS["a commit"].make(template)
        assert left.exists()
        assert read(template) == COMMITTED

    def test_of_a_first_write_are_taken_over_once_there_is_a_record(self, template: Path) -> None:
        found = []
        for directory, effects in kills(template, TRANSITIONS["the first write"].make):
            if effects[-1] == "replace" and leftovers(directory):
                fill(directory, a_record(1, FIRST, FOURTH))
                found.append(read(directory))
        assert [orphan.password for record in found for orphan in record.orphans] == [SECOND]

    @pytest.mark.parametrize(("record", "has_lock"), [(STAGED, False), (COMMITTED, False), (COMMITTED, True)])
    def test_show_that_a_record_is_gone(self, template: Path, record: Record, has_lock: bool) -> None:
        fill(template, record)
        layout = Layout(template)
        record_file(template).replace(layout.temporary(STAGED.account.user_id))
        layout.previous(STAGED.account.user_id).unlink()
        layout.lock(STAGED.account.user_id).unlink()
        if has_lock:
            layout.lock(STAGED.account.user_id).write_bytes(b"0" * 19 + b"\n")
        for _run in range(2):
            with pytest.raises(StoreError, match="a killed run left a version of it"):
                read(template)


def old_backup(template: Path) -> None:
    """Restore the record as it was two writes ago. The live password is in its predecessor only."""
    fill(template, STAGED)
    backup = record_file(template).read_bytes()
    fill(template, COMMITTED, RESTAGED, replace(a_record(4, THIRD)))
    record_file(template).write_bytes(backup)


def refused(directory: Path) -> None:
    with pytest.raises(StoreError, match="is older than the last one written"):
        read(directory)


class TestClosingAnOldBackup:
    def test_loses_nothing(self, template: Path) -> None:
        old_backup(template)
        for directory, _effects in kills(template, refused):
            with suppress(StoreError):
                read(directory)
            closed = read(directory)
            assert closed.status == "out_of_sync"
            assert {FIRST, SECOND, THIRD} <= set(closed.candidates())


class TestSettingAside:
    def test_loses_nothing_of_either(self, template: Path) -> None:
        theirs = fill(template.with_name("other"), STAGED, COMMITTED, RESTAGED)
        close(theirs)
        foreign = record_file(template.with_name("other")).read_bytes()
        fill(template, STAGED)

        def commit(directory: Path) -> None:
            def work(locked_record: VaultFileRecord) -> None:
                assert locked_record.read() == STAGED
                record_file(directory).write_bytes(foreign)
                assert not locked_record.write(COMMITTED)
                found = locked_record.preserve_conflict()
                assert found
                assert locked_record.write(replace(COMMITTED, generation=4))

            under_lock(directory, work)

        last: Any = None
        for directory, _effects in kills(template, commit):
            assert foreign in texts(directory).values() or read(directory) == STAGED
            last = directory
        assert read(last) == replace(COMMITTED, generation=4)
        assert texts(last)[f"{record_file(last).name}.conflict-1"] == foreign
