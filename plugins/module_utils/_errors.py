# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between a task and the Identity server, and the message that the user reads about it.

Every error carries the status that the user's result gets, and what the server answered: HTTP status, error
codes and trace id. Messages are written here, or by code that has masked the server's message before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

# What a request can come to before the API has answered it.
RequestStatus = Literal["unauthorized", "wrong_url", "throttled", "unreachable", "unknown"]
# Why a task ends before its first user.
InputStatus = Literal["invalid_input", "not_found", "unexpected_answer", "list_changed", "ambiguous"]
# How else an account of the rotation can end by an error, apart from an answer of the server.
StoreStatus = Literal["busy", "store_error", "in_doubt", "name_conflict"]
ErrorStatus = Union[RequestStatus, InputStatus, StoreStatus]


class UiPathError(Exception):
    """An error that ends the work on one user, or the whole task when `stops_task` is set."""

    status: ErrorStatus = "unknown"
    stops_task = False

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        codes: Sequence[str] = (),
        trace_id: str | None = None,
    ) -> None:
        self.message = displayable(message)
        super().__init__(self.message)
        self.http_status = http_status
        self.codes = tuple(codes)
        self.trace_id = trace_id
        self.attempts = 0
        # Whether the answer is not the Identity API's own. Then an earlier copy of the request may have been applied.
        self.is_foreign = False


class InvalidInput(UiPathError):
    """The task's options cannot be used. No password was sent."""

    status = "invalid_input"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Invalid input; nothing was changed: " + "; ".join(problems) + ".")
        self.problems = tuple(problems)


class RequestError(UiPathError):
    """A request that the Identity API did not answer, or rejected."""

    status: RequestStatus = "unknown"


class Unauthorized(RequestError):
    """The server does not accept the caller: wrong credentials or an expired token."""

    status = "unauthorized"
    stops_task = True


class Forbidden(Unauthorized):
    """The caller may not do this: a scope is missing, or this one user is an administrator."""

    stops_task = False


class WrongUrl(RequestError):
    """Something answers at this URL, but it is not the Identity API."""

    status = "wrong_url"
    stops_task = True


class Throttled(RequestError):
    """The server kept answering 429, or asked to wait too long. The request was not applied."""

    status = "throttled"


class Unreachable(RequestError):
    """The request was never sent: no address, no connection, no trusted certificate."""

    status = "unreachable"


class OutcomeUnknown(RequestError):
    """The request was sent, and nothing proves whether it was applied."""

    status = "unknown"


class NotFound(UiPathError):
    """There is no such organization on the server."""

    status = "not_found"


class UnexpectedAnswer(UiPathError):
    """The API answered a read with something that is not its documented answer."""

    status = "unexpected_answer"


class ListChanged(UiPathError):
    """Users were added or deleted while the list was read, so it may have gaps."""

    status = "list_changed"

    def __init__(self, announced: int, listed: int) -> None:
        super().__init__(
            f"The list of users changed while it was read: the server announced {announced} users and listed {listed}"
            " different ones. Run the task again."
        )


class Ambiguous(UiPathError):
    """A name fits more than one user."""

    status = "ambiguous"


class WriteInCheckMode(RequestError):
    """A programming error: something tried to write in check mode. Nothing was sent."""
