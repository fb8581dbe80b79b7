# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Secrets of a Kubernetes namespace, one per account.

The API server keeps no versions, and counts changes for the whole cluster. A write names the uid and the
resourceVersion that were read: without these, it would replace whatever is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordDeleted,
    StoredAccount,
    StoreError,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.answers import (
    Operation,
    failure,
    is_conflict,
    is_expired,
    is_missing,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.connection import Connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.secret import (
    SELECTOR,
    following,
    is_next_version,
    listed_account,
    new_secret,
    secret_name,
    version_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import Content, Unconfirmed, Version

PAGE = 500
# How often a listing begins anew because the server no longer has its revision.
MOST_LISTINGS = 3
ENCRYPTION = (
    "Kubernetes encrypts Secrets at rest only if the cluster is configured to do so. Ask the administrators of the"
    " cluster whether it does, and who else can read the Secrets."
)
UNVERIFIED = (
    "The connection to Kubernetes is not verified: its URL begins with http, or validate_certs is false. An attacker"
    " who can answer in the server's place gets the passwords."
)


@dataclass
class KubernetesServer:
    """The Secrets whose names begin with `prefix`."""

    connection: Connection
    prefix: str
    listed: dict[str, StoredAccount | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def place(self) -> str:
        return f"{self.prefix}* in {self.namespace}"

    @property
    def namespace(self) -> str:
        return f"Kubernetes namespace {self.connection.namespace} at {self.connection.host}"

    @property
    def keeps_versions(self) -> bool:
        return False

    def secrets(self) -> Collection[str]:
        header = self.connection.token()
        return tuple(filter(None, (header, header.partition(" ")[2])))

    def sign_in(self, *, may_write: bool) -> Sequence[str]:
        """There is nothing to do: each request carries the token."""
        unverified = () if self.connection.is_verified else (UNVERIFIED,)
        return (*unverified, ENCRYPTION) if may_write else unverified

    def read(self, user_id: str) -> Version | None:
        name = secret_name(self.prefix, user_id)
        secret = self._call(Operation("get", name), "read_namespaced_secret", name)
        if secret is None:
            return None
        if secret["metadata"].get("deletionTimestamp"):
            raise RecordDeleted(
                f"The Secret {name} of {user_id} in {self.namespace} is being deleted. Save its content, and create it"
                " anew when it is gone."
            )
        return version_of(secret)

    def write(
        self, account: Account, content: Content, *, replaces: Version | None, publish: bool, beside: Version | None
    ) -> Version | None:
        """Consumers always read the newest version. A Secret that was deleted is one that is no longer the newest."""
        name = secret_name(self.prefix, account.user_id)
        if replaces is None:
            operation, secret = Operation("create", name), new_secret(name, account, content)
            written = self._call(operation, "create_namespaced_secret", body=secret)
        else:
            operation, secret = Operation("update", name), following(replaces.raw, account, content, beside)
            written = self._call(operation, "replace_namespaced_secret", name, body=secret)
        if written:
            self._demand_confirmation(written, secret, replaces, operation)
        return version_of(written) if written else None

    def earlier(self, user_id: str) -> Iterable[Version]:
        return ()

    def user_ids(self) -> Sequence[str]:
        for _attempt in range(MOST_LISTINGS):
            secrets = self._listing()
            if secrets is not None:
                accounts = [listed_account(secret, self.prefix) for secret in secrets]
                self.listed = dict(account for account in accounts if account)
                return list(self.listed)
        raise StoreError(f"{self.namespace} takes too long to list the Secrets. Run again later.")

    def accounts(self, user_ids: Sequence[str]) -> Sequence[StoredAccount | None]:
        return [self.listed.get(user_id) for user_id in user_ids]

    def note(self, account: Account) -> None:
        """Names are in the annotations of each Secret."""

    def close(self) -> None:
        self.connection.close()

    def _demand_confirmation(
        self, answer: Mapping[str, Any], sent: Mapping[str, Any], replaces: Version | None, operation: Operation
    ) -> None:
        """Raise StoreError unless the answer to a write is what was sent, as a new version of the one replaced."""
        if not is_next_version(answer, sent, replaces):
            raise Unconfirmed(f"{self.namespace} answered with another Secret when asked to {operation}.")
        if not sent["data"].items() <= (answer.get("data") or {}).items():
            raise StoreError(
                f"{self.namespace} stored other data than it was asked to {operation}: an admission webhook has changed"
                " it. Exclude these Secrets from the webhook."
            )

    def _listing(self) -> list[Mapping[str, Any]] | None:
        """List the Secrets of all stores in the namespace. None: the server no longer has the revision of page one."""
        found: list[Mapping[str, Any]] = []
        following_page: dict[str, str] = {}
        while True:
            page = self._page(following_page)
            if page is None:
                return None
            found += page.get("items") or []
            following_page = {"_continue": page["metadata"].get("continue") or ""}
            if not following_page["_continue"]:
                return found

    def _page(self, which: Mapping[str, str]) -> Any:
        return self._call(Operation("list"), "list_namespaced_secret", label_selector=SELECTOR, limit=PAGE, **which)

    def _call(self, operation: Operation, method: str, *path: str, **options: Any) -> Any:
        """Return the answer, or None if there is no such Secret, another version of it, or no more such listing."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return self.connection.call(method, *path, self.connection.namespace, **options)
        except (ApiException, HTTPError, OSError, ValueError, RecursionError) as error:
            if is_missing(error, operation) or is_conflict(error, operation) or is_expired(error, operation):
                return None
            trouble = failure(error, operation, self.namespace, self.secrets())
        raise trouble  # not from the library's error, which may contain what was written
