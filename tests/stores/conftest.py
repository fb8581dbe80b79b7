# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig whose store is in a server of each type of network store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.faults.conftest import order, pytest_generate_tests
from ansible_collections.rpaops.uipath.tests.faults.rig import Place, Rig
from ansible_collections.rpaops.uipath.tests.playbook.conftest import authority, scene, server_files, simulator
from ansible_collections.rpaops.uipath.tests.stores.places import TYPES, running_place

__all__ = ["authority", "order", "pytest_generate_tests", "scene", "server_files", "simulator"]


@pytest.fixture(scope="session", params=TYPES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with running_place(request.param) as place:
        yield place


@pytest.fixture
def network_rig(tmp_path: Path, order: str, place: Place) -> Iterator[Rig]:
    """A rig with a store of its own: all tests share the store's server."""
    own = replace(place, options={**place.options, "prefix": f"{uuid.uuid4().hex}-"})
    with Rig(tmp_path, order, place=own) as rig:
        yield rig
