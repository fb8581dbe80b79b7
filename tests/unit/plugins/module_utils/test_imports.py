# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports point down, as CONTRIBUTING.md says: from modules to module_utils, and there never up or in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _errors

PLUGINS = Path(_errors.__file__).parents[1]
OURS = "ansible_collections.rpaops.uipath.plugins."
FLOORS = (
    {"_module", "_preparation", "_results", "_directory", "_password", "_fleet", "_settings"},
    {"_arguments", "_users", "_client"},
    {"_transport", "_auth", "_endpoints", "_answers", "_failures", "_patience", "_masking", "_errors"},
)


def imported(path: Path) -> set[str]:
    """The parts of this collection that a file imports, below C(plugins)."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {name[len(OURS) :] for name in names(tree) if name.startswith(OURS)}


def names(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import that is relative"
            module = node.module or ""
            whole_folder = module == OURS + "module_utils"
            yield from (f"{module}.{alias.name}" for alias in node.names) if whole_folder else [module]


UTILS = {path.stem: imported(path) for path in (PLUGINS / "module_utils").glob("_*.py") if path.stem != "__init__"}
MODULES = {path.stem: imported(path) for path in (PLUGINS / "modules").glob("*.py") if path.stem != "__init__"}


def test_there_is_something_to_check() -> None:
    assert UTILS["_client"] >= {"module_utils._errors", "module_utils._auth"}
    assert MODULES["uipath_user_password"] >= {"module_utils._preparation"}


def test_module_utils_import_only_each_other_and_never_in_a_circle() -> None:
    graph = {f"module_utils.{name}": found for name, found in UTILS.items()}
    assert set().union(*graph.values()) <= graph.keys()
    list(TopologicalSorter(graph).static_order())


def test_modules_import_only_module_utils() -> None:
    assert set().union(*MODULES.values()) <= {f"module_utils.{name}" for name in UTILS}


def test_every_part_has_a_floor() -> None:
    assert set().union(*FLOORS) == UTILS.keys()


@pytest.mark.parametrize("name", sorted(UTILS))
def test_nothing_imports_what_is_on_a_higher_floor(name: str) -> None:
    own = next(number for number, floor in enumerate(FLOORS) if name in floor)
    higher = {f"module_utils.{other}" for floor in FLOORS[:own] for other in floor}
    assert not UTILS[name] & higher
