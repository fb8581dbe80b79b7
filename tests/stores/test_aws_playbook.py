# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation, the lookup and uipath_password_store_info with AWS Secrets Manager, by the real ansible-playbook."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess
from ansible_collections.rpaops.uipath.tests.stores.aws_rig import KEYS, REGION, SECRET_KEY, AwsRig
from ansible_collections.rpaops.uipath.tests.stores.aws_server import AwsServer

USERS = ("orders", "invoices")
INITIAL = {user: awkward(f"Initial{user}qz") for user in USERS}
SESSION_TOKEN = "Distinctive/session+token=="
STORE = {"type": "aws_secrets_manager", "region": REGION, "tags": {"team": "robots"}}
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
]
SECOND_TASKS: list[dict[str, Any]] = [{"name": "Rotate again", **ROTATION}]


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with AwsServer() as server:
        server.stub.clear()
        yield server


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    simulator = SimulatorProcess(tmp_path_factory.mktemp("server"))
    simulator.add_users(INITIAL)
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorProcess, server: AwsServer
) -> tuple[PlaybookRun, PlaybookRun]:
    connection = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "identity_url": simulator.identity_url}
    play = Playbook(tmp_path_factory.mktemp("play"), connection)
    environment = {
        "AWS_URL": server.url,
        "AWS_ACCESS_KEY_ID": KEYS["access_key"],
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
    }
    vaulted = {f"vault_{user}": password for user, password in INITIAL.items()}
    first = watched_run(play, TASKS, "-vvvv", environment=environment, **vaulted)
    server.stub.requests.clear()
    return first, watched_run(play, SECOND_TASKS, "-vvvv", environment=environment, **vaulted)


@pytest.fixture(scope="module")
def rig(server: AwsServer, runs: tuple[PlaybookRun, PlaybookRun]) -> AwsRig:
    return AwsRig({"endpoint_url": server.url, "region": REGION, **KEYS})


def test_rotates(runs: tuple[PlaybookRun, PlaybookRun], rig: AwsRig, simulator: SimulatorProcess) -> None:
    assert [account["status"] for account in runs[0]["Rotate"]["accounts"]] == ["rotated"] * len(USERS)
    for user in USERS:
        shown = rig.value(user, "AWSCURRENT")
        assert simulator.is_live(user, shown["Value"])
        assert json.loads(shown[KEY])["record"]["current"]["password"] == shown["Password"] == shown["Value"]


def test_a_second_run_finds_nothing_due(runs: tuple[PlaybookRun, PlaybookRun], server: AwsServer, rig: AwsRig) -> None:
    assert runs[1]["Rotate again"]["counts"]["fresh"] == len(USERS)
    assert not runs[1]["Rotate again"]["changed"]
    assert not {"CreateSecret", "PutSecretValue", "UpdateSecret"} & server.stub.requests.keys()


def test_the_password_is_found_by_name(runs: tuple[PlaybookRun, PlaybookRun], rig: AwsRig) -> None:
    password = rig.value("orders", "AWSCURRENT")["Password"]
    assert runs[0]["Look up"]["ansible_facts"]["found"] == hashlib.sha256(password.encode()).hexdigest()


def test_the_overview_has_both_accounts(runs: tuple[PlaybookRun, PlaybookRun]) -> None:
    shown = {account["user_id"]: account["status"] for account in runs[0]["Show"]["accounts"]}
    assert shown == dict.fromkeys(USERS, "ok")


def test_nothing_leaks(runs: tuple[PlaybookRun, PlaybookRun], rig: AwsRig, simulator: SimulatorProcess) -> None:
    secrets = {*(rig.value(user)["Password"] for user in USERS), *INITIAL.values(), SECRET_KEY, SESSION_TOKEN}
    for run in runs:
        assert leaks(run, secrets, Path(simulator.log)) == set()
