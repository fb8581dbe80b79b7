# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a store, which the rotation and the lookup share, and the store that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore

STORES = {"vault_file": VaultFileStore}


def store_argument_spec() -> dict[str, dict[str, Any]]:
    """Return the options of every store."""
    return {
        "type": {"type": "str", "choices": list(STORES), "default": "vault_file"},
        "path": {"type": "str", "required": True},
        "vault_id": {"type": "str"},
        "persistent": {"type": "bool", "default": False},
        "any_controller": {"type": "bool", "default": False},
        "rebind_from": {"type": "str"},
    }


def named_store(
    options: Mapping[str, Any], loader: Any, *, identity_url: str | None = None, in_awx_job: bool = False
) -> Store:
    """Return the store that the options name, with the secrets and paths of Ansible's `loader`.

    Without an `identity_url` it is for reading only.
    """
    return STORES[options["type"]](
        store_path(options["path"], loader.get_basedir()),
        secrets=loader._vault.secrets or (),
        vault_id=options["vault_id"],
        identity_url=identity_url,
        rebind_from=options["rebind_from"],
        any_controller=options["any_controller"],
        in_awx_job=in_awx_job,
        persistent=options["persistent"],
    )


def store_path(path: str, basedir: str) -> Path:
    """Return the store's directory: a relative path is below the playbook's directory."""
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise InvalidInput([f"store.path begins with {path.partition('/')[0]}, and there is no such home directory"])
    if "\0" in expanded:
        raise InvalidInput(["store.path is no path"])
    return Path(basedir, expanded)
