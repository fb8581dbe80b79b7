# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of either order of checking, with a store. The fixtures of the playbook tests serve here as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import ORDERS, Rig
from ansible_collections.rpaops.uipath.tests.playbook.conftest import authority, scene, server_files

__all__ = ["authority", "scene", "server_files"]


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> str:
    """The order in which the server checks: every test of a rig is run with both, unless it names one."""
    return str(request.param)


@pytest.fixture
def rig(tmp_path: Path, order: str) -> Iterator[Rig]:
    with Rig(tmp_path, order) as rig:
        yield rig
