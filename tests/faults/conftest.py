# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of either order of checking, with a store. The fixtures of the playbook tests serve here as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.conftest import is_full
from ansible_collections.rpaops.uipath.tests.faults.rig import ORDERS, Rig
from ansible_collections.rpaops.uipath.tests.playbook.conftest import authority, scene, server_files
from ansible_collections.rpaops.uipath.tests.sampling import Sample, one_by_name

__all__ = ["authority", "scene", "server_files"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the orders of checking, for all tests that do not name theirs by `parametrize`.

    With `--proof` or `--full`, and where a test is marked `matrix`, both; otherwise one. The marker `orders` chooses it
    for each value of another argument, elsewhere the test's name does.
    """
    test, proof = metafunc.definition, is_full(metafunc.config)
    named = [mark.args[0] for mark in test.iter_markers("parametrize")]
    if mark := test.get_closest_marker("orders"):
        cases = [(value, order) for value, one in mark.kwargs.items() for order in ORDERS if proof or order == one]
        metafunc.parametrize((mark.args[0], "order"), cases, indirect=["order"])
    elif "order" in metafunc.fixturenames and not any("order" in names for names in named):
        both = proof or test.get_closest_marker("matrix")
        metafunc.parametrize("order", ORDERS if both else [one_by_name(ORDERS, test.name)], indirect=True)


@pytest.fixture
def order(request: pytest.FixtureRequest, sample: Sample) -> str:
    """The order in which the server checks."""
    if not request.node.get_closest_marker("matrix"):
        sample.one_of(request.param, ORDERS, "orders of checking")
    return str(request.param)


@pytest.fixture
def rig(tmp_path: Path, order: str) -> Iterator[Rig]:
    with Rig(tmp_path, order) as rig:
        yield rig
