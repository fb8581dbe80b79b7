# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with a journal, a store, and rotations between the two by the real ansible-playbook."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Current, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, Store, reading
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import from_document
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.playbook.playbook import VAULT_PASSWORD, Playbook, PlaybookRun, Running
from ansible_collections.rpaops.uipath.tests.playbook.simulator import (
    CLIENT_ID,
    CLIENT_SECRET,
    SimulatorProcess,
    server_module,
    wait_until,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put

ROTATION = "rpaops.uipath.uipath_password_rotation"
TASK = "Rotate"
INITIAL = "initial-1"
INJECTION = Path(__file__).parent / "injection"
ORDERS = ("old-first", "policy-first")
# A server that looks at the policy first also remembers passwords: that is when its order makes a difference.
HISTORY = {"limit": 5}
DEFAULTS = {"timeout": 1, "retries": 1, "settle_seconds": 0.6}
DEATH_SECONDS = 10
# Most of these tests begin without a store, or lose answers.
USUAL_WARNINGS = ("There is no store in", "Some requests got no answer.")
NEXT_VAULT_PASSWORD = "what the vault's password is changed to"
# For what does not depend on the order.
one_order = pytest.mark.parametrize("order", ["old-first"])


load_state = server_module("identity_server").load_state
VAULT = VaultLib([("default", VaultSecret(word.encode())) for word in (VAULT_PASSWORD, NEXT_VAULT_PASSWORD)])


@dataclass
class Place:
    """A store on a network: the option `store` of a task, the port of its server, and parts of its warnings."""

    options: dict[str, Any]
    port: int
    warnings: tuple[str, ...] = ()

    def store(self, identity_url: str) -> Store:
        return StoreOptions(self.options).create(StoreContext("/", identity_url=identity_url))


class Rig:
    """`order` is the order in which the server checks. `users` exist there with the initial password.

    The store is a directory, or at `place` on a network.
    """

    def __init__(
        self, folder: Path, order: str = "old-first", users: Iterable[str] = (), *, place: Place | None = None
    ) -> None:
        self.folder = folder
        self.place = place
        self.order = order
        self.store = folder / "store"
        self.journal = folder / "journal"
        self.store_options: dict[str, Any] = {}  # of the rotations in forked processes
        self.servers = 0
        self.simulator = self._serve("--port", "0")
        self.simulator.add_users(dict.fromkeys(users, INITIAL))
        connection = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        self.play = Playbook(folder, {"identity_url": self.simulator.identity_url, **connection})
        self.play.allowed_warnings = (*USUAL_WARNINGS, *(place.warnings if place else ()))

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_error: object) -> None:
        self.simulator.stop()

    def _serve(self, *options: str) -> SimulatorProcess:
        self.servers += 1
        folder = self.folder / f"server{self.servers}"
        folder.mkdir(parents=True)
        simulator = SimulatorProcess(folder, None, "--state", str(self.journal), "--order", self.order, *options)
        if self.order == "policy-first":
            simulator.configure(history=HISTORY)
        return simulator

    def restart(self) -> None:
        """Start the server again, after it went down, where it was and with what it knew."""
        self.simulator = self._serve("--port", str(self.simulator.port))

    # The runs

    def task(self, users: Iterable[str] | list[dict[str, Any]], name: str = TASK, **options: Any) -> dict[str, Any]:
        """A rotation of these users, whose inventory never forgets the initial password."""
        accounts = [{"user_id": user, "initial_password": INITIAL} if isinstance(user, str) else user for user in users]
        store = self.place.options if self.place else {"path": str(self.store)}
        given = {"store": store, "accounts": accounts, **DEFAULTS, **options}
        return {"name": name, ROTATION: given, "ignore_errors": True}

    def rotate(
        self, users: Iterable[str] | list[dict[str, Any]], *arguments: str, warnings: Sequence[str] = (), **options: Any
    ) -> dict[str, Any]:
        """The result of one rotation, in a playbook of its own."""
        return self.play([self.task(users, **options)], *arguments, warnings=warnings)[TASK]

    def rotate_with_fault(
        self, users: Iterable[str], plan: Mapping[str, Any], warnings: Sequence[str] = (), **options: Any
    ) -> PlaybookRun:
        """A run with a fault at one of its side effects."""
        with self.start(users, plan, **options) as running:
            return running.finish(warnings=warnings)

    def start(self, users: Iterable[str], plan: Mapping[str, Any], **options: Any) -> AbstractContextManager[Running]:
        environment = {"PYTHONPATH": str(INJECTION), "INJECTION": json.dumps(self.injection(plan))} if plan else {}
        return self.play.started([self.task(users, **options)], environment=environment)

    def injection(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        ports = [self.simulator.port, *([self.place.port] if self.place else [])]
        fixed = {"store": str(self.store), "ports": ports, "trace": str(self.folder / "trace")}
        return {**fixed, **plan}

    # What there is

    def record(self, user: str) -> Record:
        """The record: in a directory, decrypted by the library behind `ansible-vault`."""
        return self._record_at_place(user) if self.place else opened(self.store / f"{user}.yml")

    def _record_at_place(self, user: str) -> Record:
        """Also while a run has a lease on it."""
        with self.a_store().open(read_only=True) as store:
            found = reading(store, user)
        record = found.record if isinstance(found, Busy) else found
        assert isinstance(record, Record), found
        return record

    def live(self, user: str) -> str:
        """The live password, from the server's journal."""
        password: str = load_state(self.journal)[user].password
        return password

    def lives(self) -> dict[str, str]:
        return {user_id: user.password for user_id, user in load_state(self.journal).items()}

    def holds(self, user: str) -> bool:
        """Whether the live password is in the account's record, and not among those thought dead."""
        return self.live(user) in possibly_live(self.record(user))

    def is_ok(self, user: str) -> bool:
        return is_settled(self.record(user), self.live(user))

    def snapshot(self) -> dict[str, tuple[float, bytes]]:
        """Every file and directory of the store with its time of change and content."""
        return {
            str(path.relative_to(self.folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in sorted([self.store, *self.store.rglob("*")])
            if path.exists()
        }

    def mismatches_of_resuming(self, *users: str) -> dict[str, int]:
        """What it costs to send a pair again that was applied. Who looks at the history first refuses it for that."""
        return dict.fromkeys(users, 1) if self.order == "old-first" else {}

    def is_locked(self, user: str) -> bool:
        """Whether a process has the account's lock. A store on a network has no such lock."""
        if self.place:
            return False
        descriptor = os.open(self.store / ".locks" / f"{user}.lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    # What is given

    def seed(self, *users: str, password: str = INITIAL, age: float = 100, **fields: Any) -> None:
        """Put records into the store, whose passwords are so many days old."""
        since = (datetime.now(timezone.utc) - timedelta(days=age)).isoformat(timespec="seconds")
        current = Current(password, since, "rotated")
        url = self.simulator.identity_url
        self.put(*(replace(Record(Account(url, user), current, generation=1), **fields) for user in users))

    def prepare(self, *users: str) -> list[str]:
        """Users at the server, and a record of each that is due."""
        self.simulator.add_users(dict.fromkeys(users, INITIAL))
        self.seed(*users)
        return list(users)

    def put(self, *records: Record) -> None:
        with self.a_store().open(read_only=False) as store:
            for record in records:
                put(store, record)

    def a_store(self) -> Store:
        url = self.play.defaults["identity_url"]
        if self.place:
            return self.place.store(url)
        secrets = [("default", VaultSecret(VAULT_PASSWORD.encode()))]
        return VaultFileStore(self.store, secrets=secrets, identity_url=url, **self.store_options)


def opened(path: Path) -> Record:
    return decrypted(path.read_bytes())


@lru_cache(maxsize=4096)
def decrypted(content: bytes) -> Record:
    return from_document(yaml.safe_load(VAULT.decrypt(content)))


def stored_passwords(store: Path) -> set[str]:
    """Every password in every record, predecessor and leftover of the store."""
    places = [path for pattern in ("*.yml*", ".prev/*", ".tmp/*") for path in store.glob(pattern)]
    return {password for path in places for password in opened(path).candidates()}


def is_settled(record: Record, live: str) -> bool:
    return (record.current.password, record.pending, record.status) == (live, None, "ok")


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    return {account["user_id"]: account["status"] for account in result["accounts"]}


def account(result: Mapping[str, Any], user: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in result["accounts"] if one["user_id"] == user)
    return found


def adds_up(result: Mapping[str, Any]) -> bool:
    """Whether the counts are those of the accounts."""
    counted = {status: count for status, count in result["counts"].items() if count}
    undelivered = counted.pop("undelivered", 0)
    if undelivered != sum(one["delivery_due"] for one in result["accounts"]):
        return False
    listed = list(statuses(result).values())
    return counted == {status: listed.count(status) for status in listed}


def await_death(running: Running) -> None:
    """Wait until no process of the run is left: only then the store is looked at."""
    with suppress(Exception):
        running.process.wait(DEATH_SECONDS)
    assert wait_until(lambda: not running.processes(), DEATH_SECONDS), "a process of the run is still alive"
