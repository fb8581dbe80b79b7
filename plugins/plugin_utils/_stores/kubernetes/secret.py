# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account as a Kubernetes Secret: its name, the object that is written, and what one that is read contains."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoredAccount
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.port import Content, Version

MANAGED_BY = {"app.kubernetes.io/managed-by": "rpaops.uipath"}
SELECTOR = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
USER_ID, NAME, USER_NAME = "rpaops.uipath/user-id", "rpaops.uipath/name", "rpaops.uipath/user-name"
# Data that was no record and would have been replaced. It stays until a person removes it.
KEPT = f"{KEY}.kept-"
HASHED = "sha256-"
# What a write names of the version that it replaces, and what others may have set. The server sets the other fields,
# and the library refuses those that it does not know, as a newer server may have.
METADATA = ("name", "namespace", "uid", "resourceVersion", "labels", "annotations", "finalizers", "ownerReferences")
FIELDS = ("kind", "apiVersion", "type", "immutable")
LONGEST_NAME = 253
VALID_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

Object = dict[str, Any]


def secret_name(prefix: str, user_id: str) -> str:
    """Return the name of an account's Secret: a user id that cannot be part of a name is hashed."""
    name = f"{prefix}{user_id}"
    if VALID_NAME.fullmatch(name) and len(name) <= LONGEST_NAME and not user_id.startswith(HASHED):
        return name
    return f"{prefix}{HASHED}{hashlib.sha256(user_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


def listed_account(secret: Mapping[str, Any], prefix: str) -> tuple[str, StoredAccount | None] | None:
    """Return the user id and the names that a Secret's annotations have, or None if it belongs to another store.

    Without the annotation, the id is the rest of the name, and the account's names have to be read.
    """
    metadata = secret["metadata"]
    name, annotations = metadata["name"], metadata.get("annotations") or {}
    user_id = annotations.get(USER_ID)
    if user_id and secret_name(prefix, user_id) == name:
        return user_id, StoredAccount(user_id, annotations.get(NAME), annotations.get(USER_NAME))
    rest = name[len(prefix) :] if name.startswith(prefix) else ""
    return (rest, None) if rest and not user_id and secret_name(prefix, rest) == name else None


def version_of(secret: Mapping[str, Any]) -> Version:
    metadata = secret["metadata"]
    data = secret.get("data") or {}
    content = {key: value_in(key, octets(value)) for key, value in data.items() if not key.startswith(KEPT)}
    return Version((metadata["uid"], metadata["resourceVersion"]), content, raw=secret)


def octets(value: str) -> bytes:
    return base64.b64decode(value)


def value_in(key: str, value: bytes) -> Any:
    """Return a text or, of the record's key, what its JSON contains. What cannot be decoded is no record."""
    text = value.decode("utf-8", "replace")
    try:
        return json.loads(text) if key == KEY else text
    except ValueError:
        return text


def new_secret(name: str, account: Account, content: Content) -> Object:
    metadata = {"name": name, "labels": MANAGED_BY, "annotations": annotations_of(account)}
    return {"metadata": metadata, "type": "Opaque", "data": encoded(content)}


def following(secret: Mapping[str, Any], account: Account, content: Content, beside: Version | None) -> Object:
    """Return the next version of a Secret. It names the one that it replaces, and keeps what others added to it."""
    metadata = {key: secret["metadata"][key] for key in METADATA if key in secret["metadata"]}
    annotations = {**(metadata.get("annotations") or {}), **dict.fromkeys((NAME, USER_NAME)), **annotations_of(account)}
    metadata["annotations"] = {key: value for key, value in annotations.items() if value is not None}
    metadata["labels"] = {**(metadata.get("labels") or {}), **MANAGED_BY}
    kept = {key: value for key, value in (secret.get("data") or {}).items() if key.startswith(KEPT)}
    data = {**encoded(content), **kept, **(kept_data(beside) if beside else {})}
    return {**{key: secret[key] for key in FIELDS if key in secret}, "metadata": metadata, "data": data}


def is_next_version(answer: Mapping[str, Any], sent: Mapping[str, Any], replaces: Version | None) -> bool:
    """Tell whether a Secret is a new version of the one that a write names."""
    metadata = answer["metadata"]
    uid, resource_version = replaces.token if replaces else (metadata["uid"], "")
    is_other = metadata["uid"] != uid or metadata["resourceVersion"] in ("", resource_version)
    return not is_other and bool(metadata["name"] == sent["metadata"]["name"])


def annotations_of(account: Account) -> dict[str, str]:
    names = {USER_ID: account.user_id, NAME: account.name, USER_NAME: account.user_name}
    return {key: value for key, value in names.items() if value is not None}


def encoded(content: Content) -> dict[str, str]:
    texts = {key: json.dumps(value) if key == KEY else str(value) for key, value in content.items()}
    return {key: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode() for key, text in texts.items()}


def kept_data(version: Version) -> dict[str, str]:
    """Return the data of a version under a further key, as JSON with the values in base64."""
    data = {key: value for key, value in (version.raw.get("data") or {}).items() if not key.startswith(KEPT)}
    _uid, resource_version = version.token
    return {f"{KEPT}{resource_version}": base64.b64encode(json.dumps(data).encode()).decode()}
