# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record as plain data, the form in which stores keep it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    REASONS,
    SOURCES,
    STATUSES,
    Account,
    Current,
    Move,
    Orphan,
    Pending,
    Record,
    Retired,
    RotatedBy,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError

SCHEMA = 2


class InvalidRecord(ValueError):
    """A document is not a record of this schema. The message names the field, never a value."""


def to_document(record: Record) -> dict[str, Any]:
    """Return the record as plain data, for YAML or JSON."""
    document = {name: plain(value) for name, value in vars(record).items()}
    pending = document.pop("pending")
    if pending:
        pending = {"from": pending.pop("old"), "to": pending.pop("new"), **pending}
    if record.move is None:
        del document["move"]  # as records have been since before there were moves
    return {"schema": SCHEMA, **document, "pending": pending}


def plain(value: Any) -> Any:
    """Return a field of a record as plain data, like `asdict`, which takes four times as long."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return dict(vars(value)) if is_dataclass(value) else value


def from_document(document: Any) -> Record:
    """Return the record in a document, or raise InvalidRecord."""
    record = from_redacted(document)
    if not all(isinstance(password, str) and password for password in record.passwords()):
        raise InvalidRecord("a password in it is not a string, or is empty")
    return record


def from_redacted(document: Any) -> Record:
    """Return the record in a document whose passwords may be missing, or raise InvalidRecord."""
    if not isinstance(document, dict):
        raise InvalidRecord("it is not a mapping")
    if document.get("schema") != SCHEMA:
        raise InvalidRecord(
            f"its schema is not {SCHEMA}: another version of the collection or another program wrote it"
        )
    try:
        record = read_fields(document)
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"a field is missing or unknown{field_names(error)}"[:200]) from None
    account = record.account
    names = [name for name in (account.name, account.user_name) if name is not None]
    if not all(isinstance(text, str) for text in (account.user_id, *names)):
        raise InvalidRecord("a name or the user id in it is not a string: quote numbers")
    numbers = (
        record.generation,
        record.current.generation,
        record.unproven_sends,
        record.unproven_limit,
        record.stalled,
    )
    if record.current.source not in SOURCES:
        raise InvalidRecord("its source is neither rotated nor adopted")
    if record.status not in STATUSES or not all(isinstance(number, int) for number in numbers) or record.generation < 1:
        raise InvalidRecord("its status or one of its numbers is not valid")
    if (record.status == "moved") != (record.move is not None) or not (record.move is None or is_valid(record.move)):
        raise InvalidRecord("what it says of a move to another store is not valid")
    if record.reason not in (None, *REASONS) or not all(isinstance(code, str) for code in record.error_codes):
        raise InvalidRecord("its reason or an error code in it is not valid")
    return record


def is_valid(move: Move) -> bool:
    is_typed = isinstance(move.id, str) and isinstance(move.place, str) and isinstance(move.generation, int)
    is_known = move.status in STATUSES and move.status != "moved" and move.reason in (None, *REASONS)
    return is_typed and is_known and isinstance(move.is_copy, bool)


def field_names(error: KeyError | TypeError) -> str:
    """Return the names of the fields that the error of a dictionary or of a constructor is about, if it has any."""
    text = str(error.args[0]) if error.args else ""
    names = [text] if isinstance(error, KeyError) else re.findall(r"'(\w+)'", text)
    return f": {', '.join(names)}" if names else ""


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
        reason=document["reason"],
        error_codes=tuple(document["error_codes"]),
        unproven_sends=document["unproven_sends"],
        unproven_limit=document["unproven_limit"],
        stalled=document["stalled"],
        has_consumers=document["has_consumers"],
        delivered=document["delivered"],
        delivered_at=document["delivered_at"],
        rotations=tuple(RotatedBy(**rotation) for rotation in document["rotations"]),
        move=Move(**move) if (move := document.get("move")) is not None else None,
    )


def bound_record(record: Record, identity_url: str, *, former: Sequence[str], place: object) -> Record:
    """Return the record bound to the server's present URL, or raise StoreError for that of another server.

    `former` are earlier URLs of the server, `place` names the record in the message.
    """
    bound = record.account.identity_url
    if bound == identity_url:
        return record
    if bound not in former:
        raise StoreError(
            f"The record {place} belongs to another server, {bound}. Nothing was changed. If that is a former URL of"
            " this server, set rebind_from to it."
        )
    return replace(record, account=replace(record.account, identity_url=identity_url))
