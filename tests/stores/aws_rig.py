# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores in AWS Secrets Manager, and the administrator of its secrets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.secret import (
    LABEL,
    version_id,
    version_number,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.server import AwsSecretsManager
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.names import secret_name
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore, utc_now
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import URL

REGION = "eu-central-1"
SECRET_KEY = "Distinctive/secret+key"
KEYS = {"access_key": "AKIADISTINCTIVE", "secret_key": SECRET_KEY}


@cache
def client_of(
    *, region: str | None = None, access_key: str | None = None, secret_key: str | None = None, endpoint_url: str = ""
) -> Any:
    return boto3.client(
        "secretsmanager",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        endpoint_url=endpoint_url or None,
        region_name=region or os.environ.get("AWS_REGION"),
    )


@dataclass
class AwsRig:
    """A prefix in an account. `given` are the options that lead there. `pauses` are what stores wanted to wait."""

    given: dict[str, Any]
    prefix: str = "uipath/"
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = client_of(**self.given)

    def store(self, now: Callable[[], Any] = utc_now, **options: Any) -> NetworkStore:
        """A store as a task makes it, apart from waits."""
        given = {"type": "aws_secrets_manager", "prefix": self.prefix, **self.given, **options}
        store = StoreOptions(given).create(StoreContext("/plays", identity_url=URL))
        assert isinstance(store, NetworkStore)
        return replace(store, sleep=self.pauses.append, now=now)

    def name(self, user_id: str) -> str:
        return f"{self.prefix}{secret_name(user_id)}"

    def value(self, user_id: str, stage: str = LABEL) -> dict[str, Any]:
        """Return what a reader of a label gets."""
        text = self.client.get_secret_value(SecretId=self.name(user_id), VersionStage=stage)["SecretString"]
        return dict(json.loads(text))

    def stages(self, user_id: str) -> dict[int | str, list[str]]:
        """Return the labels of each version, by its number."""
        name = self.name(user_id)
        found = self.client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
        return {version_number(name, version) or version: sorted(labels) for version, labels in found.items()}

    def number(self, user_id: str) -> int:
        return max(number for number in self.stages(user_id) if isinstance(number, int))

    def put(self, user_id: str, number: int, text: str) -> None:
        """Write a version as another run does, with its own content."""
        name = self.name(user_id)
        token = version_id(name, number)
        self.client.put_secret_value(
            SecretId=name, ClientRequestToken=token, SecretString=text, VersionStages=[LABEL, "AWSCURRENT"]
        )

    def move_label(self, user_id: str, *, off: int, to: int | None = None, label: str = LABEL) -> None:
        name = self.name(user_id)
        moved = {"MoveToVersionId": version_id(name, to)} if to else {}
        self.client.update_secret_version_stage(
            SecretId=name, VersionStage=label, RemoveFromVersionId=version_id(name, off), **moved
        )

    def names(self) -> list[str]:
        pages = self.client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [self.prefix]}])
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    def remove_all(self) -> None:
        """Delete the secrets of the prefix for good. A listing may lag."""
        for _time in range(5):
            for name in self.names():
                self.client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            time.sleep(1)


def server_of(store: NetworkStore) -> AwsSecretsManager:
    assert isinstance(store.server, AwsSecretsManager)
    return store.server
