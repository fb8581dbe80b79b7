# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a task with many results: its counts and its message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable


def task_result(results: list[dict[str, Any]], *, key: str, statuses: Iterable[str], noun: str) -> dict[str, Any]:
    """Return the result of a task, with the results of its users or accounts under `key`."""
    counts = count_statuses(results, statuses)
    return {
        "changed": any(result["changed"] for result in results),
        "failed": any(result["failed"] for result in results),
        key: results,
        "counts": counts,
        "msg": summary(results, counts, noun),
    }


def count_statuses(results: Iterable[Mapping[str, Any]], statuses: Iterable[str]) -> dict[str, int]:
    """Return how many results have each of the statuses, in the order of these."""
    counts = dict.fromkeys(statuses, 0)
    for result in results:
        counts[result["status"]] += 1
    return counts


def summary(results: Sequence[Mapping[str, Any]], counts: Mapping[str, int], noun: str) -> str:
    """Sum up results that have `label`, `failed` and `msg`. `noun` is what each is about, in the singular."""
    by_status = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none"
    failed = [result for result in results if result["failed"]]
    if not failed:
        return f"{noun.capitalize()}s by status: {by_status}."
    first = displayable(f"{failed[0]['label']}: {failed[0]['msg']}")
    what = noun if len(results) == 1 else f"{noun}s"
    return f"{len(failed)} of {len(results)} {what} failed. By status: {by_status}. First failure, {first}"
