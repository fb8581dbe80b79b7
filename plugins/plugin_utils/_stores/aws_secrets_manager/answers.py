# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error of AWS or of its library means for the store. AWS's own words are not shown: they may quote values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import RecordDeleted, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain, Unconfirmed

THROTTLED = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown")
DENIED = re.compile(r"AccessDenied|NotAuthorized|UnauthorizedOperation")
PERMISSION = re.compile(r"\bsecretsmanager:[A-Z][A-Za-z]{2,40}\b")
CREDENTIALS = re.compile(
    r"ExpiredToken|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature|IncompleteSignature"
    r"|MissingAuthenticationToken|RequestExpired|InvalidAccessKeyId|AuthFailure"
)
# The library's exceptions: what was not sent, what was not found to sign with, what the configuration lacks.
NOT_SENT = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}
NO_CREDENTIALS = {
    "CredentialRetrievalError",
    "LoginError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
    "UnknownCredentialError",
}
LOST = {
    "AttributeError",
    "TypeError",
    "RecursionError",
    "HTTPClientError",
    "ConnectionError",
    "IncompleteReadError",
    "ResponseParserError",
    "OSError",
    "HTTPError",
}


class NotSignedIn(StoreError):
    """There are no credentials, or AWS does not accept them, which concerns all accounts."""

    stops_task = True


class NotFound(StoreError):
    """There is no such secret, or no such version of it."""


class Exists(StoreError):
    """There is such a secret, or such a version of it."""


@dataclass(frozen=True)
class Call:
    """A request. `action` is both an operation of the API and a permission; a listing is of no `secret`."""

    action: str
    place: str
    secret: str = ""

    @property
    def writes(self) -> bool:
        return self.action in ("CreateSecret", "PutSecretValue")

    def __str__(self) -> str:
        return f"{self.action} of {self.secret}" if self.secret else self.action


def refusal(call: Call, response: Mapping[str, Any]) -> StoreError:
    """Return the error for an answer of AWS that is one."""
    error = response.get("Error") or {}
    code, text = str(error.get("Code") or ""), str(error.get("Message") or "")
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    shown = f"{code if re.fullmatch(r'[A-Za-z.]{1,64}', code) else 'an unknown error'}, HTTP {status}"
    if code in ("ResourceNotFoundException", "ResourceExistsException"):
        kind = NotFound if code == "ResourceNotFoundException" else Exists
        return kind(f"{call.place} refused {call} ({shown}).")
    if code == "InvalidRequestException" and "delet" in text:
        return deleted(call.secret, call.place)
    if THROTTLED.search(code) or status == 429:
        return TryAgain(f"{call.place} throttles {call.action} ({shown}). Run again later.")
    if DENIED.search(code):
        return denied(call, shown, text)
    if CREDENTIALS.search(code):
        return NotSignedIn(f"{call.place} does not accept the credentials ({shown}). They have expired or are wrong.")
    if isinstance(status, int) and (status >= 500 or status == 408):
        return unknown(call, f"{call.place} answered {call} with an error of its own ({shown}).")
    return StoreError(f"{call.place} refused {call} ({shown}).{advice(code)}")


def advice(code: str) -> str:
    if code == "LimitExceededException":
        return " A quota of the AWS account is used up."
    if code in ("EncryptionFailure", "DecryptionFailure") or "KMS" in code:
        return " The KMS key of the secret cannot be used: check that it is enabled, and who may use it."
    return ""


def denied(call: Call, shown: str, text: str) -> StoreError:
    """Return the error for a missing permission, which AWS names: CreateSecret with tags needs another one, too."""
    if "KMS" in text or "kms:" in text:
        return StoreError(
            f"{call.place} refused {call} ({shown}). The credentials may not use the KMS key of the secret: they need"
            " kms:Decrypt and kms:GenerateDataKey."
        )
    of = call.secret or "all resources"
    named = PERMISSION.search(text)
    permission = named[0] if named else f"secretsmanager:{call.action}"
    return StoreError(f"The credentials lack the permission {permission} for {of} in {call.place} ({shown}).")


def deleted(secret: str, place: str) -> RecordDeleted:
    return RecordDeleted(
        f"The secret {secret} in {place} is scheduled for deletion. Restore it: aws secretsmanager restore-secret"
        f" --secret-id {secret}"
    )


def unknown(call: Call, message: str) -> StoreError:
    """Return the error for a request that AWS may have carried out."""
    return Unconfirmed(message) if call.writes else TryAgain(message)


def no_answer(call: Call, error: Exception) -> StoreError:
    """Return the error for an exception of the library."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    name = type(error).__name__
    if kinds & NOT_SENT:
        return TryAgain(f"{call.place} cannot be reached ({name}). Check region, endpoint_url, network and proxy.")
    if kinds & NO_CREDENTIALS:
        return NotSignedIn(
            f"There are no credentials for {call.place} ({name}). Set access_key and secret_key, or profile, or run"
            " where boto3 finds some."
        )
    if "SSLError" in kinds:
        return StoreError(f"The TLS certificate of {call.place} cannot be verified. Check aws_ca_bundle.")
    if kinds & LOST:
        return unknown(call, f"{call.place} gave no answer to {call} ({name}).")
    return StoreError(
        f"{call.action} cannot be sent to {call.place} ({name}). Check the options and AWS's configuration."
    )
