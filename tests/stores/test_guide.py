# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights in docs/stores.md are enough for every operation of the stores, and none of them can be left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import hvac
import kubernetes
import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.stores.aws_server import REGION, AwsServer
from ansible_collections.rpaops.uipath.tests.stores.kubernetes_server import KubernetesServer
from ansible_collections.rpaops.uipath.tests.stores.vault_server import Token, Vault, running_vault
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    ODD,
    URL,
    put,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.test_stores_guide import blocks, section

USER, OTHER = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c07", "83"
TOKEN, READER = "s.of-the-rotation", "s.of-the-reader"
AWS = section("AWS Secrets Manager")
VAULT = section("HashiCorp Vault and OpenBao")
KUBERNETES = section("Kubernetes Secrets")

KEYS = {"access_key": "AKIAEXAMPLE", "secret_key": "wJalrXUtnFEMI"}

Policy = Mapping[str, "list[str]"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("K8S_AUTH_", "KUBE", "VAULT_", "ANSIBLE_HASHI_VAULT_", "AWS_")):
            monkeypatch.delenv(name)


def store_of(**options: Any) -> NetworkStore:
    store = StoreOptions(options).create(StoreContext("/plays", identity_url=URL))
    assert isinstance(store, NetworkStore)
    return replace(store, sleep=lambda _seconds: None)


def use(store: NetworkStore) -> None:
    """Do what rotations do: a first write, further ones, a search for a name, and a repair."""
    with store.open(read_only=False) as opened:
        for generation in (1, 2):
            put(opened, record_of(USER, generation))
        put(opened, record_of(OTHER))
        list(store.server.earlier(USER))
    look(store)
    with store.open(read_only=False) as opened:
        list(opened.user_ids())
        put(opened, record_of(OTHER, 2, name="renamed"))


def look(store: Store) -> None:
    """Do what a lookup and a report do."""
    with store.open(read_only=True) as opened:
        assert sorted(opened.user_ids()) == sorted([USER, OTHER])
        assert [record for record in opened.read_many([USER, OTHER]) if isinstance(record, Exception)] == []


def without(policy: Policy, path: str, right: str) -> Policy:
    return {**policy, path: [each for each in policy[path] if each != right]}


# Vault


def policies() -> list[Policy]:
    """Those of the guide: of the rotation, and of a consumer."""
    rule = re.compile(r'path "([^"]+)" \{\s*capabilities = \[([^\]]*)\]\s*\}')
    return [
        {path: re.findall(r"\w+", rights) for path, rights in rule.findall(block)} for block in blocks(VAULT, "text")
    ]


ROTATION, CONSUMER = policies()


@contextmanager
def vault_with(policy: Policy) -> Iterator[tuple[Vault, NetworkStore]]:
    tokens = {TOKEN: Token(["rotation"]), READER: Token(["consumer"])}
    named = {"rotation": dict(policy), "consumer": dict(CONSUMER)}
    with running_vault(Vault(policies=named, tokens=tokens)) as server:
        yield server.vault, store_of(type="hashi_vault", url=server.url, token=TOKEN)


class TestVault:
    def test_the_policy_is_enough(self) -> None:
        with vault_with(ROTATION) as (_vault, store):
            use(store)

    @pytest.mark.parametrize(("path", "right"), [(path, right) for path in ROTATION for right in ROTATION[path]])
    def test_no_right_can_be_left_out(self, path: str, right: str) -> None:
        with vault_with(without(ROTATION, path, right)) as (_vault, store), pytest.raises(StoreError, match=right):
            use(store)

    def test_reading_needs_fewer(self) -> None:
        with vault_with(ROTATION) as (vault, store):
            use(store)
            vault.policies["rotation"] = {path: ["read", "list"] for path in ROTATION}
            look(store)

    def test_a_consumer_reads_its_own_secret_only(self) -> None:
        with vault_with(ROTATION) as (_vault, store):
            use(store)
            client = hvac.Client(store.server.engine.url, token=READER)  # type: ignore[attr-defined]
            read = client.secrets.kv.v2.read_secret_version
            [path] = CONSUMER
            found = read(path.removeprefix("secret/data/"), raise_on_deleted_version=True)["data"]["data"]
            assert (found["Username"], found["Password"]) == (f"{USER}@example.com", ODD)
            with pytest.raises(hvac.exceptions.Forbidden):
                read(f"uipath/{OTHER}", raise_on_deleted_version=True)


# AWS


def statements() -> list[dict[str, Any]]:
    """Those of the policy of the rotation, and of the one of a consumer."""
    rotation, consumer = (json.loads(block) for block in blocks(AWS, "json"))
    return [*rotation["Statement"], *consumer["Statement"]]


def actions(statement: Mapping[str, Any]) -> set[str]:
    named = statement["Action"]
    return {name.removeprefix("secretsmanager:") for name in ([named] if isinstance(named, str) else named)}


@pytest.fixture
def aws() -> Iterator[AwsServer]:
    with AwsServer() as server:
        server.stub.clear()
        yield server


class TestAws:
    """IAM is not imitated: the names of the actions are compared with the calls that the store makes."""

    def store(self, aws: AwsServer) -> NetworkStore:
        return store_of(type="aws_secrets_manager", region=REGION, endpoint_url=aws.url, **KEYS)

    def test_the_policy_has_the_calls_of_the_store_and_no_other(self, aws: AwsServer) -> None:
        use(self.store(aws))
        secrets, listing, _consumer = statements()
        assert set(aws.stub.requests) == actions(secrets) | actions(listing)
        assert actions(listing) == {"ListSecrets"}

    def test_reading_needs_the_two_that_the_guide_names(self, aws: AwsServer) -> None:
        use(self.store(aws))
        aws.stub.requests.clear()
        look(self.store(aws))
        assert set(aws.stub.requests) == {"GetSecretValue", "ListSecrets"}

    def test_tags_need_a_further_action(self) -> None:
        assert "`secretsmanager:TagResource` if you set `tags`" in AWS

    def test_the_policies_are_for_the_secrets_with_the_prefix(self) -> None:
        secrets, listing, consumer = statements()
        start = f"arn:aws:secretsmanager:{REGION}:111122223333:secret:uipath/"
        assert (secrets["Resource"], listing["Resource"]) == (f"{start}*", "*")
        assert consumer["Resource"] == f"{start}{USER}-*"
        assert actions(consumer) == {"GetSecretValue"}


# Kubernetes


def roles() -> list[dict[str, Any]]:
    """Those of the guide: of the rotation, and of a consumer."""
    return [yaml.safe_load(block) for block in blocks(KUBERNETES, "yaml") if "\nkind: Role\n" in block]


def verbs(role: Mapping[str, Any]) -> list[str]:
    [rule] = role["rules"]
    assert (rule["apiGroups"], rule["resources"]) == ([""], ["secrets"])
    return list(rule["verbs"])


@contextmanager
def cluster_with(allowed: list[str]) -> Iterator[tuple[KubernetesServer, NetworkStore]]:
    [namespace] = {role["metadata"]["namespace"] for role in roles()}
    with KubernetesServer() as cluster:
        cluster.stub.cluster.config |= {
            "tokens": {TOKEN: "rotation", READER: "consumer"},
            "roles": {"rotation": allowed, "consumer": verbs(roles()[1])},
            "namespaces": [namespace],
        }
        yield cluster, store_of(type="kubernetes", host=cluster.url, api_key=TOKEN, namespace=namespace)


class TestKubernetes:
    def test_the_role_is_enough(self) -> None:
        with cluster_with(verbs(roles()[0])) as (_cluster, store):
            use(store)

    @pytest.mark.parametrize("verb", verbs(roles()[0]))
    def test_no_verb_can_be_left_out(self, verb: str) -> None:
        rest = [each for each in verbs(roles()[0]) if each != verb]
        with cluster_with(rest) as (_cluster, store), pytest.raises(StoreError, match=f"verb {verb}"):
            use(store)

    def test_reading_needs_fewer(self) -> None:
        with cluster_with(verbs(roles()[0])) as (cluster, store):
            use(store)
            cluster.stub.cluster.config["roles"]["rotation"] = ["get", "list"]
            look(store)

    def test_a_consumer_reads_its_own_secret_only(self) -> None:
        with cluster_with(verbs(roles()[0])) as (cluster, store):
            use(store)
            configuration = kubernetes.client.Configuration(host=cluster.url)
            configuration.api_key = dict.fromkeys(("BearerToken", "authorization"), f"Bearer {READER}")
            api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
            [rule] = roles()[1]["rules"]
            [name] = rule["resourceNames"]
            found = api.read_namespaced_secret(name, "robots").data
            assert {"username", "password"} < set(found)
            with pytest.raises(kubernetes.client.ApiException, match="cannot list"):
                api.list_namespaced_secret("robots")
