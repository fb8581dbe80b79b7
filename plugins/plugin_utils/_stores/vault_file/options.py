# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file store's options, and the store that they describe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext, StoreType

DOCUMENTATION = r"""
path:
  description:
    - The directory of the type V(vault_file), which keeps one file per account, encrypted with Ansible Vault.
    - A rotation creates it if it does not exist, accessible to its owner only. What only reads does not.
    - V(~) is the home directory. A relative path is relative to the playbook's directory.
  type: str
  required: true
vault_id:
  description:
    - The vault id of the vault password that encrypts the records.
    - The default is Ansible's setting C(vault_encrypt_identity), or the only vault password given.
    - To decrypt, every vault password of the run is tried.
    - It has to decrypt at least one of the records that are there, so that a mistyped vault password encrypts none.
  type: str
rekey:
  description:
    - Whether to accept records that another vault password of the run encrypted than that of C(vault_id). Their next
      version is encrypted with that of C(vault_id). This has an effect only when a rotation writes.
  type: bool
  default: false
persistent:
  description:
    - AWX and Automation Controller delete a job's files when it ends. There, a directory is accepted only with V(true),
      which asserts that it is on persistent storage and that only one job at a time writes to it.
  type: bool
  default: false
any_controller:
  description:
    - Whether to accept a directory that another controller has written to. Two controllers must never write to it at
      the same time.
    - A run records its own controller just before it writes its first record. From then on, the former one is refused.
    - A run that writes no record, such as one that finds nothing due or that fails before that, does not take the
      directory over. So keep V(true) until a run has changed an account, or for good if the host name changes from run
      to run.
  type: bool
  default: false
rebind_from:
  description:
    - The former C(identity_url) of a server whose address has changed. The next rotation that writes a record binds the
      store to the new one. Keep the option until a run has changed an account.
    - This has an effect only where C(identity_url) is given.
  type: str
"""

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "vault_id": {"type": "str"},
    "rekey": {"type": "bool", "default": False},
    "persistent": {"type": "bool", "default": False},
    "any_controller": {"type": "bool", "default": False},
    "rebind_from": {"type": "str"},
}

COLLECTION = Path(__file__).resolve().parents[4]


def option_problems(options: Mapping[str, Any]) -> list[str]:
    if not options["path"]:
        return ["store.path is empty"]
    return ["store.path contains a NUL character"] if "\0" in options["path"] else []


def store_path(path: str, playbook_directory: str) -> Path:
    """Return the store's directory. A relative path is relative to the playbook's directory."""
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise InvalidInput([f"store.path begins with {path.partition('/')[0]}, which has no home directory"])
    base = Path(playbook_directory)
    if not os.path.isabs(expanded) and COLLECTION / "playbooks" in (base.resolve(), *base.resolve().parents):
        raise InvalidInput(
            [
                "store.path is relative, and this playbook is part of the installed collection, which the next upgrade"
                " replaces: give a path that begins with / or ~"
            ]
        )
    return base / expanded


def create(options: Mapping[str, Any], context: StoreContext) -> Store:
    from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore

    return VaultFileStore(
        store_path(options["path"], context.playbook_directory),
        secrets=context.vault_secrets,
        vault_id=options["vault_id"],
        rekey=options["rekey"],
        identity_url=context.identity_url,
        rebind_from=options["rebind_from"],
        any_controller=options["any_controller"],
        in_awx_job=context.in_awx_job,
        persistent=options["persistent"],
    )


STORE = StoreType(DOCUMENTATION, ARGUMENT_SPEC, option_problems, create)
