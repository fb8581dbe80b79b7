# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: uipath_password
short_description: Read a rotated password from the store
version_added: 0.1.0
description:
  - Returns the current password of an account that M(rpaops.uipath.uipath_password_rotation) keeps in a store.
  - Reads one record. Nothing is sent to the server.
  - ansible-core 2.22 and later mask the password in everything they display. With earlier versions, set C(no_log) on
    a task that uses it.
  - Of O(store), only what is needed to find and read it has to be given.
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.store
seealso:
  - module: rpaops.uipath.uipath_password_rotation
options:
  _terms:
    description: Accounts, each by its user id, its label or its user name.
    required: true
  allow_in_doubt:
    description:
      - Whether to return the current password even if another one may be live, that is, if the account is V(in_doubt),
        V(out_of_sync), V(quarantined) or V(moved), or if another run is working on it in a network store.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Give a robot its password
  ansible.builtin.template:
    src: robot.conf.j2
    dest: /etc/robot.conf
    mode: "0600"
  no_log: true
  vars:
    robot_password: "{{ lookup('rpaops.uipath.uipath_password', 'svc-robot-1', store={'path': '~/uipath-passwords'}) }}"

- name: Use several passwords
  ansible.builtin.template:
    src: robots.ini.j2
    dest: /etc/robots.ini
    mode: "0600"
  no_log: true
  vars:
    robots: [svc-robot-1, svc-robot-2]
    passwords: "{{ query('rpaops.uipath.uipath_password', *robots, store={'path': '~/uipath-passwords'}) }}"
"""

RETURN = r"""
_raw:
  description: The passwords, one per term.
  type: list
  elements: str
"""

import os
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import defect, register_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._option_types import type_problems
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import in_awx_job, store_context
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import doubt
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import MESSAGES, doubt_message
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, RecordFinder, Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import plain

TERMS = {"account": {"type": "list", "elements": "str"}}


class LookupModule(LookupBase):  # type: ignore[misc, unused-ignore]
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        accounts, options = plain(terms), StoreOptions(self.get_option("store"))
        problems = type_problems({"account": accounts}, TERMS) + options.problems
        if problems:
            raise AnsibleLookupError("; ".join(problems))
        try:
            context = store_context(self._loader, in_awx_job=in_awx_job(variables or {}, os.environ))
            passwords = self._passwords(options.create(context), accounts)
        except UiPathError as error:
            raise AnsibleLookupError(error.message) from None
        except AnsibleError:
            raise
        except Exception as error:  # its text could show passwords of the records
            raise AnsibleLookupError(defect(error)["msg"]) from None
        register_forms(passwords)
        return passwords

    def _passwords(self, store: Store, terms: list[str]) -> list[str]:
        secrets = store.secrets()
        register_forms(secrets)
        passwords: list[str] | None = None
        try:
            with store.open(read_only=True) as opened:
                finder = RecordFinder(opened)
                passwords = [self._password(finder, term) for term in terms]
        except UiPathError as error:
            if passwords is None:  # else only the closing failed
                raise AnsibleLookupError(mask(error.message, secrets)) from None  # a store may quote its server
        return passwords or []

    def _password(self, finder: RecordFinder, term: str) -> str:
        if not term.strip():
            raise AnsibleLookupError("A term is empty. Give the user id, label or user name of an account.")
        shown = displayable(term)
        try:
            record = finder.find(term)
        except Busy as error:
            if not (record := error.record) or not self.get_option("allow_in_doubt"):
                advice = "Look it up again when that run has ended, or set allow_in_doubt=true."
                raise AnsibleLookupError(f"{shown}: {MESSAGES['busy']} {error.message} {advice}") from None
        if not record:
            raise AnsibleLookupError(f"The store has no account with the user id, label or user name {shown}.")
        status = doubt(record)
        if status and not self.get_option("allow_in_doubt"):
            advice = "Set allow_in_doubt=true to get the current password anyway."
            raise AnsibleLookupError(f"{shown}: {status}. {doubt_message(record)} {advice}")
        return record.current.password
