# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port: the interface that a store on a network requires of its server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount, StoreError

Content = Mapping[str, Any]


class Unconfirmed(StoreError):
    """The server may have done a write, or not: its answer was lost, or was an error that proves neither."""

    stops_task = True


class TryAgain(StoreError):
    """The server did nothing, and may do it later: it throttles, is sealed, or does not accept connections."""

    stops_task = True


@dataclass(frozen=True)
class Version:
    """The newest version of an account's secret.

    `token` is what a write names to replace this version, and differs from that of any other one. `content` are the
    keys at the top of the secret, or None if it has none. `number` is the server's own count of the versions written,
    or None if it has no such count. `raw` is what a server without older versions needs to keep this one.
    """

    token: Any
    content: Content | None = field(repr=False)
    number: int | None = None
    raw: Any = field(default=None, repr=False)


class SecretsServer(Protocol):
    """A server that keeps one secret per account and replaces it by compare-and-swap. Threads may share it.

    Every method may raise StoreError. Messages name the place, the operation, the status and the right that is missing,
    and contain no secret.
    """

    @property
    def place(self) -> str:
        """The name of the store in messages, such as its URL and the path in it, without a secret."""

    @property
    def keeps_versions(self) -> bool:
        """Tell whether the server keeps a version that was replaced."""

    def secrets(self) -> Collection[str]:
        """Return the secrets of the sign-in, which are masked like those of the connection."""

    def sign_in(self, *, may_write: bool) -> Sequence[str]:
        """Sign in, check that the server can serve, and return warnings to display."""

    def read(self, user_id: str) -> Version | None:
        """Return the newest version, or None if there never was one. A deleted one raises RecordDeleted."""

    def write(
        self, account: Account, content: Content, *, replaces: Version | None, publish: bool, beside: Version | None
    ) -> Version | None:
        """Replace that version, or create the first one. Return the new version, or None if it is no longer the newest.

        `publish`: consumers read this version. A server that shows them the newest one ignores it. `beside` is a
        version to keep as well, which this write would otherwise delete. Writing the same content again is safe.
        """

    def earlier(self, user_id: str) -> Iterable[Version]:
        """Return the older versions that the server still has."""

    def user_ids(self) -> Sequence[str]:
        """List the ids of the accounts that have a secret, also those whose secret is deleted if the server tells."""

    def accounts(self, user_ids: Sequence[str]) -> Sequence[StoredAccount | None]:
        """Return the names of these accounts as far as a listing or a list of names has them, in order.

        None means: read the secret.
        """

    def note(self, account: Account) -> None:
        """Take note of the names in a record that was read or written, for a server with a list of names."""

    def close(self) -> None:
        """Save what `note` has changed, and close connections."""
