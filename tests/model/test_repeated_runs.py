# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is promised of many runs, one after the other, with the same fault in each of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL
from ansible_collections.rpaops.uipath.tests.model.explore import heal
from ansible_collections.rpaops.uipath.tests.model.world import LOCKOUT, Left, Setting, World, begin, moves

RUNS = 50
SERVERS = {
    "old-first": Setting(),
    "policy-first": Setting(policy_first=True),
    "policy-first-history": Setting(policy_first=True, history=True),
}


@pytest.fixture(params=SERVERS.values(), ids=list(SERVERS))
def setting(request: pytest.FixtureRequest) -> Setting:
    assert isinstance(request.param, Setting)
    return request.param


def repeated(setting: Setting, fate: str, *, changes: int = 0) -> World:
    """Run again and again, with the same fate for every request; `changes`: after a person has changed the password."""
    world = begin(Left(faults=9 * RUNS, runs=RUNS, changes=changes))
    while world.left.runs or world.running:
        options = dict(moves(world, setting))
        wanted = [label for label in options if label.startswith("a person") or label.endswith(f": {fate}")]
        world = options[wanted[0] if wanted else next(iter(options))]()
        assert world.server.failures < LOCKOUT
    return world


@pytest.mark.parametrize("fate", ["answer lost", "request lost", "late"])
class TestNoAnswerEverComes:
    def test_the_account_is_quarantined_before_the_server_locks_it(self, setting: Setting, fate: str) -> None:
        world = repeated(setting, fate)
        assert world.stored
        assert world.stored.status == "quarantined"
        assert world.server.failures <= 4

    def test_a_person_opens_it_again(self, setting: Setting, fate: str) -> None:
        healing = heal(repeated(setting, fate), setting)
        assert healing.runs == 2
        assert healing.mismatches <= 1

    def test_likewise_when_a_person_has_changed_the_password(self, setting: Setting, fate: str) -> None:
        assert repeated(setting, fate, changes=1).server.failures <= 4


class TestAPersonReopensItAgainAndAgain:
    @pytest.mark.parametrize("shows_sign_ins", [False, True], ids=["hidden", "shown"])
    @pytest.mark.parametrize("fate", ["answer lost", "refused", "late"])
    def test_the_server_never_locks_it(self, setting: Setting, fate: str, shows_sign_ins: bool) -> None:
        world = begin(Left(faults=9 * RUNS, openings=RUNS, changes=1))
        assert world.stored
        world = replace(world, stored=replace(world.stored, status="out_of_sync"))
        setting = replace(setting, shows_sign_ins=shows_sign_ins)
        while world.left.openings or world.running:
            options = dict(moves(world, setting))
            wanted = [label for label in options if label.startswith("a person") or label.endswith(f": {fate}")]
            reopens = [label for label in options if label.endswith("starts: resumed")]
            world = options[(wanted + reopens + list(options))[0]]()
            assert world.server.failures < LOCKOUT
        assert world.stored
        assert world.stored.status == "quarantined"
        shown = world.server.failures if shows_sign_ins else 0  # the server may or may not count ours among them
        assert world.stored.unproven_sends + shown >= UNPROVEN_TOTAL

    def test_failed_sign_ins_that_others_caused_count(self, setting: Setting) -> None:
        start = begin(Left(openings=1))
        assert start.stored
        closed = replace(start.stored, status="out_of_sync", unproven_sends=2)
        failures = UNPROVEN_TOTAL - 2
        world = replace(start, stored=closed, server=replace(start.server, failures=failures), excused=failures)
        for _move in range(4):
            options = dict(moves(world, replace(setting, shows_sign_ins=True)))
            world = options[next((label for label in options if label.endswith("resumed")), next(iter(options)))]()
        assert world.stored
        assert (world.stored.reason, world.server.failures) == ("failed_sign_ins", UNPROVEN_TOTAL - 2)
        assert not world.running


class TestEveryRequestIsThrottled:
    def test_the_next_run_that_is_not_rotates(self, setting: Setting) -> None:
        world = repeated(setting, "throttled")
        assert world.stored
        assert world.stored.unproven_sends == 0
        assert heal(world, setting).runs == 1


class TestEveryPasswordIsRefused:
    def test_by_policy_the_old_one_stays(self, setting: Setting) -> None:
        world = repeated(setting, "policy")
        assert world.is_ok
        assert world.server.failures == 0

    def test_by_something_else_costs_few_sign_ins_and_loses_nothing(self, setting: Setting) -> None:
        world = repeated(setting, "refused")
        assert world.server.failures <= 2
        assert heal(world, setting).world.is_ok


class TestAPersonChangesThePassword:
    def test_after_the_first_run_no_run_calls_the_server(self, setting: Setting) -> None:
        world = repeated(setting, "no fault", changes=1)
        assert world.stored
        assert world.stored.status == "out_of_sync"
        assert world.server.failures == 2
