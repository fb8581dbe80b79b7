# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation, the lookup and the state of the accounts, by ansible-playbook and a store in Vault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene
from ansible_collections.rpaops.uipath.tests.stores.vault_rig import VaultRig
from ansible_collections.rpaops.uipath.tests.stores.vault_server import ROOT, Vault, VaultServer, running_vault

pytestmark = pytest.mark.matrix

USERS = ("one", "two")
SECRETS = {"vault_secret_id": "Elderberry-5ecret", **{f"vault_{user}": awkward(f"Bilberry{user}") for user in USERS}}
ROTATION = "rpaops.uipath.uipath_password_rotation"
INFO = "rpaops.uipath.uipath_password_store_info"
LOOKUP = "lookup('rpaops.uipath.uipath_password', 'svc one', store=store)"
STORE = {"type": "hashi_vault", "url": "{{ url }}", "auth_method": "approle", "role_id": "rot"}
STORE["secret_id"] = "{{ vault_secret_id }}"
ACCOUNTS = [{"user_id": user, "name": f"svc {user}", "initial_password": f"{{{{ vault_{user} }}}}"} for user in USERS]


def rotate(name: str, **options: Any) -> dict[str, Any]:
    given = {"store": "{{ store }}", "accounts": ACCOUNTS, "settle_seconds": 0.05, **options}
    return {"name": name, ROTATION: given, "ignore_errors": True}


TASKS: list[dict[str, Any]] = [
    {"name": "Set", "ansible.builtin.set_fact": {"store": STORE}, "no_log": True},
    {**rotate("Check"), "check_mode": True},
    rotate("Rotate"),
    {"name": "Look up", "ansible.builtin.set_fact": {"found": "{{ " + LOOKUP + " }}"}, "no_log": True},
    {"name": "Show", INFO: {"store": "{{ store }}", "accounts": ACCOUNTS}},
    rotate("Rotate again"),
    {
        "name": "Break",
        "ansible.builtin.set_fact": {"broken": "{{ store | combine({'secret_id': vault_one}) }}"},
        "no_log": True,
    },
    rotate("Rotate without access", store="{{ broken }}"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    login = ({"role_id": "rot", "secret_id": SECRETS["vault_secret_id"]}, ["writer"])
    with running_vault(Vault(logins={"auth/approle/login": login})) as server:
        yield server


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    authority = Authority(folder)
    with Scene.set_up(folder, authority, authority.issue("server")) as scene:
        yield scene


@pytest.fixture(scope="module")
def run(scene: Scene, server: VaultServer) -> PlaybookRun:
    scene.simulator.add_users({user: SECRETS[f"vault_{user}"] for user in USERS})
    return watched_run(scene.play, TASKS, "-vvvv", url=server.url, **SECRETS)


def statuses(run: PlaybookRun, task: str) -> list[str]:
    return [account["status"] for account in run[task]["accounts"]]


def test_it_rotates_and_then_finds_nothing_due(run: PlaybookRun, scene: Scene, server: VaultServer) -> None:
    assert statuses(run, "Rotate") == ["rotated", "rotated"], run["Rotate"]
    assert statuses(run, "Rotate again") == ["fresh", "fresh"]
    assert not run["Rotate again"]["changed"]
    contents = {user: VaultRig(server.url, ROOT).content(user) for user in USERS}
    assert all(scene.simulator.is_live(user, content["Password"]) for user, content in contents.items())


def test_lookup_and_state_agree(run: PlaybookRun, server: VaultServer) -> None:
    assert not run["Look up"]["failed"]
    assert statuses(run, "Show") == ["ok", "ok"]
    assert run["Show"]["counts"]["ok"] == 2


def test_check_mode_writes_nothing_and_every_sign_in_ends(run: PlaybookRun, server: VaultServer) -> None:
    requests = server.vault.requests
    first_write = next(
        index for index, request in enumerate(requests) if request.method == "POST" and "/data/" in request.path
    )
    assert "auth/token/revoke-self" in [request.path for request in requests[:first_write]]
    assert set(server.vault.tokens) == {ROOT}


def test_a_store_that_refuses_says_so(run: PlaybookRun, server: VaultServer) -> None:
    result = run["Rotate without access"]
    assert (result["status"], result["failed"]) == ("store_error", True)
    expected = f"{server.url} refuses the sign-in at auth/approle/login (HTTP 400): invalid secret id"
    assert result["msg"] == expected


def test_no_secret_is_shown(run: PlaybookRun, server: VaultServer) -> None:
    live = [VaultRig(server.url, ROOT).content(user)["Password"] for user in USERS]
    assert not leaks(run, [*SECRETS.values(), *live])
