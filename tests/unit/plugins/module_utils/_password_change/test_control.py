# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, permutations, product

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import (
    PasswordChange,
    Verdict,
    set_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.control import (
    concluded,
    refusal,
    send_control,
)

OLD, NEW, OTHER = "old-123a", "new-123a", "another-123a"
CHANGE = PasswordChange("u1", OLD, NEW)
MISMATCH = PasswordAnswer("mismatch", 400, ("PasswordMismatch",), is_identity_result=True)
REUSE = PasswordAnswer("refused", 400, ("PasswordReuse",), is_identity_result=True)


def verdict_of(probe: PasswordAnswer, *before: PasswordAnswer) -> Verdict:
    answers = iter((*before, MISMATCH, probe))
    return set_password(CHANGE, lambda old, new: next(answers), lambda: None, probe=True)


class TestRefusal:
    def test_is_the_set_of_its_codes(self) -> None:
        probe = PasswordAnswer("refused", 400, ("B", "A", "B"), is_identity_result=True)
        assert refusal(verdict_of(probe)) == frozenset({"A", "B"})

    def test_by_the_policy_counts(self) -> None:
        probe = PasswordAnswer("policy", 400, ("PasswordTooShort",), is_identity_result=True)
        assert refusal(verdict_of(probe)) == frozenset({"PasswordTooShort"})

    def test_that_may_pass_shows_nothing(self) -> None:
        probe = PasswordAnswer("refused", 400, ("UserLockedOut",), is_identity_result=True, is_passing=True)
        assert refusal(verdict_of(probe)) is None

    def test_compares_codes_unmasked(self) -> None:
        probe = PasswordAnswer(
            "refused", 400, (f"{MASK}Reuse",), is_identity_result=True, unmasked_codes=frozenset({"PasswordReuse"})
        )
        assert refusal(verdict_of(probe)) == frozenset({"PasswordReuse"})

    @pytest.mark.parametrize(
        "probe",
        [
            PasswordAnswer("refused", 400),
            PasswordAnswer("refused", 400, ("InvalidPartition",)),
            PasswordAnswer("refused", 200, is_identity_result=True),
            PasswordAnswer("unknown", 500, ("PasswordReuse",), is_identity_result=True),
            PasswordAnswer("applied", 200, is_identity_result=True),
            PasswordAnswer("mismatch", 400, ("PasswordMismatch",), is_identity_result=True),
        ],
    )
    def test_other_answers_are_none(self, probe: PasswordAnswer) -> None:
        assert refusal(verdict_of(probe)) is None

    def test_of_a_pair_is_none(self) -> None:
        assert refusal(set_password(CHANGE, lambda old, new: REUSE, lambda: None, probe=True)) is None

    def test_is_none_once_a_control_request_was_sent(self) -> None:
        assert refusal(concluded(verdict_of(REUSE), mismatch=False, answers=(REUSE,))) is None
        assert refusal(concluded(verdict_of(REUSE), mismatch=True)) is None


class TestSendControl:
    def value(self, new: str = NEW) -> str:
        sent: list[tuple[str, str]] = []

        def send(old: str, new: str) -> PasswordAnswer:
            sent.append((old, new))
            return MISMATCH

        assert send_control(send, new) == MISMATCH
        ((old, new),) = sent
        assert old == new
        return old

    def test_sends_two_equal_passwords_of_every_class(self) -> None:
        value = self.value()
        assert len(value) == 64
        assert any(map(str.islower, value))
        assert any(map(str.isupper, value))
        assert any(map(str.isdigit, value))
        assert not value.isalnum()

    def test_is_as_long_as_the_new_password(self) -> None:
        assert len(self.value("x" * 200)) == 200

    def test_is_another_one_each_time(self) -> None:
        assert len({self.value() for _time in range(20)}) == 20


class TestConcluded:
    def test_a_mismatch_proves_that_the_new_password_is_in_effect(self) -> None:
        verdict = concluded(verdict_of(REUSE), mismatch=True)
        assert (verdict.status, verdict.message_key) == ("already_set", "already_set")
        assert verdict.answers == (MISMATCH, REUSE)

    def test_after_a_lost_answer_it_proves_the_change(self) -> None:
        verdict = concluded(verdict_of(REUSE, PasswordAnswer("unknown")), mismatch=True)
        assert (verdict.status, verdict.message_key) == ("changed", "changed")

    def test_any_other_answer_proves_nothing(self) -> None:
        verdict = concluded(verdict_of(REUSE), mismatch=False, answers=(REUSE,))
        assert (verdict.status, verdict.message_key) == ("unknown", "control_refused")
        assert verdict.answers == (MISMATCH, REUSE, REUSE)

    def test_the_caller_was_refused(self) -> None:
        stopped = PasswordAnswer("unauthorized", 401, stops_task=True)
        assert concluded(verdict_of(REUSE), mismatch=False, answers=(stopped,)).stopped_by == "unauthorized"


@dataclass
class Server:
    """A server that makes its checks in this order. The first one that fails is the answer."""

    order: tuple[str, ...]
    counts_current: bool
    accepts_new: bool  # whether the policy does
    live: str
    history: tuple[str, ...]
    lost: str | None = None  # the first answer: "before" the request was applied, or "after"
    mismatches: int = 0
    pairs: list[tuple[str, str]] = field(default_factory=list)

    def send(self, old: str, new: str) -> PasswordAnswer:
        self.pairs.append((old, new))
        if len(self.pairs) == 1 and self.lost:
            if self.lost == "after":
                self.answer(old, new)
            return PasswordAnswer("unknown")
        return self.answer(old, new)

    def answer(self, old: str, new: str) -> PasswordAnswer:
        used = {*self.history, *([self.live] if self.counts_current else [])}
        fails = {
            "old": old != self.live,
            "equality": old == new,
            "history": new in used,
            "policy": new == NEW and not self.accepts_new,
        }
        failed = next((check for check in self.order if fails[check]), None)
        if failed == "old":
            self.mismatches += 1
            return MISMATCH
        if failed == "policy":
            return PasswordAnswer("policy", 400, ("PasswordTooShort",), is_identity_result=True)
        if failed:
            # One unknown code for both, so that the codes never tell them apart.
            return REUSE
        self.live = new
        return PasswordAnswer("applied", 200, is_identity_result=True)


ORDERS = [
    order
    for count in range(4)
    for others in combinations(("equality", "history", "policy"), count)
    for order in permutations(("old", *others))
]
LIVES = (OLD, NEW, OTHER)
HISTORIES = ((), (OLD,), (NEW,), (OLD, NEW))


def servers(lost: tuple[str | None, ...] = (None, "before", "after")) -> Iterator[Server]:
    for order, counts, accepts, live, history, fault in product(
        ORDERS, (True, False), (True, False), LIVES, HISTORIES, lost
    ):
        yield Server(order, counts, accepts, live, history, fault)


def verdict_with_control(server: Server) -> Verdict:
    verdict = set_password(CHANGE, server.send, lambda: None, probe=True)
    if refusal(verdict) is None:
        return verdict
    answer = send_control(server.send, NEW)
    return concluded(verdict, mismatch=answer.kind == "mismatch", answers=(answer,))


def is_true(verdict: Verdict, before: str, server: Server) -> bool:
    """Whether the verdict tells no untruth about a server on which `before` was live."""
    return {
        "changed": before != NEW and server.live == NEW,
        "already_set": before == NEW and server.live == NEW,
        "wrong_password": before == server.live == OTHER,
        "policy_rejected": not server.accepts_new and server.live == before,
        "refused": server.live == before,
        "unknown": True,
    }[verdict.status]


class TestEveryServer:
    def test_no_status_is_wrong(self) -> None:
        for server in servers():
            before = server.live
            verdict = verdict_with_control(server)
            lost_and_found = server.lost and before == NEW and verdict.status == "changed"
            assert is_true(verdict, before, server) or lost_and_found, (server, verdict)
            assert server.live in (before, NEW)

    def test_answered_mismatches_are_few(self) -> None:
        for server in servers():
            verdict_with_control(server)
            assert server.mismatches <= (3 if server.lost else 2)
            assert len(server.pairs) <= (4 if server.lost else 3)

    def test_a_refused_probe_alone_would_prove_too_much(self) -> None:
        wrong = 0
        for server in servers((None,)):
            before = server.live
            verdict = set_password(CHANGE, server.send, lambda: None, probe=True)
            wrong += refusal(verdict) is not None and not is_true(concluded(verdict, mismatch=True), before, server)
        assert wrong

    def test_the_answer_for_one_user_holds_for_another_with_the_same_codes(self) -> None:
        compared = 0
        for server in servers((None,)):
            codes = refusal(set_password(CHANGE, server.send, lambda: None, probe=True))
            if codes is None:
                continue
            mismatch = send_control(server.send, NEW).kind == "mismatch"
            for live, history in product(LIVES, HISTORIES):
                other = Server(server.order, server.counts_current, server.accepts_new, live, history)
                verdict = set_password(CHANGE, other.send, lambda: None, probe=True)
                if refusal(verdict) == codes:
                    compared += 1
                    assert is_true(concluded(verdict, mismatch=mismatch), live, other), (server, other)
        assert compared

    @pytest.mark.parametrize("order", [("old", "policy", "history"), ("old", "history", "policy")])
    def test_a_repeated_run_against_a_default_server(self, order: tuple[str, ...]) -> None:
        server = Server(order, counts_current=True, accepts_new=True, live=NEW, history=())
        assert verdict_with_control(server).status == "already_set"
        assert server.mismatches == 2

    def test_a_history_that_is_looked_at_first_refuses_the_pair(self) -> None:
        server = Server(("history", "old"), counts_current=True, accepts_new=True, live=NEW, history=())
        assert (verdict_with_control(server).status, server.pairs) == ("refused", [(OLD, NEW)])

    def test_a_server_that_compares_the_two_first_ends_as_unknown(self) -> None:
        server = Server(("equality", "old"), counts_current=True, accepts_new=True, live=OTHER, history=())
        assert verdict_with_control(server).status == "unknown"
        assert server.mismatches == 1
