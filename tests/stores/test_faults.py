# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of UiPath's server and the network to it, with the store on a network: no password is lost."""

from __future__ import annotations

import time

from ansible_collections.rpaops.uipath.tests.faults.rig import Rig, adds_up, is_settled, statuses
from ansible_collections.rpaops.uipath.tests.faults.rows import ROWS
from ansible_collections.rpaops.uipath.tests.faults.test_faults import FIRST, observed, user_of
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.sampling import Report
from ansible_collections.rpaops.uipath.tests.stores.places import LEASE_SECONDS

AFTER = {"rotated": "fresh", "policy_rejected": "rotated"}


def test_every_fault_of_one_answer(network_rig: Rig, report: Report) -> None:
    """Every account but the first meets its fault in one run, and a clean run heals all."""
    rig = network_rig
    names = {user_of(name): name for name in ROWS}
    users = rig.prepare(FIRST, *names)
    for user, name in names.items():
        rig.simulator.fault(ROWS[name].kind, user_id=user, **ROWS[name].parameters)
    faulty = observed(rig, users, max_failures=0)
    expected = {user: ROWS[name].statuses[rig.order] for user, name in names.items()}
    assert statuses(faulty.result) == {FIRST: "rotated", **expected}
    assert adds_up(faulty.result)
    assert all(faulty.lives[user] in possibly_live(faulty.records[user]) for user in users)
    assert all(
        is_settled(faulty.records[user], faulty.lives[user]) for user in users if expected.get(user) == "rotated"
    )
    time.sleep(LEASE_SECONDS + 1)  # that of an account in doubt
    clean = observed(rig, users)
    assert not clean.result["failed"], [one for one in clean.result["accounts"] if one["failed"]]
    assert {user: statuses(clean.result)[user] for user in names} == {
        user: AFTER.get(status, "resumed") for user, status in expected.items()
    }
    assert all(is_settled(clean.records[user], clean.lives[user]) for user in users)
    assert all(clean.mismatches.get(user, 0) <= ROWS[name].mismatches for user, name in names.items())
    report(f"{len(names)} faults")
