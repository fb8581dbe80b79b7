# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all network stores have, and which keys consumers may read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.contents import KEY
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

# What a key at the top of a secret may hold.
CONSUMER_FIELDS = ("password", "user_name", "name", "user_id", "identity_url")

DOCUMENTATION = r"""
consumer_keys:
  description:
    - The keys at the top of each secret, which consumers read, and what each holds, one of V(password), V(user_name),
      V(name), which is the label, V(user_id) and V(identity_url).
    - They have the current password also while a new one is staged. A name that is not known has no key.
    - The key C(rpaops_uipath) is the collection's own.
  type: dict
  default: CONSUMER_KEYS
lease_seconds:
  description:
    - How many seconds other runs leave an account alone while a run is changing its password. A run that is killed
      leaves its lease behind. Until it ends, other runs report the account as V(busy).
    - A lease is longer if C(settle_seconds), C(timeout) and C(retries) of the run require that.
  type: float
  default: 300.0
rebind_from:
  description:
    - The former C(identity_url) of a server whose address has changed. A rotation binds each record that it writes to
      the new one. Keep the option until all accounts were rotated.
    - This has an effect only where C(identity_url) is given.
  type: str
"""


def documentation(own: str, *, consumer_keys: Mapping[str, str]) -> str:
    """Return the YAML of a type's options, given that of the options which it alone has, and its `prefix`."""
    common = DOCUMENTATION.replace("CONSUMER_KEYS", json.dumps(consumer_keys))  # JSON is YAML
    return f"{own.strip()}\n{common}"


def argument_spec(*, prefix: str, consumer_keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {
        "prefix": {"type": "str", "default": prefix},
        "consumer_keys": {"type": "dict", "no_log": False, "default": dict(consumer_keys)},
        "lease_seconds": {"type": "float", "default": 300.0},
        "rebind_from": {"type": "str"},
    }


def option_problems(options: Options) -> list[str]:
    problems = consumer_key_problems(options["consumer_keys"])
    if not 1 <= options["lease_seconds"] <= 86400:
        problems.append("store.lease_seconds must be from 1 to 86400")
    return problems


def consumer_key_problems(keys: Mapping[Any, Any]) -> list[str]:
    if any(not isinstance(key, str) or not key for key in keys):
        return ["store.consumer_keys: a key is empty or not a string"]
    if KEY in keys:
        return [f"store.consumer_keys: the key {KEY} is the collection's own"]
    if any(field not in CONSUMER_FIELDS for field in keys.values()):
        return [f"store.consumer_keys: the value of each key must be one of: {', '.join(CONSUMER_FIELDS)}"]
    return []
