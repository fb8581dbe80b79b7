# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout, encoded
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    STAGED,
    USER,
    a_store,
    close,
    fill,
    found_id,
)


class TestNames:
    @pytest.mark.parametrize(
        ("account_id", "name"),
        [
            ("svc-robot_1", "svc-robot_1"),
            ("a.b~c", "a%2Eb%7Ec"),
            ("../../etc/passwd", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd"),
            ("\u00e4 b%", "%C3%A4%20b%25"),
        ],
    )
    def test_hold_nothing_but_letters_digits_hyphen_and_underscore(
        self, tmp_path: Path, account_id: str, name: str
    ) -> None:
        assert encoded(account_id) == name
        Layout(tmp_path).record(account_id).touch()
        assert Layout(tmp_path).ids() == [account_id]

    def test_ids_are_those_of_records_alone(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path)
        for path in (layout.record("a"), layout.conflict("a", 1), layout.binding, layout.index, tmp_path / ".yml"):
            path.touch()
        assert layout.ids() == ["a"]

    def test_temporaries_are_those_of_found_id(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path)
        (tmp_path / ".tmp").mkdir()
        first, second = layout.temporary("index"), layout.temporary("index")
        for age, path in enumerate((second, first, layout.temporary("ind"), layout.temporary_for(layout.index))):
            path.touch()
            os.utime(path, (age, age))
        assert layout.temporaries("index") == [second, first]


class TestCanName:
    @pytest.mark.parametrize(("account_id", "can"), [("", False), ("a", True), ("a" * 238, True), ("a" * 239, False)])
    def test_needs_an_id_that_fits(self, tmp_path: Path, account_id: str, can: bool) -> None:
        assert Layout(tmp_path).can_name(account_id) == can


class TestDirectory:
    def test_is_made_for_its_owner_alone(self, tmp_path: Path) -> None:
        fill(tmp_path / "deep" / "store", STAGED)
        for path in (tmp_path / "deep").rglob("*"):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)

    def test_is_not_made_for_reading(self, tmp_path: Path) -> None:
        store = a_store(tmp_path / "store", read_only=True)
        assert store.read(USER) is None
        assert store.read(USER) is None
        assert found_id(store, "svc-robot") is None
        close(store)
        assert not (tmp_path / "store").exists()

    @pytest.mark.parametrize("read_only", [True, False])
    @pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
    def test_open_to_others_is_refused(self, tmp_path: Path, mode: int, read_only: bool) -> None:
        (tmp_path / "my store").mkdir()
        (tmp_path / "my store").chmod(mode)
        with pytest.raises(StoreError, match=rf"chmod 0700 '{tmp_path}/my store'"):
            a_store(tmp_path / "my store", read_only=read_only)

    @pytest.mark.parametrize("name", ["", ".tmp", ".prev", ".locks"])
    def test_behind_a_link_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        if name:
            (tmp_path / "store").mkdir(mode=0o700)
        (tmp_path / "store" / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match=rf"symbolic link.*{tmp_path}/elsewhere"):
            a_store(tmp_path / "store")

    def test_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "store").touch()
        with pytest.raises(StoreError, match="is not a directory"):
            a_store(tmp_path / "store")

    def test_of_an_awx_job_is_refused_unless_it_lasts(self, tmp_path: Path) -> None:
        for read_only in (True, False):
            with pytest.raises(StoreError, match="set persistent: true"):
                a_store(tmp_path / "store", in_awx_job=True, read_only=read_only)
        assert not (tmp_path / "store").exists()
        for pod in ("pod-1", "pod-2"):
            a_store(tmp_path / "store", in_awx_job=True, persistent=True, controller=pod)
