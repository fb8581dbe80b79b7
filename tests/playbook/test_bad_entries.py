# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of accounts with every mistake in it: what fails on its own, what stops the task, and what is renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import USUAL_WARNINGS
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene

ROTATION = "rpaops.uipath.uipath_password_rotation"
LOOKUP = "rpaops.uipath.uipath_password"
INITIAL = "initial-1"
GOOD, MOVED, DAMAGED = ("good", "moved", "damaged")
FIRST = [
    {"user_id": GOOD, "name": "svc good", "initial_password": INITIAL},
    {"user_name": "svc-moved", "initial_password": INITIAL},
    {"user_id": DAMAGED, "initial_password": INITIAL},
]
MISTAKES = [
    FIRST[1],
    {"user_id": DAMAGED, "initial_password": INITIAL},
    {"user_name": "svc-nobody", "initial_password": INITIAL},
    {"user_name": "svc-twin", "initial_password": INITIAL},
    {"user_id": "forgotten"},
]
STATUSES = ["name_conflict", "store_error", "not_found", "name_conflict", "no_password"]

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def store(shared_scene: Scene) -> Path:
    return shared_scene.play.folder / "store"


@pytest.fixture(scope="module")
def run(shared_scene: Scene, store: Path) -> PlaybookRun:
    """A first rotation. Then names are given to other users, a record is damaged, and the mistakes are made."""
    simulator, path = shared_scene.simulator, str(store)

    def rotate(name: str, accounts: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        given = {"store": {"path": path}, "accounts": accounts, "settle_seconds": 0.05, "force": True, **options}
        return {"name": name, ROTATION: given, "ignore_errors": True}

    simulator.add_users({GOOD: INITIAL, DAMAGED: INITIAL, "forgotten": INITIAL})
    simulator.add_users({MOVED: INITIAL}, userName="svc-moved")
    shared_scene.play.allowed_warnings = USUAL_WARNINGS
    shared_scene.play([rotate("First", FIRST)], succeeds=True)
    simulator.add_users({MOVED: "any-1"}, userName="svc-moved-away")
    simulator.add_users({"another": INITIAL}, userName="svc-moved")
    simulator.add_users({"twin-1": INITIAL}, userName="svc-twin")
    simulator.add_users({"twin-2": INITIAL}, userName="twin", email="svc-twin")
    (store / f"{DAMAGED}.yml").write_text("damaged")
    repaired = {"src": f"{path}/.prev/{DAMAGED}.yml", "dest": f"{path}/{DAMAGED}.yml", "mode": "0600", "decrypt": False}
    renamed = [{"user_id": GOOD, "name": "svc better"}]
    new_name = f"{{{{ lookup('{LOOKUP}', 'svc better', store={{'path': '{path}'}}) | length }}}}"
    return shared_scene.play(
        [
            rotate("Strict", [*MISTAKES, FIRST[0]], strict=True),
            {**rotate("Predict", [*MISTAKES, FIRST[0]]), "check_mode": True},
            rotate("Rotate", [*MISTAKES, FIRST[0]], max_failures=1),
            rotate("Rename too early", renamed, force=False),
            {"name": "Repair", "ansible.builtin.copy": repaired},
            rotate("All unknown", [{"user_name": "svc-x"}, {"user_name": "svc-y"}]),
            {**rotate("Predict the name", renamed, force=False), "check_mode": True},
            rotate("Rename", renamed, force=False),
            {"name": "Look up", "ansible.builtin.debug": {"msg": new_name}},
            rotate("Again", renamed, force=False),
        ],
    )


def statuses(result: dict[str, Any]) -> list[str]:
    return [account["status"] for account in result["accounts"]]


class TestBadEntries:
    def test_fail_on_their_own(self, run: PlaybookRun) -> None:
        assert statuses(run["Rotate"]) == [*STATUSES, "rotated"]
        assert [account["attempts"] for account in run["Rotate"]["accounts"]] == [0] * len(STATUSES) + [1]
        assert run["Rotate"]["msg"].startswith(
            "5 of 6 accounts failed. By status: 1 rotated, 1 not_found, 2 name_conflict,"
        )

    def test_are_predicted(self, run: PlaybookRun) -> None:
        assert statuses(run["Predict"]) == [*STATUSES, "would_rotate"]

    def test_stop_a_strict_task_which_names_those_that_the_store_and_the_names_show(self, run: PlaybookRun) -> None:
        result = run["Strict"]
        assert (result["failed"], result["status"], "accounts" in result) == (True, "invalid_input", False)
        for label in ("damaged is store_error", "svc-nobody is not_found", "svc-twin is name_conflict"):
            assert label in result["msg"]
        assert "forgotten is no_password" in result["msg"]

    def test_are_worked_on_by_no_request(self, run: PlaybookRun, shared_scene: Scene) -> None:
        report = shared_scene.simulator.report
        assert report["applied"] == {GOOD: 2, MOVED: 1, DAMAGED: 1}
        assert not report["mismatches"]

    def test_of_which_every_name_is_unknown_stop_the_task(self, run: PlaybookRun) -> None:
        assert run["All unknown"]["status"] == "invalid_input"
        assert "the server lists none of the user names" in run["All unknown"]["msg"]


class TestNewName:
    def test_that_a_damaged_record_may_have_is_not_saved(self, run: PlaybookRun) -> None:
        assert statuses(run["Rename too early"]) == ["store_error"]
        assert "The name svc better may be that of a record which cannot be read" in run["Rename too early"]["msg"]

    def test_is_saved_at_once(self, run: PlaybookRun) -> None:
        for name in ("Predict the name", "Rename"):
            assert (statuses(run[name]), run[name]["changed"]) == (["renamed"], True)
        assert (statuses(run["Again"]), run["Again"]["changed"]) == (["fresh"], False)

    def test_is_found_by_the_lookup(self, run: PlaybookRun) -> None:
        assert int(run["Look up"]["msg"]) == 24
