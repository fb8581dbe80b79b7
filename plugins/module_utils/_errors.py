# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between a task and the Identity server, and the sentence the user reads about it.

Every error carries the status that the user's result gets, and what the server said about it: HTTP status,
error codes and trace id. Messages are written here or by code that has masked the server's message before.
"""

from __future__ import annotations

from collections.abc import Sequence


class UiPathError(Exception):
    """An error that ends the work on one user, or the whole task when `stops_task` is set."""

    status = "unknown"
    stops_task = False

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        codes: Sequence[str] = (),
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status
        self.codes = tuple(codes)
        self.trace_id = trace_id
        self.attempts = 0


class InvalidInput(UiPathError):
    """The task's options cannot be used. No password was sent."""

    status = "invalid_input"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Nothing was changed, because the input has problems: " + "; ".join(problems) + ".")
        self.problems = tuple(problems)


class Unauthorized(UiPathError):
    """The server does not accept the caller: wrong credentials, expired token, missing scope."""

    status = "unauthorized"
    stops_task = True


class WrongUrl(UiPathError):
    """Something answers at this URL, but it is not the Identity API."""

    status = "wrong_url"
    stops_task = True


class Throttled(UiPathError):
    """The server asked to slow down for longer than this request may wait. The request was not applied."""

    status = "throttled"


class Unreachable(UiPathError):
    """The request was never sent: no address, no connection, no trusted certificate."""

    status = "unreachable"


class OutcomeUnknown(UiPathError):
    """The request was sent, and nothing proves whether it was applied."""

    status = "unknown"


class NotFound(UiPathError):
    """The server knows no such organization, or no such user."""

    status = "not_found"


class UnexpectedAnswer(UiPathError):
    """The API answered a read with something that is not its documented answer."""

    status = "unexpected_answer"


class ListChanged(UiPathError):
    """Users came or went while the list was read, so that it may have gaps."""

    status = "list_changed"

    def __init__(self, announced: int, listed: int) -> None:
        super().__init__(
            f"The list of users changed while it was read: {announced} users were announced, {listed} different ones"
            " listed. Run the task again."
        )


class Ambiguous(UiPathError):
    """A name fits more than one user."""

    status = "ambiguous"


class WriteInCheckMode(UiPathError):
    """A programming error: something tried to write in check mode. Nothing was sent."""


SUCCEEDED = frozenset({"changed", "already_set", "would_change"})

STATUSES = (
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
)

MESSAGES = {
    "changed": "The password was changed.",
    "already_set": "The new password is in effect already.",
    "would_change": "The password would be changed, if the old password is the one in effect.",
    "wrong_password": (
        "The old password is not the one in effect, and neither is the new one. Find out the live password before the"
        " next run: every further try counts as a failed sign-in."
    ),
    "wrong_password_unprobed": (
        "The old password is not the one in effect. Whether the new one is was not tried (update_password=always)."
    ),
    "policy_rejected": "The server's password policy refuses the new password. Nothing was changed.",
    "refused": "The server refuses the change.",
    "not_found": "The server knows no such user. Check the user id and the organization in identity_url.",
    "not_attempted": "Nothing was sent for this user, because the task was stopped before its turn:",
    "unknown": (
        "Nothing proves whether the password was changed. Run the task again with the same pair of passwords: it is"
        " safe to repeat, and settles the question."
    ),
    "probe_lost": (
        "The old password is not the one in effect. Whether the new one is could not be asked. Run the task again with"
        " the same pair of passwords."
    ),
    "probe_refused": (
        "The old password is not the one in effect, and the server did not say whether the new one is. A password"
        " history that refuses a password in use is the likely cause; if a former run was cut short, the new password"
        " is probably in effect. Try it by signing in before changing anything."
    ),
}
