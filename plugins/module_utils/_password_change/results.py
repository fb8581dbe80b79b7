# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented result of a task that changes passwords: of one user, or of many with counts.

A result holds ids, constants and masked words, never a password.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import MESSAGES, STATUSES, SUCCEEDED
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import with_server_message
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange, Verdict


def user_result(change: PasswordChange, verdict: Verdict) -> dict[str, Any]:
    """Return the result of one user."""
    succeeded = verdict.status in SUCCEEDED
    last = verdict.answers[-1] if verdict.answers else None
    codes = () if succeeded else dict.fromkeys(code for answer in verdict.answers for code in answer.codes)
    return {
        "user_id": change.user_id or None,
        "user_name": change.user_name,
        "status": verdict.status,
        "changed": verdict.status in ("changed", "would_change"),
        "http_status": last.http_status if last else None,
        "error_codes": list(codes),
        "trace_id": None if succeeded or not last else last.trace_id,
        "attempts": sum(answer.attempts for answer in verdict.answers),
        "msg": MESSAGES[verdict.message_key] if succeeded else failure_message(verdict),
    }


def failure_message(verdict: Verdict) -> str:
    """Join what happened, why, and what the server said about it."""
    causes = list(dict.fromkeys(answer.cause for answer in verdict.answers if answer.cause))
    ours = " ".join([*filter(None, [MESSAGES.get(verdict.message_key)]), *causes])
    return with_server_message(ours, (answer.message for answer in verdict.answers))


def task_result(results: list[dict[str, Any]], *, many: bool) -> dict[str, Any]:
    """Return the documented result of the task: one user's, or all users' with counts."""
    failed = [result for result in results if result["status"] not in SUCCEEDED]
    totals = {"changed": any(result["changed"] for result in results), "failed": bool(failed)}
    if not many:
        return {**results[0], **totals}
    counts = dict.fromkeys(STATUSES, 0)
    for result in results:
        counts[result["status"]] += 1
    return {**totals, "results": results, "counts": counts, "msg": summary(counts, failed, len(results))}


def summary(counts: dict[str, int], failed: list[dict[str, Any]], total: int) -> str:
    outcome = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none given"
    if not failed:
        return f"Users by status: {outcome}."
    first = f"{failed[0]['user_name'] or failed[0]['user_id']}: {failed[0]['msg']}"
    return f"{len(failed)} of {total} users failed: {outcome}. The first of them, {first}"


def difference(results: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    changed = [result["user_name"] or result["user_id"] for result in results if result["changed"]]
    return {"before": dict.fromkeys(changed, "old password"), "after": dict.fromkeys(changed, "new password")}
