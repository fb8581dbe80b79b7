# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of one account from a store to another, as records: what comes next, and what is written.

At most one of the two records is in charge. The source is, until its record says that the account was moved. Before
that, the target has a copy that is not in charge, and after it, the copy is opened.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Move,
    Record,
    next_generation,
    with_orphans,
)

# What a run does next for an account: two steps, or how it ends.
Next = Literal["copy", "open", "already_moved", "no_record", "unfinished", "conflict"]


def next_step(source: Record | None, target: Record | None) -> Next:
    """Determine from both records what comes next."""
    if source is None:
        return "no_record"
    if source.move is None:
        return "copy" if target is None or target.move else "conflict"
    if source.move.is_copy:
        return "unfinished"
    if target is None:
        return "conflict"
    if target.move is None:
        return "already_moved"
    return "open" if target.move.is_copy and target.move.id == source.move.id else "conflict"


def is_copy_of(source: Record, target: Record | None) -> bool:
    """Tell whether the target already has a copy of exactly this record, so that it can be used as it is."""
    if target is None or target.move is None or not target.move.is_copy:
        return False
    is_same = (target.current, target.pending) == (source.current, source.pending)
    return is_same and target.move.generation == source.generation and has_all(target, source)


def has_all(record: Record, other: Record) -> bool:
    return set(other.candidates()) <= set(record.candidates())


def copied(source: Record, target: Record | None, move_id: str, *, place: str, time: str) -> Record:
    """Return the target's copy, which is not in charge. It has the passwords of the record that it replaces as well."""
    move = Move(move_id, place, True, source.generation, source.status, source.reason)
    generation = max(source.generation, target.generation if target else 0) + 1
    copy = replace(source, generation=generation, status="moved", reason=None, move=move)
    return with_passwords_of(copy, target, time) if target else copy


def moved_away(source: Record, copy: Move, *, place: str) -> Record:
    """Return the source's record as it stays, given what the target's copy says of the move."""
    move = replace(copy, place=place, is_copy=False)
    return next_generation(source, status="moved", reason=None, move=move)


def opened(source: Record, target: Record, move: Move, *, time: str) -> Record:
    """Return the target's record in charge, as the source's was."""
    complete = with_passwords_of(target, source, time)
    return next_generation(complete, status=move.status, reason=move.reason, move=None)


def with_passwords_of(record: Record, other: Record, time: str) -> Record:
    unknown = [password for password in other.candidates() if password not in record.candidates()]
    return with_orphans(record, unknown, time, "found in another store", behind=True) if unknown else record
