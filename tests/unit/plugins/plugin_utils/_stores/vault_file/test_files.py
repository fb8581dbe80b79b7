# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import NotDurable, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file import files
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    create,
    keep_copy,
    make_directory,
    read_whole,
    synchronize_directory,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import in_child


class TestCreate:
    def test_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        create(tmp_path / "file", b"content")
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
        assert read_whole(tmp_path / "file") == b"content"

    def test_replaces_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"old")
        with pytest.raises(FileExistsError):
            create(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"old"

    def test_follows_no_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):
            create(tmp_path / "link", b"content")
        assert not (tmp_path / "elsewhere").exists()

    def test_leaves_nothing_where_the_disk_is_full(self, tmp_path: Path) -> None:
        def fill_the_disk() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with pytest.raises(OSError, match="File too large"):
                create(tmp_path / "file", b"x" * 1000)

        assert in_child(fill_the_disk) == 0
        assert not (tmp_path / "file").exists()

    def test_says_when_the_disk_does_not_confirm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(NotDurable, match="Input/output error") as caught:
            create(tmp_path / "file", b"content")
        assert caught.value.stops_task
        assert caught.value.status == "store_error"
        assert not (tmp_path / "file").exists()


class TestReadWhole:
    def test_follows_no_link(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"content")
        (tmp_path / "link").symlink_to(tmp_path / "file")
        with pytest.raises(StoreError, match="is not a regular file"):
            read_whole(tmp_path / "link")

    def test_of_a_directory(self, tmp_path: Path) -> None:
        open_files = os.listdir("/proc/self/fd")
        with pytest.raises(StoreError, match="is not a regular file"):
            read_whole(tmp_path)
        assert os.listdir("/proc/self/fd") == open_files

    def test_of_a_file_that_is_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "LARGEST", 7)
        (tmp_path / "file").write_bytes(b"content")
        assert read_whole(tmp_path / "file") == b"content"
        (tmp_path / "file").write_bytes(b"contents")
        with pytest.raises(StoreError, match=f"{tmp_path / 'file'} is larger than a file of a store can be"):
            read_whole(tmp_path / "file")

    def test_of_nothing_is_none(self, tmp_path: Path) -> None:
        assert read_whole(tmp_path / "file") is None


class TestMakeDirectory:
    def test_is_durable_with_all_above_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        durable: list[Path] = []
        monkeypatch.setattr(files, "synchronize_directory", durable.append)
        make_directory(tmp_path / "one" / "two")
        assert durable == [tmp_path, tmp_path / "one"]
        assert (tmp_path / "one" / "two").stat().st_mode & 0o777 == 0o700

    def test_synchronizes_a_directory(self, tmp_path: Path) -> None:
        synchronize_directory(tmp_path)


class TestKeepCopy:
    def test_replaces_the_copy(self, tmp_path: Path) -> None:
        copy = tmp_path / ".prev" / "copy.yml"
        for content in (b"one", b"two", b"two"):
            keep_copy(copy, content)
            keep_copy(copy, content)
            assert copy.read_bytes() == content
        assert list((tmp_path / ".prev").iterdir()) == [copy]

    def test_keeps_the_old_copy_if_the_new_one_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = tmp_path / "copy.yml"
        keep_copy(copy, b"old")

        def fail(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(NotDurable):
            keep_copy(copy, b"new")
        assert copy.read_bytes() == b"old"
