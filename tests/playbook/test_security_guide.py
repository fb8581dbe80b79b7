# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/security.md says that ansible-core shows and keeps, whatever a module does."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import indent

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.tests.playbook.leaks import Witness, awkward, files_of, leaks
from ansible_collections.rpaops.uipath.tests.playbook.playbook import CORE, VAULT_PASSWORD, Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, SimulatorProcess, wait_until

# Other runs of these tests may go on at the same time, and one of the tests shows a secret to all processes.
OLD, NEW, CLIENT_SECRET = (awkward(f"{word}guideqz{os.getpid()}") for word in ("old", "new", "client"))
SECRETS = (OLD, NEW, CLIENT_SECRET)
VAULT = {"vault_old": OLD, "vault_new": NEW, "vault_client_secret": CLIENT_SECRET}
CHANGE = """
- name: Change
  rpaops.uipath.uipath_user_password:
    user_id: changed
    old_password: "{{ vault_old }}"
    new_password: "{{ vault_new }}"
"""
ROTATE = """
- name: Rotate
  rpaops.uipath.uipath_password_rotation:
    store: {path: store}
    accounts:
      - user_id: changed
        initial_password: "{{ vault_old }}"
"""
ASYNC = f"""{CHANGE}
  async: 60
  poll: 0
  register: job

- name: Wait
  ansible.builtin.async_status:
    jid: "{{{{ job.ansible_job_id }}}}"
  register: waited
  until: waited is finished
  retries: 60
  delay: 1
"""
# The client's secret comes from the environment of the task.
WITH_ENVIRONMENT = f"""{CHANGE}
    client_secret: "{{{{ omit }}}}"
  environment:
    UIPATH_CLIENT_SECRET: "{{{{ vault_client_secret }}}}"
"""

FAIL = """
- name: Fail
  ansible.builtin.fail:
"""
NO_LOG = "  no_log: true\n"
INLINE = """
- name: Change
  rpaops.uipath.uipath_user_password:
    user_id: changed
    old_password: !vault |
{old}
    new_password: !vault |
{new}
"""
IN_THE_WRONG_OPTION = """
- name: Rotate
  ansible.builtin.include_role:
    name: rpaops.uipath.rotate_passwords
  vars:
    rotate_passwords_accounts: []
    rotate_passwords_store: {path: store}
    rotate_passwords_concurrency: "{{ vault_old }}"
"""
CLEANED_SECONDS = 30

pytestmark = pytest.mark.matrix


@pytest.fixture
def scene(scene: Scene) -> Scene:
    client = {"secret": CLIENT_SECRET, "scopes": ["PM.User"], "administrator": True}
    scene.simulator.configure(clients={CLIENT_ID: client})
    scene.simulator.add_users({"changed": OLD})
    scene.play.defaults["client_secret"] = "{{ vault_client_secret }}"
    scene.play.allowed_warnings = ("There is no store in",)
    return scene


def run(play: Playbook, tasks: str, *arguments: str, succeeds: bool = True, **environment: str) -> PlaybookRun:
    """Run the tasks, and write the command lines seen meanwhile to where leaks are looked for."""
    witness = Witness()
    with witness.watching(), play.started(tasks, *arguments, environment=environment, **VAULT) as running:
        found = running.finish()
        assert wait_until(lambda: not running.processes(), CLEANED_SECONDS)  # async has one that cleans up
    assert succeeds == (found.code == 0), found.output
    (found.folder / "command_lines").write_bytes(b"\n".join(sorted(witness.command_lines)))
    return found


def places(found: PlaybookRun, *others: Path) -> set[str]:
    return {place for place, _secret in leaks(found, SECRETS, *others)}


def module_files(found: PlaybookRun) -> list[Path]:
    """Return what the module left in the remote temporary directory."""
    return [path for path in files_of(found) if path.name.startswith("AnsiballZ_")]


def test_async_leaves_no_secret(play: Playbook, simulator: SimulatorProcess) -> None:
    jobs = play.folder / "jobs"
    found = run(play, ASYNC, "-vvv", ANSIBLE_ASYNC_DIR=str(jobs))
    assert simulator.is_live("changed", NEW)
    [job] = jobs.iterdir()
    assert '"status": "changed"' in job.read_text()
    assert places(found, job) == set()


def test_the_environment_of_a_task_is_shown(play: Playbook) -> None:
    assert places(run(play, WITH_ENVIRONMENT, "-vvv")) == {"command_lines", "ansible.log", "stdout"}


def test_the_environment_of_ansible_is_not(play: Playbook) -> None:
    tasks = WITH_ENVIRONMENT.partition("  environment:")[0]
    assert places(run(play, tasks, "-vvv", UIPATH_CLIENT_SECRET=CLIENT_SECRET)) == set()


class TestDebug:
    def test_shows_the_options_of_modules(self, play: Playbook) -> None:
        assert places(run(play, CHANGE + NO_LOG, ANSIBLE_DEBUG="1")) == {"stdout"}

    def test_does_not_show_those_of_a_rotation(self, play: Playbook) -> None:
        assert places(run(play, ROTATE, ANSIBLE_DEBUG="1")) == set()


class TestKeptRemoteFiles:
    def test_have_the_options_of_modules_for_the_user_alone(self, play: Playbook) -> None:
        found = run(play, CHANGE, ANSIBLE_KEEP_REMOTE_FILES="1")
        assert places(found) == {"AnsiballZ_uipath_user_password.py"}
        assert [path.parent.stat().st_mode & 0o077 for path in module_files(found)] == [0]

    def test_have_nothing_of_a_rotation(self, play: Playbook) -> None:
        assert places(run(play, ROTATE, ANSIBLE_KEEP_REMOTE_FILES="1")) == set()

    def test_do_not_exist_with_pipelining(self, play: Playbook) -> None:
        found = run(play, CHANGE, ANSIBLE_KEEP_REMOTE_FILES="0", ANSIBLE_PIPELINING="1")
        assert places(found) == set()
        assert "AnsiballZ" not in found.output


def test_a_password_in_the_playbook_is_shown_above_a_task_that_fails(play: Playbook) -> None:
    literal = "literalguideqz1"
    found = run(play, CHANGE.replace("{{ vault_new }}", literal) + FAIL, succeeds=False)
    shown = {place for place, _secret in leaks(found, [literal])} - {"playbook.yml"}
    assert shown == ({"stdout", "ansible.log"} if (2, 19) <= CORE < (2, 22) else set())


def test_displayed_arguments_show_values_that_are_vaulted_inline(play: Playbook) -> None:
    vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
    old, new = (indent(vault.encrypt(password).decode(), " " * 6) for password in (OLD, NEW))
    found = run(play, INLINE.format(old=old, new=new), ANSIBLE_DISPLAY_ARGS_TO_STDOUT="1")
    assert places(found) == ({"stdout", "ansible.log"} if CORE < (2, 22) else set())


def test_a_secret_in_another_option_of_the_role_is_quoted(play: Playbook) -> None:
    found = run(play, IN_THE_WRONG_OPTION, succeeds=False)
    assert ("stdout" in places(found)) == (CORE >= (2, 18))
