# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of a rotation, each run among the files beside it, in an environment that names the simulator."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.rpaops.uipath.tests.faults.rig import USUAL_WARNINGS
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.playbook import ROOT, PlaybookRun, Running
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess

ACCOUNTS = {"svc-invoices": "6", "svc-orders": "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c07"}


@dataclass(frozen=True)
class RotationExample:
    """`environment` is added to that of each run, `warnings` are those that each run has to print."""

    folder: Path
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    warnings: Sequence[str] = ()

    @classmethod
    def set_up(
        cls,
        folder: Path,
        simulator: SimulatorProcess,
        authority: Authority,
        environment: Mapping[str, str],
        warnings: Sequence[str] = (),
    ) -> RotationExample:
        for label, user_id in ACCOUNTS.items():
            simulator.add_users({user_id: f"initial-example-password-{user_id[-1]}"}, userName=label)
        shutil.copytree(ROOT / "examples", folder)
        for part in ("home", "tmp", "remote", "local", "input"):
            (folder / part).mkdir()
        (folder / "input/ansible.cfg").write_text("[defaults]\n")
        variables = {
            "UIPATH_IDENTITY_URL": f"{simulator.origin}/acme/identity_",
            "UIPATH_CLIENT_ID": CLIENT_ID,
            "UIPATH_CLIENT_SECRET": CLIENT_SECRET,
            "UIPATH_CA_PATH": str(authority.certificate),
            "ANSIBLE_VAULT_PASSWORD_FILE": "vault_password.txt",
        }
        return cls(folder, variables, environment, warnings)

    def run(self, example: str, *arguments: str, succeeds: bool = True) -> PlaybookRun:
        shutil.copy(self.folder / example, self.folder / "playbook.yml")
        environment = {**self.variables, **self.environment}
        running = Running(self.folder, list(arguments), environment, USUAL_WARNINGS)
        try:
            run = running.finish(warnings=self.warnings)
        finally:
            running.destroy()
        assert (run.code == 0) == succeeds, run.output
        assert "example-password" not in run.output
        return run
