# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts move from files to Vault by ansible-playbook, and are rotated there from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import USUAL_WARNINGS
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene
from ansible_collections.rpaops.uipath.tests.stores.vault_rig import VaultRig
from ansible_collections.rpaops.uipath.tests.stores.vault_server import ROOT, Vault, VaultServer, running_vault

USERS = ("one", "two")
SECRETS = {"vault_secret_id": "Elderberry-5ecret", **{f"vault_{user}": awkward(f"Bilberry{user}") for user in USERS}}
ROTATION = "rpaops.uipath.uipath_password_rotation"
INFO = "rpaops.uipath.uipath_password_store_info"
COPY = "rpaops.uipath.uipath_password_store_copy"
VAULT = {"type": "hashi_vault", "url": "{{ url }}", "auth_method": "approle", "role_id": "rot"}
VAULT["secret_id"] = "{{ vault_secret_id }}"
ACCOUNTS = [{"user_id": user, "name": f"svc {user}", "initial_password": f"{{{{ vault_{user} }}}}"} for user in USERS]


def rotate(name: str, store: str, **options: Any) -> dict[str, Any]:
    given = {"store": f"{{{{ {store} }}}}", "accounts": ACCOUNTS, "settle_seconds": 0.05, **options}
    return {"name": name, ROTATION: given, "ignore_errors": True}


def move(name: str, identity_url: str, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        COPY: {"identity_url": identity_url, "source": "{{ files }}", "target": "{{ vault }}", **options},
    }


def tasks(identity_url: str) -> list[dict[str, Any]]:
    facts = {"files": {"path": "{{ playbook_dir }}/store"}, "vault": VAULT}
    lookup = "lookup('rpaops.uipath.uipath_password', 'svc one', store=vault)"
    return [
        {"name": "Set", "ansible.builtin.set_fact": facts, "no_log": True},
        rotate("Rotate in files", "files"),
        {**move("Check", identity_url), "check_mode": True},
        move("Move one", identity_url, accounts=["svc one"]),
        move("Move", identity_url),
        move("Move again", identity_url),
        rotate("Rotate in the former store", "files", force=True),
        {"name": "Show the former store", INFO: {"store": "{{ files }}"}},
        rotate("Rotate in Vault", "vault", force=True),
        {"name": "Look up", "ansible.builtin.set_fact": {"found": "{{ " + lookup + " }}"}, "no_log": True},
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
    scene.play.allowed_warnings = USUAL_WARNINGS
    return watched_run(scene.play, tasks(scene.simulator.identity_url), "-vvvv", url=server.url, **SECRETS)


def statuses(run: PlaybookRun, task: str) -> list[str]:
    return [account["status"] for account in run[task]["accounts"]]


def test_it_moves_every_account_once(run: PlaybookRun) -> None:
    assert statuses(run, "Rotate in files") == ["rotated", "rotated"]
    assert statuses(run, "Check") == ["would_move", "would_move"]
    assert (statuses(run, "Move one"), statuses(run, "Move")) == (["moved"], ["already_moved", "moved"])
    assert statuses(run, "Move again") == ["already_moved", "already_moved"]
    assert not run["Move again"]["changed"]


def test_the_former_store_sends_nothing_and_names_the_other_one(run: PlaybookRun, server: VaultServer) -> None:
    refused = run["Rotate in the former store"]
    assert (statuses(run, "Rotate in the former store"), refused["changed"]) == (["moved", "moved"], False)
    assert all(server.url in account["msg"] for account in refused["accounts"])
    assert run["Show the former store"]["counts"]["moved"] == len(USERS)


def test_the_other_store_goes_on(run: PlaybookRun, scene: Scene, server: VaultServer) -> None:
    assert statuses(run, "Rotate in Vault") == ["rotated", "rotated"]
    assert not run["Look up"]["failed"]
    contents = {user: VaultRig(server.url, ROOT).content(user) for user in USERS}
    assert all(scene.simulator.is_live(user, content["Password"]) for user, content in contents.items())


def test_no_secret_is_shown(run: PlaybookRun, server: VaultServer) -> None:
    live = [VaultRig(server.url, ROOT).content(user)["Password"] for user in USERS]
    assert not leaks(run, [*SECRETS.values(), *live])
