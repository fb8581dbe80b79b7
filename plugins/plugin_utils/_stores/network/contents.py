# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of an account's secret: the keys that consumers read, the record, and the lease of the run at work.

A lease only saves sign-ins: a run leaves an account alone that another run is working on. What keeps passwords safe is
that every write replaces the version that was read, so leases need no clocks that agree.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, recorded_time, timestamp
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import (
    InvalidRecord,
    from_document,
    to_document,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import Content, Version

# The key of the rotation's own part. All other keys are the consumers'.
KEY = "rpaops_uipath"
# How far the clock of another controller may be ahead, in seconds.
LARGEST_SKEW = 60


@dataclass(frozen=True)
class Lease:
    """`run` works on the account until then, or until it writes a version without a lease."""

    run: str
    until: str
    seconds: float

    def holds(self, now: datetime) -> bool:
        """Tell whether it has not run out. One of a clock that is far ahead never held."""
        until = recorded_time(self.until)
        return until is not None and now < until <= now + timedelta(seconds=self.seconds + LARGEST_SKEW)


@dataclass(frozen=True)
class Entry:
    """What a version says besides the consumers' keys.

    `number` counts the versions, `write` identifies the write that made this one. `is_published`: consumers see the
    values of this version, also where they read an older one.
    """

    record: Record
    number: int
    write: str
    is_published: bool
    lease: Lease | None = None


def entry_in(version: Version, user_id: str) -> Entry:
    """Return the entry in a version, or raise InvalidRecord, whose message contains no value."""
    fields = version.content.get(KEY) if version.content is not None else None
    if not isinstance(fields, Mapping):
        raise InvalidRecord(f"it has no key {KEY}: another program wrote it")
    try:
        lease = Lease(**fields["lease"]) if fields["lease"] is not None else None
        number, write, is_published = fields["version"], fields["write"], fields["is_published"]
    except (KeyError, TypeError):
        raise InvalidRecord("a field beside the record is missing or unknown") from None
    if not isinstance(number, int) or not isinstance(write, str) or not isinstance(is_published, bool):
        raise InvalidRecord("a field beside the record is not valid")
    if lease and not isinstance(lease.seconds, (int, float)):
        raise InvalidRecord("its lease is not valid")
    record = from_document(fields.get("record"))
    if canonical_user_id(record.account.user_id) != user_id:
        raise InvalidRecord("it is the record of another user id")
    return Entry(record, number, write, is_published, lease)


def content_of(entry: Entry, consumer_keys: Mapping[str, str]) -> dict[str, Any]:
    lease = entry.lease and {"run": entry.lease.run, "until": entry.lease.until, "seconds": entry.lease.seconds}
    return {
        **consumer_values(entry.record, consumer_keys),
        KEY: {
            "version": entry.number,
            "write": entry.write,
            "is_published": entry.is_published,
            "lease": lease,
            "record": to_document(entry.record),
        },
    }


def consumer_values(record: Record, consumer_keys: Mapping[str, str]) -> dict[str, str]:
    """Return what consumers read. A name that is not known has no key."""
    account = record.account
    fields = {
        "password": record.current.password,
        "user_name": account.user_name,
        "name": account.name,
        "user_id": account.user_id,
        "identity_url": account.identity_url,
    }
    return {key: value for key, field in consumer_keys.items() if (value := fields[field]) is not None}


def lease_for(record: Record, run: str, seconds: float, now: datetime) -> Lease | None:
    """Return the lease of a version whose pair may be sent, or None for all others."""
    if record.pending is None or not record.pending.maybe_live or record.move:
        return None
    return Lease(run, timestamp(now + timedelta(seconds=seconds)), seconds)


def is_shown(content: Content | None, record: Record, consumer_keys: Mapping[str, str]) -> bool:
    """Tell whether consumers would read the same of both."""
    wanted = consumer_values(record, consumer_keys)
    return content is not None and {key: value for key, value in content.items() if key != KEY} == wanted


def new_id() -> str:
    return uuid.uuid4().hex
