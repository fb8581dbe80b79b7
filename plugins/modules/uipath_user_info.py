#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_user_info
short_description: Find UiPath users by name, e-mail address or id
version_added: 0.1.0
description:
  - Reads users of the UiPath Identity server, by user name, by e-mail address, by id, or all of an organization.
  - Names are matched exactly, ignoring case, against all users of the organization. Any number of names costs one
    request per thousand users. Automation Cloud allows 300 such requests in five minutes.
  - The token needs the scope C(PM.User) or C(PM.User.Read).
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
  - rpaops.uipath.connection
attributes:
  check_mode:
    support: full
    details:
      - Reads as it does outside check mode. Never writes.
  diff_mode:
    support: none
    details:
      - Changes nothing.
  idempotent:
    support: full
options:
  names:
    description:
      - User names or e-mail addresses to find.
      - A name that fits two users is an error, which names both ids.
      - If neither this nor O(user_ids) is set, all users are returned. An empty list finds no user.
    type: list
    elements: str
  user_ids:
    description: Ids of users to find. Up to 10 of them, without O(names), need no O(partition_id).
    type: list
    elements: str
  include:
    description: Return only some of the users found. A user left out here does not count as missing.
    type: dict
    suboptions:
      active:
        description: Only active users (V(true)), or only inactive ones (V(false)).
        type: bool
      type:
        description: Only users of these types.
        type: list
        elements: str
        choices: [user, robot, directoryUser, directoryGroup, robotAccount, application]
  login_attempts:
    description:
      - Whether to read how each user found last signed in, in one more request per user.
      - Needs the scope C(PM.UserLoginAttempt) or C(PM.UserLoginAttempt.Read) as well. Where the sign-ins of a user
        cannot be read, RV(users[].login_attempts) is V(null), and the task warns. It asks about no further users after
        three in a row whose sign-ins it could not read.
    type: bool
    default: false
  fail_on_missing:
    description: Whether the task fails if a name or id is not found.
    type: bool
    default: false
seealso:
  - module: rpaops.uipath.uipath_user_password
"""

EXAMPLES = r"""
- name: Find two users
  rpaops.uipath.uipath_user_info:
    identity_url: https://cloud.uipath.com/acme/identity_
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    names:
      - svc-robot-1
      - jane.doe@example.com
    fail_on_missing: true
  register: found

- name: Show their ids
  ansible.builtin.debug:
    msg: "{{ found.users | items2dict(key_name='user_name', value_name='id') }}"

- name: See whether failed sign-ins are about to lock a user
  rpaops.uipath.uipath_user_info:
    identity_url: https://cloud.uipath.com/acme/identity_
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    user_ids: [2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d]
    login_attempts: true
  register: found
  failed_when: found.users[0].login_attempts.failures_since | default(0) > 5

- name: List all active local users
  rpaops.uipath.uipath_user_info:
    identity_url: https://orchestrator.example.com/identity
    access_token: "{{ vault_uipath_access_token }}"
    partition_id: 7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10
    include:
      active: true
      type: [user]
"""

RETURN = r"""
users:
  description:
    - The users found, each once. Requested users are in the order of O(names) and O(user_ids), all users in the order
      of their user names.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id, as O(rpaops.uipath.uipath_user_password#module:user_id) takes it.
      type: str
      sample: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
    user_name:
      description: The user name.
      type: str
      sample: jane.doe
    email:
      description: The e-mail address, or V(null).
      type: str
      sample: jane.doe@example.com
    name:
      description: The first name, or V(null).
      type: str
      sample: Jane
    surname:
      description: The last name, or V(null).
      type: str
      sample: Doe
    display_name:
      description: The name that UiPath displays, or V(null).
      type: str
      sample: Jane Doe
    type:
      description: V(user) for a local user, else V(robot), V(directoryUser), V(directoryGroup), V(robotAccount) or
        V(application).
      type: str
      sample: user
    is_active:
      description: Whether the user may sign in.
      type: bool
      sample: true
    created:
      description: When the user was created, in ISO 8601 form.
      type: str
      sample: "2024-03-01T09:30:00Z"
    last_modified:
      description: When the user was last changed, in ISO 8601 form, or V(null).
      type: str
      sample: "2025-01-15T12:00:00Z"
    last_login:
      description: When the user last signed in, in ISO 8601 form, or V(null).
      type: str
      sample: "2025-06-30T06:45:10Z"
    password_changeable:
      description: Whether the user has a password on this server. Only local users have one.
      type: bool
      sample: true
    login_attempts:
      description: How the user last signed in, or V(null) where O(login_attempts=false) or it cannot be read.
      type: dict
      sample: {last_success: "2025-06-30T06:45:10Z", failures_since: 0, locked_out: false}
      contains:
        last_success:
          description: When the user last signed in with success, in ISO 8601 form, or V(null) where none of the newest
            1000 attempts succeeded.
          type: str
          sample: "2025-06-30T06:45:10Z"
        failures_since:
          description: How many attempts since then had a wrong password or met a lock. Whether the server lists
            rejected password changes among them is not documented.
          type: int
          sample: 0
        locked_out:
          description: Whether the newest attempt was rejected because the user was locked out.
          type: bool
          sample: false
missing:
  description: The names and ids that fit no user, spelled as they were given.
  returned: success, or a failure because of O(fail_on_missing)
  type: list
  elements: str
  sample: []
msg:
  description: How many users were found or, after a failure, what happened and what to do next.
  returned: always
  type: str
  sample: "Found: 2. Missing: 0."
status:
  description:
    - Why the task failed.
    - V(invalid_input) - the options cannot be used, or name no organization.
    - V(ambiguous) - a name fits more than one user.
    - V(list_changed) - users were added or deleted while the list was read. Run the task again.
    - V(not_found) - a name or id fits no user, and O(fail_on_missing=true). RV(missing) lists them. Without
      RV(missing), there is no organization with this O(partition_id) on the server.
    - V(unauthorized), V(wrong_url), V(throttled), V(unreachable) - as in
      RV(rpaops.uipath.uipath_user_password#module:status).
    - V(unexpected_answer) - the server's answer is not the documented one, or an error of the server.
    - V(interrupted) - the run was stopped.
    - V(defect) - a defect of the collection.
  returned: failure
  type: str
  sample: ambiguous
http_status:
  description: The HTTP status of the answer that made the task fail, or V(null).
  returned: failure
  type: int
  sample: 404
error_codes:
  description: The server's error codes.
  returned: failure
  type: list
  elements: str
  sample: []
trace_id:
  description: The id of the failed request in the server's log, or V(null).
  returned: failure
  type: str
  sample: 00-84c1fd4063c38d9f3900d06e56542d48-85d1d4-00
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    SIGN_IN_EXCLUSIONS,
    connection_argument_spec,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    FEW_IDS,
    User,
    by_name,
    comparable,
    demand_unambiguous,
    open_directory,
    read_users,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import is_path_segment
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.login_attempts import SignIns, recent_sign_ins
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import USER_TYPES, canonical_user_id
from ansible_collections.rpaops.uipath.plugins.module_utils._module import UiPathModule, failure

# After so many users in a row whose sign-ins cannot be read, the token probably lacks the scope, or the server fails.
UNREADABLE = 3
UNREADABLE_SIGN_INS = (
    "The sign-ins of {0} of {1} users could not be read. If the token has neither the scope PM.UserLoginAttempt nor"
    " PM.UserLoginAttempt.Read, add one to the application."
)


def argument_spec() -> dict[str, dict[str, Any]]:
    return {
        **connection_argument_spec(),
        "names": {"type": "list", "elements": "str"},
        "user_ids": {"type": "list", "elements": "str"},
        "include": {
            "type": "dict",
            "options": {
                "active": {"type": "bool"},
                "type": {"type": "list", "elements": "str", "choices": list(USER_TYPES)},
            },
        },
        "login_attempts": {"type": "bool", "default": False},
        "fail_on_missing": {"type": "bool", "default": False},
    }


def input_problems(options: dict[str, Any]) -> list[str]:
    problems = []
    for name in ("names", "user_ids"):
        problems += [
            f"{name}[{index}] is empty" for index, value in enumerate(options[name] or ()) if not value.strip()
        ]
    for index, user_id in enumerate(options["user_ids"] or ()):
        if user_id.strip() and not is_path_segment(user_id):
            problems.append(f"user_ids[{index}] cannot be part of a URL")
    return problems


def run(
    client: Client, *, partition_id: str | None, names: list[str] | None, user_ids: list[str] | None
) -> tuple[list[User], list[str]]:
    """Return the users asked for, each once and in order, and the names and ids that fit no user."""
    if names is None and user_ids is None:
        return open_directory(client, partition_id).list_users(), []
    names, user_ids = names or [], user_ids or []
    if names or len(user_ids) > FEW_IDS:
        known = open_directory(client, partition_id).list_users()
    else:
        known = read_users(client, user_ids)
    named, identified = by_name(known), {canonical_user_id(user.id): user for user in known}
    demand_unambiguous(names, named)
    found = [*(named.get(comparable(name)) for name in names)]
    found += [[identified[user_id]] if user_id in identified else None for user_id in map(canonical_user_id, user_ids)]
    missing = [asked for asked, users in zip([*names, *user_ids], found) if not users]
    return list({user.id: user for users in found if users for user in users}.values()), missing


def is_included(user: User, include: dict[str, Any] | None) -> bool:
    wanted = include or {}
    active, types = wanted.get("active"), wanted.get("type")
    return (active is None or user.is_active == active) and (types is None or user.fields.get("type") in types)


def read_sign_ins(client: Client, users: list[User]) -> dict[str, SignIns]:
    """Return the sign-ins of the users by id, of those for whom they can be read."""
    found: dict[str, SignIns] = {}
    failures = 0
    for user in users:
        sign_ins = recent_sign_ins(client, user.id)
        if sign_ins:
            found[user.id] = sign_ins
        failures = 0 if sign_ins else failures + 1
        if failures == UNREADABLE:
            break
    return found


def task_result(
    users: list[User], missing: list[str], options: dict[str, Any], sign_ins: Mapping[str, SignIns]
) -> dict[str, Any]:
    if missing and options["fail_on_missing"]:
        return {**failure("not_found", f"No user has these names or ids: {', '.join(missing)}."), "missing": missing}
    shown = [
        {**user.shown(), "login_attempts": asdict(sign_ins[user.id]) if user.id in sign_ins else None} for user in users
    ]
    return {"users": shown, "missing": missing, "msg": f"Found: {len(shown)}. Missing: {len(missing)}."}


def main() -> None:
    module = UiPathModule(
        argument_spec=argument_spec(), mutually_exclusive=SIGN_IN_EXCLUSIONS, supports_check_mode=True
    )
    options = module.params

    def find() -> dict[str, Any]:
        client = module.client(input_problems(options))
        users, missing = run(
            client, partition_id=options["partition_id"], names=options["names"], user_ids=options["user_ids"]
        )
        users = [user for user in users if is_included(user, options["include"])]
        sign_ins = read_sign_ins(client, users) if options["login_attempts"] else {}
        if options["login_attempts"] and len(sign_ins) < len(users):
            module.warn(UNREADABLE_SIGN_INS.format(len(users) - len(sign_ins), len(users)))
        return task_result(users, missing, options, sign_ins)

    module.conclude(find)


if __name__ == "__main__":
    main()
