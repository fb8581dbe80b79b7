# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One user: what a task reports, what it costs the server, and which password is live afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, Scene, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

CHANGE = """
- name: Change the password
  rpaops.uipath.uipath_user_password:
    user_id: one
    old_password: "{{ vault_old }}"
    new_password: "{{ vault_new }}"
"""
CHANGE_WITH_TOKEN = CHANGE.replace("user_id: one", "user_id: one\n    access_token: given")
REPEATED = "The new password was in effect before."
PAIR: dict[str, Any] = {"vault_old": OLD, "vault_new": NEW}
ANSWER = {"user_id", "status", "http_status", "error_codes", "trace_id", "attempts", "changed", "msg"}

pytestmark = pytest.mark.matrix


@pytest.fixture
def user(simulator: SimulatorProcess) -> str:
    simulator.add_users({"one": OLD})
    return "one"


@pytest.mark.usefixtures("user")
class TestChange:
    def test_check_then_change_then_again(self, play: Playbook, simulator: SimulatorProcess) -> None:
        predicted = play(CHANGE, "--check", succeeds=True, **PAIR)["Change the password"]
        assert (predicted["status"], predicted["changed"], predicted["attempts"]) == ("would_change", True, 0)
        assert simulator.report["requests"] == {"token": 1}
        assert simulator.report["writes"] == 0

        done = play(CHANGE, "-vvvv", succeeds=True, **PAIR)
        assert (done["Change the password"]["status"], done["Change the password"]["changed"]) == ("changed", True)
        assert set(done["Change the password"]) >= ANSWER
        assert simulator.is_live("one", NEW)
        assert simulator.report["requests"] == {"token": 2, "change_password": 1}

        again = play(CHANGE, succeeds=True, warnings=[REPEATED], **PAIR)["Change the password"]
        assert (again["status"], again["changed"], again["error_codes"]) == ("already_set", False, [])
        assert simulator.mismatches("one") == 2
        assert simulator.is_live("one", NEW)

    @pytest.mark.parametrize("word", ["Password", "PasswordReuse"])
    def test_again_with_passwords_that_hold_a_word_of_the_code(
        self, play: Playbook, simulator: SimulatorProcess, word: str
    ) -> None:
        pair: dict[str, Any] = {"vault_old": f"Old{word}1!", "vault_new": f"New{word}2!"}
        simulator.add_users({"one": pair["vault_old"]})
        play(CHANGE, succeeds=True, **pair)
        again = play(CHANGE, succeeds=True, warnings=[REPEATED], **pair)["Change the password"]
        assert (again["status"], again["changed"]) == ("already_set", False)

    @pytest.mark.parametrize(
        ("server", "status", "codes", "mismatches"),
        [
            ({"history": {"limit": 0}}, "already_set", [], 1),
            ({"history": {"code": "UiPath_NobodyKnows"}}, "already_set", [], 2),
            ({"equality": {"checked": "after-old"}}, "already_set", [], 2),
            ({"equality": {"checked": "first"}}, "unknown", ["PasswordMismatch", "PasswordsEqual"], 1),
            ({"history": {"code": "UserLockedOut"}}, "unknown", ["PasswordMismatch", "UserLockedOut"], 1),
            ({"order": "policy-first"}, "refused", ["PasswordReuse"], 0),
            ({"order": "policy-first", "history": {"counts_current": False}}, "already_set", [], 1),
        ],
    )
    def test_a_repeated_run_against_every_kind_of_server(
        self,
        play: Playbook,
        simulator: SimulatorProcess,
        server: dict[str, Any],
        status: str,
        codes: list[str],
        mismatches: int,
    ) -> None:
        simulator.add_users({"one": NEW})
        simulator.configure(**server)
        found = status == "already_set"
        run = play(CHANGE, succeeds=found, warnings=[REPEATED] if found else [], **PAIR)["Change the password"]
        assert (run["status"], run["changed"], run["error_codes"]) == (status, False, codes)
        assert simulator.mismatches("one") == mismatches
        assert simulator.report["applied"] == ({"one": 1} if found and mismatches == 1 else {})
        assert simulator.is_live("one", NEW)

    def test_a_lost_answer_on_a_server_with_a_history(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("drop", apply=True)
        lost = CHANGE + "    settle_seconds: 0\n"
        run = play(lost, succeeds=True, **PAIR)["Change the password"]
        assert (run["status"], run["changed"], run["attempts"]) == ("changed", True, 4)
        assert simulator.mismatches("one") == 2

    def test_check_mode_with_a_given_token_sends_nothing(self, play: Playbook, simulator: SimulatorProcess) -> None:
        del play.defaults["client_id"], play.defaults["client_secret"]
        predicted = play(CHANGE_WITH_TOKEN, "--check", succeeds=True, **PAIR)["Change the password"]
        assert (predicted["status"], predicted["changed"]) == ("would_change", True)
        assert simulator.total == 0
        assert simulator.report["connections"] == 0

    def test_diff_names_ids_and_constants_only(self, play: Playbook, simulator: SimulatorProcess) -> None:
        run = play(CHANGE, "--diff", succeeds=True, **PAIR)
        assert run["Change the password"]["diff"] == {
            "before": {"one": "old password"},
            "after": {"one": "new password"},
        }
        assert '-    "one": "old password"' in run.stdout
        assert '+    "one": "new password"' in run.stdout
        assert simulator.is_live("one", NEW)

    def test_check_and_diff_with_secrets_predicts_the_same_difference(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        run = play(CHANGE, "--check", "--diff", succeeds=True, **PAIR)
        assert run["Change the password"]["diff"]["after"] == {"one": "new password"}
        assert simulator.is_live("one", OLD)

    def test_equal_passwords_send_nothing(self, play: Playbook, simulator: SimulatorProcess) -> None:
        run = play(CHANGE, succeeds=True, vault_old=OLD, vault_new=OLD)
        assert (run["Change the password"]["status"], run["Change the password"]["changed"]) == ("already_set", False)
        assert simulator.total == 0


OUTCOMES = {
    "wrong password": ("wrong_password", ["PasswordMismatch"], 2),
    "wrong password, always": ("wrong_password", ["PasswordMismatch"], 1),
    "already set, always": ("wrong_password", ["PasswordMismatch"], 1),
    "too short": ("policy_rejected", ["PasswordTooShort", "PasswordRequiresDigit"], 0),
    "used before": ("refused", ["PasswordReuse"], 0),
    "history refuses the probe": ("already_set", [], 1),
    "locked": ("refused", ["UserLockedOut"], 0),
    "inactive": ("changed", [], 0),
    "directory user": ("wrong_password", ["PasswordMismatch"], 2),
    "unheard of code": ("refused", ["SomethingNew"], 0),
    "missing": ("not_found", [], 0),
    "another process was faster": ("wrong_password", ["PasswordMismatch"], 2),
    "another process set the same": ("already_set", [], 1),
    "concurrency failure once": ("changed", [], 0),
    "concurrency failure for ever": ("unknown", ["ConcurrencyFailure"], 0),
    "doubled by a proxy": ("changed", [], 1),
}
# One of these, which the history refuses with the same code, carries the control request for all: another mismatch.
ASKING = ("history refuses the probe", "another process set the same", "doubled by a proxy")


def prepare(simulator: SimulatorProcess) -> None:
    """Give every case of the table the user that brings it about; user ids are the cases' names."""
    simulator.add_users({name: OLD for name in OUTCOMES if name not in ("missing", "inactive", "directory user")})
    simulator.add_users({"already set, always": NEW, "history refuses the probe": NEW})
    simulator.add_users({"used before": OLD}, history=[NEW])
    simulator.add_users({"inactive": OLD}, isActive=False)
    simulator.add_users({"directory user": OLD}, type="directoryUser")
    simulator.fault("identity_error", user_id="unheard of code", code="SomethingNew", description="Not today.")
    simulator.fault("identity_error", user_id="locked", code="UserLockedOut", description="The user is locked out.")
    simulator.fault("identity_error", user_id="used before", code="PasswordReuse", description="Used before.")
    reuse: dict[str, Any] = {"code": "PasswordReuse", "description": "Used before.", "skip": 1}
    simulator.fault("identity_error", user_id="history refuses the probe", **reuse)
    simulator.fault("other_change", user_id="another process was faster", password="somebody-elses-1")
    simulator.fault("other_change", user_id="another process set the same", password=NEW)
    simulator.fault("concurrency_failure", user_id="concurrency failure once")
    simulator.fault("concurrency_failure", user_id="concurrency failure for ever", times=None)
    simulator.fault("concurrency_failure", user_id="doubled by a proxy", apply=True)


def pair_of(name: str) -> dict[str, str]:
    if name == "too short":
        return change(name, new="tiny")
    return change(name, old="not-the-one-1" if "wrong password" in name else OLD)


@pytest.fixture(scope="module")
def outcomes(shared_scene: Scene) -> tuple[PlaybookRun, SimulatorProcess]:
    """One play for all cases: a task per `update_password`."""
    prepare(shared_scene.simulator)
    pairs_for_always = [pair_of(name) for name in OUTCOMES if name.endswith("always")]
    others = [pair_of(name) for name in OUTCOMES if not name.endswith("always")]
    run = shared_scene.play(
        [
            task("All", users="{{ others }}", max_failures=0),
            task("Always", users="{{ pairs_for_always }}", max_failures=0, update_password="always"),
        ],
        others=others,
        pairs_for_always=pairs_for_always,
    )
    return run, shared_scene.simulator


def result_of(run: PlaybookRun, name: str) -> dict[str, Any]:
    return run.users("Always" if name.endswith("always") else "All")[name]


@pytest.mark.parametrize("name", OUTCOMES)
class TestOutcome:
    def test_status_codes_and_the_price(self, outcomes: tuple[PlaybookRun, SimulatorProcess], name: str) -> None:
        run, simulator = outcomes
        status, codes, mismatches = OUTCOMES[name]
        result = result_of(run, name)
        assert (result["status"], result["error_codes"]) == (status, codes)
        assert simulator.mismatches(name) - mismatches in ((0, 1) if name in ASKING else (0,))
        assert result["changed"] == (status == "changed")
        assert result["msg"]

    def test_live_password_agrees(self, outcomes: tuple[PlaybookRun, SimulatorProcess], name: str) -> None:
        _run, simulator = outcomes
        shall_be_new = OUTCOMES[name][0] in ("changed", "already_set") or name in ("already set, always",)
        assert simulator.is_live(name, NEW) == shall_be_new


def test_one_user_carries_the_control_request(outcomes: tuple[PlaybookRun, SimulatorProcess]) -> None:
    _run, simulator = outcomes
    assert sum(simulator.mismatches(name) - OUTCOMES[name][2] for name in ASKING) == 1


def test_messages_quote_the_server(outcomes: tuple[PlaybookRun, SimulatorProcess]) -> None:
    run, _simulator = outcomes
    results = run.users("All")
    assert "Not today." in results["unheard of code"]["msg"]
    assert "Passwords must be at least 8 characters." in results["too short"]["msg"]
    assert results["missing"]["http_status"] == 404
    assert results["missing"]["trace_id"]
