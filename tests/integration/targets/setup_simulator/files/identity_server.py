# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict simulator of UiPath's Identity server, with faults on request.

It has local users with live passwords, serves the part of the Identity API that this collection uses, and simulates the
failures of a network, a proxy and the product itself. Standard library only.

Command line
============

``python identity_server.py [options]``

--host ADDRESS        address to listen on (127.0.0.1)
--port PORT           port, 0 for any free one (0)
--certfile F --keyfile F
                      serve HTTPS with this certificate; without them HTTP
--client-ca F         require a client certificate that this CA has signed
--forms FORM          all, standalone, host, organization or tenant (all)
--order ORDER         old-first (the stock framework) or policy-first (old-first)
--ids KIND            uuid: any other user id is a 400; any: every text may be a user's id (uuid)
--state FILE          keep the users in this journal; it survives ``kill -9``
--config FILE         JSON: any key of the configuration, and ``users``, ``generate``, ``faults`` as below
--ready-file FILE     write the ready line there too, atomically
--latency SECONDS     delay before every answer of the API (0)
--log                 one line per request on stderr

When it listens it prints one JSON line, ``{"url": ..., "port": ..., "pid": ...}``. SIGTERM and SIGINT end it.

URL forms
=========

``/identity`` (standalone), ``/identity_`` (host), ``/{organization}/identity_`` and
``/{organization}/{tenant}/identity_``. All are served unless ``forms`` names one of them or a list.

Configuration
=============

``GET /simulator/config`` shows it, ``PATCH /simulator/config`` merges into it; a ``null`` removes a client or a static
token. Keys and defaults are in ``DEFAULT_CONFIG``, each with its meaning.

The defaults are those of ASP.NET Core Identity and of a server that nobody has configured. UiPath documents neither, so
that every other way in which a server may answer is an option.

Control API
===========

JSON below ``/simulator/``, without authentication, never subject to faults and never counted.

GET /simulator/report          ``requests`` {operation: n}, ``answers`` {operation: {status: n}} (status ``none``: the
                               client got no answer), ``applied`` and ``mismatches`` {user_id: n} (of
                               changepassword, lost answers included), ``writes`` (whatever changed something),
                               ``connections``, ``tokens_issued``, ``faults_fired`` {kind: n}, ``in_flight_peak``
                               {operation: n}
GET /simulator/requests        a list of ``n``, ``time``, ``operation``, ``method``, ``target`` (as received),
                               ``user_id``, ``status``, ``body_keys``, ``content_type``, ``client_id``, ``in_flight``
POST /simulator/reset          forget counts, requests and faults; users and tokens stay
GET|PATCH /simulator/config    see above
POST /simulator/users          ``{"users": [{"id", "userName", "password", ...}]}`` and/or ``{"generate": {"count",
                               "prefix", "start", "password", "defaults"}}`` (``{n}`` in ``password`` becomes the
                               number); existing ids are replaced; answers ``{"created": n, "users": [{id, userName}]}``
GET /simulator/users           ``{"count": n, "ids": [...]}``
DELETE /simulator/users        forget all users
GET /simulator/users/{id}      the user, without passwords: UserDto fields, ``has_password``, ``history_length``,
                               ``failures``, ``locked``, ``security_stamp``
DELETE /simulator/users/{id}   delete one
POST /simulator/verify         ``{"user_id", "password"}`` -> ``{"live": bool}``; ``{"pairs": [[id, password], ...]}``
                               -> ``{"live": n, "dead": [ids]}``
GET|POST|DELETE /simulator/faults
                               list; add one or a list of them; forget all
POST /simulator/sign-in        ``{"user_id", "password"}`` -> ``{"result": LoginAttemptResult}``: the user signs in
POST /simulator/tokens/revoke  every token issued so far is answered with 401

Operations: token, discovery, change_password, list_users, get_user, put_user, delete_user, create_user, get_setting,
put_setting, login_attempts, unknown.

Faults
======

``{"operation": NAME or "*", "kind": KIND, "times": 1 | n | null (always), "skip": n (leave the first n matching
requests alone), "user_id": ID, "probability": 0..1, ...parameters}``. For each request the list is read in order; the
kinds marked + let the request go on, the first other one decides the answer. ``apply`` says whether the request is
carried out before its answer is spoiled.

========================  ========================================  ===================================================
kind                      parameters (defaults)                     what the client gets
========================  ========================================  ===================================================
latency +                 seconds (0.1)                             the answer, later
other_change +            password                                  an administrator sets this password just before
other_delete +            -                                         an administrator deletes the user just before
too_many_requests         retry_after (null), as_date (false),      429; Retry-After in seconds or as HTTP-date
                          apply (false)
status                    status (500), apply (false)               that status with a short JSON body (408, 5xx, ...)
drop                      how (close|reset), apply (false)          no answer
late                      delay (1), then (hang|close|reset|        no answer or an error at once; the request is
                          status), seconds (30), status (504)       carried out after ``delay``
twice                     -                                         the second of two answers: it is carried out twice
truncated                 apply (true), cut (body|connection)       half of the JSON; ``connection``: announced in full
slow_body                 seconds (1), apply (true)                 the answer in drips spread over ``seconds``
empty                     status (200), apply (false)               that status with an empty body
no_content                apply (false)                             204
html                      status (200), apply (false)               the single-page application
redirect                  status (302), location (/login),          a redirect
                          apply (false)
not_succeeded             code (null), description (null),          200 with ``succeeded: false``
                          apply (false)
problem                   status (400), apply (false)               ProblemDetails that quotes the passwords: plain,
                                                                    JSON-escaped, percent-encoded, base64, upper case
quoting_result            code (InvalidPassword), status (400),     IdentityResult that quotes them likewise
                          apply (false)
identity_error            code, description, status (400),          IdentityResult with one error
                          apply (false)
unauthorized              revoke (false), apply (false)             401; ``revoke``: all tokens issued so far as well
forbidden                 apply (false)                             403
unsupported_api_version   apply (false)                             405, as a standalone answers below /identity_
invalid_partition         apply (false)                             400, as a Suite answers without organization
concurrency_failure       apply (false)                             400 IdentityResult ConcurrencyFailure
custom                    status (200), headers ({}), body (text)   exactly that
                          or json, apply (false)
crash                     apply (false)                             nothing: the simulator kills itself with SIGKILL
========================  ========================================  ===================================================
"""

from __future__ import annotations

import argparse
import base64
import copy
import email.utils
import http.client
import json
import os
import random
import re
import secrets
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Callable, NamedTuple, cast
from urllib.parse import parse_qs, quote, unquote

FORMS = ("standalone", "host", "organization", "tenant")
ORDERS = ("old-first", "policy-first")
EQUALITY_CHECKS = ("never", "first", "after-old")

DEFAULT_CONFIG: dict[str, Any] = {
    "forms": "all",  # "all", one form, or a list of forms
    "organization": "acme",
    "tenant": "DefaultTenant",
    "partition_id": "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10",
    "order": "old-first",  # what is checked first: the old password, or policy and history of the new one
    "ids": "uuid",  # of users; any other is a 400. "any": every text may be one, and an unknown one is a 404
    "absent_paths": "page",  # what a path that does not exist gets: "page", the single-page application, or "not_found"
    "validation": "newtonsoft",  # the wording of validation errors, or "system-text-json"
    "generations": "both",  # of the user list: "new" (/api/User/users), "old" (/api/UserPartition/users), "both"
    "search": "prefix",  # what searchTerm does with names and addresses: "prefix" or "contains"
    "latency": 0.0,
    "seed": 0,  # of the faults with a probability
    "policy": {"min_length": 8, "digit": True, "lower": True, "upper": False, "special": False, "unique_chars": 1},
    # limit: that many latest passwords are refused; counts_current: the live one is the first of them
    "history": {"limit": 1, "counts_current": True, "code": "PasswordReuse"},
    # whether a pair of two equal passwords is refused: "never", "first" or "after-old", when the old one was right
    "equality": {"checked": "never", "code": "PasswordsEqual"},
    # counts_changes: a mismatch of a password change counts as a failed sign-in; refuses_changes: those of a locked
    # user; reset_by_change: a change resets the counter, as a sign-in always does
    "lockout": {
        "enabled": True,
        "max_failures": 10,
        "seconds": 300,
        "code": "UserLockedOut",
        "counts_changes": False,
        "refuses_changes": False,
        "reset_by_change": False,
    },
    "login_attempts": {"lists_changes": False},  # whether a mismatch of a password change is listed as a failed sign-in
    "inactive": {"refused": False, "code": "UserInactive"},
    "no_password_code": "PasswordMismatch",  # of directory users, robots, groups: there is no hash that could match
    "reset": {"policy": True, "history": False, "unlocks": True},  # what an administrator's reset checks and does
    "create_existing": "recreate",  # POST of a user that exists: "recreate" or "refuse"
    "token_lifetime": 3600,
    "token_format": "jwt",  # or "opaque"
    "token_claims": {"prt_id": True},  # false leaves the claim out
    "token_error_description": True,
    "clients": {
        "automation": {
            "secret": "automation-secret",
            "scopes": [
                "PM.User",
                "PM.User.Read",
                "PM.User.Write",
                "PM.Setting",
                "PM.Setting.Read",
                "PM.UserLoginAttempt",
                "PM.UserLoginAttempt.Read",
            ],
            "administrator": True,
        }
    },
    "static_tokens": {},  # token -> {"scopes": [...], "administrator": bool, "client_id": name}
    "settings": {  # those that no other key of this configuration determines
        "Auth.Password.DefaultExpirationDays": "0",
        "Auth.Password.ShouldChangePasswordAfterFirstLogin": "false",
    },
}
OPEN_KEYS = ("clients", "static_tokens", "settings")  # free names, null removes one

USER_DEFAULTS: dict[str, Any] = {
    "userName": None,
    "email": None,
    "emailConfirmed": True,
    "name": None,
    "surname": None,
    "displayName": None,
    "creationTime": "2026-01-01T00:00:00.000Z",
    "lastModificationTime": None,
    "lastLoginTime": None,
    "groupIDs": [],
    "legacyId": 0,
    "isActive": True,
    "bypassBasicAuthRestriction": False,
    "type": "user",
    "invitationAccepted": False,
}
USER_TYPES = ("user", "robot", "directoryUser", "directoryGroup", "robotAccount", "application")
HISTORY_KEPT = 50
PAGE = b"<!doctype html>\n<html><head><title>UiPath</title></head><body><app-root></app-root></body></html>\n"

READ_USERS = frozenset({"PM.User", "PM.User.Read"})
WRITE_USERS = frozenset({"PM.User", "PM.User.Write"})
SCOPES: dict[str, frozenset[str]] = {
    "list_users": READ_USERS,
    "get_user": READ_USERS,
    "change_password": WRITE_USERS,
    "put_user": WRITE_USERS,
    "delete_user": WRITE_USERS,
    "create_user": WRITE_USERS,
    "get_setting": frozenset({"PM.Setting", "PM.Setting.Read"}),
    "put_setting": frozenset({"PM.Setting", "PM.Setting.Write"}),
    "login_attempts": frozenset({"PM.UserLoginAttempt", "PM.UserLoginAttempt.Read"}),
}


class ConfigError(ValueError):
    """A test asked for something that does not exist; the message names it."""


# ---------------------------------------------------------------------------------------------------------------------
# Requests and answers
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Request:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(default=b"", repr=False)

    @cached_property
    def segments(self) -> list[str]:
        """The path, split before anything is decoded, so that %2F stays inside its segment."""
        return self.target.partition("?")[0].split("/")[1:]

    @cached_property
    def query(self) -> dict[str, list[str]]:
        pairs = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name.lower(): values for name, values in pairs.items()}

    @cached_property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """The body as strict JSON; raises ValueError where System.Text.Json would refuse it."""
        return strict_json(self.body)

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The body's fields, or nothing if it has none; for the log and for the faults that quote passwords."""
        if self.content_type == "application/x-www-form-urlencoded":
            return {name: values[0] for name, values in form_fields(self.body).items()}
        try:
            return self.json if isinstance(self.json, dict) else {}
        except ValueError:
            return {}

    @property
    def passwords(self) -> list[str]:
        names = ("oldpassword", "newpassword", "password")
        return [value for name, value in self.fields.items() if name.lower() in names and isinstance(value, str)]


@dataclass
class Answer:
    """One answer, and how it is delivered: send, close, reset, hang, cut or drip (seconds belong to hang and drip)."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delivery: str = "send"
    seconds: float = 0.0


def strict_json(body: bytes) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    try:
        document = json.loads(body.decode("utf-8"), parse_constant=refuse)
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # lone surrogates
    except RecursionError as error:
        raise ValueError("too deep") from error
    return document


def form_fields(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def json_answer(document: Any, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Answer:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Answer(status, body, content_type)


def html_answer(status: int = 200) -> Answer:
    return Answer(status, PAGE, "text/html; charset=utf-8")


def problem(status: int, title: str, errors: dict[str, list[str]] | None = None) -> Answer:
    section = {400: "6.5.1", 404: "6.5.4", 415: "6.5.13"}.get(status, "6.6.1")
    details: dict[str, Any] = {} if errors is None else {"errors": errors}
    details["type"] = f"https://tools.ietf.org/html/rfc7231#section-{section}"
    details["title"] = title
    details["status"] = status
    details["traceId"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return json_answer(details, status, "application/problem+json; charset=utf-8")


def invalid(errors: dict[str, list[str]]) -> Answer:
    return problem(400, "One or more validation errors occurred.", errors)


def not_found() -> Answer:
    return problem(404, "Not Found")


def product_error(status: int, code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message, "innerError": None}}, status)


def unsupported_api_version() -> Answer:
    return product_error(405, "UnsupportedApiVersion", "The HTTP resource does not support the requested API version.")


def invalid_partition() -> Answer:
    return product_error(400, "InvalidPartition", "The request names no organization.")


class IdentityError(NamedTuple):
    code: str
    description: str


def succeeded() -> Answer:
    return json_answer({"succeeded": True, "errors": []})


def refused(*errors: IdentityError, status: int = 400) -> Answer:
    return json_answer({"succeeded": False, "errors": [error._asdict() for error in errors]}, status)


# ---------------------------------------------------------------------------------------------------------------------
# Model binding
# ---------------------------------------------------------------------------------------------------------------------


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_guid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "System.String"),
    "user_type": (lambda value: value in USER_TYPES, "UiPath.UserType"),
    "boolean": (lambda value: isinstance(value, bool), "System.Nullable`1[System.Boolean]"),
    "integer": (is_integer, "System.Nullable`1[System.Int64]"),
    "guid": (lambda value: isinstance(value, str) and is_guid(value), "System.Guid"),
    "guids": (
        lambda value: isinstance(value, list) and all(isinstance(item, str) and is_guid(item) for item in value),
        "System.Collections.Generic.List`1[System.Guid]",
    ),
    "strings": (
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        "System.Collections.Generic.List`1[System.String]",
    ),
    "objects": (
        lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
        "System.Collections.Generic.List`1[System.Object]",
    ),
}

CHANGE_FIELDS = {"oldPassword": "string", "newPassword": "string"}
PUT_USER_FIELDS = {
    "name": "string",
    "surname": "string",
    "displayName": "string",
    "email": "string",
    "isActive": "boolean",
    "password": "string",
    "groupIDsToAdd": "guids",
    "groupIDsToRemove": "guids",
    "bypassBasicAuthRestriction": "boolean",
    "invitationAccepted": "boolean",
}
CREATE_USER_FIELDS = {
    "id": "guid",
    "userName": "string",
    "email": "string",
    "name": "string",
    "surname": "string",
    "displayName": "string",
    "type": "user_type",
    "bypassBasicAuthRestriction": "boolean",
    "legacyId": "integer",
    "invitationAccepted": "boolean",
    "partitionGlobalId": "guid",
    "password": "string",
    "validatePassword": "boolean",
    "groupIDs": "guids",
}
BULK_DELETE_FIELDS = {"partitionGlobalId": "guid", "userIds": "strings"}
PUT_SETTING_FIELDS = {"settings": "objects", "partitionGlobalId": "guid", "userId": "guid"}


class BindingError(Exception):
    """Model binding failed; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def bind(
    request: Request, fields: dict[str, str], required: tuple[str, ...] = (), *, wording: str = "newtonsoft"
) -> dict[str, Any]:
    """The known fields that the body gives a value other than null; unknown ones are ignored, names ignore case."""
    kind = request.content_type
    if kind not in ("application/json", "text/json") and not re.fullmatch(r"application/[\w.-]+\+json", kind):
        raise BindingError(problem(415, "Unsupported Media Type"))
    if not request.body.strip():
        raise BindingError(invalid({"": ["A non-empty request body is required."]}))
    document = parsed_object(request, WORDINGS[wording])
    given = {str(name).lower(): value for name, value in document.items()}
    values = {name: given[name.lower()] for name in fields if given.get(name.lower()) is not None}
    ill_typed = {}
    for name, value in values.items():
        is_right, type_name = TYPES[fields[name]]
        if not is_right(value):
            ill_typed.update(WORDINGS[wording].conversion(request, name, value, type_name))
    if ill_typed:
        raise BindingError(invalid(ill_typed))
    missing = {name: [f"The {name[0].upper()}{name[1:]} field is required."]
               for name in required if not values.get(name) and values.get(name) != []}  # fmt: skip
    if missing:
        raise BindingError(invalid(missing))
    return values


def parsed_object(request: Request, wording: Wording) -> dict[str, Any]:
    try:
        document = request.json
    except ValueError as error:
        raise BindingError(invalid(wording.syntax(request.body, error))) from error
    if not isinstance(document, dict):
        raise BindingError(invalid(wording.conversion(request, "", document, "UiPath.Command")))
    return document


def newtonsoft_conversion(request: Request, name: str, value: Any, type_name: str) -> dict[str, list[str]]:
    place = f"Path '{name}', line 1, position {value_position(request, name) + 1}."
    if isinstance(value, (dict, list)):
        return {name: [f"Unexpected character encountered while parsing value: {json.dumps(value)[0]}. {place}"]}
    return {name: [f"Error converting value {json.dumps(value, ensure_ascii=False)} to type '{type_name}'. {place}"]}


def newtonsoft_syntax(body: bytes, error: ValueError) -> dict[str, list[str]]:
    """One message for each of the first characters that are no value, as in UiPath's documentation of the operation."""
    if not isinstance(error, json.JSONDecodeError):
        return {"": ["Error reading string. Path '', line 1, position 0."]}
    text = body.decode("utf-8", "replace")
    named = re.search(r'"(\w+)"\s*:[^,:]*$', text[: error.pos])
    path = named.group(1) if named else ""
    place = f"Path '{path}', line {error.lineno}, position {error.colno}."
    if error.pos >= len(text):
        return {path: [f"Unexpected end when reading JSON. {place}"]}
    if "escape" in error.msg:
        return {path: [f"Bad JSON escape sequence: {text[error.pos : error.pos + 2]}. {place}"]}
    return {
        path: [
            f"Unexpected character encountered while parsing value: {character}. {place}"
            for character in text[error.pos : error.pos + 2]
        ]
    }


def system_text_json_conversion(request: Request, name: str, value: Any, type_name: str) -> dict[str, list[str]]:
    where = f"$.{name}" if name else "$"
    message = (
        f"The JSON value could not be converted to {type_name}. "
        f"Path: {where} | LineNumber: 0 | BytePositionInLine: {value_position(request, name)}."
    )
    return {where: [message], **({} if name else COMMAND_IS_MISSING)}


def system_text_json_syntax(body: bytes, error: ValueError) -> dict[str, list[str]]:
    return {"$": [system_text_json_message(body, error)], **COMMAND_IS_MISSING}


def value_position(request: Request, name: str) -> int:
    return max(request.body.find(name.encode("utf-8")), 0) + len(name)


def system_text_json_message(body: bytes, error: ValueError) -> str:
    """Quotes the offending character."""
    if not isinstance(error, json.JSONDecodeError):
        return "The JSON value could not be converted. Path: $ | LineNumber: 0 | BytePositionInLine: 0."
    text = body.decode("utf-8", "replace")
    place = f"Path: $ | LineNumber: {error.lineno - 1} | BytePositionInLine: {error.colno - 1}."
    if error.pos >= len(text):
        return (
            "Expected depth to be zero at the end of the JSON payload. "
            f"There is an open JSON object or array that should be closed. {place}"
        )
    if "delimiter" in error.msg:
        return f"'{text[error.pos]}' is invalid after a value. Expected either ',', '}}', or ']'. {place}"
    if "escape" in error.msg:
        return (
            f"'{text[error.pos + 1 : error.pos + 2]}' is an invalid escapable character within a JSON string. {place}"
        )
    return f"'{text[error.pos]}' is an invalid start of a value. {place}"


COMMAND_IS_MISSING = {"command": ["The command field is required."]}


class Wording(NamedTuple):
    """How a JSON library words its errors: each function returns the messages under the keys that the library uses."""

    syntax: Callable[[bytes, ValueError], dict[str, list[str]]]
    conversion: Callable[[Request, str, Any, str], dict[str, list[str]]]


WORDINGS = {
    "newtonsoft": Wording(newtonsoft_syntax, newtonsoft_conversion),
    "system-text-json": Wording(system_text_json_syntax, system_text_json_conversion),
}


# ---------------------------------------------------------------------------------------------------------------------
# Users and the journal that keeps them
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class User:
    """One user: what the API shows of it (without the id), and what it never shows."""

    id: str
    shown: dict[str, Any]
    password: str | None = field(default=None, repr=False)
    history: list[str] = field(default_factory=list, repr=False)  # former passwords, newest first
    failures: int = 0
    locked_until: float = 0.0
    security_stamp: int = 0
    attempts: list[dict[str, str]] = field(default_factory=list)  # to sign in, newest first

    @property
    def dto(self) -> dict[str, Any]:
        return {"id": self.id, **self.shown}

    @property
    def is_local(self) -> bool:
        return self.shown["type"] == "user" and self.password is not None

    def set_password(self, password: str) -> None:
        if self.password is not None and self.password != password:
            self.history = [self.password, *self.history][:HISTORY_KEPT]
        self.password = password
        self.security_stamp += 1

    def record(self) -> dict[str, Any]:
        return {
            "op": "user",
            "id": self.id,
            "shown": self.shown,
            "password": self.password,
            "history": self.history,
            "failures": self.failures,
            "locked_until": self.locked_until,
            "security_stamp": self.security_stamp,
            "attempts": self.attempts,
        }


def canonical_id(user_id: str) -> str:
    """Uuids ignore case, other ids do not."""
    return user_id.lower() if is_guid(user_id) else user_id


def new_user(fields: dict[str, Any], number: int) -> User:
    unknown = set(fields) - set(USER_DEFAULTS) - {"id", "password", "history"}
    if unknown:
        raise ConfigError(f"unknown user fields: {sorted(unknown)}")
    shown = copy.deepcopy(USER_DEFAULTS)
    shown["legacyId"] = number
    shown.update({name: value for name, value in fields.items() if name in shown})
    user_id = canonical_id(str(fields.get("id") or uuid.uuid4()))
    shown["userName"] = shown["userName"] or user_id
    return User(user_id, shown, fields.get("password"), list(fields.get("history", [])))


def generated_users(spec: dict[str, Any]) -> list[dict[str, Any]]:
    prefix, start, password = spec.get("prefix", "user"), int(spec.get("start", 0)), spec.get("password", "initial-{n}")
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"simulator:{prefix}:{n}")),
            "userName": f"{prefix}{n:05d}",
            "email": f"{prefix}{n:05d}@example.com",
            "password": password.replace("{n}", str(n)),
            **spec.get("defaults", {}),
        }
        for n in range(start, start + int(spec["count"]))
    ]


def replay(users: dict[str, User], record: dict[str, Any]) -> None:
    operation = record["op"]
    if operation == "user":
        users[record["id"]] = User(**{name: value for name, value in record.items() if name != "op"})
    elif operation == "password":
        users[record["id"]].set_password(record["password"])
    elif operation == "failures":
        user = users[record["id"]]
        user.failures, user.locked_until = record["failures"], record["locked_until"]
    elif operation == "attempt":
        users[record["id"]].attempts.insert(0, record["attempt"])
    elif operation == "delete":
        users.pop(record["id"], None)
    elif operation == "clear":
        users.clear()


def load_state(path: str | os.PathLike[str]) -> dict[str, User]:
    """The users in a journal by id, with live password and history; a line still being written is left out."""
    users: dict[str, User] = {}
    for line in Path(path).read_bytes().split(b"\n")[:-1]:
        replay(users, json.loads(line))
    return users


class Journal:
    """Append-only JSON lines. write() is enough to survive kill -9; a power failure is out of scope."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.users = load_state(path) if path and os.path.exists(path) else {}
        self.descriptor = self._compact(path) if path else None

    def _compact(self, path: str) -> int:
        compacted = f"{path}.{os.getpid()}"
        descriptor = os.open(compacted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        lines = b"".join(journal_line(user.record()) for user in self.users.values())
        write_all(descriptor, lines)
        os.replace(compacted, path)
        return descriptor

    def append(self, *records: dict[str, Any]) -> None:
        if self.descriptor is not None:
            write_all(self.descriptor, b"".join(journal_line(record) for record in records))


def journal_line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode("ascii") + b"\n"


def write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


class Directory:
    """The users, every change of them journaled. The caller holds the lock."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.users = journal.users
        self._index: list[tuple[str, User]] | None = None
        self._numbers = max((user.shown["legacyId"] for user in self.users.values()), default=0)

    def find(self, user_id: str) -> User | None:
        return self.users.get(canonical_id(user_id))

    def find_name(self, user_name: str) -> User | None:
        wanted = user_name.lower()
        return next((user for user in self.users.values() if user.shown["userName"].lower() == wanted), None)

    def search(self, term: str, semantics: str) -> list[User]:
        """By user name; the index is one text per user, so that 20,000 of them are searched in milliseconds."""
        if self._index is None:
            users = sorted(self.users.values(), key=lambda user: str(user.shown["userName"]).lower())
            self._index = [(search_text(user), user) for user in users]
        wanted = term.strip().lower()
        if semantics == "prefix":
            wanted = "\n" + wanted
        return [user for text, user in self._index if wanted in text]

    def add(self, *fields: dict[str, Any]) -> list[User]:
        users = [new_user(one, self._numbers + number) for number, one in enumerate(fields, 1)]
        self._numbers += len(users)
        self.put(*users)
        return users

    def put(self, *users: User) -> None:
        self.journal.append(*(user.record() for user in users))
        self.users.update({user.id: user for user in users})
        self._index = None

    def set_password(self, user: User, password: str) -> None:
        self.journal.append({"op": "password", "id": user.id, "password": password})
        user.set_password(password)

    def count_failures(self, user: User, failures: int, locked_until: float) -> None:
        self.journal.append({"op": "failures", "id": user.id, "failures": failures, "locked_until": locked_until})
        user.failures, user.locked_until = failures, locked_until

    def note_attempt(self, user: User, result: str) -> None:
        attempt = {"result": result, "creationTime": timestamp()}
        self.journal.append({"op": "attempt", "id": user.id, "attempt": attempt})
        user.attempts.insert(0, attempt)

    def delete(self, user: User) -> None:
        self.journal.append({"op": "delete", "id": user.id})
        self.users.pop(user.id, None)
        self._index = None

    def clear(self) -> None:
        self.journal.append({"op": "clear"})
        self.users.clear()
        self._index = None


def search_text(user: User) -> str:
    names = (user.shown[name] for name in ("userName", "email", "name", "surname", "displayName"))
    return "\n" + "\n".join(str(name).lower() for name in names if name)


# ---------------------------------------------------------------------------------------------------------------------
# Decisions about one password (pure)
# ---------------------------------------------------------------------------------------------------------------------


MISMATCH = IdentityError("PasswordMismatch", "Incorrect password.")


def policy_errors(policy: dict[str, Any], password: str) -> list[IdentityError]:
    """All errors, in the order and the wording of the stock PasswordValidator; only ASCII has classes."""
    checks = [
        (
            len(password.encode("utf-16-le")) // 2 < policy["min_length"] or not password.strip(),
            "PasswordTooShort",
            f"Passwords must be at least {policy['min_length']} characters.",
        ),
        (
            policy["special"] and not re.search(r"[^0-9a-zA-Z]", password),
            "PasswordRequiresNonAlphanumeric",
            "Passwords must have at least one non alphanumeric character.",
        ),
        (
            policy["digit"] and not re.search(r"[0-9]", password),
            "PasswordRequiresDigit",
            "Passwords must have at least one digit ('0'-'9').",
        ),
        (
            policy["lower"] and not re.search(r"[a-z]", password),
            "PasswordRequiresLower",
            "Passwords must have at least one lowercase ('a'-'z').",
        ),
        (
            policy["upper"] and not re.search(r"[A-Z]", password),
            "PasswordRequiresUpper",
            "Passwords must have at least one uppercase ('A'-'Z').",
        ),
        (
            len(set(password)) < policy["unique_chars"],
            "PasswordRequiresUniqueChars",
            f"Passwords must use at least {policy['unique_chars']} different characters.",
        ),
    ]
    return [IdentityError(code, description) for failed, code, description in checks if failed]


def history_errors(history: dict[str, Any], user: User, password: str) -> list[IdentityError]:
    former = [user.password, *user.history] if history["counts_current"] else user.history
    limit = int(history["limit"])
    if password not in former[:limit]:
        return []
    return [IdentityError(history["code"], f"The password must differ from the last {limit} passwords.")]


def state_errors(config: dict[str, Any], user: User, now: float) -> list[IdentityError]:
    if not user.is_local and config["no_password_code"] != MISMATCH.code:
        return [IdentityError(config["no_password_code"], "The user has no local password.")]
    if config["inactive"]["refused"] and not user.shown["isActive"]:
        return [IdentityError(config["inactive"]["code"], "The user is not active.")]
    lockout = config["lockout"]
    if lockout["enabled"] and lockout["refuses_changes"] and user.locked_until > now:
        return [IdentityError(lockout["code"], "The user is locked out.")]
    return []


def equality_errors(config: dict[str, Any], old: str, new: str) -> list[IdentityError]:
    return [IdentityError(config["equality"]["code"], "The new password equals the old one.")] if old == new else []


def old_errors(user: User, password: str) -> list[IdentityError]:
    return [] if user.is_local and password == user.password else [MISMATCH]


def change_errors(config: dict[str, Any], user: User, old: str, new: str, now: float) -> list[IdentityError]:
    """The errors that reject this change; empty if it is accepted."""
    new_ones = policy_errors(config["policy"], new) + history_errors(config["history"], user, new)
    equal = equality_errors(config, old, new)
    after_old = [old_errors(user, old), equal if config["equality"]["checked"] == "after-old" else []]
    in_order = [new_ones, *after_old] if config["order"] == "policy-first" else [*after_old, new_ones]
    first = [state_errors(config, user, now), equal if config["equality"]["checked"] == "first" else []]
    return next((errors for errors in [*first, *in_order] if errors), [])


def reset_errors(config: dict[str, Any], user: User, password: str) -> list[IdentityError]:
    if not user.is_local and user.shown["type"] != "user":
        return [IdentityError("UserHasNoLocalPassword", "The user has no local password.")]
    errors = policy_errors(config["policy"], password) if config["reset"]["policy"] else []
    return errors + (history_errors(config["history"], user, password) if config["reset"]["history"] else [])


# ---------------------------------------------------------------------------------------------------------------------
# Settings, which are views of the configuration
# ---------------------------------------------------------------------------------------------------------------------

COMPLEXITY = "Auth.Password.PasswordComplexity"
COMPLEXITY_NAMES = {
    "hasSpecialCharacter": "special",
    "hasLowercase": "lower",
    "hasUppercase": "upper",
    "hasDigit": "digit",
}
SETTING_PLACES: dict[str, tuple[str, str]] = {
    "Auth.Password.PreviousUseLimit": ("history", "limit"),
    "Auth.UserLockOut.IsEnabled": ("lockout", "enabled"),
    "Auth.UserLockOut.MaxFailedAccessAttemptsBeforeLockout": ("lockout", "max_failures"),
    "Auth.UserLockOut.DefaultAccountLockoutSeconds": ("lockout", "seconds"),
}


def settings_of(config: dict[str, Any]) -> dict[str, str | None]:
    complexity = {theirs: config["policy"][ours] for theirs, ours in COMPLEXITY_NAMES.items()}
    complexity["Length"] = str(config["policy"]["min_length"])  # a string and in upper case, as the product has it
    values: dict[str, str | None] = {COMPLEXITY: json.dumps(complexity, separators=(",", ":"))}
    for key, (group, name) in SETTING_PLACES.items():
        values[key] = json.dumps(config[group][name])
    return {**values, **config["settings"]}


def setting_change(key: str, value: str | None) -> dict[str, Any]:
    """The changes to merge into the configuration; raises ValueError for a value that the key cannot have."""
    if key == COMPLEXITY:
        given = json.loads(value or "")
        policy = {ours: bool(given[theirs]) for theirs, ours in COMPLEXITY_NAMES.items() if theirs in given}
        return {"policy": {**policy, **({"min_length": int(given["Length"])} if "Length" in given else {})}}
    if key not in SETTING_PLACES:
        return {"settings": {key: value}}
    group, name = SETTING_PLACES[key]
    parsed = json.loads((value or "").lower())
    if isinstance(parsed, bool) != (name == "enabled") or not isinstance(parsed, int):
        raise ValueError(f"{key} cannot be {value}")
    return {group: {name: parsed}}


# ---------------------------------------------------------------------------------------------------------------------
# Configuration
# ---------------------------------------------------------------------------------------------------------------------


def merged(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A new configuration; raises ConfigError for keys and types that the default one does not have."""
    check_types(changes, DEFAULT_CONFIG, "")
    result = copy.deepcopy(config)
    for key, value in changes.items():
        if key in OPEN_KEYS:
            result[key] = {name: one for name, one in {**result[key], **value}.items() if one is not None}
        elif isinstance(value, dict):
            result[key].update(value)
        else:
            result[key] = value
    check_choices(result)
    return result


def check_types(changes: dict[str, Any], defaults: dict[str, Any], where: str) -> None:
    for key, value in changes.items():
        if key not in defaults:
            raise ConfigError(f"unknown configuration key: {where}{key}")
        if key != "forms" and json_type(value) != json_type(defaults[key]):
            raise ConfigError(f"{where}{key} has the wrong type")
        if isinstance(value, dict) and key not in OPEN_KEYS:
            check_types(value, defaults[key], f"{key}.")


def json_type(value: Any) -> type:
    return float if is_integer(value) else type(value)


def check_choices(config: dict[str, Any]) -> None:
    choices = {
        "order": ORDERS,
        "ids": ("uuid", "any"),
        "absent_paths": ("page", "not_found"),
        "validation": tuple(WORDINGS),
        "generations": ("new", "old", "both"),
        "search": ("prefix", "contains"),
        "token_format": ("jwt", "opaque"),
        "create_existing": ("recreate", "refuse"),
    }
    for key, allowed in choices.items():
        if config[key] not in allowed:
            raise ConfigError(f"{key} is one of {', '.join(allowed)}")
    if config["equality"]["checked"] not in EQUALITY_CHECKS:
        raise ConfigError(f"equality.checked is one of {', '.join(EQUALITY_CHECKS)}")
    if not served_forms(config) <= set(FORMS):
        raise ConfigError(f"forms is all, one of {', '.join(FORMS)}, or a list of them")


def served_forms(config: dict[str, Any]) -> set[str]:
    forms = config["forms"]
    if forms == "all":
        return set(FORMS)
    return {forms} if isinstance(forms, str) else set(forms)


# ---------------------------------------------------------------------------------------------------------------------
# Routing (pure)
# ---------------------------------------------------------------------------------------------------------------------


class Route(NamedTuple):
    """The route of a request: an operation and its argument, or an answer that needs no operation."""

    operation: str
    argument: str = ""
    base: str = ""
    answer: Answer | None = None


RESOURCES: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (("connect", "token"), {"POST": "token"}),
    ((".well-known", "openid-configuration"), {"GET": "discovery"}),
    (("api", "user", "{}", "changepassword"), {"POST": "change_password"}),
    (("api", "user", "{}", "loginattempts"), {"GET": "login_attempts"}),
    (("api", "user", "users", "{}"), {"GET": "list_users"}),
    (("api", "userpartition", "users", "{}"), {"GET": "list_users"}),
    (("api", "user", "{}"), {"GET": "get_user", "PUT": "put_user", "DELETE": "delete_user"}),
    (("api", "user"), {"POST": "create_user", "DELETE": "delete_user"}),
    (("api", "setting"), {"GET": "get_setting", "PUT": "put_setting"}),
]


def split_form(segments: list[str]) -> tuple[str, int]:
    """The URL form and the number of segments of its base; an empty form if there is none."""
    if segments[0].lower() == "identity":
        return "standalone", 1
    for form, place in (("host", 0), ("organization", 1), ("tenant", 2)):
        if len(segments) > place and segments[place].lower() == "identity_":
            return form, place + 1
    return "", 0


def route(config: dict[str, Any], request: Request) -> Route:
    form, length = split_form(request.segments)
    rest = request.segments[length:]
    base = "/" + "/".join(request.segments[:length])
    forms = served_forms(config)
    absent = html_answer() if config["absent_paths"] == "page" else not_found()
    found = resource(rest, base, request.method, absent) if form else Route("unknown", answer=html_answer())
    if form == "host" and forms == {"standalone"}:
        return found._replace(answer=unsupported_api_version())
    if form == "host" and "host" not in forms and forms & {"organization", "tenant"}:
        is_api = found.operation not in ("token", "discovery", "unknown")
        return found._replace(answer=invalid_partition()) if is_api else found
    if form not in forms:
        return Route("unknown", answer=html_answer())
    names = [unquote(segment) for segment in request.segments[: length - 1]]
    if names != [config["organization"], config["tenant"]][: len(names)]:
        return found._replace(answer=not_found())
    if found.operation == "list_users" and not generation_exists(config, rest):
        return found._replace(answer=absent)
    return found


def resource(segments: list[str], base: str, method: str, absent: Answer) -> Route:
    for pattern, methods in RESOURCES:
        if len(pattern) != len(segments):
            continue
        arguments = [got for wanted, got in zip(pattern, segments) if wanted == "{}"]
        literals = all(wanted in ("{}", got.lower()) for wanted, got in zip(pattern, segments))
        if literals and all(arguments):
            argument = unquote("".join(arguments))
            if method in methods:
                return Route(methods[method], argument, base)
            return Route("unknown", argument, base, Answer(405, headers={"Allow": ", ".join(methods)}))
    return Route("unknown", base=base, answer=absent)


def generation_exists(config: dict[str, Any], segments: list[str]) -> bool:
    generation = "old" if segments[1].lower() == "userpartition" else "new"
    return config["generations"] in ("both", generation)


# ---------------------------------------------------------------------------------------------------------------------
# Tokens
# ---------------------------------------------------------------------------------------------------------------------


class Grant(NamedTuple):
    """The rights of a bearer token."""

    client_id: str
    scopes: frozenset[str]
    administrator: bool
    expires_at: float


def token_error(config: dict[str, Any], code: str, description: str) -> Answer:
    document = {"error": code}
    if config["token_error_description"]:
        document["error_description"] = description
    return json_answer(document, 400)


def jwt(config: dict[str, Any], client_id: str, scopes: list[str], base: str, now: int) -> str:
    claims = {
        "iss": base,
        "nbf": now,
        "iat": now,
        "exp": now + int(config["token_lifetime"]),
        "aud": ["IdentityServerApi"],
        "scope": scopes,
        "sub": client_id,
        "sub_type": "service.external",
        "client_id": client_id,
        "jti": secrets.token_hex(16),
    }
    if config["token_claims"]["prt_id"]:
        claims["prt_id"] = config["partition_id"]
    header = {"alg": "RS256", "kid": "simulator", "typ": "at+jwt"}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)] + [secrets.token_bytes(64)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class Tokens:
    """The tokens issued since the start; none survives a restart. The caller holds the lock."""

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}

    def issue(self, config: dict[str, Any], client_id: str, scopes: list[str], base: str) -> str:
        now = int(time.time())
        opaque = config["token_format"] == "opaque"
        token = secrets.token_hex(32) if opaque else jwt(config, client_id, scopes, base, now)
        self.grants[token] = Grant(client_id, frozenset(scopes), True, now + float(config["token_lifetime"]))
        return token

    def find(self, config: dict[str, Any], token: str) -> Grant | None:
        static = config["static_tokens"].get(token)
        if static is not None:
            scopes = frozenset(static.get("scopes", ()))
            return Grant(static.get("client_id", "static"), scopes, static.get("administrator", True), float("inf"))
        grant = self.grants.get(token)
        if grant is None or grant.expires_at <= time.time():
            return None
        client = config["clients"].get(grant.client_id, {})
        return grant._replace(administrator=client.get("administrator", True))


def bearer(request: Request) -> str:
    scheme, *rest = request.headers.get("authorization", "").split(" ", 1)
    return "".join(rest).strip() if scheme.lower() == "bearer" else ""


def unauthorized(given: bool) -> Answer:
    return Answer(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"' if given else "Bearer"})


# ---------------------------------------------------------------------------------------------------------------------
# Faults
# ---------------------------------------------------------------------------------------------------------------------

PASSING = frozenset({"latency", "other_change", "other_delete"})
KINDS: dict[str, dict[str, Any]] = {
    "latency": {"seconds": 0.1},
    "other_change": {"password": None},
    "other_delete": {},
    "too_many_requests": {"retry_after": None, "as_date": False, "apply": False},
    "status": {"status": 500, "apply": False},
    "drop": {"how": "close", "apply": False},
    "late": {"delay": 1.0, "then": "hang", "seconds": 30.0, "status": 504},
    "twice": {},
    "truncated": {"cut": "body", "apply": True},
    "slow_body": {"seconds": 1.0, "apply": True},
    "empty": {"status": 200, "apply": False},
    "no_content": {"apply": False},
    "html": {"status": 200, "apply": False},
    "redirect": {"status": 302, "location": "/login", "apply": False},
    "not_succeeded": {"code": None, "description": None, "apply": False},
    "problem": {"status": 400, "apply": False},
    "quoting_result": {"code": "InvalidPassword", "status": 400, "apply": False},
    "identity_error": {"code": "", "description": "", "status": 400, "apply": False},
    "unauthorized": {"revoke": False, "apply": False},
    "forbidden": {"apply": False},
    "unsupported_api_version": {"apply": False},
    "invalid_partition": {"apply": False},
    "concurrency_failure": {"apply": False},
    "custom": {"status": 200, "headers": {}, "body": "", "json": None, "apply": False},
    "crash": {"apply": False},
}
SELECTORS = {"operation": "*", "times": 1, "skip": 0, "user_id": None, "probability": None}
OPERATIONS_ON_A_USER = ("change_password", "get_user", "put_user", "delete_user", "login_attempts")
OPERATIONS = ("token", "discovery", *SCOPES, "unknown")


@dataclass
class Fault:
    """One planned fault; times counts down, None means always."""

    kind: str
    operation: str
    times: int | None
    skip: int
    user_id: str | None
    probability: float | None
    parameters: dict[str, Any] = field(repr=False)
    fired: int = 0

    def matches(self, operation: str, user_id: str) -> bool:
        return (
            self.times != 0
            and self.operation in ("*", operation)
            and (self.user_id is None or canonical_id(self.user_id) == canonical_id(user_id))
        )

    def fires(self, chance: random.Random) -> bool:
        """Count a matching request, and tell whether the fault applies to it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability is not None and chance.random() >= self.probability:
            return False
        self.fired += 1
        if self.times is not None:
            self.times -= 1
        return True


def new_fault(spec: dict[str, Any]) -> Fault:
    kind = spec.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"unknown fault kind {kind}; there are {', '.join(KINDS)}")
    unknown = set(spec) - set(SELECTORS) - set(KINDS[kind]) - {"kind"}
    if unknown:
        raise ConfigError(f"unknown parameters of {kind}: {sorted(unknown)}")
    selectors = {name: spec.get(name, default) for name, default in SELECTORS.items()}
    if selectors["operation"] not in ("*", *OPERATIONS):
        raise ConfigError(f"unknown operation {selectors['operation']}")
    return Fault(kind, parameters={name: spec.get(name, value) for name, value in KINDS[kind].items()}, **selectors)


class FaultPlan:
    """The planned faults, in order. The caller holds the lock."""

    def __init__(self, seed: int) -> None:
        self.faults: list[Fault] = []
        self.chance = random.Random(seed)  # noqa: S311 - chance must be repeatable

    def select(self, operation: str, user_id: str) -> list[Fault]:
        """The faults of this request: any number that let it continue, then at most one that answers."""
        selected = []
        for fault in self.faults:
            if fault.matches(operation, user_id) and fault.fires(self.chance):
                selected.append(fault)
                if fault.kind not in PASSING:
                    break
        return selected


def quoted(passwords: list[str]) -> str:
    """A message with a password in every encoding in which a server may quote it."""
    spellings = []
    for password in passwords:
        escaped = json.dumps(password)[1:-1]
        encoded = base64.b64encode(password.encode("utf-8")).decode("ascii")
        spellings += [password, escaped, quote(password, safe=""), encoded, password.upper()]
    return " | ".join(spellings) or "nothing"


def quoting_problem(request: Request, status: int) -> Answer:
    message = f"The JSON value could not be converted: {quoted(request.passwords)}"
    return problem(status, "One or more validation errors occurred.", {"$": [message]})


def too_many_requests(parameters: dict[str, Any]) -> Answer:
    answer = json_answer({"message": "Rate limit is exceeded. Try again later."}, 429)
    seconds = parameters["retry_after"]
    if parameters["as_date"]:
        answer.headers["Retry-After"] = email.utils.formatdate(time.time() + float(seconds or 0), usegmt=True)
    elif seconds is not None:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def not_succeeded(parameters: dict[str, Any]) -> Answer:
    errors = [IdentityError(parameters["code"], parameters["description"] or "")] if parameters["code"] else []
    return refused(*errors, status=200)


def custom(parameters: dict[str, Any]) -> Answer:
    if parameters["json"] is not None:
        answer = json_answer(parameters["json"], parameters["status"])
    else:
        answer = Answer(parameters["status"], str(parameters["body"]).encode("utf-8"), "text/plain; charset=utf-8")
    answer.headers.update(parameters["headers"])
    return answer


INVENTED: dict[str, Callable[[dict[str, Any], Request], Answer]] = {
    "too_many_requests": lambda given, request: too_many_requests(given),
    "status": lambda given, request: json_answer({"message": "The request failed."}, given["status"]),
    "drop": lambda given, request: Answer(0, delivery=given["how"]),
    "empty": lambda given, request: Answer(given["status"], content_type="application/json; charset=utf-8"),
    "no_content": lambda given, request: Answer(204),
    "html": lambda given, request: html_answer(given["status"]),
    "redirect": lambda given, request: Answer(given["status"], headers={"Location": given["location"]}),
    "not_succeeded": lambda given, request: not_succeeded(given),
    "problem": lambda given, request: quoting_problem(request, given["status"]),
    "quoting_result": lambda given, request: refused(
        IdentityError(given["code"], f"Not acceptable: {quoted(request.passwords)}"), status=given["status"]
    ),
    "identity_error": lambda given, request: refused(
        IdentityError(given["code"], given["description"]), status=given["status"]
    ),
    "unauthorized": lambda given, request: unauthorized(given=True),
    "forbidden": lambda given, request: Answer(403),
    "unsupported_api_version": lambda given, request: unsupported_api_version(),
    "invalid_partition": lambda given, request: invalid_partition(),
    "concurrency_failure": lambda given, request: refused(
        IdentityError("ConcurrencyFailure", "Optimistic concurrency failure, object has been modified.")
    ),
    "custom": lambda given, request: custom(given),
}


def truncated(answer: Answer, cut: str) -> Answer:
    """Half of the body, with a Content-Length of the half, or of the whole and then the end of the connection."""
    if cut == "connection":
        answer.delivery = "cut"
    else:
        answer.body = answer.body[: len(answer.body) // 2]
    return answer


# ---------------------------------------------------------------------------------------------------------------------
# The simulator: everything but the wire
# ---------------------------------------------------------------------------------------------------------------------


class Report:
    """A log for the tests. The caller holds the lock."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.applied: Counter[str] = Counter()
        self.mismatches: Counter[str] = Counter()
        self.faults_fired: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.in_flight_peak: Counter[str] = Counter()
        self.writes = 0
        self.connections = 0
        self.tokens_issued = 0
        self.log: list[dict[str, Any]] = []

    def begin(self, found: Route, request: Request, client_id: str | None) -> dict[str, Any]:
        operation = found.operation
        self.requests[operation] += 1
        self.in_flight[operation] += 1
        self.in_flight_peak[operation] = max(self.in_flight_peak[operation], self.in_flight[operation])
        entry = {
            "n": len(self.log) + 1,
            "time": time.time(),
            "operation": operation,
            "method": request.method,
            "target": request.target,
            "user_id": found.argument if operation in OPERATIONS_ON_A_USER else None,
            "status": None,
            "body_keys": sorted(request.fields) if request.body else [],
            "content_type": request.headers.get("content-type"),
            "client_id": client_id,
            "in_flight": self.in_flight[operation],
        }
        self.log.append(entry)
        return entry

    def end(self, entry: dict[str, Any], answer: Answer) -> None:
        entry["status"] = answer.status or None
        self.in_flight[entry["operation"]] -= 1
        self.answers[entry["operation"]][str(answer.status or "none")] += 1

    def document(self) -> dict[str, Any]:
        names = ("requests", "applied", "mismatches", "writes", "connections", "tokens_issued", "faults_fired",
                 "in_flight_peak")  # fmt: skip
        answers = {operation: dict(counts) for operation, counts in self.answers.items()}
        return {**{name: getattr(self, name) for name in names}, "answers": answers}


class Simulator:
    """Users, tokens, faults and counts under one lock, and the operations of the API on them."""

    def __init__(self, config: dict[str, Any], state: str | None = None) -> None:
        self.lock = threading.RLock()
        self.config = config
        self.directory = Directory(Journal(state))
        self.tokens = Tokens()
        self.plan = FaultPlan(config["seed"])
        self.report = Report()
        self.url = ""
        self.handlers: dict[str, Callable[[Request, Route], Answer]] = {
            "token": self.token,
            "discovery": self.discovery,
            "change_password": self.change_password,
            "list_users": self.list_users,
            "get_user": self.get_user,
            "put_user": self.put_user,
            "delete_user": self.delete_user,
            "create_user": self.create_user,
            "get_setting": self.get_setting,
            "put_setting": self.put_setting,
            "login_attempts": self.login_attempts,
        }

    def configure(self, changes: dict[str, Any]) -> None:
        self.config = merged(self.config, changes)
        if "seed" in changes:
            self.plan.chance = random.Random(changes["seed"])  # noqa: S311 - chance must be repeatable

    # One request

    def answer(self, request: Request) -> Answer:
        with self.lock:
            found = route(self.config, request)
            report, entry = self.report, self.report.begin(found, request, self.client_of(request))
            faults = self.plan.select(found.operation, found.argument)
            report.faults_fired.update(fault.kind for fault in faults)
            latency = self.config["latency"]
        answer = Answer(0, delivery="reset")
        try:
            if latency:
                time.sleep(latency)
            answer = self.spoiled(request, found, faults)
        finally:
            with self.lock:
                report.end(entry, answer)
        return answer

    def client_of(self, request: Request) -> str | None:
        grant = self.tokens.find(self.config, bearer(request))
        return grant.client_id if grant else None

    def handle(self, request: Request, found: Route) -> Answer:
        """The request as a healthy server treats it: authorization, model binding, operation."""
        if found.answer is not None:
            return found.answer
        with self.lock:
            refusal = self.forbidden(request, found.operation) or self.invalid_id(found)
            if refusal is not None:
                return refusal
            try:
                return self.handlers[found.operation](request, found)
            except BindingError as error:
                return error.answer

    def forbidden(self, request: Request, operation: str) -> Answer | None:
        if operation not in SCOPES:
            return None
        token = bearer(request)
        grant = self.tokens.find(self.config, token)
        if grant is None:
            return unauthorized(given=bool(token))
        allowed = grant.administrator and grant.scopes & SCOPES[operation]
        return None if allowed else Answer(403)

    def invalid_id(self, found: Route) -> Answer | None:
        names_a_user = found.operation in OPERATIONS_ON_A_USER and found.argument
        if self.config["ids"] == "any" or not names_a_user or is_guid(found.argument):
            return None
        return invalid({"userId": [f"The value '{found.argument}' is not valid."]})

    def spoiled(self, request: Request, found: Route, faults: list[Fault]) -> Answer:
        for fault in faults:
            if fault.kind in PASSING:
                self.interfere(fault, found)
            else:
                return self.faulty(request, found, fault.kind, fault.parameters)
        return self.handle(request, found)

    def interfere(self, fault: Fault, found: Route) -> None:
        if fault.kind == "latency":
            time.sleep(fault.parameters["seconds"])
            return
        with self.lock:
            user = self.directory.find(found.argument)
            if user is not None and fault.kind == "other_change":
                self.directory.set_password(user, fault.parameters["password"])
            elif user is not None:
                self.directory.delete(user)

    def faulty(self, request: Request, found: Route, kind: str, given: dict[str, Any]) -> Answer:
        if kind == "late":
            return self.late(request, found, given)
        real = self.handle(request, found) if kind == "twice" or given.get("apply") else succeeded()
        if kind == "twice":
            return self.handle(request, found)
        if kind == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "truncated":
            return truncated(real, given["cut"])
        if kind == "slow_body":
            real.delivery, real.seconds = "drip", given["seconds"]
            return real
        if kind == "unauthorized" and given["revoke"]:
            with self.lock:
                self.tokens.grants.clear()
        return INVENTED[kind](given, request)

    def late(self, request: Request, found: Route, given: dict[str, Any]) -> Answer:
        timer = threading.Timer(given["delay"], self.handle, (request, found))
        timer.daemon = True
        timer.start()
        if given["then"] == "status":
            return json_answer({"message": "The request timed out."}, given["status"])
        return Answer(0, delivery=given["then"], seconds=given["seconds"])

    # Token and discovery

    def token(self, request: Request, found: Route) -> Answer:
        if request.content_type != "application/x-www-form-urlencoded":
            return html_answer()
        given = {name: values[0] for name, values in form_fields(request.body).items()}
        client_id = given.get("client_id", "")
        client = self.config["clients"].get(client_id)
        if client is None or client["secret"] != given.get("client_secret"):
            return token_error(self.config, "invalid_client", "Client authentication failed.")
        if given.get("grant_type") != "client_credentials":
            return token_error(self.config, "unsupported_grant_type", "The grant type is not supported.")
        registered = list(client.get("scopes", []))
        scopes = given.get("scope", "").split() or registered
        if not set(scopes) <= set(registered):
            return token_error(self.config, "invalid_scope", "A scope is not registered for this client.")
        token = self.tokens.issue(self.config, client_id, scopes, self.url + found.base)
        self.report.tokens_issued += 1
        answer = json_answer(
            {
                "access_token": token,
                "expires_in": self.config["token_lifetime"],
                "token_type": "Bearer",
                "scope": " ".join(scopes),
            }
        )
        answer.headers["Cache-Control"] = "no-store, no-cache, max-age=0"
        return answer

    def discovery(self, request: Request, found: Route) -> Answer:
        base = self.url + found.base
        scopes = sorted({scope for client in self.config["clients"].values() for scope in client.get("scopes", [])})
        return json_answer(
            {
                "issuer": base,
                "token_endpoint": f"{base}/connect/token",
                "jwks_uri": f"{base}/.well-known/openid-configuration/jwks",
                "scopes_supported": scopes,
                "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )

    # Users

    def bound(self, request: Request, fields: dict[str, str], *required: str) -> dict[str, Any]:
        return bind(request, fields, required, wording=self.config["validation"])

    def change_password(self, request: Request, found: Route) -> Answer:
        given = self.bound(request, CHANGE_FIELDS, "oldPassword", "newPassword")
        user = self.directory.find(found.argument)
        if user is None:
            return not_found()
        now = time.time()
        errors = change_errors(self.config, user, given["oldPassword"], given["newPassword"], now)
        if errors:
            self.count_mismatch(user, errors, now)
            return refused(*errors)
        self.directory.set_password(user, given["newPassword"])
        if self.config["lockout"]["reset_by_change"]:
            self.directory.count_failures(user, 0, user.locked_until)
        self.report.applied[user.id] += 1
        self.report.writes += 1
        return succeeded()

    def count_mismatch(self, user: User, errors: list[IdentityError], now: float) -> None:
        if errors[0] != MISMATCH:
            return
        self.report.mismatches[user.id] += 1
        if self.config["lockout"]["counts_changes"]:
            self.count_failure(user, now)
        if self.config["login_attempts"]["lists_changes"]:
            self.directory.note_attempt(user, "invalidPassword")

    def count_failure(self, user: User, now: float) -> None:
        """As `AccessFailedAsync` of the stock framework: the failure that locks starts the counter anew."""
        lockout = self.config["lockout"]
        if lockout["enabled"]:
            failures = user.failures + 1
            locks = failures >= lockout["max_failures"]
            self.directory.count_failures(
                user, 0 if locks else failures, now + lockout["seconds"] if locks else user.locked_until
            )

    def sign_in(self, user: User, password: str) -> str:
        """Sign in as a person does, by the rules of the stock `CheckPasswordSignInAsync`, and return the result."""
        now = time.time()
        locked = self.config["lockout"]["enabled"] and user.locked_until > now
        if not user.shown["isActive"]:
            result = "userIsNotActive"
        elif locked:
            result = "lockedOut"
        elif user.password == password:
            result = "success"
            self.directory.count_failures(user, 0, 0.0)
        else:
            self.count_failure(user, now)
            result = "lockedOut" if user.locked_until > now else "invalidPassword"
        self.directory.note_attempt(user, result)
        return result

    def login_attempts(self, request: Request, found: Route) -> Answer:
        user = self.directory.find(found.argument)
        if user is None:
            return not_found()
        errors, page = paging(request.query)
        since = request.query.get("since", [""])[0]
        if since and not re.fullmatch(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?", since):
            errors["since"] = [f"The value '{since}' is not valid."]
        if errors:
            return invalid(errors)
        attempts = [attempt for attempt in user.attempts if attempt["creationTime"] >= since]
        common = {"userId": user.id, "userNameOrEmailAddress": user.shown["userName"], "partitionName": None,
                  "clientIpAddress": None, "clientName": None, "browserInfo": None,
                  "partitionGlobalId": self.config["partition_id"]}  # fmt: skip
        results = [
            {"id": number, **common, **attempt} for number, attempt in zip(range(len(attempts), 0, -1), attempts)
        ]
        return json_answer({"totalCount": len(attempts), "results": results[page.skip : page.skip + page.top]})

    def list_users(self, request: Request, found: Route) -> Answer:
        if not is_guid(found.argument):
            return invalid({"partitionGlobalId": [f"The value '{found.argument}' is not valid."]})
        if found.argument.lower() != self.config["partition_id"].lower():
            return not_found()
        errors, page = paging(request.query)
        if errors:
            return invalid(errors)
        users = self.directory.search(request.query.get("searchterm", [""])[0], self.config["search"])
        users = ordered(users, page)
        chosen = users[page.skip : page.skip + page.top]
        return json_answer({"totalCount": len(users), "results": [user.dto for user in chosen]})

    def get_user(self, request: Request, found: Route) -> Answer:
        user = self.directory.find(found.argument)
        return not_found() if user is None else json_answer(user.dto)

    def put_user(self, request: Request, found: Route) -> Answer:
        given = self.bound(request, PUT_USER_FIELDS)
        user = self.directory.find(found.argument)
        if user is None:
            return not_found()
        password = given.pop("password", None)
        errors = [] if password is None else reset_errors(self.config, user, password)
        if errors:
            return refused(*errors)
        removed = set(given.pop("groupIDsToRemove", []))
        groups = [*user.shown["groupIDs"], *given.pop("groupIDsToAdd", [])]
        user.shown.update(given, groupIDs=[group for group in dict.fromkeys(groups) if group not in removed])
        user.shown["lastModificationTime"] = timestamp()
        if password is not None:
            user.set_password(password)
            if self.config["reset"]["unlocks"]:
                user.failures, user.locked_until = 0, 0.0
        self.directory.put(user)
        self.report.writes += 1
        return succeeded()

    def delete_user(self, request: Request, found: Route) -> Answer:
        ids = [found.argument]
        if not found.argument:
            ids = self.bound(request, BULK_DELETE_FIELDS, "partitionGlobalId", "userIds")["userIds"]
        users = [user for user in map(self.directory.find, ids) if user is not None]
        if found.argument and not users:
            return not_found()
        for user in users:
            self.directory.delete(user)
        self.report.writes += 1
        return Answer(204)

    def create_user(self, request: Request, found: Route) -> Answer:
        given = self.bound(request, CREATE_USER_FIELDS, "userName")
        validate = given.pop("validatePassword", True)
        given.pop("partitionGlobalId", None)
        existing = self.directory.find(given.get("id", "")) or self.directory.find_name(given["userName"])
        if existing is not None and self.config["create_existing"] == "refuse":
            return refused(IdentityError("DuplicateUserName", f"Username '{given['userName']}' is already taken."))
        password = given.get("password")
        errors = policy_errors(self.config["policy"], password) if password is not None and validate else []
        if errors:
            return refused(*errors)
        if existing is not None:
            self.directory.delete(existing)
        self.directory.add({"creationTime": timestamp(), **given})
        self.report.writes += 1
        return succeeded()

    # Settings

    def setting_dtos(self, keys: list[str]) -> Answer:
        values = settings_of(self.config)
        partition = self.config["partition_id"]
        return json_answer(
            [
                {"id": number, "key": key, "value": value, "partitionGlobalId": partition, "userId": None}
                for number, (key, value) in enumerate(values.items(), 1)
                if not keys or key in keys
            ]
        )

    def get_setting(self, request: Request, found: Route) -> Answer:
        return self.setting_dtos(request.query.get("key", []))

    def put_setting(self, request: Request, found: Route) -> Answer:
        given = self.bound(request, PUT_SETTING_FIELDS, "settings")
        keys = []
        for setting in given["settings"]:
            if not isinstance(setting.get("key"), str) or not isinstance(setting.get("value", ""), (str, type(None))):
                return invalid({"settings": ["The setting is not valid."]})
            try:
                self.configure(setting_change(setting["key"], setting.get("value")))
            except ValueError as error:
                return invalid({setting["key"]: [str(error)]})
            keys.append(setting["key"])
        self.report.writes += 1
        return self.setting_dtos(keys)


class Page(NamedTuple):
    top: int
    skip: int
    sort_by: str
    descending: bool


def paging(query: dict[str, list[str]]) -> tuple[dict[str, list[str]], Page]:
    """The errors of top, skip, sortBy and sortOrder, and the page they ask for."""
    errors: dict[str, list[str]] = {}
    numbers = {"top": 10, "skip": 0}
    limits = {"top": 1000, "skip": 2147483647}
    for name, limit in limits.items():
        text = query.get(name, [""])[0]
        if text and not re.fullmatch(r"[+-]?[0-9]+", text):
            errors[name] = [f"The value '{text}' is not valid."]
        elif text and not 0 <= int(text) <= limit:
            errors[name] = [f"The field {name} must be between 0 and {limit}."]
        elif text:
            numbers[name] = int(text)
    order = query.get("sortorder", [""])[0].lower()
    if order not in ("", "asc", "desc"):
        errors["sortOrder"] = [f"The value '{order}' is not valid."]
    sort_by = query.get("sortby", [""])[0]
    names = {name.lower(): name for name in ("id", *USER_DEFAULTS)}
    if sort_by and sort_by.lower() not in names:
        errors["sortBy"] = [f"The value '{sort_by}' is not valid."]
    return errors, Page(numbers["top"], numbers["skip"], names.get(sort_by.lower(), ""), order == "desc")


def ordered(users: list[User], page: Page) -> list[User]:
    """Users arrive ordered by user name."""
    if page.sort_by in ("", "userName"):
        return users[::-1] if page.descending else users
    return sorted(users, key=lambda user: str(user.dto[page.sort_by]).lower(), reverse=page.descending)


def timestamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


# ---------------------------------------------------------------------------------------------------------------------
# Control API
# ---------------------------------------------------------------------------------------------------------------------


class Control:
    """The paths below /simulator/; every method runs under the simulator's lock."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def answer(self, request: Request) -> Answer:
        segments = request.segments[1:]
        argument = unquote(segments.pop()) if segments[0] == "users" and len(segments) == 2 else ""
        name = "/".join(segments)
        methods: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "report"): lambda given: self.simulator.report.document(),
            ("GET", "requests"): lambda given: self.simulator.report.log,
            ("POST", "reset"): self.reset,
            ("GET", "config"): lambda given: self.simulator.config,
            ("PATCH", "config"): self.configure,
            ("GET", "users"): lambda given: self.show_user(argument) if argument else self.list_users(),
            ("POST", "users"): self.add_users,
            ("DELETE", "users"): lambda given: self.forget_users(argument),
            ("POST", "verify"): self.verify,
            ("GET", "faults"): lambda given: [vars(fault) for fault in self.simulator.plan.faults],
            ("POST", "faults"): self.add_faults,
            ("DELETE", "faults"): self.forget_faults,
            ("POST", "tokens/revoke"): self.revoke,
            ("POST", "sign-in"): self.sign_in,
        }
        method = methods.get((request.method, name))
        if method is None:
            return json_answer({"error": f"no {request.method} /simulator/{name}"}, 404)
        try:
            with self.simulator.lock:
                return json_answer(method(strict_json(request.body) if request.body.strip() else {}))
        except KeyError as error:
            return json_answer({"error": f"missing or unknown: {error}"}, 400)
        except (ValueError, TypeError, AttributeError) as error:
            return json_answer({"error": str(error)}, 400)

    def reset(self, given: Any) -> Any:
        self.simulator.report = Report()
        return self.forget_faults(given)

    def configure(self, given: Any) -> Any:
        self.simulator.configure(given)
        return self.simulator.config

    def list_users(self) -> Any:
        users = self.simulator.directory.users
        return {"count": len(users), "ids": list(users)}

    def show_user(self, user_id: str) -> Any:
        user = self.simulator.directory.find(user_id)
        if user is None:
            raise KeyError(user_id)
        return {
            **user.dto,
            "has_password": user.password is not None,
            "history_length": len(user.history),
            "failures": user.failures,
            "locked": user.locked_until > time.time(),
            "security_stamp": user.security_stamp,
        }

    def add_users(self, given: Any) -> Any:
        users = self.simulator.directory.add(*described_users(given))
        return {
            "created": len(users),
            "users": [{"id": user.id, "userName": user.shown["userName"]} for user in users],
        }

    def forget_users(self, user_id: str) -> Any:
        directory = self.simulator.directory
        if not user_id:
            directory.clear()
        else:
            self.show_user(user_id)
            directory.delete(directory.users[canonical_id(user_id)])
        return {}

    def verify(self, given: Any) -> Any:
        if "pairs" not in given:
            return {"live": self.is_live(given["user_id"], given["password"])}
        dead = [user_id for user_id, password in given["pairs"] if not self.is_live(user_id, password)]
        return {"live": len(given["pairs"]) - len(dead), "dead": dead}

    def is_live(self, user_id: str, password: str) -> bool:
        user = self.simulator.directory.find(user_id)
        return user is not None and user.password is not None and user.password == password

    def sign_in(self, given: Any) -> Any:
        user = self.simulator.directory.find(given["user_id"])
        if user is None:
            raise KeyError(given["user_id"])
        return {"result": self.simulator.sign_in(user, given["password"])}

    def add_faults(self, given: Any) -> Any:
        faults = [new_fault(spec) for spec in (given if isinstance(given, list) else [given])]
        self.simulator.plan.faults += faults
        return {"added": len(faults)}

    def forget_faults(self, given: Any) -> Any:
        self.simulator.plan.faults.clear()
        return {}

    def revoke(self, given: Any) -> Any:
        revoked = len(self.simulator.tokens.grants)
        self.simulator.tokens.grants.clear()
        return {"revoked": revoked}


def described_users(given: dict[str, Any]) -> list[dict[str, Any]]:
    users = list(given.get("users", []))
    return users + (generated_users(given["generate"]) if "generate" in given else [])


# ---------------------------------------------------------------------------------------------------------------------
# The wire
# ---------------------------------------------------------------------------------------------------------------------

LONGEST_LINE = 65536
LARGEST_BODY = 64 * 1024 * 1024
IDLE_SECONDS = 300.0
DRIPS = 20


class MalformedRequestError(Exception):
    """The bytes are no HTTP/1.1 request."""


def read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise MalformedRequestError
    return line.rstrip(b"\r\n")


def read_head(stream: BinaryIO) -> Request | None:
    """Request line and headers; nothing at the end of the connection."""
    line = stream.readline(LONGEST_LINE)
    if not line.strip():
        return None
    try:
        method, target, version = line.decode("latin-1").split()
    except ValueError as error:
        raise MalformedRequestError from error
    headers = {"connection": "close"} if version == "HTTP/1.0" else {}
    while True:
        line = read_line(stream)
        if not line:
            return Request(method, target, headers)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise MalformedRequestError
        headers[name.strip().lower()] = value.strip()


def read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(read_chunks(stream))
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise MalformedRequestError
    return read_exactly(stream, int(length))


def read_chunks(stream: BinaryIO) -> list[bytes]:
    chunks = []
    while True:
        try:
            size = int(read_line(stream).partition(b";")[0], 16)
        except ValueError as error:
            raise MalformedRequestError from error
        if size > LARGEST_BODY:
            raise MalformedRequestError
        chunks.append(read_exactly(stream, size))
        if size == 0:
            while read_line(stream):
                pass
            return chunks
        read_line(stream)


def read_exactly(stream: BinaryIO, length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise MalformedRequestError
    return content


def encoded_head(answer: Answer, keep_alive: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}",
        f"Date: {email.utils.formatdate(usegmt=True)}",
        "Server: Kestrel",
    ]
    given = {name.lower() for name in answer.headers}
    if answer.content_type and "content-type" not in given:
        lines.append(f"Content-Type: {answer.content_type}")
    if answer.status != 204 and "content-length" not in given:
        lines.append(f"Content-Length: {len(answer.body)}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class ConnectionHandler(socketserver.BaseRequestHandler):
    """One connection: requests are read and answered one after the other."""

    server: IdentityServer
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(IDLE_SECONDS)
        counted = False
        with self.request.makefile("rb") as stream:
            try:
                while True:
                    request = self.read(cast(BinaryIO, stream))
                    if request is None:
                        return
                    is_control = request.segments[0] == "simulator" and len(request.segments) > 1
                    if not counted and not is_control:
                        counted = True
                        self.server.count_connection()
                    keep_alive = request.headers.get("connection", "").lower() != "close"
                    answer = self.server.answer(request, is_control)
                    if not self.deliver(answer, keep_alive, request.method != "HEAD"):
                        return
            except MalformedRequestError:
                self.deliver(problem(400, "Bad Request"), keep_alive=False)
            except OSError:
                return  # the client has disconnected

    def read(self, stream: BinaryIO) -> Request | None:
        request = read_head(stream)
        if request is not None:
            if request.headers.get("expect", "").lower() == "100-continue":
                self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.body = read_body(stream, request.headers)
        return request

    def deliver(self, answer: Answer, keep_alive: bool, with_body: bool = True) -> bool:
        """Sends the answer, or breaks off as the answer says; true if the connection continues."""
        if answer.delivery == "hang":
            self.wait_for_client(answer.seconds)
        if answer.delivery == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer.delivery in ("hang", "reset", "close"):
            return False
        body = answer.body if with_body and answer.status != 204 else b""
        head = encoded_head(answer, keep_alive)
        if answer.delivery == "drip":
            self.drip(head, body, answer.seconds)
        elif answer.delivery == "cut":
            self.request.sendall(head + body[: len(body) // 2])
            return False
        else:
            self.request.sendall(head + body)  # in one piece: two would wait for a delayed ACK
        return keep_alive

    def drip(self, head: bytes, body: bytes, seconds: float) -> None:
        self.request.sendall(head)
        size = max(1, -(-len(body) // DRIPS))
        for start in range(0, len(body), size):
            time.sleep(seconds * size / len(body))
            self.request.sendall(body[start : start + size])

    def wait_for_client(self, seconds: float) -> None:
        """Sends nothing until the client gives up, at most for this time."""
        self.request.settimeout(seconds)
        try:
            self.request.recv(1)
        except OSError:
            return


class IdentityServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread for each connection. TLS is negotiated there, so that a slow client does not delay others."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], simulator: Simulator, tls: ssl.SSLContext | None, log: bool) -> None:
        super().__init__(address, ConnectionHandler)
        self.simulator = simulator
        self.control = Control(simulator)
        self.tls = tls
        self.log = log
        self.port = int(self.server_address[1])
        simulator.url = f"{'https' if tls else 'http'}://{address[0]}:{self.port}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(IDLE_SECONDS)
        try:
            secured = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return  # the client rejects the certificate, or has disconnected
        with secured:
            super().finish_request(secured, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes at once: a shutdown first would turn a reset into an orderly end."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def count_connection(self) -> None:
        with self.simulator.lock:
            self.simulator.report.connections += 1

    def answer(self, request: Request, is_control: bool) -> Answer:
        if is_control:
            return self.control.answer(request)
        answer = self.simulator.answer(request)
        if self.log:
            sys.stderr.write(f"{request.method} {request.target} {answer.status or answer.delivery}\n")
        return answer


# ---------------------------------------------------------------------------------------------------------------------
# Start
# ---------------------------------------------------------------------------------------------------------------------


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A simulator of UiPath's Identity server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certfile")
    parser.add_argument("--keyfile")
    parser.add_argument("--client-ca")
    parser.add_argument("--forms", choices=("all", *FORMS))
    parser.add_argument("--order", choices=ORDERS)
    parser.add_argument("--ids", choices=("uuid", "any"))
    parser.add_argument("--state")
    parser.add_argument("--config")
    parser.add_argument("--ready-file")
    parser.add_argument("--latency", type=float)
    parser.add_argument("--log", action="store_true")
    return parser.parse_args(argv)


def tls_context(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.certfile:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certfile, options.keyfile)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


def new_simulator(options: argparse.Namespace) -> Simulator:
    """Users of the configuration file are added only if the journal does not have them: the journal comes first."""
    given = json.loads(Path(options.config).read_text(encoding="utf-8")) if options.config else {}
    content = {name: given.pop(name) for name in ("users", "generate", "faults") if name in given}
    for name in ("forms", "order", "ids", "latency"):
        if getattr(options, name) is not None:
            given[name] = getattr(options, name)
    simulator = Simulator(merged(DEFAULT_CONFIG, given), options.state)
    directory = simulator.directory
    directory.add(*(user for user in described_users(content) if not directory.find(str(user.get("id")))))
    simulator.plan.faults += [new_fault(spec) for spec in content.get("faults", [])]
    return simulator


def announce(server: IdentityServer, ready_file: str | None) -> None:
    line = json.dumps({"url": server.simulator.url, "port": server.port, "pid": os.getpid()}) + "\n"
    if ready_file:
        unfinished = Path(f"{ready_file}.{os.getpid()}")
        unfinished.write_text(line, encoding="utf-8")
        unfinished.replace(ready_file)
    sys.stdout.write(line)
    sys.stdout.flush()


def stop(signum: int, frame: Any) -> None:
    raise SystemExit(0)


def main(argv: list[str] | None = None) -> None:
    options = arguments(argv)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    address = (options.host, options.port)
    with IdentityServer(address, new_simulator(options), tls_context(options), options.log) as server:
        announce(server, options.ready_file)
        server.serve_forever()


if __name__ == "__main__":
    main()
