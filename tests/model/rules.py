# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after every step, whatever went wrong before. A search may select rules by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, doubt
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import (
    MISMATCH_LIMIT,
    OF_THE_LAST_REQUEST,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome, Save, Send, Step

THEIRS = "theirs-"  # what a person set begins with it

RULES = {
    "kept": "the live password is in the durable record, and not as one that was proven dead",
    "dropped": "no password leaves the record before another one was proven live",
    "staged": "what is sent was made durable by the same run just before",
    "mismatches": "one run provokes no more mismatches than it may",
    "budget": "every failed sign-in is in the durable budget, which has an end",
    "generation": "the generation grows with every write",
    "honest": "a record that is ok, with nothing pending that may be live, has the live password as the current one",
    "told": "a run ends with the record that is in the store",
    "truthful": "a status that says nothing was changed is that of an account whose live password is known",
}


class Violation(AssertionError):
    """A rule is broken. `trace` is how it came to that."""

    def __init__(self, rule: str, trace: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join([f"not true that {RULES[rule]}:", *trace]))
        self.rule = rule
        self.trace = tuple(trace)


def is_kept(live: str, record: Record | None) -> bool:
    return record is None or live.startswith(THEIRS) or live in possibly_live(record)


def possibly_live(record: Record) -> set[str]:
    """The passwords that the record does not hold for dead."""
    pending = (record.pending.old, record.pending.new) if record.pending else ()
    return {record.current.password, *pending, *(orphan.password for orphan in record.orphans)}


def is_honest(live: str, record: Record | None) -> bool:
    """An adopted password was never proven, and an administrator who changes a password does not tell the store."""
    if record is None or live.startswith(THEIRS) or record.current.source == "adopted":
        return True
    doubtful = record.status != "ok" or (record.pending is not None and record.pending.maybe_live)
    return doubtful or record.current.password == live


def is_within_budget(failures: int, record: Record | None, excused: int) -> bool:
    """`excused`: failed sign-ins by copies that the network made, or that a person forgave."""
    unproven = record.unproven_sends if record else 0
    return failures <= unproven + excused and 0 <= unproven <= UNPROVEN_TOTAL


def drops_nothing(before: Record | None, after: Record, proven: set[str]) -> bool:
    gone = set(before.candidates()) - set(after.candidates()) if before else set()
    return not gone or (after.current.password in proven and after.current.source == "rotated")


def grows(before: Record | None, after: Record) -> bool:
    return after.generation > (before.generation if before else 0)


def was_staged(step: Send, steps: Sequence[Step], heard: Sequence[Any]) -> bool:
    last = steps[-1] if steps else None
    if not isinstance(last, Save) or not heard[-1] or not last.record.pending:
        return False
    return (last.record.pending.old, last.record.pending.new) == (step.old, step.new)


def is_truthful(outcome: Outcome) -> bool:
    """A refusal leaves the pair that was refused in doubt, and does not say otherwise."""
    if outcome.status == "refused":
        return outcome.record is not None and outcome.record.status == "ok"
    return outcome.status not in OF_THE_LAST_REQUEST or (outcome.record is not None and not doubt(outcome.record))


def is_careful(outcome: Outcome) -> bool:
    return sum(answer.kind == "mismatch" for answer in outcome.answers) <= MISMATCH_LIMIT
