# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store in Kubernetes Secrets, over real sockets, against the stub of the API.

With `KUBECONFIG` and `UIPATH_TEST_REAL_STORES=1`, the contract is also tested on that cluster, in the namespace of the
current context. The tests use a prefix of their own, and delete the Secrets that have it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    RecordDeleted,
    Store,
    StoreError,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes import connection, server
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.connection import Connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.secret import KEPT, secret_name
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.server import (
    ENCRYPTION,
    UNVERIFIED,
    KubernetesServer,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, spellings
from ansible_collections.rpaops.uipath.tests.stores import kubernetes_server as stub
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    ODD,
    TIME,
    URL,
    USER,
    StoreContract,
    put,
    record_of,
)

ON_A_CLUSTER = os.environ.get("UIPATH_TEST_REAL_STORES") == "1" and bool(os.environ.get("KUBECONFIG"))
KUBECONFIG = os.environ.get("KUBECONFIG", "")
CONTEXT = StoreContext("/plays", identity_url=URL)
TOKEN = "Distinctive.t0ken-of-the-run"
NAMESPACE = "robots"
NAME = f"uipath-{USER}"
STAGED = replace(record_of(), pending=Pending(ODD, f"{ODD}2", TIME))
# What a run can see of a Secret that it did not make.
FOREIGN = {"url": "https://somewhere", "password": "an0ther's"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("K8S_AUTH_", "KUBE")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def cluster() -> Iterator[stub.KubernetesServer]:
    with stub.KubernetesServer() as cluster:
        cluster.stub.cluster.config |= {
            "tokens": {TOKEN: "rotation"},
            "roles": {"rotation": ["get", "list", "create", "update"]},
            "namespaces": [NAMESPACE],
        }
        yield cluster


def store_of(cluster: stub.KubernetesServer | None = None, /, **options: Any) -> NetworkStore:
    """A store that does not wait between attempts."""
    given = {"host": cluster.url, "api_key": TOKEN, "namespace": NAMESPACE} if cluster else {}
    store = StoreOptions({"type": "kubernetes", **given, **options}).create(CONTEXT)
    assert isinstance(store, NetworkStore)
    return replace(store, sleep=lambda _seconds: None)


def server_of(store: Store) -> KubernetesServer:
    assert isinstance(store, NetworkStore)
    assert isinstance(store.server, KubernetesServer)
    return store.server


@pytest.fixture
def store(cluster: stub.KubernetesServer) -> NetworkStore:
    return store_of(cluster)


def fault(cluster: stub.KubernetesServer, **fault: Any) -> None:
    cluster.stub.faults.append({**stub.NEW_FAULT, **fault})


def secret_in(cluster: stub.KubernetesServer, name: str = NAME) -> dict[str, Any]:
    return cluster.stub.cluster.secrets[NAMESPACE, name]


def texts(secret: Mapping[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}


def change(cluster: stub.KubernetesServer, name: str = NAME, **parts: Any) -> None:
    """Change a Secret as an administrator does."""
    secret = json.loads(json.dumps({**secret_in(cluster, name), **parts}))
    del secret["metadata"]["resourceVersion"]
    cluster.stub.cluster.update(NAMESPACE, name, stub.parsed(json.dumps(secret).encode()), "kubectl/v1")


def write(store: Store, record: Record) -> bool:
    with store.open(read_only=False) as opened, opened.locked(record.account.user_id) as locked_record:
        locked_record.read()
        return locked_record.write(record)


class TestContract(StoreContract):
    has_locks = False

    @pytest.fixture(params=["stub", "cluster"] if ON_A_CLUSTER else ["stub"])
    def store(self, request: pytest.FixtureRequest) -> Iterator[Store]:
        if request.param == "stub":
            yield store_of(request.getfixturevalue("cluster"))
            return
        store = store_of(kubeconfig=KUBECONFIG, prefix=f"uipath-test-{secrets.token_hex(4)}-")
        yield store
        client, prefix = server_of(store).connection, server_of(store).prefix
        for user_id in server_of(store).user_ids():
            client.api.delete_namespaced_secret(secret_name(prefix, user_id), client.namespace)

    def interfere(self, store: Store, record: Record) -> None:
        assert isinstance(store, NetworkStore)
        with replace(store).open(read_only=False) as opened:
            put(opened, record)

    def damage(self, store: Store, user_id: str) -> None:
        client, name = server_of(store).connection, secret_name(server_of(store).prefix, user_id)
        secret = client.call("read_namespaced_secret", name, client.namespace)
        body = {**secret, "data": {"something": base64.b64encode(b"else").decode()}}
        client.call("replace_namespaced_secret", name, client.namespace, body=body)


class TestSecret:
    def test_has_the_names_the_consumers_keys_and_the_record(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        assert write(store, record_of())
        secret = secret_in(cluster)
        assert secret["type"] == "Opaque"
        assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "rpaops.uipath"}
        assert secret["metadata"]["annotations"] == {
            "rpaops.uipath/user-id": USER,
            "rpaops.uipath/name": f"label {USER}",
            "rpaops.uipath/user-name": f"{USER}@example.com",
        }
        data = texts(secret)
        assert json.loads(data.pop(KEY))["record"]["generation"] == 1
        assert data == {"username": f"{USER}@example.com", "password": ODD}

    def test_keeps_what_others_add_to_its_metadata(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        write(store, record_of())
        metadata = secret_in(cluster)["metadata"]
        others = {"labels": {**metadata["labels"], "team": "a"}, "annotations": {"reloader": "b"}}
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "1"}
        change(cluster, metadata={**metadata, **others, "finalizers": ["team/a"], "ownerReferences": [owner]})
        write(store, record_of(generation=2, name=None))
        metadata = secret_in(cluster)["metadata"]
        assert (metadata["finalizers"], metadata["ownerReferences"]) == (["team/a"], [owner])
        assert metadata["labels"] == {"app.kubernetes.io/managed-by": "rpaops.uipath", "team": "a"}
        assert metadata["annotations"] == {
            "reloader": "b",
            "rpaops.uipath/user-id": USER,
            "rpaops.uipath/user-name": f"{USER}@example.com",
        }

    def test_may_have_fields_that_the_library_does_not_know(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        write(store, record_of())
        newer = {"metadata": {**secret_in(cluster)["metadata"], "newer": {"a": 1}}, "newest": True}
        cluster.stub.cluster.secrets[NAMESPACE, NAME] = {**secret_in(cluster), **newer}
        assert write(store, record_of(generation=2))

    @pytest.mark.parametrize("user_id", ["User-1", "a b", "ü", "x" * 300, "-", "sha256-x", "a..b"])
    def test_of_an_unusual_id_has_a_valid_name(
        self, cluster: stub.KubernetesServer, store: NetworkStore, user_id: str
    ) -> None:
        record = record_of(user_id)
        with store.open(read_only=False) as opened:
            put(opened, record)
            assert opened.read(user_id) == record
            assert list(opened.user_ids()) == [user_id]

    def test_ids_that_differ_in_case_are_different_accounts(self) -> None:
        assert secret_name("p-", "user") == "p-user"
        assert len({secret_name("p-", user_id) for user_id in ("user", "User", "USER")}) == 3

    def test_that_another_program_made_is_refused_and_not_overwritten(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        body = {"metadata": {"name": NAME}, "stringData": FOREIGN}
        cluster.stub.cluster.create(NAMESPACE, stub.parsed(json.dumps(body).encode()), "kubectl/v1")
        with store.open(read_only=False) as opened:
            with pytest.raises(StoreError, match=f"it has no key {KEY}: another program wrote it"):
                put(opened, record_of())
            assert list(opened.user_ids()) == []
        assert texts(secret_in(cluster)) == FOREIGN

    def test_that_is_being_deleted_is_refused(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        write(store, record_of())
        metadata = {**secret_in(cluster)["metadata"], "deletionTimestamp": TIME}
        cluster.stub.cluster.secrets[NAMESPACE, NAME] = {**secret_in(cluster), "metadata": metadata}
        with store.open(read_only=True) as opened, pytest.raises(RecordDeleted, match="is being deleted"):
            opened.read(USER)

    def test_keeps_content_that_is_no_record_beside_a_commit(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        write(store, record_of())
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            change(cluster, data={key: base64.b64encode(text.encode()).decode() for key, text in FOREIGN.items()})
            replaced = secret_in(cluster)["metadata"]["resourceVersion"]
            assert not locked_record.write(record_of(generation=2))
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(record_of(generation=3))
            assert locked_record.write(record_of(generation=4))
            assert opened.read(USER) == record_of(generation=4)
        kept = json.loads(texts(secret_in(cluster))[f"{KEPT}{replaced}"])
        assert {key: base64.b64decode(value).decode() for key, value in kept.items()} == FOREIGN


class TestListing:
    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "PAGE", 2)

    @pytest.fixture
    def users(self, store: NetworkStore) -> list[str]:
        users = [f"user-{number}" for number in range(5)]
        with store.open(read_only=False) as opened:
            for user in users:
                put(opened, record_of(user))
        return users

    def test_has_all_pages(self, cluster: stub.KubernetesServer, store: NetworkStore, users: list[str]) -> None:
        cluster.stub.requests.clear()
        with store.open(read_only=True) as opened:
            assert {(account.user_id, account.label) for account in opened.accounts()} == {
                (user, f"label {user}") for user in users
            }
        assert cluster.stub.requests == {"list": 3}

    def test_begins_anew_when_the_server_has_forgotten_where_it_was(
        self, cluster: stub.KubernetesServer, store: NetworkStore, users: list[str]
    ) -> None:
        gone = stub.refusal(410, "Expired", stub.TOO_OLD).answer
        fault(cluster, verb="list", kind="status", status=410, body=gone.body, skip=1)
        with store.open(read_only=True) as opened:
            assert list(opened.user_ids()) == users

    def test_that_never_ends_is_an_error(
        self, cluster: stub.KubernetesServer, store: NetworkStore, users: list[str]
    ) -> None:
        fault(cluster, verb="list", kind="status", status=410, times=None)
        with store.open(read_only=True) as opened, pytest.raises(StoreError, match="takes too long to list"):
            opened.user_ids()

    def test_has_its_own_prefix_only(
        self, cluster: stub.KubernetesServer, store: NetworkStore, users: list[str]
    ) -> None:
        other = store_of(cluster, prefix="uipath-test-")
        write(other, record_of("user-9"))
        with store.open(read_only=True) as opened, other.open(read_only=True) as other_opened:
            assert list(opened.user_ids()) == users
            assert list(other_opened.user_ids()) == ["user-9"]

    def test_reads_the_names_of_a_secret_without_annotations(
        self, cluster: stub.KubernetesServer, store: NetworkStore, users: list[str]
    ) -> None:
        metadata = {**secret_in(cluster, "uipath-user-3")["metadata"], "annotations": {}}
        change(cluster, "uipath-user-3", metadata=metadata)
        with store.open(read_only=True) as opened:
            assert {account.label for account in opened.accounts()} == {f"label {user}" for user in users}


class TestSignIn:
    """Where the configuration comes from."""

    def test_warns_a_run_that_writes_of_the_encryption(self, store: NetworkStore) -> None:
        with store.open(read_only=False) as opened:
            assert opened.warnings == (UNVERIFIED, ENCRYPTION)
        with store.open(read_only=True) as opened:
            assert opened.warnings == (UNVERIFIED,)

    def test_by_the_variables_of_kubernetes_core(
        self, cluster: stub.KubernetesServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = {"HOST": cluster.url, "API_KEY": TOKEN, "NAMESPACE": NAMESPACE, "VERIFY_SSL": "false"}
        for name, value in values.items():
            monkeypatch.setenv(f"K8S_AUTH_{name}", value)
        store = store_of()
        assert write(store, record_of())
        assert TOKEN in store.secrets()
        assert not server_of(store).connection.api.api_client.configuration.verify_ssl

    def test_nothing_is_configured(self) -> None:
        with pytest.raises(StoreError, match="It is not known which cluster to use"):
            store_of()

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"host": "https://h"}, "store.host and store.api_key are used together"),
            ({"api_key": TOKEN}, "store.host and store.api_key are used together"),
            ({"host": "https://h", "api_key": TOKEN}, "store.namespace is required with store.host"),
            ({"host": "https://a:b@h", "api_key": TOKEN, "namespace": "n"}, "store.host must be an http or https URL"),
            ({"host": "h", "api_key": TOKEN, "namespace": "n"}, "store.host must be an http or https URL"),
            ({"host": "https://h", "api_key": f"{TOKEN}\nx", "namespace": "n"}, "store.api_key contains characters"),
            ({"kubeconfig": 5}, "store: kubeconfig must be a string, which is a path, or a mapping"),
            ({"prefix": "Robots-"}, "store.prefix must begin with a lower-case letter or digit"),
            ({"prefix": "x" * 183}, "store.prefix must begin with a lower-case letter or digit"),
            ({"namespace": "no.dots"}, "store.namespace is not a valid name"),
            ({"consumer_keys": {"a/b": "password"}}, "store.consumer_keys: a key may have letters"),
        ],
    )
    def test_problems_are_told_at_once_and_without_secrets(self, options: dict[str, Any], problem: str) -> None:
        [found] = StoreOptions({"type": "kubernetes", **options}).problems
        assert problem in found
        assert TOKEN not in found

    @pytest.fixture
    def kubeconfig(self, cluster: stub.KubernetesServer) -> dict[str, Any]:
        contexts = {
            "first": {"cluster": "c", "user": "u"},
            "second": {"cluster": "c", "user": "u", "namespace": NAMESPACE},
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "second",
            "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": name, "context": context} for name, context in contexts.items()],
        }

    def test_by_a_mapping(self, kubeconfig: dict[str, Any]) -> None:
        store = store_of(kubeconfig=kubeconfig)
        assert write(store, record_of())
        assert TOKEN in store.secrets()

    @pytest.mark.parametrize("place", ["option", "K8S_AUTH_KUBECONFIG", "KUBECONFIG", "home"])
    def test_by_a_file(
        self, kubeconfig: dict[str, Any], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / ".kube" / "config" if place == "home" else tmp_path / "config"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(kubeconfig))
        if place not in ("option", "home"):
            monkeypatch.setenv(place, str(file))
        store = store_of(**({"kubeconfig": str(file)} if place == "option" else {}))
        assert write(store, record_of())
        assert store.place.startswith(f"uipath-* in Kubernetes namespace {NAMESPACE} at http://127.0.0.1:")

    def test_a_context_without_a_namespace_is_an_error(self, kubeconfig: dict[str, Any]) -> None:
        with pytest.raises(StoreError, match="context has no namespace"):
            store_of(kubeconfig=kubeconfig, context="first")
        assert write(store_of(kubeconfig=kubeconfig, context="first", namespace=NAMESPACE), record_of())

    @pytest.mark.parametrize("content", ["{}", "[", "clusters: [{name: c, cluster: {}}]", f"users: [{TOKEN}]", ""])
    def test_a_file_that_is_no_kubeconfig_is_an_error_without_its_content(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "config").write_text(content)
        with pytest.raises(StoreError, match=r"The kubeconfig file .*/config cannot be used\.") as error:
            store_of(kubeconfig=str(tmp_path / "config"))
        assert TOKEN not in str(error.value)
        assert error.value.__cause__ is None

    def test_a_mapping_that_is_no_kubeconfig_is_an_error(self, kubeconfig: dict[str, Any]) -> None:
        with pytest.raises(StoreError, match=r"The mapping store\.kubeconfig cannot be used"):
            store_of(kubeconfig={**kubeconfig, "users": [{"token": TOKEN}]})

    @pytest.fixture
    def pod(
        self, cluster: stub.KubernetesServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Path:
        """The files of a pod's service account, for a server with TLS."""
        from kubernetes.config import incluster_config

        files = authority.issue("api")
        cluster.use_tls(str(files.certificate), str(files.key))
        contents = {"token": TOKEN, "namespace": NAMESPACE, "ca.crt": authority.certificate.read_text()}
        for name, content in contents.items():
            (tmp_path / name).write_text(f"{content}\n")
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cluster.server_address[1]))
        return tmp_path

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    def test_by_a_pods_service_account(self, pod: Path) -> None:
        store = store_of()
        with store.open(read_only=False) as opened:
            assert opened.warnings == (ENCRYPTION,)
        assert write(store, record_of())
        assert TOKEN in store.secrets()
        assert NAMESPACE in store.place

    def test_reads_a_token_again_that_was_replaced(self, cluster: stub.KubernetesServer, pod: Path) -> None:
        store = store_of()
        with store.open(read_only=False) as opened:
            put(opened, record_of())
            (pod / "token").write_text("the-next-one")
            cluster.stub.cluster.config["tokens"] = {TOKEN: None, "the-next-one": "rotation"}
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(opened.read, [USER] * 16)) == [record_of()] * 16
        assert "the-next-one" in store.secrets()

    def test_an_incomplete_service_account_is_an_error(self, pod: Path) -> None:
        (pod / "ca.crt").unlink()
        with pytest.raises(StoreError, match="The service account of this pod cannot be used"):
            store_of()

    def test_a_certificate_that_is_not_trusted_is_an_error(self, cluster: stub.KubernetesServer, pod: Path) -> None:
        message = r"The certificate of .* cannot be verified\. Set store\.ca_cert"
        with store_of(cluster).open(read_only=True) as opened, pytest.raises(StoreError, match=message):
            opened.read(USER)
        assert write(store_of(cluster, ca_cert=str(pod / "ca.pem")), record_of())
        assert write(store_of(cluster, validate_certs=False), record_of(generation=2))

    def test_a_certificate_file_that_is_not_there_is_an_error(self, cluster: stub.KubernetesServer) -> None:
        with pytest.raises(StoreError, match="A certificate or key cannot be read"):
            store_of(cluster, host="https://127.0.0.1", ca_cert="/nothing/here.pem")

    def test_leaves_no_key_in_a_temporary_file(
        self,
        cluster: stub.KubernetesServer,
        pod: Path,
        kubeconfig: dict[str, Any],
        authority: Authority,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        import tempfile

        folder = pod / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        files = authority.issue("client")
        encoded = {name: base64.b64encode(file.read_bytes()).decode() for name, file in vars(files).items()}
        kubeconfig["clusters"][0]["cluster"] = {
            "server": cluster.url,
            "certificate-authority-data": base64.b64encode(authority.certificate.read_bytes()).decode(),
        }
        kubeconfig["users"][0]["user"] |= {
            "client-certificate-data": encoded["certificate"],
            "client-key-data": encoded["key"],
        }
        for _time in range(2):
            store = store_of(kubeconfig=kubeconfig)
            assert list(folder.iterdir()) == []
            with store.open(read_only=False) as opened:
                put(opened, record_of())


# The faults of a read, the faults of a write, and what they mean.
class TestReadFaults:
    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "drop"},
            {"kind": "cut"},
            {"kind": "throttle"},
            *({"kind": "status", "status": n} for n in (500, 503, 504)),
        ],
        ids=lambda trouble: "-".join(map(str, trouble.values())),
    )
    def test_that_pass_are_tried_again(
        self, cluster: stub.KubernetesServer, store: NetworkStore, trouble: dict[str, Any]
    ) -> None:
        write(store, record_of())
        for verb in ("get", "list"):
            fault(cluster, verb=verb, times=2, **trouble)
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of()
            assert list(opened.user_ids()) == [USER]

    @pytest.mark.parametrize(
        ("trouble", "message"),
        [
            ({"kind": "throttle"}, r"limits the rate of requests \(429\)"),
            ({"kind": "drop"}, f"gave no answer when asked to get the Secret {NAME}"),
            ({"kind": "status", "status": 503}, f"answered 503 when asked to get the Secret {NAME}"),
        ],
    )
    def test_that_stay_end_the_task(
        self, cluster: stub.KubernetesServer, store: NetworkStore, trouble: dict[str, Any], message: str
    ) -> None:
        fault(cluster, verb="get", times=None, **trouble)
        with store.open(read_only=True) as opened, pytest.raises(TryAgain, match=message) as error:
            opened.read(USER)
        assert error.value.stops_task

    def test_nothing_listens(self, store: NetworkStore, cluster: stub.KubernetesServer) -> None:
        cluster.shutdown()
        cluster.server_close()
        with store.open(read_only=True) as opened, pytest.raises(TryAgain, match="There is no connection to"):
            opened.read(USER)

    def test_a_server_that_is_too_slow(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        server_of(store).connection.timeout = (1, 0.05)
        fault(cluster, verb="get", kind="late", seconds=0.3, times=None)
        with store.open(read_only=True) as opened, pytest.raises(TryAgain, match="gave no answer"):
            opened.read(USER)

    @pytest.mark.parametrize(
        ("status", "text"), [(200, "<html>"), (200, "{}"), (404, "<html>"), (404, "{}"), (302, "moved"), (401, "no")]
    )
    def test_an_answer_of_something_else_is_no_missing_record(
        self, cluster: stub.KubernetesServer, store: NetworkStore, status: int, text: str
    ) -> None:
        fault(cluster, verb="get", kind="status", status=status, text=text, times=None)
        with (
            store.open(read_only=True) as opened,
            pytest.raises(StoreError, match=f"answered {status} .*Check store.host"),
        ):
            opened.read(USER)

    def test_a_token_that_is_not_accepted_ends_the_task(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        cluster.stub.cluster.config["tokens"] = {}
        with store.open(read_only=True) as opened:
            with pytest.raises(StoreError, match=r"does not accept the token \(401\)") as error:
                opened.read(USER)
            assert error.value.stops_task
            with pytest.raises(StoreError, match=r"does not accept the token \(401\)"):
                opened.user_ids()

    @pytest.mark.parametrize("verb", ["get", "list", "create", "update"])
    def test_a_right_that_is_missing_is_named(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str
    ) -> None:
        if verb == "update":
            write(store, record_of())
        cluster.stub.cluster.config["roles"]["rotation"].remove(verb)
        with store.open(read_only=False) as opened:
            action = opened.user_ids if verb == "list" else lambda: put(opened, record_of(generation=2))
            with pytest.raises(StoreError) as error:
                action()
        message = str(error.value)
        assert f"The user rotation has no right to {verb} the Secret" in message
        assert f"Its Role needs the verb {verb} for the resource secrets" in message
        assert f"namespace {NAMESPACE}" in message


class TestWriteFaults:
    @pytest.fixture(params=["create", "update"])
    def verb(self, request: pytest.FixtureRequest, store: NetworkStore) -> str:
        """The next write is one of these."""
        if request.param == "update":
            write(store, record_of())
        return str(request.param)

    @pytest.mark.parametrize("apply", [True, False], ids=["applied", "not-applied"])
    @pytest.mark.parametrize(
        "trouble",
        [{"kind": "drop"}, *({"kind": "status", "status": n} for n in (500, 503, 504)), {"kind": "cut"}],
        ids=lambda trouble: "-".join(map(str, trouble.values())),
    )
    def test_a_lost_answer_is_found_out_about(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str, trouble: dict[str, Any], apply: bool
    ) -> None:
        fault(cluster, verb=verb, times=2, apply=apply, **trouble)
        before = cluster.stub.applied[verb]
        assert write(store, record_of(generation=2))
        assert cluster.stub.applied[verb] == before + 1
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of(generation=2)

    def test_a_write_that_is_done_after_the_time_out(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str
    ) -> None:
        server_of(store).connection.timeout = (1, 0.1)
        fault(cluster, verb=verb, kind="late", seconds=0.2)
        slow = replace(store, sleep=lambda _seconds: time.sleep(0.06))
        assert write(slow, record_of(generation=2))
        time.sleep(0.2)
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of(generation=2)

    def test_a_rate_limit_is_waited_for(self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str) -> None:
        fault(cluster, verb=verb, kind="throttle", times=2)
        assert write(store, record_of(generation=2))

    @pytest.mark.parametrize(
        "trouble",
        [{"kind": "throttle"}, {"kind": "drop"}, {"kind": "status", "status": 500}],
        ids=["429", "drop", "500"],
    )
    def test_what_stays_unknown_stops_the_task(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str, trouble: dict[str, Any]
    ) -> None:
        fault(cluster, verb=verb, times=None, **trouble)
        with pytest.raises(NotDurable, match="It is not known whether the record of"):
            write(store, record_of(generation=2))

    @pytest.mark.parametrize("status", [200, 400, 403, 404, 409])
    def test_an_answer_of_something_else_proves_nothing(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str, status: int
    ) -> None:
        fault(cluster, verb=verb, kind="status", status=status, text="<html>", apply=True)
        assert write(store, record_of(generation=2))

    def test_another_runs_write_is_not_replaced(self, store: NetworkStore, verb: str) -> None:
        with store.open(read_only=False) as first, replace(store).open(read_only=False) as second:
            with first.locked(USER) as one, second.locked(USER) as other:
                one.read()
                other.read()
                assert other.write(record_of(generation=5))
                assert not one.write(record_of(generation=2))
            assert first.read(USER) == record_of(generation=5)

    def test_another_runs_write_after_a_lost_answer_is_not_replaced(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str
    ) -> None:
        fault(cluster, verb=verb, kind="drop")
        with replace(store).open(read_only=False) as second:
            slow = replace(store, sleep=lambda _seconds: put(second, record_of(generation=5)))
            assert not write(slow, record_of(generation=2))
            assert second.read(USER) == record_of(generation=5)

    def test_a_deleted_secret_is_a_lost_swap_and_can_be_written_anew(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        write(store, record_of())
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            cluster.stub.cluster.delete(NAMESPACE, NAME, {})
            assert not locked_record.write(record_of(generation=2))
            assert locked_record.preserve_conflict() is None
            assert locked_record.write(record_of(generation=3))
            assert opened.read(USER) == record_of(generation=3)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"quota": 0}, "allows no further Secret"),
            ({"namespaces": []}, f"namespace {NAMESPACE} at .* does not exist"),
        ],
    )
    def test_a_first_write_that_is_refused(
        self, cluster: stub.KubernetesServer, store: NetworkStore, config: dict[str, Any], message: str
    ) -> None:
        cluster.stub.cluster.config |= config
        with pytest.raises(StoreError, match=message):
            write(store, record_of())

    def test_an_immutable_secret_is_refused(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        write(store, record_of())
        change(cluster, immutable=True)
        with pytest.raises(StoreError, match=f"The Secret {NAME} in .* is immutable"):
            write(store, record_of(generation=2))

    def test_a_secret_that_is_too_large_is_refused(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str
    ) -> None:
        for size in (1, 3):
            with pytest.raises(StoreError, match=f"The Secret {NAME} in .* would be too large"):
                write(store, record_of(generation=2, password="x" * (size << 20)))

    def test_a_name_that_is_refused(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        invalid = stub.invalid(NAME, [stub.Cause("metadata", "FieldValueInvalid", "no")]).answer.body
        fault(cluster, verb="create", kind="status", status=422, body=invalid)
        with pytest.raises(StoreError, match=f"refuses to create the Secret {NAME}: it is invalid"):
            write(store, record_of())


class TestTwoRuns:
    def test_one_is_busy_while_the_other_holds_the_lease(self, store: NetworkStore) -> None:
        with store.open(read_only=False) as first, replace(store).open(read_only=False) as second:
            put(first, STAGED)
            with pytest.raises(Busy, match="Its lease ends at"):
                put(second, record_of(generation=2))
            put(first, record_of(generation=2))
            put(second, record_of(generation=3))

    def test_of_many_writers_one_succeeds(self, cluster: stub.KubernetesServer, store: NetworkStore) -> None:
        write(store, record_of())
        barrier = threading.Barrier(8)

        def attempt(number: int) -> bool:
            with replace(store).open(read_only=False) as opened, opened.locked(USER) as locked_record:
                locked_record.read()
                barrier.wait()
                return locked_record.write(record_of(generation=number))

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(attempt, range(2, 10))) == [False] * 7 + [True]

    def test_reads_run_at_the_same_time_over_few_connections(
        self, cluster: stub.KubernetesServer, store: NetworkStore
    ) -> None:
        users = [f"user-{number}" for number in range(64)]
        with store.open(read_only=False) as opened:
            for user in users:
                put(opened, record_of(user))
            cluster.stub.cluster.config["latency"] = 0.02
            started = time.monotonic()
            assert list(opened.read_many(users)) == [record_of(user) for user in users]
            assert time.monotonic() - started < 0.02 * len(users) / 2
        assert cluster.stub.in_flight_peak > 4
        assert cluster.stub.connections <= 17


class TestSecrecy:
    """A server that repeats the request in its error, in several spellings."""

    @pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 500])
    @pytest.mark.parametrize("verb", ["create", "update"])
    def test_no_message_shows_a_secret(
        self, cluster: stub.KubernetesServer, store: NetworkStore, verb: str, status: int
    ) -> None:
        words = [awkward(word) for word in ("Kestrel8", "Plover9", "Curlew7")]
        record = replace(record_of(password=words[0]), pending=Pending(words[0], words[1], TIME))
        if verb == "update":
            write(store, record_of(password=words[2]))
        fault(cluster, verb=verb, kind="quote", status=status, times=None)
        with pytest.raises(UiPathError) as error:
            write(store, record)
        assert shown_in(error.value, [*words, TOKEN]) == []

    def test_no_repr_shows_a_secret(self, store: NetworkStore) -> None:
        write(store, record_of())
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            objects = [store, store.server, opened, locked_record, server_of(store).read(USER)]
        assert [word for one in objects for word in (ODD, TOKEN) for form in spellings(word) if form in repr(one)] == []


def shown_in(error: BaseException, words: list[str]) -> list[str]:
    """The words that an error or what led to it shows, in whatever spelling."""
    chain, text = error, ""
    while chain is not None:
        text += f" {chain!r} {chain} {vars(chain)}".lower()
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)  # type: ignore[assignment]
    return [word for word in words if any(form.lower() in text for form in spellings(word))]


def test_a_connection_has_no_limit_below_the_servers_own() -> None:
    assert connection.TIMEOUT[1] > 60
    assert Connection.__dataclass_fields__["api"].repr is False
