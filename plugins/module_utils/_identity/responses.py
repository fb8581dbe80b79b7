# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error codes, descriptions and trace id in an answer, with every secret masked.

Failures come as an IdentityResult (`errors` is a list of codes with descriptions), as a ProblemDetails of RFC 9457
(`errors` maps fields to messages), as an OAuth error, or as an error object with a code and a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask, mask_fragments, mask_pieces
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

# The codes of ASP.NET Core Identity's password validator (IdentityErrorDescriber).
POLICY_CODES = frozenset(
    {
        "PasswordTooShort",
        "PasswordRequiresDigit",
        "PasswordRequiresLower",
        "PasswordRequiresUpper",
        "PasswordRequiresNonAlphanumeric",
        "PasswordRequiresUniqueChars",
    }
)
# The most errors of an answer that are looked at, and the most characters of a message that are looked at and shown.
MOST_ERRORS = 50
MOST_READ = 4000
MOST_SHOWN = 1000
# The most characters of a code or trace id. One that is longer keeps one character more, which tells that it was cut.
LONGEST_CODE = 200
CUT = "..."
# Codes that are shown as they are, even where a secret is part of one.
KNOWN_CODES = POLICY_CODES | {"PasswordMismatch", "ConcurrencyFailure"}


@dataclass(frozen=True)
class ServerError:
    """Why the server did not carry out a request, in its own terms, with every secret masked."""

    message: str = ""
    codes: tuple[str, ...] = ()
    trace_id: str | None = None


def with_server_message(message: str, server_messages: Iterable[str]) -> str:
    """Append the server's messages, each different one once."""
    joined = " / ".join(dict.fromkeys(filter(None, server_messages)))
    return f"{message} The server says: {joined}" if joined else message


def server_error(answer: Any, secrets: Iterable[str], quoted: Iterable[str] = ()) -> ServerError:
    """Return the error in an answer. `quoted` are the secrets of the request: the answer may quote pieces of them."""
    quoted = tuple(quoted)
    secrets = (*secrets, *quoted)
    message = descriptions(answer) or mask_fragments(mask(beginning(problem_messages(answer)), secrets), quoted)
    codes = error_codes(answer)[:MOST_ERRORS]
    return ServerError(
        message=shown(message, secrets),
        codes=tuple(code if code in KNOWN_CODES else shown_code(code, secrets) for code in codes),
        trace_id=shown_code(trace_id(answer), secrets) or None,
    )


def shown_code(code: str, secrets: Iterable[str]) -> str:
    """Return a code or trace id as it may be shown."""
    return shown(beginning(code, LONGEST_CODE), secrets) + (CUT if is_cut(code) else "")


def is_cut(code: str) -> bool:
    return len(code) > LONGEST_CODE


def shown(text: str, secrets: Iterable[str]) -> str:
    """Return a server's text as it may be shown. Masking comes first: a secret that is cut or changed is not found."""
    secrets = tuple(secrets)
    return displayable(mask_pieces(mask(beginning(text), secrets), secrets))[:MOST_SHOWN]


def beginning(text: str, most: int = MOST_READ) -> str:
    """Return what is read of a text. The word that ends there is left out: a secret that is cut is not recognized."""
    read = text[:most]
    return text if read == text else read[: len(read) - len(re.split(r"\s", read)[-1])]


def error_codes(answer: Any) -> tuple[str, ...]:
    """Return the error codes, unmasked and cut. A number is a code, too."""
    if not isinstance(answer, dict):
        return ()
    nested = answer.get("error")
    found = [entry.get("code") for entry in listed_errors(answer)]
    found += [nested.get("code") if isinstance(nested, dict) else nested, answer.get("code"), answer.get("errorCode")]
    codes = (str(code) for code in found if isinstance(code, (str, int)) and code and code is not True)
    return tuple(code[: LONGEST_CODE + 1] for code in codes)


def joined(texts: Iterable[str], between: str) -> str:
    """Join as many of the texts as are read, and one character more where there is more."""
    kept, length = [], 0
    for text in texts:
        kept.append(text[: MOST_READ + 1])
        length += len(kept[-1]) + len(between)
        if length > MOST_READ:
            break
    return between.join(kept)


def descriptions(answer: Any) -> str:
    """Join the messages that come with the error codes."""
    if not isinstance(answer, dict):
        return ""
    nested = answer.get("error")
    texts = [entry.get("description") for entry in listed_errors(answer)]
    texts += [nested.get("message") if isinstance(nested, dict) else None]
    texts += [answer.get("error_description"), answer.get("message")]
    return joined((text for text in texts if isinstance(text, str) and text), " ")


def listed_errors(answer: dict[str, Any]) -> list[dict[str, Any]]:
    errors = answer.get("errors")
    return [entry for entry in errors[:MOST_ERRORS] if isinstance(entry, dict)] if isinstance(errors, list) else []


def problem_messages(answer: Any) -> str:
    """Join a ProblemDetails' messages, each behind its field. They can quote pieces of the request."""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    if not isinstance(errors, dict):
        texts = (answer.get("title"), answer.get("detail"))
        return joined((text for text in texts if isinstance(text, str) and text), " ")
    messages = (
        f"{field[: MOST_READ + 1]}: {message[: MOST_READ + 1]}"
        for field, messages in islice(errors.items(), MOST_ERRORS)
        for message in (messages[:MOST_ERRORS] if isinstance(messages, list) else [messages])
        if isinstance(message, str)
    )
    return joined(messages, "; ")


def trace_id(answer: Any) -> str:
    value = answer.get("traceId") if isinstance(answer, dict) else None
    return value[: LONGEST_CODE + 1] if isinstance(value, str) else ""


# Parts of codes that are about the account, the load or another request, and may come and go between two requests.
PASSING_CAUSES = (
    "lock",
    "inactive",
    "notactive",
    "disabled",
    "deactivat",
    "suspend",
    "onhold",
    "frozen",
    "blocked",
    "denied",
    "notallowed",
    "conflict",
    "concurrency",
    "toomany",
    "attempt",
    "maxfail",
    "later",
    "ratelimit",
    "throttl",
    "busy",
    "timeout",
    "timedout",
    "temporar",
)
# What the server says of a user who may not sign in. UiPath's codes are not documented.
BARRED = frozenset({"locked", "lockout", "inactive", "deactivated", "disabled"})


def is_passing(codes: Iterable[str]) -> bool:
    """Tell whether the reason of a refusal may come and go. A code that says so by chance, or was cut, proves less."""
    return any(is_cut(code) or cause in code.lower() for code in codes for cause in PASSING_CAUSES)


def is_barred(codes: Iterable[str]) -> bool:
    """Tell whether the server says that the user is locked or inactive, by the whole words of a code."""
    words = [words_of(code) for code in codes]
    return any(
        BARRED.intersection(found) or ("not", "active") in zip(found, found[1:])
        for found in words
        if found[:1] != ["password"]  # PasswordInLockedList is about the password
    )


def words_of(code: str) -> list[str]:
    """Return the words of a code such as `UserLockedOut`, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", code)]
