#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_password_store_info
short_description: Show the state of all accounts in a store of rotated passwords
version_added: 0.1.0
description:
  - Says of every account in the store of M(rpaops.uipath.uipath_password_rotation) in which state it is, when its
    password was last rotated and by whom, when it is due, and what a person should look at.
  - Returns no password. Changes nothing, neither in the store nor on the server.
  - Works offline. The server is not asked, so there are no connection options, and C(requests) is not needed. Defaults
    for the action group C(rpaops.uipath.uipath), which has the modules with a connection, do not apply here.
  - Of O(store), only what is needed to find and read it has to be given.
  - The module runs on the controller. In a play with several hosts, set C(run_once), or each host reads the store.
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
  - rpaops.uipath.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: rpaops.uipath.uipath_password_rotation
  - plugin: rpaops.uipath.uipath_password
    plugin_type: lookup
options:
  accounts:
    description:
      - The list of accounts that is rotated, to compare the store with. With it, RV(accounts[].listed) says which
        accounts are in it, and RV(missing) which have no record.
      - The list of a rotation can be given as it is. Only the keys below are read. Passwords are not needed.
      - Each entry needs at least one of the keys. O(accounts[].user_id) decides if it is given. Otherwise the recorded
        user names and labels are searched.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The user's id.
        type: str
      user_name:
        description: The user name or e-mail address.
        type: str
      name:
        description: Your own label for the account.
        type: str
  max_age_days:
    description: An account is due when its password is this old. Give the same value as to the rotation.
    type: float
    default: 90
  fail_on:
    description:
      - Makes the task fail if there are such accounts, for monitoring. The message names up to 20 of each kind, and
        the result is complete all the same.
      - V(overdue) - due for more than a day, or of unknown age.
      - V(closed) - V(out_of_sync) or V(quarantined), so that no run tries them until a person repairs them.
      - V(in_doubt) - it is not established which password is live. The next run finds out.
      - V(undelivered) - no run has noted that the consumers have the current password, so one may lack it.
      - V(unlisted) - in the store, but not in O(accounts), which is required then.
      - V(missing) - in O(accounts), which is required then, but not in the store. No run has begun it, or the store is
        another one.
      - With any of them, the task also fails if a record cannot be read, or if one is gone that was there.
    type: list
    elements: str
    choices: [overdue, closed, in_doubt, undelivered, unlisted, missing]
    default: []
  verify:
    description:
      - Whether to decrypt every record. By default, what the store has cached is used for accounts with nothing to do.
        The cache of the type V(vault_file) is encrypted like the records, and is used for an account only as long as
        its file is unchanged.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the state of all accounts
  rpaops.uipath.uipath_password_store_info:
    store:
      path: ~/uipath-passwords
  register: passwords

- name: Show what to look at
  ansible.builtin.debug:
    var: passwords.problems

- name: Fail if accounts need attention, or if the store has accounts that are not rotated
  rpaops.uipath.uipath_password_store_info:
    store:
      path: ~/uipath-passwords
    accounts: "{{ uipath_accounts }}"
    max_age_days: 60
    fail_on: [overdue, closed, in_doubt, undelivered, unlisted, missing]
"""

RETURN = r"""
msg:
  description: The number of accounts and the first problem. If O(fail_on) makes the task fail, one sentence for each
    kind of accounts that does.
  returned: always
  type: str
  sample: 42 accounts, nothing to look at.
time:
  description: When the store was read, in ISO 8601, in UTC, as all times here.
  returned: unless the whole task failed
  type: str
  sample: "2026-05-01T12:00:00+00:00"
by:
  description: Who read it. The user and the controller, or the job of AWX with its template, as in
    RV(accounts[].rotations[].by).
  returned: unless the whole task failed
  type: str
  sample: ops@controller1
collection_version:
  description: The version of the collection, which defines this format. V(null) if it cannot be read.
  returned: unless the whole task failed
  type: str
  sample: 0.1.0
store:
  description: Which store it is. Of the type V(vault_file), its path, of the others the place of the secrets.
  returned: unless the whole task failed
  type: str
  sample: /home/ops/uipath-passwords
identity_url:
  description: The server that the records belong to. V(null) if no record can be read.
  returned: unless the whole task failed
  type: str
  sample: https://orchestrator.example.com/identity
max_age_days:
  description: The age at which a password is due.
  returned: unless the whole task failed
  type: float
  sample: 90.0
accounts:
  description: One entry per account in the store, in the order of their labels.
  returned: unless the whole task failed
  type: list
  elements: dict
  contains:
    label:
      description: Your own label for the account, else its user name, else the user's id, as recorded.
      type: str
      sample: svc-robot-1
    user_id:
      description: The user's id.
      type: str
      sample: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
    user_name:
      description: The user name, if it is recorded.
      type: str
      sample: svc-robot-1
    status:
      description:
        - V(ok) - the current password is the live one, as far as the store knows.
        - V(in_doubt) - it is not established which password is live. The next run finds out. This is also the status
          of an account whose last request was not answered, although its record may still say V(ok).
        - V(out_of_sync) - it is not known which password is live. A person has to repair the account.
        - V(quarantined) - the account is no longer tried, so that the server does not lock it. A person has to repair
          the account.
        - V(moved) - the store is not in charge of the account, which M(rpaops.uipath.uipath_password_store_copy) has
          moved to another store, or has not moved here completely. RV(accounts[].msg) names the other store. Nothing is
          due or pending then.
        - V(unreadable) - the record cannot be read, it is older than the last one written, as after a restore, or it is
          gone although an earlier run wrote it. RV(accounts[].msg) says which. The lists below are empty then, and all
          other fields except RV(accounts[].label), RV(accounts[].user_id), RV(accounts[].listed) and, of an older
          record, RV(accounts[].user_name) are V(null).
      type: str
      sample: ok
    reason:
      description: Why the account is V(out_of_sync) or V(quarantined), as in
        RV(rpaops.uipath.uipath_password_rotation#module:accounts[].reason), else V(null).
      type: str
      sample: wrong_password
    error_codes:
      description: The server's error codes that led to V(out_of_sync) or V(quarantined).
      type: list
      elements: str
      sample: [PasswordMismatch]
    pending:
      description: Whether a change is under way that the next run completes.
      type: bool
      sample: false
    pending_since:
      description: When that change was recorded, or V(null).
      type: str
      sample: "2026-05-01T11:58:20+00:00"
    last_rotated:
      description: When the current password was set by a rotation. V(null) for an initial password, or if the record
        does not say it.
      type: str
      sample: "2026-04-01T02:00:00+00:00"
    source:
      description: V(rotated) if a rotation made the current password, V(adopted) if it was given, as an initial one is.
      type: str
      sample: rotated
    age_days:
      description: The age of the current password in days. V(null) if it is not known.
      type: float
      sample: 30.42
    next_due:
      description: When the password is due, from O(max_age_days). An initial password is due since it was recorded.
        V(null) if it is not known, or later than the year 9999.
      type: str
      sample: "2026-06-30T02:00:00+00:00"
    due:
      description: Whether a run has something to do. The password is due, its age is not known, or a change is pending.
      type: bool
      sample: false
    overdue:
      description: Whether the password has been due for more than a day, or its age is not known.
      type: bool
      sample: false
    delivered:
      description: Whether a run has noted that the consumers were given the current password. V(null) if the record
        knows of no consumers, or cannot be read.
      type: bool
      sample: true
    delivered_at:
      description: When the last delivery was noted, also if it was that of an earlier password, or V(null).
      type: str
      sample: "2026-04-01T02:00:09+00:00"
    generation:
      description: How often the record was written.
      type: int
      sample: 7
    unproven_sends:
      description: How many requests since the last proven password may have counted as failed sign-ins.
      type: int
      sample: 0
    rotations:
      description: The last three rotations, the newest first.
      type: list
      elements: dict
      sample: [{at: "2026-04-01T02:00:00+00:00", by: AWX job 812 (Rotate passwords)}]
      contains:
        at:
          description: When it was recorded.
          type: str
          sample: "2026-04-01T02:00:00+00:00"
        by:
          description: The user and the controller, or the job of AWX with its template.
          type: str
          sample: AWX job 812 (Rotate passwords)
    listed:
      description: Whether the account is in O(accounts). V(null) without that option, and if the record cannot be read
        and no entry has its user id.
      type: bool
      sample: true
    msg:
      description: What to look at and what to do, of several things the most urgent one. V(null) if there is nothing.
      type: str
      sample: "The password has been due for more than a day: check that scheduled runs rotate this account."
missing:
  description:
    - The entries of O(accounts) that have no record in the store, by their label, user name or id. An entry with a
      O(accounts[].user_id) is not named as another account in the store is, but by its id.
    - Entries without a user id that may all mean records which cannot be read are not among them, but in RV(problems).
  returned: unless the whole task failed
  type: list
  elements: str
  sample: [svc-robot-9]
counts:
  description: The number of accounts, of those with each status, of those that are pending, due, overdue, undelivered
    or unlisted, and of missing entries.
  returned: unless the whole task failed
  type: dict
  contains:
    accounts:
      description: All accounts in the store.
      type: int
      sample: 42
    ok:
      description: Those whose status is V(ok).
      type: int
      sample: 41
    in_doubt:
      description: Those whose status is V(in_doubt).
      type: int
      sample: 1
    out_of_sync:
      description: Those whose status is V(out_of_sync).
      type: int
      sample: 0
    quarantined:
      description: Those whose status is V(quarantined).
      type: int
      sample: 0
    moved:
      description: Those whose status is V(moved).
      type: int
      sample: 0
    unreadable:
      description: Those whose status is V(unreadable).
      type: int
      sample: 0
    pending:
      description: Those with a change under way.
      type: int
      sample: 1
    due:
      description: Those for which a run has something to do.
      type: int
      sample: 2
    overdue:
      description: Those that have been due for more than a day, or whose age is not known.
      type: int
      sample: 0
    undelivered:
      description: Those of which a consumer may lack the current password.
      type: int
      sample: 0
    unlisted:
      description: Those that are not in O(accounts). V(0) without that option.
      type: int
      sample: 0
    missing:
      description: The entries of O(accounts) without a record.
      type: int
      sample: 1
problems:
  description: What a person should look at and do, the most urgent first. One sentence for each kind of accounts, which
    names up to 20 of them, sometimes with one more on what they may be, and what the store says of each record that is
    gone, of up to 20. The remark of an account is its RV(accounts[].msg).
  returned: unless the whole task failed
  type: list
  elements: str
  sample:
    - "Due for more than a day: svc-robot-1, svc-robot-2; check that scheduled runs rotate the accounts."
failures:
  description: Those of RV(problems) that make the task fail because of O(fail_on).
  returned: unless the whole task failed
  type: list
  elements: str
  sample: []
status:
  description:
    - Why the task failed as a whole.
    - V(invalid_input) - an option is not valid.
    - V(store_error) - the store, or every record in it, cannot be used.
    - V(defect) - an error in the collection.
  returned: when the whole task failed
  type: str
  sample: store_error
http_status:
  description: The HTTP status that the store's server answered, or V(null).
  returned: when the whole task failed
  type: int
  sample: 403
error_codes:
  description: The error codes of the store's server.
  returned: when the whole task failed
  type: list
  elements: str
  sample: []
trace_id:
  description: The id of the failed request in the log of the store's server, or V(null).
  returned: when the whole task failed
  type: str
"""
