#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_password_store_copy
short_description: Move accounts from one store of rotated passwords to another
version_added: 0.1.0
description:
  - Makes another store, of any type, the one that is in charge of accounts which
    M(rpaops.uipath.uipath_password_rotation) rotates.
  - Never are both stores in charge. For each account, the target gets a copy that is not in charge, then the record in
    the source says that the account was moved, then the copy is put in charge. Between the last two steps no run sends
    anything for the account, and both stores have its current password.
  - If the task is killed, or a store fails, run it again. It goes on where it stopped.
  - The whole record is moved, with earlier passwords, a change under way, the status of a closed account, and whether
    the consumers have the password. An account that another run works on is V(busy) and stays where it is.
  - The record stays in the source with the status V(moved), and names the target. Rotations with the old store send
    nothing for the account and fail. To move the account back, exchange O(source) and O(target).
  - Sends nothing to the UiPath server. Accounts are moved one after the other.
  - The module runs on the controller. In a play with several hosts, set C(run_once).
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
  - rpaops.uipath.store.pair
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: rpaops.uipath.uipath_password_rotation
  - module: rpaops.uipath.uipath_password_store_info
options:
  identity_url:
    description:
      - The server that the records belong to, as in M(rpaops.uipath.uipath_password_rotation). Records of another
        server are not moved.
      - The default is the environment variable E(UIPATH_IDENTITY_URL).
    type: str
    required: true
  accounts:
    description:
      - The accounts to move, each by its user id, label or user name.
      - The default is all accounts that the source has.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Move all accounts from files to HashiCorp Vault
  rpaops.uipath.uipath_password_store_copy:
    identity_url: https://orchestrator.example.com/identity
    source:
      path: ~/uipath-passwords
    target:
      type: hashi_vault
      url: https://vault.example.com:8200

- name: Move two accounts first
  rpaops.uipath.uipath_password_store_copy:
    identity_url: https://orchestrator.example.com/identity
    source:
      path: ~/uipath-passwords
    target:
      type: hashi_vault
      url: https://vault.example.com:8200
    accounts: [svc-robot-1, svc-robot-2]
"""

RETURN = r"""
msg:
  description: The number of accounts with each status, and the first failure.
  returned: always
  type: str
  sample: "Accounts by status: 42 moved."
source:
  description: The store that accounts were moved from, such as its path or URL.
  returned: unless the whole task failed
  type: str
  sample: /home/ops/uipath-passwords
target:
  description: The store that accounts were moved to.
  returned: unless the whole task failed
  type: str
  sample: https://vault.example.com:8200, secret/uipath/
counts:
  description: The number of accounts with each status.
  returned: unless the whole task failed
  type: dict
  sample: {moved: 42, already_moved: 0}
accounts:
  description: One entry per account.
  returned: unless the whole task failed
  type: list
  elements: dict
  contains:
    label:
      description: What O(accounts) calls the account, or its user id.
      type: str
      sample: svc-robot-1
    user_id:
      description: The user's id.
      type: str
      sample: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
    status:
      description:
        - 'V(moved) - The target is now in charge of the account.'
        - 'V(already_moved) - The target is in charge of the account already. Nothing was changed.'
        - 'V(would_move) - The account would be moved.'
        - 'V(busy) - Another run is working on this account. Run again later.'
        - 'V(no_record) - The source has no record of the account.'
        - 'V(unfinished) - The source itself has only a copy of the account, whose move is not complete. Complete that
          move first, from the store that its record names.'
        - 'V(conflict) - The target has a record of the account that is in charge of it, or the account was moved from
          the source to another store than this target. Nothing was changed. Find out with uipath_password_store_info
          which store is the right one.'
        - 'V(store_error) - One of the stores cannot be used for this account.'
        - 'V(not_attempted) - Nothing was done for this account, because the run stopped before its turn. Run again.'
      type: str
      sample: moved
    changed:
      description: Whether the account was moved, or would be in check mode.
      type: bool
    failed:
      description: Whether the account makes the task fail. All do whose status is not V(moved), V(already_moved) or
        V(would_move).
      type: bool
    msg:
      description: What the status means, and what went wrong.
      type: str
      sample: The target is now in charge of the account.
status:
  description:
    - V(invalid_input) - an option cannot be used.
    - V(store_error) - a store cannot be opened or listed.
    - V(defect) - an error in the collection.
  returned: when the whole task failed
  type: str
  sample: store_error
http_status:
  description: Always V(null).
  returned: when the whole task failed
  type: int
error_codes:
  description: Always empty.
  returned: when the whole task failed
  type: list
  elements: str
trace_id:
  description: Always V(null).
  returned: when the whole task failed
  type: str
"""
