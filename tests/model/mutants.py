# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations that are wrong on purpose. Most of them are how shipped products do it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Pending, Record, next_generation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import Rotation
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Send, Steps, Wait


class ChangesFirst(Rotation):
    """Stores the new password when the server has it."""

    def _send(self, record: Record, pair: Pending, *, maybe_applied: bool) -> Steps:
        self._answers.append((yield Send(pair.old, pair.new)))
        if self._answers[-1].kind != "applied":
            return self._outcome("refused", record)
        return (yield from self._commit(record, pair))


class DropsOnMismatch(Rotation):
    """Takes a mismatch for the proof that nothing was changed."""

    def _after_mismatch(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        return (yield from self._saved(replace(record, pending=None, status="out_of_sync"), "out_of_sync"))


class DropsOnTimeout(Rotation):
    """Takes silence for the proof that nothing was changed."""

    def _after_silence(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        return (yield from self._saved(replace(record, pending=None), "unreachable"))


class RollsBack(Rotation):
    """Undoes what may have been applied. Either way, the old password is live then; but the request is still flying."""

    def _after_silence(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        yield Wait()
        undone = next_generation(record, pending=Pending(pair.new, pair.old, pair.staged_at))
        failure = yield from self._persisted(undone)
        if failure:
            return failure
        self._answers.append((yield Send(pair.new, pair.old)))
        return (yield from self._saved(replace(undone, pending=None), "unreachable"))


class DeletesOrphansEarly(Rotation):
    """Tidies up when it stages: before the new password was proven to be live."""

    def _send(self, record: Record, pair: Pending, *, maybe_applied: bool) -> Steps:
        return (yield from super()._send(replace(record, orphans=()), pair, maybe_applied=maybe_applied))


class StartsAfresh(Rotation):
    """Replaces what an earlier run has staged."""

    def _resume(self, record: Record, pending: Pending) -> Steps:
        return (yield from self._change(replace(record, pending=None)))


class DropsOnRefusal(Rotation):
    """Takes a refusal for the proof that nothing was changed, though the pair was sent before."""

    def _forward(self, record: Record, pair: Pending) -> Steps:
        if self._answers[-1].kind == "mismatch":
            return (yield from super()._forward(record, pair))
        return (yield from self._saved(replace(record, pending=None), "refused"))


class TriesForEver(Rotation):
    """Goes on from one password to the next, whatever the server's counter says."""

    def _after_mismatch(self, record: Record, pair: Pending, maybe_applied: bool) -> Steps:
        onward = self._with_orphans(record, (pair.old,), "replaced")
        return (yield from self._send(replace(onward, unproven_sends=0), self._pair(pair.new), maybe_applied=False))
