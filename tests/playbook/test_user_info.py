# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users by name: what is found, at which price in requests, and passwords changed without knowing an id."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

INFO = "rpaops.uipath.uipath_user_info"
PARTITION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"
JANE, CLERK, ROBOT, GUEST = (f"2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c0{number}" for number in range(4))
PEOPLE: dict[str, dict[str, Any]] = {
    JANE: {"userName": "Jane.Doe", "email": "jane@example.com", "name": "Jane", "surname": "Doe"},
    CLERK: {"userName": "clerk", "isActive": False},
    ROBOT: {"userName": "robot-1", "type": "robotAccount"},
    GUEST: {"userName": "guest", "email": "guest@example.com", "type": "directoryUser"},
}
SAME_BUT_FOR_CASE = {"twin-1": {"userName": "Twin"}, "twin-2": {"userName": "twin"}}
NAMED_LIKE_AN_ADDRESS = {"namesake": {"userName": "Jane@Example.com"}}
FIELDS = {
    "id",
    "user_name",
    "email",
    "name",
    "surname",
    "display_name",
    "type",
    "is_active",
    "created",
    "last_modified",
    "last_login",
    "password_changeable",
    "login_attempts",
}
WRITE_ONLY = {"scopes": ["PM.User.Write"], "administrator": True}


def find(name: str, **options: Any) -> dict[str, Any]:
    """A task of the info module that may fail without ending the play."""
    return {"name": name, INFO: options, "ignore_errors": True}


def by_name(user_name: str, old: str = OLD, new: str = NEW) -> dict[str, str]:
    return {"user_name": user_name, "old_password": old, "new_password": new}


def ids(result: dict[str, Any]) -> list[str]:
    return [user["id"] for user in result["users"]]


def add(simulator: SimulatorProcess, people: dict[str, dict[str, Any]]) -> None:
    for user_id, fields in people.items():
        simulator.add_users({user_id: OLD}, **fields)


@pytest.fixture
def organization(simulator: SimulatorProcess) -> SimulatorProcess:
    add(simulator, PEOPLE)
    return simulator


def with_token(play: Playbook, simulator: SimulatorProcess, rights: dict[str, Any]) -> Playbook:
    """Sign in with a token that names no organization."""
    simulator.configure(static_tokens={"static": rights})
    del play.defaults["client_id"], play.defaults["client_secret"]
    play.defaults["access_token"] = "static"
    return play


class TestInfo:
    @pytest.mark.matrix
    def test_names_addresses_ids_and_all(self, play: Playbook, organization: SimulatorProcess) -> None:
        tasks = [
            find("Names", names=["ROBOT-1", "JANE@example.com", "No Body"]),
            find("Ids", user_ids=[CLERK.upper(), "stranger", JANE]),
            find("Both", names=["guest"], user_ids=[JANE, GUEST]),
            find("All"),
            find("None", names=[]),
        ]
        run = play(tasks, "-vvvv", succeeds=True)
        assert (ids(run["Names"]), run["Names"]["missing"]) == ([ROBOT, JANE], ["No Body"])
        assert (ids(run["Ids"]), run["Ids"]["missing"]) == ([CLERK, JANE], ["stranger"])
        assert (ids(run["Both"]), run["Both"]["missing"]) == ([GUEST, JANE], [])
        assert ids(run["All"]) == [CLERK, GUEST, JANE, ROBOT]
        assert (ids(run["None"]), run["None"]["msg"]) == ([], "Found: 0. Missing: 0.")
        assert not any(run[one["name"]]["changed"] for one in tasks)
        assert organization.report["requests"] == {"token": 4, "list_users": 3, "get_user": 3}

    def test_shows_every_user_with_all_fields(self, play: Playbook, organization: SimulatorProcess) -> None:
        users = {user["id"]: user for user in play([find("All")], succeeds=True)["All"]["users"]}
        assert all(set(user) == FIELDS for user in users.values())
        jane = users[JANE]
        assert (jane["user_name"], jane["email"], jane["surname"]) == ("Jane.Doe", "jane@example.com", "Doe")
        assert (jane["type"], jane["is_active"], jane["created"]) == ("user", True, "2026-01-01T00:00:00.000Z")
        assert (jane["last_login"], jane["password_changeable"]) == (None, True)
        assert [users[user_id]["password_changeable"] for user_id in (CLERK, ROBOT, GUEST)] == [True, False, False]
        assert [users[user_id]["type"] for user_id in (ROBOT, GUEST)] == ["robotAccount", "directoryUser"]

    def test_include_narrows_what_is_shown_not_what_is_found(
        self, play: Playbook, organization: SimulatorProcess
    ) -> None:
        tasks = [
            find("Active", include={"active": True, "type": ["user", "directoryUser"]}),
            find("Inactive", names=["clerk", "guest"], include={"active": False}, fail_on_missing=True),
        ]
        run = play(tasks, succeeds=True)
        assert ids(run["Active"]) == [GUEST, JANE]
        assert (ids(run["Inactive"]), run["Inactive"]["missing"]) == ([CLERK], [])

    def test_check_mode_reads_and_writes_nothing(self, play: Playbook, organization: SimulatorProcess) -> None:
        run = play([find("Names", names=["clerk"])], "--check", "--diff", succeeds=True)
        assert (ids(run["Names"]), run["Names"]["changed"]) == ([CLERK], False)
        assert organization.report["writes"] == 0

    def test_missing_users_are_a_failure_where_told_so(self, play: Playbook, organization: SimulatorProcess) -> None:
        given = {"names": ["clerk", "No Body"], "user_ids": ["stranger"], "fail_on_missing": True}
        result = play([find("Names", **given)])["Names"]
        assert (result["failed"], result["status"]) == (True, "not_found")
        assert (result["missing"], "No Body, stranger" in result["msg"]) == (["No Body", "stranger"], True)

    @pytest.mark.parametrize(
        ("people", "name", "two_ids"),
        [(SAME_BUT_FOR_CASE, "TWIN", "twin-1 and of twin-2"), (NAMED_LIKE_AN_ADDRESS, "jane@example.com", "namesake")],
    )
    def test_a_name_of_two_users_is_an_error_that_names_both(
        self, play: Playbook, organization: SimulatorProcess, people: dict[str, dict[str, Any]], name: str, two_ids: str
    ) -> None:
        add(organization, people)
        tasks = [find("Find", names=["clerk", name]), task("Change", **by_name(name)), find("Others", names=["clerk"])]
        run = play(tasks)
        assert (run["Find"]["failed"], run["Find"]["status"]) == (True, "ambiguous")
        assert (run["Change"]["failed"], run["Change"]["status"]) == (True, "invalid_input")
        for result in (run["Find"], run["Change"]):
            assert two_ids in result["msg"]
            assert all(user_id in result["msg"] for user_id in (people if len(people) > 1 else (JANE, *people)))
        assert ids(run["Others"]) == [CLERK]
        assert organization.count() == 0


class TestOrganization:
    def test_an_opaque_token_needs_partition_id(self, play: Playbook, organization: SimulatorProcess) -> None:
        organization.configure(token_format="opaque")
        tasks = [
            find("Missing", names=["clerk"]),
            task("Missing too", **by_name("Jane.Doe")),
            find("Ids", user_ids=[CLERK]),
            find("Given", names=["clerk"], partition_id=PARTITION),
        ]
        run = play(tasks)
        for result in (run["Missing"], run["Missing too"]):
            assert (result["failed"], result["status"]) == (True, "invalid_input")
            assert "partition_id is missing" in result["msg"]
            assert "/docs/identity-url.md)" in result["msg"]
        assert ids(run["Ids"]) == ids(run["Given"]) == [CLERK]
        assert organization.count() == 0

    def test_another_organization_and_none_at_all(self, play: Playbook, organization: SimulatorProcess) -> None:
        tasks = [find("Another", partition_id=PARTITION.replace("7", "8")), find("Name", partition_id="acme")]
        run = play(tasks)
        assert (run["Another"]["status"], run["Another"]["http_status"]) == ("not_found", 404)
        assert "no organization with this partition_id" in run["Another"]["msg"]
        assert (run["Name"]["status"], run["Name"]["http_status"]) == ("unexpected_answer", 400)
        assert "partitionGlobalId: The value" in run["Name"]["msg"]

    def test_a_token_without_the_scope_for_reading(self, play: Playbook, organization: SimulatorProcess) -> None:
        run = with_token(play, organization, WRITE_ONLY)([find("All", partition_id=PARTITION)])
        assert (run["All"]["status"], run["All"]["http_status"]) == ("unauthorized", 403)
        assert "PM.User or PM.User.Read" in run["All"]["msg"]


class TestLoginAttempts:
    def test_tell_failed_sign_ins_since_the_last_that_succeeded(
        self, play: Playbook, simulator: SimulatorProcess
    ) -> None:
        add(simulator, PEOPLE)
        for password in (OLD, "wrong-1", "wrong-2"):
            simulator.control("POST", "sign-in", {"user_id": JANE, "password": password})
        run = play([find("Find", user_ids=[JANE, CLERK], login_attempts=True)])["Find"]
        jane, clerk = (user["login_attempts"] for user in run["users"])
        assert (jane["failures_since"], jane["locked_out"]) == (2, False)
        assert jane["last_success"]
        assert clerk == {"last_success": None, "failures_since": 0, "locked_out": False}

    def test_are_null_without_the_scope(self, play: Playbook, simulator: SimulatorProcess) -> None:
        add(simulator, PEOPLE)
        simulator.configure(static_tokens={"narrow": {"scopes": ["PM.User.Read"], "administrator": True}})
        del play.defaults["client_id"], play.defaults["client_secret"]
        tasks = [find("Find", user_ids=[JANE], login_attempts=True, access_token="narrow")]
        run = play(tasks, warnings=["PM.UserLoginAttempt"])["Find"]
        assert [user["login_attempts"] for user in run["users"]] == [None]


class TestListing:
    @pytest.mark.parametrize(("generations", "calls"), [("new", 3), ("old", 4), ("both", 3)])
    def test_both_generations(self, play: Playbook, simulator: SimulatorProcess, generations: str, calls: int) -> None:
        simulator.generate_users(2500)
        simulator.configure(generations=generations, absent_paths="not_found")
        assert len(play([find("All")], succeeds=True)["All"]["users"]) == 2500
        assert simulator.count("list_users") == calls

    @pytest.mark.parametrize("search", ["prefix", "contains"])
    def test_names_cost_one_call_per_thousand_users_whatever_the_search_matches(
        self, play: Playbook, simulator: SimulatorProcess, search: str
    ) -> None:
        users = simulator.generate_users(2500)
        simulator.configure(search=search)
        run = play([find("Found", names=["USER02400@example.com"])], succeeds=True)
        assert ids(run["Found"]) == [users[2400]]
        assert simulator.count("list_users") == 3
        run = play([find("Missing", names=["user0240"])], succeeds=True)
        assert (ids(run["Missing"]), run["Missing"]["missing"]) == ([], ["user0240"])
        assert simulator.count("list_users") == 6

    @pytest.mark.parametrize("status", [200, 404])
    def test_a_page_for_humans_in_place_of_the_newer_listing(
        self, play: Playbook, organization: SimulatorProcess, status: int
    ) -> None:
        """Servers answer an operation that they do not know with the single-page application, gateways with a 404."""
        organization.fault("html", "list_users", status=status, times=2)
        run = play([find("Pages only"), find("Names", names=["clerk"])])
        assert (run["Pages only"]["status"], run["Pages only"]["http_status"]) == ("wrong_url", status)
        assert ids(run["Names"]) == [CLERK]
        organization.fault("html", "list_users", status=status)
        changed = play([task("Change", **by_name("Jane.Doe"))], succeeds=True)["Change"]
        assert (changed["status"], changed["user_id"]) == ("changed", JANE)

    def test_a_thousand_names_among_twenty_thousand_users(self, play: Playbook, simulator: SimulatorProcess) -> None:
        users = simulator.generate_users(20_000)
        names = [f"user{number:05d}" for number in range(0, 20_000, 20)]
        run = play([find("Names", names="{{ names }}", fail_on_missing=True)], succeeds=True, names=names)
        assert ids(run["Names"]) == users[::20]
        assert simulator.count("list_users") == 20

    def test_a_list_that_changes_meanwhile(self, play: Playbook, simulator: SimulatorProcess) -> None:
        def users(total: int, user_id: str) -> dict[str, Any]:
            return {"totalCount": total, "results": [{"id": user_id, "userName": user_id, "type": "user"}]}

        for answer in (users(2, "a"), users(3, "b")) * 2:
            simulator.fault("custom", "list_users", json=answer)
        run = play([find("All"), task("Change", users=[by_name("a"), change("b")])])
        for result in (run["All"], run["Change"]):
            assert (result["failed"], result["status"]) == (True, "list_changed")
            assert result["msg"] == (
                "The list of users changed while it was read: the server announced 3 users and listed 2 different ones."
                " Run the task again."
            )
        assert simulator.count() == 0

    def test_a_server_that_fails_meanwhile(self, play: Playbook, organization: SimulatorProcess) -> None:
        organization.fault("html", "list_users", status=500, times=None)
        play.defaults["retries"] = 0
        run = play([find("All"), task("Change", users=[by_name("clerk"), change(JANE)])])
        for result in (run["All"], run["Change"]):
            assert (result["status"], result["http_status"]) == ("unexpected_answer", 500)
        assert organization.count() == 0


class TestPasswordsByName:
    @pytest.mark.matrix
    def test_one_user_checked_then_changed(self, play: Playbook, organization: SimulatorProcess) -> None:
        tasks = [task("Change", **by_name("jane@EXAMPLE.com"))]
        predicted = play(tasks, "--check", succeeds=True)["Change"]
        assert (predicted["status"], predicted["user_id"]) == ("would_change", JANE)
        assert organization.report["writes"] == 0
        result = play(tasks, "--diff", succeeds=True)["Change"]
        assert (result["status"], result["user_id"], result["user_name"]) == ("changed", JANE, "jane@EXAMPLE.com")
        assert result["diff"]["after"] == {"jane@EXAMPLE.com": "new password"}
        assert organization.is_live(JANE, NEW)

    def test_many_users_by_name_and_by_id(self, play: Playbook, organization: SimulatorProcess) -> None:
        add(organization, {"joe": {"userName": "joe"}, "sue": {"userName": "sue"}})
        users = [by_name("SUE"), change(JANE), by_name("joe", old="not-the-one-1")]
        result = play([task("Change", users="{{ users }}")], users=users)["Change"]
        assert [(user["user_id"], user["user_name"], user["status"]) for user in result["results"]] == [
            ("sue", "SUE", "changed"),
            (JANE, None, "changed"),
            ("joe", "joe", "wrong_password"),
        ]
        assert "First failure, joe: " in result["msg"]
        assert organization.count("list_users") == 1

    def test_all_that_is_wrong_with_names_is_said_before_the_first_change(
        self, play: Playbook, organization: SimulatorProcess
    ) -> None:
        add(organization, SAME_BUT_FOR_CASE)
        names = ["jane.doe", "No Body", "clerk", "robot-1", "guest", "twin"]
        result = play([task("Change", users=[change("twin-1"), *map(by_name, names)])])["Change"]
        assert (result["failed"], result["status"], "results" in result) == (True, "invalid_input", False)
        for problem in (
            "users[2]: no user has the user name or e-mail address No Body",
            "users[3]: clerk is not active",
            "users[4]: robot-1 is a robotAccount, which has no password on this server",
            "users[5]: guest is a directoryUser, which has no password on this server",
            "users[6]: twin is the user name or e-mail address of twin-1 and of twin-2: use the id",
        ):
            assert problem in result["msg"]
        assert "users[1]" not in result["msg"]
        assert organization.count() == 0
        assert organization.is_live(JANE, OLD)

    def test_the_same_user_by_name_and_by_id(self, play: Playbook, organization: SimulatorProcess) -> None:
        result = play([task("Change", users=[change(JANE.upper()), by_name("Jane.Doe")])])["Change"]
        assert "users[1] is the same user as users[0]" in result["msg"]
        assert organization.count() == 0

    def test_an_id_needs_no_scope_for_reading_and_a_name_does(
        self, play: Playbook, organization: SimulatorProcess
    ) -> None:
        play = with_token(play, organization, WRITE_ONLY)
        assert play([task("Change", **change(JANE))], succeeds=True)["Change"]["status"] == "changed"
        assert organization.report["requests"] == {"change_password": 1}
        result = play([task("Change", users=[by_name("clerk"), change(JANE)], partition_id=PARTITION)])["Change"]
        assert [user["status"] for user in result["results"]] == ["unauthorized", "not_attempted"]
        assert "PM.User or PM.User.Read" in result["results"][0]["msg"]
        assert organization.report["requests"] == {"change_password": 1, "list_users": 1}

    @pytest.mark.matrix
    def test_no_password_gets_out(self, play: Playbook, organization: SimulatorProcess) -> None:
        secrets = [awkward("whoever"), awkward("whatever"), awkward("whenever")]
        organization.add_users({JANE: secrets[0]}, **PEOPLE[JANE])
        tasks = [
            task("Change", **by_name("Jane.Doe", "{{ vault_old }}", "{{ vault_new }}")),
            task("Refused", users=[by_name("No Body", "{{ vault_new }}", "{{ vault_other }}")]),
        ]
        vaulted = dict(zip(("vault_old", "vault_new", "vault_other"), secrets))
        run = watched_run(play, tasks, "-vvvv", "--diff", **vaulted)
        assert (run["Change"]["status"], run["Refused"]["status"]) == ("changed", "invalid_input")
        assert not leaks(run, secrets)
