# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries, repairs and the report, by ansible-playbook with each type of store on a network."""

from __future__ import annotations

import json
import time
from typing import Any

from ansible_collections.rpaops.uipath.tests.faults.rig import Rig, one_order, statuses
from ansible_collections.rpaops.uipath.tests.stores.places import LEASE_SECONDS

pytestmark = one_order
REPORT = "rpaops.uipath.report_passwords"
RESET = "reset-by-an-administrator-1"


def report(rig: Rig, users: list[str], **variables: Any) -> dict[str, Any]:
    """What the role for reports writes about the accounts."""
    assert rig.place
    file = rig.folder / "report.json"
    given = {
        "report_passwords_store": rig.place.options,
        "report_passwords_accounts": [{"user_id": user} for user in users],
        "report_passwords_json": str(file),
        "report_passwords_html": str(rig.folder / "report.html"),
        **variables,
    }
    run = rig.play([{"name": "Report", "ansible.builtin.include_role": {"name": REPORT}, "vars": given}])
    assert run.code == 0, run.output
    written = json.loads(file.read_text())
    assert isinstance(written, dict)
    return written


def test_deliveries_are_due_until_they_are_noted(network_rig: Rig) -> None:
    rig = network_rig
    [user] = rig.prepare("one")
    rotated = rig.rotate([user], consumers=True)
    assert statuses(rotated) == {user: "rotated"}
    [account] = rotated["accounts"]
    assert account["delivery_due"]
    assert report(rig, [user])["counts"]["undelivered"] == 1
    noted = rig.rotate([{"user_id": user, "generation": account["generation"]}], state="delivered")
    assert statuses(noted) == {user: "delivered"}
    again = rig.rotate([user], state="redeliver")
    assert statuses(again) == {user: "delivery_due"}
    late = rig.rotate([{"user_id": user, "generation": account["generation"]}], state="delivered")
    assert statuses(late) == {user: "superseded"}
    assert not rig.record(user).delivered


def test_a_closed_account_is_reported_and_adopted(network_rig: Rig) -> None:
    rig = network_rig
    users = rig.prepare("one", "two")
    rig.simulator.add_users({"two": RESET})
    assert statuses(rig.rotate(users)) == {"one": "rotated", "two": "out_of_sync"}
    assert statuses(rig.rotate(["two"], force=True)) == {"two": "out_of_sync"}
    assert report(rig, users)["counts"]["out_of_sync"] == 1
    adopted = rig.rotate([{"user_id": "two", "initial_password": RESET}], state="adopted")
    assert statuses(adopted) == {"two": "adopted"}
    assert all(rig.is_ok(user) for user in users)


def test_an_account_in_doubt_is_resumed(network_rig: Rig) -> None:
    rig = network_rig
    [user] = rig.prepare("one")
    for _answer in range(2):
        rig.simulator.fault("drop", user_id=user, apply=True)
    assert statuses(rig.rotate([user])) == {user: "in_doubt"}
    assert statuses(rig.rotate([user], state="resumed")) == {user: "busy"}
    time.sleep(LEASE_SECONDS + 1)
    assert report(rig, [user])["counts"]["in_doubt"] == 1
    assert statuses(rig.rotate([user], state="resumed")) == {user: "resumed"}
    assert rig.is_ok(user)
