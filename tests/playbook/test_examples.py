# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples, unchanged: each does what its comment says, and shows no password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.playbook import CORE, ROOT, PlaybookRun, Running
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

EXAMPLES = ROOT / "examples"
USERS = [f"2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c0{number}" for number in range(4)]
ONE, MANY = USERS[:1], USERS[1:]
LIST = "-e", f"@{EXAMPLES / 'vars/many_users.yml'}"
ODD_SECRET = 'it\'s "odd": \\ {{ really }} #<&>'

RunExample = Callable[..., PlaybookRun]


def password(age: str, user_id: str) -> str:
    return f"{age}-example-password-{user_id[-1]}"


def live(simulator: SimulatorProcess, age: str, users: list[str]) -> bool:
    return simulator.live_count([(user, password(age, user)) for user in users]) == len(users)


@pytest.fixture
def run_example(tmp_path: Path, simulator: SimulatorProcess, authority: Authority) -> RunExample:
    """Runs an example as its comment says, in an environment that names the simulator."""
    simulator.add_users({user: password("old", user) for user in USERS})
    variables = {
        "UIPATH_IDENTITY_URL": f"{simulator.origin}/acme/identity_",
        "UIPATH_CLIENT_ID": CLIENT_ID,
        "UIPATH_CLIENT_SECRET": CLIENT_SECRET,
        "UIPATH_CA_PATH": str(authority.certificate),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(EXAMPLES / "vault_password.txt"),
    }

    def run(name: str, *arguments: str, succeeds: bool = True, **environment: str) -> PlaybookRun:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        for part in ("home", "tmp", "remote", "local", "input"):
            (folder / part).mkdir(parents=True)
        (folder / "input/ansible.cfg").write_text("[defaults]\n")
        (folder / "playbook.yml").write_text(yaml.safe_dump([{"import_playbook": str(EXAMPLES / name)}]))
        running = Running(folder, list(arguments), variables | environment)
        try:
            run = running.finish()
        finally:
            running.destroy()
        assert (run.code == 0) == succeeds, run.output
        assert "example-password" not in run.output
        return run

    return run


def test_one_user(run_example: RunExample, simulator: SimulatorProcess) -> None:
    run = run_example("change_one_user.yml", "-v")
    assert run["Change the password"]["status"] == "changed"
    assert live(simulator, "new", ONE)


def test_many_users_in_check_mode_first(run_example: RunExample, simulator: SimulatorProcess) -> None:
    run = run_example("change_many_users.yml", *LIST, "--check", "--diff")
    assert run["Show the number of users by status"]["msg"] == {"would_change": 3}
    assert live(simulator, "old", MANY)
    assert simulator.report["writes"] == 0

    run = run_example("change_many_users.yml", *LIST, "-v")
    assert run["Show the number of users by status"]["msg"] == {"changed": 3}
    assert live(simulator, "new", MANY)


def test_many_users_reports_those_that_failed(run_example: RunExample, simulator: SimulatorProcess) -> None:
    simulator.add_users({MANY[1]: "somebody-elses-1"})
    run = run_example("change_many_users.yml", *LIST, succeeds=False)
    shown_id = MANY[1] if CORE < (2, 22) else "$REDACTED$"  # which takes all that is in a vaulted file for secret
    attention = run.items("Show the users that need attention")
    assert [item["msg"].split(".")[0] for item in attention] == [f"{shown_id}: wrong_password"]
    assert run["Show the number of users by status"]["msg"] == {"changed": 2, "wrong_password": 1}


def test_many_users_reports_bad_input(run_example: RunExample) -> None:
    run = run_example("change_many_users.yml", *LIST, succeeds=False, UIPATH_IDENTITY_URL="ftp://example.com")
    assert "identity_url must look like" in run["Change the passwords"]["msg"]
    assert run["Show the number of users by status"]["msg"] == {}


def test_module_defaults(run_example: RunExample, simulator: SimulatorProcess) -> None:
    run_example("module_defaults.yml", *LIST)
    assert live(simulator, "new", USERS)


def test_awx_credential_and_playbook(run_example: RunExample, simulator: SimulatorProcess, tmp_path: Path) -> None:
    """The injectors are rendered here with the Jinja environment that AWX has for them."""
    simulator.add_client("odd", ODD_SECRET, "PM.User.Write")
    injectors = yaml.safe_load((EXAMPLES / "awx/credential_type.yml").read_text())["injectors"]
    render = ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string
    inputs = {
        "identity_url": f"{simulator.origin}/acme/identity_",
        "client_id": "odd",
        "client_secret": ODD_SECRET,
    }
    file = tmp_path / "connection"
    file.write_text(render(injectors["file"]["template.connection"]).render(inputs))
    paths = {"tower": {"filename": {"connection": str(file)}}}
    extra = [f"{name}={render(value).render(paths)}" for name, value in injectors["extra_vars"].items()]

    run = run_example("awx/change_many_users.yml", "-e", *extra, "-v", UIPATH_IDENTITY_URL="", UIPATH_CLIENT_ID="")
    assert run["Change the passwords"]["counts"]["changed"] == 3
    assert live(simulator, "new", MANY)
    assert "odd" not in run.output
