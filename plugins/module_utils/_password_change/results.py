# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented result of a task that changes passwords: of one user, or of many with counts.

A result contains ids, constants and masked text, never a password.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils import _summaries
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import with_server_message
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange, Verdict
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import (
    CHANGED,
    MESSAGES,
    STATUSES,
    SUCCEEDED,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

REPEATED = "The new password was in effect before."
REPEATED_FOR_MANY = "The new passwords of more than half of the users were in effect before."
DO_NOT_REPEAT = (
    "Each such run may count as another failed sign-in, until the user signs in: do not schedule a task again with the"
    " same passwords."
)


def user_result(change: PasswordChange, verdict: Verdict) -> dict[str, Any]:
    succeeded = verdict.status in SUCCEEDED
    sources: list[PasswordAnswer | UiPathError] = [*verdict.answers, *([verdict.error] if verdict.error else [])]
    last = sources[-1] if sources else None
    codes = () if succeeded else dict.fromkeys(code for source in sources for code in source.codes)
    return {
        "label": displayable(change.user_name or change.user_id),
        "user_id": change.user_id or None,
        "user_name": change.user_name,
        "status": verdict.status,
        "changed": verdict.status in CHANGED,
        "failed": not succeeded,
        "http_status": last.http_status if last else None,
        "error_codes": list(codes),
        "trace_id": None if succeeded or not last else last.trace_id,
        "attempts": sum(answer.attempts for answer in verdict.answers),
        "msg": MESSAGES[verdict.message_key] if succeeded else failure_message(verdict),
    }


def failure_message(verdict: Verdict) -> str:
    """Join what happened, why, and the server's messages."""
    causes = list(dict.fromkeys(answer.cause for answer in verdict.answers if answer.cause))
    error = verdict.error.message if verdict.error else ""
    ours = " ".join(filter(None, [MESSAGES.get(verdict.message_key), *causes, error, verdict.reason]))
    return with_server_message(ours, (answer.message for answer in verdict.answers))


def task_result(results: list[dict[str, Any]], *, many: bool) -> dict[str, Any]:
    """Return the documented result of the task: one user's, or all users' with counts."""
    if not many:
        return dict(results[0])
    return _summaries.task_result(results, key="results", statuses=STATUSES, noun="user")


def repeated_run_warning(results: list[dict[str, Any]]) -> str | None:
    """Return a warning where the task looks like one that is scheduled with the same passwords again and again."""
    repeated = [result for result in results if result["status"] == "already_set" and result["attempts"]]
    if 2 * len(repeated) <= len(results):
        return None
    return f"{REPEATED if len(results) == 1 else REPEATED_FOR_MANY} {DO_NOT_REPEAT}"


def difference(results: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    changed = [result["label"] for result in results if result["changed"]]
    return {"before": dict.fromkeys(changed, "old password"), "after": dict.fromkeys(changed, "new password")}
