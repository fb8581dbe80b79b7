# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    OpenStore,
    RecordLost,
    StoreError,
    WrongSecret,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file import record_files
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import Vault
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import read_whole
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.record_files import SAMPLE
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    COMMITTED,
    SECRETS,
    STAGED,
    USER,
    a_record,
    a_store,
    close,
    fill,
    read,
    record_file,
    refuse_to_open,
    texts,
)


class TestRefusal:
    def test_a_deleted_record_is_no_new_account(self, directory: Path) -> None:
        fill(directory, STAGED)
        record_file(directory).unlink()
        before = texts(directory)
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"is missing.*Copy {Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    @pytest.mark.parametrize("trace", ["previous", "lock"])
    def test_a_deleted_record_is_listed_as_long_as_there_is_a_trace_of_it(self, directory: Path, trace: str) -> None:
        fill(directory, STAGED)
        layout = Layout(directory)
        for path in {layout.record, layout.previous, layout.lock} - {getattr(layout, trace)}:
            path(USER).unlink()
        reader = a_store(directory, read_only=True)
        assert reader.user_ids() == [USER]
        assert reader.read_cached([USER]) == [None]
        [lost] = reader.read_many([USER])
        assert isinstance(lost, RecordLost)
        assert (str(layout.previous(USER)) in lost.message) == (trace == "previous")

    def test_an_account_that_never_had_a_record_is_not_listed(self, directory: Path) -> None:
        with a_store(directory).locked(USER) as locked_record:
            assert locked_record.read() is None
        assert Layout(directory).lock(USER).exists()
        assert a_store(directory, read_only=True).user_ids() == []

    def test_an_account_with_a_damaged_lock_file_is_listed(self, directory: Path) -> None:
        fill(directory)
        Layout(directory).lock(USER).write_text("7")
        reader = a_store(directory, read_only=True)
        assert reader.user_ids() == [USER]
        with pytest.raises(StoreError, match="is damaged"):
            reader.read(USER)

    def test_nor_is_one_whose_lock_file_is_gone_too(self, directory: Path) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).unlink()
        Layout(directory).lock(USER).unlink()
        for _run in range(2):
            with pytest.raises(StoreError, match="is missing"):
                read(directory)

    @pytest.mark.parametrize("length", [0, 20, 100, 500, -3])
    def test_a_truncated_record_names_its_second_copy(self, directory: Path, length: int) -> None:
        fill(directory, STAGED, COMMITTED)
        record_file(directory).write_bytes(record_file(directory).read_bytes()[:length])
        before = texts(directory)
        why = "cannot be decrypted" if length > 20 or length < 0 else "is not in the format of Ansible Vault"
        for find in (lambda: a_store(directory).read(USER), lambda: read(directory)):
            with pytest.raises(StoreError, match=rf"{why}.*{Layout(directory).previous(USER)}"):
                find()
        assert texts(directory) == before

    def test_another_vault_password(self, directory: Path) -> None:
        fill(directory, STAGED)
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))])
        with pytest.raises(StoreError, match="the vault password is not the one"), store.locked(USER) as locked_record:
            locked_record.read()

    def test_another_vault_password_begins_no_record(self, directory: Path) -> None:
        """A mistyped one would be the only one that decrypts the new record."""
        fill(directory, STAGED, a_record(1, user_id="damaged"))
        Layout(directory).record("damaged").write_bytes(b"garbage")
        assert a_store(directory, read_only=True).read("new") is None
        store = a_store(directory, secrets=[("default", VaultSecret(b"another"))], read_only=True)
        with pytest.raises(StoreError, match=r"given \(default\) decrypts none of the records"):
            store.read("new")


OLD = ("old", SECRETS[0][1])
NEW = ("new", VaultSecret(b"the new vault password"))
BOTH: dict[str, Any] = {"secrets": [OLD, NEW], "vault_id": "new"}


def rekeyed(directory: Path, user_id: str) -> None:
    """Change the vault password of one record, as `ansible-vault rekey` does."""
    path = Layout(directory).record(user_id)
    path.write_bytes(VaultLib([NEW]).encrypt(VaultLib(SECRETS).decrypt(path.read_bytes()), secret=NEW[1]))


REASONS = {
    "no permission": r"Permission denied \(%s\)",
    "directory": "%s is not a regular file",
    "damaged disk": r"Input/output error \(%s\)",
}


def damaged_disk() -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


class TestAccounts:
    @pytest.mark.parametrize("left", [{"previous", "lock"}, {"previous"}, {"lock"}, set()])
    def test_show_records_that_are_gone(self, directory: Path, left: set[str]) -> None:
        fill(directory, STAGED, a_record(1, user_id="user-0", name="other"))
        layout = Layout(directory)
        record_file(directory).unlink()
        for name, path in (("previous", layout.previous(USER)), ("lock", layout.lock(USER))):
            if name not in left:
                path.unlink()
        store = a_store(directory)
        errors = {account.user_id: account.error for account in store.accounts()}
        assert {user_id: type(error) for user_id, error in errors.items() if error} == (
            {USER: RecordLost} if left else {}
        )
        assert errors["user-0"] is None
        assert store.user_ids() == ["user-0", *([USER] if left else [])]

    def test_show_no_account_whose_first_write_was_cut_off(self, directory: Path) -> None:
        store = fill(directory, STAGED)
        with store.locked("begun"), store.locked("noted"):
            Layout(directory).lock("noted").write_bytes(b"%019d\n" % 0)
        assert [account.user_id for account in store.accounts()] == [USER]

    @pytest.mark.parametrize("kind", ["no permission", "directory", "damaged disk"])
    def test_go_on_if_one_record_cannot_be_read(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        fill(directory, *(a_record(1, user_id=name, name=name) for name in ("user-0", "user-1", "user-2")))
        path = Layout(directory).record("user-1")
        store = a_store(directory)
        if kind == "no permission":
            refuse_to_open(monkeypatch, path)
        elif kind == "directory":
            path.unlink()
            path.mkdir()
        else:
            monkeypatch.setattr(
                record_files, "read_whole", lambda file: damaged_disk() if file == path else read_whole(file)
            )
        listed = {account.user_id: account for account in store.accounts()}
        assert [listed[name].label for name in ("user-0", "user-1", "user-2")] == ["user-0", None, "user-2"]
        assert [listed[name].error for name in ("user-0", "user-2")] == [None, None]
        assert re.search(REASONS[kind] % re.escape(str(path)), str(listed["user-1"].error))
        assert store.read("user-0")

    @pytest.mark.parametrize(
        "look",
        [
            lambda store: [store.read(USER)],
            lambda store: [account.error for account in store.accounts()],
            lambda store: store.read_many(store.user_ids()),
        ],
        ids=["read", "accounts", "user_ids"],
    )
    @pytest.mark.parametrize("is_locked_before", [False, True])
    def test_show_no_record_as_gone_that_a_concurrent_run_begins(
        self, tmp_path: Path, look: Callable[[OpenStore], list[object]], is_locked_before: bool
    ) -> None:
        """The other run writes the record after each of the file operations in turn."""
        for number in itertools.count(1):
            directory = tmp_path / str(number)
            other, store = a_store(directory), a_store(directory, read_only=True)
            if is_locked_before:
                with other.locked(USER):
                    pass
            with After(number, partial(put, other, STAGED)) as after:
                found = look(store)
            assert not [one for one in found if isinstance(one, StoreError)]
            if not after.has_worked:
                break
        assert number > 3


class After:
    """Works once, after this many file operations of the block."""

    def __init__(self, number: int, work: Callable[[], None]) -> None:
        self.left, self.work, self.has_worked = number, work, False
        self._patches = pytest.MonkeyPatch()

    def __enter__(self) -> After:
        for name in ("open", "stat", "listdir"):
            self._patches.setattr(os, name, self._counted(getattr(os, name)))
        return self

    def __exit__(self, *_reason: object) -> None:
        self._patches.undo()

    def _counted(self, call: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            try:
                return call(*arguments, **options)
            finally:
                self.left -= 1
                if self.left == 0:
                    self.has_worked = True
                    self._patches.undo()
                    self.work()

        return counted


class TestWrongSecret:
    def test_is_what_no_vault_password_decrypts_whatever_the_reason(self, directory: Path) -> None:
        fill(directory, STAGED)
        with pytest.raises(WrongSecret) as raised:
            a_store(directory, secrets=[NEW]).read(USER)
        assert raised.value.of_all(2).startswith(
            f"The vault password does not decrypt any of the 2 records in {directory}."
        )

    def test_is_not_a_record_that_is_decrypted_and_invalid(self, directory: Path) -> None:
        fill(directory, STAGED)
        record_file(directory).write_bytes(Vault(SECRETS).encrypt(b"{}"))
        with pytest.raises(StoreError) as raised:
            a_store(directory).read(USER)
        assert not isinstance(raised.value, WrongSecret)


class TestRefuseOtherSecret:
    @pytest.mark.parametrize("read_only", [True, False])
    def test_a_record_of_another_secret_than_that_of_vault_id_is_refused(
        self, directory: Path, read_only: bool
    ) -> None:
        """As after a mistyped vault password: the next version would be encrypted with it."""
        fill(directory, STAGED)
        with pytest.raises(StoreError, match=r"another vault password .* \(new\).*Nothing was sent.*set rekey: true"):
            a_store(directory, **BOTH, read_only=read_only).read(USER)

    def test_under_its_lock_too(self, directory: Path) -> None:
        fill(directory, STAGED)
        before = texts(directory)
        with a_store(directory, **BOTH).locked(USER) as locked_record, pytest.raises(StoreError, match="set rekey"):
            locked_record.read()
        assert texts(directory) == before

    def test_a_setting_of_ansible_names_the_secret_as_well(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(directory, STAGED)
        monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "new")
        with pytest.raises(StoreError, match="set rekey: true"):
            a_store(directory, secrets=[OLD, NEW]).read(USER)

    def test_the_lookup_reads_with_every_secret(self, directory: Path) -> None:
        fill(directory, STAGED)
        assert a_store(directory, **BOTH, identity_url=None, read_only=True).read(USER) == STAGED

    def test_one_secret_under_two_ids_is_no_other(self, directory: Path) -> None:
        fill(directory, STAGED)
        assert a_store(directory, secrets=[OLD, ("new", OLD[1])], vault_id="new").read(USER) == STAGED

    def test_rekey_accepts_it_once_the_secret_decrypts_a_record(self, directory: Path) -> None:
        fill(directory, STAGED, a_record(1, user_id="other"))
        for _run in range(2):
            with pytest.raises(StoreError, match=r"given \(new\) decrypts none.*begin with ansible-vault rekey"):
                a_store(directory, **BOTH, rekey=True).read(USER)
        rekeyed(directory, "other")
        store = a_store(directory, **BOTH, rekey=True)
        assert store.read(USER) == STAGED
        put(store, COMMITTED)
        assert a_store(directory, secrets=[NEW]).read(USER) == COMMITTED

    def test_the_index_does_not_make_it_one_that_can_be_read(self, directory: Path) -> None:
        """A run with both secrets has noted its names. One with the new secret alone cannot read any record."""
        fill(directory, STAGED)
        with_both = a_store(directory, **BOTH)
        assert [account.label for account in with_both.accounts()] == [STAGED.account.name]
        close(with_both)
        assert (directory / "index.vault").exists()
        reading: dict[str, Any] = {"identity_url": None, "read_only": True}
        for options in ({}, reading):
            [account] = a_store(directory, secrets=[NEW], **options).accounts()
            assert "cannot be decrypted" in str(account.error)
            [account] = a_store(directory, **{**BOTH, **options}).accounts()
            assert account.label == STAGED.account.name


class TestRefuseUnprovenSecret:
    def test_a_new_account_is_not_begun_with_a_secret_that_decrypts_no_record(self, directory: Path) -> None:
        fill(directory, STAGED)
        for rekey in (True, False):
            with pytest.raises(StoreError, match=r"given \(new\) decrypts none of the records"):
                a_store(directory, **BOTH, rekey=rekey).read("new account")
        rekeyed(directory, USER)
        assert a_store(directory, **BOTH).read("new account") is None

    def test_a_record_that_cannot_be_read_proves_nothing(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(directory, STAGED, a_record(1, user_id="unreadable"))
        store = a_store(directory)
        refuse_to_open(monkeypatch, Layout(directory).record("unreadable"))
        assert store.read("new account") is None
        monkeypatch.undo()
        refuse_to_open(monkeypatch, *map(Layout(directory).record, ("unreadable", USER)))
        with pytest.raises(StoreError, match="decrypts none of the records"):
            a_store(directory).read("new account")

    def test_the_newest_records_are_tried(self, directory: Path) -> None:
        fill(directory, *(a_record(1, user_id=f"user-{number}") for number in range(SAMPLE + 1)))
        rekeyed(directory, f"user-{SAMPLE}")
        assert a_store(directory, **BOTH).read("new account") is None
