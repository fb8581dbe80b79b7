# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, Unauthorized, Unreachable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import (
    NAMES_NOT_VERIFIED,
    NONE_LISTED,
    UserNames,
    identified,
    name_conflicts,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest, outcome_of
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import RecordLost, StoreError
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import ORGANIZATION, dto, listing, page
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    MemoryStore,
    record_of,
    request_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, Clock, Transcript, client_of

UUID = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"


def by_name(user_name: str, user_id: str = "") -> RotationRequest:
    return RotationRequest(Account(BASE, user_id, None, user_name))


def numbered(*requests: RotationRequest) -> list[RotationRequest]:
    return [replace(request, index=index) for index, request in enumerate(requests)]


def names_of(server: Transcript, clock: Clock, partition_id: str | None = ORGANIZATION) -> UserNames:
    return UserNames(client_of(server, clock, retries=0), partition_id)


class TestIdentified:
    def test_ids_are_compared_in_one_spelling(self, server: Transcript, clock: Clock) -> None:
        (request,) = identified([request_of(UUID.upper())], MemoryStore(), names_of(server, clock))
        assert request.account.user_id == UUID

    def test_a_name_that_the_store_knows_needs_no_look_up(self, server: Transcript, clock: Clock) -> None:
        store = MemoryStore.holding(record_of("u1"))
        (request,) = identified([by_name("u1@example.com")], store, names_of(server, clock))
        assert (request.account.user_id, request.account.user_name) == ("u1", "u1@example.com")

    def test_only_the_records_of_what_is_due_are_read(self, server: Transcript, clock: Clock) -> None:
        store = MemoryStore.holding(record_of("u1", days=1), record_of("u2"))
        requested = numbered(by_name("u1@example.com"), by_name("u2@example.com"))
        found = identified(requested, store, names_of(server, clock))
        assert [request.account.user_id for request in found] == ["u1", "u2"]
        assert store.decrypted == ["u2"]
        identified([replace(request, verify=True) for request in requested], store, names_of(server, clock))
        assert store.decrypted == ["u2", "u1", "u2"]

    def test_other_names_are_looked_up_all_at_once(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann"), dto("bob"), dto("eve")))
        requested = [by_name("Ann"), request_of("u1"), by_name("u7@example.com"), by_name("bob@example.com")]
        found = identified(requested, MemoryStore.holding(record_of("u7")), names_of(server, clock))
        assert [request.account.user_id for request in found] == ["id-ann", "u1", "u7", "id-bob"]

    def test_a_name_that_two_records_have_is_looked_up(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        account = replace(record_of().account, user_name="ann")
        store = MemoryStore.holding(*(record_of(account=replace(account, user_id=user_id)) for user_id in ("u1", "u2")))
        (request,) = identified([by_name("ann")], store, names_of(server, clock))
        assert request.account.user_id == "id-ann"

    def test_a_user_name_that_the_record_has_no_more_is_looked_up(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        store = MemoryStore.holding(record_of("u1"))
        store.listed = {"u1": record_of("u1", account=replace(record_of().account, user_name="ann"))}
        (request,) = identified([by_name("ann")], store, names_of(server, clock))
        assert request.account.user_id == "id-ann"

    def test_a_user_name_that_only_is_a_label_is_looked_up(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        store = MemoryStore.holding(record_of("u1", account=Account(BASE, "u1", "ann", "other")))
        store.listed = {"u1": record_of("u1", account=Account(BASE, "u1", None, "ann"))}
        (request,) = identified([by_name("ann")], store, names_of(server, clock))
        assert request.account.user_id == "id-ann"

    def test_ids_cost_no_listing(self, server: Transcript, clock: Clock) -> None:
        store = MemoryStore(failures={"list": StoreError("not needed")})
        assert identified([request_of("u1")], store, names_of(server, clock)) == [request_of("u1")]

    def test_a_bad_name_is_the_problem_of_its_account(self, server: Transcript, clock: Clock) -> None:
        users = [dto("ann"), dto("bob", isActive=False), dto("bot", type="robot"), dto("x", email="ann"), dto("eve")]
        server.expects(listing()).answers(200, page(*users))
        names = ("ann", "bob", "bot", "nobody", "eve")
        found = identified(numbered(*(by_name(name) for name in names)), MemoryStore(), names_of(server, clock))
        *bad, eve = [request.problem for request in found]
        assert [(problem.status, problem.message.partition(":")[0]) for problem in bad if problem] == [
            ("name_conflict", "accounts[0]"),
            ("not_found", "accounts[1]"),
            ("not_found", "accounts[2]"),
            ("not_found", "accounts[3]"),
        ]
        assert (eve, found[4].account.user_id) == (None, "id-eve")

    def test_several_accounts_of_which_none_is_known_are_an_error(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("eve")))
        requested = numbered(by_name("ann"), by_name("bob"))
        with pytest.raises(InvalidInput) as caught:
            identified(requested, MemoryStore.holding(record_of("u1")), names_of(server, clock))
        first, *others = caught.value.problems
        assert first == NONE_LISTED
        assert [problem.partition(":")[0] for problem in others] == ["accounts[0]", "accounts[1]"]

    def test_names_that_are_not_listed_are_problems_of_their_accounts_if_the_store_knows_another(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).answers(200, page(dto("eve")))
        requested = numbered(by_name("ann"), by_name("u1@example.com"), by_name("bob"))
        found = identified(requested, MemoryStore.holding(record_of("u1")), names_of(server, clock))
        assert [request.problem and request.problem.status for request in found] == ["not_found", None, "not_found"]

    def test_a_name_that_a_record_may_have_which_cannot_be_read_is_not_looked_up(
        self, server: Transcript, clock: Clock
    ) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u2"}
        requested = numbered(by_name("u1@example.com"), by_name("u2@example.com"), request_of("u3"))
        known, unknown, by_id = identified(requested, store, names_of(server, clock))
        assert unknown.problem
        assert unknown.problem.message == (
            "accounts[1]: the record of u2@example.com may be one that cannot be read. The record of u2 cannot be used."
        )
        assert (unknown.problem.status, unknown.account.user_id) == ("store_error", "")
        assert [request.account.user_id for request in (known, by_id)] == ["u1", "u3"]

    def test_a_name_that_a_lost_record_may_have_stops_the_task(self, server: Transcript, clock: Clock) -> None:
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged, store.lost = {"u2"}, {"gone"}
        requested = numbered(by_name("u1@example.com"), by_name("ann"))
        with pytest.raises(RecordLost) as caught:
            identified(requested, store, names_of(server, clock))
        assert caught.value.message == (
            "accounts[1]: the record of ann may be one that is gone. The record of gone is lost."
        )
        (known,) = identified(requested[:1], store, names_of(server, clock))
        assert (known.account.user_id, known.problem) == ("u1", None)

    def test_a_name_that_a_deleted_record_may_have_ends_its_account_alone(
        self, server: Transcript, clock: Clock
    ) -> None:
        store = MemoryStore.holding(record_of("u1"))
        store.deleted = {"gone"}
        known, unknown = identified(numbered(by_name("u1@example.com"), by_name("ann")), store, names_of(server, clock))
        assert (known.account.user_id, known.problem) == ("u1", None)
        assert unknown.problem
        assert unknown.problem.status == "store_error"
        assert unknown.problem.message == (
            "accounts[1]: the record of ann may be one that was deleted. The record of gone was deleted."
        )

    def test_a_record_that_cannot_be_read_is_that_of_the_account_given_by_its_id(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        store = MemoryStore.holding(record_of("u1"), record_of("u2"))
        store.damaged = {"u2"}
        requested = numbered(by_name("ann"), request_of("u2"))
        found = identified(requested, store, names_of(server, clock))
        assert [(request.account.user_id, request.problem) for request in found] == [("id-ann", None), ("u2", None)]

    def test_a_name_that_may_be_of_no_record_stays_a_problem_if_the_server_decides(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).answers(200, page(dto("ann", id="new"), dto("ann-old", id="old"), dto("eve")))
        records = [record_of("old", account=Account(BASE, "old", None, "ann")), record_of("u2")]
        store = MemoryStore.holding(*records)
        store.damaged = {"u2"}
        requested = numbered(by_name("ann"), request_of("old"), by_name("eve"))
        found = identified(requested, store, names_of(server, clock))
        assert [request.account.user_id for request in found] == ["new", "old", ""]
        assert found[2].problem

    @pytest.mark.parametrize("others", [[request_of("id-ann")], [by_name("ann@example.com")]])
    def test_two_names_of_one_user(self, server: Transcript, clock: Clock, others: list[RotationRequest]) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        with pytest.raises(InvalidInput, match=r"accounts\[1\] is the same user as accounts\[0\]"):
            identified(numbered(by_name("ann"), *others), MemoryStore(), names_of(server, clock))

    def test_a_renamed_user_and_the_one_who_has_its_name_now(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann", id="new"), dto("ann-old", id="old")))
        store = MemoryStore.holding(record_of("old", account=Account(BASE, "old", None, "ann")))
        requested = identified(numbered(by_name("ann-old"), by_name("ann")), store, names_of(server, clock))
        assert [request.account.user_id for request in requested] == ["old", "new"]

    def test_are_named_by_their_place_in_the_whole_list(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann")))
        requested = [replace(by_name("ann"), index=2), replace(request_of("id-ann"), index=4)]
        with pytest.raises(InvalidInput, match=r"accounts\[4\] is the same user as accounts\[2\]"):
            identified(requested, MemoryStore(), names_of(server, clock))

    def test_without_an_organization(self, server: Transcript, clock: Clock) -> None:
        with pytest.raises(InvalidInput, match="partition_id is missing"):
            identified([by_name("ann")], MemoryStore(), names_of(server, clock, None))


class TestNamesThatCannotBeLookedUp:
    STORED = (record_of("u1", days=1), record_of("u2"))

    def found(
        self, server: Transcript, clock: Clock, *requested: RotationRequest, partition_id: str | None = ORGANIZATION
    ) -> list[RotationRequest]:
        store = MemoryStore.holding(*self.STORED)
        return identified(numbered(*requested), store, names_of(server, clock, partition_id))

    def test_are_problems_of_their_accounts_after_one_request(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).fails("the connection was refused", sent=False)
        requested = by_name("u1@example.com"), by_name("ann"), request_of("u2"), by_name("bob")
        found = self.found(server, clock, *requested)
        assert [request.account.user_id for request in found] == ["u1", "", "u2", ""]
        assert [request.problem and request.problem.status for request in found] == [
            None,
            "unreachable",
            None,
            "unreachable",
        ]
        assert found[3].problem
        assert found[3].problem.message.startswith(
            "accounts[3]: bob could not be looked up: The connection was refused. The request was GET "
        )

    @pytest.mark.parametrize(
        ("status", "expected"), [(401, "unauthorized"), (403, "unauthorized"), (429, "throttled"), (500, "unreachable")]
    )
    def test_have_the_status_of_the_answer(self, server: Transcript, clock: Clock, status: int, expected: str) -> None:
        server.expects(listing()).answers(status, {})
        _known, unknown = self.found(server, clock, request_of("u1"), by_name("ann"))
        assert unknown.problem
        assert (unknown.problem.status, outcome_of(unknown.problem).status) == (expected, expected)

    def test_because_the_organization_is_unknown(self, server: Transcript, clock: Clock) -> None:
        for operation in ("User/users", "UserPartition/users"):
            server.expects(listing(operation=operation)).answers(404, {})
        _known, unknown = self.found(server, clock, request_of("u1"), by_name("ann"))
        assert unknown.problem
        assert unknown.problem.status == "wrong_url"

    def test_because_no_organization_is_given(self, server: Transcript, clock: Clock) -> None:
        _known, unknown = self.found(server, clock, request_of("u1"), by_name("ann"), partition_id=None)
        assert unknown.problem
        assert unknown.problem.status == "wrong_url"
        assert unknown.problem.message.startswith("accounts[1]: ann could not be looked up: partition_id is missing")

    def test_leave_open_only_who_may_be_a_user_whom_the_task_names_otherwise_as_well(
        self, server: Transcript, clock: Clock
    ) -> None:
        server.expects(listing()).answers(403, {})
        requested = by_name("u1@example.com"), request_of("u1"), by_name("u2@example.com")
        found = self.found(server, clock, *requested)
        assert [request.account.user_id for request in found] == ["", "u1", "u2"]
        assert [bool(request.problem) for request in found] == [True, False, False]

    def test_end_a_task_that_knows_no_account(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).fails("the connection was refused", sent=False)
        with pytest.raises(Unreachable):
            self.found(server, clock, by_name("ann"), by_name("bob"))


class TestNameConflicts:
    def verified(self, names: UserNames, *requests: RotationRequest) -> list[str]:
        """Verify the names, and return the warnings and the problems."""
        said: list[str] = []
        conflicts = name_conflicts(numbered(*requests), names, said.append)
        return said + [f"{user_id}: {conflict.message}" for user_id, conflict in conflicts.items()]

    def test_names_of_the_recorded_users(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann"), dto("bob", id=UUID.upper())))
        names = names_of(server, clock)
        assert self.verified(names, by_name("ANN", "id-ann"), by_name("bob@example.com", UUID)) == []

    def test_a_name_that_was_given_to_another_user(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann", id="new"), dto("old-ann", id="old"), dto("bob")))
        assert self.verified(names_of(server, clock), by_name("bob", "id-bob"), by_name("ann", "old")) == [
            "old: accounts[1]: ann is the user old in the store, but on the server it is now the name of new: give the"
            " present user name of the user that is meant, or its user_id."
        ]

    def test_a_name_that_another_user_has_as_well(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann"), dto("x", email="ann")))
        assert self.verified(names_of(server, clock), by_name("ann", "id-ann")) == []

    def test_a_name_that_nobody_has_any_more(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("renamed", id="id-ann")))
        assert self.verified(names_of(server, clock), by_name("ann", "id-ann")) == []

    def test_accounts_given_by_id_cost_no_listing(self, server: Transcript, clock: Clock) -> None:
        assert self.verified(names_of(server, clock, None), request_of("u1")) == []

    def test_a_listing_that_new_names_needed_serves_here_too(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(200, page(dto("ann"), dto("bob", id="new")))
        names = names_of(server, clock)
        store = MemoryStore.holding(record_of("old", account=Account(BASE, "old", None, "bob")))
        requested = identified(numbered(by_name("ann"), by_name("bob")), store, names)
        assert "bob is the user old in the store" in self.verified(names, *requested)[0]

    def test_a_token_that_may_not_list_users(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(403, {})
        assert self.verified(names_of(server, clock), by_name("ann", "id"), by_name("bob", "x")) == [NAMES_NOT_VERIFIED]

    @pytest.mark.parametrize(("status", "answer"), [(404, {}), (500, b""), (200, {"results": "none"})])
    def test_a_server_that_does_not_list_users(
        self, server: Transcript, clock: Clock, status: int, answer: object
    ) -> None:
        for operation in ("User/users", "UserPartition/users")[: 2 if status == 404 else 1]:
            server.expects(listing(operation=operation)).answers(status, answer)
        names = UserNames(client_of(server, clock, retries=0), ORGANIZATION)
        assert self.verified(names, by_name("ann", "id-ann")) == [NAMES_NOT_VERIFIED]

    def test_without_an_organization(self, server: Transcript, clock: Clock) -> None:
        assert self.verified(names_of(server, clock, None), by_name("ann", "id-ann")) == [NAMES_NOT_VERIFIED]

    def test_a_token_that_is_not_accepted(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).answers(401, {})
        with pytest.raises(Unauthorized):
            self.verified(names_of(server, clock), by_name("ann", "id-ann"))

    def test_a_server_that_is_down(self, server: Transcript, clock: Clock) -> None:
        server.expects(listing()).fails("the connection was refused", sent=False)
        with pytest.raises(Unreachable):
            self.verified(names_of(server, clock), by_name("ann", "id-ann"))
