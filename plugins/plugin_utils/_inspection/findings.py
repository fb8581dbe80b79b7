# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person should look at: each kind of finding as one sentence that names the accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import UNREADABLE
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import CLOSED, REASONS

State = Mapping[str, Any]
FAIL_ON = ("overdue", "closed", "in_doubt", "undelivered", "unlisted", "missing")
UNSURE_ADVICE = "the records that cannot be read may be theirs: restore those first"
OUTDATED = "outdated"  # an unreadable account, here only
MISSING_ADVICE = "unless they are new, check the store and the names"
RESTORE = "A record that cannot be read may be that of an account listed without one: restore it first."
RENAMED = "A renamed account can be both, not in accounts and without a record: list it by its user_id."
# A sentence names so many accounts. The result has them all.
MOST_NAMES = 20


@dataclass(frozen=True)
class Finding:
    """Something to look at. `kind` is one of `FAIL_ON`, or another, such as that of the records that cannot be used."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Rule:
    """What is the matter with accounts, and what to do about one or about several of them."""

    kind: str
    what: str
    advice: str
    applies: Callable[[State], bool]
    advice_on_several: str | None = None


def closed_rule(status: str, reason: str | None) -> Rule:
    return Rule(
        "closed",
        f"Closed as {status}{f' ({reason})' if reason else ''}, and tried by no run",
        "remove the cause and repair the account, see its remark",
        lambda state: (state["status"], state["reason"]) == (status, reason),
        "remove the cause and repair the accounts, see their remarks",
    )


RULES = (
    Rule(
        "unreadable",
        "The record cannot be read",
        "see its remark for why and what to do",
        lambda state: state["status"] == UNREADABLE,
        "see their remarks for why and what to do",
    ),
    Rule(
        "unreadable",
        "The record is older than the last one written, as after a restore",
        "run the rotation, which closes the account without a request, then repair the account",
        lambda state: state["status"] == OUTDATED,
        "run the rotation, which closes the accounts without a request, then repair the accounts",
    ),
    *(closed_rule(status, reason) for status in CLOSED for reason in (*REASONS, None)),
    Rule(
        "moved",
        "Not in this store's charge, because of a move between stores",
        "use the store that its remark names",
        lambda state: state["status"] == "moved",
        "use the stores that their remarks name",
    ),
    Rule(
        "in_doubt",
        "In doubt, as it is not established which password is live",
        "run the rotation again, which finds out",
        lambda state: state["status"] == "in_doubt",
    ),
    Rule(
        "overdue",
        "Of unknown age",
        "check the controller's clock, or rotate the account with force: true",
        lambda state: state["overdue"] is True and state["age_days"] is None,
        "check the controller's clock, or rotate the accounts with force: true",
    ),
    Rule(
        "overdue",
        "Due for more than a day",
        "check that scheduled runs rotate the account",
        lambda state: state["overdue"] is True and state["age_days"] is not None,
        "check that scheduled runs rotate the accounts",
    ),
    Rule(
        "initial",
        "The record still has the initial password",
        "rotate the account",
        lambda state: state["source"] == "adopted" and state["status"] not in (*CLOSED, "moved"),
        "rotate the accounts",
    ),
    Rule(
        "undelivered",
        "A consumer may lack the current password",
        "run the rotation with the tasks for consumers",
        lambda state: state["delivered"] is False,
    ),
    Rule(
        "unlisted",
        "Recorded, but not in accounts",
        "list the account, so that runs rotate it, or, unless it is listed under another name, move its record away",
        lambda state: state["listed"] is False and state["status"] == "ok",
        "list the accounts, so that runs rotate them, or, unless they are listed under another name, move their records"
        " away",
    ),
    Rule(
        "unlisted",
        "Recorded, closed or in doubt, and not in accounts",
        "list the account, and keep its record, which may have the only live password",
        lambda state: state["listed"] is False and state["status"] not in ("ok", "moved"),
        "list the accounts, and keep their records, which may have the only live passwords",
    ),
)


def findings(
    states: Sequence[State],
    missing: Sequence[str],
    lost: Mapping[str, str],
    unsure: Sequence[str] = (),
    outdated: Collection[str] = (),
) -> list[Finding]:
    """Return what there is to look at, the most urgent first.

    Of the unreadable accounts and the `missing` entries, `lost` has those that had a record, each with what the store
    says. Those that are `unsure` may mean the records that cannot be read. `outdated` are the ids of unreadable
    accounts whose record is older than the last one written.
    """
    found = lost_findings(lost)
    states = [{**state, "status": OUTDATED} if state["user_id"] in outdated else state for state in states]
    present = [state for state in states if state["status"] != UNREADABLE or state["label"] not in lost]
    for rule in RULES:
        labels = [state["label"] for state in present if rule.applies(state)]
        found += [finding(rule.kind, rule.what, labels, advice_of(rule, labels))] if labels else []
    new = [label for label in missing if label not in lost]
    return [
        *found,
        *([finding("unsure", "Listed, but in no record that can be read", unsure, UNSURE_ADVICE)] if unsure else []),
        *(missing_findings(new, states) if new else []),
    ]


def advice_of(rule: Rule, labels: Sequence[str]) -> str:
    return rule.advice_on_several if rule.advice_on_several and len(labels) > 1 else rule.advice


def lost_findings(lost: Mapping[str, str]) -> list[Finding]:
    sentences = [f"{label}: {message}" for label, message in lost.items()]
    more = [f"... and {len(lost) - MOST_NAMES} more."] if len(lost) > MOST_NAMES else []
    return [Finding("lost", sentence) for sentence in (*sentences[:MOST_NAMES], *more)]


def finding(kind: str, what: str, labels: Sequence[str], advice: str) -> Finding:
    return Finding(kind, f"{what}: {enumeration(labels)}; {advice}.")


def missing_findings(new: Sequence[str], states: Sequence[State]) -> list[Finding]:
    found = [finding("missing", "Listed, but without a record", new, MISSING_ADVICE)]
    if any(state["status"] == UNREADABLE for state in states):
        found.append(Finding("missing", RESTORE))
    if any(state["listed"] is False for state in states):
        found.append(Finding("missing", RENAMED))
    return found


def failures(found: Sequence[Finding], fail_on: Sequence[str]) -> list[str]:
    """Return the sentences that make the task fail. With any `fail_on`, a record that is lost or unreadable does."""
    kinds = {*fail_on, "unreadable", "lost"} if fail_on else set()
    return [one.sentence for one in found if one.kind in kinds]


def enumeration(labels: Sequence[str]) -> str:
    shown, more = labels[:MOST_NAMES], len(labels) - MOST_NAMES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
