# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for a store, which is a dict, and for a server that has passwords. Both fail where they are told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError, WriteInCheckMode
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import Response
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport_errors import TransportError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer, canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Orphan,
    Pending,
    Record,
    Retired,
    RotatedBy,
    redacted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    Reading,
    RecordDeleted,
    RecordLost,
    StoredAccount,
    StoreError,
    reading,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE

TIME = "2026-05-01T12:00:00+00:00"
SECRETS = ("S3cret-old", "S3cret-new", "S3cret-orphan", "S3cret-retired")
# A record in which every field holds something.
FULL = Record(
    Account("https://identity.test", "id-1", "robot 1", "svc-robot-1"),
    Current("S3cret-old", TIME, "rotated", 40),
    generation=41,
    pending=Pending("S3cret-old", "S3cret-new", TIME, maybe_live=False),
    orphans=(Orphan("S3cret-orphan", TIME, "replaced"),),
    previous=(Retired("S3cret-retired", TIME),),
    status="quarantined",
    reason="barred",
    error_codes=("UserLockedOut",),
    unproven_sends=2,
    unproven_limit=6,
    stalled=1,
    has_consumers=True,
    delivered=False,
    delivered_at=TIME,
    rotations=(RotatedBy(TIME, "root@controller"),),
)

OLD, NEW = "Distinctive-old-1", "Distinctive-new-2"
APPLIED, MISMATCH, UNKNOWN = (PasswordAnswer(kind) for kind in ("applied", "mismatch", "unknown"))
MISMATCH_CODE = {"succeeded": False, "errors": [{"code": "PasswordMismatch", "description": "Incorrect password."}]}
POLICY_CODE = {"succeeded": False, "errors": [{"code": "PasswordTooShort", "description": "Too short."}]}


def days_ago(days: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()


def record_of(user_id: str = "u1", password: str = OLD, *, days: float = 100, **changes: Any) -> Record:
    """A record whose password is so many days old. By default, it is due."""
    account = Account(BASE, user_id, f"label-{user_id}", f"{user_id}@example.com")
    record = Record(account, Current(password, days_ago(days), "rotated"), generation=1)
    return replace(record, **changes)


def pending_record(user_id: str = "u1", *, maybe_live: bool = True, **changes: Any) -> Record:
    """A record that a killed run left behind."""
    return record_of(user_id, pending=Pending(OLD, NEW, days_ago(0), maybe_live), **changes)


def request_of(user_id: str = "u1", **wanted: Any) -> RotationRequest:
    return RotationRequest(Account(BASE, user_id, f"label-{user_id}"), **wanted)


def damage_of(user_id: str) -> StoreError:
    return StoreError(f"The record of {user_id} cannot be used.")


@dataclass
class MemoryStore:
    """Steps are `lock`, `read`, `write 1`, `write 2`, ... and `preserve_conflict`, counted over all accounts.

    `plan USER` and `read USER` are the reads of one account, without and with its lock.
    """

    records: dict[str, Record] = field(default_factory=dict)
    failures: dict[str, UiPathError] = field(default_factory=dict)
    intrusions: dict[str, Record] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)  # the accounts whose record cannot be read
    lost: set[str] = field(default_factory=set)  # the accounts whose record was there and is gone
    deleted: set[str] = field(default_factory=set)  # the accounts whose record was deleted, as the server says
    held: set[str] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)
    decrypted: list[str] = field(default_factory=list)  # the accounts that were read and not taken from the cache
    listed: dict[str, Record] | None = None  # what a listing that lags behind still shows
    warnings: tuple[str, ...] = ()
    own_secrets: tuple[str, ...] = ()
    may_write: bool = True
    is_open: bool = False
    writes: int = 0
    watch: Callable[[str], None] = lambda _step: None  # called before every step

    @classmethod
    def holding(cls, *records: Record) -> MemoryStore:
        return cls({record.account.user_id: record for record in records})

    @property
    def place(self) -> str:
        return "memory"

    def secrets(self) -> tuple[str, ...]:
        return self.own_secrets

    @contextmanager
    def open(self, *, read_only: bool) -> Iterator[MemoryStore]:
        self.may_write = not read_only
        self.is_open = True
        try:
            yield self
        finally:
            self.is_open = False
        self.fail_at("close")

    def accounts(self) -> list[StoredAccount]:
        self.fail_at("list")
        listed = self.records if self.listed is None else self.listed
        return [
            StoredAccount(user_id, record.account.name, record.account.user_name)
            for user_id, record in listed.items()
            if user_id not in self.damaged
        ] + [StoredAccount(user_id, error=error) for user_id, error in self.unusable().items()]

    def unusable(self) -> dict[str, StoreError]:
        lost = {user_id: RecordLost(f"The record of {user_id} is lost.") for user_id in sorted(self.lost)}
        deleted = {user_id: RecordDeleted(f"The record of {user_id} was deleted.") for user_id in sorted(self.deleted)}
        return {**{user_id: damage_of(user_id) for user_id in sorted(self.damaged)}, **lost, **deleted}

    def user_ids(self) -> list[str]:
        return [account.user_id for account in self.accounts() if account.user_id not in self.lost]

    def read(self, user_id: str) -> Record | None:
        self.fail_at(f"plan {user_id}")
        return self.stored(canonical_user_id(user_id))

    def stored(self, user_id: str) -> Record | None:
        if user_id in self.damaged:
            raise damage_of(user_id)
        return self.records.get(user_id)

    def read_cached(self, user_ids: Sequence[str]) -> list[Record | None]:
        return [self.cached(user_id) for user_id in map(canonical_user_id, user_ids)]

    def cached(self, user_id: str) -> Record | None:
        """Return nothing for an account whose reading fails, as stores do."""
        record = self.records.get(user_id)
        fails = user_id in self.damaged or f"plan {user_id}" in self.failures
        return redacted(record) if record and not fails else None

    def read_many(self, user_ids: Sequence[str]) -> list[Reading]:
        self.decrypted += user_ids
        return [reading(self, user_id) for user_id in user_ids]

    @contextmanager
    def locked(self, user_id: str) -> Iterator[MemoryRecord]:
        if not self.may_write:
            raise WriteInCheckMode("The store is open for reading only.")
        self.step("lock")
        user_id = canonical_user_id(user_id)
        if user_id in self.held:
            raise Busy("Another run is working on this account.")
        self.held.add(user_id)
        try:
            yield MemoryRecord(self, user_id)
        finally:
            self.held.discard(user_id)
        self.fail_at("unlock")

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.watch(name)
        self.fail_at(name)

    def fail_at(self, step: str) -> None:
        if step in self.failures:
            raise self.failures[step]


@dataclass
class MemoryRecord:
    store: MemoryStore
    user_id: str
    found: Record | None = None

    def read(self) -> Record | None:
        self.store.step("read")
        self.store.fail_at(f"read {self.user_id}")
        self.found = self.store.stored(self.user_id)
        return self.found

    def write(self, record: Record) -> bool:
        assert self.store.may_write
        assert self.user_id in self.store.held
        self.store.writes += 1
        step = f"write {self.store.writes}"
        if step in self.store.intrusions:
            self.store.records[self.user_id] = self.store.intrusions[step]
        self.store.step(step)
        if self.user_id in self.store.damaged or self.store.records.get(self.user_id) is not self.found:
            return False
        self.store.records[self.user_id] = self.found = record
        return True

    def preserve_conflict(self) -> Record | None:
        self.store.step("preserve_conflict")
        if self.user_id in self.store.damaged:
            self.store.damaged.remove(self.user_id)
            self.store.records.pop(self.user_id, None)
        self.found = self.store.records.get(self.user_id)
        return self.found


@dataclass
class PasswordServer:
    """A transport to a server that knows the live passwords. `faults` has what becomes of a user's next requests.

    A fault is `lost` (applied, but not answered), `dropped` (neither), `policy`, or an answer's HTTP status.
    """

    live: dict[str, str]
    faults: dict[str, list[str | int]] = field(default_factory=dict)
    reads: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        path = url[len(BASE) :]
        user = path.split("/")[3] if path.endswith("/changepassword") else None
        with self._lock:
            self.requests.append(user or f"{method} {path}")
            if user:
                return self._change(user, json.loads(body or b""))
            status, answer = self.reads.get(path.partition("?")[0], (403, {}))
            return Response(status, {}, json.dumps(answer).encode())

    def changes(self) -> list[str]:
        """Return whose password was asked to be changed, in order."""
        return [request for request in self.requests if " " not in request]

    def _change(self, user: str, pair: dict[str, str]) -> Response:
        queue = self.faults.get(user, [])
        fault = queue.pop(0) if queue else ""
        if fault == "dropped":
            raise TransportError("the connection was lost", sent=True)
        if isinstance(fault, int):
            return Response(fault, {}, b"{}")
        if fault == "policy":
            return Response(400, {}, json.dumps(POLICY_CODE).encode())
        if self.live.get(user) != pair["oldPassword"]:
            return Response(400, {}, json.dumps(MISMATCH_CODE).encode())
        self.live[user] = pair["newPassword"]
        if fault == "lost":
            raise TransportError("the connection was lost", sent=True)
        return Response(200, {}, b'{"succeeded": true}')
