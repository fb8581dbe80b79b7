# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role, its playbook and the lookup, as users run them: who is told when, what is repeated, what is shown."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.summary import HEAD, NOT_DELIVERED, NOT_TOLD
from ansible_collections.rpaops.uipath.tests.faults.rig import USUAL_WARNINGS, stored_passwords
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import (
    CORE,
    RUN_SECONDS,
    PlaybookRun,
    Running,
    Variables,
    demand_warnings,
    executable,
    read_proc,
    vaulted,
)
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until

ROLE = "rpaops.uipath.rotate_passwords"
LOOKUP = "rpaops.uipath.uipath_password"
INVOICES, ORDERS, PAYROLL = (f"2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c0{number}" for number in range(3))
ANOTHER = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c09"
# The third account has a user name, and no label.
IDS = {"invoices": INVOICES, "orders": ORDERS, "svc-payroll": PAYROLL}
CHECK, ROTATE, HAND_OVER = "Check the variables", "Rotate the passwords that are due", "Hand over the password"
TABLE, FAIL = "Show the accounts", "Fail with the accounts that failed"

# What a user writes: a new password goes into a file. "broken", "slow", "away" and "gone" are accounts whose
# tasks fail, take very long, wait for their machine, or do not reach it.
AFTER_TASKS = f"""
- name: Take very long
  ansible.builtin.command: sleep 60
  changed_when: false
  when: rotate_passwords_account.label == slow | default('')

- name: Fail
  ansible.builtin.assert:
    that: rotate_passwords_account.label != broken | default('')

- name: Reach its machine
  ansible.builtin.wait_for_connection:
    timeout: 1
    sleep: 0
  delegate_to: machine
  vars:
    ansible_connection: away
  when: rotate_passwords_account.label == away | default('')

- name: Work on its machine
  ansible.builtin.command: "true"
  changed_when: false
  delegate_to: machine
  vars:
    ansible_connection: away
  when: rotate_passwords_account.label == gone | default('')

- name: {HAND_OVER}
  ansible.builtin.copy:
    content: "{{{{ lookup('{LOOKUP}', rotate_passwords_account.user_id, store=rotate_passwords_store) }}}}"
    dest: "{{{{ folder }}}}/consumers/{{{{ rotate_passwords_account.label }}}}"
    mode: "0600"
  no_log: true
"""


# A machine that is not reached, without a real network.
CONNECTION = """
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = "name: away\\nshort_description: never there\\noptions: {}"


class Connection(ConnectionBase):
    transport = "away"

    def _connect(self):
        raise AnsibleConnectionFailure("the machine does not answer")

    exec_command = put_file = fetch_file = close = lambda self, *arguments, **options: self._connect()
"""


@dataclass
class RoleSetup:
    """Three accounts, the role's variables, and a consumer of each password."""

    scene: Scene
    folder: Path
    initial: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "consumers").mkdir()
        (self.folder / "after.yml").write_text(AFTER_TASKS)
        self.client_secret = self.scene.play.defaults["client_secret"]
        self.connection = {**self.scene.play.defaults, "client_secret": "{{ vault_client_secret }}"}
        self.scene.play.defaults = {}
        self.scene.play.allowed_warnings = (*USUAL_WARNINGS, "Reset is not implemented for this connection")
        for label, user_id in IDS.items():
            self.initial[label] = awkward(f"initial{label}")
            self.scene.simulator.add_users({user_id: self.initial[label]}, userName=label)

    @property
    def variables(self) -> Variables:
        accounts: list[dict[str, str]] = [{"user_id": IDS[label], "name": label} for label in ("invoices", "orders")]
        accounts.append({"user_name": "svc-payroll"})
        for number, account in enumerate(accounts):
            account["initial_password"] = f"{{{{ vault_initial[{number}] }}}}"
        return {
            "rotate_passwords_accounts": accounts,
            "rotate_passwords_store": {"path": str(self.folder / "store")},
            "rotate_passwords_connection": self.connection,
            "rotate_passwords_settle_seconds": 0.05,
            "rotate_passwords_after_tasks": str(self.folder / "after.yml"),
            "rotate_passwords_no_log": False,
        }

    def tasks(self, changes: Variables) -> list[Variables]:
        """A change to None leaves a variable out."""
        given = {**self.variables, **changes}
        return [
            {
                "name": "Rotate",
                "ansible.builtin.include_role": {"name": ROLE},
                "vars": {name: value for name, value in given.items() if value is not None},
            }
        ]

    @property
    def given(self) -> Variables:
        return {
            "folder": str(self.folder),
            "vault_initial": list(self.initial.values()),
            "vault_client_secret": self.client_secret,
        }

    def run(self, *arguments: str, succeeds: bool = True, watched: bool = False, **changes: Any) -> PlaybookRun:
        """Run the role. Nothing of it may show a password, least of all where results are not hidden."""
        for file in (self.folder / "consumers").iterdir():
            file.unlink()
        start = partial(watched_run, self.scene.play) if watched else self.scene.play
        run = start(self.tasks(changes), *arguments, succeeds=succeeds, **self.given)
        assert not leaks(run, self.secrets(), *files_below(self.folder / "store"))
        return run

    @contextmanager
    def started(self, **changes: Any) -> Iterator[Running]:
        with self.scene.play.started(self.tasks(changes), **self.given) as running:
            yield running

    def plugins(self) -> dict[str, str]:
        """The environment of a run in which the connection `away` exists."""
        (self.folder / "away.py").write_text(CONNECTION)
        return {"ANSIBLE_CONNECTION_PLUGINS": str(self.folder)}

    def secrets(self) -> set[str]:
        told = {self.handed_over(label) for label in self.told()}
        return {*self.initial.values(), self.client_secret, *told, *stored_passwords(self.folder / "store")}

    def told(self) -> set[str]:
        """The accounts whose consumer was told something in the last run."""
        return set(os.listdir(self.folder / "consumers"))

    def handed_over(self, label: str) -> str:
        return (self.folder / "consumers" / label).read_text()

    def delivered(self) -> set[str]:
        """Those of them whose consumer has the live password now."""
        return {label for label in self.told() if self.scene.simulator.is_live(IDS[label], self.handed_over(label))}


def files_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def name_of(run: PlaybookRun, task: str) -> str:
    """The name under which the role's task is known to callbacks: newer versions put the role's name before it."""
    names = {event["task"] for event in run.events if event["task"].endswith(task)}
    assert len(names) == 1, f"{task!r} did not run\n{run.output}"
    return str(names.pop())


def result(run: PlaybookRun, task: str) -> dict[str, Any]:
    return run[name_of(run, task)]


def statuses(run: PlaybookRun) -> list[str]:
    return [account["status"] for account in result(run, ROTATE)["accounts"]]


def is_asleep(running: Running) -> bool:
    return any(read_proc(pid, "cmdline") == b"sleep\x0060\0" for pid in running.processes())


def runs_of(run: PlaybookRun, task: str) -> int:
    return sum(event["task"].endswith(task) for event in run.events)


@pytest.fixture
def setup(scene: Scene, tmp_path: Path) -> RoleSetup:
    return RoleSetup(scene, tmp_path)


@pytest.fixture(scope="module")
def rotated(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, server_files: Files
) -> Iterator[tuple[RoleSetup, PlaybookRun, PlaybookRun]]:
    """A run that rotates three accounts, and the run after it."""
    folder = tmp_path_factory.mktemp("rotated")
    with Scene.set_up(folder, authority, server_files) as scene:
        setup = RoleSetup(scene, folder)
        first = setup.run("-vvvv", watched=True)
        assert setup.delivered() == set(IDS)
        second = setup.run("-vvvv", watched=True)
        assert scene.simulator.report["applied"] == dict.fromkeys(IDS.values(), 1)
        yield setup, first, second


class TestRole:
    @pytest.mark.matrix
    def test_rotates_and_tells_every_consumer_once(self, rotated: tuple[RoleSetup, PlaybookRun, PlaybookRun]) -> None:
        setup, first, _second = rotated
        assert statuses(first) == ["rotated"] * 3
        assert runs_of(first, HAND_OVER) == 3
        numbers, head, *rows = result(first, TABLE)["msg"]
        assert numbers == "Accounts by status: 3 rotated."
        assert [*map(str.strip, re.split("  +", head))] == [*HEAD]
        assert [row.split()[:2] for row in rows] == [[label, "rotated"] for label in IDS]
        assert not any(setup.scene.simulator.is_live(IDS[label], old) for label, old in setup.initial.items())

    @pytest.mark.matrix
    def test_changes_nothing_the_second_time(self, rotated: tuple[RoleSetup, PlaybookRun, PlaybookRun]) -> None:
        _setup, _first, second = rotated
        assert statuses(second) == ["fresh"] * 3
        assert runs_of(second, HAND_OVER) == 0
        assert re.search(r"changed=0 .*failed=0 .*rescued=0", second.stdout)

    def test_checks_its_variables_before_it_does_anything(self, setup: RoleSetup) -> None:
        run = setup.run(succeeds=False, rotate_passwords_state="rotate")
        assert "got: rotate" in run.output
        assert setup.scene.simulator.total == 0

    @pytest.mark.parametrize(
        ("accounts", "problem"),
        [
            (
                [{"user_id": ORDERS, "pasword": "{{ vault_initial[0] }}"}],
                "Unsupported parameters: rotate_passwords_accounts[0].pasword (",
            ),
            ([["{{ vault_initial[0] }}"]], "accounts[0] must be a mapping, but it is a list"),
            (["{{ vault_initial[0] }}"], "accounts[0] must be a mapping, but it is a string"),
            ("{{ vault_initial[0] }}", "accounts must be a list, but it is a string"),
            (
                [{"user_id": ORDERS, "initial_password": ["{{ vault_initial[0] }}"]}],
                "accounts[0].initial_password must be a string, but it is a list",
            ),
            ([{"user_id": 83}], "accounts[0].user_id must be a string, but it is a number: put it in quotes"),
        ],
    )
    @pytest.mark.matrix
    def test_refuses_accounts_of_another_type_without_showing_them(
        self, setup: RoleSetup, accounts: Any, problem: str
    ) -> None:
        run = setup.run(succeeds=False, rotate_passwords_accounts=accounts)
        assert problem in run.output
        assert setup.scene.simulator.total == 0

    @pytest.mark.matrix
    def test_refuses_misspelled_variables_wherever_they_are_set(self, setup: RoleSetup) -> None:
        changes = {"rotate_password_after_tasks": "{{ vault_client_secret }}", "rotate_passwords_store": None}
        [task] = setup.tasks({**changes, "rotate_passwords_stores": {}, "rotate_passwords_accounts": None})
        del task["vars"]["rotate_passwords_after_tasks"]
        task["vars"].update({"rotate_passwords_only": "{{ nothing }}", "rotate_passwords_max_failures": None})
        facts = {"rotate_passwords_max_ages_days": 3, "rotate_passwords_dir": "/srv", "max_age_days": 3}
        fact = {"ansible.builtin.set_fact": {**facts, "rotation_after_tasks": "tell.yml"}}
        wanted = {
            "rotate_password_after_tasks": "rotate_passwords_after_tasks",
            "rotate_passwords_max_ages_days": "rotate_passwords_max_age_days",
            "rotate_passwords_stores": "rotate_passwords_store",
            "rotate_passwrods_force": "rotate_passwords_force",
            "rotation_after_tasks": "rotate_passwords_after_tasks",
        }
        warnings = [
            "The role rotate_passwords has no variable rotate_passwords_dir: it has no effect.",
            "max_age_days has no effect on the role rotate_passwords, whose variable is rotate_passwords_max_age_days.",
        ]
        given: Variables = {**setup.given, "rotate_passwrods_force": True, "nothing": None}
        run = setup.scene.play([fact, task], succeeds=False, warnings=warnings, **given)
        refusal = result(run, CHECK)
        assert refusal["misspelled"] == wanted
        assert all(
            f"{name}: no such variable, did you mean {known}?" in refusal["msg"] for name, known in wanted.items()
        )
        assert refusal["msg"].count("rotate_passwords_store") == 2
        assert "rotate_passwords_accounts: not set, and the role needs a value." in refusal["msg"]
        assert "rotate_passwords_only, rotate_passwords_max_failures: must not be null" in refusal["msg"]
        assert not leaks(run, [setup.client_secret])
        assert setup.scene.simulator.total == 0

    @pytest.mark.parametrize("connection", ["{{ vault_client_secret }}", ["{{ vault_client_secret }}"]])
    @pytest.mark.matrix
    def test_refuses_a_connection_of_another_type_without_showing_it(self, setup: RoleSetup, connection: Any) -> None:
        run = setup.run(succeeds=False, rotate_passwords_connection=connection)
        assert "rotate_passwords_connection" in run.output
        assert setup.scene.simulator.total == 0

    @pytest.mark.matrix
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (None, "there is no file {file}"),
            ("- name: a: b\n", "{file} cannot be parsed as YAML (line 1)"),
            (
                "- debug:\n- debug:\n  wheen: true",
                "Ansible cannot parse task 2 of {file}: conflicting action statements: debug, wheen",
            ),
            ("- debug:\n- debgu:", "Ansible cannot parse task 2 of {file}: couldn't resolve module/action 'debgu'"),
            ("- debug:\n- shell: '{{ \"'", "Ansible cannot parse task 2 of {file}: check the file with ansible-lint"),
            (
                "- debug:\n  loop: [1]\n  with_items: [1]",
                "Ansible cannot parse task 1 of {file}: check the file with ansible-lint",
            ),
        ],
    )
    def test_looks_at_the_tasks_before_it_rotates(self, setup: RoleSetup, text: str | None, problem: str) -> None:
        file = setup.folder / "tell.yml"
        if text:
            file.write_text(text)
        run = setup.run("--check", succeeds=False, rotate_passwords_after_tasks=str(file))
        assert result(run, CHECK)["msg"] == f"rotate_passwords_after_tasks: {problem.format(file=file)}"
        assert setup.scene.simulator.total == 0

    @pytest.mark.matrix
    def test_warns_before_the_rotation_if_the_tasks_need_a_connection(self, setup: RoleSetup) -> None:
        warning = "Set ansible_connection: local for that host."
        checked = ("--check", "-i", "localhost,")
        run = setup.scene.play(setup.tasks({}), *checked, succeeds=True, warnings=[warning], **setup.given)
        assert statuses(run) == ["would_rotate"] * 3
        setup.scene.play(setup.tasks({}), *checked, "-c", "local", succeeds=True, **setup.given)
        setup.scene.play(setup.tasks({"rotate_passwords_after_tasks": None}), *checked, succeeds=True, **setup.given)

    @pytest.mark.matrix
    @pytest.mark.parametrize(
        "value",
        [[{"ansible.builtin.debug": {"msg": "{{ vault_client_secret }}"}}], "", "{{ none }}", {}, False],
    )
    def test_takes_nothing_but_a_path_for_the_tasks(self, setup: RoleSetup, value: Any) -> None:
        """Nothing is shown of it, and errors that the play ignores do not let it pass."""
        tasks = [{"name": "All", "ignore_errors": True, "block": setup.tasks({"rotate_passwords_after_tasks": value})}]
        run = setup.scene.play(tasks, succeeds=False, **setup.given)
        assert result(run, CHECK)["msg"].startswith("rotate_passwords_after_tasks: must be the path of a file of tasks")
        assert not leaks(run, [setup.client_secret])
        assert setup.scene.simulator.total == 0

    @pytest.mark.matrix
    def test_does_not_take_an_omitted_value_for_no_tasks(self, setup: RoleSetup) -> None:
        run = setup.run(succeeds=False, rotate_passwords_after_tasks="{{ omit }}")
        assert result(run, CHECK)["msg"].startswith("rotate_passwords_after_tasks: ")
        assert setup.scene.simulator.total == 0

    def test_in_check_mode_plans_and_tells_no_consumer(self, setup: RoleSetup) -> None:
        run = setup.run("--check", "--diff")
        assert statuses(run) == ["would_rotate"] * 3
        assert not setup.told()
        assert setup.scene.simulator.report["tokens_issued"] == 1
        assert not (setup.folder / "store").exists()
        assert setup.scene.simulator.count() == 0

    @pytest.mark.matrix
    def test_tells_consumers_if_the_check_mode_ends_before_the_role(self, setup: RoleSetup) -> None:
        [task] = setup.tasks({})
        task["ansible.builtin.include_role"]["apply"] = {"check_mode": False}
        setup.scene.play([task], "--check", succeeds=True, **setup.given)
        assert setup.delivered() == set(IDS)

    def test_tells_no_consumer_without_tasks(self, setup: RoleSetup) -> None:
        run = setup.run(rotate_passwords_after_tasks=None)
        assert statuses(run) == ["rotated"] * 3
        assert not any(account["delivery_due"] for account in result(run, ROTATE)["accounts"])
        assert result(run, TABLE)["msg"][-1] == NOT_TOLD

    def test_a_password_that_no_consumer_was_told_is_looked_for_in_its_output_too(self, setup: RoleSetup) -> None:
        setup.run(rotate_passwords_after_tasks=None)
        secrets = setup.secrets()
        for user_id in IDS.values():
            assert any(setup.scene.simulator.is_live(user_id, secret) for secret in secrets)


class TestConsumers:
    @pytest.mark.matrix
    def test_repeats_the_tasks_that_failed_and_no_others(self, setup: RoleSetup) -> None:
        run = setup.run("-e", "broken=orders", succeeds=False)
        checked = setup.scene.play(setup.tasks({}), "--check", succeeds=True, **setup.given)
        assert [row.split()[0] for row in result(checked, TABLE)["msg"] if row.endswith(" due")] == ["orders"]
        assert setup.delivered() == {"invoices", "svc-payroll"}
        failure = result(run, FAIL)["msg"]
        assert failure == (
            "Accounts by status: 3 rotated. The delivery of orders is not complete."
            " Fix the tasks that failed, and run again."
        )

        again = setup.run()
        assert statuses(again) == ["fresh"] * 3
        assert setup.delivered() == {"orders"}
        assert setup.scene.simulator.count() == 3

    @pytest.mark.matrix
    def test_facts_that_extra_variables_hide_do_not_hide_a_failure(self, setup: RoleSetup) -> None:
        """AWX makes extra variables of the `set_stats` of an earlier job."""
        hidden = {"rotate_passwords_undelivered": [], "rotate_passwords_result": {"accounts": [], "msg": ""}}
        extra = json.dumps({"broken": "orders", **hidden})
        run = setup.run("-e", extra, succeeds=False)
        assert "The delivery of orders is not complete" in result(run, FAIL)["msg"]
        private = json.dumps({"rotate_passwords_account": {}, "__rotate_passwords_deliveries": []})
        run = setup.run("-e", private, succeeds=False)
        refusal = "The role sets __rotate_passwords_deliveries, rotate_passwords_account itself"
        assert result(run, CHECK)["msg"].startswith(refusal)

    @pytest.mark.matrix
    def test_without_the_tasks_of_an_account_with_consumers_the_run_fails(self, setup: RoleSetup) -> None:
        setup.run()
        forgotten: Variables = {"rotate_passwords_after_tasks": None, "rotate_passwords_only": ["orders"]}
        run = setup.run(succeeds=False, rotate_passwords_force=True, **forgotten)
        failure = result(run, FAIL)["msg"]
        assert "Set rotate_passwords_after_tasks and run again: until then, the consumers of orders may lack" in failure
        repair = setup.run(succeeds=False, rotate_passwords_state="resumed", **forgotten)
        assert "the consumers of orders may lack" in result(repair, FAIL)["msg"]

        store = {"path": str(setup.folder / "store")}
        end = {"accounts": [{"user_id": ORDERS}], "store": store, "state": "delivered", "consumers": False}
        given = {**setup.connection, **end}
        setup.scene.play([{"rpaops.uipath.uipath_password_rotation": given}], succeeds=True, **setup.given)
        setup.run(rotate_passwords_force=True, **forgotten)
        assert setup.scene.simulator.count() == 5

    def test_tells_consumers_again_without_a_rotation(self, setup: RoleSetup) -> None:
        setup.run(rotate_passwords_after_tasks=None)
        setup.run()
        assert not setup.told()
        checked = setup.run("--check", rotate_passwords_state="redeliver", rotate_passwords_only=["orders"])
        assert result(checked, TABLE)["msg"][2].split()[:2] == ["orders", "delivery_due"]
        assert not setup.told()

        run = setup.run(rotate_passwords_state="redeliver", rotate_passwords_only=["orders"])
        assert statuses(run) == ["delivery_due"]
        assert result(run, TABLE)["msg"][0] == "Accounts by status: 1 delivered."
        assert result(run, TABLE)["msg"][2].split()[:2] == ["orders", "delivered"]
        assert setup.delivered() == {"orders"}
        setup.run()
        assert not setup.told()
        assert setup.scene.simulator.count() == 3

    def test_errors_that_the_play_ignores_do_not_make_tasks_done(self, setup: RoleSetup) -> None:
        [task] = setup.tasks({})
        task["ansible.builtin.include_role"]["apply"] = {"ignore_errors": True}
        setup.scene.play([task], "-e", "broken=orders", succeeds=True, **setup.given)
        assert setup.delivered() == {"invoices", "svc-payroll"}
        setup.run()
        assert setup.delivered() == {"orders"}

    @pytest.mark.matrix
    @pytest.mark.skipif(CORE < (2, 18), reason="has no end_role")
    def test_tasks_that_end_early_are_no_delivery_of_their_account(self, setup: RoleSetup) -> None:
        end = {"ansible.builtin.meta": "end_role", "when": "rotate_passwords_account.label == first | default('')"}
        inner = {"ansible.builtin.meta": "end_role", "when": "rotate_passwords_account.label == last | default('')"}
        (setup.folder / "inner.yml").write_text(yaml.safe_dump([inner]))
        include = {"block": [{"ansible.builtin.include_tasks": str(setup.folder / "inner.yml")}]}
        (setup.folder / "after.yml").write_text(yaml.safe_dump([end, include]) + AFTER_TASKS)
        run = setup.run("-e", "first=invoices last=svc-payroll", succeeds=False)
        assert setup.delivered() == {"orders"}
        assert [row.split()[0] for row in result(run, TABLE)["msg"] if NOT_DELIVERED in row] == [
            "invoices",
            "svc-payroll",
        ]
        assert "The delivery of invoices, svc-payroll is not complete" in result(run, FAIL)["msg"]
        setup.run()
        assert setup.delivered() == {"invoices", "svc-payroll"}
        assert setup.scene.simulator.count() == 3

    @pytest.mark.matrix
    def test_hosts_and_facts_that_their_tasks_add_are_no_reason_to_stop(self, setup: RoleSetup) -> None:
        add = {"ansible.builtin.add_host": {"name": "another"}}
        fact = {"ansible.builtin.set_fact": {"rotate_passwords_account": {"label": "another", "user_id": ORDERS}}}
        setup.scene.play([add, fact, *setup.tasks({})], succeeds=True, **setup.given)
        assert setup.delivered() == set(IDS)

    def test_the_role_does_not_run_in_its_own_tasks(self, setup: RoleSetup) -> None:
        inner = {"ansible.builtin.include_role": {"name": ROLE}, "when": "rotate_passwords_account.label == 'orders'"}
        (setup.folder / "after.yml").write_text(yaml.safe_dump([inner]) + AFTER_TASKS)
        run = setup.run(succeeds=False)
        assert "The role cannot run in its own tasks for consumers" in run.stdout
        assert "The delivery of orders is not complete" in result(run, FAIL)["msg"]
        assert setup.delivered() == {"invoices", "svc-payroll"}

    @pytest.mark.matrix
    @pytest.mark.skipif(CORE >= (2, 19), reason="has no such setting: all templates keep their types")
    def test_an_id_of_digits_stays_text_with_native_types(self, setup: RoleSetup) -> None:
        setup.scene.simulator.add_users({"83": setup.initial["invoices"]})
        accounts = [{"user_id": "83", "initial_password": "{{ vault_initial[0] }}"}]
        native: Variables = {"environment": {"ANSIBLE_JINJA2_NATIVE": "true"}}
        setup.scene.play(setup.tasks({"rotate_passwords_accounts": accounts}), succeeds=True, **setup.given, **native)
        assert setup.scene.simulator.is_live("83", setup.handed_over("83"))

    @pytest.mark.matrix
    def test_a_machine_that_is_waited_for_and_not_reached_costs_its_own_account_only(self, setup: RoleSetup) -> None:
        run = setup.scene.play(
            setup.tasks({}), "-e", "away=invoices", environment=setup.plugins(), succeeds=False, **setup.given
        )
        assert "the machine does not answer" in run.output
        assert setup.delivered() == {"orders", "svc-payroll"}
        failure = result(run, FAIL)["msg"]
        assert "The delivery of invoices is not complete" in failure
        setup.run()
        assert setup.delivered() == {"invoices"}

    @pytest.mark.matrix
    @pytest.mark.parametrize("ignored", [False, True])
    def test_a_machine_that_is_not_reached_is_no_delivery_whatever_the_play_says(
        self, setup: RoleSetup, ignored: bool
    ) -> None:
        tasks = [{"name": "Everything", "ignore_unreachable": ignored, "block": setup.tasks({})}]
        run = setup.scene.play(tasks, "-e", "gone=orders", environment=setup.plugins(), succeeds=False, **setup.given)
        assert re.search(r"unreachable=1 ", run.stdout)
        assert setup.delivered() == {"invoices"}

        again = setup.run()
        assert statuses(again) == ["fresh"] * 3
        assert setup.delivered() == {"orders", "svc-payroll"}
        assert setup.scene.simulator.count() == 3

    def test_a_delivery_that_is_not_noted_is_not_complete(self, setup: RoleSetup) -> None:
        """Its tasks rotate the account themselves: what they told its consumer is outdated when they end."""
        again = {"accounts": [{"user_id": ORDERS}], "store": {"path": str(setup.folder / "store")}, "force": True}
        task = {
            "name": "Rotate once more",
            "rpaops.uipath.uipath_password_rotation": {**again, "consumers": True},
            "when": "rotate_passwords_account.label == twice | default('')",
        }
        with (setup.folder / "after.yml").open("a") as file:
            file.write(yaml.safe_dump([task]))
        run = setup.run("-e", "twice=orders", succeeds=False)
        assert setup.delivered() == {"invoices", "svc-payroll"}
        assert result(run, FAIL)["msg"].startswith("Accounts by status: 3 rotated. The delivery of orders")
        setup.run()
        assert setup.delivered() == {"orders"}

    @pytest.mark.matrix
    def test_repeats_the_tasks_in_which_it_was_killed(self, setup: RoleSetup) -> None:
        with setup.started(slow="orders") as running:
            assert wait_until(lambda: is_asleep(running), 60)
            for pid in running.processes():
                os.kill(pid, signal.SIGKILL)
            running.process.wait()
        assert setup.delivered() == {"invoices"}

        again = setup.run()
        assert statuses(again) == ["fresh"] * 3
        assert setup.delivered() == {"orders", "svc-payroll"}
        assert setup.scene.simulator.count() == 3


class TestFailure:
    @pytest.mark.matrix
    def test_names_the_account_and_serves_the_others(self, setup: RoleSetup) -> None:
        setup.scene.simulator.add_users({ORDERS: "somebody-elses-1"})
        run = setup.run(succeeds=False)
        assert statuses(run) == ["rotated", "out_of_sync", "rotated"]
        assert setup.delivered() == {"invoices", "svc-payroll"}
        failure = result(run, FAIL)["msg"]
        assert "orders: out_of_sync. The server answered that the initial password is wrong." in failure
        assert failure.endswith(" Set rotate_passwords_only to these accounts as well.")
        assert [row.split()[:2] for row in result(run, TABLE)["msg"][2:]] == [
            ["invoices", "rotated"],
            ["orders", "out_of_sync"],
            ["svc-payroll", "rotated"],
        ]
        assert run.stdout.count("The server answered that the initial password is wrong.") == (
            2 if CORE >= (2, 19) else 1
        )
        assert re.search(r"failed=1 .*rescued=0", run.stdout)

        [advice] = [row for row in result(run, TABLE)["msg"] if row.startswith("orders ")]
        setup.initial["orders"] = "somebody-elses-1"
        repair = setup.run("-e", advice.partition(" then run with ")[2])
        assert statuses(repair) == ["adopted"]
        assert setup.delivered() == {"orders"}

    def test_says_why_no_account_was_worked_on(self, setup: RoleSetup) -> None:
        run = setup.run(succeeds=False, rotate_passwords_connection={"identity_url": "ftp://example.com"})
        assert "rotate_passwords_connection.identity_url must look like" in result(run, FAIL)["msg"]
        assert not runs_of(run, ROTATE) - 1
        assert not setup.told()


class TestUserNames:
    """The third account is given by user name, and in the store."""

    @pytest.mark.parametrize("arguments", [(), ("--check",)])
    def test_one_that_another_user_has_now_ends_its_account_and_no_other(
        self, setup: RoleSetup, arguments: tuple[str, ...]
    ) -> None:
        setup.run()
        setup.scene.simulator.add_users({PAYROLL: "any-1"}, userName="svc-payroll-old")
        setup.scene.simulator.add_users({ANOTHER: "another-1"}, userName="svc-payroll")
        forced = {"rotate_passwords_force": True, "rotate_passwords_strict": True, "rotate_passwords_verify": True}
        strict = result(setup.run(*arguments, succeeds=False, **forced), FAIL)["msg"]
        assert "rotate_passwords_strict is true" in strict
        assert f"svc-payroll is the user {PAYROLL} in the store" in strict
        assert setup.scene.simulator.count() == 3

        run = setup.run(*arguments, succeeds=False, rotate_passwords_force=True)
        assert statuses(run) == [*["would_rotate" if arguments else "rotated"] * 2, "name_conflict"]
        message = result(run, FAIL)["msg"]
        assert f"accounts[2]: svc-payroll is the user {PAYROLL} in the store" in message
        assert f"the name of {ANOTHER}: give the present user name" in message
        assert setup.scene.simulator.count() == (3 if arguments else 5)

    def test_without_the_scope_for_reading_the_recorded_user_is_rotated(self, setup: RoleSetup) -> None:
        setup.run()
        setup.scene.simulator.add_client("writer", "writer-secret-1", "PM.User.Write")
        writer = {**setup.connection, "client_id": "writer", "client_secret": "writer-secret-1"}
        setup.scene.play.allowed_warnings += ("The run cannot verify that user names",)
        run = setup.run(rotate_passwords_connection=writer, rotate_passwords_force=True)
        assert statuses(run) == ["rotated"] * 3
        assert run.stderr.count("The run cannot verify that user names") == 1


TERMS = {"label": "invoices", "user id": INVOICES, "user name": "SVC-Payroll", "doubt": "orders", "unknown": "nobody"}


@pytest.fixture(scope="module")
def found(rotated: tuple[RoleSetup, PlaybookRun, PlaybookRun]) -> tuple[RoleSetup, PlaybookRun]:
    """One run with many lookups, after a second rotation which one of the accounts did not hear the end of."""
    setup, _first, _second = rotated
    setup.scene.simulator.fault("drop", times=None, user_id=ORDERS)
    run = setup.run(succeeds=False, rotate_passwords_force=True)
    assert statuses(run) == ["rotated", "in_doubt", "rotated"]
    assert re.search(r"^rotated 2 of 3, 1 in doubt, \d+ s$", run.stderr, re.MULTILINE)
    assert "in doubt, " not in run.stdout
    assert setup.told() == {"invoices", "svc-payroll"}
    arguments = {name: f"'{term}'" for name, term in TERMS.items()} | {"told to": "'orders', allow_in_doubt=true"}
    tasks = [
        {
            "name": name,
            "ansible.builtin.copy": {
                "content": f"{{{{ lookup('{LOOKUP}', {term}, store={{'path': '{setup.folder}/store'}}) }}}}",
                "dest": f"{setup.folder}/{name}",
                "mode": "0600",
            },
            "ignore_errors": True,
        }
        for name, term in arguments.items()
    ]
    return setup, setup.scene.play(tasks)


class TestLookup:
    @pytest.mark.parametrize("way", ["label", "user id", "user name"])
    def test_finds_an_account_by_its(self, found: tuple[RoleSetup, PlaybookRun], way: str) -> None:
        setup, _run = found
        user_id = PAYROLL if way == "user name" else INVOICES
        assert setup.scene.simulator.is_live(user_id, (setup.folder / way).read_text())

    def test_says_in_doubt_what_to_do(self, found: tuple[RoleSetup, PlaybookRun]) -> None:
        message = found[1]["doubt"]["msg"]
        assert "orders: in_doubt. It is not established which" in message
        assert "Run again" in message

    @pytest.mark.matrix
    def test_returns_the_current_one_in_doubt_if_it_is_told_to(self, found: tuple[RoleSetup, PlaybookRun]) -> None:
        setup, _run = found
        assert setup.scene.simulator.is_live(ORDERS, (setup.folder / "told to").read_text())

    @pytest.mark.matrix
    def test_what_it_returns_is_masked_where_the_core_can(self, found: tuple[RoleSetup, PlaybookRun]) -> None:
        setup, _run = found
        term = f"lookup('{LOOKUP}', 'invoices', store={{'path': '{setup.folder}/store'}})"
        run = setup.scene.play([{"name": "Show", "ansible.builtin.debug": {"msg": f"{{{{ {term} }}}}"}}])
        [shown] = re.findall('"msg": "(.*)"', run.stdout)
        assert setup.scene.simulator.is_live(INVOICES, shown) == (CORE < (2, 22))

    def test_knows_only_what_is_in_the_store(self, found: tuple[RoleSetup, PlaybookRun]) -> None:
        assert "no account with the user id, label or user name nobody" in found[1]["unknown"]["msg"]


class TestPlaybook:
    """The entry point of a job template."""

    @staticmethod
    def run(setup: RoleSetup, warnings: Sequence[str] = (), **changes: Any) -> subprocess.CompletedProcess[str]:
        variables = setup.folder / "vars.yml"
        passwords = dict(zip(IDS.values(), setup.initial.values()))
        accounts = [{"user_id": user_id, "initial_password": old} for user_id, old in passwords.items()]
        connection = {**setup.connection, "client_secret": setup.client_secret}
        given = {"rotate_passwords_accounts": accounts, "rotate_passwords_connection": connection, **changes}
        variables.write_bytes(vaulted({**setup.variables, **setup.given, **given}))
        (setup.folder / "vault_password").write_text("the vault's own password")
        command = [str(executable("ansible-playbook")), "rpaops.uipath.rotate", "-e", f"@{variables}"]
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(setup.folder),
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", ""),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(setup.folder / "vault_password"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }
        done = subprocess.run(
            command, cwd=setup.folder, env=environment, capture_output=True, text=True, check=False, timeout=RUN_SECONDS
        )
        demand_warnings(done.stderr, warnings)
        return done

    @pytest.mark.matrix
    def test_rotates(self, setup: RoleSetup) -> None:
        done = self.run(setup, warnings=["There is no store in"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert setup.scene.simulator.report["applied"] == dict.fromkeys(IDS.values(), 1)

    def test_refuses_a_store_inside_the_installed_collection(self, setup: RoleSetup) -> None:
        done = self.run(setup, rotate_passwords_store={"path": "store"})
        assert done.returncode != 0
        assert "store.path is relative, and this playbook is part of the installed collection" in done.stdout
        assert setup.scene.simulator.total == 0
