# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of the API server, or the lack of one, means, and what a person should do.

Texts of the server may contain what was written. Nothing of them is shown but the name of the user whom it refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain, Unconfirmed

REFUSED_USER = re.compile(r'User "([^"]{1,200})"\scannot')
WORD = re.compile(r"[A-Za-z]{1,40}")
# What the library says of a certificate that is not trusted, or is another host's. No request was sent.
UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "CertificateError", "doesn't match")


class SignInRefused(StoreError):
    """The cluster does not accept the token, for no account."""

    stops_task = True


@dataclass(frozen=True)
class Operation:
    """A request: its verb, as Roles have it, and the Secret's name, if there is one."""

    verb: str
    name: str | None = None

    @property
    def is_write(self) -> bool:
        return self.verb in ("create", "update")

    def __str__(self) -> str:
        return f"{self.verb} the Secret {self.name}" if self.name else f"{self.verb} the Secrets"


def is_secret(document: Any) -> bool:
    """Tell whether the answer is a Secret, of which no field that is read later has another form."""
    if not isinstance(document, Mapping) or document.get("kind") != "Secret" or not is_named(document):
        return False
    metadata, data = document["metadata"], document.get("data") or {}
    has_version = all(isinstance(metadata.get(key), str) for key in ("uid", "resourceVersion"))
    return has_version and isinstance(data, Mapping) and all(isinstance(value, str) for value in data.values())


def is_listing(document: Any) -> bool:
    """Tell the same of a list of Secrets, whose names are read."""
    if not isinstance(document, Mapping) or document.get("kind") != "SecretList":
        return False
    items = document.get("items") or []
    return isinstance(document.get("metadata"), Mapping) and isinstance(items, list) and all(map(is_named, items))


def is_named(secret: Any) -> bool:
    metadata = secret.get("metadata") if isinstance(secret, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return False
    return all(isinstance(metadata.get(key) or {}, Mapping) for key in ("annotations", "labels"))


def status_in(error: Exception) -> Mapping[str, Any]:
    """Return the Status object of an error, or an empty one if the answer is not that of a Kubernetes API."""
    body = getattr(error, "body", None)
    try:
        status = json.loads(body) if isinstance(body, (str, bytes)) else None
    except (ValueError, RecursionError):
        status = None
    return status if isinstance(status, dict) and status.get("status") == "Failure" else {}


def is_missing(error: Exception, operation: Operation) -> bool:
    """Tell whether there is no such Secret, or no longer."""
    is_gone = operation.verb != "create" and getattr(error, "status", None) == 404
    return is_gone and (status_in(error).get("details") or {}).get("kind") == "secrets"


def is_conflict(error: Exception, operation: Operation) -> bool:
    """Tell whether another version is there than the one that a write names, or any one if it names none."""
    return operation.is_write and getattr(error, "status", None) == 409 and bool(status_in(error))


def is_expired(error: Exception, operation: Operation) -> bool:
    """Tell whether the server no longer has the revision of which a listing began."""
    return operation.verb == "list" and getattr(error, "status", None) == 410


def failure(error: Exception, operation: Operation, place: str, secrets: Collection[str]) -> StoreError:
    http_status = getattr(error, "status", None) or None
    if http_status is None:
        return without_answer(error, operation, place)
    status = status_in(error)
    if http_status == 429:
        return TryAgain(f"{place} limits the rate of requests (429).", http_status=429)
    if not status or http_status >= 500 or http_status < 400:
        return without_meaning(http_status, operation, place)
    if http_status == 401:
        return SignInRefused(f"{place} does not accept the token (401). Give a valid one.", http_status=401)
    return StoreError(refusal(http_status, status, operation, place, secrets), http_status=http_status)


def refusal(
    http_status: int, status: Mapping[str, Any], operation: Operation, place: str, secrets: Collection[str]
) -> str:
    """Return the message about a request that Kubernetes understood and refused."""
    said = str(status.get("message"))
    if http_status == 403 and "exceeded quota" in said:
        return f"A quota of {place} allows no further Secret (403). An administrator can raise it."
    if http_status == 403:
        user = REFUSED_USER.search(said)
        who = f"The user {mask(user[1], secrets)}" if user else "The user of the token"
        needed = f"Its Role needs the verb {operation.verb} for the resource secrets"
        return f"{who} has no right to {operation} in {place} (403). {needed} in this namespace."
    if http_status == 404 and operation.verb == "create":
        return f"{place} does not exist (404). Create the namespace, or correct store.namespace."
    if http_status in (413, 422) and operation.is_write:
        return invalid(http_status, status, operation, place)
    reason = str(status.get("reason"))
    return f"{place} refuses to {operation}: {http_status} {reason if WORD.fullmatch(reason) else ''}".rstrip()


def invalid(http_status: int, status: Mapping[str, Any], operation: Operation, place: str) -> str:
    said, secret = str(status.get("message")), f"The Secret {operation.name} in {place}"
    if "immutable" in said:
        return (
            f"{secret} is immutable ({http_status}), so its password cannot be changed. An administrator can replace it"
            " by a copy that is not."
        )
    if http_status == 413 or "Too long" in said:
        return f"{secret} would be too large ({http_status}). Remove what others have added to it."
    return f"{place} refuses to {operation}: it is invalid ({http_status}). Check store.prefix."


def without_answer(error: Exception, operation: Operation, place: str) -> StoreError:
    import urllib3.exceptions as http

    said = f"{type(error).__name__} {getattr(error, 'reason', None) or error}"
    if any(sign in said for sign in UNTRUSTED):
        return StoreError(
            f"The certificate of {place} cannot be verified. Set store.ca_cert to the file of the cluster's CA."
        )
    if isinstance(error, (http.NewConnectionError, http.ConnectTimeoutError, http.ProxyError)):
        return TryAgain(f"There is no connection to {place}. Check its address, the proxy, and whether it is up.")
    return without_meaning(200 if isinstance(error, (ValueError, RecursionError)) else None, operation, place)


def without_meaning(http_status: int | None, operation: Operation, place: str) -> StoreError:
    """Return the error of an answer that does not tell what was done: a write may have been done."""
    answer = f"answered {http_status}" if http_status else "gave no answer"
    message = f"{place} {answer} when asked to {operation}."
    if operation.is_write:
        return Unconfirmed(message, http_status=http_status)
    if http_status and http_status < 500:
        return StoreError(f"{message} That is no answer of Kubernetes. Check store.host.", http_status=http_status)
    return TryAgain(message, http_status=http_status)
