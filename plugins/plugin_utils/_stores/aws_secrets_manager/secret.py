# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a record becomes a secret in AWS Secrets Manager: names, version ids, text and description."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import Content

# The staging label of the newest version.
LABEL = "UIPATH_ROTATION"
MOST_BYTES = 65536
LONGEST_NAME, LONGEST_DESCRIPTION = 512, 2048
NAMESPACE = uuid.UUID("0e7c3f0a-5a0d-5c43-9b8e-52b1a6f5d9c4")
# A version id is a UUID. Its last 12 digits are the number of the version.
DIGITS = 12


def version_id(secret: str, number: int) -> str:
    """Return the id of a version. Two runs that replace the same version use the same id: AWS accepts one of them."""
    return f"{str(uuid.uuid5(NAMESPACE, secret))[:-DIGITS]}{number:0{DIGITS}d}"


def version_number(secret: str, identifier: str) -> int | None:
    """Return the number of a version, or None if another program made it."""
    digits = identifier[-DIGITS:]
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    return number if number and identifier == version_id(secret, number) else None


def text_of(content: Content) -> str:
    """Return the text of a secret. All values at its top are strings, as AWS's console and its consumers expect."""
    return json.dumps({**content, KEY: json.dumps(content[KEY], separators=(",", ":"))})


def content_in(text: Any) -> dict[str, Any] | None:
    content = parsed(text)
    if content is None or not isinstance(content.get(KEY), str):
        return content
    return {**content, KEY: parsed(content[KEY])}


def parsed(text: Any) -> dict[str, Any] | None:
    """Return the JSON object in a text, or None if it has none."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def description_of(account: Account) -> str:
    """Return the description that names an account, so that a listing is enough to find it."""
    text = json.dumps({"name": account.name, "user_name": account.user_name})
    return text if len(text) <= LONGEST_DESCRIPTION else ""


def account_in(user_id: str, description: Any) -> StoredAccount | None:
    """Return the account that a description names, or None if it is another text."""
    names = parsed(description)
    if names is None or names.keys() != {"name", "user_name"}:
        return None
    if not all(name is None or isinstance(name, str) for name in names.values()):
        return None
    return StoredAccount(user_id, names["name"], names["user_name"])


def names_in(user_id: str, content: Content | None) -> StoredAccount | None:
    """Return the names in the record of a secret's content."""
    found: Any = content
    for key in (KEY, "record", "account"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return StoredAccount(user_id, found.get("name"), found.get("user_name"))
