# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation, the lookup and uipath_password_store_info with Kubernetes Secrets, by the real ansible-playbook."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.server import ENCRYPTION, UNVERIFIED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess
from ansible_collections.rpaops.uipath.tests.stores import kubernetes_server as stub

TOKEN = "Distinctive.t0ken-of-the-run"
NAMESPACE = "robots"
USERS = ("orders", "invoices")
INITIAL = {user: awkward(f"Initial{user}qz") for user in USERS}
STORE = {"type": "kubernetes", "namespace": NAMESPACE}
LOOKUP = f"lookup('rpaops.uipath.uipath_password', 'label orders', store={STORE})"
ROTATION = {
    "rpaops.uipath.uipath_password_rotation": {
        "store": STORE,
        "accounts": [
            {"user_id": user, "name": f"label {user}", "initial_password": f"{{{{ vault_{user} }}}}"} for user in USERS
        ],
        "timeout": 5,
    }
}
TASKS: list[dict[str, Any]] = [
    {"name": "Rotate", **ROTATION},
    {"name": "Look up", "ansible.builtin.set_fact": {"found": f"{{{{ {LOOKUP} | hash('sha256') }}}}"}},
    {"name": "Show", "rpaops.uipath.uipath_password_store_info": {"store": STORE}},
    {"name": "Rotate again", **ROTATION},
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[stub.KubernetesServer]:
    with stub.KubernetesServer() as cluster:
        cluster.stub.cluster.config |= {
            "tokens": {TOKEN: "rotation"},
            "roles": {"rotation": ["get", "list", "create", "update"]},
            "namespaces": [NAMESPACE],
        }
        yield cluster


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    simulator = SimulatorProcess(tmp_path_factory.mktemp("server"))
    simulator.add_users(INITIAL)
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorProcess, cluster: stub.KubernetesServer
) -> PlaybookRun:
    connection = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "identity_url": simulator.identity_url}
    play = Playbook(tmp_path_factory.mktemp("play"), connection)
    environment = {"K8S_AUTH_HOST": cluster.url, "K8S_AUTH_API_KEY": TOKEN}
    vaulted = {f"vault_{user}": password for user, password in INITIAL.items()}
    warnings = (ENCRYPTION, UNVERIFIED)
    return watched_run(play, TASKS, "-vvvv", environment=environment, warnings=warnings, **vaulted)


def secrets_in(cluster: stub.KubernetesServer) -> dict[str, dict[str, Any]]:
    """What each Secret says, by user id."""
    return {
        name.removeprefix("uipath-"): {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        for (_namespace, name), secret in cluster.stub.cluster.secrets.items()
    }


def test_rotates(run: PlaybookRun, cluster: stub.KubernetesServer, simulator: SimulatorProcess) -> None:
    assert [account["status"] for account in run["Rotate"]["accounts"]] == ["rotated"] * len(USERS)
    for user, secret in secrets_in(cluster).items():
        assert simulator.is_live(user, secret["password"])
        assert json.loads(secret[KEY])["record"]["current"]["password"] == secret["password"]


def test_a_second_run_finds_nothing_due(run: PlaybookRun) -> None:
    assert run["Rotate again"]["counts"]["fresh"] == len(USERS)
    assert not run["Rotate again"]["changed"]


def test_needs_two_reads_and_two_writes_for_a_rotation(run: PlaybookRun, cluster: stub.KubernetesServer) -> None:
    """And one read for an account with nothing due. Names cost one listing in each of the tasks that look for them."""
    assert cluster.stub.requests["create"] == cluster.stub.requests["update"] == len(USERS)
    assert cluster.stub.requests["get"] <= (2 + 1 + 1) * len(USERS) + 1


def test_the_password_is_found_by_name(run: PlaybookRun, cluster: stub.KubernetesServer) -> None:
    password = secrets_in(cluster)["orders"]["password"]
    assert run["Look up"]["ansible_facts"]["found"] == hashlib.sha256(password.encode()).hexdigest()


def test_the_overview_has_both_accounts(run: PlaybookRun) -> None:
    assert {account["user_id"]: account["status"] for account in run["Show"]["accounts"]} == dict.fromkeys(USERS, "ok")


def test_nothing_leaks(run: PlaybookRun, cluster: stub.KubernetesServer, simulator: SimulatorProcess) -> None:
    passwords = {secret["password"] for secret in secrets_in(cluster).values()}
    assert leaks(run, {*passwords, *INITIAL.values(), TOKEN}, Path(simulator.log)) == set()
