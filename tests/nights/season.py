# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A season: the same few accounts over some nights with faults, then nights without, until every account is ok.

Everything that happens by chance comes from the season's number and the night's: the same number is the same season.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from ansible_collections.rpaops.uipath.plugins.module_utils import _arguments
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity import client, responses
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation import task
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import rotation_argument_spec
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, closed_status, doubt
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated
from ansible_collections.rpaops.uipath.tests.nights.network import Network, Weather, arrive, weather
from ansible_collections.rpaops.uipath.tests.nights.rules import Violation, check_accounts, check_result
from ansible_collections.rpaops.uipath.tests.nights.servers import Server
from ansible_collections.rpaops.uipath.tests.nights.truth import Truth
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET

USERS = tuple(f"10000000-0000-4000-8000-00000000000{last}" for last in "abc")
NIGHTS = 8
CLEAN_RUNS = 4


class Killed(BaseException):
    """The process of the run is gone: it has no further side effect."""


class Place(Protocol):
    """Where the records are, how a run is started that may be killed, and what operators do there."""

    def store(self, step: Callable[[str], None]) -> Store: ...

    def record(self, user: str) -> Record | None:
        """The record as it is stored, if it can be read."""

    def found(self, user: str) -> Record | None:
        """The record that a lookup finds."""

    def stored_passwords(self, user: str) -> set[str]:
        """All passwords in the files of the account."""

    def run(self, season: Season, run: int, what: dict[str, Any], check_mode: bool) -> None: ...

    def operate(self, season: Season) -> None: ...


@dataclass
class Night:
    """What chance has in store for one night. Numbers count side effects; 0 is never."""

    chance: Random
    weather: Weather = field(default_factory=Weather)
    killed_at: int = 0
    second_run_at: int = 0
    reset_at: int = 0
    arrivals: int = 0  # in a hundred, before each side effect
    steps: int = 0
    is_dead: bool = False


def a_night(chance: Random, *kinds: str) -> Night:
    return Night(
        chance,
        weather(chance, *kinds),
        killed_at=chance.randint(1, 25) if chance.randrange(100) < 30 else 0,
        second_run_at=chance.randint(1, 30) if chance.randrange(100) < 15 else 0,
        reset_at=chance.randint(1, 40) if chance.randrange(100) < 4 else 0,
        arrivals=chance.choice((0, 0, 5, 30)),
    )


def asked(state: str = "rotated", only: str | None = None, **options: Any) -> dict[str, Any]:
    """What a run is asked for. `initial`: the password that an operator gives in place of the inventory's.

    An operator who repairs an account by hand does not think of its consumers.
    """
    consumers = True if state in ("rotated", "present") else None
    return {"state": state, "only": [only] if only else None, "max_age_days": 0.0, "consumers": consumers, **options}


@dataclass
class Season:
    number: int
    server: Server
    place: Place
    config: dict[str, Any]
    truth: Truth = field(default_factory=Truth)
    night: Night = field(default_factory=lambda: Night(Random(0)))  # noqa: S311 - chance must be repeatable
    nights: int = 0
    users: tuple[str, ...] = USERS
    kinds: tuple[str, ...] = ()  # of trouble, in every night; none: any
    late_tasks: list[tuple[str, int, str]] = field(default_factory=list)  # user, generation, password

    @property
    def policy_first(self) -> bool:
        return bool(self.config["order"] == "policy-first")

    # The nights

    def run(self) -> None:
        """Let all nights pass, and raise a Violation with the protocol where a rule is broken."""
        try:
            for user in USERS:
                self.server.set_password(user, initial(user))
            for number in range(NIGHTS):
                self._pass(a_night(Random(f"{self.number}/{number}"), *self.kinds))  # noqa: S311 - chance must be repeatable
            self._end_well()
        except Violation as violation:
            raise Violation(str(violation), self) from None

    def _pass(self, night: Night) -> None:
        self.night = night
        self.nights += 1
        self.truth.note("night", self.nights, str(night.weather))
        self._operate()
        if night.chance.randrange(4):
            age = night.chance.choice((0.0, 0.0, 90.0))
            self.rotate(asked(force=not night.chance.randrange(3), max_age_days=age))
            self._deliver()
        self._arrivals(night.chance.choice((0, 10, 60)))
        self.check()

    def _operate(self) -> None:
        """What operators and administrators do before the scheduled run, now and then."""
        chance = self.night.chance
        user = chance.choice(USERS)
        record = self.place.record(user)
        closed = bool(record and closed_status(record))
        self.place.operate(self)
        if chance.randrange(100) < 6:
            self.reset(user)
        known = self.truth.by_administrator[user]
        if closed and known and chance.randrange(100) < 60:
            self.rotate(asked("adopted", user, initial=known[-1]))
        elif chance.randrange(100) < (30 if closed else 5):
            self.rotate(asked("resumed", user, force=True))
        elif record and chance.randrange(100) < (15 if closed else 5):
            self.rotate(asked("adopted", user, initial=chance.choice((*record.candidates(), "Mistyped-1"))))
        elif chance.randrange(100) < 20:
            state, check = chance.choice((("resumed", False), ("present", False), ("rotated", True), ("resumed", True)))
            self.rotate(asked(state), check_mode=check)

    def _deliver(self) -> None:
        """Give the new passwords to their consumers, as the role does. Tasks may fail, or end in a later night."""
        chance = self.night.chance
        late, self.late_tasks = self.late_tasks, []
        for _run, _what, result in list(self.truth.results):
            for account in result["accounts"]:
                record = self.place.found(account["user_id"]) if account["delivery_due"] else None
                if record and not doubt(record):
                    task_of = self.late_tasks if not chance.randrange(6) else late
                    task_of.append((account["user_id"], account["generation"], record.current.password))
        for user, generation, password in late:
            self.truth.note("tells", user, password)
            if chance.randrange(6):
                self.rotate(asked("delivered", user, generation=generation))

    def reset(self, user: str) -> None:
        """An administrator sets another password at the server."""
        password = f"Admin-{user[-1]}-{len(self.truth.by_administrator[user])} ö%\"'{{{{ }}}}"
        self.server.set_password(user, password)
        self.truth.note("resets", user, password)

    def _arrivals(self, percent: int) -> None:
        for pair in list(self.truth.in_flight):
            if self.night.chance.randrange(100) < percent and pair in self.truth.in_flight:
                arrive(self.server, self.truth, pair)

    def _end_well(self) -> None:
        """Nights without faults: at the end every account is ok, or an operator repairs it as the guide says."""
        self.night = Night(Random(f"{self.number}/end"))  # noqa: S311 - chance must be repeatable
        self.truth.note("nights_end")
        self._arrivals(50)
        for pair in list(self.truth.in_flight):
            self.truth.note("drops", *pair)
        for _run in range(CLEAN_RUNS):
            self.rotate(asked(max_failures=0))
            self.check()
        for user in USERS:
            self._repair(user)
        self.rotate(asked(force=True, max_failures=0))
        self.check()
        for user in USERS:
            self.demand(self.is_ok(user), f"after the repair, {user} is not ok")

    def _repair(self, user: str) -> None:
        if self.is_ok(user):
            return
        record = self.place.record(user)
        self.demand(bool(record and closed_status(record)), f"{user} is neither ok nor closed after the clean runs")
        is_theirs = self.server.live(user) in self.truth.by_administrator[user]
        explained = is_theirs or self.truth.explains(user)
        self.demand(explained, f"{user} is closed, and nothing happened that explains it")
        if not is_theirs and self.night.chance.randrange(2):
            self.rotate(asked("resumed", user, force=True))
            self.check()
        if not self.is_ok(user):
            self.reset(user)
            self.rotate(asked("adopted", user, initial=self.server.live(user)))
            self.check()
        self.demand(self.is_ok(user), f"{user} was reset and adopted, and is not ok")

    def is_ok(self, user: str) -> bool:
        record = self.place.found(user)
        return bool(record and not doubt(record) and record.current.password == self.server.live(user))

    # One run

    def rotate(self, what: dict[str, Any], *, check_mode: bool = False) -> None:
        run = self.truth.runs + 1
        self._note_operator(what)
        self.truth.note("begins", run, what, check_mode)
        self.place.run(self, run, what, check_mode)

    def run_here(self, run: int, what: dict[str, Any], check_mode: bool) -> None:
        """A run in this process. If it is killed, its side effects end, and nothing is heard of it."""
        with self._connected(run):
            try:
                store = self.place.store(self.step)
                result = task.rotate(options(self.server.identity_url, what), {}, store, check_mode=check_mode)
            except Killed:
                result = None
            except UiPathError as error:
                result = refused(error)
        if self.night.is_dead or result is None:
            self.truth.note("is_killed", run)
        else:
            self.truth.note("ends", run, what, result)
        self._note_commits()

    @contextmanager
    def _connected(self, run: int) -> Iterator[None]:
        """Put the network between the run's client and the server. Back-off and masking would take most of the time."""
        night = self.night
        network = Network(run, self.server, self.truth, night.chance, night.weather, self.policy_first, self.step)
        with ExitStack() as patches:
            patches.enter_context(patch.object(_arguments, "Transport", lambda _options, _environ: network))
            patches.enter_context(patch.object(client, "backoff", lambda _retry: 0.0))
            patches.enter_context(patch.object(responses, "mask", unmasked))
            patches.enter_context(patch.object(responses, "mask_fragments", unmasked))
            patches.enter_context(patch.object(threading, "excepthook", unless_killed(threading.excepthook)))
            yield

    def _note_operator(self, what: dict[str, Any]) -> None:
        for user in what["only"] or ():
            if what["state"] == "adopted":
                self._note_adoption(user, what["initial"])
            if what["state"] == "adopted" or what.get("force"):
                self.truth.note("reopens", user)

    def _note_adoption(self, user: str, password: str) -> None:
        """A password that the store does not have cannot be told from one that was just set at the server."""
        record = self.place.record(user)
        if not record or password not in record.candidates():
            self.truth.note("introduces", user, password)
        if password != self.server.live(user):
            self.truth.note("claims", user, password)

    def _note_commits(self) -> None:
        """A password that the store has since as the current one, and not on an operator's word, is a proven one."""
        for user in USERS:
            record = self.place.record(user)
            current = record and record.current
            if current and current.source == "rotated" and current.password != self.truth.committed.get(user):
                self.truth.note("commits", user, current.password)

    def step(self, what: str) -> None:
        """Before each side effect of a run: now it may be killed, or something else may happen."""
        night = self.night
        if night.is_dead:
            raise Killed
        self._note_commits()
        night.steps += 1
        self._arrivals(night.arrivals)
        if night.steps == night.killed_at:
            night.is_dead = True
            raise Killed
        if night.steps == night.reset_at:
            self.reset(night.chance.choice(USERS))
        if night.steps == night.second_run_at:
            self.rotate(asked(force=True))

    # The rules

    def check(self) -> None:
        self.night.is_dead = False
        self.night.killed_at = 0
        results, self.truth.results = self.truth.results, []
        for run, what, result in results:
            check_result(self.truth, run, what, result)
        for user in USERS:
            self.truth.note("is", user, self.server.live(user), *described(self.place.record(user)))
        check_accounts(self)

    def initial(self, user: str) -> str:
        return initial(user)

    def demand(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Violation(rule)


def passwords_of(what: dict[str, Any], user: str) -> dict[str, Any]:
    return {"initial_password": what.get("initial", initial(user)), "generation": what.get("generation")}


def described(record: Record | None) -> tuple[Any, ...]:
    if record is None:
        return ("no record",)
    pending = record.pending and (record.pending.old, record.pending.new, record.pending.maybe_live)
    orphans, previous = ([each.password for each in kept] for kept in (record.orphans, record.previous))
    return record.status, record.current.password, "pending", pending, "orphans", orphans, "previous", previous


def initial(user: str) -> str:
    return f"Initial-{user[-1]}-1 ü%\"'\\"


def unmasked(text: str, _secrets: Any) -> str:
    return text


def unless_killed(hook: Callable[..., object]) -> Callable[..., object]:
    """A thread of a killed process says nothing."""
    return lambda thread: None if thread.exc_type is Killed else hook(thread)


def refused(error: UiPathError) -> dict[str, Any]:
    return {"accounts": [], "changed": False, "failed": True, "msg": error.message}


TEMPLATE: dict[str, Any] = validated(
    {
        "identity_url": "http://127.0.0.1:1/identity",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "timeout": 5,
        "retries": 1,
        "accounts": [{"user_id": "template"}],
        "store": {},
        "concurrency": 1,
        "settle_seconds": 0,
    },
    rotation_argument_spec(),
)[0]


def options(identity_url: str, what: dict[str, Any]) -> dict[str, Any]:
    """The options of a task, as the action plugin has them once they are checked."""
    given = {name: value for name, value in what.items() if name not in ("initial", "generation")}
    [template] = TEMPLATE["accounts"]
    accounts = [
        {**template, "user_id": user, **passwords_of(what, user)}
        for user in USERS
        if not what["only"] or user in what["only"]
    ]
    return {**TEMPLATE, "identity_url": identity_url, "accounts": accounts, **given}
