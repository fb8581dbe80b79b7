# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports point down, as CONTRIBUTING.md says: from the plugins to what they share, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
OURS = "ansible_collections.rpaops.uipath.plugins."
# Every file or package in `_stores` that is not shared by all of them.
SHARED = ("document", "network", "registry", "store_type")
STORES = tuple(
    f"plugin_utils._stores.{path.stem}"
    for path in sorted((PLUGINS / "plugin_utils/_stores").iterdir())
    if path.stem not in (*SHARED, "__init__", "__pycache__")
)
# From the top down. A layer may import the layers below it and, where it is a package, its own files.
LAYERS = (
    ("action", "doc_fragments", "filter", "lookup", "modules"),
    ("plugin_utils._action",),
    ("plugin_utils._stores.registry",),
    STORES,
    ("plugin_utils._stores.network",),
    ("plugin_utils._stores.document", "plugin_utils._stores.store_type"),
    ("plugin_utils._copying", "plugin_utils._inspection", "plugin_utils._report"),
    ("plugin_utils._rotation",),
    (
        "module_utils._module",
        "module_utils._password_change",
        "plugin_utils._role_variables",
        "plugin_utils._task_files",
        "plugin_utils._validation",
    ),
    ("module_utils._arguments",),
    ("module_utils._identity", "module_utils._workers"),
    ("module_utils._errors", "module_utils._masking", "module_utils._option_types", "module_utils._summaries"),
    ("module_utils._text",),
)
# The same inside the packages that have layers of their own.
PACKAGES = {
    "module_utils._identity": (
        ("directory", "login_attempts", "settings"),
        ("users",),
        ("client",),
        ("auth", "responses", "retry", "transport"),
        ("endpoints", "transport_errors"),
    ),
    "module_utils._password_change": (
        ("batch", "resolve", "results"),
        ("control",),
        ("attempt",),
        ("statuses",),
    ),
    "plugin_utils._copying": (
        ("options", "task"),
        ("account",),
        ("results",),
        ("moves",),
    ),
    "plugin_utils._report": (
        ("formats",),
        ("page", "table"),
        ("charts",),
        ("accounts",),
    ),
    "plugin_utils._inspection": (
        ("options", "task"),
        ("findings",),
        ("matching", "overview", "readings"),
    ),
    "plugin_utils._rotation": (
        ("summary", "task"),
        ("batch", "identification", "options"),
        ("planning",),
        ("progress",),
        ("account_run", "results"),
        ("state_machine",),
        ("budget", "passwords", "steps", "store"),
        ("record",),
    ),
    "plugin_utils._stores.aws_secrets_manager": (
        ("options",),
        ("server",),
        ("connection", "secret"),
        ("answers",),
    ),
    "plugin_utils._stores.hashi_vault": (
        ("options",),
        ("server",),
        ("names", "secrets_engine"),
        ("connection",),
        ("answers", "auth"),
    ),
    "plugin_utils._stores.kubernetes": (
        ("options",),
        ("server",),
        ("connection", "secret"),
        ("answers", "sources"),
    ),
    "plugin_utils._stores.network": (
        ("options", "store"),
        ("record",),
        ("secrets",),
        ("contents", "retry"),
        ("names", "port"),
    ),
    "plugin_utils._stores.vault_file": (
        ("options",),
        ("store",),
        ("locked_record",),
        ("record_files",),
        ("binding", "codec", "index", "locks"),
        ("encryption", "layout"),
        ("files",),
        ("ownership",),
    ),
}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PLUGINS).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    """The files of this collection that a file imports, as dotted names below `plugins`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import that is relative"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" if is_package(module) else module for alias in node.names}
    return {name[len(OURS) :] for name in names if name.startswith(OURS)}


def is_package(module: str) -> bool:
    return module.startswith(OURS) and (PLUGINS / module[len(OURS) :].replace(".", "/")).is_dir()


FILES = {dotted(path): imported(path) for path in sorted(PLUGINS.rglob("*.py")) if path.name != "__init__.py"}


def belongs(name: str, layer: Iterable[str]) -> bool:
    return any(name == member or name.startswith(f"{member}.") for member in layer)


def layer_of(name: str, layers: tuple[tuple[str, ...], ...] = LAYERS) -> int:
    [number] = [number for number, layer in enumerate(layers) if belongs(name, layer)]
    return number


def test_there_is_something_to_check() -> None:
    assert FILES["module_utils._identity.client"] >= {"module_utils._errors", "module_utils._identity.auth"}
    assert FILES["action.uipath_password_rotation"] >= {"plugin_utils._rotation.task", "plugin_utils._stores.registry"}


def test_every_import_leads_to_a_file() -> None:
    assert set().union(*FILES.values()) <= FILES.keys()


def test_no_import_is_part_of_a_circle() -> None:
    list(TopologicalSorter(FILES).static_order())


def test_every_layer_has_files() -> None:
    assert {
        member for layer in LAYERS for member in layer if not any(belongs(name, [member]) for name in FILES)
    } == set()


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name: str) -> None:
    own = layer_of(name)
    for other in FILES[name]:
        same_package = any(belongs(name, [member]) and belongs(other, [member]) for member in LAYERS[own])
        assert layer_of(other) > own or (same_package and own > 0), f"{name} imports {other}"


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_down_inside_the_package(package: str) -> None:
    members = {name.removeprefix(f"{package}."): name for name in FILES if belongs(name, [package])}
    assert {member for layer in PACKAGES[package] for member in layer} == set(members)
    for member, name in members.items():
        inside = [other.removeprefix(f"{package}.") for other in FILES[name] if belongs(other, [package])]
        for other in inside:
            assert layer_of(other, PACKAGES[package]) > layer_of(member, PACKAGES[package]), f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("module_utils.")])
def test_what_a_managed_host_runs_needs_nothing_of_the_controller(name: str) -> None:
    assert not [other for other in FILES[name] if not other.startswith("module_utils.")]


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("plugin_utils._stores.")])
def test_only_the_registry_knows_the_stores(name: str) -> None:
    stores = {other for other in FILES[name] if other.startswith("plugin_utils._stores.")}
    assert stores <= {"plugin_utils._stores.registry", "plugin_utils._stores.store_type"}
