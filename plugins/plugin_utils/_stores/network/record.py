# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account in a network store: reads, and writes that replace the version that was read.

Nothing is sent but what this run has just written, and the server confirmed. If the answer to a write is lost, the
account's secret is read until it is known what became of the write.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NoReturn

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Record,
    closed,
    timestamp,
    with_orphans,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, NotDurable, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import InvalidRecord
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import (
    Entry,
    content_of,
    entry_in,
    is_shown,
    lease_for,
    new_id,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import TryAgain, Unconfirmed, Version
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.retry import PAUSES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.secrets import Secrets, is_outdated


@dataclass
class NetworkRecord:
    """The record of one account. `version` is the one that the next write replaces, `beside` one to keep with it.

    `highest` is the highest number among the account's other versions, as far as they were read.
    """

    secrets: Secrets
    user_id: str
    version: Version | None = field(default=None, repr=False)
    beside: Version | None = field(default=None, repr=False)
    highest: int = 0

    def read(self) -> Record | None:
        self.version = self.secrets.newest(self.user_id)
        if self.version is None:
            return None
        entry = self.secrets.entry(self.user_id, self.version)
        if is_outdated(entry, self.version):
            self._close(entry)
        self.secrets.refuse_leased(entry)
        return entry.record

    def write(self, record: Record) -> bool:
        """Write until the server confirms it or another run's write is found: the swap makes repeating it safe."""
        replaced = self._replaced()
        is_unchanged = self._is_unchanged(replaced, record)
        entry = self._following(record, replaced, is_unchanged=is_unchanged)
        content = content_of(entry, self.secrets.consumer_keys)
        publish = entry.is_published and not is_unchanged
        trouble = ""
        for pause in PAUSES:
            try:
                written = self.secrets.server.write(
                    record.account, content, replaces=self.version, publish=publish, beside=self.beside
                )
                return self._accept(entry, written) if written else self._is_own(entry, self._newest_after_refusal())
            except TryAgain as error:
                trouble = error.message
                self.secrets.sleep(pause)
            except Unconfirmed as error:
                trouble = error.message
                self.secrets.sleep(pause)
                found = self._found()
                if token_of(found) != token_of(self.version):
                    return self._is_own(entry, found)
        raise NotDurable(
            f"It is not known whether the record of {self.user_id} was stored. {trouble} Nothing was sent since. Run"
            " again later."
        )

    def preserve_conflict(self) -> Record | None:
        """Go on from what another process wrote. A server that keeps its versions keeps that one, too."""
        self.version = self.secrets.newest(self.user_id)
        if self.version is None:
            return None
        try:
            return self.secrets.entry(self.user_id, self.version).record
        except StoreError:
            self.beside = None if self.secrets.server.keeps_versions else self.version
            return None

    def _following(self, record: Record, replaced: Entry | None, *, is_unchanged: bool) -> Entry:
        secrets = self.secrets
        lease = lease_for(record, secrets.run, secrets.lease_seconds, secrets.now())
        is_published = self.version is None or is_unchanged or record.pending is None
        return Entry(record, self._next_number(replaced), new_id(), is_published, lease)

    def _replaced(self) -> Entry | None:
        """Return the entry that the next write replaces, if there is one."""
        try:
            return entry_in(self.version, self.user_id) if self.version else None
        except InvalidRecord:
            return None

    def _next_number(self, replaced: Entry | None) -> int:
        inside = replaced.number if replaced else 0
        counted = self.version.number if self.version and self.version.number is not None else inside
        return max(counted, self.highest) + 1

    def _is_unchanged(self, replaced: Entry | None, record: Record) -> bool:
        """Tell whether consumers have been shown the same already."""
        if replaced is None or self.version is None:
            return False
        return replaced.is_published and is_shown(self.version.content, record, self.secrets.consumer_keys)

    def _accept(self, entry: Entry, version: Version) -> bool:
        self.version, self.beside = version, None
        self.secrets.server.note(entry.record.account)
        return True

    def _found(self) -> Version | None:
        """Return the newest version after a write whose answer was lost, or the one before if it cannot be read."""
        try:
            return self.secrets.newest(self.user_id)
        except (TryAgain, Unconfirmed):
            return self.version

    def _newest_after_refusal(self) -> Version | None:
        found = self.secrets.newest(self.user_id)
        if token_of(found) == token_of(self.version):
            raise StoreError(
                f"{self.secrets.server.place} refuses to replace the record of {self.user_id}, and shows the version"
                " that was read before. Nothing was sent. Run again later. If that persists, an administrator has"
                " restored an older version: make the newest one the current one again."
            )
        return found

    def _is_own(self, entry: Entry, found: Version | None) -> bool:
        """Tell whether a version is that of this write, and not of another run."""
        try:
            is_own = found is not None and entry_in(found, self.user_id).write == entry.write
        except InvalidRecord:
            return False
        return is_own and found is not None and self._accept(entry, found)

    def _close(self, entry: Entry) -> NoReturn:
        """Add the passwords of all versions to a record that went backwards, and close the account."""
        secrets, record = self.secrets, entry.record
        entries = self._earlier_entries()
        self.highest = max((other.number for other in entries), default=0)
        others = [other.record for other in entries]
        passwords = dict.fromkeys(password for other in others for password in other.candidates())
        unknown = [password for password in passwords if password not in record.candidates()]
        found = with_orphans(record, unknown, timestamp(secrets.now()), "found in another version of the record")
        generation = max(other.generation for other in (record, *others)) + 1
        sends = max(other.unproven_sends for other in (record, *others))
        found = replace(found, generation=generation, unproven_sends=sends)
        message = secrets.went_backwards(self.user_id, entry)
        move = max((entry, *entries), key=lambda other: other.number).record.move
        moved = replace(found, status="moved", reason=None, move=move) if move else replace(found, move=None)
        if not self.write(closed(moved, "out_of_sync", "record_conflict")):
            raise Busy(f"{message} Another process is writing to it. Nothing was sent; run again later.")
        raise StoreError(
            f"{message} Nothing was sent. The passwords in its other versions were added to it. Run with state: resumed"
            " and force: true, for this account only, to try them, or with state: adopted and the live password."
        )

    def _earlier_entries(self) -> list[Entry]:
        entries = []
        for version in self.secrets.server.earlier(self.user_id):
            try:
                entries.append(entry_in(version, self.user_id))
            except InvalidRecord:
                continue
        return entries


def token_of(version: Version | None) -> object:
    return version.token if version else None
