# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the file store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput

DOCUMENTATION = r"""
path:
  description:
    - The directory of the type V(vault_file), which keeps one file per account, encrypted with Ansible Vault.
    - It is created where it is missing, readable for its owner only.
    - V(~) is the home directory. A relative path is below the playbook's directory.
  type: str
  required: true
vault_id:
  description:
    - Which of the run's vault secrets encrypts the records.
    - The default is the one that the setting C(vault_encrypt_identity) names, else the only one given.
  type: str
persistent:
  description:
    - In a job of AWX or Automation Controller, the job's files are deleted when it ends, and the passwords with them.
      So a directory is refused there, unless this promises that the directory outlives the job and that only one job
      at a time writes to it.
  type: bool
  default: false
any_controller:
  description:
    - Whether to use a directory that another controller has written to. Never let two controllers write at once.
  type: bool
  default: false
rebind_from:
  description:
    - The former C(identity_url) of a server that has moved. The store is bound to the new one.
  type: str
"""

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "vault_id": {"type": "str"},
    "persistent": {"type": "bool", "default": False},
    "any_controller": {"type": "bool", "default": False},
    "rebind_from": {"type": "str"},
}

COLLECTION = Path(__file__).resolve().parents[4]


def option_problems(options: Mapping[str, Any]) -> list[str]:
    if not options["path"]:
        return ["store.path is empty"]
    return ["store.path contains a null character"] if "\0" in options["path"] else []


def store_path(path: str, playbook_directory: str) -> Path:
    """Return the store's directory. A relative path is below the playbook's directory."""
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise InvalidInput([f"store.path begins with {path.partition('/')[0]}, and there is no such home directory"])
    base = Path(playbook_directory)
    if not os.path.isabs(expanded) and COLLECTION / "playbooks" in (base.resolve(), *base.resolve().parents):
        raise InvalidInput(
            [
                "store.path is relative, and this playbook lies in the installed collection, which the next upgrade"
                " replaces: give a path that begins with / or ~"
            ]
        )
    return base / expanded
