# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    InvalidInput,
    ListChanged,
    Throttled,
    UiPathError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import User, by_name
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.resolve import (
    duplicates,
    identity_problems,
    prepared,
    resolved,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import ORGANIZATION, dto, listing, page, token_of
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import APPLICATION, Clock, Transcript, client_of

LOGIN = "POST /connect/token"
UUID = "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c3d"
U1 = PasswordChange("u1", "old-1", "new-1")
SAME = PasswordChange("u2", "same", "same")


def named(user_name: str, old: str = "old", new: str = "new") -> PasswordChange:
    return PasswordChange("", old, new, user_name)


class TestPrepared:
    def looked_up(self, server: Transcript, clock: Clock, *user_names: str) -> list[PasswordChange]:
        changes = [U1, *map(named, user_names)]
        return list(prepared(changes, client_of(server, clock, retries=0), ORGANIZATION))

    def test_ids_are_taken_as_they_are(self, server: Transcript, clock: Clock) -> None:
        assert prepared([U1, SAME], client_of(server, clock), None) == [U1, SAME]

    def test_no_users(self, server: Transcript, clock: Clock) -> None:
        assert prepared([], client_of(server, clock, APPLICATION), None) == []

    def test_signs_in_before_anything_is_sent(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, {"access_token": "t1"})
        assert prepared([SAME, U1], client_of(server, clock, APPLICATION), None) == [SAME, U1]

    def test_does_not_sign_in_where_nothing_will_be(self, server: Transcript, clock: Clock) -> None:
        assert prepared([SAME], client_of(server, clock, APPLICATION), None) == [SAME]

    def test_names_get_their_ids_and_ids_are_not_asked_for(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), dto("joe")))
        assert self.looked_up(server, clock, "JOE", "jane@example.com") == [
            U1,
            PasswordChange("id-joe", "old", "new", "JOE"),
            PasswordChange("id-jane", "old", "new", "jane@example.com"),
        ]

    def test_one_sign_in_serves_the_look_up_and_names_the_organization(self, server: Transcript, clock: Clock) -> None:
        server.expects(LOGIN).answers(200, {"access_token": token_of(ORGANIZATION)})
        server.expects(listing(), token=token_of(ORGANIZATION)).answers(200, page(dto("jane")))
        (change,) = prepared([named("jane")], client_of(server, clock, APPLICATION), None)
        assert change.user_id == "id-jane"

    def test_equal_passwords_are_no_reason_to_trust_a_name(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page())
        with pytest.raises(InvalidInput, match="no user has the user name"):
            prepared([named("jane", "same", "same")], client_of(server, clock), ORGANIZATION)

    def test_without_an_organization(self, server: Transcript, clock: Clock) -> None:
        with pytest.raises(InvalidInput, match="partition_id is missing"):
            prepared([named("jane")], client_of(server, clock), None)

    @pytest.mark.parametrize(("status", "kind"), [(400, Unauthorized), (404, WrongUrl), (503, Unreachable)])
    def test_a_failed_sign_in(self, server: Transcript, clock: Clock, status: int, kind: type[UiPathError]) -> None:
        server.expects(LOGIN).answers(status, {"error": "invalid_client"})
        with pytest.raises(kind):
            prepared([U1], client_of(server, clock, APPLICATION, retries=0), None)

    @pytest.mark.parametrize(
        ("status", "answer", "kind"),
        [
            (401, b"", Unauthorized),
            (403, b"", Unauthorized),
            (405, b"", WrongUrl),
            (429, b"", Throttled),
            (200, {}, UnexpectedAnswer),
            (400, {}, UnexpectedAnswer),
            (500, b"", UnexpectedAnswer),
        ],
    )
    def test_a_failed_look_up(
        self, server: Transcript, clock: Clock, status: int, answer: object, kind: type[UiPathError]
    ) -> None:
        server.expects(listing()).answers(status, answer)
        with pytest.raises(kind):
            self.looked_up(server, clock, "jane")

    def test_a_list_that_changes_meanwhile(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("jane"), total=2))
        server.expects(listing(skip=1)).answers(200, page(dto("joe"), total=3))
        with pytest.raises(ListChanged):
            self.looked_up(server, clock, "jane")

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ([named("joe")], "no user has the user name or e-mail address joe"),
            ([named("joe"), U1], "users[0]: no user has the user name or e-mail address joe"),
        ],
    )
    def test_a_place_is_named_where_there_are_several(
        self, server: Transcript, clock: Clock, changes: list[PasswordChange], problem: str
    ) -> None:
        server.expects(listing()).answers(200, page())
        with pytest.raises(InvalidInput) as caught:
            prepared(changes, client_of(server, clock), ORGANIZATION)
        assert caught.value.problems == (problem,)


class TestResolved:
    def problems(self, users: list[User], *changes: PasswordChange, many: bool = True) -> tuple[str, ...]:
        with pytest.raises(InvalidInput) as caught:
            resolved(changes, by_name(users), many=many)
        return caught.value.problems

    def test_keeps_all_but_the_id(self) -> None:
        jane = User("id-jane", dto("jane"))
        change = named("Jane")
        expected = [dataclasses.replace(change, user_id="id-jane"), U1]
        assert resolved([change, U1], by_name([jane]), many=True) == expected

    def test_all_that_is_wrong_at_once(self) -> None:
        described = [
            dto("jane"),
            dto("clerk", isActive=False),
            dto("robot", type="robotAccount"),
            dto("twin"),
            dto("other", email="twin"),
        ]
        users = [User(fields["id"], fields) for fields in described]
        names = ["stranger", "jane", "clerk", "robot", "TWIN", "JANE@example.com"]
        assert self.problems(users, *map(named, names)) == (
            "users[0]: no user has the user name or e-mail address stranger",
            "users[2]: clerk is not active",
            "users[3]: robot is a robotAccount, which has no password on this server",
            "users[4]: TWIN is the user name or e-mail address of id-twin and of id-other: use the id",
            "users[5] is the same user as users[1]",
        )

    @pytest.mark.parametrize("other", [named("jane@example.com"), PasswordChange(UUID.upper(), "old", "new")])
    def test_the_same_user_twice(self, other: PasswordChange) -> None:
        jane = User(UUID, dto("jane", id=UUID))
        assert self.problems([jane], named("jane"), other) == ("users[1] is the same user as users[0]",)

    def test_a_single_user_has_no_number(self) -> None:
        problems = self.problems([], named("jane"), many=False)
        assert problems == ("no user has the user name or e-mail address jane",)


class TestIdentityProblems:
    @pytest.mark.parametrize(
        ("user_id", "user_name", "problems"),
        [
            ("u1", None, []),
            (None, "jane", []),
            (None, None, ["users[0].user_id or users[0].user_name is required"]),
            ("u1", "jane", ["users[0].user_id and users[0].user_name are mutually exclusive"]),
            ("", None, ["users[0].user_id is empty"]),
            (None, "", ["users[0].user_name is empty"]),
            ("..", None, ["users[0].user_id cannot be part of a URL"]),
            (None, "\udcff", ["users[0].user_name contains an unpaired surrogate (invalid Unicode)"]),
        ],
    )
    def test_names_the_place_and_no_value(
        self, user_id: str | None, user_name: str | None, problems: list[str]
    ) -> None:
        assert identity_problems("users[0].", {"user_id": user_id, "user_name": user_name}) == problems


class TestDuplicates:
    def test_each_names_the_first(self) -> None:
        assert duplicates(["a", "b", "a", "a"], "accounts") == [
            "accounts[2] is the same user as accounts[0]",
            "accounts[3] is the same user as accounts[0]",
        ]

    def test_the_case_of_a_uuid_does_not_matter(self) -> None:
        assert duplicates(iter([UUID, UUID.upper()]), "users") == ["users[1] is the same user as users[0]"]

    def test_empty_ones_are_none(self) -> None:
        assert duplicates(["", ""], "users") == []
