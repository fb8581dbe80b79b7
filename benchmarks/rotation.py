# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time rpaops.uipath.uipath_password_rotation on the simulator, and show the parts of its time.

It is compared with uipath_user_password, which changes the same number of passwords and stores none, and with
ansible-core's Vault, which decrypts the same number of records. Every account has a record before the timing starts,
and every forced run must change the passwords of all accounts. A run with nothing due, and the report of
rpaops.uipath.uipath_password_store_info, read the same records. See README.md in this folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ansible.parsing import vault
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Transport
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import rotation_argument_spec
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Current, Record, RotatedBy
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import OpenStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import rotate
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated
from bench import CLIENT, BenchmarkServer, Cost, conclude, number_of_runs, peak, play, row, simulator
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from user_password import CONCURRENCY, EMPTY, User, measured, module, new_users

LATENCY = 0.05
VAULT_PASSWORD = "the vault password of the benchmark"
SECRETS = [("default", vault.VaultSecret(VAULT_PASSWORD.encode()))]

ROTATION = """
- hosts: localhost
  gather_facts: false
  tasks:
    - rpaops.uipath.uipath_password_rotation:
        identity_url: "{{ identity_url }}"
        client_id: "{{ client_id }}"
        client_secret: "{{ client_secret }}"
        concurrency: "{{ concurrency }}"
        store:
          path: "{{ store }}"
        state: "{{ state | default('rotated') }}"
        force: "{{ force | default(false) }}"
        accounts: "{{ accounts }}"
"""

INFO = """
- hosts: localhost
  gather_facts: false
  tasks:
    - rpaops.uipath.uipath_password_store_info:
        store:
          path: "{{ store }}"
        accounts: "{{ accounts }}"
"""


@dataclass
class Accounts:
    """Users of the server, and the store that keeps their passwords."""

    server: BenchmarkServer
    users: list[User]
    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def play(self, text: str, **variables: Any) -> Cost:
        secret = self.folder / "vault-password"
        secret.write_text(VAULT_PASSWORD)
        accounts = [{"user_id": user["user_id"], "initial_password": user["old_password"]} for user in self.users]
        options = {"store": str(self.store), "concurrency": CONCURRENCY, "accounts": accounts, **variables}
        return play(text, self.server, arguments=["--vault-password-file", str(secret)], **options)

    def rotation(self) -> Cost:
        """Rotate every account, and check that each was rotated."""
        before = self.applied()
        cost = self.play(ROTATION, force=True)
        self.demand_rotated(before)
        return cost

    def applied(self) -> dict[str, int]:
        """Return how often the server has changed each user's password."""
        return dict(self.server.control("GET", "report")["applied"])

    def demand_rotated(self, before: dict[str, int]) -> None:
        if self.applied() != {user["user_id"]: before.get(user["user_id"], 0) + 1 for user in self.users}:
            raise SystemExit("a run did not change every password once, so its time is not valid")

    def decryption(self) -> float:
        """Decrypt every record with ansible-core only."""
        library, started = vault.VaultLib(SECRETS), time.perf_counter()
        for path in self.store.glob("*.yml"):
            library.decrypt(path.read_bytes())
        return time.perf_counter() - started


@contextmanager
def batch(server: BenchmarkServer, count: int) -> Iterator[Accounts]:
    """Create users, and a store with a record of each."""
    folder = Path(tempfile.mkdtemp())
    try:
        made = Accounts(server, new_users(server, count), folder)
        made.play(ROTATION, state="present")
        yield made
    finally:
        shutil.rmtree(folder)


@contextmanager
def rotated_accounts(count: int) -> Iterator[Accounts]:
    """Make a store in which every password was just rotated. There is no server: a run that needs it fails."""
    server, folder = BenchmarkServer("http://localhost:1"), Path(tempfile.mkdtemp())
    users = [{"user_id": str(uuid.UUID(int=number)), "user_name": f"robot-{number}"} for number in range(count)]
    accounts = Accounts(server, [{**user, "old_password": "initial-1"} for user in users], folder)
    store = VaultFileStore(accounts.store, secrets=SECRETS, identity_url=f"{server.url}/identity")
    try:
        without_fsync = mock.patch.object(os, "fsync", return_value=None)
        with without_fsync, store.open(read_only=False) as opened, ThreadPoolExecutor() as pool:
            list(pool.map(lambda user: put_rotated(opened, f"{server.url}/identity", user), users))
        yield accounts
    finally:
        shutil.rmtree(folder)


def put_rotated(store: OpenStore, url: str, user: User) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    account = Account(url, user["user_id"], user_name=user["user_name"])
    current = Current(secrets.token_urlsafe(18), now, "rotated", 2)
    with store.locked(account.user_id) as record:
        record.read()
        record.write(Record(account, current, 2, rotations=(RotatedBy(now, "root@controller"),)))


def against_others(runs: int) -> None:
    """Compare 1,000 accounts with uipath_user_password."""
    ratios, seconds = [], []
    with simulator(LATENCY) as server:
        for _run in range(runs):
            bare = measured(server, 1_000, module).seconds
            with batch(server, 1_000) as accounts:
                seconds.append(accounts.rotation().seconds)
                ratios.append(seconds[-1] / bare)
    case = f"1,000 accounts, server latency {LATENCY * 1000:.0f} ms: a rotation / uipath_user_password"
    row(case, ratios, "<= 3.0", seconds)


def nothing_due(runs: int) -> None:
    """Compare runs that read 10,000 accounts with the decryption of all records."""
    with rotated_accounts(10_000) as accounts:
        by_id = [{"user_id": user["user_id"], "initial_password": user["old_password"]} for user in accounts.users]
        by_name = [
            {"user_name": user["user_name"], "initial_password": user["old_password"]} for user in accounts.users
        ]
        cases = {
            "10,000 accounts, nothing due": Idle(ROTATION, by_id),
            "10,000 accounts by user_name, nothing due": Idle(ROTATION, by_name),
            "10,000 accounts, uipath_password_store_info": Idle(INFO, by_id),
        }
        decryption = accounts.decryption()  # once: ansible-core 2.19 and later keep the keys that they have derived
        for _run in range(runs):
            for case in cases.values():
                case.measure(accounts, decryption)
    for name, case in cases.items():
        row(f"{name}: without the empty play / decrypting all records", case.ratios, "<= 0.125", case.seconds)
        row(f"{name}: seconds beyond the empty play", case.beyond, "<= 3.0", case.seconds)


@dataclass
class Idle:
    """A play that reads all accounts, and its time: in all, beyond the empty play, and divided by the decryption's."""

    text: str
    listed: list[User]
    seconds: list[float] = field(default_factory=list)
    beyond: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def measure(self, accounts: Accounts, decryption: float) -> None:
        empty = accounts.play(EMPTY, accounts=self.listed).seconds
        self.seconds.append(accounts.play(self.text, accounts=self.listed).seconds)
        self.beyond.append(self.seconds[-1] - empty)
        self.ratios.append(self.beyond[-1] / decryption)


def growth(runs: int) -> None:
    ratios, seconds, megabytes = [], [], []
    with simulator(LATENCY) as server:
        for _run in range(runs):
            with batch(server, 1_000) as accounts:
                small = accounts.rotation().seconds - accounts.play(EMPTY).seconds
            with batch(server, 10_000) as accounts:
                large = accounts.rotation()
                ratios.append((large.seconds - accounts.play(EMPTY).seconds) / 10 / small)
            seconds.append(large.seconds)
            megabytes.append(large.megabytes)
    row("time per account at 10,000 / at 1,000 accounts, without the empty play", ratios, "<= 1.2", seconds)
    peak("10,000 accounts", max(megabytes), "<= 300")


@dataclass
class Meter:
    """Counts calls, their elapsed time, and the processor time of their threads."""

    calls: int = 0
    passed: float = 0.0
    worked: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def metered(*arguments: Any, **options: Any) -> Any:
            started, work = time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                with self._lock:
                    self.calls += 1
                    self.passed += time.perf_counter() - started
                    self.worked += time.thread_time() - work

        return metered


@contextmanager
def metered_calls() -> Iterator[dict[str, Meter]]:
    """Meter what a rotation waits for: key derivations, the disk, the server."""
    meters = {"vault key derivation": Meter(), "fsync": Meter(), "HTTP": Meter()}
    derivation, disk, http = meters.values()

    def metered_kdf(*arguments: Any, **options: Any) -> Any:
        return SimpleNamespace(derive=derivation.of(PBKDF2HMAC(*arguments, **options).derive))

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(vault, "PBKDF2HMAC", metered_kdf))
        patches.enter_context(mock.patch.object(os, "fsync", disk.of(os.fsync)))
        patches.enter_context(mock.patch.object(Transport, "send", http.of(Transport.send)))
        yield meters


def rotate_here(accounts: Accounts) -> None:
    """Rotate every account as the action does, in this process."""
    url = f"{accounts.server.url}/identity"
    given = {"identity_url": url, **CLIENT, "concurrency": CONCURRENCY, "force": True}
    given |= {
        "store": {"path": str(accounts.store)},
        "accounts": [{"user_id": user["user_id"]} for user in accounts.users],
    }
    options, _errors = validated(given, rotation_argument_spec())
    rotate(options, {}, VaultFileStore(accounts.store, secrets=SECRETS, identity_url=url), check_mode=False)


def parts() -> None:
    """Print the parts of the time of 1,000 accounts. Threads wait at the same time, so the sums exceed the total."""
    with simulator(LATENCY) as server, batch(server, 1_000) as accounts, metered_calls() as meters:
        before, started, work = accounts.applied(), time.perf_counter(), time.process_time()
        rotate_here(accounts)
        passed, worked = time.perf_counter() - started, time.process_time() - work
        accounts.demand_rotated(before)
    print("\n| part of 1,000 accounts | calls | elapsed in all threads | processor time |\n| --- | --- | --- | --- |")
    for name, meter in meters.items():
        print(f"| {name} | {meter.calls} | {meter.passed:.1f} s | {meter.worked:.1f} s |")
    rest = worked - sum(meter.worked for meter in meters.values())
    print(f"| the rest | | | {rest:.1f} s |\n| total | | {passed:.1f} s | {worked:.1f} s |")


def main() -> None:
    runs = number_of_runs(__doc__)
    against_others(runs)
    nothing_due(runs)
    growth(runs)
    parts()
    conclude()


if __name__ == "__main__":
    main()
