# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's `timeout` ends one item of a loop. The next item runs in the same process, and finds no lock of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import TASK, Rig, one_order, statuses

LATENCY, TIME_OUT = 5, 2  # seconds
USERS = ("u0", "u1", "u2", "u3")

pytestmark = [pytest.mark.matrix, one_order]


def second_item(rig: Rig, **options: Any) -> dict[str, Any]:
    """Run the task twice in a loop. The first item times out; return the result of the second."""
    task = {**rig.task(USERS, timeout=30, concurrency=4, **options), "loop": ["first", "second"], "timeout": TIME_OUT}
    run = rig.play([task])
    first, second = run.items(TASK)
    assert "accounts" not in first
    assert "defect" not in run.output
    return second


@pytest.fixture
def rig(tmp_path: Path, order: str) -> Any:
    with Rig(tmp_path, order) as rig:
        rig.prepare(*USERS)
        yield rig


def test_an_answer_that_comes_later_is_committed_and_nothing_more_is_sent(rig: Rig) -> None:
    rig.simulator.fault("latency", seconds=LATENCY, user_id="u0")
    assert statuses(second_item(rig)) == {"u0": "fresh", "u1": "rotated", "u2": "rotated", "u3": "rotated"}
    assert rig.simulator.report["applied"] == dict.fromkeys(USERS, 1)
    assert all(rig.is_ok(user) for user in USERS)


def test_answers_to_several_accounts_are_committed(rig: Rig) -> None:
    for user in USERS[1:]:
        rig.simulator.fault("latency", seconds=LATENCY, user_id=user)
    assert statuses(second_item(rig)) == dict.fromkeys(USERS, "fresh")
    assert rig.simulator.report["applied"] == dict.fromkeys(USERS, 1)
    assert all(rig.is_ok(user) for user in USERS)


def test_accounts_that_wait_after_a_lost_answer_are_unlocked(rig: Rig) -> None:
    rig.simulator.fault("drop", user_id="u0")
    assert statuses(second_item(rig, settle_seconds=250)) == {
        "u0": "resumed",
        "u1": "rotated",
        "u2": "rotated",
        "u3": "rotated",
    }
    assert all(rig.is_ok(user) for user in USERS)


def test_waits_of_a_throttled_request_are_given_up(rig: Rig) -> None:
    rig.simulator.fault("too_many_requests", user_id="u0", retry_after=250)
    assert statuses(second_item(rig)) == {"u0": "resumed", "u1": "rotated", "u2": "rotated", "u3": "rotated"}
    assert rig.simulator.report["applied"] == dict.fromkeys(USERS, 1)
    assert all(rig.is_ok(user) for user in USERS)
