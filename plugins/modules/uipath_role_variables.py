#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_role_variables
short_description: Refuse misspelled and missing variables of a role, and broken files of tasks
version_added: 0.1.0
description:
  - Ansible ignores a variable that no role has. So a role that is given C(rotate_passwords_after_task) runs without the
    tasks that the user meant. The roles of this collection begin with this module.
  - It compares the names of all variables of the host, wherever they are set, with the names that the role knows. Near
    misses fail, with the name that was probably meant. For any other name that begins with the role's name, it warns.
  - A near miss has the same words in another order, in the singular or the plural, or without the last one, or differs
    in one or two letters. Case counts as no difference. Names that begin with C(__) are not compared.
  - If the role has a variable for tasks, any other name with the words of the role and C(task) fails, since tasks that
    do not run cost most. A known name with a number or another word at its end is only unknown.
  - As long as that variable is not set, a name such as C(after_tasks) or C(rotation_after_tasks) fails too.
  - It warns of C(max_age_days), C(max_failures) and C(settle_seconds) without the role's name, as long as the variable
    with the role's name is not set.
  - Files of tasks that the role includes later are parsed, so that a mistake in one is found before the role begins.
  - Required variables that are not set fail here, with a name that was probably meant. ansible-core would not know that
    name.
  - It shows no value of a variable and nothing of these files. It runs on the controller.
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  role:
    description: The role's short name, with which its variables begin.
    type: str
    required: true
  known:
    description: The variables that a user of the role can set.
    type: list
    elements: str
    required: true
  own:
    description:
      - Variables that the role itself sets. A user may have them too, with no warning, but a name that resembles one of
        them is not refused.
      - One of them that differs in a single letter from an O(required) variable that is not set counts as misspelled.
    type: list
    elements: str
    default: []
  not_extra:
    description:
      - Variables that must not be extra variables, because those would take precedence over what the role sets. Nor may
        any variable whose name begins with C(__) and the role's name.
    type: list
    elements: str
    default: []
  required:
    description: Variables that must be set.
    type: list
    elements: str
    default: []
  not_null:
    description:
      - Variables that limit what the role does, and that must not be null. One that has no value by mistake would
        remove the limit.
    type: list
    elements: str
    default: []
  task_files:
    description:
      - The full path of each file of tasks, by the variable in which it is given. A file that does not exist, that is
        no YAML or has no tasks, or that has a task which Ansible cannot parse, such as one with an unknown module,
        fails.
      - So does a C(meta) task with C(end_play), C(end_batch) or C(end_host), which would end the role too. Files that
        these import or include are not searched for it.
      - A value that is no path fails, and is not shown.
      - If there is any, and Ansible would connect to V(localhost), V(127.0.0.1) or V(::1) by another connection plugin
        than C(ansible.builtin.local), the module warns. If that fails, the role has done its work by then.
    type: dict
    default: {}
  not_within:
    description: A variable that is set only while the role runs tasks of its user. There, the role itself must not run.
    type: str
"""

EXAMPLES = r"""
- name: Refuse misspelled variables of a role
  rpaops.uipath.uipath_role_variables:
    role: rotate_passwords
    known:
      - rotate_passwords_accounts
      - rotate_passwords_store
      - rotate_passwords_after_tasks
    own:
      - rotate_passwords_result
    required:
      - rotate_passwords_accounts
    not_null:
      - rotate_passwords_only
    task_files:
      rotate_passwords_after_tasks: "{{ playbook_dir }}/tell_consumers.yml"
"""

RETURN = r"""
msg:
  description:
    - The misspelled names, each with the known name, the variables that are missing or null, and what is wrong with the
      files. May be empty.
  returned: always
  type: str
  sample: "rotate_passwords_after_task: no such variable, did you mean rotate_passwords_after_tasks?"
misspelled:
  description: The known name for each misspelled one.
  returned: unless the options are not valid
  type: dict
  sample:
    rotate_passwords_after_task: rotate_passwords_after_tasks
unknown:
  description: Names that begin with the role's name, but are no near misses.
  returned: unless the options are not valid
  type: list
  elements: str
unprefixed:
  description:
    - Names without that of the role, such as C(max_age_days), each with the name of the role's variable, which is not
      set.
  returned: unless the options are not valid
  type: dict
check_mode:
  description: Whether this task, and so the role, runs in check mode. C(ansible_check_mode) does not know the keyword
    C(check_mode) of the play's tasks.
  returned: unless the options are not valid
  type: bool
"""
