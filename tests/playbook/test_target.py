# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on its target: another Python there, as on a jump host, with and without what it requires."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import TARGET_PYTHON, Playbook
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

JUMP_HOST = {
    "ansible_connection": "local",
    "ansible_python_interpreter": TARGET_PYTHON or "{{ ansible_playbook_python }}",
}

pytestmark = pytest.mark.matrix


@pytest.fixture
def bare_python(tmp_path: Path) -> str:
    """A Python that has the standard library only."""
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return str(folder / "bin/python")


def test_missing_requests_is_said_without_a_traceback(
    play: Playbook, simulator: SimulatorProcess, bare_python: str
) -> None:
    interpreter = f"ansible_python_interpreter={bare_python}"
    run = play([task("Change", **change("one"))], "-e", interpreter)
    assert run["Change"]["failed"]
    assert "Failed to import the required Python library (requests)" in run["Change"]["msg"]
    assert "Traceback" not in run.output
    assert simulator.total == 0


def test_delegated_with_the_connection_in_the_targets_environment(play: Playbook, simulator: SimulatorProcess) -> None:
    simulator.add_users({"one": OLD})
    url = play.defaults.pop("identity_url")
    delegated = {"delegate_to": "jump", "vars": JUMP_HOST, "environment": {"UIPATH_IDENTITY_URL": url}}
    run = play([task("Change", **change("one")) | delegated])
    assert run["Change"]["status"] == "changed"
    assert simulator.is_live("one", NEW)
