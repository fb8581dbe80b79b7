# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no string becomes no password and no id, however it is written in a playbook; a vaulted string is one."""

from __future__ import annotations

from textwrap import indent

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import VAULT_PASSWORD, Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, Scene
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

SECRET = awkward("wrongtypeqz")
PASSWORD = "rpaops.uipath.uipath_user_password: {user_id: u1, old_password: old-1, new_password: "
ROTATION = "rpaops.uipath.uipath_password_rotation: {store: {path: store}, accounts: "
LOOKUP = "query('rpaops.uipath.uipath_password', "
PATH = "store={'path': 'store'}"
# What a user writes, and how the message begins.
TASKS = {
    f"{PASSWORD}'{{{{ vault_list }}}}'}}": "new_password must be a string, but it is a list",
    f"{PASSWORD}{{a: '{{{{ vault_secret }}}}'}}}}": "new_password must be a string, but it is a mapping",
    f"{PASSWORD}01234567}}": "new_password must be a string, but it is a number: put it in quotes",
    f"{PASSWORD}yes}}": "new_password must be a string, but it is a boolean: put it in quotes",
    "rpaops.uipath.uipath_user_password: {user_id: 00123, old_password: a, new_password: b}": (
        "user_id must be a string, but it is a number: put it in quotes"
    ),
    "rpaops.uipath.uipath_user_password: {users: [{user_id: u1, old_password: '{{ vault_list }}'}]}": (
        "users[0].old_password must be a string, but it is a list"
    ),
    "rpaops.uipath.uipath_user_password: {users: [['{{ vault_secret }}']]}": "users[0] must be a mapping",
    "rpaops.uipath.uipath_user_password: {concurrency: '{{ vault_secret }}'}": "concurrency must be a whole number",
    "rpaops.uipath.uipath_user_password: {update_password: '{{ vault_secret }}'}": "update_password must be one of",
    "rpaops.uipath.uipath_user_password: {client_secret: '{{ vault_list }}'}": "client_secret must be a string",
    "rpaops.uipath.uipath_user_info: {names: [jane, 0123]}": "names[1] must be a string, but it is a number",
    "rpaops.uipath.uipath_user_info: {validate_certs: '{{ vault_secret }}'}": "validate_certs must be true or false",
    f"{ROTATION}['{{{{ vault_list }}}}']}}": "accounts[0] must be a mapping, but it is a list",
    f"{ROTATION}[{{user_id: u1, initial_password: 01234567}}]}}": "accounts[0].initial_password must be a string",
    f"{ROTATION}[{{user_id: u1, initial_password: '{{{{ vault_list }}}}'}}]}}": (
        "accounts[0].initial_password must be a string, but it is a list"
    ),
    f"{ROTATION}[{{user_id: u1}}], only: [83]}}": "only[0] must be a string, but it is a number",
    f'ansible.builtin.debug: {{msg: "{{{{ {LOOKUP}83, {PATH}) }}}}"}}': "account[0] must be a string",
    f"ansible.builtin.debug: {{msg: \"{{{{ {LOOKUP}['u1', vault_secret], {PATH}) }}}}\"}}": (
        "account[0] must be a string, but it is a list"
    ),
}
VAULTED = """
- name: Change
  rpaops.uipath.uipath_user_password:
    user_id: changed
    old_password: !vault |
{old}
    new_password: !vault |
{new}

- name: Rotate
  rpaops.uipath.uipath_password_rotation:
    store: {{path: store}}
    accounts:
      - user_id: rotated
        initial_password: !vault |
{old}
"""

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def run(shared_scene: Scene) -> PlaybookRun:
    """All of them in one play."""
    tasks = "\n".join(f"- name: Task {number}\n  {task}\n  ignore_errors: true\n" for number, task in enumerate(TASKS))
    return watched_run(shared_scene.play, tasks, "-vvv", vault_secret=SECRET, vault_list=[SECRET])


@pytest.mark.parametrize(("number", "problem"), list(enumerate(TASKS.values())))
def test_is_refused_by_name(run: PlaybookRun, number: int, problem: str) -> None:
    assert run[f"Task {number}"]["failed"]
    assert problem in run[f"Task {number}"]["msg"]
    assert "Traceback" not in run[f"Task {number}"]["msg"]


def test_nothing_is_sent_or_shown(run: PlaybookRun, shared_scene: Scene) -> None:
    assert shared_scene.simulator.total == 0
    assert leaks(run, [SECRET]) == set()
    assert not (run.folder / "store").exists()


def test_strings_that_are_vaulted_inline_are_strings(play: Playbook, simulator: SimulatorProcess) -> None:
    simulator.add_users({"changed": OLD, "rotated": OLD})
    vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
    old, new = (indent(vault.encrypt(password).decode(), " " * 10) for password in (OLD, NEW))
    play(VAULTED.format(old=old, new=new), succeeds=True, warnings=["There is no store in"])
    assert simulator.is_live("changed", NEW)
    assert simulator.report["applied"] == {"changed": 1, "rotated": 1}
