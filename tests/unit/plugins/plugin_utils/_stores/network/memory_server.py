# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of secrets in memory, with the faults of a network: `plan` names what happens at each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordDeleted,
    StoredAccount,
    StoreError,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import (
    Content,
    TryAgain,
    Unconfirmed,
    Version,
)

PLACE = "memory://secrets"
# What may happen at a call: the server does it or not, and says so or not.
FAULTS = ("refused", "throttled", "lost", "answer lost", "stale")


@dataclass
class MemoryServer:
    """`versions` are the contents of every secret, oldest first. `faults` are those of the next calls of each kind."""

    versions: dict[str, list[Content | None]] = field(default_factory=dict)
    published: dict[str, Content] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    faults: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    beside: list[Version | None] = field(default_factory=list)
    counts: bool = True  # the server numbers its versions
    keeps_versions: bool = True
    names: dict[str, Account] = field(default_factory=dict)
    watch: Callable[[str], None] = lambda _call: None  # called before every call
    closed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def place(self) -> str:
        return PLACE

    def secrets(self) -> tuple[str, ...]:
        return ("the token",)

    def sign_in(self, *, may_write: bool) -> Sequence[str]:
        self.calls.append("sign in to write" if may_write else "sign in")
        return []

    def read(self, user_id: str) -> Version | None:
        with self.called("read") as fault:
            if user_id in self.deleted:
                raise RecordDeleted(f"The secret of {user_id} is deleted.")
            versions = self.versions.get(user_id, [])
            return self.version(versions[:-1] if fault == "stale" else versions)

    def write(
        self, account: Account, content: Content, *, replaces: Version | None, publish: bool, beside: Version | None
    ) -> Version | None:
        with self.called("write") as fault:
            if fault == "lost":
                raise Unconfirmed("The connection was lost.")
            versions = self.versions.setdefault(account.user_id, [])
            if len(versions) != (replaces.token if replaces else 0):
                written = None
            else:
                versions.append(content)
                self.beside.append(beside)
                if publish:
                    self.published[account.user_id] = content
                written = self.version(versions)
            if fault == "answer lost":
                raise Unconfirmed("The answer was lost.")
            return written

    def version(self, versions: Sequence[Content | None]) -> Version | None:
        if not versions:
            return None
        return Version(len(versions), versions[-1], len(versions) if self.counts else None, raw=versions[-1])

    @contextmanager
    def called(self, kind: str) -> Iterator[str]:
        self.watch(kind)
        with self.lock:
            self.calls.append(kind)
            fault = self.faults[kind].pop(0) if self.faults.get(kind) else ""
            if fault == "throttled":
                raise TryAgain("The server throttles.")
            if fault == "refused":
                raise StoreError("The policy lacks a right.")
            yield fault

    def earlier(self, user_id: str) -> Iterable[Version]:
        versions = self.versions.get(user_id, [])
        found = (self.version(versions[:count]) for count in range(1, len(versions)))
        return [version for version in found if version] if self.keeps_versions else []

    def user_ids(self) -> Sequence[str]:
        self.calls.append("list")
        return sorted({*self.versions, *self.deleted})

    def accounts(self, user_ids: Sequence[str]) -> Sequence[StoredAccount | None]:
        known = [self.names.get(user_id) for user_id in user_ids]
        return [StoredAccount(one.user_id, one.name, one.user_name) if one else None for one in known]

    def note(self, account: Account) -> None:
        self.names[account.user_id] = account

    def close(self) -> None:
        self.closed += 1

    def newest(self, user_id: str) -> Mapping[str, Any]:
        content = self.versions[user_id][-1]
        assert content is not None
        return content
