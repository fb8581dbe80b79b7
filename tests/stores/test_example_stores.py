# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the network stores, unchanged: twice, with the rights of the guide, and what consumers read then."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import hvac
import kubernetes
import pytest
import yaml
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.rotation_example import ACCOUNTS, RotationExample
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess
from ansible_collections.rpaops.uipath.tests.stores.aws_server import REGION, AwsServer
from ansible_collections.rpaops.uipath.tests.stores.kubernetes_server import KubernetesServer
from ansible_collections.rpaops.uipath.tests.stores.test_guide import CONSUMER, ROTATION, roles, verbs
from ansible_collections.rpaops.uipath.tests.stores.vault_server import ROOT, Token, Vault, running_vault

ORDERS = ACCOUNTS["svc-orders"]
READER = "s.of-the-reader"


@dataclass(frozen=True)
class Server:
    """`environment` names it to the example, `read` reads the password of an account with the server's own client."""

    environment: dict[str, str]
    read: Callable[[str], str]
    writes: Callable[[], int]
    warnings: tuple[str, ...] = ()


@contextmanager
def hashi_vault(_folder: Path, _authority: Authority) -> Iterator[Server]:
    login = {"auth/approle/login": ({"role_id": "the-role", "secret_id": "the-secret"}, ["rotation"])}
    policies = {"rotation": dict(ROTATION), "consumer": dict(CONSUMER)}
    tokens = {ROOT: Token(["root"]), READER: Token(["consumer"])}
    with running_vault(Vault(policies=policies, tokens=tokens, logins=login)) as server:
        client = hvac.Client(server.url, token=READER)
        names = {
            "VAULT_ADDR": server.url,
            "ANSIBLE_HASHI_VAULT_ROLE_ID": "the-role",
            "ANSIBLE_HASHI_VAULT_SECRET_ID": "the-secret",
        }

        def read(user_id: str) -> str:
            found = client.secrets.kv.v2.read_secret_version(f"uipath/{user_id}", raise_on_deleted_version=True)
            return str(found["data"]["data"]["Password"])

        def writes() -> int:
            return sum(secret.current_version for secret in server.vault.mounts["secret"].secrets.values())

        yield Server(names, read, writes)


@contextmanager
def aws_secrets_manager(_folder: Path, _authority: Authority) -> Iterator[Server]:
    with AwsServer() as server:
        server.stub.clear()
        keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI"}
        client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=server.url, **keys)

        def read(user_id: str) -> str:
            """Read as consumers do: the version with AWSCURRENT."""
            found = client.get_secret_value(SecretId=f"uipath/{user_id}")
            return str(json.loads(found["SecretString"])["Password"])

        def writes() -> int:
            return server.stub.applied["CreateSecret"] + server.stub.applied["PutSecretValue"]

        names = {"AWS_REGION": REGION, "AWS_URL": server.url, **{name.upper(): key for name, key in keys.items()}}
        yield Server(names, read, writes)


@contextmanager
def kubernetes_secrets(folder: Path, authority: Authority) -> Iterator[Server]:
    rotation, consumer = roles()
    namespace = rotation["metadata"]["namespace"]
    files = authority.issue("cluster")
    with KubernetesServer() as cluster:
        cluster.use_tls(str(files.certificate), str(files.key))
        cluster.stub.cluster.config |= {
            "tokens": {"the-token": "rotation", READER: "consumer"},
            "roles": {"rotation": verbs(rotation), "consumer": verbs(consumer)},
            "namespaces": [namespace],
        }
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(kubeconfig_of(cluster.url, "the-token", authority)))
        reader = kubernetes.config.new_client_from_config_dict(kubeconfig_of(cluster.url, READER, authority))
        api = kubernetes.client.CoreV1Api(reader)

        def read(user_id: str) -> str:
            found = api.read_namespaced_secret(f"uipath-{user_id}", namespace)
            return base64.b64decode(found.data["password"]).decode()

        def writes() -> int:
            return cluster.stub.applied["create"] + cluster.stub.applied["update"]

        names = {"KUBECONFIG": str(kubeconfig), "K8S_AUTH_NAMESPACE": namespace}
        yield Server(names, read, writes, ("Kubernetes encrypts Secrets at rest only if",))


def kubeconfig_of(url: str, token: str, authority: Authority) -> dict[str, Any]:
    """A kubeconfig file whose context has no namespace."""
    return {
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(authority.certificate)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }


SERVERS = {"hashi_vault": hashi_vault, "aws_secrets_manager": aws_secrets_manager, "kubernetes": kubernetes_secrets}


@pytest.mark.parametrize("name", SERVERS)
def test_rotates_once_and_consumers_read_the_password(
    name: str, tmp_path: Path, simulator: SimulatorProcess, authority: Authority
) -> None:
    with SERVERS[name](tmp_path, authority) as server:
        examples = RotationExample.set_up(
            tmp_path / "example", simulator, authority, server.environment, server.warnings
        )
        first = examples.run(f"rotate_{name}.yml", "-v")
        assert "Accounts by status: 2 rotated." in first.stdout
        password = server.read(ORDERS)
        assert simulator.is_live(ORDERS, password)
        assert password not in first.output

        sent, written = simulator.count(), server.writes()
        again = examples.run(f"rotate_{name}.yml")
        assert "Accounts by status: 2 fresh." in again.stdout
        assert (simulator.count(), server.writes()) == (sent, written)
        assert server.read(ORDERS) == password
