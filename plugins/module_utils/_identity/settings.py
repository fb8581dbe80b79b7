# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an organization, where the token may read them."""

from __future__ import annotations

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import setting_url

PASSWORD_COMPLEXITY = "Auth.Password.PasswordComplexity"


def read_setting(client: Client, key: str, partition_id: str | None) -> str | None:
    """Return the value of a setting, or None where it cannot be read: it only serves to avoid a rejection.

    It needs the scope PM.Setting or PM.Setting.Read, which changing passwords does not.
    """
    try:
        organization_id = partition_id or client.organization_id()
        response = client.get(setting_url(client.identity_url, key, organization_id)) if organization_id else None
    except UiPathError:
        return None
    found = response.json if response and response.status == 200 else None
    settings = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    values = [entry.get("value") for entry in settings if entry.get("key") == key]
    return values[0] if values and isinstance(values[0], str) else None
