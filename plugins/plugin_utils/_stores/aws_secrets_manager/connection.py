# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of AWS Secrets Manager: `boto3` with the credentials of the options, or those that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.answers import (
    Call,
    NotSignedIn,
    no_answer,
    refusal,
    unknown,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

# The library repeats what AWS throttles and what got no answer, also writes: a version id is written once.
ATTEMPTS = 3
CONNECT_SECONDS, READ_SECONDS = 5, 10
USER_AGENT = "rpaops.uipath"
# What the library raises where an answer has another form than AWS's.
NOT_UNDERSTOOD = (ValueError, AttributeError, TypeError, RecursionError)
# The client's method for each action, and what its answer has. Of a body that is no JSON, the library makes an answer.
METHODS = {
    "CreateSecret": ("create_secret", "VersionId"),
    "GetSecretValue": ("get_secret_value", "VersionId"),
    "ListSecretVersionIds": ("list_secret_version_ids", "Versions"),
    "ListSecrets": ("list_secrets", "SecretList"),
    "PutSecretValue": ("put_secret_value", "VersionId"),
    "UpdateSecret": ("update_secret", "ARN"),
}


@dataclass
class Connection:
    """Threads share it. `client` is boto3's, once it is open."""

    options: Options = field(repr=False)
    connections: int
    place: str
    client: Any = field(default=None, init=False, repr=False)

    def open(self) -> None:
        from botocore.exceptions import BotoCoreError

        try:
            self.client = self._client()
        except (BotoCoreError, ValueError, OSError) as error:  # ValueError: an endpoint or a region that is none
            raise unusable(self.place, error, self.options) from None

    def ask(self, call: Call, **request: Any) -> Mapping[str, Any]:
        """Return the answer, or raise what the error means. The library's exceptions may quote the request."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        method, part = METHODS[call.action]
        try:
            answer: Mapping[str, Any] = getattr(self.client, method)(**request)
        except ClientError as error:
            raise refusal(call, error.response) from None
        except (BotoCoreError, ResponseParserError, OSError, *NOT_UNDERSTOOD) as error:
            raise no_answer(call, error) from None
        if not has_form(answer, part):
            raise unknown(call, f"{call.place} answered {call} with something else. Check endpoint_url and proxy.")
        return answer

    def close(self) -> None:
        if self.client:
            self.client.close()

    def _client(self) -> Any:
        import boto3
        from botocore.exceptions import NoCredentialsError

        options = self.options
        session = boto3.Session(
            aws_access_key_id=options["access_key"],
            aws_secret_access_key=options["secret_key"],
            aws_session_token=options["session_token"],
            region_name=options["region"],
            profile_name=options["profile"],
        )
        if session.get_credentials() is None:
            raise NoCredentialsError
        return session.client(
            "secretsmanager",
            endpoint_url=options["endpoint_url"],
            verify=options["aws_ca_bundle"],
            config=configuration(self.connections),
        )


def has_form(answer: Mapping[str, Any], part: str) -> bool:
    """Tell whether an answer has what was asked for: a name or an id, or a list of what has one."""
    found = answer.get(part)
    if not isinstance(found, list):
        return isinstance(found, str)
    names = [entry.get("Name", entry.get("VersionId")) if isinstance(entry, Mapping) else None for entry in found]
    return all(isinstance(name, str) for name in names)


def configuration(connections: int) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        user_agent_extra=USER_AGENT,
    )


def unusable(place: str, error: Exception, options: Options) -> StoreError:
    """Return the error for a configuration with which no client can be made."""
    name = type(error).__name__
    if name == "NoRegionError":
        return NotSignedIn(
            "There is no AWS region. Set store.region, AWS_REGION or AWS_DEFAULT_REGION, or name one in the profile."
        )
    if name == "ProfileNotFound":
        return NotSignedIn(f"AWS's configuration files have no profile {options['profile']}.")
    return no_answer(Call("GetSecretValue", place), error)
