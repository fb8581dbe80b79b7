# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the store in AWS Secrets Manager, and the store that they describe."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import set_variable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.options import (
    argument_spec,
    documentation,
    option_problems,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import network_store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options, StoreContext, StoreType

# What UiPath Orchestrator's credential store for AWS Secrets Manager reads: `Value` is the password of a robot.
CONSUMER_KEYS = {"Username": "user_name", "Password": "password", "Value": "password"}
PREFIX = re.compile(r"[A-Za-z0-9/_+=.@-]{1,256}")
TAG_KEY = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}")
TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
MOST_TAGS = 50
OWN = r"""
region:
  description:
    - The AWS region. The default is that of the profile.
    - Taken from E(AWS_REGION) or E(AWS_DEFAULT_REGION) if not set.
  type: str
endpoint_url:
  description:
    - The URL of an endpoint other than that of the region, such as a VPC endpoint.
    - Taken from E(AWS_URL) if not set.
  type: str
profile:
  description:
    - A profile in AWS's configuration files. It excludes C(access_key), C(secret_key) and C(session_token).
    - Without a profile and keys, the credentials are those that C(boto3) finds, such as the role of an instance, a task
      or a pod.
    - Taken from E(AWS_PROFILE) or E(AWS_DEFAULT_PROFILE) if not set.
  type: str
access_key:
  description:
    - The id of the access key. It requires C(secret_key).
    - Taken from E(AWS_ACCESS_KEY_ID) or E(AWS_ACCESS_KEY) if not set.
  type: str
secret_key:
  description:
    - The secret access key. It requires C(access_key).
    - Taken from E(AWS_SECRET_ACCESS_KEY) or E(AWS_SECRET_KEY) if not set.
  type: str
session_token:
  description:
    - The session token of temporary credentials. It requires C(access_key), and has to outlive the run.
    - Taken from E(AWS_SESSION_TOKEN) if not set.
  type: str
aws_ca_bundle:
  description:
    - A file of trusted certificates in PEM form.
    - Taken from E(AWS_CA_BUNDLE) if not set.
  type: path
kms_key_id:
  description:
    - The ARN, id or alias of the KMS key for the secrets that a rotation creates. The default is the account's key
      C(aws/secretsmanager).
  type: str
tags:
  description:
    - Tags for the secrets that a rotation creates.
  type: dict
  default: {}
prefix:
  description:
    - What the name of each secret begins with. The user id follows. Most prefixes end with V(/).
  type: str
  default: uipath/
"""


def from_environment(*names: str) -> dict[str, Any]:
    return {"fallback": (set_variable, list(names))}


ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "region": {"type": "str", **from_environment("AWS_REGION", "AWS_DEFAULT_REGION")},
    "endpoint_url": {"type": "str", **from_environment("AWS_URL")},
    "profile": {"type": "str", **from_environment("AWS_PROFILE", "AWS_DEFAULT_PROFILE")},
    "access_key": {"type": "str", "no_log": False, **from_environment("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY")},
    "secret_key": {"type": "str", "no_log": True, **from_environment("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")},
    "session_token": {"type": "str", "no_log": True, **from_environment("AWS_SESSION_TOKEN")},
    "aws_ca_bundle": {"type": "path", **from_environment("AWS_CA_BUNDLE")},
    "kms_key_id": {"type": "str", "no_log": False},
    "tags": {"type": "dict", "default": {}},
    **argument_spec(prefix="uipath/", consumer_keys=CONSUMER_KEYS),
}


def problems(options: Options) -> list[str]:
    found = [*credential_problems(options), *tag_problems(options["tags"]), *option_problems(options)]
    if options["endpoint_url"] and not is_endpoint(options["endpoint_url"]):
        found.append("store.endpoint_url must look like https://host, without credentials, query and fragment")
    if not PREFIX.fullmatch(options["prefix"]):
        found.append("store.prefix has to consist of 1 to 256 letters, digits and /_+=.@-")
    if options["aws_ca_bundle"] and not os.path.isfile(options["aws_ca_bundle"]):
        found.append("store.aws_ca_bundle does not name an existing file")
    return found


def credential_problems(options: Options) -> list[str]:
    pair = [bool(options[name]) for name in ("access_key", "secret_key")]
    has_keys = any(pair) or bool(options["session_token"])
    if options["profile"] and has_keys:
        return ["store.profile excludes access_key, secret_key and session_token, also those of environment variables"]
    if has_keys and not all(pair):
        return ["store.access_key and store.secret_key are required together, and by store.session_token"]
    return []


def tag_problems(tags: Mapping[Any, Any]) -> list[str]:
    pairs = {str(key): str(value) for key, value in tags.items()}
    valid = all(TAG_KEY.fullmatch(key) and TAG_VALUE.fullmatch(value) for key, value in pairs.items())
    return [] if valid and len(pairs) <= MOST_TAGS else ["store.tags has a key, a value or a number that AWS refuses"]


def is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_usable and not re.search(r"[?#@\s]", url)


def create(options: Options, context: StoreContext) -> Store:
    from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.server import (
        aws_secrets_manager,
    )

    return network_store(aws_secrets_manager(options, context.connections), options, context)


STORE = StoreType(documentation(OWN, consumer_keys=CONSUMER_KEYS), ARGUMENT_SPEC, problems, create)
