# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user operations of the Identity API: paths, field names, and what each answer proves."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import RequestError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import change_password_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import (
    POLICY_CODES,
    error_codes,
    is_barred,
    is_passing,
    server_error,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response

# The values of the specification's UserType. Only a "user" has a password here.
USER_TYPES = ("user", "robot", "directoryUser", "directoryGroup", "robotAccount", "application")

NAME_AS_ID = "The id is no UUID: give a user name or an e-mail address as user_name."

CANONICAL_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# What an answer proves. Only `applied` changes the password; `unknown` may have.
AnswerKind = Literal[
    "applied",
    "mismatch",  # the old password is not the one in effect
    "policy",  # the new password is rejected
    "refused",
    "not_found",
    "unauthorized",
    "wrong_url",
    "throttled",
    "unreachable",
    "unknown",
]
# The fields that a validation error of the id may name.
ID_FIELDS = frozenset({"userid", "id"})


@dataclass(frozen=True)
class PasswordAnswer:
    """What one change-password request proves. `message` and `codes` are the server's, masked; `cause` is ours.

    `keeps_doubt`: the answer was not the API's own, so that an earlier copy of the request may have been applied even
    where the kind says "not applied". `is_barred`: the server says that the user is locked or not active.
    `is_passing`: its reason may come and go. Both are read from the codes before masking.
    `unmasked_codes` are only compared, never shown: a password may be a piece of a code.
    """

    kind: AnswerKind
    http_status: int | None = None
    codes: tuple[str, ...] = ()
    message: str = ""
    cause: str = ""
    trace_id: str | None = None
    attempts: int = 1
    stops_task: bool = False
    keeps_doubt: bool = False
    is_identity_result: bool = False
    is_barred: bool = False
    is_passing: bool = False
    unmasked_codes: frozenset[str] = field(default=frozenset(), repr=False)


def canonical_user_id(user_id: str) -> str:
    """Return the spelling under which ids are compared: of a UUID, all spellings that .NET's `Guid` takes are one."""
    if CANONICAL_UUID.fullmatch(user_id):
        return user_id
    digits = uuid_digits(user_id)
    return str(uuid.UUID(digits)) if digits else user_id


def uuid_digits(user_id: str) -> str | None:
    """Return the 32 hexadecimal digits of a UUID, in lower case, or None for any other id."""
    digits = re.sub(r"[\s(){}-]|0x|,", "", user_id.lower())
    return digits if re.fullmatch("[0-9a-f]{32}", digits) else None


def change_password(client: Client, user_id: str, old: str, new: str, *, secrets: Iterable[str]) -> PasswordAnswer:
    """Send one pair. `secrets` are this user's, to be masked in the server's message."""
    secrets = tuple(secrets)
    body = {"oldPassword": old, "newPassword": new}
    try:
        response = client.post(change_password_url(client.identity_url, user_id), body, secrets=secrets)
    except RequestError as error:
        return unanswered(error)
    answer = read_password_answer(response, client.secrets, secrets)
    return replace(answer, cause=NAME_AS_ID) if is_unknown_id(response) and not uuid_digits(user_id) else answer


def is_unknown_id(response: Response) -> bool:
    """Tell whether there is no such user. To a server whose ids are UUIDs, any other id is a validation error."""
    if response.status != 400:
        return response.status == 404
    errors = response.json.get("errors") if isinstance(response.json, dict) else None
    return isinstance(errors, dict) and bool(errors) and {str(field).lower() for field in errors} <= ID_FIELDS


def unanswered(error: RequestError) -> PasswordAnswer:
    return PasswordAnswer(
        error.status,
        error.http_status,
        error.codes,
        cause=error.message,
        trace_id=error.trace_id,
        attempts=error.attempts,
        stops_task=error.stops_task,
        keeps_doubt=error.is_foreign,
    )


def read_password_answer(
    response: Response, secrets: tuple[str, ...], passwords: tuple[str, ...] = ()
) -> PasswordAnswer:
    found = server_error(response.json, secrets, passwords)
    codes = error_codes(response.json)
    return PasswordAnswer(
        answer_kind(response.status, response.json),
        response.status,
        found.codes,
        message=found.message,
        trace_id=found.trace_id,
        attempts=response.attempts,
        is_identity_result=is_identity_result(response.json),
        is_barred=is_barred(codes),
        is_passing=is_passing(codes),
        unmasked_codes=frozenset(codes),
    )


def is_identity_result(answer: Any) -> bool:
    """Tell whether the operation itself answered, and not the validation of the request before it."""
    return isinstance(answer, dict) and isinstance(answer.get("succeeded"), bool)


def answer_kind(status: int, answer: Any) -> AnswerKind:
    """Return what an API answer proves; only `succeeded` in a 200 proves that the change was applied.

    `ConcurrencyFailure` proves nothing: where a proxy doubles a request, the first copy is applied, and the second one
    is answered with it.
    """
    if status == 404:
        return "not_found"
    if status == 408 or status >= 500 or not isinstance(answer, dict):
        return "unknown"
    if status == 200 and answer.get("succeeded") is True and not error_codes(answer) and not answer.get("errors"):
        return "applied"
    if status < 400 and answer.get("succeeded") is not False:
        return "unknown"
    codes = error_codes(answer)
    if "ConcurrencyFailure" in codes:
        return "unknown"
    if "PasswordMismatch" in codes:
        return "mismatch"
    return "policy" if POLICY_CODES.intersection(codes) else "refused"
