# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one account, as a store keeps it, and the transitions between its states.

A password that was staged stays in the record until another one is proven to be live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Literal, Union, get_args

KEPT_PREVIOUS = 3
KEPT_ROTATIONS = 3
# The requests without a proof that are allowed before a person has to look into the account.
UNPROVEN_LIMIT = 4
ClosedStatus = Literal["out_of_sync", "quarantined"]
# Why no run may work on an account: an administrator has to repair it, or another store is in charge of it.
BarredStatus = Union[ClosedStatus, Literal["moved"]]
RecordStatus = Union[Literal["ok", "in_doubt"], BarredStatus]
Source = Literal["rotated", "adopted"]
# Why a password is kept among the orphans, for people who look into a record.
OrphanReason = Literal[
    "adopted, but not tried",
    "before adoption",
    "found in another store",
    "found in another version of the record",
    "never applied",
    "not proven dead",
    "rejected",
    "rejected by policy",
    "replaced",
    "written by another process",
]
# Why an account was closed.
ClosedReason = Literal["wrong_password", "record_conflict", "barred", "unproven_sends", "failed_sign_ins"]
REASONS: tuple[ClosedReason, ...] = get_args(ClosedReason)
SOURCES: tuple[Source, ...] = get_args(Source)
CLOSED: tuple[ClosedStatus, ...] = get_args(ClosedStatus)
# Passwords that are tried after all others.
UNLIKELY: frozenset[OrphanReason] = frozenset(
    {"rejected", "rejected by policy", "never applied", "found in another store"}
)
STATUSES: tuple[RecordStatus, ...] = ("ok", "in_doubt", *CLOSED, "moved")


@dataclass(frozen=True)
class Account:
    """The identity of an account. A record of another account or another server is never overwritten."""

    identity_url: str
    user_id: str
    name: str | None = None
    user_name: str | None = None


@dataclass(frozen=True)
class Current:
    """The password that consumers use. `since` is an ISO 8601 time in UTC, or None if it is not known.

    `generation` is the record's when the password became the current one, or was last to be delivered again.
    """

    password: str = field(repr=False)
    since: str | None
    source: Source
    generation: int = 1


@dataclass(frozen=True)
class Pending:
    """A pair that was or may have been sent. `maybe_live` is false only after a proof that it was not applied."""

    old: str = field(repr=False)
    new: str = field(repr=False)
    staged_at: str
    maybe_live: bool = True


@dataclass(frozen=True)
class Orphan:
    """A password that was staged or found earlier, and is not yet proven dead."""

    password: str = field(repr=False)
    since: str
    why: OrphanReason


@dataclass(frozen=True)
class Retired:
    """A password that was proven dead."""

    password: str = field(repr=False)
    retired_at: str


@dataclass(frozen=True)
class RotatedBy:
    """A rotation: when it was recorded, and the user or the job that ran it."""

    at: str
    by: str


@dataclass(frozen=True)
class Move:
    """Says that this record is not in charge of the account. No run sends anything for it or changes it.

    The records in both stores have the same `id`. `place` is the other store: the account was moved there or, if this
    `is_copy`, its move from there is not complete. `status` and `reason` are those that the account has in the store
    in charge. `generation` is that of the record that was copied.
    """

    id: str
    place: str
    is_copy: bool
    generation: int
    status: RecordStatus
    reason: ClosedReason | None = None


@dataclass(frozen=True)
class Record:
    """What the store keeps of one account.

    `reason` says why a closed account was closed, `error_codes` are the server's codes of the last refusal.
    `unproven_sends` are the requests since the last proof which may have counted as failed sign-ins. At
    `unproven_limit`, the account is closed; only a person raises it, by reopening the account. `stalled` are the runs
    since the last proof whose requests had no effect. `has_consumers`: every new password has to be delivered, even if
    a run without consumers sets it. `move` is set exactly if the status is `moved`.
    """

    account: Account
    current: Current
    generation: int = 0
    pending: Pending | None = None
    orphans: tuple[Orphan, ...] = ()
    previous: tuple[Retired, ...] = ()
    status: RecordStatus = "ok"
    reason: ClosedReason | None = None
    error_codes: tuple[str, ...] = ()
    unproven_sends: int = 0
    unproven_limit: int = UNPROVEN_LIMIT
    stalled: int = 0
    has_consumers: bool = False
    delivered: bool = True
    delivered_at: str | None = None
    rotations: tuple[RotatedBy, ...] = ()
    move: Move | None = None

    def candidates(self) -> tuple[str, ...]:
        """Return every password that may be live, the likeliest first, those that the server rejected last."""
        unlikely = {orphan.password for orphan in self.orphans if orphan.why in UNLIKELY}
        return tuple(sorted(dict.fromkeys(self.passwords()), key=lambda password: password in unlikely))

    def passwords(self) -> Iterator[str]:
        if self.pending:
            yield from (self.pending.new, self.pending.old)
        yield from (orphan.password for orphan in self.orphans)
        yield self.current.password
        yield from (retired.password for retired in self.previous)


def next_generation(record: Record, **changes: Any) -> Record:
    return replace(record, generation=record.generation + 1, **changes)


def was_rotated(record: Record) -> bool:
    """Tell whether a run ever changed the account's password. Older records do not list their rotations."""
    return record.current.source == "rotated" or bool(record.rotations or record.previous)


def doubt(record: Record) -> Literal["in_doubt"] | BarredStatus | None:
    """Return why the current password may not be the live one, as a status, or None."""
    if record.status == "in_doubt" or (record.status == "ok" and record.pending and record.pending.maybe_live):
        return "in_doubt"
    return closed_status(record)


def with_names(record: Record, account: Account) -> Record:
    """Return the record with the label and the user name of the task."""
    given = {name: value for name in ("name", "user_name") if (value := getattr(account, name))}
    names = {name: value for name, value in given.items() if value != getattr(record.account, name)}
    return replace(record, account=replace(record.account, **names)) if names else record


def committed(record: Record, pair: Pending, rotation: RotatedBy) -> Record:
    """Return the next record after the new password of the pair was proven live: all others are dead."""
    dead = dict.fromkeys((pair.old, *record.candidates()))
    retired = {old.password: old.retired_at for old in record.previous}
    generation = record.generation + 1
    return replace(
        record,
        generation=generation,
        current=Current(pair.new, rotation.at, "rotated", generation),
        pending=None,
        orphans=(),
        previous=tuple(Retired(old, retired.get(old, rotation.at)) for old in dead if old != pair.new)[:KEPT_PREVIOUS],
        status="ok",
        reason=None,
        error_codes=(),
        unproven_sends=0,
        unproven_limit=UNPROVEN_LIMIT,
        stalled=0,
        delivered=record.delivered and not record.has_consumers,
        rotations=(rotation, *record.rotations)[:KEPT_ROTATIONS],
    )


def closed(record: Record, status: ClosedStatus, reason: ClosedReason) -> Record:
    """Close the account until an administrator reopens it. A record that is not in charge stays that."""
    return record if record.move else replace(record, status=status, reason=reason)


def with_orphans(
    record: Record, passwords: Sequence[str], time: str, why: OrphanReason, *, behind: bool = False
) -> Record:
    """Add these passwords to the orphans, before the present ones or, with `behind`, after them.

    A known one keeps its reason, unless the server has rejected it since.
    """
    added = {password: Orphan(password, time, why) for password in passwords}
    if behind:
        kept = tuple(orphan for orphan in record.orphans if orphan.password not in added)
        if why != "rejected":
            added |= {orphan.password: orphan for orphan in record.orphans if orphan.password in added}
        return replace(record, orphans=(*kept, *added.values()))
    known = tuple(
        added[orphan.password] if orphan.password in added and why == "rejected" else orphan
        for orphan in record.orphans
    )
    names = {orphan.password for orphan in known}
    return replace(record, orphans=(*(orphan for orphan in added.values() if orphan.password not in names), *known))


def closed_status(record: Record) -> BarredStatus | None:
    """Return the status of an account that only an administrator may reopen, or that was moved, or None."""
    return None if record.status == "ok" or record.status == "in_doubt" else record.status


def redacted(record: Record) -> Record:
    """Return the record without its passwords: what planning, results and reports need of it."""
    pending = record.pending and replace(record.pending, old="", new="")
    return replace(record, current=replace(record.current, password=""), pending=pending, orphans=(), previous=())


def recorded_time(text: object) -> datetime | None:
    """Return a time of a record in UTC, or None if it is missing or invalid."""
    return parsed_time(text) if isinstance(text, str) else None


@lru_cache
def parsed_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
    except (OverflowError, ValueError):
        return None


def start_of(current: Current) -> datetime | None:
    """Return the time in UTC since which the password is the current one, or None if it is missing or invalid."""
    return recorded_time(current.since)


def age_days(current: Current, now: datetime) -> float | None:
    """Return the age of the password in days, or None if its start is missing, invalid or in the future."""
    since = start_of(current)
    return None if since is None or since > now else (now - since) / timedelta(days=1)


def last_rotated(record: Record) -> datetime | None:
    """Return when the current password was set by a rotation, or None: an initial one was not."""
    return start_of(record.current) if record.current.source == "rotated" else None


def next_due(record: Record, max_age_days: float) -> datetime | None:
    """Return when the password is due, or None if the time is not known or beyond the calendar.

    An initial password is due at once.
    """
    since = start_of(record.current)
    if since is None or record.current.source == "adopted":
        return since
    try:
        return since + timedelta(days=max_age_days)
    except (OverflowError, ValueError):
        return None


def is_due(record: Record, max_age_days: float, now: datetime) -> bool:
    """Tell whether the account has work to do: a pair to complete, a password that is due, or one of unknown age."""
    due = next_due(record, max_age_days)
    return bool(record.pending) or age_days(record.current, now) is None or (due is not None and now >= due)


def is_overdue(record: Record, max_age_days: float, now: datetime) -> bool:
    """Tell whether the password has been due for more than a day, or its age is not known."""
    due = next_due(record, max_age_days)
    return age_days(record.current, now) is None or (due is not None and now - due > timedelta(days=1))


def timestamp(time: datetime) -> str:
    """Return the time in ISO 8601, in UTC, as records and results have it."""
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")
