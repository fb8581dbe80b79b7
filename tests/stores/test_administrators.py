# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/stores.md says of administrators who change the secrets: what a run notices, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hvac
import kubernetes
import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import RecordDeleted, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.tests.stores.aws_server import REGION, AwsServer
from ansible_collections.rpaops.uipath.tests.stores.kubernetes_server import ADMIN_TOKEN
from ansible_collections.rpaops.uipath.tests.stores.test_guide import (
    KEYS,
    ROTATION,
    USER,
    cluster_with,
    roles,
    store_of,
    vault_with,
    verbs,
)
from ansible_collections.rpaops.uipath.tests.stores.vault_server import ROOT, Token
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put, record_of

NAME = f"uipath/{USER}"


def rotate(store: NetworkStore, generation: int) -> None:
    with store.open(read_only=False) as opened:
        put(opened, record_of(USER, generation, f"password {generation}"))


def begin(store: NetworkStore) -> None:
    """Have the second of two passwords in the store."""
    rotate(store, 1)
    rotate(store, 2)


def current(store: NetworkStore) -> str | None:
    with store.open(read_only=True) as opened:
        record = opened.read(USER)
        return record.current.password if record else None


class TestVault:
    @pytest.fixture
    def vault(self) -> Iterator[tuple[Any, NetworkStore]]:
        """The KV client of an administrator, and the store."""
        with vault_with(ROTATION) as (vault, store):
            vault.tokens[ROOT] = Token(["root"])
            begin(store)
            client = hvac.Client(store.server.engine.url, token=ROOT)  # type: ignore[attr-defined]
            yield client.secrets.kv.v2, store

    def test_a_deleted_secret_is_noticed_and_restored(self, vault: tuple[Any, NetworkStore]) -> None:
        kv, store = vault
        kv.delete_latest_version_of_secret(NAME)
        with pytest.raises(RecordDeleted, match="vault kv undelete -versions=2"):
            current(store)
        kv.undelete_secret_versions(NAME, [2])
        assert current(store) == "password 2"

    def test_metadata_that_is_deleted_is_not_noticed(self, vault: tuple[Any, NetworkStore]) -> None:
        kv, store = vault
        kv.delete_metadata_and_all_versions(NAME)
        assert current(store) is None

    def test_a_rollback_is_noticed_and_no_password_is_lost(self, vault: tuple[Any, NetworkStore]) -> None:
        kv, store = vault
        old = kv.read_secret_version(NAME, version=1, raise_on_deleted_version=True)["data"]["data"]
        kv.create_or_update_secret(NAME, old)
        with pytest.raises(StoreError, match="passwords in its other versions were added"):
            rotate(store, 3)
        with store.open(read_only=True) as opened:
            record = opened.read(USER)
            assert record
            assert record.status == "out_of_sync"
            assert {"password 1", "password 2"} <= set(record.candidates())

    def test_an_edited_secret_is_noticed(self, vault: tuple[Any, NetworkStore]) -> None:
        kv, store = vault
        kv.create_or_update_secret(NAME, {"Password": "mine"})
        with pytest.raises(StoreError, match="cannot be used"):
            current(store)


class TestAws:
    @pytest.fixture
    def aws(self) -> Iterator[tuple[Any, NetworkStore]]:
        """The client of an administrator, and the store."""
        with AwsServer() as server:
            server.stub.clear()
            store = store_of(type="aws_secrets_manager", region=REGION, endpoint_url=server.url, **KEYS)
            begin(store)
            keys = {"aws_access_key_id": KEYS["access_key"], "aws_secret_access_key": KEYS["secret_key"]}
            yield boto3.client("secretsmanager", region_name=REGION, endpoint_url=server.url, **keys), store

    def move(self, client: Any, label: str, number: int | None) -> None:
        """Move a label from the second version to another, or remove it."""
        listed = client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)["Versions"]
        first, second = sorted(listed, key=lambda version: label in version["VersionStages"])
        target = {"MoveToVersionId": first["VersionId"]} if number else {}
        client.update_secret_version_stage(
            SecretId=NAME, VersionStage=label, RemoveFromVersionId=second["VersionId"], **target
        )

    def test_a_deleted_secret_is_noticed_and_restored(self, aws: tuple[Any, NetworkStore]) -> None:
        client, store = aws
        client.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
        with pytest.raises(RecordDeleted, match="restore-secret"):
            current(store)
        client.restore_secret(SecretId=NAME)
        assert current(store) == "password 2"

    def test_what_is_deleted_without_recovery_is_not_noticed(self, aws: tuple[Any, NetworkStore]) -> None:
        client, store = aws
        client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
        assert current(store) is None

    def test_runs_do_not_look_at_what_consumers_read(self, aws: tuple[Any, NetworkStore]) -> None:
        client, store = aws
        self.move(client, "AWSCURRENT", 1)
        assert current(store) == "password 2"
        rotate(store, 3)
        assert "password 3" in client.get_secret_value(SecretId=NAME)["SecretString"]

    def test_a_label_that_was_removed_is_noticed(self, aws: tuple[Any, NetworkStore]) -> None:
        client, store = aws
        self.move(client, "UIPATH_ROTATION", None)
        with pytest.raises(StoreError, match="Put it on the newest version"):
            current(store)

    def test_a_label_on_an_older_version_is_noticed_by_a_write(self, aws: tuple[Any, NetworkStore]) -> None:
        client, store = aws
        self.move(client, "UIPATH_ROTATION", 1)
        assert current(store) == "password 1"
        with pytest.raises(StoreError, match="refuses to replace the record"):
            rotate(store, 3)


class TestKubernetes:
    @pytest.fixture
    def cluster(self) -> Iterator[tuple[Any, NetworkStore]]:
        """The API of an administrator, and the store."""
        with cluster_with(verbs(roles()[0])) as (cluster, store):
            cluster.stub.cluster.config["tokens"][ADMIN_TOKEN] = "admin"
            cluster.stub.cluster.config["roles"]["admin"] = None
            configuration = kubernetes.client.Configuration(host=cluster.url)
            configuration.api_key = dict.fromkeys(("BearerToken", "authorization"), f"Bearer {ADMIN_TOKEN}")
            yield kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration)), store

    def test_a_deleted_secret_is_not_noticed(self, cluster: tuple[Any, NetworkStore]) -> None:
        api, store = cluster
        begin(store)
        api.delete_namespaced_secret(f"uipath-{USER}", "robots")
        assert current(store) is None

    def test_an_old_copy_is_not_noticed(self, cluster: tuple[Any, NetworkStore]) -> None:
        api, store = cluster
        rotate(store, 1)
        copy = api.read_namespaced_secret(f"uipath-{USER}", "robots")
        rotate(store, 2)
        copy.metadata = kubernetes.client.V1ObjectMeta(name=copy.metadata.name, annotations=copy.metadata.annotations)
        api.replace_namespaced_secret(f"uipath-{USER}", "robots", copy)
        assert current(store) == "password 1"

    def test_a_copy_with_its_resource_version_is_refused(self, cluster: tuple[Any, NetworkStore]) -> None:
        api, store = cluster
        rotate(store, 1)
        copy = api.read_namespaced_secret(f"uipath-{USER}", "robots")
        rotate(store, 2)
        with pytest.raises(kubernetes.client.ApiException, match="the object has been modified"):
            api.replace_namespaced_secret(f"uipath-{USER}", "robots", copy)
        assert current(store) == "password 2"
