# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statuses with which a password change can end, and the message of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Union, get_args

Status = Literal[
    "changed",
    "already_set",
    "would_change",
    "wrong_password",
    "policy_rejected",
    "refused",
    "not_found",
    "unauthorized",
    "wrong_url",
    "throttled",
    "unreachable",
    "unknown",
    "not_attempted",
]
STATUSES: tuple[Status, ...] = get_args(Status)
SUCCEEDED: frozenset[Status] = frozenset({"changed", "already_set", "would_change"})
# The password was changed or, in check mode, would be.
CHANGED: frozenset[Status] = frozenset({"changed", "would_change"})

# Some statuses have several messages. Others have none here: the error that led to them brings its own.
MessageKey = Union[
    Status, Literal["wrong_password_unprobed", "probe_lost", "probe_refused", "control_refused", "equal_passwords"]
]
MESSAGES: Mapping[MessageKey, str] = {
    "changed": "The password was changed.",
    "already_set": "The new password is already in effect.",
    "equal_passwords": "The old and the new password are the same. Nothing was sent, and neither was checked.",
    "would_change": "The password would be changed if the old password is the one in effect.",
    "wrong_password": (
        "The server accepts neither the old nor the new password, or the user has no password on this server. Find out"
        " which password is in effect before the next run: every further attempt may count as a failed sign-in."
    ),
    "wrong_password_unprobed": (
        "The server does not accept the old password. The new one was not checked (update_password=always)."
    ),
    "policy_rejected": "The server's password policy rejects the new password. Nothing was changed.",
    "refused": "The server rejected the change for a reason other than the password policy; see error_codes.",
    "not_found": "There is no such user on the server. Check the user id and the organization in identity_url.",
    "unknown": (
        "It is not known whether the password was changed. Run the task again with the same pair of passwords, and"
        " without update_password=always, to find out: that is safe."
    ),
    "probe_lost": (
        "The server does not accept the old password, and the new one could not be checked. Run the task again with the"
        " same pair of passwords."
    ),
    "probe_refused": (
        "The server does not accept the old password, and its answer does not show whether the new one is in effect."
        " Try to sign in with the new one before you change anything."
    ),
    "control_refused": (
        "The server does not accept the old password. Neither its answer to the new one nor a request with a random"
        " password shows whether it is in effect. Try to sign in with the new one before you change anything."
    ),
}
