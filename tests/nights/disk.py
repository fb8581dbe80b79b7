# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in a file store: runs that are killed by SIGKILL at any side effect, and what operators do to files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import from_document
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.faults.injection.sitecustomize import Injection
from ansible_collections.rpaops.uipath.tests.faults.rig import NEXT_VAULT_PASSWORD
from ansible_collections.rpaops.uipath.tests.nights.servers import SocketServer
from ansible_collections.rpaops.uipath.tests.playbook.playbook import VAULT_PASSWORD

if TYPE_CHECKING:
    from ansible_collections.rpaops.uipath.tests.nights.season import Season

# The side effects of a run of three accounts, about.
SIDE_EFFECTS = 120
UNREADABLE = (OSError, AnsibleError, ValueError)
SECRETS = [VaultSecret(password.encode()) for password in (VAULT_PASSWORD, NEXT_VAULT_PASSWORD)]
VAULT = VaultLib([("default", secret) for secret in SECRETS])


@dataclass
class DiskPlace:
    folder: Path
    server: SocketServer
    rekeyed: int = 0

    @property
    def directory(self) -> Path:
        return self.folder / "store"

    @property
    def secret(self) -> VaultSecret:
        return SECRETS[self.rekeyed % 2]

    def store(self, step: Callable[[str], None]) -> Store:
        return self._store()

    def _store(self) -> VaultFileStore:
        return VaultFileStore(self.directory, secrets=[("default", self.secret)], identity_url=self.server.identity_url)

    def record(self, user: str) -> Record | None:
        return read(self.directory / f"{user}.yml")

    def found(self, user: str) -> Record | None:
        with suppress(UiPathError), self._store().open(read_only=True) as store:
            return store.read(user)
        return None

    def stored_passwords(self, user: str) -> set[str]:
        """Those that were moved away for an older store count as well: the guide says to keep them."""
        places = [self.directory, *self.folder.glob("moved*")]
        patterns = (f"{user}.yml*", f".prev/{user}.yml*", f".tmp/{user}.*")
        records = (read(path) for place in places for pattern in patterns for path in place.glob(pattern))
        return {password for record in records if record for password in record.candidates()}

    # A run

    def run(self, season: Season, run: int, what: dict[str, Any], check_mode: bool) -> None:
        """In a process of its own if it is to be killed."""
        if not season.night.killed_at or season.night.is_dead:
            season.run_here(run, what, check_mode)
            return
        journal = self.folder / f"journal{run}"
        child = os.fork()
        if not child:
            self._run_to_death(season, journal, run, what, check_mode)
        _pid, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        season.truth.replay(journal)
        if os.WIFSIGNALED(status):
            self.server.await_idle()
            season.truth.note("is_killed", run)
        season.night.killed_at = 0

    def _run_to_death(self, season: Season, journal: Path, run: int, what: dict[str, Any], check_mode: bool) -> None:
        code = 1
        try:
            season.truth.journal = journal
            kill = {"do": "kill", "victims": "worker", "signal": "SIGKILL", "at": season.night.killed_at}
            place = {"store": str(self.directory), "ports": [self.server.process.port], "trace": f"{journal}.trace"}
            season.night.killed_at = 0
            Injection({**place, **kill}).install()
            season.run_here(run, what, check_mode)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    # What operators do

    def operate(self, season: Season) -> None:
        chance = season.night.chance
        if season.night.killed_at:
            season.night.killed_at = chance.randint(1, SIDE_EFFECTS)
        if not self.directory.exists() or chance.randrange(100) >= 25:
            return
        user = chance.choice(season.users)
        procedures = (self._back_up, self._restore_file, self._lose_file, self._rekey, self._restore_all)
        chance.choice(procedures)(season, user)

    def _back_up(self, season: Season, _user: str) -> None:
        season.truth.note("backs_up")
        shutil.rmtree(self.folder / "backup", ignore_errors=True)
        shutil.copytree(self.directory, self.folder / "backup")

    def _restore_file(self, season: Season, user: str) -> None:
        backup, present = self.folder / "backup" / f"{user}.yml", self.record(user)
        older = read(backup)
        if older and present and older.generation < present.generation:
            season.truth.note("restores", user, older.current.password)
            shutil.copy2(backup, self.directory / f"{user}.yml")

    def _lose_file(self, season: Season, user: str) -> None:
        """A record is damaged or deleted, and its second copy put in its place, as the guide says."""
        record, second = self.directory / f"{user}.yml", self.directory / ".prev" / f"{user}.yml"
        present, copy = read(record), read(second)
        if present and copy:
            season.truth.note("loses_file", user)
            shutil.copy2(second, record)
            if copy != present:
                season.truth.note("restores", user, copy.current.password)

    def _restore_all(self, season: Season, _user: str) -> None:
        """A backup of the whole directory, which knows nothing of newer requests: by then, none is in flight."""
        backup = self.folder / "backup"
        if not backup.exists():
            return
        for pair in list(season.truth.in_flight):
            season.truth.note("drops", *pair)
        self.directory.rename(self.folder / f"moved{season.truth.runs}")
        shutil.copytree(backup, self.directory)
        for user in season.users:
            older = self.record(user)
            season.truth.note("restores", user, older.current.password if older else season.initial(user))

    def _rekey(self, season: Season, user: str) -> None:
        """As `ansible-vault rekey` does it, with all files and with the backup; it may be killed at one of them."""
        if season.night.chance.randrange(2):
            self._lose_file(season, user)
        season.truth.note("rekeys")
        self.rekeyed += 1
        for place in (self.directory, self.folder / "backup"):
            for path in (*place.glob("*.yml"), *place.glob(".prev/*.yml")):
                path.write_bytes(VAULT.encrypt(VAULT.decrypt(path.read_bytes()), self.secret, "default"))


def read(path: Path) -> Record | None:
    """The record in a file, if it has one."""
    with suppress(*UNREADABLE):
        return decrypted(path.read_bytes())
    return None


@lru_cache(maxsize=1000)
def decrypted(content: bytes) -> Record:
    return from_document(json.loads(VAULT.decrypt(content)))


def quick_key(password: bytes, salt: bytes, key_length: int, iv_length: int) -> bytes:
    """A key of Ansible Vault derived in one round instead of 10,000, which take most of a night."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, 1, 2 * key_length + iv_length)
