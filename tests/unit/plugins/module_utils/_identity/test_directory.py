# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    InvalidInput,
    ListChanged,
    NotFound,
    Unauthorized,
    UnexpectedAnswer,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity import directory as directory_module
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.directory import (
    LONGEST_FIELD,
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
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import (
    OLDER,
    ORGANIZATION,
    dto,
    listing,
    one_user,
    page,
    token_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import (
    APPLICATION,
    BASE,
    Clock,
    Transcript,
    client_of,
)

A, B, C = (dto(name) for name in "abc")
INVALID = {"errors": {"userId": ["The value 'x' is not valid."]}, "title": "One or more validation errors occurred."}
HTML = {"Content-Type": "text/html"}


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
        assert user("Jane ", email="JD@Example.com").names() == {"jane ", "jd@example.com"}

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


class TestListUsers:
    def test_one_page(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B))
        assert ids(directory.list_users()) == ["id-a", "id-b"]

    def test_no_users(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page())
        assert directory.list_users() == []

    def test_pages_of_a_thousand(self, directory: Directory, server: Transcript) -> None:
        described = [dto(f"{number:04d}") for number in range(2001)]
        server.expects(listing()).answers(200, page(*described[:1000], total=2001))
        server.expects(listing(skip=1000)).answers(200, page(*described[1000:2000], total=2001))
        server.expects(listing(skip=2000)).answers(200, page(*described[2000:], total=2001))
        assert ids(directory.list_users()) == [user["id"] for user in described]

    def test_a_server_that_gives_less_than_it_is_asked_for(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(C, total=3))
        assert ids(directory.list_users()) == ["id-a", "id-b", "id-c"]

    def test_a_user_on_two_pages_leaves_a_gap(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=4))
        server.expects(listing(skip=2)).answers(200, page(B, C, total=4))
        with pytest.raises(ListChanged, match="the server announced 4 users and listed 3 different ones"):
            directory.list_users()

    @pytest.mark.parametrize("total", [2, 4])
    def test_a_total_that_changes(self, directory: Directory, server: Transcript, total: int) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(C, total=total))
        with pytest.raises(ListChanged, match=f"the server announced {total} users and listed 3 .* Run the task again"):
            directory.list_users()

    def test_a_total_that_changes_in_the_middle_ends_the_listing(
        self, directory: Directory, server: Transcript
    ) -> None:
        server.expects(listing()).answers(200, page(A, total=3))
        server.expects(listing(skip=1)).answers(200, page(B, total=4))
        with pytest.raises(ListChanged):
            directory.list_users()

    def test_a_page_with_more_users_than_announced(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=1))
        with pytest.raises(ListChanged, match="announced 1 users and listed 2"):
            directory.list_users()

    def test_twenty_thousand_users_cost_twenty_calls(self, directory: Directory, server: Transcript) -> None:
        described = [{"id": str(number), "userName": str(number)} for number in range(20_000)]
        for skip in range(0, 20_000, 1000):
            server.expects(listing(skip=skip)).answers(200, page(*described[skip : skip + 1000], total=20_000))
        assert len(directory.list_users()) == 20_000

    def test_a_listing_that_never_ends(
        self, directory: Directory, server: Transcript, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(directory_module, "MOST_PAGES", 3)
        for number in range(3):
            server.expects(listing(skip=number)).answers(200, page(dto(f"user-{number}"), total=9_999_999))
        with pytest.raises(UnexpectedAnswer, match="not ended after 3 pages"):
            directory.list_users()

    def test_a_page_without_users(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, B, total=3))
        server.expects(listing(skip=2)).answers(200, page(total=3))
        with pytest.raises(ListChanged):
            directory.list_users()


class TestGenerations:
    @pytest.mark.parametrize(
        ("status", "answer", "headers"),
        [
            (404, b"", {}),
            (404, {"title": "Not Found"}, {}),
            (404, b"<html>", HTML),
            (200, b"<html>", HTML),
            (302, b"", {}),
            (405, b"<html>", HTML),
        ],
    )
    def test_an_older_server_is_asked_its_own_way_from_then_on(
        self, directory: Directory, server: Transcript, status: int, answer: object, headers: dict[str, str]
    ) -> None:
        server.expects(listing()).answers(status, answer, headers)
        server.expects(listing(operation=OLDER)).answers(200, page(A, total=2))
        server.expects(listing(skip=1, operation=OLDER)).answers(200, page(B, total=2))
        assert ids(directory.list_users()) == ["id-a", "id-b"]
        server.expects(listing(operation=OLDER)).answers(200, page(C))
        assert ids(directory.list_users()) == ["id-c"]

    def test_a_wrong_organization(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(404, {"title": "Not Found"})
        server.expects(listing(operation=OLDER)).answers(404, {"title": "Not Found"})
        with pytest.raises(NotFound, match="no organization with this partition_id") as caught:
            directory.list_users()
        assert (caught.value.http_status, caught.value.status) == (404, "not_found")
        assert f"GET {BASE}/api/User/users/{ORGANIZATION} found none" in caught.value.message

    @pytest.mark.parametrize(("newer", "older"), [(b"{}", b"<html>"), (b"<html>", b"{}")])
    def test_a_wrong_organization_where_only_one_of_the_operations_exists(
        self, directory: Directory, server: Transcript, newer: bytes, older: bytes
    ) -> None:
        server.expects(listing()).answers(404, newer)
        server.expects(listing(operation=OLDER)).answers(404, older)
        with pytest.raises(NotFound, match="no organization with this partition_id"):
            directory.list_users()

    @pytest.mark.parametrize("status", [200, 404])
    def test_pages_for_humans_at_both_are_a_wrong_url(
        self, directory: Directory, server: Transcript, status: int
    ) -> None:
        server.expects(listing()).answers(status, b"<html>", HTML)
        server.expects(listing(operation=OLDER)).answers(status, b"<html>", HTML)
        with pytest.raises(WrongUrl, match="no Identity API at identity_url") as caught:
            directory.list_users()
        assert caught.value.http_status == status

    def test_an_older_server_may_answer_with_pages_after_the_api_was_seen(
        self, server: Transcript, clock: Clock
    ) -> None:
        client = client_of(server, clock)
        server.expects(one_user("id-a")).answers(200, A)
        server.expects(listing()).answers(200, b"<html>", HTML)
        server.expects(listing(operation=OLDER)).answers(200, page(A))
        read_users(client, ["id-a"])
        assert ids(Directory(client, ORGANIZATION).list_users()) == ["id-a"]

    @pytest.mark.parametrize(("status", "answer"), [(405, b""), (400, {"code": "InvalidPartition"})])
    def test_a_sign_of_a_wrong_url_from_the_api_itself_is_one_at_once(
        self, directory: Directory, server: Transcript, status: int, answer: object
    ) -> None:
        server.expects(listing()).answers(status, answer)
        with pytest.raises(WrongUrl):
            directory.list_users()


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
        with pytest.raises(UnexpectedAnswer, match="HTTP status 200, but not with what was asked for"):
            directory.list_users()

    def test_an_id_that_is_none(self, directory: Directory, server: Transcript) -> None:
        answer = {"errors": {"partitionGlobalId": ["The value 'acme' is not valid."]}, "traceId": "00-1"}
        server.expects(listing()).answers(400, answer)
        with pytest.raises(UnexpectedAnswer, match=r"partitionGlobalId: The value '\*+' is not valid\.$") as caught:
            directory.list_users()
        assert (caught.value.http_status, caught.value.trace_id) == (400, "00-1")

    def test_a_server_in_trouble(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(503)
        with pytest.raises(UnexpectedAnswer, match="HTTP status 503"):
            directory.list_users()

    def test_a_missing_scope(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(403)
        with pytest.raises(Unauthorized, match=r"PM\.User or PM\.User\.Read"):
            directory.list_users()

    def test_a_page_for_humans(self, directory: Directory, server: Transcript) -> None:
        server.expects(listing()).answers(200, page(A, total=2))
        server.expects(listing(skip=1)).answers(200, b"<html>", {"Content-Type": "text/html"})
        with pytest.raises(
            UnexpectedAnswer, match=r"/api/User/users/.*, with HTTP status 200, is not the Identity API's"
        ):
            directory.list_users()


class TestOpenDirectory:
    def asked_for(self, server: Transcript, clock: Clock, partition_id: str | None, token: str) -> None:
        directory = open_directory(client_of(server, clock, SignIn(access_token=token)), partition_id)
        assert directory.list_users() == []

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
        assert open_directory(client_of(server, clock, APPLICATION), None).list_users() == []

    @pytest.mark.parametrize("token", ["opaque", "a.b.c", token_of(None), token_of(""), token_of([ORGANIZATION])])
    def test_neither(self, server: Transcript, clock: Clock, token: str) -> None:
        client = client_of(server, clock, SignIn(access_token=token))
        with pytest.raises(
            InvalidInput, match=r"set partition_id .* find it: https://github\.com/.*/docs/identity-url\.md\)"
        ):
            open_directory(client, None)


class TestReadUsers:
    def read(self, server: Transcript, clock: Clock, *user_ids: str) -> list[str]:
        return ids(read_users(client_of(server, clock, retries=0), user_ids))

    def test_each_by_its_own_call(self, server: Transcript, clock: Clock) -> None:
        server.expects(one_user("id-a")).answers(200, A)
        server.expects(one_user("b%2F..")).answers(200, B)
        assert self.read(server, clock, "id-a", "b/..") == ["id-a", "id-b"]

    @pytest.mark.parametrize(("status", "answer"), [(400, INVALID), (404, {"title": "No."}), (404, b"")])
    def test_leaves_out_those_that_do_not_exist(
        self, server: Transcript, clock: Clock, status: int, answer: object
    ) -> None:
        server.expects(one_user("x")).answers(status, answer)
        server.expects(one_user("id-a")).answers(200, A)
        assert self.read(server, clock, "x", "id-a") == ["id-a"]

    @pytest.mark.parametrize(
        ("status", "answer"),
        [(200, b""), (200, {}), (200, [A]), (204, b""), (500, {}), (400, {"title": "Bad"}), (400, b""), (409, INVALID)],
    )
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
    def test_no_user_without_an_id(self, fields: object) -> None:
        assert read_user(fields) is None

    @pytest.mark.parametrize("user_id", ["x" * 257, "a\x1b[2Jb", "a\nb", "a\u202eb"])
    def test_no_user_with_an_id_that_cannot_be_shown(self, user_id: str) -> None:
        assert read_user(dto("a", id=user_id)) is None

    def test_any_other_id(self) -> None:
        assert read_user(dto("a", id="x" * 255 + "é")) is not None

    def test_keeps_only_the_fields_that_are_used(self) -> None:
        found = read_user(dto("a", surname="s" * 99999, displayName=["n" * 99999], groupIDs=["g"]))
        assert found is not None
        assert set(found.fields) <= set(SHOWN_FIELDS.values())
        assert (found.fields["displayName"], found.shown()["surname"]) == (None, "s" * LONGEST_FIELD)
        assert len(found.fields["surname"]) <= LONGEST_FIELD + 1
        assert (found.is_local, found.is_active, found.names()) == (True, True, {"a", "a@example.com"})

    def test_a_name_that_was_cut_is_no_name(self) -> None:
        found = read_user(dto("n" * LONGEST_FIELD, id="1", email="e" * 99999))
        assert found is not None
        assert found.names() == {"n" * LONGEST_FIELD}


class TestComparable:
    @pytest.mark.parametrize("name", ["Jane.Doe", "jane.doe", "JANE.DOE"])
    def test_ignores_case(self, name: str) -> None:
        assert comparable(name) == "jane.doe"

    @pytest.mark.parametrize("name", [" jane.doe", "jane.doe ", "jane.doe\n"])
    def test_and_nothing_else(self, name: str) -> None:
        assert comparable(name) != "jane.doe"


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
        demand_unambiguous(["a", "stranger"], by_name([user("a"), user("b", email="c")]))

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
            ([], "no user has the user name or e-mail address X"),
            ([user("a"), user("b")], "X is the user name or e-mail address of id-a and of id-b: use the id"),
            ([user("a", type="directoryUser")], "X is a directoryUser, which has no password on this server"),
            (
                [user("a", type="robotAccount", isActive=False)],
                "X is a robotAccount, which has no password on this server",
            ),
            ([user("a", isActive=False)], "X is not active"),
            ([user("a")], None),
        ],
    )
    def test_is(self, users: list[User], problem: str | None) -> None:
        assert name_problem("X", users) == problem
