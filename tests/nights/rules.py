# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after every night, whatever has happened: of the store, the lookup and what a run said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import UNPROVEN_LIMIT, doubt
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import (
    MISMATCH_LIMIT,
)
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.nights.truth import Truth

if TYPE_CHECKING:
    from ansible_collections.rpaops.uipath.tests.nights.season import Season

# After these, nothing of what the run sent may have been applied.
NOTHING_APPLIED = ("throttled", "unreachable", "unauthorized", "wrong_url", "policy_rejected")
# Statuses of which nothing was sent. With those in NOTED, the record was or would be changed all the same.
NOTED = ("renamed", "created", "delivered", "delivery_due", "would_rotate", "would_resume")
NOTHING_SENT = ("fresh", "busy", "not_attempted", "age_unknown", "no_password", "name_conflict", *NOTED)
CHANGED = ("rotated", "resumed", "adopted")


class Violation(AssertionError):
    """A rule is broken. With its season, the message has all that happened until then."""

    def __init__(self, rule: str, season: Season | None = None) -> None:
        lines = [rule] if season is None else [rule, f"season {season.number}:", *season.truth.protocol()]
        text = "\n  ".join(lines)
        for user in season.users if season else ():
            text = text.replace(user, f"user {user[-1]}")
        super().__init__(text)
        self.rule = rule


def demand(holds: bool, rule: str) -> None:
    if not holds:
        raise Violation(rule)


def check_result(truth: Truth, run: int, what: dict[str, Any], result: dict[str, Any]) -> None:
    """What a run says of its accounts against what became of its requests."""
    demand("unexpected" not in result["msg"], f"run {run} met a defect: {result['msg']}")
    for account in result["accounts"]:
        check_words(truth, run, account)


def check_words(truth: Truth, run: int, account: dict[str, Any]) -> None:
    user, status, message = account["user_id"], account["status"], account["msg"]
    said = f"run {run} says of {user} '{status}', changed={account['changed']}, '{message}'"
    sent, applied = truth.sent[run, user], truth.applied[run, user]
    demand("unexpected" not in message, f"{said}: a defect")
    if account["changed"] and status not in NOTED:
        demand(applied > 0, f"{said}, but nothing was applied")
    if status in CHANGED:
        demand(account["changed"], f"{said}: a success changes something")
    if status in NOTHING_APPLIED or "othing was changed" in message:
        demand(not account["changed"], f"{said}: a contradiction")
        demand(not applied, f"{said}, but a request of the run was applied")
        demand(not truth.may_arrive(run, user), f"{said}, but a request of the run may still be applied")
    if status in NOTHING_SENT or "othing was sent" in message:
        demand(not sent, f"{said}, but it has sent {sent} requests")
    mismatches, lost = truth.mismatches[run, user], truth.lost[run, user]
    demand(mismatches <= MISMATCH_LIMIT + lost, f"{said}, after {mismatches} failed sign-ins and {lost} lost answers")


def check_accounts(season: Season) -> None:
    """What the store and the lookup have of every account, against what is live at the server."""
    for user in season.users:
        live = season.server.live(user)
        if live not in season.truth.by_administrator[user]:
            demand(live in possibly_stored(season, user), f"the live password of {user} is lost")
            check_lookup(season, user, live)
            check_delivery(season, user)
        check_budget(season, user)


def possibly_stored(season: Season, user: str) -> set[str]:
    """The passwords that a run may try, or a person who restores a record by the guide."""
    record = season.place.record(user)
    if record and user not in season.truth.restored:
        return possibly_live(record)
    return season.place.stored_passwords(user) or {season.initial(user)}


def check_lookup(season: Season, user: str, live: str) -> None:
    """An operator who adopts a password vouches for it until it was sent, and one who restores a store for it."""
    record = season.place.found(user)
    if not record or doubt(record) or user in season.truth.restored:
        return
    vouched = record.current.source == "adopted" and record.current.password in season.truth.claimed[user]
    demand(vouched or record.current.password == live, f"the lookup returns a dead password for {user}")


def check_delivery(season: Season, user: str) -> None:
    """The consumers of an account that counts as delivered have the password that the lookup returns."""
    record = season.place.found(user)
    if not record or doubt(record) or not (record.has_consumers and record.delivered):
        return
    if user in season.truth.restored:
        return
    if record.current.source == "adopted":  # by the word of an operator, who tells them as well
        return
    told = season.truth.told.get(user)
    demand(told == record.current.password, f"{user} counts as delivered, but its consumers have another password")


def check_budget(season: Season, user: str) -> None:
    """Failed sign-ins without a proof, of which the server may lock the user."""
    unproven = season.truth.unproven[user]
    limit = UNPROVEN_TOTAL if "an operator reopened the account" in season.truth.reasons[user] else UNPROVEN_LIMIT
    if "PM.Setting.Read" in season.config["clients"]["automation"]["scopes"]:
        limit = min(limit, season.config["lockout"]["max_failures"] - 2)
    demand(unproven <= limit, f"{unproven} failed sign-ins of {user} without a proof, of at most {limit}")
