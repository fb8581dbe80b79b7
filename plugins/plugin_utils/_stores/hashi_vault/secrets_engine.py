# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets engine KV version 2: reads, and writes that name the version which they replace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import RecordDeleted, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.answers import (
    Answer,
    Call,
    NotSignedIn,
    refusal,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.connection import Connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import (
    Content,
    TryAgain,
    Unconfirmed,
    Version,
)


class Deleted(RecordDeleted):
    """The newest version of a secret, `number`, was deleted or destroyed."""

    def __init__(self, message: str, *, number: int) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True)
class SecretsEngine:
    """The secrets below `prefix` in the secrets engine at `mount`. Their names are what follows the prefix."""

    connection: Connection
    mount: str
    prefix: str

    @property
    def url(self) -> str:
        return self.connection.url

    def check(self, *, may_write: bool) -> None:
        """Raise StoreError unless this is KV version 2. Version 1 takes every write, whatever it is to replace."""
        call = Call("GET", f"sys/internal/ui/mounts/{self.mount}", "read")
        answer = self.connection.ask(call, accepted=(200, 403, 404))
        if answer.status == 200 and not is_version_2(answer.content):
            raise StoreError(f"{self.mount} on {self.url} is not a secrets engine KV version 2. Nothing was written.")
        if answer.status != 200 and may_write:
            self.connection.demand_valid_token(call)
            raise StoreError(
                f"It is not known whether {self.mount} on {self.url} is KV version 2 (HTTP {answer.status} at"
                f" {call.path}), so nothing was written. Either there is no such secrets engine, or the policies of the"
                " token allow nothing in it."
            )

    def read(self, name: str, number: int | None = None) -> Version | None:
        """Return the newest version, or the one with that number, or None if there never was one."""
        call = Call("GET", self.path("data", name), "read", query={"version": number} if number else None)
        answer = self.connection.ask(call, accepted=(200, 404))
        found = number_in(answer.content.get("metadata"))
        if answer.status == 404:
            if found:
                raise Deleted(self._lost(name, answer.content["metadata"]), number=found)
            self._demand_absent(call, answer)
            return None
        if not found:
            raise StoreError(f"{call.path} on {self.url} is not a secret of KV version 2.")
        content = answer.content.get("data")
        return Version(found, content if isinstance(content, dict) else None, found)

    def write(self, name: str, content: Content, replaces: int) -> Version | None:
        """Return the new version, or None if the newest one is not the one to replace, 0 for none."""
        fields = {"options": {"cas": replaces}, "data": content}
        call = Call("POST", self.path("data", name), "update" if replaces else "create", fields)
        answer = self.connection.ask(call, accepted=(200, 204, 400))
        if answer.status == 400:
            self._demand_lost_swap(call, answer, name)
            return None
        number = number_in(answer.content)
        if number != replaces + 1:
            raise Unconfirmed(f"{self.url} answered a write of {call.path} with another version than the next one.")
        if answer.content.get("deletion_time"):
            raise StoreError(
                f"{self.url} is going to delete {call.path} by itself. Set delete_version_after of the secrets engine"
                " and of the secret to 0."
            )
        return Version(number, content, number)

    def names(self) -> list[str]:
        """List the names of all secrets, deleted ones included."""
        folder, _slash, start = self.path("metadata", "").rpartition("/")
        call = Call("GET", folder, "list", query={"list": "true"})
        answer = self.connection.ask(call, accepted=(200, 404))
        if answer.status == 404:
            self._demand_absent(call, answer)
            return []
        keys = answer.content.get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise refusal(call, answer, self.url, self.connection.secrets)
        return [key[len(start) :] for key in keys if key.startswith(start)]

    def older(self, name: str) -> list[int]:
        """Return the numbers of the older versions that can be read, newest first."""
        found = self.connection.ask(Call("GET", self.path("metadata", name), "read")).content
        numbers = [int(number) for number, version in found["versions"].items() if is_kept(version)]
        return sorted((number for number in numbers if number != found["current_version"]), reverse=True)

    def path(self, kind: str, name: str) -> str:
        return f"{self.mount}/{kind}/{self.prefix}{name}"

    def _lost(self, name: str, metadata: Mapping[str, Any]) -> str:
        number, path = metadata["version"], f"{self.mount}/{self.prefix}{name}"
        newest = f"Version {number} of {path} on {self.url}, the newest one, is"
        if metadata.get("destroyed"):
            return f"{newest} destroyed. Restore a backup, or make the version before it the newest: vault kv rollback."
        return f"{newest} deleted. Restore it: vault kv undelete -versions={number} {path}"

    def _demand_absent(self, call: Call, answer: Answer) -> None:
        """Raise StoreError unless the server says that it never had this."""
        if answer.body != {"errors": []}:
            raise refusal(call, answer, self.url, self.connection.secrets)

    def _demand_lost_swap(self, call: Call, answer: Answer, name: str) -> None:
        """Raise StoreError unless a write was refused because the newest version is another one."""
        if "check-and-set" in answer.text or not call.fields:
            return
        error = refusal(call, answer, self.url, self.connection.secrets)
        if isinstance(error, (TryAgain, NotSignedIn)):
            raise error
        newest = self.read(name)
        if (newest.number if newest else 0) == call.fields["options"]["cas"]:
            raise error


def number_in(metadata: Any) -> int | None:
    number = metadata.get("version") if isinstance(metadata, Mapping) else None
    return number if isinstance(number, int) and number > 0 else None


def is_version_2(mount: Mapping[str, Any]) -> bool:
    options = mount.get("options")
    return mount.get("type") == "kv" and isinstance(options, Mapping) and str(options.get("version")) == "2"


def is_kept(version: Mapping[str, Any]) -> bool:
    return not version.get("destroyed") and not version.get("deletion_time")
