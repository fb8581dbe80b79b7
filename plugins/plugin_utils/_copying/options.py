# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a move between stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.parameters import env_fallback
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import url_problems


def copy_argument_spec() -> dict[str, dict[str, Any]]:
    """Return the specification of the options. The registry validates those inside the stores for their types."""
    return {
        "source": {"type": "dict", "required": True},
        "target": {"type": "dict", "required": True},
        "identity_url": {"type": "str", "required": True, "fallback": (env_fallback, ["UIPATH_IDENTITY_URL"])},
        "accounts": {"type": "list", "elements": "str"},
    }


def copy_problems(options: Mapping[str, Any]) -> list[str]:
    """Return all problems of the options, by index and without values. Nothing is sent to the server."""
    problems = url_problems("identity_url", options["identity_url"], allow_http=True)
    return problems + [
        f"accounts[{index}] is empty" for index, name in enumerate(options["accounts"] or ()) if not name.strip()
    ]
