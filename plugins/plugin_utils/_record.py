# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store keeps of one account, and the form in which it keeps it.

A value that was ever staged stays somewhere in the record until another value was proven to be live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1
STATUSES = ("ok", "in_doubt", "out_of_sync", "quarantined")


class InvalidRecord(ValueError):
    """A document is no record of this schema. The message names the field, never a value."""


@dataclass(frozen=True)
class Account:
    """Whose password it is. A record of another account, or of another server, is never overwritten."""

    identity_url: str
    user_id: str
    name: str | None = None
    user_name: str | None = None


@dataclass(frozen=True)
class Current:
    """The password that consumers use. C(since) is an ISO 8601 time in UTC, or None where it is not known."""

    password: str = field(repr=False)
    since: str | None
    source: str  # rotated | adopted


@dataclass(frozen=True)
class Pending:
    """A pair that was, or may have been, sent. C(maybe_live) is false only after a proof that it was not applied."""

    old: str = field(repr=False)
    new: str = field(repr=False)
    staged_at: str
    maybe_live: bool = True


@dataclass(frozen=True)
class Orphan:
    """A password that was staged or found once, and is not yet proven dead."""

    password: str = field(repr=False)
    since: str
    why: str


@dataclass(frozen=True)
class Retired:
    """A password that was proven dead."""

    password: str = field(repr=False)
    retired_at: str


@dataclass(frozen=True)
class Record:
    account: Account
    current: Current
    generation: int = 0
    pending: Pending | None = None
    orphans: tuple[Orphan, ...] = ()
    previous: tuple[Retired, ...] = ()
    status: str = "ok"
    unproven_sends: int = 0
    delivered: bool = True

    def candidates(self) -> tuple[str, ...]:
        """Return every password that may be live, the likeliest first."""
        return tuple(dict.fromkeys(self._passwords()))

    def _passwords(self) -> Iterator[str]:
        if self.pending:
            yield from (self.pending.new, self.pending.old)
        yield from (orphan.password for orphan in self.orphans)
        yield self.current.password
        yield from (retired.password for retired in self.previous)


def to_document(record: Record) -> dict[str, Any]:
    """Return the record as plain data, for YAML or JSON."""
    document = asdict(record)
    pending = document.pop("pending")
    if pending:
        pending = {"from": pending.pop("old"), "to": pending.pop("new"), **pending}
    return {"schema": SCHEMA, **document, "pending": pending}


def from_document(document: Any) -> Record:
    """Return the record in a document, or raise InvalidRecord."""
    if not isinstance(document, dict):
        raise InvalidRecord("it is not a mapping")
    if document.get("schema") != SCHEMA:
        raise InvalidRecord("its schema is not 1: a newer version of the collection wrote it, or something else did")
    try:
        record = read_fields(document)
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"a field is missing or unknown ({error.args[0] if error.args else ''})"[:200]) from None
    numbers = (record.generation, record.unproven_sends)
    if record.status not in STATUSES or not all(isinstance(number, int) for number in numbers) or record.generation < 1:
        raise InvalidRecord("its status or one of its numbers is not valid")
    if not all(isinstance(password, str) and password for password in record._passwords()):
        raise InvalidRecord("a password in it is not text, or is empty")
    return record


def read_fields(document: Mapping[str, Any]) -> Record:
    pending = document["pending"]
    if pending is not None:
        pending = Pending(pending["from"], pending["to"], pending["staged_at"], pending["maybe_live"])
    return Record(
        account=Account(**document["account"]),
        current=Current(**document["current"]),
        generation=document["generation"],
        pending=pending,
        orphans=tuple(Orphan(**orphan) for orphan in document["orphans"]),
        previous=tuple(Retired(**retired) for retired in document["previous"]),
        status=document["status"],
        unproven_sends=document["unproven_sends"],
        delivered=document["delivered"],
    )
