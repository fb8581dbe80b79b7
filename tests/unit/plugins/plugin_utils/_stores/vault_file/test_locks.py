# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import signal
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.locks import locked, noted_generation
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    in_child,
    kill_process,
)


class TestLocked:
    def test_is_held_once(self, tmp_path: Path) -> None:
        with (
            locked(tmp_path / "a.lock"),
            pytest.raises(Busy, match="Nothing was sent; run again later"),
            locked(tmp_path / "a.lock"),
        ):
            pass
        with locked(tmp_path / "a.lock"), locked(tmp_path / "b.lock"):
            pass

    def test_is_free_once_its_process_is_killed(self, tmp_path: Path) -> None:
        def die_with_it() -> None:
            with locked(tmp_path / "a.lock") as lock:
                lock.note(7)
                kill_process()

        assert in_child(die_with_it) == -signal.SIGKILL
        with locked(tmp_path / "a.lock") as lock:
            assert lock.generation() == 7

    def test_is_not_granted_on_a_file_that_was_replaced_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.lock"
        grant = fcntl.flock

        def replace_and_grant(descriptor: int, operation: int) -> None:
            path.unlink()
            path.touch()
            grant(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", replace_and_grant)
        with pytest.raises(Busy), locked(path):
            pass

    def test_knows_whether_its_file_was_replaced(self, tmp_path: Path) -> None:
        with locked(tmp_path / "a.lock") as lock:
            assert not lock.is_replaced()
            lock.path.unlink()
            assert lock.is_replaced()
            lock.path.touch()
            assert lock.is_replaced()

    def test_notes_generations(self, tmp_path: Path) -> None:
        path = tmp_path / "a.lock"
        assert noted_generation(path) is None
        with locked(path) as lock:
            assert lock.generation() is None
            for generation in (0, 41, 40):
                lock.note(generation)
                assert lock.generation() == noted_generation(path) == generation

    @pytest.mark.parametrize("content", [b"garbage", b"12", b"x" * 20])
    def test_refuses_a_damaged_note(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.lock").write_bytes(content)
        with locked(tmp_path / "a.lock") as lock, pytest.raises(StoreError, match=r"a\.lock is damaged"):
            lock.generation()

    def test_follows_no_link(self, tmp_path: Path) -> None:
        (tmp_path / "a.lock").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "a.lock"):
            pass
