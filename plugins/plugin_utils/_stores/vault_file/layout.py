# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of a file store's directory, and whether the directory is safe to use."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.files import (
    make_directory,
    synchronize_directory,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.ownership import (
    refuse_foreign,
    refuse_writable_parents,
)

RECORD, LOCK = ".yml", ".lock"
# The maximum length of a file name on Linux, in octets (NAME_MAX).
LONGEST_NAME = 255


@dataclass(frozen=True)
class Layout:
    """The file names. An encoded user id contains no dot, so it ends before the first dot of a name."""

    directory: Path

    @property
    def binding(self) -> Path:
        return self.directory / "store.json"

    @property
    def index(self) -> Path:
        return self.directory / "index.vault"

    def record(self, account_id: str) -> Path:
        return self.directory / f"{encoded(account_id)}{RECORD}"

    def conflict(self, account_id: str, number: int) -> Path:
        return self.directory / f"{encoded(account_id)}{RECORD}.conflict-{number}"

    def previous(self, account_id: str) -> Path:
        return self.directory / ".prev" / f"{encoded(account_id)}{RECORD}"

    def lock(self, account_id: str) -> Path:
        return self.directory / f".locks/{encoded(account_id)}{LOCK}"

    @property
    def proof_of_locks(self) -> Path:
        """A file that belongs to no account, to try locks on."""
        return self.directory / ".locks" / ".proof"

    def temporary(self, account_id: str) -> Path:
        return self.directory / ".tmp" / f"{encoded(account_id)}.{secrets.token_hex(8)}"

    def temporary_for(self, file: Path) -> Path:
        """Return the temporary name of a file that belongs to no account."""
        return self.directory / ".tmp" / f".{file.name}.{secrets.token_hex(8)}"

    def temporaries_for(self, file: Path) -> list[Path]:
        """Return the temporary files of a file that belongs to no account, of killed and of other runs."""
        return list((self.directory / ".tmp").glob(f".{file.name}.*"))

    def temporaries(self, account_id: str) -> list[Path]:
        """Return what killed runs left of this account, the oldest first. Reliable only under the account's lock."""
        found = (self.directory / ".tmp").glob(f"{encoded(account_id)}.*")
        return sorted(found, key=lambda path: path.lstat().st_mtime_ns)

    def can_name(self, account_id: str) -> bool:
        """Tell whether there is an id, and no file name of it is too long. The longest is that of a temporary file."""
        return 0 < len(encoded(account_id)) <= LONGEST_NAME - len(".0123456789abcdef")

    def ids(self) -> list[str]:
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        return ids_in(names, RECORD)

    def former_ids(self) -> list[str]:
        """Return the ids of accounts that have, or had, a record: those with a second copy or a lock file."""
        found = set()
        for name, ending in ((".prev", RECORD), (".locks", LOCK)):
            with suppress(FileNotFoundError):
                found.update(ids_in(os.listdir(self.directory / name), ending))
        return list(found)

    def check(self, *, own_groups: bool = False) -> None:
        """Refuse a directory that other users of this machine can access or replace, or that is a symbolic link.

        With `own_groups`, the groups of this machine have no other users: they may write to the parents.
        """
        refuse_writable_parents(self.directory, by_group=not own_groups)
        for directory in (self.directory, *self._subdirectories()):
            if directory.is_symlink():
                raise StoreError(
                    f"{directory} is a symbolic link, which could be changed to point elsewhere. Set the path to the"
                    f" directory itself: {os.path.realpath(directory)}."
                )
            if directory.exists() and not directory.is_dir():
                raise StoreError(f"{directory} is not a directory. Choose another path for the store.")
            if directory.exists():
                refuse_foreign(directory, directory.stat())
        if self.directory.exists() and stat.S_IMODE(self.directory.stat().st_mode) & 0o077:
            raise StoreError(
                f"The directory {self.directory} is accessible to other users of this machine. Set the path to a"
                f" directory of its own or, if this one is, run: chmod 0700 {shlex.quote(str(self.directory))}"
            )

    def create(self) -> None:
        for directory in self._subdirectories():
            make_directory(directory)
        synchronize_directory(self.directory)

    def _subdirectories(self) -> list[Path]:
        return [self.directory / name for name in (".locks", ".prev", ".tmp")]


def ids_in(names: Iterable[str], ending: str) -> list[str]:
    stems = (name[: -len(ending)] for name in names if name.endswith(ending))
    return [unquote(stem) for stem in stems if stem and "." not in stem]


@lru_cache  # an account's files are read one after the other
def encoded(account_id: str) -> str:
    """Encode all but letters, digits, hyphen and underscore. `quote` alone keeps the dot and the tilde."""
    return quote(account_id, safe="").replace(".", "%2E").replace("~", "%7E")
