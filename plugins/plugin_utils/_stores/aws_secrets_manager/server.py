# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager as the server of a store: one secret per account, each of its versions written once."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.answers import (
    Call,
    Exists,
    NotFound,
    deleted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.connection import Connection
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.aws_secrets_manager.secret import (
    LABEL,
    LONGEST_NAME,
    MOST_BYTES,
    account_in,
    content_in,
    description_of,
    names_in,
    text_of,
    version_id,
    version_number,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.names import secret_name, user_id_in
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import (
    Content,
    TryAgain,
    Unconfirmed,
    Version,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

CURRENT = "AWSCURRENT"
PAGE = 100


@dataclass
class AwsSecretsManager:
    """`at_creation` are the parameters of a secret that only its creation sets.

    `listed` are the accounts of the last listing, `noted` those whose records this opening of the store has seen.
    """

    connection: Connection
    prefix: str
    at_creation: Mapping[str, Any]
    keeps_versions: bool = True
    may_write: bool = field(default=False, init=False)
    listed: dict[str, StoredAccount | None] = field(default_factory=dict, init=False)
    noted: dict[str, Account] = field(default_factory=dict, init=False)

    @property
    def place(self) -> str:
        return self.connection.place

    def secrets(self) -> Collection[str]:
        options = self.connection.options
        return [options[name] for name in ("secret_key", "session_token") if options[name]]

    def sign_in(self, *, may_write: bool) -> Sequence[str]:
        self.may_write, self.listed, self.noted = may_write, {}, {}
        self.connection.open()
        return []

    def read(self, user_id: str) -> Version | None:
        """Return the version with the label. The first version, which a secret begins with, has none."""
        name = self._name(user_id)
        if len(name) > LONGEST_NAME:
            return None
        labelled = self._version(name, VersionStage=LABEL)
        if labelled:
            return labelled
        current = self._version(name, VersionStage=CURRENT)
        if current is None or current.number == 1:
            return current
        labelled = self._version(name, VersionStage=LABEL)  # another run may have written the second version meanwhile
        if labelled:
            return labelled
        raise StoreError(
            f"No version of the secret {name} in {self.place} has the label {LABEL}: an administrator has removed it."
            " Nothing was sent. Put it on the newest version: aws secretsmanager update-secret-version-stage"
            f" --secret-id {name} --version-stage {LABEL} --move-to-version-id ..."
        )

    def write(
        self, account: Account, content: Content, *, replaces: Version | None, publish: bool, beside: Version | None
    ) -> Version | None:
        user_id = canonical_user_id(account.user_id)
        name, number = self._name(user_id), content[KEY]["version"]
        identifier, text = version_id(name, number), self._text(name, content)
        request = {"ClientRequestToken": identifier, "SecretString": text}
        try:
            if replaces is None:
                written = self._create(name, account, request)
            else:
                stages = [LABEL, CURRENT] if publish else [LABEL]
                written = self._ask("PutSecretValue", name, SecretId=name, VersionStages=stages, **request)
        except Exists:
            self._refuse_empty(user_id, replaces)
            return None
        except NotFound:
            raise TryAgain(f"The secret {name} in {self.place} was read before, and is not found now.") from None
        if written["VersionId"] != identifier:
            raise Unconfirmed(f"{self.place} answered a write of {name} with another version than the written one.")
        former = names_in(user_id, replaces.content) if replaces else account_in(user_id, description_of(account))
        self.listed.setdefault(user_id, former)
        return Version(identifier, content, number)

    def earlier(self, user_id: str) -> Iterator[Version]:
        name = self._name(user_id)
        for found in self._pages("ListSecretVersionIds", "Versions", name, SecretId=name, IncludeDeprecated=True):
            number = version_number(name, found["VersionId"])
            version = self._version(name, VersionId=found["VersionId"]) if number else None
            if version:
                yield version

    def user_ids(self) -> Sequence[str]:
        named = [{"Key": "name", "Values": [self.prefix]}]
        self.listed = {}
        for secret in self._pages("ListSecrets", "SecretList", Filters=named, IncludePlannedDeletion=True):
            name = secret["Name"]
            user_id = user_id_in(name[len(self.prefix) :]) if name.startswith(self.prefix) else None
            if user_id and secret.get("DeletedDate"):
                self.listed[user_id] = StoredAccount(user_id, error=deleted(name, self.place))
            elif user_id:
                self.listed[user_id] = account_in(user_id, secret.get("Description"))
        return list(self.listed)

    def accounts(self, user_ids: Sequence[str]) -> Sequence[StoredAccount | None]:
        return [self._account(user_id) for user_id in user_ids]

    def note(self, account: Account) -> None:
        self.noted[canonical_user_id(account.user_id)] = account

    def close(self) -> None:
        """Correct the descriptions whose names are no longer those in the record, and close the connections."""
        try:
            for user_id, account in self.noted.items() if self.may_write else ():
                listed = self.listed.get(user_id)
                if (
                    listed
                    and not listed.error
                    and (listed.label, listed.user_name) != (account.name, account.user_name)
                ):
                    name = self._name(user_id)
                    self._ask("UpdateSecret", name, SecretId=name, Description=description_of(account))
        finally:
            self.connection.close()

    def _refuse_empty(self, user_id: str, replaces: Version | None) -> None:
        """Refuse a secret that has no version: what is only not visible yet would be overwritten."""
        if replaces is None and self.read(user_id) is None:
            raise StoreError(
                f"There is a secret {self._name(user_id)} in {self.place} without a version that can be read. Nothing"
                " was sent. If another program made it, delete it or use another prefix. Otherwise run again later."
            )

    def _account(self, user_id: str) -> StoredAccount | None:
        listed, noted = self.listed.get(user_id), self.noted.get(user_id)
        if noted is None or (listed and listed.error):
            return listed
        return StoredAccount(user_id, noted.name, noted.user_name)

    def _name(self, user_id: str) -> str:
        return f"{self.prefix}{secret_name(user_id)}"

    def _text(self, name: str, content: Content) -> str:
        text = text_of(content)
        if len(name) > LONGEST_NAME:
            raise StoreError(f"The name of the secret {name[:99]}... has more than {LONGEST_NAME} characters.")
        if len(text) > MOST_BYTES:
            raise StoreError(
                f"The record for {name} has more than the {MOST_BYTES} bytes that AWS accepts in a secret."
            )
        return text

    def _create(self, name: str, account: Account, request: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {**self.at_creation, "Description": description_of(account)}
        return self._ask("CreateSecret", name, Name=name, **given, **request)

    def _version(self, name: str, **which: str) -> Version | None:
        try:
            found = self._ask("GetSecretValue", name, SecretId=name, **which)
        except NotFound:
            return None
        number = version_number(name, found["VersionId"])
        if number is None:
            raise StoreError(
                f"Another program made the secret {name} in {self.place}, or its version that has the label {LABEL}."
                " Nothing was sent. Put the label on the newest version that a rotation made, or use another prefix."
            )
        return Version(found["VersionId"], content_in(found.get("SecretString")), number)

    def _pages(self, action: str, part: str, secret: str = "", **request: Any) -> Iterator[Mapping[str, Any]]:
        answer: Mapping[str, Any] = {}
        while not answer or answer.get("NextToken"):
            continued = {"NextToken": answer["NextToken"]} if answer else {}
            answer = self._ask(action, secret, MaxResults=PAGE, **request, **continued)
            yield from answer[part]

    def _ask(self, action: str, secret: str, /, **request: Any) -> Mapping[str, Any]:
        return self.connection.ask(Call(action, self.place, secret), **request)


def aws_secrets_manager(options: Options, connections: int) -> AwsSecretsManager:
    importlib.import_module("boto3")  # a task that names the store fails at once without it
    where = options["endpoint_url"] or options["region"] or "the default region"
    place = f"{options['prefix']} in AWS Secrets Manager ({where})"
    tags = [{"Key": str(key), "Value": str(value)} for key, value in options["tags"].items()]
    at_creation = {"Tags": tags, "KmsKeyId": options["kms_key_id"]}
    given = {name: value for name, value in at_creation.items() if value}
    return AwsSecretsManager(Connection(options, connections, place), options["prefix"], given)
