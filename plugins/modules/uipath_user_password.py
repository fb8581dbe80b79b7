#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_user_password
short_description: Change the passwords of local UiPath users
version_added: 0.1.0
description:
  - Changes the passwords of local users of the UiPath Identity server, of one user or of thousands in one task, with
    the documented operation that requires the old password.
  - Directory users, robot accounts and groups have no password there. Given by O(user_id), they end as
    V(wrong_password) or, where the server has a code for them, as V(refused).
  - The server may count every wrong password as a failed sign-in, and Automation Cloud locks an account for 30 days
    after 10 of them. A user whose old password is wrong may cost two failed sign-ins per run, three if an answer is
    lost, and one with O(update_password=always).
  - When the server rejects the old password, the module sends the new one as both old and new password. That changes
    nothing, and succeeds only while the new one is in effect. So a repeated run reports V(already_set). It costs a
    failed sign-in, ends the user's sessions, and may add an entry to the password history.
  - A password history rejects the new password while it is in effect, with a code that UiPath does not document. Then
    the module sends one more request, with a random password as both old and new password, which cannot be applied. If
    the server rejects that as a wrong password, the new password is in effect. One user of a task, chosen at random,
    carries this request for all whose new passwords were rejected with the same codes. Any other answer makes them end
    as V(unknown).
  - A repeated run adds failed sign-ins until the user signs in. The module warns if it found the new passwords of more
    than half of its users in effect.
  - So schedule rotations, each with its own pair of passwords. Do not schedule the same task repeatedly.
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
  - rpaops.uipath.connection
attributes:
  check_mode:
    support: full
    details:
      - Checks the input, signs in with O(client_id) and O(client_secret), and looks up names. Whether a password is in
        effect cannot be read, so the status is V(would_change) even where the real run would find V(already_set) or
        V(wrong_password).
  diff_mode:
    support: full
    details:
      - The difference shows the users by RV(label), with the constants V(old password) and V(new password).
  idempotent:
    support: partial
    details:
      - A second run finds that the new password is already in effect. It cannot with O(update_password=always), or
        where the server looks at the password history, or compares the two passwords, before it looks at the old one.
options:
  user_id:
    description:
      - The id of one user. Any string that the server accepts, usually a UUID.
      - Needs O(old_password) and O(new_password). Mutually exclusive with O(user_name) and O(users).
      - Needs no look-up, so the token needs no scope for reading.
    type: str
  user_name:
    description:
      - The user name or e-mail address of one user, in place of O(user_id). Matched exactly, ignoring case.
      - All names of a task are looked up before the first password is sent. The whole input is rejected if a name fits
        no user, two users, a user without a password on this server, or an inactive user.
      - Needs O(partition_id), unless the access token names the organization, and the scope C(PM.User) or
        C(PM.User.Read) besides C(PM.User.Write).
    type: str
  old_password:
    description: The password in effect now. Never taken from the environment.
    type: str
  new_password:
    description: The password to set. If it equals O(old_password), nothing is sent.
    type: str
  users:
    description:
      - Many users, in one task. Give this option a list from a vaulted variable rather than looping over the
        module, which is many times slower and shows loop items at higher verbosity.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The user's id. Required, unless there is a user_name.
        type: str
      user_name:
        description: The user's name or e-mail address, as O(user_name).
        type: str
      old_password:
        description: The password in effect now. Required.
        type: str
      new_password:
        description: The password to set. Required.
        type: str
  update_password:
    description:
      - V(when_changed) finds out whether the new password is already in effect when the server rejects the old one, and
        sends the same pair once more when an answer was lost.
      - V(always) sends the pair once, and nothing else.
    type: str
    choices: [when_changed, always]
    default: when_changed
  concurrency:
    description: How many users to work on at the same time, V(1) to V(64).
    type: int
    default: 4
  max_failures:
    description:
      - Start no further users once this many have failed, with any status. V(0) turns this limit and the next one off.
      - Without it, the task stops after three users in a row, in order of completion, that end as V(wrong_password),
        V(unknown), V(unauthorized), V(unreachable) or V(throttled), in any combination. So an outdated file of
        passwords does not lock every account.
      - Whatever the value, V(wrong_url) and a token that the server does not accept stop the task, because every other
        user would get the same answer. A change that the server forbids may concern one user only.
    type: int
  settle_seconds:
    description:
      - How long to wait after a lost answer before the same pair is sent again. The server may still be applying
        the first request. In seconds, at most V(86400).
    type: float
    default: 5
seealso:
  - module: rpaops.uipath.uipath_user_info
  - name: Update User Password
    description: The operation in UiPath's API guide.
    link: https://docs.uipath.com/orchestrator/standalone/2024.10/api-guide/update-user-password
"""

EXAMPLES = r"""
- name: Change one password
  rpaops.uipath.uipath_user_password:
    identity_url: https://orchestrator.example.com/identity
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    user_id: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
    old_password: "{{ vault_old_password }}"
    new_password: "{{ vault_new_password }}"

- name: Change the password of a user by user name
  rpaops.uipath.uipath_user_password:
    identity_url: https://automation.example.com/acme/identity_
    partition_id: 7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    user_name: jane.doe@example.com
    old_password: "{{ vault_old_password }}"
    new_password: "{{ vault_new_password }}"

- name: Change many passwords in one task
  rpaops.uipath.uipath_user_password:
    identity_url: https://cloud.uipath.com/acme/identity_
    access_token: "{{ vault_uipath_access_token }}"
    users: "{{ vault_uipath_users }}" # a list of user_id or user_name, old_password and new_password
    concurrency: 8
    max_failures: 10
  register: rotation

- name: Show the users that failed
  ansible.builtin.debug:
    msg: "{{ item.label }}: {{ item.msg }}"
  loop: "{{ rotation.results | selectattr('failed') }}"
  loop_control:
    label: "{{ item.label }}"

- name: Show how many users ended with which status
  ansible.builtin.debug:
    var: rotation.counts

- name: Set the connection once for all modules of a play
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/rpaops.uipath.uipath:
      identity_url: https://automation.example.com/acme/identity_
      client_id: "{{ vault_uipath_client_id }}"
      client_secret: "{{ vault_uipath_client_secret }}"
  tasks:
    - name: Change one password
      rpaops.uipath.uipath_user_password:
        user_id: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
        old_password: "{{ vault_old_password }}"
        new_password: "{{ vault_new_password }}"
"""

RETURN = r"""
msg:
  description:
    - What happened and, after a failure, what to do next. The server's own message is quoted with every secret masked.
  returned: always
  type: str
  sample: The password was changed.
label:
  description: "The name by which messages refer to the user: the user name, else the id."
  returned: when O(user_id) or O(user_name) is given
  type: str
  sample: jane.doe@example.com
user_id:
  description: The user's id, as given or as found for the name. V(null) if the name could not be looked up.
  returned: when O(user_id) or O(user_name) is given
  type: str
  sample: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
user_name:
  description: The user's name, as given, or V(null) for a user given by id.
  returned: when O(user_id) or O(user_name) is given
  type: str
  sample: jane.doe@example.com
status:
  description:
    - How the user ended.
    - V(changed) - the server confirmed the change.
    - V(already_set) - the new password is already in effect, and was not changed. If both passwords are equal, nothing
      was sent, and this was not checked.
    - V(would_change) - in check mode, the change would be attempted.
    - V(wrong_password) - the server does not accept the old password. Without O(update_password=always), it does not
      accept the new one either.
    - V(policy_rejected) - the new password breaks the server's rules; nothing was changed.
    - V(refused) - the server rejected the change for another reason, which RV(error_codes) and RV(msg) give.
    - V(not_found) - there is no such user on the server.
    - V(unauthorized) - the server does not accept the caller, which stops the task, or forbids the operation.
    - V(wrong_url) - something other than the Identity API answers at O(identity_url). Stops the task.
    - V(throttled) - the server kept answering 429 (Too Many Requests) until the retries were used up, or asked to wait
      for more than 300 seconds in all. Nothing was applied.
    - V(unreachable) - the request could not be sent. Nothing was applied.
    - V(unknown) - it is not known whether the password was changed. RV(msg) describes how to find out.
    - V(not_attempted) - the task stopped before this user's turn. Nothing was sent.
    - A task that ends before its first user, also with O(users), has no results and another status. It is
      C(invalid_input) where the input is rejected, C(interrupted), or one of C(not_found), C(list_changed) and
      C(unexpected_answer) where names could not be looked up, as in
      RV(rpaops.uipath.uipath_user_info#module:status). No password was sent then. C(defect) is a defect of the
      collection; run the task again with the same passwords.
  returned: when O(user_id) or O(user_name) is given
  type: str
  sample: changed
http_status:
  description: The HTTP status of the last answer, or V(null) where there was none.
  returned: when O(user_id) or O(user_name) is given
  type: int
  sample: 200
error_codes:
  description: The server's error codes, such as V(PasswordMismatch) or V(PasswordTooShort). Empty if the user
    succeeded.
  returned: when O(user_id) or O(user_name) is given
  type: list
  elements: str
  sample: []
trace_id:
  description: The id of the failed request in the server's log, or V(null) where the server names none.
  returned: when O(user_id) or O(user_name) is given
  type: str
  sample: 00-84c1fd4063c38d9f3900d06e56542d48-85d1d4-00
attempts:
  description: How many change-password requests were sent or attempted for the user, retries included.
  returned: when O(user_id) or O(user_name) is given
  type: int
  sample: 1
results:
  description: One entry per entry of O(users), in the same order, also when the task fails.
  returned: when O(users) is given
  type: list
  elements: dict
  contains:
    label:
      description: As RV(label).
      type: str
    user_id:
      description: As RV(user_id).
      type: str
    user_name:
      description: As RV(user_name).
      type: str
    status:
      description: As RV(status).
      type: str
    changed:
      description: Whether this user's password was changed, or would be in check mode.
      type: bool
    failed:
      description: Whether this user makes the task fail. V(true) unless the status is V(changed), V(already_set) or
        V(would_change), so also for V(not_attempted).
      type: bool
    http_status:
      description: As RV(http_status).
      type: int
    error_codes:
      description: As RV(error_codes).
      type: list
      elements: str
    trace_id:
      description: As RV(trace_id).
      type: str
    attempts:
      description: As RV(attempts).
      type: int
    msg:
      description: As RV(msg), about this user.
      type: str
counts:
  description: How many users ended with each status. Every status of RV(status) is a key.
  returned: when O(users) is given
  type: dict
  sample:
    changed: 41
    already_set: 1
    would_change: 0
    wrong_password: 0
    policy_rejected: 0
    refused: 0
    not_found: 0
    unauthorized: 0
    wrong_url: 0
    throttled: 0
    unreachable: 0
    unknown: 0
    not_attempted: 0
"""

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    LONGEST_OPTION,
    SIGN_IN_EXCLUSIONS,
    connection_argument_spec,
    range_problems,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    RequestError,
    Throttled,
    Unauthorized,
    Unreachable,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import comparable
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import (
    PasswordAnswer,
    change_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._module import UiPathModule, reader_is_gone, register_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import (
    PasswordChange,
    Verdict,
    set_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.batch import Batch
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import (
    duplicates,
    identity_problems,
    password_problems,
    prepared,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.results import (
    difference,
    repeated_run_warning,
    task_result,
    user_result,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import SUCCEEDED, Status
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import (
    CircuitBreaker,
    Stop,
    stop_reason,
)

# Without max_failures, so many users in a row that end with one of these statuses stop the task.
FAILURES_IN_A_ROW = 3
STOPPING_STATUSES: frozenset[Status] = frozenset(
    {"wrong_password", "unknown", "unauthorized", "unreachable", "throttled"}
)


def argument_spec() -> dict[str, dict[str, Any]]:
    def pair() -> dict[str, dict[str, Any]]:
        return {
            "user_id": {"type": "str"},
            "user_name": {"type": "str"},
            "old_password": {"type": "str", "no_log": True},
            "new_password": {"type": "str", "no_log": True},
        }

    return {
        **connection_argument_spec(),
        **pair(),
        "users": {"type": "list", "elements": "dict", "options": pair()},
        "update_password": {
            "type": "str",
            "choices": ["when_changed", "always"],
            "default": "when_changed",
            "no_log": False,
        },
        "concurrency": {"type": "int", "default": 4},
        "max_failures": {"type": "int"},
        "settle_seconds": {"type": "float", "default": 5.0},
    }


def input_problems(options: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with the module's own options, by index and without values."""
    ranges = {"concurrency": (1, 64), "max_failures": (0, math.inf), "settle_seconds": (0, LONGEST_OPTION)}
    problems = range_problems(options, ranges)
    if options["users"] is None:
        return problems + user_problems("", options)
    stray = [name for name in ("old_password", "new_password") if options[name] is not None]
    problems += [f"{name} cannot be combined with users: set it in each entry of users" for name in stray]
    for index, user in enumerate(options["users"]):
        problems += user_problems(f"users[{index}].", user)
    problems += duplicates((user["user_id"] or "" for user in options["users"]), "users")
    return problems + duplicates((comparable(user["user_name"] or "") for user in options["users"]), "users")


def user_problems(place: str, user: dict[str, Any]) -> list[str]:
    problems = identity_problems(place, user)
    for name in ("old_password", "new_password"):
        if user[name] is None:
            problems.append(f"{place}{name} is missing")
        problems += password_problems(f"{place}{name}", user[name], is_new=name == "new_password")
    return problems


def requested_changes(options: dict[str, Any]) -> list[PasswordChange]:
    users = [options] if options["users"] is None else options["users"]
    return [
        PasswordChange(user["user_id"] or "", user["old_password"], user["new_password"], user["user_name"])
        for user in users
    ]


def run(
    changes: Sequence[PasswordChange],
    client: Client,
    *,
    check_mode: bool,
    probe: bool,
    concurrency: int = 1,
    max_failures: int | None = None,
    wait: Callable[[], None],
    cancelled: Callable[[], bool],
) -> list[dict[str, Any]]:
    """Set the passwords, or predict it, and return one result per change, in order."""
    breaker: CircuitBreaker[Status] = CircuitBreaker(
        noun="user", statuses=STOPPING_STATUSES, in_a_row=FAILURES_IN_A_ROW, max_failures=max_failures
    )

    def send(change: PasswordChange, old: str, new: str) -> PasswordAnswer:
        return change_password(client, change.user_id, old, new, secrets={change.old, change.new, old, new})

    def attempt(change: PasswordChange) -> Verdict:
        if check_mode and change.old != change.new:
            return Verdict("would_change", "would_change")
        return set_password(change, functools.partial(send, change), wait, probe=probe)

    def judge(verdict: Verdict) -> Stop | None:
        failed = verdict.status not in SUCCEEDED
        return breaker.record(verdict.status, failed=failed, stopped_by=verdict.stopped_by)

    batch = Batch(changes, attempt, send, judge, cancelled, concurrency)
    batch.run()
    reason = batch.stop.reason if batch.stop else "the task ended"
    verdicts = [verdict or unfinished(started, reason) for verdict, started in zip(batch.verdicts, batch.started)]
    return [user_result(change, verdict) for change, verdict in zip(changes, verdicts)]


def refused_results(changes: Sequence[PasswordChange], error: RequestError) -> list[dict[str, Any]]:
    """Return the results where nothing was sent, because signing in or looking up names failed."""
    first = Verdict(error.status, error.status, error=error)
    rest = unfinished(False, stop_reason("user", error.status))
    return [user_result(change, rest if index else first) for index, change in enumerate(changes)]


def unfinished(started: bool, reason: str) -> Verdict:
    if started:
        return Verdict("unknown", "unknown", reason=f"The task stopped waiting for the answer because {reason}.")
    message = f"The task stopped before this user's turn because {reason}. Nothing was sent."
    return Verdict("not_attempted", "not_attempted", reason=message)


def main() -> None:
    module = UiPathModule(
        argument_spec=argument_spec(),
        mutually_exclusive=[*SIGN_IN_EXCLUSIONS, ("user_id", "users"), ("user_name", "users")],
        supports_check_mode=True,
    )
    options = module.params

    def change_passwords() -> dict[str, Any]:
        client = module.client(input_problems(options), connections=options["concurrency"])
        many = options["users"] is not None
        requested = requested_changes(options)
        try:
            changes = prepared(requested, client, options["partition_id"])
        except (Unauthorized, WrongUrl, Throttled, Unreachable) as error:
            return task_result(refused_results(requested, error), many=many)
        register_forms([secret for change in changes for secret in (change.old, change.new)])
        results = run(
            changes,
            client,
            check_mode=module.check_mode,
            probe=options["update_password"] == "when_changed",
            concurrency=options["concurrency"],
            max_failures=options["max_failures"],
            wait=lambda: time.sleep(options["settle_seconds"]),
            cancelled=reader_is_gone,
        )
        if warning := repeated_run_warning(results):
            module.warn(warning)
        result = task_result(results, many=many)
        return {**result, "diff": difference(results)} if module._diff else result

    module.conclude(change_passwords)


if __name__ == "__main__":
    main()
