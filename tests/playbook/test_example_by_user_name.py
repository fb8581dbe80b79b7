# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example for users without a known id, unchanged."""

from __future__ import annotations

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess
from ansible_collections.rpaops.uipath.tests.playbook.test_examples import RunExample, run_example

__all__ = ["run_example"]  # a fixture

NAME = "change_by_user_name.yml"
PEOPLE = {"4": {"userName": "svc-invoices"}, "5": {"userName": "jane.doe", "email": "jane.doe@example.com"}}


def live(simulator: SimulatorProcess, age: str) -> list[bool]:
    return [simulator.is_live(user_id, f"{age}-example-password-{user_id}") for user_id in PEOPLE]


@pytest.fixture
def people(simulator: SimulatorProcess) -> dict[str, dict[str, str]]:
    for user_id, names in PEOPLE.items():
        simulator.add_users({user_id: f"old-example-password-{user_id}"}, **names)
    return PEOPLE


@pytest.mark.usefixtures("people")
def test_in_check_mode_first(run_example: RunExample, simulator: SimulatorProcess) -> None:
    run = run_example(NAME, "--check", "--diff")
    assert run["Change the passwords"]["counts"]["would_change"] == 2
    assert live(simulator, "old") == [True, True]

    run = run_example(NAME, "-v")
    shown = [item["msg"] for item in run.items("Show who gets a new password")]
    assert shown == ["svc-invoices (4), last signed in: never", "jane.doe (5), last signed in: never"]
    assert run["Change the passwords"]["counts"]["changed"] == 2
    assert live(simulator, "new") == [True, True]


def test_an_unknown_user_ends_it_before_the_first_change(
    run_example: RunExample,
    simulator: SimulatorProcess,
) -> None:
    simulator.add_users({"4": "old-example-password-4"}, userName="svc-invoices")
    run = run_example(NAME, succeeds=False)
    assert run["Find the users"]["missing"] == ["jane.doe@example.com"]
    assert simulator.count() == 0
