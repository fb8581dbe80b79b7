# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
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
    texts,
    under_lock,
)


def failing_copy(rename: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    """Return a rename that the directory of the second copies does not allow."""

    def renamed(source: Path, target: Path) -> None:
        if target.parent.name == ".prev":
            raise OSError(5, "Input/output error", str(target))
        rename(source, target)

    return renamed


class TestWrite:
    def test_keeps_a_second_copy(self, directory: Path) -> None:
        for record in (STAGED, COMMITTED):
            fill(directory, record)
            copy = Layout(directory).previous(USER)
            assert copy.read_bytes() == record_file(directory).read_bytes()
            assert copy.stat().st_ino != record_file(directory).stat().st_ino

    def test_makes_the_directory_of_the_copies_again(self, directory: Path) -> None:
        fill(directory, STAGED)
        shutil.rmtree(directory / ".prev")
        with a_store(directory).locked(USER) as locked_record:
            (directory / ".prev").rmdir()
            locked_record.read()
            assert locked_record.write(COMMITTED)
        assert Layout(directory).previous(USER).read_bytes() == record_file(directory).read_bytes()

    def test_fails_without_a_copy_of_a_new_password(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Otherwise the password would be sent, and a deleted record would have been its only place."""
        fill(directory, COMMITTED)
        with a_store(directory).locked(USER) as locked_record:
            locked_record.read()
            monkeypatch.setattr(os, "replace", failing_copy(os.replace))
            with pytest.raises(StoreError, match=r"Input/output error.*Nothing more was sent"):
                locked_record.write(RESTAGED)
        assert read(directory) == RESTAGED

    def test_needs_no_copy_of_what_the_present_copy_holds(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(directory, STAGED)
        copy = Layout(directory).previous(USER).read_bytes()
        with a_store(directory).locked(USER) as locked_record:
            locked_record.read()
            monkeypatch.setattr(os, "replace", failing_copy(os.replace))
            assert locked_record.write(COMMITTED)
        assert read(directory) == COMMITTED
        assert Layout(directory).previous(USER).read_bytes() == copy

    def test_needs_one_if_the_present_copy_was_lost(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(directory, STAGED)
        Layout(directory).previous(USER).write_bytes(b"garbage")
        with a_store(directory).locked(USER) as locked_record:
            locked_record.read()
            monkeypatch.setattr(os, "replace", failing_copy(os.replace))
            with pytest.raises(StoreError, match="Input/output error"):
                locked_record.write(COMMITTED)

    def test_of_a_rotation_costs_two_encryptions_and_nine_waits_for_the_disk(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file, its name, the second copy and the generation; of a copy with a new password, its name as well."""
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
        assert (len(derived), len(waits)) == (2, 9)

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

    @pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
    def test_an_unconfirmed_write_is_told_apart(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """The file, its name, the copy, its name, the generation: whichever it is, the record is one of the two."""
        fill(directory, COMMITTED)
        waits: list[int] = []

        def fail(descriptor: int) -> None:
            waits.append(descriptor)
            if len(waits) == number:
                raise OSError(5, "Input/output error")

        with a_store(directory).locked(USER) as locked_record:
            locked_record.read()
            monkeypatch.setattr(os, "fsync", fail)
            with pytest.raises(NotDurable):
                locked_record.write(RESTAGED)
        assert read(directory) == (COMMITTED if number == 1 else RESTAGED)


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


class TestLostLock:
    """The lock file is deleted while a run holds it, and a second run locks a new one."""

    def test_the_first_run_sends_nothing_more(self, directory: Path) -> None:
        fill(directory, COMMITTED)
        with a_store(directory).locked(USER) as first:
            first.read()
            Layout(directory).lock(USER).unlink()
            with a_store(directory).locked(USER) as second:
                second.read()
                with pytest.raises(StoreError, match=r"lock file .* was deleted or replaced.*Nothing more was sent"):
                    first.write(RESTAGED)
                assert second.write(replace(RESTAGED, generation=4))
        assert read(directory) == replace(RESTAGED, generation=4)

    def test_nor_if_that_happens_right_before_its_rename(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second run has seen the file that is about to be renamed: it would not lose its password either."""
        fill(directory, COMMITTED)
        rename = os.replace
        second = ExitStack()
        seen: list[Record] = []
        written: list[bool] = []

        def overtaken(source: Path, target: Path) -> None:
            monkeypatch.setattr(os, "replace", rename)
            Layout(directory).lock(USER).unlink()
            locked_record = second.enter_context(a_store(directory).locked(USER))
            seen.append(locked_record.read() or COMMITTED)
            rename(source, target)
            second.callback(lambda: written.append(locked_record.write(replace(COMMITTED, generation=3))))

        with a_store(directory).locked(USER) as first:
            first.read()
            monkeypatch.setattr(os, "replace", overtaken)
            with pytest.raises(StoreError, match="was deleted or replaced"):
                first.write(RESTAGED)
        second.close()
        assert [orphan.password for orphan in seen[0].orphans] == [THIRD]
        assert written == [False]
        assert read(directory) == RESTAGED


class TestOldBackup:
    def test_is_refused_and_closed(self, directory: Path) -> None:
        fill(directory, STAGED)
        backup = record_file(directory).read_bytes()
        fill(directory, COMMITTED, RESTAGED, a_record(4, THIRD))
        record_file(directory).write_bytes(backup)
        with pytest.raises(StoreError, match=r"generation 1, not 4.*replaced\.$"):
            a_store(directory, read_only=True).read(USER)
        assert record_file(directory).read_bytes() == backup
        with pytest.raises(StoreError, match=r"Nothing was sent.* state: resumed and force: true"):
            read(directory)
        closed = read(directory)
        assert (closed.status, closed.generation) == ("out_of_sync", 5)
        assert closed.orphans[0].password == THIRD
        assert closed.candidates()[:2] == (SECOND, FIRST)

    def test_does_not_allow_the_requests_without_a_proof_again(self, directory: Path) -> None:
        fill(directory, STAGED)
        backup = record_file(directory).read_bytes()
        fill(directory, replace(STAGED, generation=2, unproven_sends=8, unproven_limit=8))
        record_file(directory).write_bytes(backup)
        with pytest.raises(StoreError, match="older than the last one written"):
            read(directory)
        assert read(directory).unproven_sends == 8

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

    def test_is_not_closed_if_the_second_copy_cannot_be_read(self, directory: Path) -> None:
        """The write that closes the account would replace the copy."""
        fill(directory, STAGED)
        backup = record_file(directory).read_bytes()
        fill(directory, COMMITTED, RESTAGED)
        record_file(directory).write_bytes(backup)
        copy = Layout(directory).previous(USER)
        copy.write_bytes(VaultLib().encrypt("rekeyed", secret=VaultSecret(b"another")))
        before = texts(directory)
        for _run in range(2):
            with pytest.raises(StoreError, match=rf"{copy}, cannot be decrypted.*vault password of that file as well"):
                read(directory)
        assert texts(directory) == before


class TestEdited:
    def test_passwords_that_an_editor_removed_are_orphans(self, directory: Path) -> None:
        """The generation was raised, so the record is not outdated. Its second copy knows what was in it."""
        fill(directory, COMMITTED, RESTAGED)
        replace_file(directory, (HAND_WRITTEN % (USER, "null")).replace("generation: 1", "generation: 4"))
        edited = read(directory)
        assert [orphan.password for orphan in edited.orphans] == [THIRD, SECOND]
