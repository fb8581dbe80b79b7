# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations that are wrong on purpose. Most of them are how shipped products do it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record, next_generation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Attempt, Rotation, reaction
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    AccountStatus,
    Outcome,
    Send,
    Steps,
    Wait,
)


class ChangesFirst(Rotation):
    """Stores the new password when the server has it."""

    def _send(self, record: Record, attempt: Attempt) -> Steps:
        self._answers.append((yield Send(attempt.pair.old, attempt.pair.new)))
        if self._answers[-1].kind != "applied":
            return self._outcome("refused", record)
        return (yield from self._commit(record, attempt))


class DropsOnMismatch(Rotation):
    """Takes a mismatch for the proof that nothing was changed."""

    def _after_mismatch(self, record: Record, attempt: Attempt) -> Steps:
        return (yield from self._saved(replace(record, pending=None, status="out_of_sync"), "out_of_sync"))


class DropsOnTimeout(Rotation):
    """Takes a lost answer for the proof that nothing was changed."""

    def _wait_and_resend(self, record: Record, attempt: Attempt) -> Steps:
        return (yield from self._saved(replace(record, pending=None), "unreachable"))

    _leave_in_doubt = _wait_and_resend


class RollsBack(Rotation):
    """Undoes what may have been applied. Either way, the old password is live then; but the request is in flight."""

    def _wait_and_resend(self, record: Record, attempt: Attempt) -> Steps:
        pair = attempt.pair
        yield Wait()
        undone = next_generation(record, pending=Pending(pair.new, pair.old, pair.staged_at))
        failure = yield from self._persisted(undone)
        if failure:
            return failure
        self._answers.append((yield Send(pair.new, pair.old)))
        return (yield from self._saved(replace(undone, pending=None), "unreachable"))

    _leave_in_doubt = _wait_and_resend


class DeletesOrphansEarly(Rotation):
    """Tidies up when it stages: before the new password was proven to be live."""

    def _send(self, record: Record, attempt: Attempt) -> Steps:
        return (yield from super()._send(replace(record, orphans=()), attempt))


class StartsAfresh(Rotation):
    """Replaces what an earlier run has staged."""

    def _resume(self, record: Record, pending: Pending) -> Steps:
        return (yield from self._change(replace(record, pending=None)))


class DropsOnRefusal(Rotation):
    """Takes a refusal for the proof that nothing was changed, though the pair was sent before."""

    def _step_forward(self, record: Record, attempt: Attempt) -> Steps:
        if self._answers[-1].kind == "mismatch":
            return (yield from super()._step_forward(record, attempt))
        return (yield from self._saved(replace(record, pending=None), "refused"))


class GoesBack(Rotation):
    """Returns to the pair before the step forward when the server refuses that step as well."""

    def _forward_in_doubt(self, record: Record, attempt: Attempt) -> Steps:
        self._first_pair = attempt.pair
        return (yield from super()._forward_in_doubt(record, attempt))

    def _refused(self, record: Record, attempt: Attempt) -> Steps:
        if not attempt.is_unproven:
            return (yield from super()._refused(record, attempt))
        without = self._with_orphans(record, (attempt.pair.new,), "rejected")
        return (yield from self._saved(replace(without, pending=self._first_pair), "in_doubt"))


class SaysNothingWasChanged(Rotation):
    """Reports the last request, and not the account."""

    def _outcome(self, status: AccountStatus, record: Record | None) -> Outcome:
        return Outcome(status, record, tuple(self._answers))


class TriesForEver(Rotation):
    """Goes on from one password to the next, whatever the server's counter says."""

    def _after_mismatch(self, record: Record, attempt: Attempt) -> Steps:
        onward = self._with_orphans(record, (attempt.pair.old,), "replaced")
        following = Attempt(self._pair(attempt.pair.new))
        return (yield from self._send(replace(onward, unproven_sends=0), following))


class SendsWhatItRead(Rotation):
    """Sends the pair of an earlier run at once: that run has stored it."""

    def _resume(self, record: Record, pending: Pending) -> Steps:
        self._answers.append((yield Send(pending.old, pending.new)))
        attempt = Attempt(pending, maybe_applied=pending.maybe_live)
        return (yield from self._after_resend[reaction(self._answers[-1])](record, attempt))
