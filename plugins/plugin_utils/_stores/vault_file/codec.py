# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoding of a record in a file: JSON in Ansible Vault format, which `ansible-vault view` shows.

YAML, which an administrator may write by hand, is read as well.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import canonical_user_id
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import (
    InvalidRecord,
    from_document,
    to_document,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import (
    CannotDecrypt,
    NotEncrypted,
    Vault,
)
from yaml import YAMLError


class Unreadable(Exception):
    """The text is not a record of this account. The message is a clause that says why, without a value."""


class Undecryptable(Unreadable):
    """No vault password of the run decrypts the text."""


def encode(vault: Vault, record: Record) -> bytes:
    try:
        return vault.encrypt(as_json(record))
    except UnicodeError:
        raise StoreError(
            "A password or a name contains an unpaired surrogate (invalid Unicode) and cannot be stored."
        ) from None


def decode(vault: Vault, text: bytes, account_id: str) -> Record:
    """Return the record in the text, or raise Unreadable."""
    try:
        record = from_document(as_document(vault.decrypt(text)))
    except NotEncrypted:
        raise Unreadable("it is not in the format of Ansible Vault: somebody decrypted or damaged it") from None
    except CannotDecrypt:
        raise Undecryptable(
            "it cannot be decrypted: the vault password is not the one it was encrypted with, or the file was changed"
            " or truncated"
        ) from None
    except InvalidRecord as error:
        raise Unreadable(str(error)) from None
    if canonical_user_id(record.account.user_id) != account_id:
        raise Unreadable(f"it belongs to another user, {record.account.user_id}")
    return record


def as_json(record: Record) -> bytes:
    return json.dumps(to_document(record), indent=2, ensure_ascii=False).encode() + b"\n"


def as_document(plain: bytes) -> Any:
    """Parse JSON or handwritten YAML. A parser's own message quotes the text, so it is not passed on."""
    with suppress(ValueError, RecursionError):
        return json.loads(plain)
    try:
        document = yaml_load(plain)
        json.dumps(document)
    except (YAMLError, ValueError, RecursionError):
        raise InvalidRecord("it is neither JSON nor YAML") from None
    except TypeError:
        raise InvalidRecord("a value in it is neither a string nor a number: quote times") from None
    return document
