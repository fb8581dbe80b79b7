# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server, and playbooks that know how to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.playbook import MODULE, Playbook
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess

OLD, NEW = "initial-1", "changed-1"


@dataclass
class Scene:
    simulator: SimulatorProcess
    play: Playbook

    @classmethod
    @contextmanager
    def set_up(cls, folder: Path, authority: Authority, tls: Files | None, *options: str) -> Iterator[Scene]:
        (folder / "server").mkdir()
        simulator = SimulatorProcess(folder / "server", tls, *options)
        try:
            yield cls(simulator, Playbook(folder, connection(simulator, authority)))
        finally:
            simulator.stop()


def connection(simulator: SimulatorProcess, authority: Authority) -> dict[str, Any]:
    return {
        "identity_url": simulator.identity_url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "ca_path": str(authority.certificate),
    }


def task(name: str, **options: Any) -> dict[str, Any]:
    """A task of the module that may fail without ending the play."""
    return {"name": name, MODULE: options, "ignore_errors": True}


def change(user_id: str, old: str = OLD, new: str = NEW) -> dict[str, str]:
    """The options of one change, or an entry of `users`."""
    return {"user_id": user_id, "old_password": old, "new_password": new}
