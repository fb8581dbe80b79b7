# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import LockedRecord, NotDurable, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import RememberingCipher
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    COMMITTED,
    FIRST,
    HAND_WRITTEN,
    RESTAGED,
    SECOND,
    STAGED,
    THIRD,
    URL,
    USER,
    a_record,
    a_store,
    counting,
    fill,
    in_child,
    read,
    record_file,
    replace_file,
    under_lock,
)


class TestWrite:
    def test_keeps_the_record_before_it(self, directory: Path) -> None:
        fill(directory, STAGED)
        before = record_file(directory).read_bytes()
        fill(directory, COMMITTED)
        assert Layout(directory).previous(USER).read_bytes() == before

    def test_does_not_need_it(self, directory: Path) -> None:
        fill(directory, STAGED)
        shutil.rmtree(directory / ".prev")
        with a_store(directory).locked(USER) as locked_record:
            (directory / ".prev").rmdir()
            locked_record.read()
            assert locked_record.write(COMMITTED)
        assert read(directory) == COMMITTED

    def test_of_a_rotation_costs_two_encryptions_and_six_waits_for_the_disk(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(directory, a_record(1))
        store = a_store(directory)
        derived: list[object] = []
        waits: list[object] = []
        monkeypatch.setattr(RememberingCipher, "encrypt", counting(RememberingCipher.encrypt, derived))
        monkeypatch.setattr(os, "fsync", counting(os.fsync, waits))
        store.read(USER)
        with store.locked(USER) as locked_record:
            locked_record.read()
            assert locked_record.write(a_record(2, FIRST, SECOND))
            assert locked_record.write(a_record(3, SECOND))
        assert (len(derived), len(waits)) == (2, 6)

    def test_refuses_a_record_of_another_server(self, directory: Path) -> None:
        fill(directory, STAGED)
        with pytest.raises(StoreError, match="does not read back as written"):
            fill(directory, a_record(2, identity_url=URL + "/"))
        assert read(directory) == STAGED
        assert not list((directory / ".tmp").iterdir())

    def test_a_full_disk_leaves_the_old_record(self, directory: Path) -> None:
        fill(directory, STAGED)
        before = record_file(directory).read_bytes()

        def write_more() -> None:
            with a_store(directory).locked(USER) as locked_record:
                locked_record.read()
                resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
                with pytest.raises(StoreError, match="File too large") as caught:
                    locked_record.write(COMMITTED)
                assert CLEAR not in caught.value.message

        assert in_child(write_more) == 0
        assert record_file(directory).read_bytes() == before
        assert not list((directory / ".tmp").iterdir())

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_an_unconfirmed_write_is_told_apart(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """The file, its name, and the generation: whichever it is, the record is one of the two."""
        fill(directory, STAGED)
        waits: list[int] = []

        def fail(descriptor: int) -> None:
            waits.append(descriptor)
            if len(waits) == number:
                raise OSError(5, "Input/output error")

        with a_store(directory).locked(USER) as locked_record:
            locked_record.read()
            monkeypatch.setattr(os, "fsync", fail)
            with pytest.raises(NotDurable):
                locked_record.write(COMMITTED)
        assert read(directory) == (STAGED if number == 1 else COMMITTED)


class TestCompareAndSwap:
    def test_loses_to_who_was_first(self, directory: Path) -> None:
        fill(directory, STAGED)

        def race(locked_record: LockedRecord) -> None:
            locked_record.read()
            replace_file(directory, HAND_WRITTEN % (USER, "null"))
            theirs = record_file(directory).read_bytes()
            assert not locked_record.write(COMMITTED)
            assert record_file(directory).read_bytes() == theirs

        under_lock(directory, race)
        assert not list((directory / ".tmp").iterdir())

    def test_loses_to_who_came_right_after(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(directory, STAGED)
        rename = os.replace

        def overtaken(source: Path, target: Path) -> None:
            rename(source, target)
            target.write_bytes(b"theirs")

        def race(locked_record: LockedRecord) -> None:
            locked_record.read()
            monkeypatch.setattr(os, "replace", overtaken)
            assert not locked_record.write(COMMITTED)

        under_lock(directory, race)
        assert record_file(directory).read_bytes() == b"theirs"

    @pytest.mark.parametrize("was_there", [True, False])
    def test_loses_to_who_made_or_removed_the_file(self, directory: Path, was_there: bool) -> None:
        fill(directory, *([STAGED] if was_there else []))
        a_store(directory)

        def race(locked_record: LockedRecord) -> None:
            locked_record.read()
            if was_there:
                record_file(directory).unlink()
            else:
                replace_file(directory, HAND_WRITTEN % (USER, "null"))
            assert not locked_record.write(COMMITTED)

        under_lock(directory, race)

    def test_is_no_matter_of_numbers(self, directory: Path) -> None:
        """The same record, encrypted again, is another one: a number can be reached twice."""
        fill(directory.with_name("other"), STAGED)
        with fill(directory, STAGED).locked(USER) as locked_record:
            locked_record.read()
            shutil.copy(record_file(directory.with_name("other")), record_file(directory))
            assert not locked_record.write(COMMITTED)

    def test_may_replace_what_was_set_aside(self, directory: Path) -> None:
        fill(directory, STAGED)

        def settle(locked_record: LockedRecord) -> None:
            locked_record.read()
            for number in (1, 2):
                replace_file(directory, HAND_WRITTEN % (USER, "null"))
                theirs = record_file(directory).read_bytes()
                assert not locked_record.write(COMMITTED)
                found = locked_record.preserve_conflict()
                assert found
                assert found.current.password == "by hand"
                assert locked_record.write(replace(COMMITTED, generation=2 + number))
                assert Layout(directory).conflict(USER, number).read_bytes() == theirs

        under_lock(directory, settle)
        assert read(directory) == replace(COMMITTED, generation=4)

    def test_keeps_what_is_no_record(self, directory: Path) -> None:
        fill(directory, STAGED)

        def settle(locked_record: LockedRecord) -> None:
            locked_record.read()
            record_file(directory).write_bytes(b"garbage")
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(COMMITTED)

        under_lock(directory, settle)
        assert Layout(directory).conflict(USER, 1).read_bytes() == b"garbage"
        assert read(directory) == COMMITTED

    def test_writes_again_where_the_file_is_gone(self, directory: Path) -> None:
        fill(directory, STAGED)

        def settle(locked_record: LockedRecord) -> None:
            locked_record.read()
            record_file(directory).unlink()
            assert not locked_record.write(COMMITTED)
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(COMMITTED)

        under_lock(directory, settle)
        assert read(directory) == COMMITTED


class TestOldBackup:
    def test_is_refused_and_closed(self, directory: Path) -> None:
        fill(directory, STAGED)
        backup = record_file(directory).read_bytes()
        fill(directory, COMMITTED, RESTAGED, a_record(4, THIRD))
        record_file(directory).write_bytes(backup)
        with pytest.raises(StoreError, match=r"generation 1, not 4.*Nothing was sent"):
            a_store(directory, read_only=True).read(USER)
        assert record_file(directory).read_bytes() == backup
        with pytest.raises(StoreError, match="state=resumed and force=true"):
            read(directory)
        closed = read(directory)
        assert (closed.status, closed.generation) == ("out_of_sync", 5)
        assert closed.orphans[0].password == THIRD
        assert closed.candidates()[:2] == (SECOND, FIRST)

    def test_is_noticed_after_a_kill_before_the_generation_was_noted(self, directory: Path) -> None:
        fill(directory, STAGED)
        backup = record_file(directory).read_bytes()
        fill(directory, COMMITTED)
        lock = Layout(directory).lock(USER)
        lock.write_bytes(b"%019d\n" % 1)
        assert read(directory) == COMMITTED
        record_file(directory).write_bytes(backup)
        with pytest.raises(StoreError, match="older than the last one written"):
            read(directory)
