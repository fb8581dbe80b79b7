# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says in an answer: error codes, descriptions, trace id. Nothing here is masked yet.

Failures come as an IdentityResult (C(errors) is a list of codes with descriptions), as a ProblemDetails of RFC 9457
(C(errors) maps fields to messages), as an OAuth error, or as an error object with a code.
"""

from __future__ import annotations

from typing import Any


def error_codes(answer: Any) -> tuple[str, ...]:
    if not isinstance(answer, dict):
        return ()
    nested = answer.get("error")
    found = [entry.get("code") for entry in listed_errors(answer)]
    found += [nested.get("code") if isinstance(nested, dict) else nested, answer.get("code"), answer.get("errorCode")]
    return tuple(code for code in found if isinstance(code, str) and code)


def descriptions(answer: Any) -> str:
    """Join the sentences that come with the error codes."""
    if not isinstance(answer, dict):
        return ""
    nested = answer.get("error")
    words = [entry.get("description") for entry in listed_errors(answer)]
    words += [nested.get("message") if isinstance(nested, dict) else None, answer.get("error_description")]
    return " ".join(word for word in words if isinstance(word, str) and word)


def listed_errors(answer: dict[str, Any]) -> list[dict[str, Any]]:
    errors = answer.get("errors")
    return [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []


def validation_messages(answer: Any) -> str:
    """Join a ProblemDetails' messages, each behind its field. They can quote pieces of the request."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, dict):
        return ""
    return "; ".join(
        f"{field}: {message}"
        for field, messages in errors.items()
        for message in (messages if isinstance(messages, list) else [messages])
        if isinstance(message, str)
    )


def trace_id(answer: Any) -> str | None:
    value = answer.get("traceId") if isinstance(answer, dict) else None
    return value if isinstance(value, str) and value else None
