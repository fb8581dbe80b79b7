# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.ownership import (
    refuse_writable_parents,
    resolutions,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    STAGED,
    USER,
    a_store,
    close,
    fill,
    read,
)

ANOTHER_USER = 4243


@pytest.fixture
def given_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Give a file to another user. Who is not root becomes another user."""

    def give(path: Path) -> None:
        if os.geteuid():
            monkeypatch.setattr(os, "geteuid", lambda: ANOTHER_USER)
        else:
            os.chown(path, ANOTHER_USER, -1)

    return give


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that other users can reach: pytest's own ones are below a private directory."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def share(path: Path, mode: int) -> None:
    """Set the permissions of a directory that belongs to another group than that of root."""
    if not os.getegid():
        os.chown(path, -1, ANOTHER_USER)
    path.chmod(mode)


FILES: dict[str, Callable[[Layout], Path]] = {
    "record": lambda layout: layout.record(USER),
    "second copy": lambda layout: layout.previous(USER),
    "lock file": lambda layout: layout.lock(USER),
    "binding": lambda layout: layout.binding,
    "leftover": lambda layout: layout.temporary(USER),
}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, directory: Path) -> Path:
    """A file of a store."""
    close(fill(directory, STAGED))
    return FILES[request.param](Layout(directory))


class TestRefuseOtherThanOwnFile:
    def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(self, directory: Path, file: Path) -> None:
        file.unlink(missing_ok=True)
        os.mkfifo(file)
        with pytest.raises(StoreError, match=f"{file} is not a regular file"):
            read(directory)

    def test_a_link_in_place_of_a_file_is_refused(self, directory: Path, file: Path) -> None:
        file.unlink(missing_ok=True)
        file.symlink_to("/dev/zero")
        with pytest.raises(StoreError, match=f"{file} is not a regular file|symbolic links.*{file}"):
            read(directory)

    def test_a_file_of_another_user_is_refused(
        self, directory: Path, file: Path, given_away: Callable[[Path], None]
    ) -> None:
        file.touch()
        given_away(file)
        with pytest.raises(StoreError, match=r"belongs to another user.*chown"):
            read(directory)

    @pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "link"])
    def test_it_does_not_affect_the_listing_of_other_accounts(
        self, directory: Path, make: Callable[[Path], None]
    ) -> None:
        store = fill(directory, STAGED)
        make(Layout(directory).record("damaged"))
        listed = {account.user_id: account for account in store.accounts()}
        assert listed[USER].label == "svc-robot"
        assert "not a regular file" in str(listed["damaged"].error)


class TestRefuseForeign:
    @pytest.mark.parametrize("read_only", [True, False])
    @pytest.mark.parametrize("name", ["", ".tmp", ".prev", ".locks"])
    def test_a_directory_of_another_user_is_refused(
        self, directory: Path, given_away: Callable[[Path], None], name: str, read_only: bool
    ) -> None:
        fill(directory, STAGED)
        given_away(directory / name)
        with pytest.raises(StoreError, match="belongs to another user"):
            a_store(directory, read_only=read_only)


class TestRefuseWritableParents:
    @pytest.mark.parametrize("read_only", [True, False])
    @pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
    def test_a_parent_that_others_can_write_to_is_refused(self, reachable: Path, mode: int, read_only: bool) -> None:
        (reachable / "a b").mkdir()
        share(reachable / "a b", mode)
        with pytest.raises(StoreError, match=rf"can be written to by other users.*chmod go-w '{reachable}/a b'"):
            a_store(reachable / "a b" / "deep" / "store", read_only=read_only)
        assert not list((reachable / "a b").iterdir())

    def test_a_sticky_parent_is_accepted(self, reachable: Path) -> None:
        reachable.chmod(0o1777)
        a_store(reachable / "store")

    def test_a_parent_below_a_private_directory_is_accepted(self, reachable: Path) -> None:
        """As with a umask of 002 in a home directory that only its owner can enter."""
        reachable.chmod(0o700)
        (reachable / "project").mkdir()
        share(reachable / "project", 0o775)
        a_store(reachable / "project" / "store")

    def test_a_parent_that_the_group_of_root_can_write_to_is_accepted(
        self, reachable: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reachable.chmod(0o775)
        if os.getegid():  # only root can give a directory to that group
            lstat = Path.lstat
            group = stat.ST_GID

            def of_root(path: Path) -> os.stat_result:
                status = lstat(path)
                return os.stat_result((*status[:group], 0, *status[group + 1 :])) if path == reachable else status

            monkeypatch.setattr(Path, "lstat", of_root)
        refuse_writable_parents(reachable / "store", by_group=True)

    def test_a_parent_of_another_user_is_refused(self, reachable: Path, given_away: Callable[[Path], None]) -> None:
        (reachable / "theirs").mkdir()
        given_away(reachable / "theirs")
        with pytest.raises(StoreError, match="belongs to another user"):
            a_store(reachable / "theirs" / "store")

    def test_the_target_of_a_link_is_checked_and_its_place_too(self, reachable: Path) -> None:
        for name in ("safe", "shared"):
            (reachable / name / "folder").mkdir(parents=True)
        (reachable / "shared").chmod(0o777)
        (reachable / "link").symlink_to("shared/folder")
        (reachable / "shared" / "link").symlink_to("../safe/folder")
        (reachable / "safe" / "link").symlink_to("../safe/folder")
        for link in ("link", "shared/link"):
            with pytest.raises(StoreError, match=rf"{reachable}/shared can be written to"):
                a_store(reachable / link / "store")
        a_store(reachable / "safe" / "link" / "store")

    def test_the_group_of_a_volume_in_an_awx_job_is_its_own(self, reachable: Path) -> None:
        """Kubernetes makes a volume writable by the group of the pod."""
        share(reachable, 0o2775)
        a_store(reachable / "store", in_awx_job=True, persistent=True)
        reachable.chmod(0o777)
        with pytest.raises(StoreError, match="can be written to by other users"):
            a_store(reachable / "store", in_awx_job=True, persistent=True)

    def test_a_parent_that_does_not_exist_yet_is_accepted(self, reachable: Path) -> None:
        refuse_writable_parents(reachable / "new" / "store", by_group=True)


class TestResolutions:
    def test_resolve_one_link_after_the_other(self, tmp_path: Path) -> None:
        (tmp_path / "target").mkdir()
        (tmp_path / "second").symlink_to("target")
        (tmp_path / "first").symlink_to(tmp_path / "second")
        path = tmp_path / "first" / "store"
        assert list(resolutions(path)) == [path, tmp_path / "second" / "store", tmp_path / "target" / "store"]

    def test_end(self, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(StoreError, match="too many symbolic links"):
            list(resolutions(tmp_path / "loop" / "store"))
