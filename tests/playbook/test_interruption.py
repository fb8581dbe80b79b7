# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that end early, and one that is very long: nothing hangs, nothing goes on unseen, the server knows all."""

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, Running, read_proc
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess, wait_until
from ansible_collections.rpaops.uipath.tests.sampling import Sample

USERS = [f"user-{number:03d}" for number in range(400)]
TASKS = [task("Many", users="{{ users }}", concurrency=4)]
LATENCY = 0.1  # ten seconds for all users
ANSWER_SECONDS = 6


@pytest.fixture
def slow(simulator: SimulatorProcess) -> SimulatorProcess:
    simulator.add_users(dict.fromkeys(USERS, OLD))
    simulator.fault("latency", seconds=LATENCY, times=None)
    return simulator


def wait_for_the_middle(simulator: SimulatorProcess, running: Running) -> None:
    assert wait_until(lambda: simulator.count() >= 20 or running.process.poll() is not None, 60)
    assert running.process.poll() is None


def modules(running: Running) -> set[int]:
    """The run's processes that are not ansible-playbook's own; an orphaned worker of those may linger."""
    return {pid for pid in running.processes() if b"ansible-playbook" not in read_proc(pid, "cmdline")}


def has_fallen_silent(simulator: SimulatorProcess) -> bool:
    """Whether the counters stand still for ten times as long as they take to move."""
    before = simulator.count()
    return not wait_until(lambda: simulator.count() > before, 10 * LATENCY)


def consistent(simulator: SimulatorProcess) -> bool:
    """Whether every user has either the old or the new password, and some have each."""
    new = simulator.live_count([(user, NEW) for user in USERS])
    return (
        new == len(simulator.report["applied"]) and simulator.live_count([(user, OLD) for user in USERS]) + new == 400
    )


class TestInterrupt:
    @pytest.mark.matrix
    def test_ends_at_once_and_leaves_nothing_behind(self, play: Playbook, slow: SimulatorProcess) -> None:
        pairs = [change(user) for user in USERS]
        with play.started(TASKS, users=pairs) as running:
            wait_for_the_middle(slow, running)
            running.interrupt()
            run = running.finish(ANSWER_SECONDS)
            assert run.code != 0
            assert wait_until(lambda: not running.processes(), ANSWER_SECONDS)
        assert has_fallen_silent(slow)
        assert slow.count() < 200
        assert consistent(slow)
        assert "Traceback" not in run.output
        slow.clear_faults()
        again = play(TASKS, users=pairs, succeeds=True)
        assert again["Many"]["counts"]["changed"] + again["Many"]["counts"]["already_set"] == 400
        assert slow.live_count([(user, NEW) for user in USERS]) == 400

    @pytest.mark.matrix
    def test_a_killed_run_starts_no_further_users(self, play: Playbook, slow: SimulatorProcess) -> None:
        with play.started(TASKS, users=[change(user) for user in USERS]) as running:
            wait_for_the_middle(slow, running)
            for pid in set(running.processes()) - modules(running):
                os.kill(pid, signal.SIGKILL)
            running.process.wait()
            assert wait_until(lambda: has_fallen_silent(slow), ANSWER_SECONDS)
            assert slow.count() < 200
            assert wait_until(lambda: not modules(running), ANSWER_SECONDS)
        assert consistent(slow)

    def test_a_worker_that_outlives_the_main_process_leaves_no_user_in_between(
        self, play: Playbook, slow: SimulatorProcess
    ) -> None:
        """With the main process alone killed, ansible-core's worker still reads the module's output: it goes on."""
        with play.started(TASKS, users=[change(user) for user in USERS]) as running:
            wait_for_the_middle(slow, running)
            running.process.kill()
            running.process.wait()
            assert wait_until(lambda: not modules(running), 60)
        assert slow.live_count([(user, NEW) for user in USERS]) == 400


def test_thousands_of_users_in_one_task(play: Playbook, simulator: SimulatorProcess, sample: Sample) -> None:
    number_of_users = sample.size(2_000, 10_000, "users")
    ids = simulator.generate_users(number_of_users)
    pairs = [change(user_id, f"initial-{number}", f"changed-{number}-x") for number, user_id in enumerate(ids)]
    run = play([task("Many", users="{{ users }}", concurrency=16)], users=pairs, timeout=200)
    assert run["Many"]["counts"]["changed"] == number_of_users
    assert [user["user_id"] for user in run["Many"]["results"]] == ids
    assert simulator.live_count([(pair["user_id"], pair["new_password"]) for pair in pairs]) == number_of_users
    assert simulator.report["requests"] == {"token": 1, "change_password": number_of_users}
