# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the calls of rpaops.uipath.uipath_password_rotation to stores on a network, and time it.

The servers of the stores are the stubs of tests/stores, each in a process of its own. The alternative makes the same
number of calls with the store's own library, see bare_calls.py. See README.md in this folder.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Current, Record, RotatedBy
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import OpenStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from bench import CLIENT, ROOT, BenchmarkServer, conclude, demand, number_of_runs, play, row, simulator
from user_password import CONCURRENCY, EMPTY, User, new_users

LATENCY = 0.02
COUNT = 1_000
# Calls of a run, whatever its number of accounts: signing in, and reading and writing a list of names.
CALLS_OF_A_RUN = 5
BARE_CALLS = Path(__file__).with_name("bare_calls.py")
REGION = "eu-central-1"

ROTATION = """
- hosts: localhost
  gather_facts: false
  tasks:
    - rpaops.uipath.uipath_password_rotation:
        identity_url: "{{ identity_url }}"
        client_id: "{{ client_id }}"
        client_secret: "{{ client_secret }}"
        concurrency: "{{ concurrency }}"
        store: "{{ store }}"
        force: "{{ force }}"
        accounts: "{{ accounts }}"
"""


def control(url: str, method: str, path: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/control/{path}", content, method=method)) as answer:
        return json.loads(answer.read() or b"null")


def vault_calls(url: str) -> Counter[str]:
    return Counter(kind_of(method, path) for method, path, *_namespace in control(url, "GET", "requests"))


def kind_of(method: str, path: str) -> str:
    if "/data/" in path:
        return "reads" if method == "GET" else "writes"
    return "listings" if "/metadata" in path else "others"


def kubernetes_calls(url: str) -> Counter[str]:
    requests = Counter(control(url, "GET", "report")["requests"])
    others = sum(requests.values()) - sum(requests[verb] for verb in ("get", "create", "update", "list"))
    writes = requests["create"] + requests["update"]
    return Counter(reads=requests["get"], writes=writes, listings=requests["list"], others=others)


def aws_calls(url: str) -> Counter[str]:
    requests = control(url, "GET", "report")["requests"]
    kinds = {"GetSecretValue": "reads", "PutSecretValue": "writes", "CreateSecret": "writes", "ListSecrets": "listings"}
    calls: Counter[str] = Counter()
    for action, number in requests.items():
        calls[kinds.get(action, "others")] += number
    return calls


@dataclass(frozen=True)
class Kind:
    """A type of store: its server's program, its options for a URL, and how its server is slowed down and counts."""

    program: str
    options: Callable[[str], dict[str, Any]]
    slow_down: Callable[[str, float], Any]
    calls: Callable[[str], Counter[str]]


KINDS = {
    "hashi_vault": Kind(
        "vault_server.py",
        lambda url: {"url": url, "token": "s.ROOT"},
        lambda url, latency: control(url, "POST", "state", {"latency": latency}),
        vault_calls,
    ),
    "kubernetes": Kind(
        "kubernetes_server.py",
        lambda url: {"host": url, "api_key": "ADMIN-TOKEN", "namespace": "default"},
        lambda url, latency: control(url, "PATCH", "config", {"latency": latency}),
        kubernetes_calls,
    ),
    "aws_secrets_manager": Kind(
        "aws_server.py",
        lambda url: {"endpoint_url": url, "region": REGION, "access_key": "AKIAEXAMPLE", "secret_key": "EXAMPLE"},
        lambda url, latency: control(url, "PATCH", "config", {"latency": latency}),
        aws_calls,
    ),
}


@dataclass
class Bench:
    """A server of a type of store, with secrets of its own for the product and for the alternative, and their users."""

    type: str
    url: str
    identity: BenchmarkServer
    users: list[User]
    bare_users: list[User]

    @property
    def kind(self) -> Kind:
        return KINDS[self.type]

    @property
    def identity_url(self) -> str:
        return f"{self.identity.url}/identity"

    def store(self, prefix: str) -> dict[str, Any]:
        return {"type": self.type, "prefix": prefix, **self.kind.options(self.url)}

    def fill(self) -> None:
        """Store a record of every user, as after a rotation, before the server is slowed down."""
        for prefix, users in (("robots-", self.users), ("bare-", self.bare_users)):
            options = StoreOptions(self.store(prefix))
            store = options.create(StoreContext(str(ROOT), identity_url=self.identity_url, connections=CONCURRENCY))
            with store.open(read_only=False) as opened, ThreadPoolExecutor(CONCURRENCY) as pool:
                list(pool.map(lambda user, to=opened: put_rotated(to, self.identity_url, user), users))
        self.kind.slow_down(self.url, LATENCY)

    def empty(self) -> float:
        return play(EMPTY, self.identity, **self.variables()).seconds

    def play(self, *, force: bool) -> tuple[float, Counter[str]]:
        """Run the product, and return its seconds and its calls to the server of the store."""
        applied, calls = self.applied(), self.kind.calls(self.url)
        seconds = play(ROTATION, self.identity, force=force, **self.variables()).seconds
        calls = self.kind.calls(self.url) - calls
        if self.applied() - applied != (Counter({user["user_id"]: 1 for user in self.users}) if force else Counter()):
            raise SystemExit("a run did not change every password once, so its time is not valid")
        return seconds, calls

    def bare(self, *, rotates: bool) -> float:
        given = {"store": self.store("bare-"), "users": self.bare_users, "rotates": rotates}
        given |= {"identity_url": self.identity_url, "form": {"grant_type": "client_credentials", **CLIENT}}
        command = [sys.executable, str(BARE_CALLS)]
        answer = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True).stdout
        if rotates:
            self.bare_users = [{**user, **new_pair(user["new_password"])} for user in self.bare_users]
        return float(json.loads(answer)["seconds"])

    def variables(self) -> dict[str, Any]:
        accounts = [{"user_id": user["user_id"]} for user in self.users]
        return {"store": self.store("robots-"), "concurrency": CONCURRENCY, "accounts": accounts}

    def applied(self) -> Counter[str]:
        """Return how often the server has changed the password of each user of the product."""
        own = {user["user_id"] for user in self.users}
        applied: Mapping[str, int] = self.identity.control("GET", "report")["applied"]
        return Counter({user_id: count for user_id, count in applied.items() if user_id in own})


def new_pair(live: str) -> User:
    return {"old_password": live, "new_password": f"{secrets.token_urlsafe(18)}a1"}


def put_rotated(store: OpenStore, url: str, user: User) -> None:
    """Write twice, as a rotation does. On AWS, the first version of a secret takes two reads, and all others one."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    current = Current(user["old_password"], now, "rotated", 2)
    rotated = Record(Account(url, user["user_id"]), current, 1, rotations=(RotatedBy(now, "root@controller"),))
    with store.locked(user["user_id"]) as record:
        record.read()
        if not (record.write(rotated) and record.write(replace(rotated, generation=2))):
            raise SystemExit("a record was not stored")


@contextmanager
def bench(name: str) -> Iterator[Bench]:
    command = [sys.executable, str(ROOT / "tests/stores" / KINDS[name].program), "--port", "0"]
    with simulator(LATENCY) as identity, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            users = new_users(identity, 2 * COUNT)
            made = Bench(name, process.stdout.readline().strip(), identity, users[:COUNT], users[COUNT:])
            made.fill()
            yield made
        finally:
            process.terminate()


@dataclass
class Comparison:
    """Runs of the product and of the alternative, and the largest numbers of calls."""

    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def measure(self, made: Bench, *, rotates: bool) -> None:
        empty, bare = made.empty(), made.bare(rotates=rotates)
        seconds, calls = made.play(force=rotates)
        self.seconds.append(seconds)
        self.ratios.append((seconds - empty) / bare)
        self.calls |= calls


def compare(name: str, runs: int) -> dict[str, Comparison]:
    idle, rotation = Comparison(), Comparison()
    with bench(name) as made:
        for _run in range(runs):
            idle.measure(made, rotates=False)
            rotation.measure(made, rotates=True)
    at = f"{name}, {COUNT:,} accounts, latency {LATENCY * 1000:.0f} ms"
    row(f"{at}, nothing due: without the empty play / the same calls bare", idle.ratios, "<= 1.3", idle.seconds)
    row(f"{at}: a rotation without the empty play / the same calls bare", rotation.ratios, "<= 1.5", rotation.seconds)
    return {f"{name}, nothing due": idle, f"{name}, a rotation": rotation}


def show_calls(compared: Mapping[str, Comparison]) -> None:
    print(f"\n| calls of {COUNT:,} accounts | reads | writes | listings | others |\n| --- | --- | --- | --- | --- |")
    for case, comparison in compared.items():
        calls, of_each = comparison.calls, 2 if case.endswith("a rotation") else 1
        print(f"| {case} | {calls['reads']} | {calls['writes']} | {calls['listings']} | {calls['others']} |")
        most_writes = 2 * COUNT if of_each == 2 else 0
        demand(f"{case}: reads", calls["reads"], f"<= {of_each * COUNT + CALLS_OF_A_RUN}")
        demand(f"{case}: writes", calls["writes"], f"<= {most_writes + CALLS_OF_A_RUN}")
        demand(f"{case}: listings", calls["listings"], "<= 1")


def main() -> None:
    runs = number_of_runs(__doc__)
    compared: dict[str, Comparison] = {}
    for name in KINDS:
        compared |= compare(name, runs)
    show_calls(compared)
    conclude()


if __name__ == "__main__":
    main()
