# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store in AWS Secrets Manager, over real sockets: against an imitation, and against AWS if that is asked for.

`UIPATH_TEST_REAL_STORES=1` with credentials and a region that boto3 finds runs the contract in a prefix of its own, and
deletes its secrets afterwards.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    OpenStore,
    RecordDeleted,
    Store,
    StoredAccount,
    StoreError,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import BatchLimits, RotationTask
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager import connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager import server as aws
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.answers import NotSignedIn
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.connection import Connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.secret import (
    LABEL,
    MOST_BYTES,
    account_in,
    content_in,
    version_id,
    version_number,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import (
    NetworkStore,
    OpenNetworkStore,
    utc_now,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, spellings
from ansible_collections.rpaops.uipath.tests.stores.aws_rig import KEYS, REGION, SECRET_KEY, AwsRig
from ansible_collections.rpaops.uipath.tests.stores.aws_server import AwsServer
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    PasswordServer,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import (
    TIME,
    USER,
    StoreContract,
    put,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, GIVEN_TOKEN, Clock, client_of

ON_AWS = os.environ.get("UIPATH_TEST_REAL_STORES") == "1" and any(name.startswith("AWS_") for name in os.environ)
SETTINGS = [name for name in os.environ if name.startswith("AWS_")]
STAGED = replace(record_of(), pending=Pending("the old one", "the new one", TIME))
WRITES = ("CreateSecret", "PutSecretValue")
CLIENTS: dict[str, Any] = {}


@pytest.fixture(scope="module")
def running() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture
def server(running: AwsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsServer:
    for name in [*SETTINGS, *(name for name in os.environ if name.lower().endswith("_proxy"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    running.stub.clear()
    return running


@pytest.fixture(autouse=True)
def _shared_clients(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores with the same options have one client, except in the tests of options: a client takes long to make."""
    if request.cls is TestOptions or request.cls is TestContractOnAws:
        return
    make = Connection._client

    def shared(opened: Connection) -> Any:
        key = f"{opened.options} {connection.ATTEMPTS}"
        if key not in CLIENTS:
            CLIENTS[key] = make(opened)
        return CLIENTS[key]

    monkeypatch.setattr(Connection, "_client", shared)


@pytest.fixture
def rig(server: AwsServer) -> AwsRig:
    return AwsRig({"endpoint_url": server.url, "region": REGION, **KEYS})


@pytest.fixture
def store(rig: AwsRig) -> NetworkStore:
    return rig.store()


class AwsContract(StoreContract):
    has_locks = False

    @pytest.fixture
    def store(self, rig: AwsRig) -> Store:
        self.used = rig
        return rig.store()

    def interfere(self, store: Store, record: Record) -> None:
        with self.used.store().open(read_only=False) as opened:
            put(opened, record)

    def damage(self, store: Store, user_id: str) -> None:
        self.used.put(user_id, self.used.number(user_id) + 1, "no JSON")


class TestContract(AwsContract):
    pass


class TestContractOnAws(AwsContract):
    __test__ = ON_AWS

    @pytest.fixture
    def rig(self) -> Iterator[AwsRig]:
        rig = AwsRig({}, prefix=f"uipath-test-{uuid.uuid4().hex}/")
        yield rig
        rig.remove_all()

    def listing(self, opened: OpenStore) -> Sequence[StoredAccount]:
        """Wait until the listing has what this run has seen: it may lag for minutes."""
        assert isinstance(opened, OpenNetworkStore)
        assert isinstance(opened.secrets.server, aws.AwsSecretsManager)
        for _time in range(60):
            if opened.secrets.server.noted.keys() <= set(opened.user_ids()):
                break
            time.sleep(5)
        return opened.accounts()


def write(store: NetworkStore, record: Record) -> bool:
    with store.open(read_only=False) as opened, opened.locked(record.account.user_id) as locked_record:
        locked_record.read()
        return locked_record.write(record)


class TestVersions:
    def test_a_version_id_is_a_uuid_that_ends_with_the_number(self) -> None:
        identifier = version_id("uipath/a", 41)
        assert str(uuid.UUID(identifier)) == identifier
        assert identifier.endswith("000000000041")
        assert version_number("uipath/a", identifier) == 41

    @pytest.mark.parametrize("identifier", ["", "x", TIME, version_id("uipath/b", 1), "\u0663" * 36])
    def test_another_programs_version_has_no_number(self, identifier: str) -> None:
        assert version_number("uipath/a", identifier) is None

    def test_the_label_is_on_the_newest_version_and_the_first_needs_none(
        self, rig: AwsRig, store: NetworkStore
    ) -> None:
        for generation, labels in [
            (1, {1: ["AWSCURRENT"]}),
            (2, {1: ["AWSCURRENT"], 2: [LABEL]}),
            (3, {1: ["AWSCURRENT"], 3: [LABEL]}),
        ]:
            assert write(store, replace(record_of(generation=generation)))
            assert rig.stages(USER) == labels
        assert write(store, record_of(generation=4, password="another"))
        assert rig.stages(USER) == {1: ["AWSPREVIOUS"], 4: ["AWSCURRENT", LABEL]}

    def test_a_staged_version_is_not_current(self, rig: AwsRig, store: NetworkStore) -> None:
        assert write(store, record_of(password="the old one"))
        assert write(store, replace(STAGED, generation=2))
        assert rig.value(USER, "AWSCURRENT")["Password"] == "the old one"
        assert "the new one" not in json.dumps(rig.value(USER, "AWSCURRENT"))
        assert "the new one" in json.dumps(rig.value(USER))

    def test_all_values_at_the_top_are_strings(self, rig: AwsRig, store: NetworkStore) -> None:
        assert write(store, record_of(password="p"))
        found = rig.value(USER, "AWSCURRENT")
        own = json.loads(found.pop(KEY))
        assert found == {"Username": f"{USER}@example.com", "Password": "p", "Value": "p"}
        assert (own["version"], own["record"]["current"]["password"]) == (1, "p")

    @pytest.mark.parametrize("text", ["", "[]", "no JSON", None, f'{{"{KEY}": "x"}}', f'{{"{KEY}": 5}}', "[" * 9999])
    def test_what_is_no_record_has_no_record(self, text: Any) -> None:
        content = content_in(text)
        assert content is None or not isinstance(content[KEY], dict)

    def test_of_two_runs_that_replace_a_version_one_writes(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        stores, start = [rig.store() for _number in range(8)], threading.Barrier(8)

        def race(number: int) -> bool:
            with stores[number].open(read_only=False) as opened, opened.locked(USER) as locked_record:
                locked_record.read()
                start.wait(20)
                return locked_record.write(record_of(generation=2, password=f"p{number}"))

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(race, range(8)))
        assert sum(results) == 1
        assert rig.value(USER)["Password"] == f"p{results.index(True)}"
        assert rig.number(USER) == 2

    def test_calls(self, server: AwsServer, store: NetworkStore) -> None:
        for generation in (1, 2):
            write(store, record_of(generation=generation))
        server.stub.requests.clear()
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            locked_record.write(replace(STAGED, generation=3))
            locked_record.write(record_of(generation=4, password="the new one"))
        assert server.stub.requests == {"GetSecretValue": 1, "PutSecretValue": 2}

    def test_connections_are_used_again(self, server: AwsServer, rig: AwsRig, store: NetworkStore) -> None:
        before = server.stub.connections
        with store.open(read_only=False) as opened:
            for number in range(5):
                opened.read(f"u{number}")
        assert server.stub.connections <= before + 1


class TestRotation:
    """Whole rotations: what a reader of AWSCURRENT sees before every call."""

    @pytest.fixture
    def live(self) -> PasswordServer:
        return PasswordServer({"u1": OLD}, {})

    def run(self, store: NetworkStore, live: PasswordServer, **wanted: Any) -> dict[str, Any]:
        clock = Clock()
        request = request_of("u1", max_age_days=50, initial_password=OLD, **wanted)
        with replace(store, identity_url=BASE).open(read_only=False) as opened:
            client = client_of(live, clock, GIVEN_TOKEN)
            task = RotationTask(opened, client, PasswordRules(), BatchLimits(concurrency=1), sleep=clock.sleep)
            [result] = task.run([request], check_mode=False)
        return result

    def test_current_never_shows_a_staged_pair(
        self, server: AwsServer, rig: AwsRig, store: NetworkStore, live: PasswordServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[dict[str, Any]] = []
        carried_out = server.stub.carried_out

        def watched(action: str, request: dict[str, Any]) -> Any:
            answer = carried_out(action, request)
            if action in WRITES:
                shown = json.loads(server.stub.secrets["uipath/u1"].versions[current_id(server)]["secret_string"])
                seen.append({**shown, KEY: json.loads(shown[KEY])})
            return answer

        monkeypatch.setattr(server.stub, "carried_out", watched)
        for _time in range(3):
            assert self.run(store, live, force=True)["status"] == "rotated"
            assert rig.value("u1", "AWSCURRENT")["Password"] == live.live["u1"]
        assert len(seen) == 6
        assert seen[0]["Password"] == OLD  # the first write
        assert all(shown[KEY]["record"]["pending"] is None for shown in seen[1:])

    def test_a_second_run_finds_nothing_due(self, store: NetworkStore, live: PasswordServer) -> None:
        assert self.run(store, live)["status"] == "rotated"
        assert self.run(store, live)["status"] == "fresh"

    @pytest.mark.parametrize("skip", range(6))
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "drop", "apply": True},
            {"kind": "drop", "apply": False},
            {"kind": "error", "code": "InternalServiceError", "status": 500, "apply": True},
            {"kind": "throttle"},
            {"kind": "deny"},
            {"kind": "stale"},
            {"kind": "cut"},
        ],
        ids=lambda fault: f"{fault['kind']}{fault.get('apply', '')}",
    )
    def test_a_fault_at_every_call_is_healed(
        self, server: AwsServer, rig: AwsRig, live: PasswordServer, fault: dict[str, Any], skip: int
    ) -> None:
        server.fail("*", skip=skip, **fault)
        self.attempt(rig.store(), live)
        server.stub.faults.clear()
        for _time in range(3):
            later = rig.store(now=lambda: utc_now() + timedelta(minutes=20))
            if self.attempt(later, live) in ("fresh", "rotated"):
                break
        assert self.attempt(later, live) == "fresh"
        assert rig.value("u1", "AWSCURRENT")["Password"] == live.live["u1"] != OLD

    def attempt(self, store: NetworkStore, live: PasswordServer) -> str:
        try:
            return str(self.run(store, live)["status"])
        except StoreError as error:
            return error.status


def current_id(server: AwsServer) -> str:
    return str(server.stub.secrets["uipath/u1"].default_version_id)


class TestLeases:
    def test_a_lease_keeps_other_runs_away_until_it_ends(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        assert write(store, replace(STAGED, generation=2))
        with pytest.raises(Busy):
            write(rig.store(), record_of(generation=3))
        later = rig.store(now=lambda: utc_now() + timedelta(minutes=6))
        assert write(later, record_of(generation=3))


class TestUncertainty:
    def test_a_write_whose_answer_is_lost_is_found(self, server: AwsServer, store: NetworkStore) -> None:
        for generation, action in enumerate(WRITES, 1):
            server.fail(action, "drop", apply=True)
            assert write(store, record_of(generation=generation))
            assert server.stub.applied[action] == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "drop"},
            {"kind": "cut"},
            {"kind": "error", "code": "InternalServiceError", "status": 500},
            {"kind": "error", "code": "ServiceUnavailable", "status": 503, "apply": True},
            {"kind": "throttle"},
        ],
    )
    def test_a_write_that_fails_for_a_while_succeeds(
        self, server: AwsServer, store: NetworkStore, fault: dict[str, Any]
    ) -> None:
        for generation, action in enumerate(WRITES, 1):
            server.fail(action, times=2, **fault)
            assert write(store, record_of(generation=generation))
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of(generation=2)

    def test_a_write_that_is_never_answered_is_not_durable(self, server: AwsServer, store: NetworkStore) -> None:
        server.fail("CreateSecret", "drop", times=None)
        with pytest.raises(NotDurable, match="gave no answer to CreateSecret of uipath/"):
            write(store, record_of())

    @pytest.mark.parametrize("writes", [1, 2])
    def test_a_run_that_reads_what_is_old_writes_nothing(
        self, server: AwsServer, rig: AwsRig, store: NetworkStore, writes: int
    ) -> None:
        for generation in (1, 2, 3):
            write(store, record_of(generation=generation))
        server.fail("GetSecretValue", "stale", writes=writes, times=None)
        with pytest.raises(StoreError, match="refuses to replace the record"):
            write(store, record_of(generation=9))
        server.stub.faults.clear()
        assert rig.number(USER) == 3

    def test_a_run_that_reads_no_record_where_there_is_one_creates_none(
        self, server: AwsServer, rig: AwsRig, store: NetworkStore
    ) -> None:
        write(store, record_of())
        server.fail("GetSecretValue", "stale", times=2)
        assert write(store, record_of(generation=9)) is False
        assert rig.number(USER) == 1

    def test_a_listing_that_is_old(self, server: AwsServer, store: NetworkStore) -> None:
        write(store, record_of())
        server.fail("ListSecrets", "stale")
        with store.open(read_only=True) as opened:
            assert opened.user_ids() == []
            assert opened.user_ids() == [USER]


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "kind", "words"),
        [
            ({"kind": "throttle"}, TryAgain, r"throttles GetSecretValue \(ThrottlingException, HTTP 400\)"),
            ({"kind": "drop"}, TryAgain, "gave no answer to GetSecretValue"),
            (
                {"kind": "deny"},
                StoreError,
                r"lack the permission secretsmanager:GetSecretValue for uipath/\S+ in uipath/ in AWS Secrets Manager",
            ),
            (
                {"kind": "error", "code": "AccessDeniedException", "message": "Access to KMS is not allowed"},
                StoreError,
                "kms:Decrypt and kms:GenerateDataKey",
            ),
            ({"kind": "error", "code": "ExpiredTokenException"}, NotSignedIn, "does not accept the credentials"),
            ({"kind": "error", "code": "UnrecognizedClientException"}, NotSignedIn, "UnrecognizedClientException"),
            ({"kind": "error", "code": "DecryptionFailure"}, StoreError, "KMS key of the secret cannot be used"),
            ({"kind": "error", "code": "InternalServiceError", "status": 500}, TryAgain, "an error of its own"),
            ({"kind": "error", "code": "<b>", "status": 400}, StoreError, r"an unknown error, HTTP 400"),
        ],
    )
    def test_of_a_read(
        self, server: AwsServer, store: NetworkStore, fault: dict[str, Any], kind: type, words: str
    ) -> None:
        server.fail("GetSecretValue", times=None, **fault)
        with store.open(read_only=True) as opened, pytest.raises(kind, match=words):
            opened.read(USER)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ({"kind": "deny"}, "lack the permission secretsmanager:PutSecretValue for uipath/"),
            (
                {
                    "kind": "error",
                    "code": "AccessDeniedException",
                    "message": "not authorized to perform: secretsmanager:TagResource on resource: a",
                },
                "the permission secretsmanager:TagResource for uipath/",
            ),
            ({"kind": "error", "code": "LimitExceededException"}, "A quota of the AWS account is used up"),
            ({"kind": "error", "code": "EncryptionFailure"}, "KMS key of the secret cannot be used"),
            ({"kind": "error", "code": "ExpiredTokenException"}, "They have expired or are wrong"),
        ],
    )
    def test_of_a_write_only(self, server: AwsServer, store: NetworkStore, fault: dict[str, Any], words: str) -> None:
        write(store, record_of())
        server.fail("PutSecretValue", times=None, **fault)
        with pytest.raises(StoreError, match=words):
            write(store, record_of(generation=2))
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of()

    def test_of_a_listing(self, server: AwsServer, store: NetworkStore) -> None:
        server.fail("ListSecrets", "deny")
        with (
            store.open(read_only=True) as opened,
            pytest.raises(StoreError, match="secretsmanager:ListSecrets for all resources"),
        ):
            opened.user_ids()

    def test_throttling_ends(self, server: AwsServer, rig: AwsRig, store: NetworkStore) -> None:
        server.fail("GetSecretValue", "throttle", times=3)
        with store.open(read_only=True) as opened:
            assert opened.read(USER) is None
        assert len(rig.pauses) == 3

    def test_the_library_retries_too(
        self, server: AwsServer, rig: AwsRig, store: NetworkStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "ATTEMPTS", 2)
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
        server.fail("CreateSecret", "drop", apply=True)
        assert write(store, record_of())
        assert (server.stub.requests["CreateSecret"], rig.pauses) == (2, [])

    def test_nothing_listens(self, rig: AwsRig) -> None:
        store = rig.store(endpoint_url="http://127.0.0.1:1")
        with store.open(read_only=True) as opened, pytest.raises(TryAgain, match="cannot be reached"):
            opened.read(USER)

    def test_a_secret_that_is_deleted(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        name = rig.name(USER)
        rig.client.delete_secret(SecretId=name)
        with store.open(read_only=False) as opened:
            assert opened.user_ids() == [USER]
            [listed] = opened.accounts()
            assert isinstance(listed.error, RecordDeleted)
            with pytest.raises(RecordDeleted, match=f"restore-secret --secret-id {name}"):
                opened.read(USER)
        rig.client.restore_secret(SecretId=name)
        assert write(store, record_of(generation=2))

    def test_a_secret_that_is_deleted_between_a_read_and_a_write(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        with store.open(read_only=False) as opened, opened.locked(USER) as locked_record:
            locked_record.read()
            rig.client.delete_secret(SecretId=rig.name(USER))
            with pytest.raises(RecordDeleted):
                locked_record.write(record_of(generation=2))
            rig.client.delete_secret(SecretId=rig.name(USER), ForceDeleteWithoutRecovery=True)
            with pytest.raises(NotDurable, match="was read before, and is not found now"):
                locked_record.write(record_of(generation=2))

    def test_a_record_that_is_too_large_is_not_sent(self, server: AwsServer, store: NetworkStore) -> None:
        with pytest.raises(StoreError, match=f"more than the {MOST_BYTES} bytes"):
            write(store, record_of(password="x" * 25_000))
        assert not server.stub.requests["CreateSecret"]

    def test_a_name_that_is_too_long(self, server: AwsServer, store: NetworkStore) -> None:
        user_id = "x" * 600
        with store.open(read_only=False) as opened:
            assert opened.read(user_id) is None
        with pytest.raises(StoreError, match="has more than 512 characters"):
            write(store, record_of(user_id))
        assert not server.stub.requests


class TestAdministrators:
    def test_a_secret_that_another_program_made(self, rig: AwsRig, store: NetworkStore) -> None:
        rig.client.create_secret(Name=rig.name(USER), SecretString='{"Password": "theirs"}')
        with pytest.raises(StoreError, match="Another program made the secret"):
            write(store, record_of())
        assert rig.value(USER, "AWSCURRENT") == {"Password": "theirs"}

    def test_a_secret_without_a_version(self, rig: AwsRig, store: NetworkStore) -> None:
        rig.client.create_secret(Name=rig.name(USER))
        with pytest.raises(StoreError, match="without a version that can be read"):
            write(store, record_of())
        assert rig.stages(USER) == {}

    def test_a_label_on_another_programs_version(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        rig.client.put_secret_value(SecretId=rig.name(USER), SecretString="{}", VersionStages=[LABEL])
        with pytest.raises(StoreError, match="Another program made"):
            write(store, record_of(generation=2))

    def test_the_label_is_removed_and_put_back(self, rig: AwsRig, store: NetworkStore) -> None:
        for generation in (1, 2):
            write(store, record_of(generation=generation, password=f"p{generation}"))
        rig.move_label(USER, off=2)
        with pytest.raises(StoreError, match=f"has the label {LABEL}"):
            write(store, record_of(generation=3))
        rig.client.update_secret_version_stage(
            SecretId=rig.name(USER), VersionStage=LABEL, MoveToVersionId=version_id(rig.name(USER), 2)
        )
        assert write(store, record_of(generation=3))

    def test_the_label_is_moved_to_an_older_version(self, rig: AwsRig, store: NetworkStore) -> None:
        for generation in (1, 2, 3):
            write(store, record_of(generation=generation, password=f"p{generation}"))
        rig.move_label(USER, off=3, to=2)
        with pytest.raises(StoreError, match="restored an older version"):
            write(store, record_of(generation=4))
        assert rig.number(USER) == 3
        rig.move_label(USER, off=2, to=3)
        assert write(store, record_of(generation=4))

    def test_what_the_console_changes_is_replaced_with_the_next_password(
        self, rig: AwsRig, store: NetworkStore
    ) -> None:
        write(store, record_of())
        write(store, record_of(generation=2))
        rig.client.put_secret_value(SecretId=rig.name(USER), SecretString='{"Password": "theirs"}')
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of(generation=2)
        write(store, record_of(generation=3, password="the next one"))
        assert rig.value(USER, "AWSCURRENT")["Password"] == "the next one"

    def test_older_versions_are_found(self, rig: AwsRig, store: NetworkStore) -> None:
        for generation in (1, 2, 3):
            write(store, record_of(generation=generation))
        rig.client.put_secret_value(SecretId=rig.name(USER), SecretString="{}", VersionStages=["OTHER"])
        with store.open(read_only=True):
            found = sorted(version.number or 0 for version in store.server.earlier(USER))
        assert found == [1, 2, 3]


class TestListing:
    def test_tags_and_key_apply_to_new_secrets(self, rig: AwsRig) -> None:
        store = rig.store(tags={"team": "rpa", "cost": 7}, kms_key_id="alias/rotation")
        write(store, record_of())
        found = rig.client.describe_secret(SecretId=rig.name(USER))
        assert found["Tags"] == [{"Key": "team", "Value": "rpa"}, {"Key": "cost", "Value": "7"}]
        assert found["KmsKeyId"] == "alias/rotation"

    def test_it_has_many_pages_and_leaves_out_others(
        self, server: AwsServer, rig: AwsRig, store: NetworkStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aws, "PAGE", 3)
        users = [f"u{number:03d}" for number in range(7)]
        with store.open(read_only=False) as opened:
            for user in users:
                put(opened, record_of(user))
        for name in ("uipath/other/u1", "uipath/a=b", "other"):
            rig.client.create_secret(Name=name, SecretString="x")
        server.stub.requests.clear()
        with store.open(read_only=True) as opened:
            assert [account.label for account in opened.accounts()] == [f"label {user}" for user in users]
        assert server.stub.requests == {"ListSecrets": 3}  # of nine secrets that begin so

    def test_a_new_name_is_in_the_description_afterwards(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        write(store, record_of(generation=2, name="renamed"))
        with rig.store().open(read_only=True) as opened:
            assert [account.label for account in opened.accounts()] == ["renamed"]
        assert rig.stages(USER) == {1: ["AWSCURRENT"], 2: [LABEL]}

    def test_a_run_that_lists_corrects_a_name(self, rig: AwsRig, store: NetworkStore) -> None:
        write(store, record_of())
        rig.client.update_secret(SecretId=rig.name(USER), Description='{"name": "old", "user_name": null}')
        with store.open(read_only=False) as opened:
            assert [account.label for account in opened.accounts()] == ["old"]
            opened.read(USER)
        with store.open(read_only=True) as opened:
            assert [account.label for account in opened.accounts()] == [f"label {USER}"]

    @pytest.mark.parametrize("description", ["Made by hand", "{}", '{"name": 1, "user_name": null}', None])
    def test_another_description_stays_and_the_secret_is_read(
        self, rig: AwsRig, store: NetworkStore, description: str | None
    ) -> None:
        assert account_in(USER, description) is None
        write(store, record_of())
        rig.client.update_secret(SecretId=rig.name(USER), Description=description or "x")
        with store.open(read_only=False) as opened:
            assert [account.label for account in opened.accounts()] == [f"label {USER}"]
        assert rig.client.describe_secret(SecretId=rig.name(USER))["Description"] == (description or "x")


class TestOptions:
    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"access_key": "a"}, "access_key and store.secret_key are required together"),
            ({"secret_key": SECRET_KEY}, "access_key and store.secret_key are required together"),
            ({"session_token": SECRET_KEY}, "required together, and by store.session_token"),
            ({"profile": "p", **KEYS}, "store.profile excludes access_key"),
            ({"endpoint_url": "host"}, "store.endpoint_url must look like"),
            ({"endpoint_url": "https://u:p@host"}, "store.endpoint_url must look like"),
            ({"prefix": ""}, "store.prefix has to consist of"),
            ({"prefix": "a b"}, "store.prefix has to consist of"),
            ({"tags": {"aws:x": "y"}}, "store.tags"),
            ({"tags": {"x": "y" * 257}}, "store.tags"),
            ({"aws_ca_bundle": "/nowhere"}, "store.aws_ca_bundle does not name an existing file"),
        ],
    )
    def test_problems(self, server: AwsServer, given: dict[str, Any], problem: str) -> None:
        [found] = StoreOptions({"type": "aws_secrets_manager", **given}).problems
        assert problem in found
        assert SECRET_KEY not in found

    def test_the_environment(self, server: AwsServer, rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
        write(rig.store(), record_of())
        monkeypatch.setenv("AWS_URL", server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        rig.given = {}
        store = rig.store()
        assert list(store.secrets()) == [SECRET_KEY]
        with store.open(read_only=True) as opened:
            assert opened.read(USER) == record_of()

    def test_a_profile(self, rig: AwsRig, tmp_path: Path, server: AwsServer) -> None:
        (tmp_path / ".aws").mkdir()
        text = f"[robots]\nregion = {REGION}\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET_KEY}\n"
        (tmp_path / ".aws/credentials").write_text(text)
        rig.given = {"profile": "robots", "endpoint_url": server.url}
        assert write(rig.store(), record_of())

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "There is no AWS region|There are no credentials"),
            ({"region": REGION}, "There are no credentials for uipath/ in AWS Secrets Manager"),
            (KEYS, "There is no AWS region. Set store.region"),
            ({"profile": "nobody"}, "AWS's configuration files have no profile nobody"),
            ({"region": "not a region", **KEYS}, r"cannot be sent to .*\(InvalidRegionError\)"),
        ],
    )
    def test_what_boto3_does_not_find(self, server: AwsServer, rig: AwsRig, given: dict[str, Any], words: str) -> None:
        rig.given = given
        with pytest.raises(StoreError, match=words), rig.store().open(read_only=True):
            pass

    def test_without_boto3(self, server: AwsServer, rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "boto3", None)
        with pytest.raises(StoreError, match="boto3"):
            rig.store()

    def test_a_wrong_type(self, server: AwsServer) -> None:
        options = StoreOptions({"type": "aws_secrets_manager", "tags": SECRET_KEY})
        with pytest.raises(InvalidInput) as caught:
            options.create(None)  # type: ignore[arg-type]
        assert SECRET_KEY not in str(caught.value)


@pytest.mark.parametrize("action", ["GetSecretValue", "CreateSecret", "PutSecretValue", "ListSecrets"])
@pytest.mark.parametrize("kind", ["quote", "drop", "cut", "deny", "error"])
def test_no_message_has_a_secret(server: AwsServer, rig: AwsRig, action: str, kind: str) -> None:
    secrets = [awkward("Zanzibar"), awkward("Quagga"), SECRET_KEY]
    staged = replace(record_of(password=secrets[0]), pending=Pending(secrets[0], secrets[1], TIME))
    server.fail(action, kind, times=None, **({"code": secrets[0], "message": secrets[1]} if kind == "error" else {}))
    errors: list[UiPathError] = []
    for generation in (1, 2):
        try:
            write(rig.store(), replace(staged, generation=generation))
        except UiPathError as error:
            errors.append(error)
    with rig.store().open(read_only=True) as opened:
        try:
            opened.user_ids()
        except UiPathError as error:
            errors.append(error)
    assert errors
    for found in errors:
        text = f"{found!r} {found.message} {found.__cause__!r}"
        assert found.__cause__ is None
        assert not [form for secret in secrets for form in spellings(secret) if form in text]
