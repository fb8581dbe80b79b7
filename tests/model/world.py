# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account, its server, a network and a store: all that there is of them, and all that may happen next.

A world never changes: a move makes another one of it. So a search can go on from every world in every direction. A run
is a process; since the state of a generator cannot be copied, it is played again from the answers that it has heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cache, partial
from itertools import count
from typing import Any, Literal, cast

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Current, Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    CountFailedSignIns,
    Outcome,
    PreserveConflict,
    RotationRequest,
    Save,
    Send,
    Step,
    Wait,
)
from ansible_collections.rpaops.uipath.tests.model import rules
from ansible_collections.rpaops.uipath.tests.model.rules import RULES, THEIRS, Violation

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
LOCKOUT = 10
FIRST = "first"
WRONG = "wrong"
ACCOUNT = Account("https://identity.test", "id-1")
KEPT = Record(ACCOUNT, Current(FIRST, "2026-01-01T00:00:00+00:00", "rotated"), generation=1)
ROTATED = RotationRequest(ACCOUNT, initial_password=FIRST, max_age_days=0)
RESUMED = RotationRequest(ACCOUNT, state="resumed", force=True)

# What the network and the server may do to a request that is sent.
VERDICTS = ("policy", "refused")
REFUSED_BUT_COPIED = "refused, echoed"  # the copy may be applied; one of a pair that the policy rejects never is
FATES = ("request lost", "answer lost", "late", "twice", "echoed", "throttled", *VERDICTS, REFUSED_BUT_COPIED)
Pair = tuple[str, str]


@dataclass(frozen=True)
class Setting:
    """What stays as it is in one search."""

    rotation: Callable[..., Rotation] = Rotation
    policy_first: bool = False  # the server looks at the new password before the old one
    history: bool = False  # the server refuses what it has seen before, in words of its own
    shows_sign_ins: bool = False  # the token may read the failed sign-ins
    locks: bool = True  # one run at a time
    lease: Literal["", "holds", "ends"] = ""  # a run's lease ends when it is gone, or at any time
    network: bool = False  # reads may be stale, and writes may arrive late or never
    compares: bool = True  # the store writes only over what the writer has read
    trusts: bool = False  # a run takes its write without an answer for a confirmed one
    mistakes: bool = False  # a run takes the write of another run for its own one without an answer
    fates: tuple[str, ...] = FATES
    rules: frozenset[str] = frozenset(RULES)

    @property
    def excludes(self) -> bool:
        """Tell whether other runs leave an account alone while a run may send its pair."""
        return self.locks or self.lease == "holds"

    def demand(self, rule: str, holds: bool) -> None:
        if not holds and rule in self.rules:
            raise Violation(rule)


@dataclass(frozen=True)
class Left:
    """What may still happen: how many faults, runs, runs that a person asks for, and changes by a person."""

    faults: int = 0
    runs: int = 1
    openings: int = 0
    changes: int = 0


@dataclass(frozen=True)
class ServerState:
    live: str
    failures: int = 0  # failed sign-ins since the last success
    used: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Process:
    """A run: what it wants, what it read, and what it was answered at each step. Its number names its passwords."""

    number: int
    request: RotationRequest
    read: Record | None
    heard: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Write:
    """A write to the store that is under way: what it stores, and the version that it replaces."""

    process: Process
    record: Record
    token: int

    @property
    def author(self) -> tuple[int, int]:
        """What tells this write from all others, as the id in a secret does: the run, and how far it was."""
        return self.process.number, len(self.process.heard)


@dataclass(frozen=True)
class RunInModel:
    process: Process
    token: int  # the version of the record that it read or wrote last
    unanswered: Write | None = None  # its last write, if it does not know what became of it


@dataclass(frozen=True)
class World:
    server: ServerState
    stored: Record | None = KEPT
    version: int = 0
    former: tuple[Record | None, int] | None = None  # what a stale read shows
    author: tuple[int, int] | None = None  # of the write that stored the record
    lease: int | None = None  # the number of the run that has the lease
    running: tuple[RunInModel, ...] = ()
    flying: tuple[Pair, ...] = ()  # requests that may arrive at any time, or never
    writes: tuple[Write, ...] = ()  # the same of writes to the store
    started: int = 0
    excused: int = 0  # failed sign-ins that no budget can know of
    left: Left = field(default_factory=Left)

    @property
    def is_ok(self) -> bool:
        record = self.stored
        return bool(record and record.status == "ok" and not record.pending) and record_is_live(self)


Move = tuple[str, Callable[[], World]]


def record_is_live(world: World) -> bool:
    return world.stored is not None and world.stored.current.password == world.server.live


def begin(left: Left, *, initial: bool = False) -> World:
    """An account with a record; `initial`: one without, of which only the initial password is known."""
    return World(ServerState(FIRST, used=frozenset([FIRST])), None if initial else KEPT, left=left)


@cache
def played(rotation: Callable[..., Rotation], process: Process) -> tuple[tuple[Step, ...], Step | Outcome]:
    """Return the steps that the process has done, and the one that it wants to do now, or how it ended."""
    numbers = count(1)
    steps = rotation(
        process.request, process.read, now=lambda: NOW, new_password=lambda: f"run{process.number}.{next(numbers)}"
    ).steps()
    done: list[Step] = []
    try:
        step = next(steps)
        for reply in process.heard:
            done.append(step)
            step = steps.send(reply)
    except StopIteration as outcome:
        return tuple(done), outcome.value
    return tuple(done), step


def answer(kind: str) -> PasswordAnswer:
    if kind == "locked":
        return PasswordAnswer("refused", codes=("UserLockedOut",), is_barred=True)
    if kind == "reused":
        return PasswordAnswer("refused", codes=("Reused",))
    return PasswordAnswer(cast(AnswerKind, kind), codes=("NotToday",) if kind == "refused" else ())


def judged(server: ServerState, pair: Pair, setting: Setting, verdict: str | None = None) -> tuple[ServerState, str]:
    """Let the server decide on a pair. `verdict` is what it thinks of the new password."""
    old, new = pair
    if server.failures >= LOCKOUT:
        return server, "locked"
    if setting.history and new in server.used:
        verdict = "reused"
    if verdict and (setting.policy_first or old == server.live):
        return server, verdict
    if old != server.live:
        return replace(server, failures=server.failures + 1), "mismatch"
    return ServerState(new, used=server.used | {new}), "applied"


# What may happen


def moves(world: World, setting: Setting) -> Iterator[Move]:
    for index, running in enumerate(world.running):
        yield from run_moves(world, setting, index, running)
    for pair in dict.fromkeys(world.flying):
        yield f"{pair} arrives late", partial(arrived, world, setting, pair)
    if setting.network:
        yield from network_moves(world, setting)
    if world.lease and (setting.lease == "ends" or not is_running(world, world.lease)):
        yield f"the lease of run {world.lease} ends", partial(replace, world, lease=None)
    if not (world.running and setting.locks) and not (world.lease and setting.lease):
        yield from start_moves(world, setting)
    if world.stored and world.left.faults and not setting.network:
        yield "the record is encrypted anew", partial(rekeyed, world)
    if world.left.changes:
        yield "a person changes the password", partial(changed, world)


def run_moves(world: World, setting: Setting, index: int, running: RunInModel) -> Iterator[Move]:
    _done, step = played(setting.rotation, running.process)
    name = f"run {running.process.number}"
    if running.unanswered:
        yield f"{name} finds out about its write", partial(found_out, world, setting, index, running.unanswered)
    elif isinstance(step, Send):
        pair = (step.old, step.new)
        yield f"{name} sends {pair}", partial(sent, world, setting, index, "")
        if world.left.faults:
            for fate in setting.fates:
                yield f"{name} sends {pair}: {fate}", partial(sent, world, setting, index, fate)
            yield f"{name} is killed while it sends {pair}", partial(cut, world, index, pair)
    else:
        yield f"{name}: {described(step)}", partial(stepped, world, setting, index)
    if world.left.faults:
        yield f"{name} is killed", partial(killed, world, index)


def network_moves(world: World, setting: Setting) -> Iterator[Move]:
    """What a network does to the calls to the store."""
    for write in dict.fromkeys(world.writes):
        yield f"the write of run {write.process.number} arrives late", partial(written_late, world, setting, write)
    if not world.left.faults:
        return
    if world.former and world.left.runs:
        stale = with_less_left(world, faults=1, runs=1)
        yield f"run {world.started + 1} starts from a stale read", partial(started, stale, setting, ROTATED, stale=True)
    for index, running in enumerate(world.running):
        _done, step = played(setting.rotation, running.process)
        name = f"run {running.process.number}"
        if running.unanswered:
            if world.former and world.former[1] != running.token:
                faulty = with_less_left(world, faults=1)
                yield f"{name} finds a stale version", partial(answered, faulty, setting, index, False)
            continue
        if isinstance(step, PreserveConflict) and world.former:
            faulty = with_less_left(world, faults=1)
            yield f"{name} reads a stale conflict", partial(told_conflict, faulty, setting, index, world.former)
        if isinstance(step, Save):
            yield f"{name} ends, its write is under way", partial(cut_write, world, index, step.record)
            yield f"{name} gets no answer to its write", partial(unanswered, world, index, step.record)
            if setting.trusts:
                faulty = with_less_left(world, faults=1)
                yield f"{name}: its write is lost", partial(told, faulty, setting, index, True)


def is_running(world: World, number: int) -> bool:
    return any(running.process.number == number for running in world.running)


def described(step: Step | Outcome) -> str:
    if not isinstance(step, Save):
        return type(step).__name__.lower()
    record, pending = step.record, step.record.pending
    pair = f"{(pending.old, pending.new)}, maybe live: {pending.maybe_live}" if pending else "nothing"
    orphans = [orphan.password for orphan in record.orphans]
    return f"save {record.status}, current {record.current.password}, pending {pair}, orphans {orphans}"


def start_moves(world: World, setting: Setting) -> Iterator[Move]:
    if world.left.runs:
        yield f"run {world.started + 1} starts", partial(started, with_less_left(world, runs=1), setting, ROTATED)
    if world.left.openings and world.stored:
        opened = with_less_left(world, openings=1)
        for request in (RESUMED, adopted(world.server.live), adopted(WRONG)):
            yield f"run {world.started + 1} starts: {request.state}", partial(started, opened, setting, request)


def adopted(password: str) -> RotationRequest:
    return RotationRequest(ACCOUNT, state="adopted", initial_password=password, force=True)


def with_less_left(world: World, **what: int) -> World:
    left = {name: getattr(world.left, name) - number for name, number in what.items()}
    return replace(world, left=replace(world.left, **left))


# How it happens


def started(world: World, setting: Setting, request: RotationRequest, *, stale: bool = False) -> World:
    stored, version = world.former if stale and world.former else (world.stored, world.version)
    process = Process(world.started + 1, request, stored)
    running = (*world.running, RunInModel(process, version))
    return left(replace(world, started=world.started + 1, running=running), setting, len(world.running))


def killed(world: World, index: int) -> World:
    return with_less_left(without(world, index), faults=1)


def cut(world: World, index: int, pair: Pair) -> World:
    return replace(killed(world, index), flying=(*world.flying, pair))


def cut_write(world: World, index: int, record: Record) -> World:
    """End a run that does not know what became of its write: it is killed, or sends nothing more."""
    running = world.running[index]
    return replace(killed(world, index), writes=(*world.writes, Write(running.process, record, running.token)))


def unanswered(world: World, index: int, record: Record) -> World:
    """Leave a run without the answer to its write, which may arrive at any time, or never."""
    running = world.running[index]
    write = Write(running.process, record, running.token)
    runs = (*world.running[:index], replace(running, unanswered=write), *world.running[index + 1 :])
    return with_less_left(replace(world, running=runs, writes=(*world.writes, write)), faults=1)


def found_out(world: World, setting: Setting, index: int, write: Write) -> World:
    """Let a run read what is stored. If it is still what the write replaces, the run writes it once more."""
    if world.version == write.token:
        return saved(answerless(world, index), setting, index, write.record)
    is_own = world.author == write.author or setting.mistakes
    token = world.version if is_own else write.token
    running = replace(world.running[index], token=token)
    world = replace(world, running=(*world.running[:index], running, *world.running[index + 1 :]))
    return answered(world, setting, index, is_own)


def answered(world: World, setting: Setting, index: int, is_own: bool) -> World:
    return told(answerless(world, index), setting, index, is_own)


def answerless(world: World, index: int) -> World:
    running = replace(world.running[index], unanswered=None)
    return replace(world, running=(*world.running[:index], running, *world.running[index + 1 :]))


def written_late(world: World, setting: Setting, write: Write) -> World:
    writes = list(world.writes)
    writes.remove(write)
    world = replace(world, writes=tuple(writes))
    if setting.compares and write.token != world.version:
        return world
    return checked(stored(world, setting, write), setting)


def stored(world: World, setting: Setting, write: Write) -> World:
    """Replace the record. Whoever stores a pair that may be sent has the lease with it."""
    record = write.record
    setting.demand("generation", rules.grows(world.stored, record))
    setting.demand("dropped", rules.drops_nothing(world.stored, record, proven(setting, write.process)))
    leases = setting.lease and record.pending and record.pending.maybe_live
    return replace(
        world,
        stored=record,
        version=world.version + 1,
        former=(world.stored, world.version) if setting.network else None,
        author=write.author if setting.network else None,
        lease=write.process.number if leases else None,
        excused=world.excused + forgiven(world.stored, write.process),
    )


def without(world: World, index: int) -> World:
    return replace(world, running=world.running[:index] + world.running[index + 1 :])


def changed(world: World) -> World:
    theirs = f"{THEIRS}{world.left.changes}"
    return with_less_left(replace(world, server=ServerState(theirs, used=world.server.used | {theirs})), changes=1)


def rekeyed(world: World) -> World:
    return with_less_left(replace(world, version=world.version + 1), faults=1)


def arrived(world: World, setting: Setting, pair: Pair) -> World:
    flying = list(world.flying)
    flying.remove(pair)
    server, kind = judged(world.server, pair, setting)
    excused = world.excused + (kind == "mismatch")
    return checked(replace(world, server=server, flying=tuple(flying), excused=excused), setting)


def sent(world: World, setting: Setting, index: int, fate: str) -> World:
    process = world.running[index].process
    done, step = played(setting.rotation, process)
    assert isinstance(step, Send)
    setting.demand("staged", rules.was_staged(step, done, process.heard))
    pair = (step.old, step.new)
    server, kind = transmitted(world.server, pair, setting, fate)
    world = replace(
        world,
        server=server,
        flying=(*world.flying, pair) if fate in ("late", "echoed", REFUSED_BUT_COPIED) else world.flying,
        excused=world.excused + (fate == "twice"),
    )
    return told(with_less_left(world, faults=1) if fate else world, setting, index, answer(kind))


def transmitted(server: ServerState, pair: Pair, setting: Setting, fate: str) -> tuple[ServerState, str]:
    if fate in ("request lost", "late", "throttled"):
        return server, "throttled" if fate == "throttled" else "unknown"
    fate = "refused" if fate == REFUSED_BUT_COPIED else fate
    server, kind = judged(server, pair, setting, fate if fate in VERDICTS else None)
    if fate == "twice":
        server, kind = judged(server, pair, setting)
    return server, "unknown" if fate == "answer lost" else kind


def stepped(world: World, setting: Setting, index: int) -> World:
    _done, step = played(setting.rotation, world.running[index].process)
    if isinstance(step, Save):
        return saved(world, setting, index, step.record)
    if isinstance(step, PreserveConflict):
        return told_conflict(world, setting, index, (world.stored, world.version))
    if isinstance(step, CountFailedSignIns):
        return told(world, setting, index, world.server.failures if setting.shows_sign_ins else 0)
    assert isinstance(step, Wait)
    return told(world, setting, index, None)


def told_conflict(world: World, setting: Setting, index: int, found: tuple[Record | None, int]) -> World:
    record, version = found
    running = (*world.running[:index], replace(world.running[index], token=version), *world.running[index + 1 :])
    return told(replace(world, running=running), setting, index, record)


def saved(world: World, setting: Setting, index: int, record: Record) -> World:
    running = world.running[index]
    if setting.compares and running.token != world.version:
        return told(world, setting, index, False)
    world = stored(world, setting, Write(running.process, record, running.token))
    running = replace(running, token=world.version)
    world = replace(world, running=(*world.running[:index], running, *world.running[index + 1 :]))
    return told(world, setting, index, True)


def proven(setting: Setting, process: Process) -> set[str]:
    """The passwords that the process was told to be live."""
    done, _step = played(setting.rotation, process)
    pairs = zip(done, process.heard)
    return {step.new for step, heard in pairs if isinstance(step, Send) and heard.kind == "applied"}


def forgiven(record: Record | None, process: Process) -> int:
    """A person who gives a new password says that it was reset: one more request is allowed than the total."""
    reset = process.request.initial_password if process.request.state == "adopted" else None
    is_new = record and reset and reset not in record.candidates() and not process.heard
    return max(record.unproven_sends - UNPROVEN_TOTAL + 1, 0) if record and is_new else 0


def told(world: World, setting: Setting, index: int, heard: Any) -> World:
    """Tell a process what came of its step. When that was the last one, it is gone."""
    running = world.running[index]
    process = replace(running.process, heard=(*running.process.heard, heard))
    others = (*world.running[:index], replace(running, process=process), *world.running[index + 1 :])
    world = checked(replace(world, running=others), setting)
    return left(world, setting, index)


def left(world: World, setting: Setting, index: int) -> World:
    _done, outcome = played(setting.rotation, world.running[index].process)
    if not isinstance(outcome, Outcome):
        return world
    setting.demand("truthful", rules.is_truthful(outcome))
    setting.demand("mismatches", rules.is_careful(outcome))
    setting.demand("told", not setting.locks or outcome.record in (None, world.stored))
    return without(world, index)


def checked(world: World, setting: Setting) -> World:
    setting.demand("kept", rules.is_kept(world.server.live, world.stored))
    setting.demand("honest", rules.is_honest(world.server.live, world.stored))
    others = 0 if setting.excludes else world.started - 1  # each run more may cost a failed sign-in
    setting.demand("budget", rules.is_within_budget(world.server.failures, world.stored, world.excused + others))
    return world
