# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an organization, where the token may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import settings_url

PASSWORD_COMPLEXITY = "Auth.Password.PasswordComplexity"
LOCKOUT_IS_ENABLED = "Auth.UserLockOut.IsEnabled"
LOCKOUT_LIMIT = "Auth.UserLockOut.MaxFailedAccessAttemptsBeforeLockout"


def read_settings(client: Client, keys: Sequence[str], partition_id: str | None) -> dict[str, str]:
    """Return the values of these settings as far as they can be read: they only serve to avoid rejections and locks.

    It needs the scope PM.Setting or PM.Setting.Read, which changing passwords does not.
    """
    try:
        organization_id = partition_id or client.organization_id()
        response = client.get(settings_url(client.identity_url, keys, organization_id)) if organization_id else None
    except UiPathError:
        return {}
    found = response.json if response and response.status == 200 else None
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    values = {entry.get("key"): entry.get("value") for entry in reversed(entries)}  # of several, the first counts
    return {key: value for key in keys if isinstance(value := values.get(key), str)}


def lockout_limit(settings: Mapping[str, str]) -> int | None:
    """Return after how many failed sign-ins the server locks a user, or None if it does not or does not say."""
    limit = settings.get(LOCKOUT_LIMIT, "")
    is_enabled = settings.get(LOCKOUT_IS_ENABLED, "true").lower() != "false"
    return int(limit) if is_enabled and limit.isascii() and limit.isdecimal() and len(limit) < 10 else None
