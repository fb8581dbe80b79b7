# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a store's accounts, after rotations with every outcome: what is shown, and that it is no password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import USUAL_WARNINGS, stored_passwords
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene

ROTATION = "rpaops.uipath.uipath_password_rotation"
INFO = "rpaops.uipath.uipath_password_store_info"
USERS = ("rotated", "wrong", "lost", "initial", "waiting")
VAULT = {f"vault_{user}": awkward(f"initial{user}qz") for user in USERS}

pytestmark = pytest.mark.matrix


def account(user: str) -> dict[str, str]:
    return {"user_id": user, "name": f"svc {user}", "initial_password": f"{{{{ vault_{user} }}}}"}


ACCOUNTS = [account(user) for user in USERS]


def rotate(user: str, store: str, **options: Any) -> dict[str, Any]:
    given = {"store": {"path": store}, "accounts": [account(user)], "settle_seconds": 0.05, "timeout": 5, **options}
    return {"name": f"Rotate {user}", ROTATION: given, "ignore_errors": True}


def show(name: str, store: str, **options: Any) -> dict[str, Any]:
    return {"name": name, INFO: {"store": {"path": store}, **options}, "ignore_errors": True}


@pytest.fixture(scope="module")
def store(shared_scene: Scene) -> Path:
    return shared_scene.play.folder / "store"


@pytest.fixture(scope="module")
def run(shared_scene: Scene, store: Path) -> PlaybookRun:
    """Rotations with every outcome, and what is shown afterwards. The connection is set for the whole action group."""
    simulator, path = shared_scene.simulator, str(store)
    simulator.add_users({user: "another-1" if user == "wrong" else VAULT[f"vault_{user}"] for user in USERS})
    simulator.fault("drop", user_id="lost", times=None)
    shared_scene.play.allowed_warnings = USUAL_WARNINGS
    listed = [*ACCOUNTS[:4], {"user_name": "nobody"}]
    tasks = [
        rotate("rotated", path),
        rotate("wrong", path),
        rotate("lost", path),
        rotate("initial", path, state="present"),
        rotate("waiting", path, consumers=True),
        show("Show", path, accounts=listed),
        {**show("Show in check mode", path, accounts=listed), "check_mode": True, "diff": True},
        show("Verify", path, accounts=listed, verify=True),
        show("Monitor", path, accounts=ACCOUNTS, fail_on=["overdue", "closed", "in_doubt", "undelivered"]),
        show("Monitor the list", path, accounts=[{"name": "svc rotated"}], fail_on=["unlisted"]),
        show("Show another store", f"{path}-of-nobody"),
        show("Mistake", path, accounts=[{"initial_password": "{{ vault_rotated }}"}]),
    ]
    return watched_run(shared_scene.play, tasks, "-vvvv", **VAULT)


def states(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {account["user_id"]: account for account in result["accounts"]}


class TestShow:
    def test_shows_the_state_of_every_account(self, run: PlaybookRun) -> None:
        shown = states(run["Show"])
        assert {user: shown[user]["status"] for user in USERS} == {
            "rotated": "ok",
            "wrong": "out_of_sync",
            "lost": "in_doubt",
            "initial": "ok",
            "waiting": "ok",
        }
        assert {user for user in USERS if shown[user]["pending"]} == {"lost"}
        assert {user for user in USERS if shown[user]["delivered"] is False} == {"waiting"}
        assert shown["rotated"]["delivered"] is None
        assert {user for user in USERS if shown[user]["due"]} == {"wrong", "lost", "initial"}
        assert (shown["wrong"]["reason"], shown["wrong"]["error_codes"]) == ("wrong_password", ["PasswordMismatch"])

    def test_says_who_has_rotated_and_when(self, run: PlaybookRun) -> None:
        shown = states(run["Show"])
        [rotation] = shown["rotated"]["rotations"]
        assert rotation["at"] == shown["rotated"]["last_rotated"]
        assert "@" in rotation["by"]
        assert (shown["initial"]["last_rotated"], shown["initial"]["rotations"]) == (None, [])

    def test_compares_the_store_with_the_list(self, run: PlaybookRun) -> None:
        result = run["Show"]
        assert {user for user, state in states(result).items() if not state["listed"]} == {"waiting"}
        assert (result["missing"], result["counts"]["accounts"], result["counts"]["missing"]) == (["nobody"], 5, 1)
        assert [problem.partition(":")[0].partition(",")[0] for problem in result["problems"]] == [
            "Closed as out_of_sync (wrong_password)",
            "In doubt",
            "The record still has the initial password",
            "A consumer may lack the current password",
            "Recorded",
            "Listed",
            "A renamed account can be both",
        ]

    @pytest.mark.parametrize("task", ["Show in check mode", "Verify"])
    def test_is_the_same_in_check_mode_and_without_the_cache(self, run: PlaybookRun, task: str) -> None:
        moving = ("time", "accounts")
        other, result = ({key: run[name][key] for key in run["Show"] if key not in moving} for name in ("Show", task))
        assert result == other
        assert run[task]["changed"] is False


class TestMonitor:
    def test_fails_with_the_names(self, run: PlaybookRun) -> None:
        result = run["Monitor"]
        assert result["failed"]
        assert result["counts"]["accounts"] == 5
        assert all(name in result["msg"] for name in ("svc wrong", "svc lost", "svc waiting"))
        assert "svc rotated" not in result["msg"]

    def test_fails_for_accounts_that_no_run_rotates(self, run: PlaybookRun) -> None:
        result = run["Monitor the list"]
        assert (result["failed"], result["counts"]["unlisted"]) == (True, 4)

    def test_a_store_that_is_not_there_is_one_error(self, run: PlaybookRun, store: Path) -> None:
        result = run["Show another store"]
        assert (result["failed"], result["msg"]) == (True, f"There is no store in {store}-of-nobody. Check the path.")


class TestSecrecy:
    def test_nothing_leaks(self, run: PlaybookRun, store: Path, shared_scene: Scene) -> None:
        secrets = {*VAULT.values(), *stored_passwords(store)}
        assert len(secrets) > len(USERS)
        assert leaks(run, secrets, shared_scene.simulator.log) == set()

    def test_a_mistake_shows_no_password_either(self, run: PlaybookRun) -> None:
        assert run["Mistake"]["failed"]
        assert "accounts[0] needs a user_id, a user_name or a name" in run["Mistake"]["msg"]
