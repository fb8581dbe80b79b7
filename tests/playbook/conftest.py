# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a simulated Identity server over TLS, and a way to run playbooks against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_files(authority: Authority) -> Files:
    return authority.issue("server")


@pytest.fixture(scope="module")
def shared_scene(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, server_files: Files
) -> Iterator[Scene]:
    """For a run that many tests look at."""
    with Scene.set_up(tmp_path_factory.mktemp("scene"), authority, server_files) as scene:
        yield scene


@pytest.fixture
def scene(tmp_path: Path, authority: Authority, server_files: Files) -> Iterator[Scene]:
    with Scene.set_up(tmp_path, authority, server_files) as scene:
        yield scene


@pytest.fixture
def simulator(scene: Scene) -> SimulatorProcess:
    return scene.simulator


@pytest.fixture
def play(scene: Scene) -> Playbook:
    return scene.play
