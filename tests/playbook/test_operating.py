# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of docs/operating.md for accounts, done word for word, after the first rotation of the example.

Those for the store are tested in tests/faults/test_procedures.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.playbook import COLLECTIONS, ROOT, demand_warnings
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess

EXAMPLES = ROOT / "examples"
GUIDE = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
INITIAL = "initial-example-password-{}"
USERS = {"svc-invoices": "6", "svc-orders": "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c07"}


def recipe(heading: str) -> list[tuple[str, str]]:
    """The language and the text of each block below a heading of the guide."""
    [section] = re.findall(rf"^##+ {heading}\n(.*?)(?=^##+ |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


def commands(heading: str) -> list[str]:
    return [text for language, text in recipe(heading) if language == "shell"]


def entries(heading: str) -> list[dict[str, Any]]:
    """The accounts that a recipe lists."""
    [text] = [text for language, text in recipe(heading) if language == "yaml"]
    listed: list[dict[str, Any]] = yaml.safe_load(text)
    return listed


class Desk:
    """The folder of a person who runs the example, with a home and a terminal."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder / "example"
        self.home = folder / "home"
        self.home.mkdir()
        shutil.copytree(EXAMPLES, self.folder)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault_password.txt"),
            **variables,
        }

    def type(self, command: str, *, succeeds: bool = True, warnings: tuple[str, ...] = ()) -> str:
        run = subprocess.run(
            ["bash", "-ec", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert (run.returncode == 0) == succeeds, run.stdout + run.stderr
        assert "example-password" not in run.stdout + run.stderr
        demand_warnings(run.stderr, warnings)
        return run.stdout

    def rotate(self, *, succeeds: bool = True) -> str:
        return self.type("ansible-playbook rotate.yml", succeeds=succeeds)

    def list_accounts(self, *accounts: dict[str, Any]) -> None:
        (self.folder / "vars/accounts.yml").write_text(yaml.safe_dump({"uipath_accounts": list(accounts)}))

    def password_of(self, name: str) -> str:
        """What the lookup returns."""
        lookup = f"lookup('rpaops.uipath.uipath_password', '{name}', store={{'path': '~/uipath-passwords'}})"
        task = {
            "ansible.builtin.copy": {
                "content": f"{{{{ {lookup} }}}}",
                "dest": str(self.home / "password"),
                "mode": "0600",
            }
        }
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        (self.folder / "read.yml").write_text(yaml.safe_dump(play))
        self.type("ansible-playbook read.yml")
        return (self.home / "password").read_text()

    def told(self, label: str) -> str:
        """What the consumer of an account has."""
        return (self.home / f"credentials/{label}.ini").read_text().split("password = ")[1].rstrip("\n")


@pytest.fixture
def desk(tmp_path: Path, simulator: SimulatorProcess, authority: Authority) -> Desk:
    for label, user_id in USERS.items():
        simulator.add_users({user_id: INITIAL.format(user_id[-1])}, userName=label)
    variables = {
        "UIPATH_IDENTITY_URL": f"{simulator.origin}/acme/identity_",
        "UIPATH_CLIENT_ID": CLIENT_ID,
        "UIPATH_CLIENT_SECRET": CLIENT_SECRET,
        "UIPATH_CA_PATH": str(authority.certificate),
    }
    desk = Desk(tmp_path, variables)
    desk.type("ansible-playbook rotate.yml", warnings=("There is no store in",))
    return desk


def test_add(desk: Desk, simulator: SimulatorProcess) -> None:
    [entry] = entries("Add an account")
    simulator.add_users({"8": INITIAL.format(8)}, userName=entry["user_name"])
    desk.list_accounts({"user_name": "svc-invoices"}, {**entry, "initial_password": INITIAL.format(8)})
    [command] = commands("Add an account")
    desk.type(command)
    assert simulator.is_live("8", desk.told(entry["user_name"]))


def test_remove(desk: Desk, simulator: SimulatorProcess) -> None:
    desk.list_accounts({"user_name": "svc-invoices"})
    desk.rotate()
    assert simulator.is_live(USERS["svc-orders"], desk.password_of("svc-orders"))
    [monitor] = commands("Monitor")
    assert "Recorded, but not in accounts: svc-orders" in desk.type(monitor, succeeds=False)
    remove, bring_back = (command.replace("ID", USERS["svc-orders"]) for command in commands("Remove an account"))
    desk.type("ansible-playbook rotate.yml -e rotate_passwords_force=true -e rotate_passwords_only=svc-invoices")

    record = desk.home / f"uipath-passwords/{USERS['svc-orders']}.yml"
    record.rename(desk.home / "elsewhere")  # and not the other files
    simulator.add_users({"9": INITIAL.format(9)}, userName="svc-newcomer")
    newcomer = {"user_name": "svc-newcomer", "initial_password": INITIAL.format(9)}
    desk.list_accounts({"user_name": "svc-invoices"}, newcomer)
    assert "may be one that is gone" in desk.rotate(succeeds=False)
    (desk.home / "elsewhere").rename(record)

    desk.type(remove)
    assert not [path for path in (desk.home / "uipath-passwords").rglob("*") if USERS["svc-orders"] in path.name]
    desk.rotate()
    desk.type(monitor)
    assert simulator.is_live("9", desk.password_of("svc-newcomer"))
    left = desk.home / "credentials/svc-orders.ini"
    assert left.exists()
    desk.type(re.findall(r"`(rm ~/credentials/[^`]*)`", GUIDE)[0])
    assert not left.exists()
    both = {"user_name": "svc-invoices"}, {"user_id": USERS["svc-orders"], "name": "svc-orders"}
    desk.list_accounts(*both)
    assert "no_password" in desk.rotate(succeeds=False)
    desk.type(bring_back)
    desk.rotate()
    assert simulator.is_live(USERS["svc-orders"], desk.password_of("svc-orders"))


def test_rename(desk: Desk, simulator: SimulatorProcess) -> None:
    [entry] = entries("Rename an account")
    desk.list_accounts({"user_name": "svc-invoices"}, entry)
    writes = simulator.count()
    [command] = commands("Rename an account")
    desk.type(command)
    assert simulator.count() == writes
    assert simulator.is_live(entry["user_id"], desk.told(entry["name"]))
    assert simulator.is_live(entry["user_id"], desk.password_of(entry["name"]))
    assert sorted(path.name for path in (desk.home / "credentials").iterdir()) == [
        "svc-invoices.ini",
        f"{entry['name']}.ini",
    ]
    assert "renamed" not in desk.rotate()


def test_tell_a_new_consumer(desk: Desk, simulator: SimulatorProcess) -> None:
    shutil.rmtree(desk.home / "credentials")
    writes = simulator.count()
    [command] = commands("A new consumer")
    desk.type(command)
    assert simulator.count() == writes
    assert simulator.is_live(USERS["svc-invoices"], desk.told("svc-invoices"))
    assert not (desk.home / "credentials/svc-orders.ini").exists()


def test_rotate_now(desk: Desk, simulator: SimulatorProcess) -> None:
    before = desk.told("svc-invoices"), desk.told("svc-orders")
    [command] = commands("Emergency: rotate now")
    desk.type(command)
    after = desk.told("svc-invoices"), desk.told("svc-orders")
    assert not set(before) & set(after)
    assert all(simulator.is_live(user, password) for user, password in zip(USERS.values(), after))


def test_audit_and_monitor(desk: Desk) -> None:
    [audit], [monitor] = commands("Audit"), commands("Monitor")
    desk.type(audit)
    page = (desk.home / "uipath-passwords.html").read_text(encoding="utf-8")
    assert all(user in page for user in USERS)
    desk.type(monitor)
    (desk.home / f"uipath-passwords/{USERS['svc-orders']}.yml").rename(desk.home / "lost.yml")
    assert "is missing, although an earlier run wrote it" in desk.type(monitor, succeeds=False)
