# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a store of passwords."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store:
    description: Where the passwords are kept.
    type: dict
    required: true
    suboptions:
      type:
        description: V(vault_file) keeps a file per account, encrypted with Ansible Vault, in one directory.
        type: str
        choices: [vault_file]
        default: vault_file
      path:
        description:
          - The directory. It is created where it is missing, readable for its owner only.
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
          - In a job of AWX or Automation Controller, files are gone when the job ends, and passwords with them. So a
            directory is refused there, unless this promises that it outlives the job and that only one job at a time
            writes to it.
        type: bool
        default: false
      any_controller:
        description: Whether to use a directory that another controller has written to. Never let two write at once.
        type: bool
        default: false
      rebind_from:
        description: The former C(identity_url) of a server that has moved. The store is bound to the new one.
        type: str
"""
