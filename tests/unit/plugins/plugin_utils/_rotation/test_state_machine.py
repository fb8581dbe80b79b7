# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test reads like a transcript: what a run saves and sends, what it is answered, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any, get_args

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import is_barred
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    ClosedStatus,
    Current,
    Orphan,
    Pending,
    Record,
    RecordStatus,
    Retired,
    RotatedBy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import (
    NOT_APPLIED,
    Rotation,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    CountFailedSignIns,
    Outcome,
    PreserveConflict,
    RotationRequest,
    Save,
    Send,
    State,
    Step,
    Steps,
    Wait,
)

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
LONG_AGO = "2026-01-01T00:00:00+00:00"
ACCOUNT = Account("https://identity.test", "id-1")
OLD = Record(ACCOUNT, Current("old", LONG_AGO, "rotated"), generation=7)


def view(record: Record) -> dict[str, Any]:
    """A record as the tests speak of it."""
    pending = record.pending
    return {
        "current": record.current.password,
        "source": record.current.source,
        "pending": (pending.old, pending.new) if pending else None,
        "maybe_live": pending.maybe_live if pending else None,
        "orphans": [orphan.password for orphan in record.orphans],
        "previous": [retired.password for retired in record.previous],
        "status": record.status,
        "reason": record.reason,
        "codes": list(record.error_codes),
        "unproven_limit": record.unproven_limit,
        "has_consumers": record.has_consumers,
        "unproven_sends": record.unproven_sends,
        "stalled": record.stalled,
        "generation": record.generation,
        "delivered": record.delivered,
    }


class ScriptedRotation:
    """A run that is held against a script. Its new passwords are new-1, new-2 and so on."""

    def __init__(
        self, record: Record | None, state: State = "rotated", *, total: int = 8, counts: bool = False, **request: Any
    ) -> None:
        """`counts`: the script answers how many sign-ins have failed. Otherwise it is none."""
        numbers = count(1)
        self._counts = counts
        rotation = Rotation(
            RotationRequest(ACCOUNT, state, **request),
            record,
            now=lambda: NOW,
            new_password=lambda: f"new-{next(numbers)}",
            by="root@controller",
            unproven_total=total,
        )
        self._steps = rotation.steps()
        self._outcome: Outcome | None = None
        self._next: Step | None = None
        self._go_on(None)

    def _go_on(self, reply: Any) -> None:
        try:
            self._next = self._steps.send(reply)
        except StopIteration as outcome:
            self._next, self._outcome = None, outcome.value
        if self._next == CountFailedSignIns() and not self._counts:
            self._go_on(0)

    def saves(self, *, durable: bool = True, **fields: Any) -> Record:
        assert isinstance(self._next, Save)
        record = self._next.record
        assert {name: view(record)[name] for name in fields} == fields
        self._go_on(durable)
        return record

    def preserves(self, foreign: Record | None) -> None:
        assert isinstance(self._next, PreserveConflict)
        self._go_on(foreign)

    def sends(self, old: str, new: str, kind: AnswerKind, *codes: str, keeps_doubt: bool = False) -> None:
        assert self._next == Send(old, new)
        self._go_on(PasswordAnswer(kind, codes=codes, keeps_doubt=keeps_doubt, is_barred=is_barred(codes)))

    def counts(self, failed_sign_ins: int) -> None:
        assert self._next == CountFailedSignIns()
        self._go_on(failed_sign_ins)

    def waits(self) -> None:
        assert self._next == Wait()
        self._go_on(None)

    def ends(self, status: str, *, changed: bool = False) -> Outcome:
        assert self._next is None
        assert self._outcome
        assert (self._outcome.status, self._outcome.changed) == (status, changed)
        return self._outcome


def staged(**fields: Any) -> Record:
    """What a killed run leaves."""
    return replace(OLD, pending=Pending("old", "new-0", LONG_AGO), unproven_sends=1, **fields)


def closed(status: ClosedStatus = "out_of_sync", *orphans: str) -> Record:
    kept = tuple(Orphan(password, LONG_AGO, "not proven dead") for password in orphans)
    return replace(OLD, status=status, orphans=kept, unproven_sends=3)


class TestCleanRotation:
    def test_costs_two_writes_and_one_request(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves(pending=("old", "new-1"), maybe_live=True, current="old", status="ok", unproven_sends=1, generation=8)
        run.sends("old", "new-1", "applied")
        run.saves(
            pending=None, current="new-1", previous=["old"], orphans=[], status="ok", unproven_sends=0, generation=9
        )
        outcome = run.ends("rotated", changed=True)
        assert outcome.record
        assert outcome.record.rotations == (RotatedBy(NOW.isoformat(), "root@controller"),)

    def test_of_an_account_without_a_record_adopts_the_initial_password(self) -> None:
        run = ScriptedRotation(None, initial_password="initial")
        run.saves(pending=("initial", "new-1"), current="initial", source="adopted", generation=1)
        run.sends("initial", "new-1", "applied")
        run.saves(current="new-1", source="rotated", previous=["initial"], generation=2)
        run.ends("rotated", changed=True)

    def test_keeps_three_passwords_that_were_proven_dead(self) -> None:
        previous = tuple(Retired(f"past-{number}", LONG_AGO) for number in (3, 2, 1))
        run = ScriptedRotation(replace(OLD, previous=previous))
        run.saves()
        run.sends("old", "new-1", "applied")
        committed = run.saves(previous=["old", "past-3", "past-2"])
        assert [retired.retired_at for retired in committed.previous] == [NOW.isoformat(), LONG_AGO, LONG_AGO]

    @pytest.mark.parametrize("consumers", [True, False])
    def test_is_to_be_delivered_if_there_are_consumers(self, consumers: bool) -> None:
        run = ScriptedRotation(OLD, consumers=consumers)
        run.saves(delivered=True)
        run.sends("old", "new-1", "applied")
        run.saves(delivered=not consumers)

    def test_does_not_forget_an_earlier_delivery_that_is_due(self) -> None:
        run = ScriptedRotation(replace(OLD, delivered=False))
        run.saves()
        run.sends("old", "new-1", "applied")
        run.saves(delivered=False)


class TestTables:
    def test_every_answer_has_its_handler(self) -> None:
        rotation = Rotation(RotationRequest(ACCOUNT), OLD, now=lambda: NOW, new_password=lambda: "new-1")
        for table in (rotation._after_first_send, rotation._after_resend):
            assert set(table) == {*get_args(AnswerKind), "barred", "foreign"}


class TestStage:
    def test_that_is_not_durable_sends_nothing(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves(durable=False)
        assert run.ends("busy").record is None

    def test_of_the_first_record_likewise(self) -> None:
        run = ScriptedRotation(None, initial_password="initial")
        run.saves(durable=False)
        run.ends("busy")


class TestAnswerToAPairThatWasNeverSent:
    """The first row of answers: nothing of this pair can be under way."""

    def test_mismatch_goes_forward(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"), orphans=["old"], status="in_doubt", unproven_sends=2)
        run.sends("new-1", "new-2", "applied")
        run.saves(current="new-2", previous=["new-1", "old"], orphans=[], status="ok", unproven_sends=0)
        run.ends("rotated", changed=True)

    def test_a_second_mismatch_is_the_last(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "mismatch")
        run.saves()
        run.sends("new-1", "new-2", "mismatch")
        run.saves(
            pending=None,
            orphans=["new-2", "new-1", "old"],
            current="old",
            status="out_of_sync",
            reason="wrong_password",
        )
        run.ends("out_of_sync")

    def test_policy_tries_other_values_and_counts_no_sign_in(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves(pending=("old", "new-1"), unproven_sends=1)
        run.sends("old", "new-1", "policy")
        run.saves(pending=("old", "new-2"), orphans=["new-1"], unproven_sends=1)
        run.sends("old", "new-2", "applied")
        run.saves(current="new-2", orphans=[], previous=["old", "new-1"])
        run.ends("rotated", changed=True)

    def test_policy_three_times_leaves_the_old_one(self) -> None:
        run = ScriptedRotation(OLD)
        for number in (1, 2, 3):
            run.saves(pending=("old", f"new-{number}"))
            run.sends("old", f"new-{number}", "policy")
        run.saves(current="old", pending=None, orphans=["new-3", "new-2", "new-1"], status="ok", unproven_sends=0)
        run.ends("policy_rejected")

    def test_refused_keeps_the_pair(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "refused", "SomethingNew")
        run.saves(pending=("old", "new-1"), maybe_live=True, status="ok", unproven_sends=1, codes=["SomethingNew"])
        run.ends("refused")

    def test_what_is_not_the_api_s_keeps_the_doubt_and_waits_for_nothing(self) -> None:
        run = ScriptedRotation(OLD)
        kept = run.saves(maybe_live=True)
        run.sends("old", "new-1", "wrong_url", keeps_doubt=True)
        assert run.ends("in_doubt").record == kept

    @pytest.mark.parametrize("code", ["UserLockedOut", "UserIsInactive", "AccountDisabled"])
    def test_locked_or_inactive_is_quarantined(self, code: str) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "refused", code)
        run.saves(
            pending=("old", "new-1"),
            maybe_live=True,
            status="quarantined",
            reason="barred",
            codes=[code],
            unproven_sends=1,
        )
        run.ends("quarantined")

    @pytest.mark.parametrize(("kind", "status"), NOT_APPLIED.items())
    def test_not_applied_is_written_down_as_safe(self, kind: AnswerKind, status: str) -> None:
        run = ScriptedRotation(OLD)
        run.saves(unproven_sends=1)
        run.sends("old", "new-1", kind)
        run.saves(pending=("old", "new-1"), maybe_live=False, status="ok", unproven_sends=0)
        run.ends(status)

    def test_no_answer_of_the_api_waits_likewise(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "unknown", keeps_doubt=True)
        run.waits()
        run.saves(pending=("old", "new-1"), maybe_live=True, status="in_doubt", unproven_sends=2)

    def test_no_answer_waits_and_sends_the_same_pair(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "unknown")
        run.waits()
        run.saves(pending=("old", "new-1"), maybe_live=True, status="in_doubt", unproven_sends=2)
        run.sends("old", "new-1", "applied")
        run.saves(current="new-1", unproven_sends=0)
        run.ends("rotated", changed=True)

    def test_no_answer_and_then_a_mismatch_goes_forward(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "unknown")
        run.waits()
        run.saves()
        run.sends("old", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"), orphans=["old"], unproven_sends=3)
        run.sends("new-1", "new-2", "applied")
        run.saves(current="new-2", status="ok")
        run.ends("rotated", changed=True)

    def test_no_answer_twice_stays_in_doubt(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "unknown")
        run.waits()
        kept = run.saves()
        run.sends("old", "new-1", "unknown")
        assert run.ends("in_doubt").record == kept


class TestAnswerToAPairThatMayHaveBeenApplied:
    """The second row of answers: an earlier request of this pair may be under way, or have been applied."""

    @pytest.fixture
    def run(self) -> ScriptedRotation:
        run = ScriptedRotation(staged())
        run.saves(pending=("old", "new-0"), maybe_live=True, status="in_doubt", unproven_sends=2)
        return run

    def test_applied_commits(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "applied")
        run.saves(current="new-0", pending=None, previous=["old"], status="ok", unproven_sends=0)
        run.ends("resumed", changed=True)

    def test_mismatch_goes_forward(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "mismatch")
        run.saves(pending=("new-0", "new-1"), orphans=["old"], status="in_doubt", unproven_sends=3)
        run.sends("new-0", "new-1", "applied")
        run.saves(current="new-1", previous=["new-0", "old"], orphans=[], status="ok")
        run.ends("resumed", changed=True)

    def test_a_second_mismatch_is_the_last(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "mismatch")
        run.saves()
        run.sends("new-0", "new-1", "mismatch")
        run.saves(pending=None, orphans=["new-1", "new-0", "old"], status="out_of_sync")
        run.ends("out_of_sync")

    @pytest.mark.parametrize("kind", ["policy", "refused"])
    def test_a_refusal_proves_nothing(self, run: ScriptedRotation, kind: AnswerKind) -> None:
        run.sends("old", "new-0", kind)
        run.saves(pending=("new-0", "new-1"), orphans=["old"], status="in_doubt", unproven_sends=3)
        run.sends("new-0", "new-1", "applied")
        run.saves(current="new-1", status="ok")
        run.ends("resumed", changed=True)

    @pytest.mark.parametrize("kind", ["policy", "refused"])
    def test_the_old_password_is_tried_after_a_refusal_and_a_mismatch(
        self, run: ScriptedRotation, kind: AnswerKind
    ) -> None:
        run.sends("old", "new-0", kind)
        run.saves()
        run.sends("new-0", "new-1", "mismatch")
        run.saves(pending=("old", "new-2"), orphans=["new-1", "new-0", "old"], unproven_sends=4)
        run.sends("old", "new-2", "applied")
        run.saves(current="new-2", orphans=[], status="ok")
        run.ends("resumed", changed=True)

    def test_a_second_mismatch_after_a_refusal_is_the_last(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "refused")
        run.saves()
        run.sends("new-0", "new-1", "mismatch")
        run.saves()
        run.sends("old", "new-2", "mismatch")
        run.saves(pending=None, status="out_of_sync")
        run.ends("out_of_sync")

    @pytest.mark.parametrize("kind", ["policy", "refused"])
    def test_a_second_refusal_stays_on_the_pair_of_the_step(self, run: ScriptedRotation, kind: AnswerKind) -> None:
        run.sends("old", "new-0", kind)
        run.saves()
        run.sends("new-0", "new-1", kind)
        run.saves(pending=("new-0", "new-1"), maybe_live=True, orphans=["old"], status="in_doubt")
        run.ends("in_doubt")

    def test_a_refusal_of_the_old_password_stays_on_its_pair(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "refused")
        run.saves()
        run.sends("new-0", "new-1", "mismatch")
        run.saves()
        run.sends("old", "new-2", "refused")
        run.saves(pending=("old", "new-2"), maybe_live=True, orphans=["new-1", "new-0", "old"], status="in_doubt")
        run.ends("in_doubt")

    def test_locked_is_quarantined(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "refused", "UserLockedOut")
        run.saves(pending=("old", "new-0"), status="quarantined")
        run.ends("quarantined")

    @pytest.mark.parametrize("kind", sorted(NOT_APPLIED.keys() - {"not_found"}))
    def test_not_applied_says_nothing_about_the_earlier_request(self, run: ScriptedRotation, kind: AnswerKind) -> None:
        run.sends("old", "new-0", kind)
        run.saves(pending=("old", "new-0"), maybe_live=True, status="in_doubt", unproven_sends=1, stalled=1)
        run.ends("in_doubt")

    def test_no_answer_is_not_waited_for(self, run: ScriptedRotation) -> None:
        run.sends("old", "new-0", "unknown")
        run.ends("in_doubt")


class TestForwardStep:
    @pytest.fixture
    def run(self) -> ScriptedRotation:
        run = ScriptedRotation(staged())
        run.saves()
        run.sends("old", "new-0", "mismatch")
        run.saves(pending=("new-0", "new-1"), orphans=["old"])
        return run

    def test_refused_by_policy_tries_other_values_and_keeps_the_pair(self, run: ScriptedRotation) -> None:
        run.sends("new-0", "new-1", "policy")
        run.saves(pending=("new-0", "new-2"), orphans=["new-1", "old"])
        run.sends("new-0", "new-2", "policy")
        run.saves(pending=("new-0", "new-3"))
        run.sends("new-0", "new-3", "policy")
        run.saves(pending=("new-0", "new-3"), maybe_live=False, current="old", status="in_doubt")
        run.ends("in_doubt")

    @pytest.mark.parametrize("kind", sorted(NOT_APPLIED.keys() - {"not_found"}))
    def test_not_applied_leaves_the_account_in_doubt(self, run: ScriptedRotation, kind: AnswerKind) -> None:
        run.sends("new-0", "new-1", kind)
        run.saves(pending=("new-0", "new-1"), maybe_live=False, orphans=["old"], status="in_doubt", unproven_sends=2)
        run.ends("in_doubt")

    def test_no_answer_and_a_refusal_do_not_go_forward_again(self, run: ScriptedRotation) -> None:
        run.sends("new-0", "new-1", "unknown")
        run.waits()
        run.saves(pending=("new-0", "new-1"))
        run.sends("new-0", "new-1", "refused")
        run.saves(pending=("new-0", "new-1"), maybe_live=True, status="in_doubt")
        run.ends("in_doubt")


class TestResumedPair:
    def test_that_is_known_to_be_safe_is_as_good_as_new(self) -> None:
        run = ScriptedRotation(replace(OLD, pending=Pending("old", "new-0", LONG_AGO, maybe_live=False)))
        run.saves(pending=("old", "new-0"), maybe_live=True, status="ok")
        run.sends("old", "new-0", "policy")
        run.saves(pending=("old", "new-1"), orphans=["new-0"])
        run.sends("old", "new-1", "applied")
        run.saves(current="new-1")
        run.ends("resumed", changed=True)

    def test_comes_before_age(self) -> None:
        current = Current("old", NOW.isoformat(), "rotated")
        run = ScriptedRotation(staged(current=current))
        run.saves(pending=("old", "new-0"))


class TestBudget:
    def test_is_spent_before_the_request(self) -> None:
        run = ScriptedRotation(replace(staged(), unproven_sends=3))
        run.saves(unproven_sends=4)
        run.sends("old", "new-0", "unknown")
        run.ends("in_doubt")

    def test_has_an_end(self) -> None:
        run = ScriptedRotation(replace(staged(), unproven_sends=4))
        run.saves(
            pending=("old", "new-0"),
            maybe_live=True,
            status="quarantined",
            reason="unproven_sends",
            unproven_sends=4,
        )
        run.ends("quarantined")

    def test_is_not_begun_anew_by_a_person(self) -> None:
        record = replace(closed("quarantined"), unproven_sends=6)
        run = ScriptedRotation(record, "resumed", force=True)
        run.saves(unproven_sends=7, unproven_limit=8)
        run.sends("old", "new-1", "mismatch")
        run.saves(unproven_sends=8)
        run.sends("new-1", "new-2", "mismatch")
        run.saves(status="out_of_sync", unproven_sends=8)
        run.ends("out_of_sync")

    @pytest.mark.parametrize("state", ["resumed", "adopted"])
    def test_over_all_reopenings_has_an_end(self, state: State) -> None:
        record = replace(closed("quarantined", "lost"), unproven_sends=8)
        run = ScriptedRotation(record, state, force=True, initial_password="lost")
        run.saves(status="quarantined", reason="unproven_sends", unproven_sends=8)
        run.ends("quarantined")

    def test_allows_one_request_for_each_password_that_was_set_on_the_server(self) -> None:
        record = replace(closed("quarantined"), unproven_sends=8, unproven_limit=8, reason="unproven_sends")
        run = ScriptedRotation(record, "adopted", initial_password="reset")
        run.saves(pending=("reset", "new-1"), unproven_sends=8, status="ok", reason=None)
        run.sends("reset", "new-1", "applied")
        run.saves(unproven_sends=0)
        run.ends("adopted", changed=True)

    @pytest.mark.parametrize(("total", "sends"), [(1, 1), (2, 2), (3, 3), (8, 4)])
    def test_follows_the_server(self, total: int, sends: int) -> None:
        run = ScriptedRotation(replace(staged(), unproven_sends=sends), total=total)
        run.saves(status="quarantined", reason="unproven_sends", unproven_sends=sends)
        run.ends("quarantined")


class TestFailedSignIns:
    """What the server counts is asked for before a password is sent that may be wrong."""

    def test_are_not_asked_for_on_the_clean_path(self) -> None:
        run = ScriptedRotation(OLD, counts=True)
        run.saves()
        run.sends("old", "new-1", "applied")

    def test_are_not_asked_for_before_a_pair_that_was_proven_not_applied(self) -> None:
        safe = replace(OLD, pending=Pending("old", "new-0", LONG_AGO, maybe_live=False))
        ScriptedRotation(safe, counts=True).saves(pending=("old", "new-0"))

    def test_count_before_a_resumption(self) -> None:
        run = ScriptedRotation(staged(), counts=True)
        run.counts(6)
        run.saves(unproven_sends=2)
        run.sends("old", "new-0", "mismatch")
        run.saves(status="quarantined", reason="failed_sign_ins", orphans=["old"])
        run.ends("quarantined")

    def test_of_others_close_the_account_before_anything_is_sent(self) -> None:
        run = ScriptedRotation(staged(), counts=True)
        run.counts(7)
        run.saves(status="quarantined", reason="failed_sign_ins", pending=("old", "new-0"), unproven_sends=1)
        run.ends("quarantined")

    def test_count_before_a_reopening(self) -> None:
        run = ScriptedRotation(closed(), "resumed", counts=True, force=True)
        run.counts(5)
        run.saves(status="quarantined", reason="failed_sign_ins", orphans=["old"])
        run.ends("quarantined")

    @pytest.mark.parametrize(("listed", "status"), [(6, "ok"), (7, "quarantined")])
    def test_count_before_the_step_forward_without_those_of_this_run(self, listed: int, status: str) -> None:
        """The server may list this run's own. The first request, of the clean path, does not ask."""
        run = ScriptedRotation(OLD, counts=True)
        run.saves(pending=("old", "new-1"), unproven_sends=1)
        run.sends("old", "new-1", "mismatch")
        run.counts(listed + 1)
        if status == "ok":
            run.saves(pending=("new-1", "new-2"), unproven_sends=2)
            run.sends("new-1", "new-2", "applied")
        run.saves(status=status)

    def test_count_for_a_password_that_is_adopted_from_the_record(self) -> None:
        run = ScriptedRotation(closed("quarantined", "lost"), "adopted", counts=True, initial_password="lost")
        run.counts(0)
        run.saves(pending=("lost", "new-1"), unproven_sends=4)

    def test_do_not_count_after_a_reset(self) -> None:
        run = ScriptedRotation(closed("quarantined"), "adopted", counts=True, initial_password="reset")
        run.saves(pending=("reset", "new-1"))


class TestNewStore:
    def test_the_first_mismatch_closes_the_account_and_ends_the_run(self) -> None:
        run = ScriptedRotation(None, initial_password="initial", in_new_store=True)
        run.saves()
        run.sends("initial", "new-1", "mismatch")
        run.saves(pending=None, orphans=["new-1", "initial"], status="out_of_sync", reason="wrong_password")
        assert run.ends("out_of_sync").stopped_by == "out_of_sync"

    def test_a_lost_answer_explains_a_mismatch(self) -> None:
        run = ScriptedRotation(None, initial_password="initial", in_new_store=True)
        run.saves()
        run.sends("initial", "new-1", "unknown")
        run.waits()
        run.saves()
        run.sends("initial", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"))
        run.sends("new-1", "new-2", "applied")
        run.saves()
        assert run.ends("rotated", changed=True).stopped_by is None


class TestConsumers:
    def test_are_remembered_with_the_next_write(self) -> None:
        ScriptedRotation(OLD, consumers=True).saves(has_consumers=True)
        ScriptedRotation(None, consumers=True, initial_password="initial").saves(has_consumers=True)

    def test_are_due_for_a_run_without_any(self) -> None:
        run = ScriptedRotation(replace(staged(), has_consumers=True), "resumed")
        run.saves(has_consumers=True)
        run.sends("old", "new-0", "applied")
        run.saves(delivered=False)
        run.ends("resumed", changed=True)

    def test_can_be_given_up(self) -> None:
        run = ScriptedRotation(replace(OLD, has_consumers=True), consumers=False)
        run.saves(has_consumers=False)
        run.sends("old", "new-1", "applied")
        run.saves(delivered=True)

    def test_ends_in_the_middle_of_a_run_too(self) -> None:
        run = ScriptedRotation(replace(staged(), unproven_sends=3))
        run.saves(unproven_sends=4)
        run.sends("old", "new-0", "mismatch")
        run.saves(pending=("old", "new-0"), orphans=["old"], status="quarantined")
        run.ends("quarantined")


class TestDue:
    @pytest.mark.parametrize("days", [0, 1, 89.9])
    def test_a_young_password_is_fresh(self, days: float) -> None:
        since = (NOW - timedelta(days=days)).isoformat()
        ScriptedRotation(replace(OLD, current=Current("old", since, "rotated"))).ends("fresh")

    @pytest.mark.parametrize("days", [90, 91, 4000])
    def test_an_old_password_is_due(self, days: float) -> None:
        since = (NOW - timedelta(days=days)).isoformat()
        ScriptedRotation(replace(OLD, current=Current("old", since, "rotated"))).saves(pending=("old", "new-1"))

    @pytest.mark.parametrize("since", [None, "", "yesterday", "2026-05-01T12:00:01+00:00"], ids=repr)
    def test_an_unknown_age_is_said_and_nothing_done(self, since: str | None) -> None:
        ScriptedRotation(replace(OLD, current=Current("old", since, "rotated"))).ends("age_unknown")

    @pytest.mark.parametrize("since", [None, NOW.isoformat(), "2030-01-01T00:00:00+00:00"], ids=repr)
    def test_force_asks_for_no_age(self, since: str | None) -> None:
        ScriptedRotation(replace(OLD, current=Current("old", since, "rotated")), force=True).saves(
            pending=("old", "new-1")
        )

    @pytest.mark.parametrize("since", [None, NOW.isoformat()], ids=repr)
    def test_an_adopted_password_is_always_due(self, since: str | None) -> None:
        ScriptedRotation(replace(OLD, current=Current("old", since, "adopted"))).saves(pending=("old", "new-1"))

    def test_the_initial_password_of_an_account_with_a_record_is_ignored(self) -> None:
        ScriptedRotation(OLD, initial_password="initial").saves(pending=("old", "new-1"), orphans=[])


YOUNG = replace(OLD, current=Current("old", NOW.isoformat(), "rotated"))
# What each state that is asked for does with each state of a record. None: it begins with a write.
RECORDS: dict[str, Callable[[], Record | None]] = {
    "no record": lambda: None,
    "due": lambda: OLD,
    "young": lambda: YOUNG,
    "pending": staged,
    "in_doubt": lambda: staged(status="in_doubt"),
    "out_of_sync": lambda: closed("out_of_sync", "lost"),
    "quarantined": lambda: staged(status="quarantined"),
}
NEXT: dict[str, tuple[str | None, ...]] = {
    "rotated": (None, None, "fresh", None, None, "out_of_sync", "quarantined"),
    "present": (None, "fresh", "fresh", "in_doubt", "in_doubt", "out_of_sync", "quarantined"),
    "resumed": ("fresh", "fresh", "fresh", None, None, "out_of_sync", "quarantined"),
    "adopted": (None, "fresh", "fresh", "in_doubt", "in_doubt", None, None),
    "delivered": ("fresh", "fresh", "fresh", "in_doubt", "in_doubt", "out_of_sync", "quarantined"),
    "redeliver": ("no_password", None, None, "in_doubt", "in_doubt", "out_of_sync", "quarantined"),
}
CASES = [(state, name, status) for state, statuses in NEXT.items() for name, status in zip(RECORDS, statuses)]


class TestStates:
    @pytest.mark.parametrize(("state", "name", "status"), CASES)
    def test_in_each_state_of_a_record(self, state: State, name: str, status: str | None) -> None:
        record = RECORDS[name]()
        run = ScriptedRotation(record, state, initial_password="initial")
        if status is None:
            run.saves()
        else:
            assert run.ends(status).record == record

    @pytest.mark.parametrize("status", ["out_of_sync", "quarantined"])
    def test_rotated_with_force_does_not_open_a_closed_account(self, status: ClosedStatus) -> None:
        ScriptedRotation(closed(status), force=True).ends(status)

    @pytest.mark.parametrize("state", ["rotated", "present", "adopted"])
    def test_without_a_record_and_an_initial_password_nothing_can_be_done(self, state: State) -> None:
        assert ScriptedRotation(None, state).ends("no_password").record is None


class TestPresent:
    def test_records_the_initial_password_and_sends_nothing(self) -> None:
        run = ScriptedRotation(None, "present", initial_password="initial")
        run.saves(current="initial", source="adopted", pending=None, generation=1, status="ok")
        run.ends("created")


class TestNames:
    RENAMED = Account(ACCOUNT.identity_url, ACCOUNT.user_id, "new label", "new@example.com")

    def test_reach_the_record_with_its_next_write(self) -> None:
        steps = Rotation(RotationRequest(self.RENAMED), OLD, now=lambda: NOW, new_password=lambda: "new-1").steps()
        assert next(steps).record.account == self.RENAMED  # type: ignore[union-attr]

    @pytest.mark.parametrize("state", ["rotated", "present", "resumed"])
    def test_are_saved_at_once_if_nothing_is_due(self, state: State) -> None:
        run = self.of(self.RENAMED, state)
        saved = next(run)
        assert isinstance(saved, Save)
        assert (saved.record.account, saved.record.current) == (self.RENAMED, YOUNG.current)
        with pytest.raises(StopIteration) as end:
            run.send(True)
        assert (end.value.value.status, end.value.value.noted) == ("renamed", True)

    @pytest.mark.parametrize("names", [{"name": "new label"}, {"user_name": "new@example.com"}])
    def test_one_of_them_is_enough(self, names: dict[str, str]) -> None:
        assert isinstance(next(self.of(replace(ACCOUNT, **names))), Save)

    def test_of_a_user_ignore_case(self) -> None:
        assert self.ends(replace(ACCOUNT, user_name="SVC@example.com"), user_name="svc@EXAMPLE.com") == "fresh"

    @pytest.mark.parametrize("state", ["delivered", "adopted"])
    def test_wait_in_states_that_leave_the_account_alone(self, state: State) -> None:
        assert self.ends(self.RENAMED, state) == "fresh"

    @pytest.mark.parametrize("status", ["in_doubt", "out_of_sync", "quarantined"])
    def test_wait_while_the_account_is_in_doubt(self, status: RecordStatus) -> None:
        assert self.ends(self.RENAMED, "present", replace(YOUNG, status=status)) == status

    @staticmethod
    def of(account: Account, state: State = "rotated", record: Record | None = None) -> Steps:
        request = RotationRequest(account, state, initial_password="initial")
        return Rotation(request, record or YOUNG, now=lambda: NOW, new_password=lambda: "new-1").steps()

    def ends(
        self, account: Account, state: State = "rotated", record: Record | None = None, user_name: str | None = None
    ) -> str:
        known = replace(record or YOUNG, account=replace(ACCOUNT, user_name=user_name))
        with pytest.raises(StopIteration) as end:
            next(self.of(account, state, known))
        status: str = end.value.value.status
        return status

    def test_that_are_not_given_stay(self) -> None:
        kept = replace(OLD, account=self.RENAMED)
        steps = Rotation(RotationRequest(ACCOUNT), kept, now=lambda: NOW, new_password=lambda: "new-1").steps()
        assert next(steps).record.account == self.RENAMED  # type: ignore[union-attr]


class TestDelivered:
    def test_acknowledges_without_a_call(self) -> None:
        run = ScriptedRotation(replace(staged(), delivered=False), "delivered")
        told = run.saves(delivered=True, pending=("old", "new-0"), generation=8)
        run.ends("delivered")
        assert told.delivered_at == NOW.isoformat()

    def test_acknowledges_the_generation_that_was_delivered(self) -> None:
        told = replace(staged(), delivered=False)
        run = ScriptedRotation(told, "delivered", generation=told.generation)
        run.saves(delivered=True)
        run.ends("delivered")

    @pytest.mark.parametrize("delivered", [True, False])
    def test_of_an_older_password_makes_the_current_one_due_again(self, delivered: bool) -> None:
        newer = replace(
            OLD, current=Current("newer", LONG_AGO, "rotated", 6), delivered=delivered, delivered_at=LONG_AGO
        )
        run = ScriptedRotation(newer, "delivered", generation=5)
        undone = run.saves(delivered=False, current="newer", generation=8)
        run.ends("superseded")
        assert undone.delivered_at == LONG_AGO

    @pytest.mark.parametrize("generation", [6, 7])
    def test_of_the_same_password_is_not_undone_by_later_writes(self, generation: int) -> None:
        same = replace(OLD, current=Current("same", LONG_AGO, "rotated", 6))
        ScriptedRotation(same, "delivered", generation=generation).ends("fresh")

    def test_leaves_the_record_of_a_run_that_came_first(self) -> None:
        run = ScriptedRotation(replace(OLD, delivered=False), "delivered")
        run.saves(durable=False)
        run.ends("busy")


class TestRedeliver:
    def test_undoes_a_delivery_without_a_call(self) -> None:
        run = ScriptedRotation(replace(OLD, delivered_at=LONG_AGO), "redeliver")
        undone = run.saves(delivered=False, current="old", pending=None, generation=8)
        assert run.ends("delivery_due").noted
        assert undone.delivered_at == LONG_AGO

    @pytest.mark.parametrize("delivered", [True, False])
    def test_supersedes_a_delivery_under_way(self, delivered: bool) -> None:
        run = ScriptedRotation(replace(OLD, delivered=delivered), "redeliver")
        due = run.saves(delivered=False, current="old", generation=8)
        assert run.ends("delivery_due").noted

        late = ScriptedRotation(due, "delivered", generation=OLD.generation)
        late.saves(delivered=False)
        late.ends("superseded")
        again = ScriptedRotation(due, "delivered", generation=due.generation)
        again.saves(delivered=True)
        again.ends("delivered")

    def test_leaves_the_record_of_a_run_that_came_first(self) -> None:
        run = ScriptedRotation(OLD, "redeliver")
        run.saves(durable=False)
        assert not run.ends("busy").noted


class TestReopening:
    def test_a_lost_answer_leads_to_the_step_forward(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "lost", "late"), "resumed", force=True)
        run.saves(pending=("lost", "new-1"))
        run.sends("lost", "new-1", "unknown")
        run.waits()
        run.saves(pending=("lost", "new-1"))
        run.sends("lost", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"))
        run.sends("new-1", "new-2", "applied")
        run.saves(current="new-2", status="ok")
        run.ends("resumed", changed=True)

    def test_tries_the_newest_first(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "late", "lost"), "resumed", force=True)
        run.saves(pending=("late", "new-1"), orphans=["late", "lost", "old"], status="in_doubt", unproven_sends=4)
        run.sends("late", "new-1", "applied")
        run.saves(current="new-1", pending=None, orphans=[], status="ok", unproven_sends=0)
        run.ends("resumed", changed=True)

    def test_a_pending_pair_is_newer_than_all(self) -> None:
        run = ScriptedRotation(staged(status="quarantined"), "resumed", force=True)
        run.saves(pending=("new-0", "new-1"), orphans=["new-0", "old"], unproven_sends=2, unproven_limit=5)
        run.sends("new-0", "new-1", "mismatch")
        run.saves(pending=("old", "new-2"), orphans=["old", "new-1", "new-0"], unproven_sends=3)
        run.sends("old", "new-2", "applied")
        run.saves(current="new-2", status="ok")
        run.ends("resumed", changed=True)

    def test_two_mismatches_end_it_and_the_next_time_others_come_first(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "late", "lost"), "resumed", force=True)
        run.saves()
        run.sends("late", "new-1", "mismatch")
        run.saves(pending=("lost", "new-2"))
        run.sends("lost", "new-2", "mismatch")
        run.saves(pending=None, orphans=["old", "new-1", "late", "new-2", "lost"], status="out_of_sync")
        run.ends("out_of_sync")

    def test_the_only_candidate_is_followed_by_a_forward_step(self) -> None:
        run = ScriptedRotation(closed(), "resumed", force=True)
        run.saves(pending=("old", "new-1"))
        run.sends("old", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"))
        run.sends("new-1", "new-2", "mismatch")
        run.saves(status="out_of_sync")
        run.ends("out_of_sync")

    def test_a_refusal_by_policy_does_not_make_the_current_one_proven(self) -> None:
        run = ScriptedRotation(closed(), "resumed", force=True)
        for number in (1, 2, 3):
            run.saves(pending=("old", f"new-{number}"))
            run.sends("old", f"new-{number}", "policy")
        run.saves(pending=None, current="old", status="out_of_sync", unproven_sends=3)
        run.ends("out_of_sync")

    @pytest.mark.parametrize("kind", NOT_APPLIED)
    def test_a_request_without_effect_leaves_the_account_closed(self, kind: AnswerKind) -> None:
        """The next run, which nobody watches, does not spend requests on it."""
        before = closed("quarantined", "late", "lost")
        run = ScriptedRotation(before, "resumed", force=True)
        run.saves()
        run.sends("late", "new-1", kind)
        again = run.saves(pending=None, status="quarantined", unproven_sends=3, reason=before.reason)
        assert again.candidates() == ("late", "lost", "old", "new-1")
        run.ends("quarantined")

    def test_a_request_without_effect_after_a_mismatch_leaves_what_was_found_out(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "late", "lost"), "resumed", force=True)
        run.saves()
        run.sends("late", "new-1", "mismatch")
        run.saves(pending=("lost", "new-2"))
        run.sends("lost", "new-2", "throttled")
        again = run.saves(pending=None, status="out_of_sync", unproven_sends=4)
        assert again.candidates() == ("lost", "old", "new-1", "new-2", "late")
        run.ends("out_of_sync")

    def test_what_was_rejected_comes_last(self) -> None:
        """A server that was restored from a backup has an earlier password."""
        run = ScriptedRotation(replace(OLD, previous=(Retired("earlier", LONG_AGO),)))
        run.saves()
        run.sends("old", "new-1", "mismatch")
        run.saves()
        run.sends("new-1", "new-2", "mismatch")
        assert run.saves(status="out_of_sync").candidates() == ("new-2", "earlier", "new-1", "old")


class TestAdoption:
    def test_keeps_all_earlier_candidates(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "lost"), "adopted", initial_password="theirs")
        run.saves(
            current="theirs",
            source="adopted",
            pending=("theirs", "new-1"),
            orphans=["lost", "old"],
            status="ok",
            unproven_sends=4,
        )
        run.sends("theirs", "new-1", "applied")
        run.saves(current="new-1", source="rotated", orphans=[], previous=["theirs", "lost", "old"], status="ok")
        run.ends("adopted", changed=True)

    def test_of_a_password_that_was_adopted_and_refused_sends_nothing_and_says_so(self) -> None:
        tried = replace(closed(), current=Current("wrong", LONG_AGO, "adopted"))
        outcome = ScriptedRotation(tried, "adopted", initial_password="wrong").ends("out_of_sync")
        assert outcome.record == tried
        assert outcome.error
        assert "was adopted before, and rejected as wrong" in outcome.error.message
        ScriptedRotation(replace(tried, status="quarantined"), "adopted", initial_password="wrong").saves()

    def test_of_a_password_that_was_refused_is_tried_again_with_force(self) -> None:
        tried = replace(closed(), current=Current("reset", LONG_AGO, "adopted"), unproven_sends=2)
        run = ScriptedRotation(tried, "adopted", force=True, initial_password="reset")
        run.saves(pending=("reset", "new-1"), unproven_sends=3)
        run.sends("reset", "new-1", "applied")
        run.saves(current="new-1", status="ok")
        run.ends("adopted", changed=True)

    @pytest.mark.parametrize("kind", [*NOT_APPLIED, "policy"])
    def test_that_the_server_did_not_let_happen_leaves_the_account_closed(self, kind: AnswerKind) -> None:
        """Nothing has proven the password: it is no better than the former candidates."""
        run = ScriptedRotation(closed("out_of_sync", "lost"), "adopted", initial_password="theirs")
        for number in (1, 2, 3) if kind == "policy" else (1,):
            run.saves(current="theirs", pending=("theirs", f"new-{number}"))
            run.sends("theirs", f"new-{number}", kind)
        again = run.saves(pending=None, current="old", source="rotated", status="out_of_sync", unproven_sends=3)
        assert {"lost", "old", "theirs", "new-1"} <= set(again.candidates())
        run.ends("out_of_sync")

    def test_that_the_server_did_not_let_happen_may_be_repeated(self) -> None:
        """All requests are used up. One is allowed for the new password, until it may have reached the server."""
        before = replace(closed("quarantined", "lost"), unproven_sends=8, unproven_limit=8)
        for kind in ("throttled", "unauthorized"):
            run = ScriptedRotation(before, "adopted", initial_password="reset", counts=True)
            run.saves(current="reset", unproven_sends=8)
            run.sends("reset", "new-1", kind)
            before = run.saves(status="quarantined", unproven_sends=8)
            assert before.candidates()[0] == "reset"
        run = ScriptedRotation(before, "adopted", initial_password="reset", counts=True)
        run.saves()
        run.sends("reset", "new-1", "unknown")
        run.waits()
        before = run.saves(status="quarantined")
        ScriptedRotation(before, "adopted", initial_password="reset").saves(status="quarantined", pending=None)

    def test_leaves_what_was_rejected_last(self) -> None:
        record = closed("out_of_sync", "likely")
        record = replace(record, orphans=(*record.orphans, Orphan("dead", LONG_AGO, "rejected")))
        run = ScriptedRotation(record, "adopted", initial_password="theirs")
        run.saves()
        run.sends("theirs", "new-1", "throttled")
        assert run.saves().candidates() == ("theirs", "likely", "old", "new-1", "dead")

    def test_of_a_wrong_password_leaves_the_former_candidates_first(self) -> None:
        run = ScriptedRotation(closed("out_of_sync", "lost"), "adopted", initial_password="wrong")
        run.saves()
        run.sends("wrong", "new-1", "mismatch")
        run.saves(pending=("new-1", "new-2"), orphans=["lost", "old", "wrong"])
        run.sends("new-1", "new-2", "mismatch")
        lost = run.saves(pending=None, orphans=["lost", "old", "wrong", "new-2", "new-1"], status="out_of_sync")
        assert lost.candidates()[:2] == ("lost", "old")
        run.ends("out_of_sync")

    def test_of_the_first_password_is_called_so(self) -> None:
        run = ScriptedRotation(None, "adopted", initial_password="initial")
        run.saves(current="initial", source="adopted")
        run.sends("initial", "new-1", "applied")
        run.saves()
        run.ends("adopted", changed=True)

    @pytest.mark.parametrize("status", ["out_of_sync", "quarantined"])
    def test_without_a_password_a_closed_account_stays_what_it_is(self, status: ClosedStatus) -> None:
        outcome = ScriptedRotation(closed(status), "adopted").ends(status)
        assert outcome.error
        assert "needs an initial_password" in outcome.error.message

    def test_of_an_account_in_doubt_says_what_comes_first(self) -> None:
        outcome = ScriptedRotation(staged(), "adopted", initial_password="theirs").ends("in_doubt")
        assert outcome.error
        assert "run without that state first" in outcome.error.message


class TestStoreConflict:
    @pytest.fixture
    def run(self) -> ScriptedRotation:
        """A run whose commit, of generation 9, was not written, because another process had written."""
        run = ScriptedRotation(OLD)
        run.saves(generation=8)
        run.sends("old", "new-1", "applied")
        run.saves(durable=False, current="new-1", generation=9)
        return run

    def test_both_values_are_kept(self, run: ScriptedRotation) -> None:
        run.preserves(replace(OLD, current=Current("edited", LONG_AGO, "rotated"), generation=5))
        kept = run.saves(current="new-1", pending=None, orphans=["edited"], status="ok", generation=10)
        assert run.ends("store_conflict", changed=True).record == kept

    def test_our_own_stage_encrypted_anew_is_overwritten(self, run: ScriptedRotation) -> None:
        run.preserves(replace(staged(), pending=Pending("old", "new-1", LONG_AGO), generation=8))
        run.saves(current="new-1", pending=None, orphans=[], previous=["old"], status="ok", generation=10)
        run.ends("store_conflict", changed=True)

    def test_a_run_that_went_on_from_ours_is_left_alone(self, run: ScriptedRotation) -> None:
        theirs = replace(OLD, pending=Pending("new-1", "theirs", LONG_AGO), generation=9)
        run.preserves(theirs)
        assert run.ends("store_conflict", changed=True).record is theirs

    def test_of_two_that_do_not_know_each_other_neither_is_believed(self, run: ScriptedRotation) -> None:
        run.preserves(replace(OLD, current=Current("theirs", LONG_AGO, "rotated"), generation=12))
        run.saves(current="new-1", orphans=["theirs"], status="out_of_sync", reason="record_conflict", generation=13)
        run.ends("store_conflict", changed=True)

    def test_a_record_that_is_gone_is_written_again(self, run: ScriptedRotation) -> None:
        run.preserves(None)
        run.saves(current="new-1", status="ok", generation=9)
        run.ends("store_conflict", changed=True)

    def test_a_second_conflict_is_reported(self, run: ScriptedRotation) -> None:
        run.preserves(None)
        run.saves(durable=False)
        assert run.ends("store_conflict", changed=True).record is None

    def test_of_a_forward_step_sends_nothing_more(self) -> None:
        run = ScriptedRotation(OLD)
        run.saves()
        run.sends("old", "new-1", "mismatch")
        run.saves(durable=False, pending=("new-1", "new-2"))
        run.preserves(replace(OLD, generation=8))
        run.saves(pending=("new-1", "new-2"), orphans=["old"], status="in_doubt", generation=10)
        run.ends("store_conflict")


class TestSecrecy:
    def test_no_step_and_no_ending_shows_a_password(self) -> None:
        record = replace(staged(), orphans=(Orphan("lost", LONG_AGO, "rejected"),))
        request = RotationRequest(ACCOUNT, initial_password="initial")
        shown = repr([Save(record), Send("old", "new-0"), Outcome("fresh", record), request])
        assert not any(repr(password) in shown for password in ("old", "new-0", "lost", "initial"))
