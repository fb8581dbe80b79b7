#!/usr/bin/python
# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uipath_password_rotation
short_description: Rotate the passwords of local UiPath users without losing one
version_added: 0.1.0
description:
  - Gives local users of the UiPath Identity server new random passwords when they are due, and keeps them in a store.
  - A new password is durable in the store before it is sent. A run that is killed at any instant leaves the live
    password in the store, and the next run completes the change.
  - The module runs on the controller, once per play. In a play with several hosts, set C(run_once).
  - A run that takes long displays its progress on standard error, with numbers only, about every 10 seconds and before
    it waits for O(settle_seconds).
author:
  - rpaops.uipath contributors (@rpaops)
extends_documentation_fragment:
  - rpaops.uipath.attributes
  - rpaops.uipath.connection
  - rpaops.uipath.store
attributes:
  check_mode:
    support: full
    details:
      - Plans every account from the store. Changes nothing in the store, and sends no password.
      - If an account would be rotated, it signs in, verifies user names and reads the password policy, as in a normal
        run.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - An account that is not due is left alone. With O(force=true) or O(max_age_days=0), every account is due.
      - O(state=redeliver) requests every delivery again.
seealso:
  - plugin: rpaops.uipath.uipath_password
    plugin_type: lookup
  - module: rpaops.uipath.uipath_user_password
options:
  accounts:
    description: The accounts to rotate.
    type: list
    elements: dict
    required: true
    suboptions:
      user_id:
        description: The user's id. Required unless O(accounts[].user_name) is given.
        type: str
      user_name:
        description:
          - The user name or e-mail address. It is looked up at the server if no record in the store has it, or if the
            account is due. If it then belongs to another user than the recorded one, the account ends as
            V(name_conflict), and nothing is sent for it. Without the right to list users, the task warns and uses the
            recorded user.
        type: str
      name:
        description:
          - Your own label for the account. Must be unique in the store, and no other account's user name.
          - A new label or user name is saved at once if nothing is due, with O(state=rotated), O(state=present) and
            O(state=resumed). The account ends as V(renamed). Otherwise, it is saved with the account's next change. A
            user name is new only if the server has just named the user with it.
          - Accounts of the list may exchange their labels. Such a label is given once nothing else is to be done for
            the account that has it. Until then, the accounts keep their present labels, and the task warns.
        type: str
      initial_password:
        description:
          - The live password of an account that has no record yet. It is used once, and ignored afterwards.
          - With O(state=adopted), the password that is live now.
        type: str
      generation:
        description:
          - With O(state=delivered), the RV(accounts[].generation) of the password that the consumers were given. If the
            store has a newer password, or O(state=redeliver) came later, the account ends as V(superseded) and its
            delivery is due. A generation that the store has not reached is refused.
        type: int
  only:
    description:
      - Work on these O(accounts) only. Each entry is a name, user name or user id.
      - Use it for repairs with O(state=adopted), O(state=resumed) or O(force=true), which otherwise apply to all
        accounts.
    type: list
    elements: str
  state:
    description:
      - V(rotated) completes changes that an earlier run left unfinished, and rotates the passwords that are due.
      - V(present) records the initial passwords of accounts without a record. No password is sent to the server.
      - V(resumed) only completes unfinished changes. With O(force=true) it also tries the recorded passwords of
        accounts that are V(out_of_sync) or V(quarantined), up to two wrong ones per account and run, and up to 8
        requests without a proof over all such runs.
      - V(adopted) uses O(accounts[].initial_password) as the live password of accounts that are V(out_of_sync),
        V(quarantined) or without a record, and rotates them. Other accounts are left alone. A password that was adopted
        before and rejected is tried again only with O(force=true).
      - An account whose live password is not known ends as V(in_doubt), V(out_of_sync) or V(quarantined) in every
        state that does not work on it.
      - V(delivered) notes that the consumers have the password.
      - V(redeliver) notes that the consumers have to be told the password again, also if its delivery is due already.
        Nothing is rotated or sent.
    type: str
    choices: [rotated, present, resumed, adopted, delivered, redeliver]
    default: rotated
  max_age_days:
    description: An account is due when its password is this old. One with an initial password is always due.
    type: float
    default: 90
  force:
    description: Whether to rotate accounts that are not due. See also O(state=resumed) and O(state=adopted).
    type: bool
    default: false
  password:
    description:
      - How new passwords are made. Stricter requirements of the server's password policy are applied as well, if the
        token may read the policy.
    type: dict
    suboptions:
      length:
        description:
          - The number of characters, at most V(256).
          - Rules whose passwords would have less than 64 bits of entropy are refused. With the defaults
            of the other options, the least length is V(12).
        type: int
        default: 24
      lower:
        description: The minimum number of lower-case letters. V(0) uses none, unless all four are V(0).
        type: int
        default: 1
      upper:
        description: The minimum number of upper-case letters. V(0) uses none.
        type: int
        default: 1
      digits:
        description: The minimum number of digits. V(0) uses none, unless all four are V(0).
        type: int
        default: 1
      special:
        description: The minimum number of special characters. V(0) uses none.
        type: int
        default: 1
      special_characters:
        description: The special characters that may be used. Letters, digits and spaces are not allowed.
        type: str
        default: "!#+,-.:=?@_~"
      exclude:
        description: Characters that must not be used.
        type: str
        default: ""
  concurrency:
    description:
      - How many accounts to work on at the same time after a first one has been changed, V(1) to V(64). Until then,
        accounts are changed one by one.
    type: int
    default: 4
  max_failures:
    description:
      - Stop starting accounts after this many have failed. V(0) sets no limit.
      - By default, two accounts in a row that end as V(out_of_sync), V(in_doubt), V(quarantined), V(refused),
        V(policy_rejected), V(not_found), V(unauthorized), V(unreachable) or V(throttled), in any combination, stop
        the run. A value replaces this limit.
      - An account for which the server or the network let a run do nothing comes later in the next run, so it does not
        keep the others from their turn.
      - A token that the server does not accept and a wrong O(identity_url) stop the run, whatever the value. So does a
        wrong initial password in a store in which no account was ever rotated, because it may be the wrong store.
    type: int
  settle_seconds:
    description:
      - Seconds to wait after a lost answer before the same pair is sent again. Accounts wait together, so many lost
        answers cost one wait.
    type: float
    default: 90
  strict:
    description:
      - Whether one bad entry stops the whole task before anything is sent. An entry is bad if it ends as V(not_found),
        V(name_conflict), V(store_error) or V(no_password) before anything is sent for it.
      - By default, such an account fails on its own, and the others are worked on. What may concern all accounts stops
        the task in any case, for example if no record can be decrypted, or a record is missing that was there.
    type: bool
    default: false
  consumers:
    description:
      - Whether new passwords are delivered to consumers. If so, RV(accounts[].delivery_due) stays true after a rotation
        until a run with O(state=delivered).
      - V(true) is noted in the record with the account's next change, and applies to later runs without this option
        as well. V(false) ends that.
    type: bool
  verify:
    description:
      - Whether to decrypt the record of every account. Otherwise, a store may know without that, from an index that
        is encrypted like the records, that nothing is due for an account.
      - The records of accounts that are due are decrypted in any case.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Rotate passwords that are older than 60 days
  rpaops.uipath.uipath_password_rotation:
    identity_url: https://orchestrator.example.com/identity
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    store:
      path: ~/uipath-passwords
    max_age_days: 60
    accounts:
      - user_id: 2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d
        name: svc-robot-1
        initial_password: "{{ vault_initial_password }}"

- name: Take over an account whose password an administrator has reset
  rpaops.uipath.uipath_password_rotation:
    identity_url: https://orchestrator.example.com/identity
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    store:
      path: ~/uipath-passwords
    state: adopted
    accounts:
      - user_name: svc-robot-1
        initial_password: "{{ vault_password_after_the_reset }}"

- name: Try the recorded passwords of one account
  rpaops.uipath.uipath_password_rotation:
    identity_url: https://orchestrator.example.com/identity
    client_id: "{{ vault_uipath_client_id }}"
    client_secret: "{{ vault_uipath_client_secret }}"
    store:
      path: ~/uipath-passwords
    state: resumed
    force: true
    only: [svc-robot-1]
    accounts: "{{ uipath_accounts }}"

- name: Rotate, deliver the new passwords, and note the delivery
  module_defaults:
    rpaops.uipath.uipath_password_rotation: "{{ uipath_connection_and_store }}"
  block:
    - name: Rotate
      rpaops.uipath.uipath_password_rotation:
        consumers: true
        accounts: "{{ uipath_accounts }}"
      register: rotation

    - name: Deliver the passwords
      ansible.builtin.include_tasks: tell_consumers.yml
      loop: "{{ rotation.accounts | selectattr('delivery_due') }}"

    - name: Note the delivery
      rpaops.uipath.uipath_password_rotation:
        state: delivered
        accounts:
          - user_id: "{{ item.user_id }}"
            generation: "{{ item.generation }}"
      loop: "{{ rotation.accounts | selectattr('delivery_due') }}"
"""

RETURN = r"""
msg:
  description: The number of accounts by status and, after a failure, the message of the first failed account.
  returned: always
  type: str
  sample: "Accounts by status: 2 rotated, 40 fresh."
accounts:
  description: One entry per account, in the same order, also if accounts fail.
  returned: unless the whole task failed
  type: list
  elements: dict
  contains:
    user_id:
      description: The user's id.
      type: str
    user_name:
      description: The user's name, as given.
      type: str
    name:
      description: Your own label, as given.
      type: str
    label:
      description: The name by which messages refer to the account. The label or user name as given, else as recorded,
        else the user's id.
      type: str
      sample: svc-robot-1
    status:
      description:
        - 'V(rotated) - The password was changed, and the new one is in the store.'
        - 'V(resumed) - A change that an earlier run left unfinished is now complete. The live password is in the
          store.'
        - 'V(fresh) - Nothing is due.'
        - 'V(renamed) - Nothing is due. The record has the new label or user name.'
        - 'V(adopted) - The password given was live and was replaced. The new one is in the store.'
        - 'V(created) - The password given was recorded in the store. It was not tried at the server.'
        - 'V(delivered) - The account is noted as delivered: its consumers have the password.'
        - 'V(delivery_due) - The account is noted as not delivered: its consumers are to be told its password again.'
        - 'V(would_rotate) - The password would be changed.'
        - 'V(would_resume) - A change that an earlier run left unfinished would be completed.'
        - 'V(busy) - Another run is working on this account.'
        - 'V(age_unknown) - The record does not say when the password took effect, or that time is in the future.
          Check the controller''s clock, or rotate with force: true.'
        - 'V(throttled) - The server answered 429 (Too Many Requests), and the retries were used up or the wait was
          too long. Nothing was changed; the next run continues.'
        - 'V(unreachable) - The server could not be reached. Nothing was changed; the next run continues.'
        - 'V(unauthorized) - The server rejected the sign-in or the token, or forbids the change of this user. Nothing
          was changed; the next run continues.'
        - 'V(wrong_url) - There is no Identity API at this URL. Check identity_url. Nothing was changed; the next run
          continues.'
        - 'V(refused) - The server rejected the change for a reason other than the password policy; see error_codes.
          The lookup returns no password until a run has established which one is live.'
        - 'V(policy_rejected) - The server''s password policy rejected every new password. Set the option password to
          what the policy requires, or give the application the scope PM.Setting.Read.'
        - 'V(superseded) - The store has a newer password than the one that was delivered, or the delivery was requested
          again since. Its delivery is due.'
        - 'V(not_found) - There is no such user on the server, or none that is active and has a password.'
        - 'V(name_conflict) - The user name belongs to several users, or to another one than the recorded user.
          Nothing was sent for this account. Give the user''s present name, or its user_id.'
        - 'V(in_doubt) - It is not established which password in the record is live. Run again: the next run sends the
          same pair and finds out.'
        - 'V(out_of_sync) - It is not known which password is live. Run with state: resumed and force: true, for this
          account only, to try two passwords of the record, or reset the password on the server and run with state:
          adopted.'
        - 'V(quarantined) - The account is no longer tried, so that the server does not lock it. Remove the cause,
          then run with state: resumed and force: true, for this account only. If it stays quarantined, set a password
          on the server that the record does not have, and run with state: adopted.'
        - 'V(moved) - The store is not in charge of the account: the account was moved to another store, or its move
          from one is not complete. Nothing was sent for it.'
        - 'V(store_error) - The store cannot be used for this account. Nothing is sent until that is fixed.'
        - 'V(store_conflict) - Another process wrote or deleted the record during this run. No password was lost; the
          store''s documentation says where both versions are. Compare them, and stop the other writer.'
        - 'V(no_password) - The store has no record of the account. Nothing was sent for it. Check the option store,
          or give an initial_password.'
        - 'V(not_attempted) - Nothing was done for this account: the run stopped before its turn.'
      type: str
      sample: rotated
    changed:
      description: Whether the password was changed, the record was created, or a new name or the delivery was noted, or
        would be in check mode.
      type: bool
    failed:
      description:
        - Whether the account makes the task fail. Every status does, except V(rotated), V(resumed), V(fresh),
          V(renamed), V(adopted), V(created), V(delivered), V(delivery_due), V(would_rotate) and V(would_resume).
          V(busy) does only if the account is overdue by more than a day or its age is not known.
      type: bool
    generation:
      description: How often the record was written, or V(null) if it is not known.
      type: int
    age_days:
      description: The age of the password in days, or V(null) if it is not known.
      type: float
    last_rotated:
      description: When a rotation set the current password, in ISO 8601 and UTC. V(null) for an initial password, and
        without a record.
      type: str
      sample: "2026-05-01T02:00:07+00:00"
    next_due:
      description: When the password is O(max_age_days) old, in ISO 8601 and UTC. For an initial password, when it was
        recorded. V(null) if the time is not known, and without a record.
      type: str
      sample: "2026-07-30T02:00:07+00:00"
    reason:
      description:
        - Why the account is V(out_of_sync) or V(quarantined), else V(null). Every run reports it until the account is
          repaired.
        - V(wrong_password) - the server rejected the passwords that were tried as wrong.
        - V(record_conflict) - another process wrote the record as well.
        - V(barred) - the server's error code says that the user is locked or not active.
        - V(unproven_sends) - several requests did not prove which password is live.
        - V(failed_sign_ins) - since the user's last successful sign-in, the server counts so many failed ones that
          another could lock the user.
      type: str
    unproven_sends:
      description: How many requests since the last proven password may have counted as failed sign-ins. At 4 the
        account ends as V(quarantined), at 8 it can no longer be resumed, and earlier if the server locks users earlier
        and the token may read that setting.
      type: int
    attempts:
      description: The number of change-password requests in this run, including retries.
      type: int
    error_codes:
      description: The server's error codes, for a closed account those that led to it. Empty unless the account failed.
      type: list
      elements: str
    trace_id:
      description: The id of the failed request in the server's log, if the server returned one.
      type: str
    delivery_due:
      description: Whether the account has a new password that its consumers were not given yet and that the lookup
        returns.
      type: bool
    msg:
      description: What happened and what to do next.
      type: str
counts:
  description: The number of accounts by status. Every status is a key. C(undelivered) is the number of accounts whose
    RV(accounts[].delivery_due) is true.
  returned: unless the whole task failed
  type: dict
status:
  description:
    - Why the task failed as a whole. No password was sent, unless it is V(defect).
    - V(invalid_input) - an option is not valid, or the task is strict and has a bad entry.
    - V(store_error) - the store cannot be used, no record in it can be read, or a record is missing that was there.
    - V(busy) - the store is in use by another run.
    - V(defect) - an error in the collection. The next run establishes what the server applied.
    - If every account of the task had to be looked up and the server could not be asked, as in
      RV(rpaops.uipath.uipath_user_info#module:status).
  returned: when the whole task failed
  type: str
  sample: store_error
http_status:
  description: The HTTP status of the answer that made the task fail, or V(null).
  returned: when the whole task failed
  type: int
error_codes:
  description: The server's error codes.
  returned: when the whole task failed
  type: list
  elements: str
trace_id:
  description: The id of the failed request in the server's log, or V(null).
  returned: when the whole task failed
  type: str
"""
