# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, OpenStore, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import locked
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    COMMITTED,
    FIRST,
    RESTAGED,
    SECOND,
    SECRETS,
    STAGED,
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
)


class TestWrite:
    def test_is_read_again(self, directory: Path) -> None:
        store: OpenStore = fill(directory, STAGED, COMMITTED)
        assert store.read(USER) == store.read(USER.upper()) == read(directory) == COMMITTED

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
        assert document["current"] == {
            "password": SECOND,
            "since": COMMITTED.current.since,
            "source": "rotated",
            "generation": COMMITTED.current.generation,
        }
        assert document["previous"][0]["password"] == FIRST


class TestOpen:
    @pytest.mark.parametrize("read_only", [False, True])
    def test_of_an_empty_directory_warns_that_there_is_no_store(self, directory: Path, read_only: bool) -> None:
        """It may be where a volume is mounted that is not mounted now."""
        directory.mkdir(0o700)
        [warning] = a_store(directory, read_only=read_only).warnings
        assert warning == f"There is no store in {directory} yet. Check the path, unless this is the first run."
        fill(directory, STAGED)
        assert a_store(directory, read_only=read_only).warnings == ()

    @pytest.mark.parametrize("grant", [None, OSError(errno.ENOLCK, ""), OSError(errno.EOPNOTSUPP, "")], ids=str)
    def test_refuses_a_file_system_without_locks(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, grant: OSError | None
    ) -> None:
        def flock(_descriptor: int, _operation: int) -> None:
            if grant:
                raise grant

        monkeypatch.setattr(fcntl, "flock", flock)
        with pytest.raises(StoreError, match=r"does not honor locks \(flock\).*Put the store on a local disk"):
            a_store(directory)
        assert not a_store(directory, read_only=True).accounts()

    def test_trusts_locks_that_another_run_tries_at_the_same_time(self, directory: Path) -> None:
        a_store(directory)
        with locked(Layout(directory).proof_of_locks):
            a_store(directory)


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

    def test_is_not_worked_on_in_another_directory_than_the_one_that_was_opened(self, directory: Path) -> None:
        """Such as one that is mounted over it. With its lock files, it could pass for the same."""
        store = fill(directory, STAGED)
        with store.locked(USER) as locked_record:
            locked_record.read()
            directory.rename(directory.with_name("former"))
            fill(directory)
            shutil.rmtree(directory / ".locks")
            (directory.with_name("former") / ".locks").rename(directory / ".locks")
            shutil.copy(record_file(directory.with_name("former")), directory)
            with pytest.raises(StoreError, match="replaced by another one during the run"):
                locked_record.write(COMMITTED)
        assert read(directory) == STAGED
        with pytest.raises(StoreError, match="replaced by another one during the run"), store.locked(USER):
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


def test_no_file_holds_clear_text(directory: Path) -> None:
    store = fill(directory, STAGED, COMMITTED, RESTAGED)
    with store.locked(USER) as locked_record:
        locked_record.read()
        locked_record.preserve_conflict()
    close(store)
    assert len(texts(directory)) == 7
    assert not [name for name, text in texts(directory).items() if CLEAR.encode() in text]
