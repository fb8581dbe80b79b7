# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in: where credentials come from, what a token may look like, when it is renewed, and being told to wait."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess

VARIABLES = {"UIPATH_CLIENT_ID": CLIENT_ID, "UIPATH_CLIENT_SECRET": CLIENT_SECRET}
STATIC = {"UIPATH_ACCESS_TOKEN": "static"}
WRITE_SCOPE = {"scopes": ["PM.User.Write"], "administrator": True}
TWO_HUNDRED = [f"user-{number}" for number in range(200)]


@pytest.fixture(autouse=True)
def _users(simulator: SimulatorProcess) -> None:
    simulator.add_users(dict.fromkeys(("one", "two", "three", "four", "five"), OLD))
    simulator.configure(static_tokens={"static": WRITE_SCOPE})


def without_sign_in(play: Playbook) -> Playbook:
    del play.defaults["client_id"], play.defaults["client_secret"]
    return play


class TestOrigin:
    def test_everything_from_the_environment(self, play: Playbook, simulator: SimulatorProcess) -> None:
        environment = {
            **VARIABLES,
            "UIPATH_IDENTITY_URL": simulator.identity_url + "/api/",
            "UIPATH_CA_PATH": play.defaults["ca_path"],
        }
        play.defaults.clear()
        assert play([task("Change", **change("one"))], environment=environment)["Change"]["status"] == "changed"

    def test_the_token_wins_among_variables(self, play: Playbook, simulator: SimulatorProcess) -> None:
        run = without_sign_in(play)([task("Change", **change("one"))], environment=VARIABLES | STATIC)
        assert run["Change"]["status"] == "changed"
        assert simulator.count("token") == 0

    def test_options_win_and_the_environment_fills_up_their_method_only(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        tasks = [
            task("Filled up", client_id=CLIENT_ID, **change("one")),
            task("Given token", access_token="static", **change("two")),
            task("Given client", client_id=CLIENT_ID, client_secret="wrong", **change("three")),
        ]
        wrong = {"UIPATH_CLIENT_ID": "wrong", "UIPATH_ACCESS_TOKEN": "wrong", "UIPATH_CLIENT_SECRET": CLIENT_SECRET}
        run = without_sign_in(play)(tasks, environment=wrong)
        assert [run[one["name"]]["status"] for one in tasks] == ["changed", "changed", "unauthorized"]
        assert simulator.count("token") == 2

    def test_missing_halves_empty_and_contradicting_ones(self, play: Playbook, simulator: SimulatorProcess) -> None:
        tasks = [
            task("None", **change("one")),
            task("Incomplete", client_id=CLIENT_ID, **change("one")),
            task("Empty", access_token="", **change("one")),
            task("Both", access_token="static", client_id=CLIENT_ID, **change("one")),
        ]
        run = without_sign_in(play)(tasks)
        assert "credentials are missing" in run["None"]["msg"]
        assert "client_id and client_secret are required together" in run["Incomplete"]["msg"]
        assert "access_token is empty" in run["Empty"]["msg"]
        assert "mutually exclusive" in run["Both"]["msg"]
        assert simulator.total == 0


class TestRefusal:
    @pytest.fixture
    def run(self, play: Playbook, simulator: SimulatorProcess) -> PlaybookRun:
        simulator.add_client("reader", "reader-secret", "PM.User.Read")
        reader = {"client_id": "reader", "client_secret": "reader-secret"}
        tasks = [
            task("Wrong secret", client_secret="wrong", **change("one")),
            task("Unregistered scope", scopes=["PM.User", "OR.Assets"], **change("one")),
            task("Missing scope", **reader, **change("one")),
            task("Narrowed scope", scopes=["PM.User.Write"], **change("two")),
            task("Many", client_secret="wrong", users=[change("three"), change("four")]),
        ]
        return play(tasks)

    def test_says_why_and_stops(self, run: PlaybookRun, simulator: SimulatorProcess) -> None:
        for name, code, http_status in (
            ("Wrong secret", "invalid_client", 400),
            ("Unregistered scope", "invalid_scope", 400),
            ("Missing scope", None, 403),
        ):
            result = run[name]
            assert (result["status"], result["http_status"]) == ("unauthorized", http_status)
            assert result["failed"]
            assert code is None or code in result["error_codes"]
        assert "PM.User.Write" in run["Missing scope"]["msg"]
        assert run["Narrowed scope"]["status"] == "changed"
        assert [user["status"] for user in run["Many"]["results"]] == ["unauthorized", "not_attempted"]
        assert simulator.report["applied"] == {"two": 1}
        assert simulator.count("token") == 5


class TestToken:
    def test_one_token_per_task_is_enough(self, play: Playbook, simulator: SimulatorProcess) -> None:
        assert many(play, simulator, concurrency=8)["counts"]["changed"] == 200
        assert simulator.count("token") == 1
        assert simulator.count() == 200

    def test_renewed_before_it_runs_out(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.configure(token_lifetime=3, token_format="opaque")
        simulator.fault("slow_body", times=None, seconds=0.35)
        assert many(play, simulator, concurrency=16)["counts"]["changed"] == 200
        assert 2 <= simulator.count("token") <= 4
        assert simulator.report["answers"]["change_password"].get("401", 0) < 16  # of so many threads

    def test_revoked_in_the_middle_costs_one_renewal_for_all_threads(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        simulator.fault("unauthorized", skip=100, revoke=True)
        assert many(play, simulator, concurrency=8)["counts"]["changed"] == 200
        assert simulator.count("token") == 2
        assert 1 <= simulator.report["answers"]["change_password"]["401"] <= 8

    def test_a_given_token_is_never_renewed(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("unauthorized", skip=3, times=None)
        result = many(without_sign_in(play), simulator, concurrency=1, access_token="static")
        counts = {status: count for status, count in result["counts"].items() if count}
        assert counts == {"changed": 3, "unauthorized": 1, "not_attempted": 196}
        assert (simulator.count("token"), simulator.count()) == (0, 4)

    def test_one_at_another_level(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.configure(forms=["host", "organization"])
        host_level = f"{simulator.origin}/identity_/connect/token"
        organization = f"{simulator.origin}/acme/identity_"
        run = play([task("Change", identity_url=organization, token_url=host_level, **change("one"))])
        assert run["Change"]["status"] == "changed"
        targets = [request["target"] for request in simulator.control("GET", "requests")]
        assert targets == ["/identity_/connect/token", "/acme/identity_/api/User/one/changepassword"]

    def test_odd_answers_of_the_token_endpoint(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("html", "token")
        simulator.fault("status", "token", status=503)
        for kind, parameters in (("redirect", {}), ("custom", {"json": {"token_type": "Bearer"}}), ("drop", {})):
            simulator.fault(kind, "token", skip=1, **parameters)  # the retry after the 503 is left alone
        tasks = [
            task("Page", **change("one")),
            task("Busy once", **change("two")),
            task("Redirect", **change("three")),
            task("No token in it", **change("four")),
            task("Lost once", **change("five")),
        ]
        run = play(tasks)
        found = [run[one["name"]]["status"] for one in tasks]
        assert found == ["wrong_url", "changed", "wrong_url", "wrong_url", "changed"]
        assert simulator.report["applied"] == {"two": 1, "five": 1}


def many(play: Playbook, simulator: SimulatorProcess, **options: Any) -> dict[str, Any]:
    simulator.add_users(dict.fromkeys(TWO_HUNDRED, OLD))
    pairs = [change(name) for name in TWO_HUNDRED]
    return play([task("Many", users="{{ users }}", **options)], users=pairs)["Many"]


class TestThrottling:
    def test_waits_as_told_in_every_form(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("too_many_requests", user_id="one")
        simulator.fault("too_many_requests", user_id="two", retry_after=1)
        simulator.fault("too_many_requests", user_id="three", retry_after=1, as_date=True)
        simulator.fault("too_many_requests", "token", retry_after=0)
        names = ("one", "two", "three")
        run = play([task(name, **change(name)) for name in names])
        assert [(run[name]["status"], run[name]["attempts"]) for name in names] == [("changed", 2)] * 3
        assert waited(simulator, "two") >= 1
        assert simulator.live_count([(name, NEW) for name in names]) == 3

    def test_longer_than_all_waits_together_is_given_up_at_once(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        simulator.fault("too_many_requests", user_id="one", retry_after=301, times=None)
        simulator.fault("too_many_requests", user_id="two", retry_after=3600, as_date=True, times=None)
        run = play([task(name, **change(name)) for name in ("one", "two")], timeout=60)
        for name in ("one", "two"):
            assert (run[name]["status"], run[name]["http_status"], run[name]["attempts"]) == ("throttled", 429, 1)
        assert run.seconds < 30
        assert simulator.report["applied"] == {}

    def test_ends_after_the_retries(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("too_many_requests", retry_after=0, times=None)
        run = play([task("Some", retries=2, **change("one")), task("None", retries=0, **change("one"))])
        assert [(run[name]["status"], run[name]["attempts"]) for name in ("Some", "None")] == [
            ("throttled", 3),
            ("throttled", 1),
        ]
        assert simulator.report["applied"] == {}

    def test_one_answer_pauses_all_threads(self, play: Playbook, simulator: SimulatorProcess) -> None:
        simulator.fault("too_many_requests", skip=20, retry_after=1)
        assert many(play, simulator, concurrency=4)["counts"]["changed"] == 200
        times = [request["time"] for request in simulator.control("GET", "requests")]
        assert max(later - sooner for sooner, later in zip(times, times[1:])) >= 0.8
        assert simulator.count() == 201


def waited(simulator: SimulatorProcess, user_id: str) -> float:
    times = [request["time"] for request in simulator.control("GET", "requests") if request["user_id"] == user_id]
    return float(max(times) - min(times))
