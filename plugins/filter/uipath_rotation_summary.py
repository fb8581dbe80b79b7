# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: uipath_rotation_summary
short_description: Sum up the result of a rotation for a person
version_added: 0.1.0
description:
  - Makes of a result of M(rpaops.uipath.uipath_password_rotation) what the role P(rpaops.uipath.rotate_passwords#role)
    shows - a table of the accounts, and the message with which it fails.
  - Neither contains a password.
author:
  - rpaops.uipath contributors (@rpaops)
positional: undelivered, due, has_tasks, delivered
options:
  _input:
    description: The result of the module.
    type: dict
    required: true
  undelivered:
    description: The user ids of accounts whose delivery to the consumers has failed.
    type: list
    elements: str
    default: []
  due:
    description: The user ids of accounts whose delivery is due, and not done in this run.
    type: list
    elements: str
    default: []
  has_tasks:
    description: Whether the run was given tasks for the consumers. With V(false), the message asks for them, and a line
      below the table says that no consumer is told, if other accounts have new passwords.
    type: bool
    default: true
  delivered:
    description: The user ids of accounts that were noted as delivered after the result. The table says so.
    type: list
    elements: str
    default: []
seealso:
  - module: rpaops.uipath.uipath_password_rotation
"""

EXAMPLES = r"""
- name: Rotate
  rpaops.uipath.uipath_password_rotation:
    accounts: "{{ uipath_accounts }}"
    store:
      path: ~/uipath-passwords
  register: rotation

- name: Show the accounts
  ansible.builtin.debug:
    msg: "{{ (rotation | rpaops.uipath.uipath_rotation_summary).table }}"
"""

RETURN = r"""
_value:
  description: The table and the message.
  type: dict
  contains:
    table:
      description:
        - How many accounts have which status, and how many are not delivered.
        - Then a line per account, below a line of headings. It has the label, the status, when the password was last
          rotated and is next due, and what to do. Variables in it are those of the role.
        - Accounts with nothing to do have a line as long as the table has at most 30 lines. Otherwise they are counted
          by status. Fresh ones are the first of these. If no account has a line, the first line has the numbers.
        - If fresh accounts are only counted, a line says when the first of them is due.
        - If accounts were not attempted, a line below says why the run stopped.
        - It is empty if the whole task failed.
      type: list
      elements: str
    failure:
      description:
        - How many accounts have which status, the message of each failed account, and the accounts that are not
          delivered. An empty text if nothing failed.
        - If the whole task failed, its message.
      type: str
"""

from collections.abc import Collection, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.summary import summary


def rotation_summary(
    result: Any,
    undelivered: Collection[str] = (),
    due: Collection[str] = (),
    has_tasks: bool = True,
    delivered: Collection[str] = (),
) -> dict[str, Any]:
    if not isinstance(result, Mapping):
        raise AnsibleFilterError("uipath_rotation_summary: the input must be a result of uipath_password_rotation")
    return summary(result, undelivered, due, has_tasks, delivered)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"uipath_rotation_summary": rotation_summary}
