# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time rpaops.uipath.uipath_user_password against what it replaces, on the simulator, and print the ratios.

Both sides of a ratio run in turn against the same server. Every run changes the passwords of all users, and is an
error otherwise. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
SIMULATOR = ROOT / "tests/integration/targets/setup_simulator/files/identity_server.py"
CLIENT = {"client_id": "automation", "client_secret": "automation-secret"}
CONCURRENCY = 16

EMPTY = """
- hosts: localhost
  gather_facts: false
  tasks: []
"""
MODULE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - rpaops.uipath.uipath_user_password:
        identity_url: "{{ identity_url }}"
        client_id: "{{ client_id }}"
        client_secret: "{{ client_secret }}"
        concurrency: "{{ concurrency }}"
        users: "{{ users }}"
"""
URI = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.uri:
        url: "{{ identity_url }}/connect/token"
        method: POST
        body_format: form-urlencoded
        body:
          grant_type: client_credentials
          client_id: "{{ client_id }}"
          client_secret: "{{ client_secret }}"
      register: token
    - ansible.builtin.uri:
        url: "{{ identity_url }}/api/User/{{ item.user_id }}/changepassword"
        method: POST
        body_format: json
        body:
          oldPassword: "{{ item.old_password }}"
          newPassword: "{{ item.new_password }}"
        headers:
          Authorization: "Bearer {{ token.json.access_token }}"
      loop: "{{ users }}"
"""


@dataclass(frozen=True)
class Cost:
    seconds: float
    megabytes: float = 0.0


class Server:
    """A simulator on loopback, in its own process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/simulator/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def new_users(self, count: int) -> list[dict[str, str]]:
        """Replace all users by C(count) new ones with distinct random passwords, and return the wanted changes."""
        self.control("DELETE", "users")
        self.control("POST", "reset")
        users = [
            {
                "user_id": f"user-{number:05d}",
                "old_password": f"{secrets.token_urlsafe(18)}a1",
                "new_password": f"{secrets.token_urlsafe(18)}b2",
            }
            for number in range(count)
        ]
        known = [{"id": u["user_id"], "userName": u["user_id"], "password": u["old_password"]} for u in users]
        self.control("POST", "users", {"users": known})
        return users

    def demand_changed(self, users: list[dict[str, str]]) -> None:
        pairs = [[user["user_id"], user["new_password"]] for user in users]
        if self.control("POST", "verify", {"pairs": pairs})["live"] != len(users):
            raise SystemExit("a run did not change every password: its time means nothing")


@contextmanager
def simulator(latency: float) -> Iterator[Server]:
    command = [sys.executable, str(SIMULATOR), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


def play(text: str, server: Server, users: list[dict[str, str]]) -> Cost:
    """Run a playbook and return its wall time, and the peak memory of the largest process it started."""
    with tempfile.TemporaryDirectory() as folder:
        playbook, variables = Path(folder, "play.yml"), Path(folder, "variables.json")
        playbook.write_text(text)
        settings = {"identity_url": f"{server.url}/identity", "users": users, "concurrency": CONCURRENCY, **CLIENT}
        variables.write_text(json.dumps(settings))
        interpreter = f"ansible_python_interpreter={sys.executable}"
        command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"@{variables}", "-e", interpreter]
        started = time.perf_counter()
        process = subprocess.Popen([*command, str(playbook)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"ansible-playbook ended with status {status}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def thread_pool(server: Server, users: list[dict[str, str]]) -> Cost:
    """Change the passwords with nothing but C(requests) in threads, a session each."""
    started = time.perf_counter()
    base, local = f"{server.url}/identity", threading.local()
    form = {"grant_type": "client_credentials", **CLIENT}
    token = requests.post(f"{base}/connect/token", data=form, timeout=30).json()["access_token"]

    def change(user: dict[str, str]) -> bool:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.post(
            f"{base}/api/User/{user['user_id']}/changepassword",
            json={"oldPassword": user["old_password"], "newPassword": user["new_password"]},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        return bool(answer.json()["succeeded"])

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        if not all(pool.map(change, users)):
            raise SystemExit("the thread pool did not change every password")
    return Cost(time.perf_counter() - started)


def measured(server: Server, count: int, run: Callable[[Server, list[dict[str, str]]], Cost]) -> Cost:
    users = server.new_users(count)
    cost = run(server, users)
    server.demand_changed(users)
    return cost


def module(server: Server, users: list[dict[str, str]]) -> Cost:
    return play(MODULE, server, users)


def uri_loop(server: Server, users: list[dict[str, str]]) -> Cost:
    return play(URI, server, users)


def empty_seconds(server: Server, count: int) -> float:
    return play(EMPTY, server, server.new_users(count)).seconds


def row(case: str, ratios: list[float], wanted: str, seconds: list[float]) -> None:
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    typical = f"{statistics.median(seconds):.2f} s"
    print(f"| {case} | {middle:.2f} ({low:.2f} to {high:.2f}) | {wanted} | {typical} |", flush=True)


def one_user(runs: int) -> None:
    with simulator(0) as server:
        pairs = [(measured(server, 1, module).seconds, measured(server, 1, uri_loop).seconds) for _run in range(runs)]
    ratios, seconds = [own / uri for own, uri in pairs], [own for own, _uri in pairs]
    row("1 user: a play with the module / with two uri tasks", ratios, "<= 0.85", seconds)


def hundred_users(runs: int) -> None:
    ratios, seconds = [], []
    with simulator(0) as server:
        for _run in range(runs):
            empty = empty_seconds(server, 100)
            own, loop = measured(server, 100, module).seconds, measured(server, 100, uri_loop).seconds
            ratios.append((loop - empty) / (own - empty))
            seconds.append(own)
    row("100 users: uri in a loop / the module, without the empty play", ratios, ">= 30", seconds)


def ten_thousand_users(runs: int, latency: float, wanted: str) -> None:
    ratios, seconds = [], []
    with simulator(latency) as server:
        for _run in range(runs):
            empty = empty_seconds(server, 10_000)
            own, pool = measured(server, 10_000, module).seconds, measured(server, 10_000, thread_pool).seconds
            ratios.append((own - empty) / pool)
            seconds.append(own)
    case = f"10,000 users, server latency {latency * 1000:.0f} ms: the module without the empty play / a thread pool"
    row(case, ratios, wanted, seconds)


def growth(runs: int) -> None:
    ratios, seconds, megabytes = [], [], []
    with simulator(0) as server:
        for _run in range(runs):
            small = measured(server, 1_000, module).seconds - empty_seconds(server, 1_000)
            large = measured(server, 10_000, module)
            ratios.append((large.seconds - empty_seconds(server, 10_000)) / 10 / small)
            seconds.append(large.seconds)
            megabytes.append(large.megabytes)
    row("time per user at 10,000 / at 1,000 users, without the empty play", ratios, "<= 1.2", seconds)
    print(f"\nPeak memory of the largest process at 10,000 users: {max(megabytes):.0f} MB (wanted: <= 200 MB).")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each side of a ratio is run (3)")
    runs = parser.parse_args().runs
    versions = subprocess.run(["ansible-playbook", "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{versions.splitlines()[0]}, Python {platform.python_version()}, requests {requests.__version__}, ", end="")
    print(f"{os.cpu_count()} cores, median of {runs} (lowest to highest)\n")
    print("| case | ratio | wanted | the module's play |\n| --- | --- | --- | --- |")
    one_user(runs)
    hundred_users(runs)
    ten_thousand_users(runs, 0, "<= 1.5")
    ten_thousand_users(runs, 0.05, "<= 1.1")
    growth(runs)


if __name__ == "__main__":
    main()
