# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import get_args

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import (
    REFUSALS,
    STATUS_OF,
    PasswordChange,
    Verdict,
    decide,
    plain,
    set_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import MESSAGES, STATUSES

CHANGE = PasswordChange("u1", "old-1", "new-1")
PAIR, PROBE = ("old-1", "new-1"), ("new-1", "new-1")

DECISIVE: list[AnswerKind] = [
    "applied",
    "mismatch",
    "policy",
    "refused",
    "not_found",
    "unauthorized",
    "wrong_url",
    "throttled",
    "unreachable",
]
KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)


def after_a_probe(kind: str, live: str) -> tuple[str, str]:
    """The status and message key after a probe's answer. `live` is what it means that the new password is in effect."""
    refused = ("unknown", "probe_refused" if kind in ("refused", "policy") else "probe_lost")
    return {"applied": (live, live), "mismatch": ("wrong_password", "wrong_password")}.get(kind, refused)


class ScriptedServer:
    """Answers in turn with the given kinds, and notes the pairs it gets. WAIT stands for the wait between two pairs."""

    WAIT = ("wait", "")

    def __init__(self, kinds: tuple[AnswerKind, ...]) -> None:
        self.kinds = iter(kinds)
        self.heard: list[tuple[str, str]] = []
        self.answered: list[AnswerKind] = []

    def send_pair(self, old: str, new: str) -> AnswerKind:
        self.heard.append((old, new))
        self.answered.append(next(self.kinds))
        return self.answered[-1]

    def send(self, old: str, new: str) -> PasswordAnswer:
        kind = self.send_pair(old, new)
        return PasswordAnswer(kind, stops_task=kind in ("unauthorized", "wrong_url"))

    def wait(self) -> None:
        self.heard.append(self.WAIT)


@cache
def transcripts(probe: bool) -> list[tuple[Verdict, ScriptedServer]]:
    """Every conversation that one user can cause, with its verdict."""
    return list(played(probe))


def played(probe: bool) -> Iterator[tuple[Verdict, ScriptedServer]]:
    pending: list[tuple[AnswerKind, ...]] = [()]
    while pending:
        kinds = pending.pop()
        server = ScriptedServer(kinds)
        try:
            verdict = set_password(CHANGE, server.send, server.wait, probe=probe)
        except StopIteration:  # the user needs one more answer
            assert len(kinds) < 7, f"endless: {kinds}"
            pending += [(*kinds, kind) for kind in KINDS]
        else:
            yield verdict, server


class TestPasswordChange:
    def test_passwords_are_not_in_its_repr(self) -> None:
        assert repr(CHANGE) == "PasswordChange(user_id='u1', user_name=None)"


class TestVerdict:
    def test_one_answer_stops_the_task(self) -> None:
        answers = (PasswordAnswer("unauthorized", stops_task=True), PasswordAnswer("mismatch"))
        assert Verdict("unknown", "unknown", answers).stopped_by == "unauthorized"
        assert Verdict("unknown", "unknown", answers[1:]).stopped_by is None
        assert Verdict("already_set", "already_set").stopped_by is None


class TestSetPassword:
    @pytest.mark.parametrize("probe", [True, False])
    def test_counts_few_failed_sign_ins_in_every_conversation(self, probe: bool) -> None:
        for _verdict, server in transcripts(probe):
            mismatches, lost = server.answered.count("mismatch"), server.answered.count("unknown")
            assert mismatches <= 2, server.answered
            assert mismatches + lost <= 3, server.answered

    @pytest.mark.parametrize("probe", [True, False])
    def test_says_changed_only_after_the_server_did(self, probe: bool) -> None:
        for verdict, server in transcripts(probe):
            if verdict.status == "changed":
                assert server.answered[-1] == "applied"
            else:
                assert "applied" not in server.answered[:-1]

    @pytest.mark.parametrize("probe", [True, False])
    def test_never_denies_a_change_that_may_have_happened(self, probe: bool) -> None:
        for verdict, server in transcripts(probe):
            answers = list(zip((asked for asked in server.heard if asked != ScriptedServer.WAIT), server.answered))
            if (PAIR, "applied") in answers:
                assert verdict.status == "changed"
            elif (PAIR, "unknown") in answers and verdict.status not in ("changed", "unknown"):
                # Later answers prove that the old password is live, that neither is, or that there is no such user.
                assert verdict.status in ("policy_rejected", "wrong_password", "not_found"), server.answered

    def test_probes_at_most_once_and_only_after_a_mismatch(self) -> None:
        for _verdict, server in transcripts(probe=True):
            asked = [pair for pair in server.heard if pair != ScriptedServer.WAIT]
            probes = [at for at, pair in enumerate(asked) if pair == PROBE]
            assert len(probes) <= 1
            if probes:
                assert probes[0] > 0
                assert server.answered[probes[0] - 1] == "mismatch"
                assert asked[probes[0] :] == [PROBE] * len(probes)

    def test_waits_before_the_pair_that_follows_a_lost_answer_and_nowhere_else(self) -> None:
        for _verdict, server in transcripts(probe=True):
            assert server.heard.count(ScriptedServer.WAIT) <= 1
            if ScriptedServer.WAIT in server.heard:
                at = server.heard.index(ScriptedServer.WAIT)
                assert server.answered[at - 1] == "unknown"
                assert server.heard[at + 1] == PAIR

    def test_always_sends_once(self) -> None:
        for _verdict, server in transcripts(probe=False):
            assert server.heard == [PAIR]

    @pytest.mark.parametrize("probe", [True, False])
    def test_keeps_every_answer_and_ends_in_a_documented_status(self, probe: bool) -> None:
        for verdict, server in transcripts(probe):
            assert [answer.kind for answer in verdict.answers] == server.answered
            assert verdict.status in STATUSES
            stops = [kind for kind in server.answered if kind in ("unauthorized", "wrong_url")]
            assert verdict.stopped_by == (stops[0] if stops else None)
            assert len(stops) <= 1

    @pytest.mark.parametrize("kind", ["unauthorized", "wrong_url"])
    @pytest.mark.parametrize("before", [("unknown",), ("mismatch",), ("unknown", "mismatch")])
    def test_a_user_whose_retry_or_probe_is_refused_is_unknown_and_stops_the_task(
        self, before: tuple[AnswerKind, ...], kind: AnswerKind
    ) -> None:
        server = ScriptedServer((*before, kind))
        verdict = set_password(CHANGE, server.send, server.wait, probe=True)
        assert (verdict.status, verdict.stopped_by) == ("unknown", kind)


class TestDecide:
    def decided(self, *kinds: AnswerKind, probe: bool = True) -> tuple[str, str, list[tuple[str, str]]]:
        server = ScriptedServer(kinds)
        status, message_key = decide(CHANGE, server.send_pair, server.wait, probe=probe)
        assert list(server.kinds) == []
        return status, message_key, server.heard

    @pytest.mark.parametrize("probe", [True, False])
    def test_equal_passwords_send_nothing(self, probe: bool) -> None:
        server = ScriptedServer(())
        same = PasswordChange("u1", "same", "same")
        assert decide(same, server.send_pair, server.wait, probe=probe) == ("already_set", "equal_passwords")
        assert "neither was checked" in MESSAGES["equal_passwords"]
        assert server.heard == []

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("applied", "changed"),
            ("policy", "policy_rejected"),
            *((kind, kind) for kind in DECISIVE[3:]),
        ],
    )
    @pytest.mark.parametrize("probe", [True, False])
    def test_a_decisive_answer_is_the_end(self, kind: AnswerKind, status: str, probe: bool) -> None:
        assert self.decided(kind, probe=probe) == (status, status, [PAIR])

    @pytest.mark.parametrize(
        ("kind", "decision"),
        [
            ("mismatch", ("wrong_password", "wrong_password_unprobed", [PAIR])),
            ("unknown", ("unknown", "unknown", [PAIR])),
        ],
    )
    def test_without_a_probe_so_is_any(
        self, kind: AnswerKind, decision: tuple[str, str, list[tuple[str, str]]]
    ) -> None:
        assert self.decided(kind, probe=False) == decision

    @pytest.mark.parametrize("probed", KINDS)
    def test_a_mismatch_is_probed(self, probed: AnswerKind) -> None:
        decision = after_a_probe(probed, live="already_set")
        assert self.decided("mismatch", probed) == (*decision, [PAIR, PROBE])

    @pytest.mark.parametrize("second", [kind for kind in KINDS if kind != "mismatch"])
    def test_a_lost_answer_sends_the_pair_once_more(self, second: AnswerKind) -> None:
        statuses = {"applied": "changed", "policy": "policy_rejected"}
        status = statuses.get(second, "unknown")
        assert self.decided("unknown", second) == (status, status, [PAIR, ScriptedServer.WAIT, PAIR])

    @pytest.mark.parametrize("probed", KINDS)
    def test_a_lost_answer_and_a_mismatch_are_probed(self, probed: AnswerKind) -> None:
        decision = after_a_probe(probed, live="changed")
        heard = [PAIR, ScriptedServer.WAIT, PAIR, PROBE]
        assert self.decided("unknown", "mismatch", probed) == (*decision, heard)

    def test_no_sequence_needs_a_fourth_answer(self) -> None:
        for probe, kinds in product([True, False], product(KINDS, repeat=3)):
            server = ScriptedServer(kinds)
            status, message_key = decide(CHANGE, server.send_pair, server.wait, probe=probe)
            assert status in STATUSES
            assert message_key in MESSAGES or message_key == status

    def test_the_message_after_a_probe_says_whether_the_server_answered_it(self) -> None:
        assert "does not show whether the new one is" in MESSAGES["probe_refused"]
        assert "Run the task again" not in MESSAGES["probe_refused"]
        assert "could not be checked. Run the task again" in MESSAGES["probe_lost"]
        assert {"refused", "policy"} == REFUSALS


class TestPlain:
    def test_gives_the_message_key_of_a_mismatch(self) -> None:
        assert plain("mismatch") == ("wrong_password", "wrong_password")
        assert plain("mismatch", mismatch="wrong_password_unprobed") == ("wrong_password", "wrong_password_unprobed")

    def test_every_kind_of_answer_has_a_status(self) -> None:
        assert STATUS_OF.keys() == set(KINDS)
        assert set(STATUS_OF.values()) < set(STATUSES)

    def test_a_status_stays_itself(self) -> None:
        assert plain("throttled") == ("throttled", "throttled")
