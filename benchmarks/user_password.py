# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the time of rpaops.uipath.uipath_user_password with its alternatives, on the simulator.

Both sides of a ratio run in turn against the same server. Every run must change the passwords of all users. See
README.md in this folder.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests
from bench import CLIENT, BenchmarkServer, Cost, conclude, number_of_runs, peak, play, row, simulator

CONCURRENCY = 16
User = dict[str, str]

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


def new_users(server: BenchmarkServer, count: int) -> list[User]:
    """Replace all users by `count` new ones with distinct random passwords, and return the changes to make."""
    server.control("DELETE", "users")
    server.control("POST", "reset")
    users = [
        {
            "user_id": f"user-{number:05d}",
            "old_password": f"{secrets.token_urlsafe(18)}a1",
            "new_password": f"{secrets.token_urlsafe(18)}b2",
        }
        for number in range(count)
    ]
    known = [{"id": u["user_id"], "userName": u["user_id"], "password": u["old_password"]} for u in users]
    server.control("POST", "users", {"users": known})
    return users


def demand_changed(server: BenchmarkServer, users: list[User]) -> None:
    pairs = [[user["user_id"], user["new_password"]] for user in users]
    if server.control("POST", "verify", {"pairs": pairs})["live"] != len(users):
        raise SystemExit("a run did not change every password, so its time is not valid")


def thread_pool(server: BenchmarkServer, users: list[User]) -> Cost:
    """Change the passwords with `requests` only, in threads with a session each."""
    started = time.perf_counter()
    base, local = f"{server.url}/identity", threading.local()
    form = {"grant_type": "client_credentials", **CLIENT}
    token = requests.post(f"{base}/connect/token", data=form, timeout=30).json()["access_token"]

    def change(user: User) -> bool:
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


def measured(server: BenchmarkServer, count: int, run: Callable[[BenchmarkServer, list[User]], Cost]) -> Cost:
    users = new_users(server, count)
    cost = run(server, users)
    demand_changed(server, users)
    return cost


def module(server: BenchmarkServer, users: list[User]) -> Cost:
    return play(MODULE, server, users=users, concurrency=CONCURRENCY)


def uri_loop(server: BenchmarkServer, users: list[User]) -> Cost:
    return play(URI, server, users=users)


def empty_seconds(server: BenchmarkServer, count: int) -> float:
    return play(EMPTY, server, users=new_users(server, count)).seconds


def one_user(runs: int) -> None:
    with simulator() as server:
        pairs = [(measured(server, 1, module).seconds, measured(server, 1, uri_loop).seconds) for _run in range(runs)]
    ratios, seconds = [own / uri for own, uri in pairs], [own for own, _uri in pairs]
    row("1 user: a play with the module / with two uri tasks", ratios, "<= 0.85", seconds)


def hundred_users(runs: int) -> None:
    ratios, seconds = [], []
    with simulator() as server:
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
    with simulator() as server:
        for _run in range(runs):
            small = measured(server, 1_000, module).seconds - empty_seconds(server, 1_000)
            large = measured(server, 10_000, module)
            ratios.append((large.seconds - empty_seconds(server, 10_000)) / 10 / small)
            seconds.append(large.seconds)
            megabytes.append(large.megabytes)
    row("time per user at 10,000 / at 1,000 users, without the empty play", ratios, "<= 1.2", seconds)
    peak("10,000 users", max(megabytes), "<= 200")


def main() -> None:
    runs = number_of_runs(__doc__)
    one_user(runs)
    hundred_users(runs)
    ten_thousand_users(runs, 0, "<= 1.5")
    ten_thousand_users(runs, 0.05, "<= 1.1")
    growth(runs)
    conclude()


if __name__ == "__main__":
    main()
