# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: uipath_password_report
short_description: Make a page or a table of the state of a store
version_added: 0.1.0
description:
  - Makes a text of the result of M(rpaops.uipath.uipath_password_store_info) that a person or another program reads.
  - The role P(rpaops.uipath.report_passwords#role) reads the state and writes these texts to files.
author:
  - rpaops.uipath contributors (@rpaops)
seealso:
  - plugin: rpaops.uipath.report_passwords
    plugin_type: role
  - module: rpaops.uipath.uipath_password_store_info
positional: format, title
options:
  _input:
    description: The result of M(rpaops.uipath.uipath_password_store_info).
    type: dict
    required: true
  format:
    description:
      - V(html) is a page in one file. It loads nothing from elsewhere, and its tables can be sorted and filtered.
      - V(csv) is a table as RFC 4180 describes it, one row per account. A cell that a spreadsheet would take for a
        formula begins with an apostrophe. Listed accounts without a record have the status V(missing).
      - V(json) is the result itself, without what Ansible adds to it.
    type: str
    choices: [html, csv, json]
    required: true
  title:
    description: The title of the page.
    type: str
    default: UiPath passwords
"""

EXAMPLES = r"""
- name: Read the state of the accounts
  rpaops.uipath.uipath_password_store_info:
    store:
      path: ~/uipath-passwords
  register: passwords

- name: Write a page
  ansible.builtin.copy:
    content: "{{ passwords | rpaops.uipath.uipath_password_report('html', title='UiPath passwords, production') }}"
    dest: ~/passwords.html
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The text, which has no secret.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.formats import FORMATS, rendered
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import plain

NAME = "uipath_password_report"


def uipath_password_report(info: Any, format: str, title: str | None = None) -> str:
    if format not in list(FORMATS):
        raise AnsibleFilterError(f"{NAME}: the format is one of {', '.join(FORMATS)}.")
    if not isinstance(info, Mapping) or not isinstance(info.get("accounts"), (list, tuple)):
        raise AnsibleFilterError(f"{NAME}: this is not the result of rpaops.uipath.uipath_password_store_info.")
    return rendered(plain(info), format, title)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {NAME: uipath_password_report}
