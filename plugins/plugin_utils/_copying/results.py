# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a move of accounts ends: the result of every account and of the task. It never contains a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ansible_collections.rpaops.uipath.plugins.module_utils._summaries import task_result
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.moves import Next

MoveStatus = Literal[
    "moved",
    "already_moved",
    "would_move",
    "busy",
    "no_record",
    "unfinished",
    "conflict",
    "store_error",
    "not_attempted",
]
SUCCEEDED: frozenset[MoveStatus] = frozenset({"moved", "already_moved", "would_move"})
END_OF: Mapping[Next, MoveStatus] = {
    "already_moved": "already_moved",
    "no_record": "no_record",
    "unfinished": "unfinished",
    "conflict": "conflict",
}
MESSAGES: dict[MoveStatus, str] = {
    "moved": "The target is now in charge of the account.",
    "already_moved": "The target is in charge of the account already. Nothing was changed.",
    "would_move": "The account would be moved.",
    "busy": "Another run is working on this account. Run again later.",
    "no_record": "The source has no record of the account.",
    "unfinished": (
        "The source itself has only a copy of the account, whose move is not complete. Complete that move first, from"
        " the store that its record names."
    ),
    "conflict": (
        "The target has a record of the account that is in charge of it, or the account was moved from the source to"
        " another store than this target. Nothing was changed. Find out with uipath_password_store_info which store is"
        " the right one."
    ),
    "store_error": "One of the stores cannot be used for this account.",
    "not_attempted": "Nothing was done for this account, because the run stopped before its turn. Run again.",
}


def account_result(label: str, user_id: str | None, status: MoveStatus, detail: str = "") -> dict[str, Any]:
    return {
        "label": displayable(label),
        "user_id": user_id and displayable(user_id),
        "status": status,
        "changed": status in ("moved", "would_move"),
        "failed": status not in SUCCEEDED,
        "msg": " ".join(filter(None, [MESSAGES[status], detail])),
    }


def move_result(results: list[dict[str, Any]], source: str, target: str) -> dict[str, Any]:
    """Return the result of the task. `source` and `target` are the names of the stores."""
    result = task_result(results, key="accounts", statuses=MESSAGES, noun="account")
    return {**result, "source": displayable(source), "target": displayable(target)}
