# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._directory import (
    SHOWN_FIELDS,
    Directory,
    User,
    ambiguity,
    by_name,
    comparable,
    demand_unambiguous,
    name_problem,
    open_directory,
    read_page,
    read_user,
    read_users,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    InvalidInput,
    ListChanged,
    NotFound,
    Unauthorized,
    UnexpectedAnswer,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import (
    OLDER,
    ORGANIZATION,
    dto,
    listing,
    one_user,
    page,
    token_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import APPLICATION, Clock, Transcript, client_of

A, B, C, D, E = (dto(name) for name in "abcde")


def user(name: str, **fields: Any) -> User:
    described = dto(name, **fields)
    return User(described["id"], described)


def ids(users: list[User]) -> list[str]:
    return [found.id for found in users]


@pytest.fixture
def directory(server: Transcript, clock: Clock) -> Directory:
    return Directory(client_of(server, clock, retries=0), ORGANIZATION)


class TestUser:
    @pytest.mark.parametrize("kind", ["robot", "directoryUser", "directoryGroup", "robotAccount", "application", None])
    def test_only_one_type_is_local(self, kind: str | None) -> None:
        assert user("a").is_local
        assert not user("a", type=kind).is_local

    @pytest.mark.parametrize(("value", "is_active"), [(True, True), (False, False), (None, False), ("true", False)])
    def test_is_active_only_where_the_server_says_so(self, value: object, is_active: bool) -> None:
        assert user("a", isActive=value).is_active is is_active

    def test_goes_by_its_user_name_and_its_address(self) -> None:
        assert user("Jane ", email="JD@Example.com").names() == {"jane", "jd@example.com"}

    @pytest.mark.parametrize("email", [None, "", " ", 7])
    def test_an_empty_address_is_no_name(self, email: object) -> None:
        assert user("jane", email=email).names() == {"jane"}

    def test_is_shown_with_every_field(self) -> None:
        described = {source: f"the {source}" for source in SHOWN_FIELDS.values()}
        assert User("1", {**described, "type": "robotAccount", "groupIDs": ["g"]}).shown() == {
            "id": "the id",
            "user_name": "the userName",
            "email": "the email",
            "name": "the name",
            "surname": "the surname",
            "display_name": "the displayName",
            "type": "robotAccount",
            "is_active": "the isActive",
            "created": "the creationTime",
            "last_modified": "the lastModificationTime",
            "last_login": "the lastLoginTime",
            "password_changeable": False,
        }

    def test_is_shown_with_null_for_what_the_server_leaves_out(self) -> None:
        shown = user("a").shown()
        assert (shown["surname"], shown["last_login"], shown["password_changeable"]) == (None, None, True)

    def test_the_server_s_description_is_not_in_its_repr(self) -> None:
        assert repr(user("a")) == "User(id='id-a')"


class TestEverybody:
    def test_one_page(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B))
        assert ids(directory.everybody()) == ["id-a", "id-b"]

    def test_nobody(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page())
        assert directory.everybody() == []

    def test_pages_of_a_thousand(self, directory: Directory, server: Transcript) -> None:
        everybody = [dto(f"{number:04d}") for number in range(2001)]
        server.expects(listing()).answers(200, page(*everybody[:1000], total=2001))
        server.expects(listing(skip=1000)).answers(200, page(*everybody[1000:2000], total=2001))
        server.expects(listing(skip=2000)).answers(200, page(*everybody[2000:], total=2001))
        assert ids(directory.everybody()) == [described["id"] for described in everybody]

    def test_a_server_that_gives_less_than_it_is_asked_for(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(C, total=3))
        assert ids(directory.everybody()) == ["id-a", "id-b", "id-c"]

    def test_a_user_on_two_pages_leaves_a_gap(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=4))
        server.expects(listing(skip=2)).answers(200, page(B, C, total=4))
        with pytest.raises(ListChanged):
            directory.everybody()

    @pytest.mark.parametrize("total", [2, 4])
    def test_a_total_that_changes(self, directory: Directory, server: Transcript, total: int) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(C, total=total))
        with pytest.raises(ListChanged, match="Run the task again"):
            directory.everybody()

    def test_a_page_without_anybody(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(total=3))
        with pytest.raises(ListChanged):
            directory.everybody()


class TestGenerations:
    def test_an_older_server_is_asked_its_own_way_from_then_on(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(404)
        server.expects(listing(operation=OLDER)).answers(200, page(A, total=2))
        server.expects(listing(skip=1, operation=OLDER)).answers(200, page(B, total=2))
        assert ids(directory.everybody()) == ["id-a", "id-b"]
        server.expects(listing(operation=OLDER)).answers(200, page(A, total=3))
        server.expects(listing("c", operation=OLDER)).answers(200, page(C))
        assert ids(directory.find(["c"])) == ["id-c"]

    def test_a_wrong_organization(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(404, {"title": "Not Found"})
        server.expects(listing(operation=OLDER)).answers(404, {"title": "Not Found"})
        with pytest.raises(NotFound, match="no organization of this partition_id") as caught:
            directory.everybody()
        assert (caught.value.http_status, caught.value.status) == (404, "not_found")


class TestUnexpectedAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            [],
            {},
            {"totalCount": 1},
            {"results": []},
            {"totalCount": "1", "results": [A]},
            page({"userName": "a"}),
            page(A, total=1) | {"results": ["a"]},
        ],
    )
    def test_a_body_of_another_kind(self, directory: Directory, server: Transcript, answer: object) -> None:
        server.expects(listing()).answers(200, answer)
        with pytest.raises(UnexpectedAnswer, match="HTTP status 200, and not with what was asked for"):
            directory.everybody()

    def test_an_id_that_is_none(self, directory: Directory, server: Transcript) -> None:
        answer = {"errors": {"partitionGlobalId": ["The value 'acme' is not valid."]}, "traceId": "00-1"}
        server.expects(listing()).answers(400, answer)
        with pytest.raises(UnexpectedAnswer, match=r"partitionGlobalId: The value 'acme' is not valid\.$") as caught:
            directory.everybody()
        assert (caught.value.http_status, caught.value.trace_id) == (400, "00-1")

    def test_a_server_in_trouble(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(503)
        with pytest.raises(UnexpectedAnswer, match="HTTP status 503"):
            directory.everybody()

    def test_a_missing_scope(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(403)
        with pytest.raises(Unauthorized, match=r"PM\.User or PM\.User\.Read"):
            directory.everybody()

    def test_a_page_for_humans(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, total=2))
        server.expects(listing(skip=1)).answers(200, b"<html>", {"Content-Type": "text/html"})
        with pytest.raises(UnexpectedAnswer, match="A web page"):
            directory.everybody()


class TestFind:
    """Pages of two users each: as many further pages as names are read, more are not."""

    def test_all_on_the_first_page(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B))
        assert ids(directory.find(["b"])) == ["id-a", "id-b"]

    def test_as_many_names_as_further_pages_are_listed(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=5))
        server.expects(listing(skip=2)).answers(200, page(C, D, total=5))
        server.expects(listing(skip=4)).answers(200, page(E, total=5))
        assert ids(directory.find(["a", "nobody"])) == ["id-a", "id-b", "id-c", "id-d", "id-e"]

    def test_fewer_are_searched(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=7))
        server.expects(listing("c")).answers(200, page(C))
        server.expects(listing("e%40example.com")).answers(200, page(E))
        assert ids(directory.find(["c", "e@example.com"])) == ["id-c", "id-e"]

    def test_ids_beside_names_count_as_calls(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=7))
        server.expects(listing("c")).answers(200, page(C))
        server.expects(one_user("id-e")).answers(200, E)
        assert ids(directory.find(["c"], ["id-e"])) == ["id-c", "id-e"]
        server.expects(listing()).answers(200, page(A, B, total=5))
        server.expects(listing(skip=2)).answers(200, page(C, D, total=5))
        server.expects(listing(skip=4)).answers(200, page(E, total=5))
        assert len(directory.find(["c"], ["id-e"])) == 5

    @pytest.mark.parametrize("hits", [(), (dto("candy"),)])
    def test_a_miss_is_looked_for_in_the_whole_list(
        self, directory: Directory, server: Transcript, hits: tuple[dict[str, Any], ...]
    ) -> None:
        """A search that compares otherwise, or not with every name, proves nothing about the name."""
        server.expects(listing()).answers(200, page(A, B, total=5))
        server.expects(listing("c")).answers(200, page(*hits))
        server.expects(listing(skip=2)).answers(200, page(C, D, total=5))
        server.expects(listing(skip=4)).answers(200, page(E, total=5))
        assert "id-c" in ids(directory.find(["c"]))

    def test_a_search_that_finds_more_than_a_page_is_worth_nothing(
        self, directory: Directory, server: Transcript
    ) -> None:
        server.expects(listing()).answers(200, page(A, B, total=5))
        server.expects(listing("c")).answers(200, page(C, D, total=3))
        server.expects(listing(skip=2)).answers(200, page(C, D, total=5))
        server.expects(listing(skip=4)).answers(200, page(E, total=5))
        assert len(directory.find(["c"])) == 5

    def test_the_search_is_compared_ignoring_case(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=5))
        server.expects(listing("C")).answers(200, page(C, dto("candy")))
        assert ids(directory.find(["C"])) == ["id-c", "id-candy"]

    def test_a_thousand_names_among_twenty_thousand_users(self, directory: Directory, server: Transcript) -> None:
        everybody = [{"id": str(number), "userName": str(number)} for number in range(20_000)]
        for skip in range(0, 20_000, 1000):
            server.expects(listing(skip=skip)).answers(200, page(*everybody[skip : skip + 1000], total=20_000))
        assert len(directory.find([str(number) for number in range(0, 20_000, 20)])) == 20_000


class TestOpenDirectory:
    def asked_for(self, server: Transcript, clock: Clock, partition_id: str | None, token: str) -> None:
        directory = open_directory(client_of(server, clock, SignIn(access_token=token)), partition_id)
        assert directory.everybody() == []

    def test_the_option(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing(organization="a%2Fb")).answers(200, page())
        self.asked_for(server, clock, "a/b", "opaque")

    def test_the_token(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page())
        self.asked_for(server, clock, None, token_of(ORGANIZATION))

    def test_the_option_before_the_token(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page())
        self.asked_for(server, clock, ORGANIZATION, token_of("another"))

    def test_a_fetched_token(self, server: Transcript, clock: Clock) -> None:
        server.expects("POST /connect/token").answers(200, {"access_token": token_of(ORGANIZATION)})
        server.expects(listing()).answers(200, page())
        assert open_directory(client_of(server, clock, APPLICATION), None).everybody() == []

    @pytest.mark.parametrize("token", ["opaque", "a.b.c", token_of(None), token_of(""), token_of([ORGANIZATION])])
    def test_neither(self, server: Transcript, clock: Clock, token: str) -> None:
        client = client_of(server, clock, SignIn(access_token=token))
        with pytest.raises(InvalidInput, match=r"set partition_id .* \(docs/identity-url\.md says where to find it\)"):
            open_directory(client, None)


class TestReadUsers:
    def read(self, server: Transcript, clock: Clock, *user_ids: str) -> list[str]:
        return ids(read_users(client_of(server, clock, retries=0), user_ids))

    def test_each_by_its_own_call(self, server: Transcript, clock: Clock) -> None:
        server.expects(one_user("id-a")).answers(200, A)
        server.expects(one_user("b%2F..")).answers(200, B)
        assert self.read(server, clock, "id-a", "b/..") == ["id-a", "id-b"]

    @pytest.mark.parametrize("status", [400, 404])
    def test_leaves_out_those_that_do_not_exist(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(one_user("x")).answers(status, {"title": "No."})
        server.expects(one_user("id-a")).answers(200, A)
        assert self.read(server, clock, "x", "id-a") == ["id-a"]

    @pytest.mark.parametrize(("status", "answer"), [(200, b""), (200, {}), (200, [A]), (204, b""), (500, {})])
    def test_any_other_answer_is_an_error(self, server: Transcript, clock: Clock, status: int, answer: object) -> None:
        server.expects(one_user("x")).answers(status, answer)
        with pytest.raises(UnexpectedAnswer, match=f"HTTP status {status}"):
            self.read(server, clock, "x")


class TestReadPage:
    def test_of_a_listing(self) -> None:
        found = read_page(page(A, total=7))
        assert found is not None
        assert (found.total, ids(list(found.users))) == (7, ["id-a"])


class TestReadUser:
    @pytest.mark.parametrize("fields", [None, "a", [A], {}, {"id": None}, {"id": ""}, {"id": 7}])
    def test_nobody_without_an_id(self, fields: object) -> None:
        assert read_user(fields) is None


class TestComparable:
    @pytest.mark.parametrize("name", ["Jane.Doe", " jane.doe ", "JANE.DOE\n"])
    def test_ignores_case_and_the_space_around(self, name: str) -> None:
        assert comparable(name) == "jane.doe"


class TestByName:
    def test_under_both_names(self) -> None:
        jane = user("Jane")
        assert by_name([jane]) == {"jane": [jane], "jane@example.com": [jane]}

    def test_the_same_user_once(self) -> None:
        assert len(by_name([user("a"), user("a")])["a"]) == 1

    def test_different_users_of_one_name(self) -> None:
        assert ids(by_name([user("a"), user("b", email="A")])["a"]) == ["id-a", "id-b"]

    def test_names_that_differ_in_case(self) -> None:
        assert ids(by_name([user("Jane"), user("jane")])["jane"]) == ["id-Jane", "id-jane"]


class TestDemandUnambiguous:
    def test_one_user_or_none(self) -> None:
        demand_unambiguous(["a", "nobody"], by_name([user("a"), user("b", email="c")]))

    def test_says_it_of_all_names_with_their_ids(self) -> None:
        named = by_name([user("a"), user("b", email="A"), user("c"), user("C")])
        with pytest.raises(Ambiguous) as caught:
            demand_unambiguous(["A", "b", "c"], named)
        assert caught.value.message == (
            "A is the user name or e-mail address of id-a and of id-b: use the id;"
            " c is the user name or e-mail address of id-c and of id-C: use the id."
        )


class TestAmbiguity:
    def test_names_every_user(self) -> None:
        assert "of id-a and of id-b and of id-c: " in ambiguity("x", [user("a"), user("b"), user("c")])


class TestNameProblem:
    @pytest.mark.parametrize(
        ("users", "problem"),
        [
            ([], "nobody has the user name or e-mail address X"),
            ([user("a"), user("b")], "X is the user name or e-mail address of id-a and of id-b: use the id"),
            ([user("a", type="directoryUser")], "X is a directoryUser, which has no password here"),
            ([user("a", type="robotAccount", isActive=False)], "X is a robotAccount, which has no password here"),
            ([user("a", isActive=False)], "X is not active"),
            ([user("a")], None),
        ],
    )
    def test_is(self, users: list[User], problem: str | None) -> None:
        assert name_problem("X", users) == problem
