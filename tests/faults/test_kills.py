# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills at the side effects of a rotation. Whatever was killed when, the store holds the live password, and one clean
run later all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import UNPROVEN_LIMIT, Pending, Record
from ansible_collections.rpaops.uipath.tests.faults.driver import awaited, forked
from ansible_collections.rpaops.uipath.tests.faults.rig import (
    INITIAL,
    Rig,
    await_death,
    is_settled,
    opened,
    statuses,
)
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.playbook.playbook import TOO_BUSY
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until
from ansible_collections.rpaops.uipath.tests.sampling import STEP, Report, Sample

AT_ONCE = 2
KILLED = -9
# Where a kill leaves an account, in the order of the steps of a rotation, and what the next run says.
STATES = ("unchanged", "staged, old live", "staged, new live", "committed")
NEXT = {"unchanged": "rotated", "staged, old live": "resumed", "staged, new live": "resumed", "committed": "fresh"}
ANSWER_SECONDS = 2


@dataclass(frozen=True)
class Kill:
    """A kill at side effect `number`: the event before which it came, and the state it left each account in."""

    number: int
    event: str
    states: dict[str, str]


def state(record: Record, live: str) -> str:
    if record.pending is None:
        return "unchanged" if live == INITIAL else "committed"
    assert live in (record.pending.old, record.pending.new)
    return f"staged, {'old' if live == record.pending.old else 'new'} live"


def kill_point(trace: Path) -> str:
    """The line of the trace at which a run was killed."""
    [marked] = [line for line in trace.read_text().splitlines() if line.endswith(" *")]
    return marked.removesuffix(" *")


def examined(rig: Rig, number: int, users: Sequence[str], lives: dict[str, str]) -> Kill:
    """Look at what was left, now that the processes are gone."""
    states = {}
    for user in users:
        record = rig.record(user)
        assert lives[user] in possibly_live(record), f"the live password of {user} is lost"
        assert not rig.is_locked(user)
        states[user] = state(record, lives[user])
    return Kill(number, kill_point(rig.folder / f"trace{number}"), states)


def is_idle(rig: Rig) -> bool:
    """Whether the server finishes all requests in time, also those of a process that is gone."""
    return wait_until(
        lambda: all(entry["status"] for entry in rig.simulator.control("GET", "requests")), ANSWER_SECONDS
    )


def heal(rig: Rig, kills: Sequence[Kill]) -> None:
    """One clean run over all accounts, which ends each of them as its state demands."""
    assert not rig.simulator.report["mismatches"]
    states = {user: left for kill in kills for user, left in kill.states.items()}
    found = statuses(rig.rotate(list(states)))
    assert found == {user: NEXT[left] for user, left in states.items()}
    lives = rig.lives()
    assert all(is_settled(rig.record(user), lives[user]) for user in states)
    applied = [user for user, left in states.items() if left == "staged, new live"]
    assert rig.simulator.report["mismatches"] == rig.mismatches_of_resuming(*applied)


def summary(kills: Sequence[Kill]) -> str:
    counted = Counter(left for kill in kills for left in kill.states.values())
    return f"{len(kills)} kills; accounts left " + ", ".join(f"{counted[left]} {left}" for left in STATES)


# ---------------------------------------------------------------------------------------------------------------------
# One account, by ansible-playbook
# ---------------------------------------------------------------------------------------------------------------------


def side_effects(rig: Rig) -> int:
    """Count the side effects of a rotation of one account that nothing disturbs."""
    rig.seed("undisturbed")
    rig.simulator.add_users({"undisturbed": INITIAL})
    run = rig.rotate_with_fault(["undisturbed"], {"trace": str(rig.folder / "trace0")})
    assert run.code == 0, run.output
    return len((rig.folder / "trace0").read_text().splitlines())


def killed_at(rig: Rig, number: int, victims: str, signal: str) -> bool:
    """Kill a run at a side effect, wait until all of it is gone, and return whether it had begun at all."""
    trace = rig.folder / f"trace{number}"
    plan = {"at": number, "do": "kill", "victims": victims, "signal": signal, "trace": str(trace)}
    with rig.start([user_of(number)], plan) as running:
        await_death(running)
        if TOO_BUSY in (running.folder / "stderr").read_text():
            return False
        code = running.process.returncode
        assert code != 0, (running.folder / "stdout").read_text()
        # If the worker alone is killed, the main process lives on and reports a failure.
        assert (code > 0) == (victims == "worker") or signal == "SIGINT"
        return True


def user_of(number: int) -> str:
    return f"user-{number:03d}"


def killed_runs(rig: Rig, numbers: Sequence[int], victims: str, signal: str = "SIGKILL") -> list[Kill]:
    """An account for each side effect, and for each account a run that is killed there; two runs at a time."""
    users = [user_of(number) for number in numbers]
    rig.simulator.add_users(dict.fromkeys(users, INITIAL))
    rig.seed(*users)

    def work(share: int) -> None:
        for number in numbers[share::AT_ONCE]:
            while not killed_at(rig, number, victims, signal):
                pass

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(AT_ONCE)))
    assert is_idle(rig)
    lives = rig.lives()
    return [examined(rig, number, [user_of(number)], lives) for number in numbers]


@pytest.mark.orders("victims", main="old-first", worker="old-first", tree="policy-first")
def test_kill_at_every_side_effect(tmp_path: Path, victims: str, order: str, sample: Sample, report: Report) -> None:
    with Rig(tmp_path, order) as rig:
        numbers = sample.every_case(range(1, side_effects(rig) + 1), "side effects")
        kills = killed_runs(rig, numbers, victims)
        heal(rig, kills)
    report(summary(kills))
    states = [STATES.index(left) for each in kills for left in each.states.values()]
    assert states == sorted(states), "a later kill left an earlier state"
    # A worker that outlives the main process begins nothing more, but commits what was answered.
    possible = set(STATES) - ({STATES[2]} if victims == "main" else set())
    seen = {STATES[index] for index in states}
    assert seen == possible if sample.proof else seen <= possible  # a sample may miss a state


@pytest.mark.matrix
@pytest.mark.parametrize("victims", ["main", "tree"])
def test_kill_at_every_tenth_side_effect(tmp_path: Path, victims: str, report: Report) -> None:
    """The short form of the test above, for every ansible-core."""
    with Rig(tmp_path) as rig:
        kills = killed_runs(rig, range(5, side_effects(rig), 10), victims)
        heal(rig, kills)
    report(summary(kills))


@pytest.mark.orders("signal", SIGTERM="old-first", SIGINT="policy-first")
def test_a_signal_to_the_group_at_every_side_effect(
    tmp_path: Path, signal: str, order: str, sample: Sample, report: Report
) -> None:
    """What a terminal does on Ctrl-C, and a controller that stops a job."""
    with Rig(tmp_path, order) as rig:
        numbers = sample.every_case(range(1, side_effects(rig) + 1), "side effects")
        kills = killed_runs(rig, numbers, "group", signal)
        heal(rig, kills)
    report(summary(kills))


# ---------------------------------------------------------------------------------------------------------------------
# Other rotations, in forked processes
# ---------------------------------------------------------------------------------------------------------------------

KILL = {"do": "kill", "signal": "SIGKILL"}


def forked_side_effects(rig: Rig, users: list[str]) -> range:
    """The numbers of the side effects of a forked rotation that nothing disturbs."""
    trace = rig.folder / "trace0"
    assert awaited([forked(rig, users, {"trace": str(trace)})]) == [0]
    return range(1, len(trace.read_text().splitlines()) + 1)


@dataclass
class KilledRotations:
    """Rotations of the same kind, each killed at another side effect. `prepare` makes the accounts of one of them."""

    rig: Rig
    prepare: Callable[[int], list[str]]
    victims: str = "worker"

    def run(self, sample: Sample) -> list[Kill]:
        """Two rotations at a time. Which requests threads send over which connection differs: one may end unharmed."""
        numbers = sample.every_case(forked_side_effects(self.rig, self.prepare(0)), "side effects")
        killed = []
        for first in range(0, len(numbers), AT_ONCE):
            users = {number: self.prepare(number) for number in numbers[first : first + AT_ONCE]}
            codes = awaited([forked(self.rig, users[number], self._plan(number)) for number in users])
            assert set(codes) <= {0, KILLED}
            killed += [(number, users[number]) for number, code in zip(users, codes) if code]
        assert len(killed) >= 0.9 * len(numbers)
        assert is_idle(self.rig)
        lives = self.rig.lives()
        return [examined(self.rig, number, users, lives) for number, users in killed]

    def _plan(self, number: int) -> dict[str, Any]:
        return {**KILL, "victims": self.victims, "at": number, "trace": str(self.rig.folder / f"trace{number}")}


@pytest.mark.orders("victims", main="policy-first", worker="old-first", tree="policy-first")
def test_kill_three_accounts_at_every_side_effect(
    tmp_path: Path, victims: str, order: str, sample: Sample, report: Report
) -> None:
    def prepare(number: int) -> list[str]:
        users = [f"{user_of(number)}-{index}" for index in range(3)]
        rig.simulator.add_users(dict.fromkeys(users, INITIAL))
        rig.seed(*users)
        return users

    with Rig(tmp_path, order) as rig:
        kills = KilledRotations(rig, prepare, victims).run(sample)
        heal(rig, kills)
    report(summary(kills))
    assert len(kills) > (80 if sample.proof else 80 // STEP)


def test_kill_the_resumption_at_every_side_effect(tmp_path: Path, order: str, sample: Sample, report: Report) -> None:
    """The pair was applied without an answer: the run sends it again and goes on from the new password."""

    def prepare(number: int) -> list[str]:
        user = user_of(number)
        rig.simulator.add_users({user: INITIAL})
        rig.simulator.add_users({user: "staged-1"})
        pending = Pending(INITIAL, "staged-1", "2026-01-01T00:00:00+00:00")
        rig.seed(user, pending=pending, status="in_doubt", unproven_sends=1)
        return [user]

    with Rig(tmp_path, order) as rig:
        kills = KilledRotations(rig, prepare).run(sample)
        users = [user for each in kills for user in each.states]
        found = statuses(rig.rotate(users, max_failures=0))
        closed = [user for user, status in found.items() if status == "quarantined"]
        assert {found[user] for user in users if user not in closed} == {"resumed", "fresh"}
        # Four requests without a proof are the limit, so a person opens what was killed with the fourth before it.
        assert closed == [user for user in users if rig.record(user).unproven_sends == UNPROVEN_LIMIT]
        if closed:
            reopened = rig.rotate(closed, state="resumed", force=True, max_failures=0)
            assert set(statuses(reopened).values()) == {"resumed"}
        lives = rig.lives()
        assert all(is_settled(rig.record(user), lives[user]) for user in users)
        assert max(rig.simulator.report["mismatches"].values(), default=0) <= (2 if order == "old-first" else 0)
    report(f"{summary(kills)}, {len(closed)} of them quarantined by the clean run")


def test_kill_the_first_rotation_at_every_side_effect(
    tmp_path: Path, order: str, sample: Sample, report: Report
) -> None:
    """There is no store yet. The initial password is in the inventory, the new one never but in the store."""
    left: Counter[str] = Counter()

    def prepare(number: int) -> str:
        rig.store = tmp_path / f"store{number}"
        rig.simulator.add_users({user_of(number): INITIAL})
        return user_of(number)

    with Rig(tmp_path, order) as rig:
        for number in sample.every_case(forked_side_effects(rig, [prepare(0)]), "side effects"):
            user = prepare(number)
            trace = {"trace": str(tmp_path / f"trace{number}")}
            assert awaited([forked(rig, [user], {**KILL, **trace, "victims": "worker", "at": number})]) == [KILLED]
            assert is_idle(rig)
            live, file = rig.live(user), rig.store / f"{user}.yml"
            left[state(opened(file), live) if file.exists() else "nothing written"] += 1
            assert live == INITIAL or live in possibly_live(opened(file))
            assert awaited([forked(rig, [user], {})]) == [0]
            assert rig.is_ok(user)
            assert rig.simulator.mismatches(user) <= 1
    report(", ".join(f"{number} {what}" for what, number in left.items()))
    possible = {"nothing written", *STATES[1:]}
    assert set(left) == possible if sample.proof else set(left) <= possible  # a sample may miss a state
