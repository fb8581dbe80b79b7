# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    LockedRecord,
    NotDurable,
    OpenStore,
    StoreError,
    WentBackwards,
    find_record,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import RememberingCipher
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    COMMITTED,
    FIRST,
    RESTAGED,
    SECOND,
    SECRETS,
    STAGED,
    THIRD,
    URL,
    USER,
    a_record,
    a_store,
    close,
    fill,
    found_id,
    in_child,
    kill_process,
    read,
    record_file,
    texts,
    under_lock,
)

HAND_WRITTEN = """
schema: 1
account: {identity_url: https://cloud.example/acme/identity_, user_id: %s, name: null, user_name: null}
current: {password: by hand, since: %s, source: rotated}
generation: 1
pending: null
orphans: []
previous: []
status: ok
unproven_sends: 0
delivered: true
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


def replace_file(directory: Path, plain: str) -> None:
    """Replace the record the way `ansible-vault edit` does."""
    record_file(directory).write_bytes(VaultLib(SECRETS).encrypt(plain, secret=SECRETS[0][1]))


class TestWrite:
    def test_is_read_again(self, directory: Path) -> None:
        store: OpenStore = fill(directory, STAGED, COMMITTED)
        assert store.read(USER) == store.read(USER.upper()) == read(directory) == COMMITTED

    @pytest.mark.parametrize(
        "password",
        [
            "yes",
            "1e3",
            "2026-01-01",
            "~",
            "- a",
            "a: b #c",
            "'\"\\",
            " x ",
            "%@`",
            "\x7f\x01\t",
            "\u2028\u00e9\U0001f600",
            "x" * 300,
        ],
    )
    def test_keeps_every_character(self, directory: Path, password: str) -> None:
        fill(directory, a_record(1, password))
        assert read(directory).current.password == password

    def test_refuses_an_unpaired_surrogate(self, directory: Path) -> None:
        a_store(directory)
        with pytest.raises(StoreError, match="unpaired surrogate"):
            under_lock(directory, lambda locked_record: locked_record.write(a_record(1, "\ud83d")))

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

    def test_is_shown_by_ansible_vault(self, directory: Path, tmp_path: Path) -> None:
        fill(directory, COMMITTED)
        (tmp_path / "password").write_bytes(SECRETS[0][1].bytes)
        command = [
            sys.executable,
            "-m",
            "ansible",
            "vault",
            "view",
            "--vault-password-file",
            str(tmp_path / "password"),
        ]
        environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "PAGER": "cat"}
        shown = subprocess.run(
            [*command, str(record_file(directory))], env=environment, capture_output=True, check=True, text=True
        )
        document = yaml.safe_load(shown.stdout)
        assert document["current"] == {"password": SECOND, "since": COMMITTED.current.since, "source": "rotated"}
        assert document["previous"][0]["password"] == FIRST

    def test_takes_the_tagged_strings_of_new_versions(self, directory: Path) -> None:
        class Tagged(str):
            __slots__ = ()

        fill(directory, a_record(1, Tagged(FIRST)))
        assert read(directory) == a_record(1, FIRST)

    def test_refuses_a_record_of_another_server(self, directory: Path) -> None:
        fill(directory, STAGED)
        with pytest.raises(StoreError, match="does not read back as written"):
            fill(directory, a_record(2, identity_url=URL + "/"))
        assert read(directory) == STAGED
        assert not list((directory / ".tmp").iterdir())


def counting(call: Any, calls: list[object]) -> Any:
    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(call)
        return call(*arguments, **options)

    return counted


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


class TestFaults:
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

    def test_a_deleted_record_is_no_new_account(self, directory: Path) -> None:
        fill(directory, STAGED)
        record_file(directory).unlink()
        before = texts(directory)
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"is missing.*or copy {Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    def test_nor_is_one_whose_lock_file_is_gone_too(self, directory: Path) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).unlink()
        Layout(directory).lock(USER).unlink()
        for _run in range(2):
            with pytest.raises(StoreError, match="is missing"):
                read(directory)

    @pytest.mark.parametrize("length", [0, 20, 100, 500, -3])
    def test_a_truncated_record_names_its_predecessor(self, directory: Path, length: int) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).write_bytes(record_file(directory).read_bytes()[:length])
        before = texts(directory)
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"cannot be decrypted.*{Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    def test_another_vault_password(self, directory: Path) -> None:
        fill(directory, STAGED)
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))])
        with pytest.raises(StoreError, match="the vault secret is not the one"), store.locked(USER) as locked_record:
            locked_record.read()

    def test_another_vault_password_begins_no_record(self, directory: Path) -> None:
        """A mistyped one would be the only one that decrypts the new record."""
        fill(directory, STAGED, a_record(1, user_id="damaged"))
        Layout(directory).record("damaged").write_bytes(b"garbage")
        assert a_store(directory, read_only=True).read("new") is None
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))], read_only=True)
        with pytest.raises(StoreError, match="do not decrypt the records"):
            store.read("new")

    def test_a_record_of_another_user(self, directory: Path) -> None:
        fill(directory, a_record(1, user_id="somebody"))
        Layout(directory).record("somebody").replace(record_file(directory))
        with pytest.raises(StoreError, match="belongs to another user, somebody"):
            read(directory)

    @pytest.mark.parametrize(
        ("plain", "message"),
        [
            (f"password: [{CLEAR}", "it is neither JSON nor YAML"),
            ("[" * 10_000, "it is neither JSON nor YAML"),
            (f"- {CLEAR}", "it is not a mapping"),
            (f"schema: 2\npassword: {CLEAR}", "its schema is not 1"),
            (HAND_WRITTEN % (USER, "2026-01-01"), "quote times"),
        ],
    )
    def test_a_record_that_is_none(self, directory: Path, plain: str, message: str) -> None:
        fill(directory, STAGED)
        replace_file(directory, plain)
        with pytest.raises(StoreError, match=message) as caught:
            read(directory)
        assert CLEAR not in caught.value.message

    def test_a_record_behind_a_link(self, directory: Path) -> None:
        fill(directory, STAGED)
        record_file(directory).rename(directory / "elsewhere")
        record_file(directory).symlink_to("elsewhere")
        with pytest.raises(StoreError, match=r"symbolic links.*\.yml"):
            read(directory)

    def test_one_written_by_hand_is_read(self, directory: Path) -> None:
        a_store(directory)
        replace_file(directory, HAND_WRITTEN % (USER.upper(), "'2026-01-01'"))
        assert read(directory).current.password == "by hand"


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


class TestAccount:
    def test_is_locked(self, directory: Path) -> None:
        store = fill(directory, STAGED)
        with store.locked(USER), pytest.raises(Busy), store.locked(USER.upper()):
            pass
        with store.locked(USER):
            pass

    def test_is_locked_from_other_processes_until_they_are_gone(self, directory: Path) -> None:
        store = fill(directory, STAGED)

        def take_it() -> None:
            with pytest.raises(Busy), a_store(directory).locked(USER):
                pass

        with store.locked(USER):
            assert in_child(take_it) == 0

        def die_with_it() -> None:
            with a_store(directory).locked(USER):
                kill_process()

        assert in_child(die_with_it) == -9
        assert read(directory) == STAGED

    def test_gives_errors_of_its_work_back_as_they_are(self, directory: Path) -> None:
        with pytest.raises(TimeoutError), a_store(directory).locked(USER):
            raise TimeoutError

    def test_is_not_for_reading(self, directory: Path) -> None:
        fill(directory, STAGED)
        with pytest.raises(WriteInCheckMode), a_store(directory, read_only=True).locked(USER):
            pass

    def test_of_many_threads(self, directory: Path) -> None:
        store = a_store(directory)
        start = threading.Barrier(64)

        def write(number: int) -> None:
            user = f"user-{number}"
            start.wait()
            with store.locked(user) as locked_record:
                assert locked_record.read() is None
                assert locked_record.write(a_record(1, user_id=user, name=f"robot {number}"))

        with ThreadPoolExecutor(64) as threads:
            list(threads.map(write, range(64)))
        close(store)
        reader = a_store(directory, read_only=True)
        assert all(reader.read(f"user-{number}") for number in range(64))
        assert found_id(reader, "robot 63") == "user-63"


class TestFind:
    def records(self) -> list[Record]:
        return [a_record(1, user_id=f"user-{n}", name=f"label {n}", user_name=f"Robot{n}") for n in range(3)]

    def test_by_user_id_label_and_user_name(self, directory: Path) -> None:
        store = fill(directory, *self.records(), STAGED)
        names = [USER.upper(), "user-2", "label 1", "robot0", "unknown"]
        assert [found_id(store, name) for name in names] == [USER, "user-2", "user-1", "user-0", None]

    def close_all(self, directory: Path) -> None:
        store = a_store(directory)
        for record in self.records():
            with store.locked(record.account.user_id) as locked_record:
                locked_record.read()
                assert locked_record.write(record)
        close(store)

    def test_decrypts_nothing(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.close_all(directory)
        assert CLEAR.encode() not in (directory / "index.json").read_bytes()
        decrypted: list[object] = []
        monkeypatch.setattr(RememberingCipher, "decrypt", counting(RememberingCipher.decrypt, decrypted))
        assert found_id(a_store(directory), "label 2") == "user-2"
        assert not decrypted

    @pytest.mark.parametrize(
        "content",
        [
            None,
            b"",
            b"garbage",
            b"[]",
            b'{"user-1": {}}',
            b'{"user-1": 3}',
            b'{"user-1": {"name": 5, "user_name": null, "stamp": []}}',
            b"[" * 100_000,
        ],
        ids=lambda content: str(content)[:30],
    )
    def test_does_without_an_index(self, directory: Path, content: bytes | None) -> None:
        self.close_all(directory)
        if content is None:
            (directory / "index.json").unlink()
        else:
            (directory / "index.json").write_bytes(content)
        assert found_id(a_store(directory, read_only=True), "label 1") == "user-1"

    def test_notices_what_changed_since_the_index_was_written(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.close_all(directory)
        renamed = a_record(2, user_id="user-1", name="label 2")
        fill(directory, renamed)  # and killed before the index was written
        Layout(directory).record("user-2").unlink()
        store = a_store(directory)
        decrypted: list[object] = []
        monkeypatch.setattr(RememberingCipher, "decrypt", counting(RememberingCipher.decrypt, decrypted))
        assert found_id(store, "label 2") == "user-1"
        assert found_id(store, "label 1") is None
        assert len(decrypted) == 1

    def test_by_a_name_while_a_record_has_gone_backwards(self, directory: Path) -> None:
        """Whose names are as good as ever. The account itself is stopped under its lock."""
        fill(directory, *self.records())
        old = Layout(directory).record("user-1").read_bytes()
        fill(directory, a_record(2, user_id="user-1", name="label 1"))
        Layout(directory).record("user-1").write_bytes(old)
        (directory / "index.json").unlink(missing_ok=True)
        store = a_store(directory)
        assert [found_id(store, name) for name in ("label 2", "label 1")] == ["user-2", "user-1"]
        with pytest.raises(WentBackwards):
            store.read("user-1")

    @pytest.mark.parametrize("name", ["Ж" * 200, "x" * 5000])
    def test_a_name_may_be_too_long_for_a_file(self, directory: Path, name: str) -> None:
        assert found_id(fill(directory, a_record(1, user_id="a", name=name)), name) == "a"
        assert found_id(fill(directory, STAGED), f"{name}!") is None

    def test_refuses_a_name_of_two_accounts(self, directory: Path) -> None:
        store = fill(directory, a_record(1, user_id="a"), a_record(1, user_id="b"))
        with pytest.raises(StoreError, match="several accounts: a, b"):
            find_record(store, "svc-robot")

    def test_says_what_it_could_not_read(self, directory: Path) -> None:
        store = fill(directory, *self.records())
        Layout(directory).record("user-1").write_bytes(b"garbage")
        with pytest.raises(StoreError, match=r"user-1\.yml cannot be used"):
            found_id(store, "label 1")

    def test_two_runs_do_not_forget_each_other(self, directory: Path) -> None:
        one, two = a_store(directory), a_store(directory)
        for store, record in zip((one, two), self.records()):
            with store.locked(record.account.user_id) as locked_record:
                assert locked_record.write(record)
        close(one)
        close(two)
        assert b"label 0" in (directory / "index.json").read_bytes()


def test_no_file_holds_clear_text(directory: Path) -> None:
    store = fill(directory, STAGED, COMMITTED, RESTAGED)
    with store.locked(USER) as locked_record:
        locked_record.read()
        locked_record.preserve_conflict()
    close(store)
    assert len(texts(directory)) == 6
    assert not [name for name, text in texts(directory).items() if CLEAR.encode() in text]
