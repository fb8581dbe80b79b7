# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long ways, at random, with more faults than all ways can be gone through with. The same ones in every run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.rpaops.uipath.tests.model.explore import has_sign_ins_left, heal, walk
from ansible_collections.rpaops.uipath.tests.model.world import Left, Setting, begin
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES, ALL_EXAMPLES = 100, 1000
SETTINGS = {
    "old-first": Setting(),
    "policy-first": Setting(policy_first=True),
    "policy-first-history": Setting(policy_first=True, history=True),
    "old-first-unlocked": Setting(locks=False),
    "policy-first-history-unlocked": Setting(policy_first=True, history=True, locks=False),
    "network-lease-holds": Setting(locks=False, network=True, lease="holds"),
    "network-lease-ends": Setting(policy_first=True, history=True, locks=False, network=True, lease="ends"),
}
LOCKED = {name: setting for name, setting in SETTINGS.items() if setting.locks}


def repeatable(sample: Sample) -> settings:
    return settings(
        max_examples=sample.size(EXAMPLES, ALL_EXAMPLES, "examples"),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def chooser(data: st.DataObject) -> Callable[[int], int]:
    return lambda options: data.draw(st.integers(0, options - 1))


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_no_rule_is_broken(setting: Setting, sample: Sample, report: Report) -> None:
    writes: list[int] = []

    @repeatable(sample)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        left = Left(faults=8, runs=6, openings=data.draw(st.integers(0, 3)), changes=data.draw(st.integers(0, 1)))
        world = walk(begin(left, initial=data.draw(st.booleans())), setting, chooser(data))
        writes.append(world.version)

    check()
    report(f"{len(writes)} examples, {sum(writes)} durable writes")


@pytest.mark.parametrize("setting", LOCKED.values(), ids=list(LOCKED))
def test_an_account_that_only_runs_touch_becomes_ok(setting: Setting, sample: Sample, report: Report) -> None:
    runs: list[int] = []

    @repeatable(sample)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        world = walk(begin(Left(faults=8, runs=6)), setting, chooser(data))
        if has_sign_ins_left(world):
            runs.append(heal(world, setting).runs)

    check()
    report(f"{len(runs)} accounts, {runs.count(1)} of them healed by the next run, all of them by run {max(runs)}")
