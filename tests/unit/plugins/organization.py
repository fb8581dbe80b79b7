# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An organization's users as the server describes them, the requests that ask for them, and a token that names it."""

from __future__ import annotations

import base64
import json
from typing import Any

ORGANIZATION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"
OLDER = "UserPartition/users"


def listing(*, skip: int = 0, operation: str = "User/users", organization: str = ORGANIZATION) -> str:
    """The request for one page."""
    return f"GET /api/{operation}/{organization}?top=1000&skip={skip}&sortBy=userName&sortOrder=asc"


def one_user(user_id: str) -> str:
    return f"GET /api/User/{user_id}"


def page(*users: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    return {"totalCount": len(users) if total is None else total, "results": list(users)}


def dto(name: str, **fields: Any) -> dict[str, Any]:
    """A local user, whose id and e-mail address are made from the name."""
    user = {"id": f"id-{name}", "userName": name, "email": f"{name}@example.com", "type": "user", "isActive": True}
    return {**user, **fields}


def token_of(organization: Any) -> str:
    """A JWT, as far as a reader of its claims cares."""
    claims = base64.urlsafe_b64encode(json.dumps({"prt_id": organization}).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"
