# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations in a network store: a fault, a kill, or another run at every single call to the store's server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import BatchLimits, RotationTask
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import from_document
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    PasswordServer,
    record_of,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.network.memory_server import (
    FAULTS,
    MemoryServer,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, GIVEN_TOKEN, Clock, client_of

USER = "u1"
# The answer of the identity server to the first request, and the requests that it counts as failed sign-ins then.
ANSWERS: dict[str, list[str | int]] = {"answered": [], "answer-lost": ["lost"], "dropped": ["dropped"]}
HEALINGS: tuple[list[str], ...] = ([], ["rotated"], ["resumed"], ["quarantined", "resumed"])
PAST_THE_LEASE = timedelta(minutes=20)


@dataclass
class Rotations:
    """Runs over one account, and what both servers have."""

    secrets: MemoryServer = field(default_factory=MemoryServer)
    faults: list[str | int] = field(default_factory=list)
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    initial: bool = False

    def __post_init__(self) -> None:
        self.identity = PasswordServer({USER: OLD}, {USER: list(self.faults)})
        self.store = NetworkStore(
            self.secrets,
            {"Password": "password"},
            identity_url=BASE,
            now=lambda: self.time,
            sleep=lambda _seconds: None,
        )
        if not self.initial:
            with self.store.open(read_only=False) as opened:
                put(opened, record_of(USER))
        self.secrets.calls.clear()

    def run(self, **wanted: Any) -> dict[str, Any]:
        clock = Clock()
        request = request_of(USER, max_age_days=50, initial_password=OLD, **wanted)
        with self.store.open(read_only=False) as opened:
            task = RotationTask(
                opened,
                client_of(self.identity, clock, GIVEN_TOKEN),
                PasswordRules(),
                BatchLimits(concurrency=1),
                sleep=clock.sleep,
            )
            [result] = task.run([request], check_mode=False)
        return result

    def attempt(self, **wanted: Any) -> str:
        """Run, and return the status of the account, or how the run ended before it."""
        try:
            return str(self.run(**wanted)["status"])
        except StoreError as error:
            return error.status

    def record(self) -> Record:
        return from_document(self.secrets.newest(USER)[KEY]["record"])

    def is_kept(self) -> bool:
        live = self.identity.live[USER]
        return (
            self.initial and live == OLD and not self.secrets.versions.get(USER)
        ) or live in self.record().candidates()

    def is_ok(self) -> bool:
        record = self.record()
        settled = (record.status, record.pending) == ("ok", None) and record.current.password != OLD
        return settled and record.current.password == self.identity.live[USER]

    def heal(self) -> list[str]:
        """Run again after all leases until the account is in order, and return the statuses.

        With two faults, the budget of failed sign-ins may be used up: then a person opens the account.
        """
        statuses: list[str] = []
        self.secrets.faults.clear()
        while len(statuses) < 5 and not (self.secrets.versions.get(USER) and self.is_ok()):
            self.time += PAST_THE_LEASE
            opens = statuses[-1:] == ["quarantined"]
            statuses.append(self.attempt(state="resumed", force=True) if opens else self.attempt())
        assert self.faults or "quarantined" not in statuses
        return statuses

    def killed_at(self, number: int) -> None:
        """Run until this call: nothing that the run does from then on has an effect."""

        def gone(_call: str) -> None:
            raise StoreError("The process is gone.")

        def kill() -> None:
            self.secrets.watch = gone
            gone("")

        self.at_call(number, kill)
        assert self.attempt() == "store_error"
        self.secrets.watch = lambda _call: None

    def at_call(self, number: int, action: Callable[[], None]) -> None:
        """Do something once, before this call to the secrets' server."""
        counted = iter(range(1, 10_000))

        def watch(_call: str) -> None:
            if next(counted) == number:
                self.secrets.watch = lambda _call: None
                action()

        self.secrets.watch = watch


def number_of_calls(**wanted: Any) -> int:
    rotations = Rotations(**wanted)
    rotations.run()
    return sum(call in ("read", "write") for call in rotations.secrets.calls)


@pytest.fixture(params=ANSWERS.values(), ids=list(ANSWERS))
def faults(request: pytest.FixtureRequest) -> list[str | int]:
    return list(request.param)


@pytest.fixture(params=[False, True], ids=["recorded", "initial"])
def initial(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_rotation_reads_twice_and_writes_twice() -> None:
    rotations = Rotations()
    assert rotations.run()["status"] == "rotated"
    assert [call for call in rotations.secrets.calls if "sign" not in call] == ["read", "read", "write", "write"]
    assert rotations.is_ok()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_call(fault: str, faults: list[str | int], initial: bool) -> None:
    calls = number_of_calls(faults=faults, initial=initial)
    assert calls >= 4
    for number in range(1, calls + 1):
        rotations = Rotations(faults=faults, initial=initial)

        def inject(secrets: MemoryServer = rotations.secrets) -> None:
            secrets.faults = {"read": [fault], "write": [fault]}

        rotations.at_call(number, inject)
        rotations.attempt()
        assert rotations.is_kept(), f"lost at call {number}"
        healed = rotations.heal()
        assert healed in HEALINGS, f"not healed after call {number}: {healed}"


def test_a_kill_at_every_call(faults: list[str | int], initial: bool) -> None:
    for number in range(1, number_of_calls(faults=faults, initial=initial) + 1):
        rotations = Rotations(faults=faults, initial=initial)
        rotations.killed_at(number)
        assert rotations.is_kept(), f"lost at call {number}"
        if rotations.secrets.versions.get(USER) and rotations.record().pending:
            assert rotations.attempt() == "busy"
        healed = rotations.heal()
        assert healed in HEALINGS[1:], f"not healed after call {number}: {healed}"


def test_another_run_at_every_call(faults: list[str | int], initial: bool) -> None:
    """It begins while the first one has the account. Only one of them writes each version."""
    for number in range(1, number_of_calls(faults=faults, initial=initial) + 1):
        rotations = Rotations(faults=faults, initial=initial)
        statuses: list[str] = []
        rotations.at_call(number, lambda: statuses.append(rotations.attempt()))  # noqa: B023 - called in this round
        statuses.append(rotations.attempt())
        assert rotations.is_kept(), f"lost at call {number}"
        assert "busy" in statuses or "fresh" in statuses, statuses
        assert rotations.heal() == []


def test_a_pause_past_the_lease_at_every_call(faults: list[str | int], initial: bool) -> None:
    """Meanwhile, another run finds the lease expired, and continues the first one's pair."""
    for number in range(1, number_of_calls(faults=faults, initial=initial) + 1):
        rotations = Rotations(faults=faults, initial=initial)
        statuses: list[str] = []

        def interrupt() -> None:
            rotations.time += PAST_THE_LEASE  # noqa: B023 - called in this round
            statuses.append(rotations.attempt())  # noqa: B023

        rotations.at_call(number, interrupt)
        statuses.append(rotations.attempt())
        assert rotations.is_kept(), f"lost at call {number}: {statuses}"
        healed = rotations.heal()
        assert healed in HEALINGS, f"not healed after call {number}: {statuses}, {healed}"


def test_a_commit_that_the_server_refuses_leaves_a_pair_that_the_next_run_completes() -> None:
    rotations = Rotations()
    rotations.at_call(4, lambda: rotations.secrets.faults.update(write=["refused"]))
    result = rotations.run()
    assert (result["status"], result["failed"]) == ("store_error", True)
    assert "The policy lacks a right." in result["msg"]
    assert rotations.heal() == ["resumed"]


def test_the_lease_is_that_of_the_run_and_ends_with_it() -> None:
    rotations = Rotations()
    rotations.run()
    leases = [version[KEY]["lease"] for version in rotations.secrets.versions[USER] if version]
    assert [bool(lease) for lease in leases] == [False, True, False]
