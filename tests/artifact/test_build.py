# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact holds what git tracks and a user needs, and nothing else that lies in the checkout."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.artifact.build import build, copy_tracked_files

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "playbooks", "playbooks/group_vars", "roles", "roles/rotate_passwords/vars", "plugins/modules", "docs")
UNTRACKED = ("id_rsa", "vars.yml", "vault.yml", "notes.md")
FOR_USERS = {
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "roles",
    "tests",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this one, some of them changed since, and with untracked files in its folders."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_tracked_files(ROOT, folder)
    git(folder, "init", "-q")
    git(folder, "add", "--all", "--force")
    for part in FOLDERS:
        (folder / part).mkdir(exist_ok=True)
        for name in UNTRACKED:
            (folder / part / name).write_text("secret: of somebody\n")
    (folder / "README.md").write_text("changed, and not committed\n")
    (folder / "docs/outcomes.md").unlink()
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def files(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of the artifact's files by name."""
    with tarfile.open(build(checkout, tmp_path_factory.mktemp("output"))) as archive:
        members = [(member, archive.extractfile(member)) for member in archive if member.isfile()]
        return {member.name: file.read() for member, file in members if file}


def test_untracked_files_are_left_out(checkout: Path, files: dict[str, bytes]) -> None:
    untracked = set(git(checkout, "ls-files", "--others").split())
    assert len(untracked) == len(FOLDERS) * len(UNTRACKED)
    assert not untracked & set(files)
    assert not any(b"of somebody" in content for content in files.values())


def test_tracked_files_are_packed_as_they_are_in_the_checkout(files: dict[str, bytes]) -> None:
    assert files["README.md"] == b"changed, and not committed\n"
    assert "docs/outcomes.md" not in files
    assert "plugins/modules/uipath_user_password.py" in files


def test_holds_what_users_run_and_read(files: dict[str, bytes]) -> None:
    assert {name.split("/")[0] for name in files} <= FOR_USERS
    assert {name for name in files if name.startswith("tests/")} == {"tests/config.yml"}
    assert not [name for name in files if "__pycache__" in name or "/fragments/" in name]
