# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role tells about a rotation: a table of the accounts, and the message of a failure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils import _summaries
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import STOPPED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import LEASE_ENDS

Account = Mapping[str, Any]

# In a longer table, accounts with nothing to do are counted.
MOST_ROWS = 30
WIDEST_LABEL = 40
MOST_LABELS, MOST_MESSAGES = 10, 10
HEAD = ("account", "status", "last rotated (UTC)", "next due (UTC)", "what to do")
# How to repair a closed account. Its name is put where all other advice of the role has none.
RESUME = "remove the cause, then run with rotate_passwords_state=resumed rotate_passwords_force=true {only}"
ADOPT = "give the live password as its initial_password, then run with rotate_passwords_state=adopted {only}"
NEVER_ROTATED = f"check rotate_passwords_store; if it is right, {ADOPT}"
RENAMED = "if consumers know it by its label, run with rotate_passwords_state=redeliver {only}"
ONLY = "rotate_passwords_only={name}"
ONLY_IT = "and rotate_passwords_only"
# Names that need no quotes in a shell or in a list.
PLAIN = re.compile(r"[\w.@-]+", re.ASCII)
NEXT_RUN = "nothing, the next run continues"
FOR_REAL = "run without --check"
# Accounts of these statuses need nothing of their own: in a long table they are counted.
COUNTED = {"renamed", "would_rotate", "would_resume", "not_attempted"}

# What to do, by status. Without a phrase, there is nothing to do.
ADVICE = {
    "rotated": "",
    "resumed": "",
    "fresh": "",
    "renamed": RENAMED,
    "adopted": "",
    "created": "",
    "delivered": "",
    "delivery_due": "",
    "would_rotate": FOR_REAL,
    "would_resume": FOR_REAL,
    "busy": "nothing, another run works on it",
    "age_unknown": "check the controller's clock, or set rotate_passwords_force with rotate_passwords_only",
    "throttled": NEXT_RUN,
    "unreachable": NEXT_RUN,
    "unauthorized": "check the sign-in of rotate_passwords_connection",
    "wrong_url": "correct identity_url of rotate_passwords_connection",
    "refused": "fix the cause that the message names",
    "policy_rejected": "set rotate_passwords_password to what the policy requires",
    "superseded": NEXT_RUN,
    "not_found": "correct rotate_passwords_accounts",
    "name_conflict": "correct rotate_passwords_accounts: give the user_id",
    "in_doubt": "run again, do not reset the password",
    "out_of_sync": RESUME,
    "quarantined": RESUME,
    "moved": "use the store that the message names",
    "store_error": "see the message below",
    "store_conflict": "stop the other writer, compare the versions",
    "no_password": "check rotate_passwords_store, or give an initial_password",
    "not_attempted": "run again when the other accounts' cause is fixed",
}
NOT_DELIVERED = "fix the task that failed: its consumers may lack the current password until a run succeeds"
NO_TASKS = "set rotate_passwords_after_tasks: its consumers may lack the current password until a run succeeds"
TO_DELIVER = "nothing, its delivery is due"
# How a run without tasks ends whose accounts have consumers.
WITHOUT_TASKS = (
    "Set rotate_passwords_after_tasks and run again: until then, the consumers of {labels} may lack the current"
    " password. If they have none any more, run uipath_password_rotation with state: delivered and consumers: false."
)
# A line below the table, for new passwords of accounts of which no record says that they have consumers.
NOT_TOLD = "rotate_passwords_after_tasks is not set, so no consumer is told."
NEW_PASSWORD = {"rotated", "resumed", "would_rotate", "would_resume"}
TASKS_FAILED = "The delivery of {labels} is not complete. Fix the tasks that failed, and run again."
# Where a message of the module names an option, the role's variable is put: `state: resumed`, `store.path`.
OPTION = re.compile(
    r"(?<![\w./-])(?:"
    r"(?P<variable>(?:accounts|store|password)(?=\[|\.\w)|(?:state|force|only|strict|verify)(?=: \w)"
    r"|(?:accounts|store|password|only|strict|concurrency)(?= (?:must|is true|is empty)\b)"
    r"|store(?=: missing )|max_age_days|max_failures|settle_seconds)"
    r"|(?P<connection>identity_url|token_url|access_token|client_id|client_secret|partition_id|ca_path|client_cert"
    r"|client_key|allow_http|validate_certs)"
    r")(?![\w/-])"
)
OF_SERVER = " The server says: "
ONE_ACCOUNT = "Set rotate_passwords_only to these accounts as well."


def summary(
    result: Mapping[str, Any],
    undelivered: Collection[str] = (),
    due: Collection[str] = (),
    has_tasks: bool = True,
    delivered: Collection[str] = (),
) -> dict[str, Any]:
    """Sum up the result of the rotation module.

    `undelivered` are the user ids of accounts whose delivery has failed, `due` those that this run does not deliver.
    Without `has_tasks`, the delivery failed because the run was given no tasks. `delivered` are the accounts that were
    noted as delivered since.
    """
    if result.get("accounts") is None:
        return {"table": [], "failure": rejection(result)}
    result = with_deliveries(result, delivered)
    accounts = result["accounts"]
    failed = NOT_DELIVERED if has_tasks else NO_TASKS
    notes = {**dict.fromkeys(due, TO_DELIVER), **dict.fromkeys(undelivered, failed)}
    below = [
        *earliest_due(accounts, notes),
        *reason_to_stop(accounts),
        *([] if has_tasks else not_told(accounts, notes)),
    ]
    lines = [numbers_of(result, notes), *table(accounts, notes), *below]
    return {"table": lines, "failure": failure(result, undelivered, has_tasks)}


def with_deliveries(result: Mapping[str, Any], delivered: Collection[str]) -> Mapping[str, Any]:
    """Return the result as it is at the end of the run: an account to be told again has been told."""
    told = [one["status"] == "delivery_due" and one["user_id"] in delivered for one in result["accounts"]]
    if not any(told):
        return result
    accounts = [{**one, "status": "delivered"} if is_told else one for one, is_told in zip(result["accounts"], told)]
    numbers = _summaries.summary(accounts, _summaries.count_statuses(accounts, ADVICE), "account")
    return {**result, "accounts": accounts, "msg": numbers}


def earliest_due(accounts: Sequence[Account], notes: Mapping[str, str]) -> list[str]:
    """Return in a line when the next of the fresh accounts is due, if these are only counted."""
    if "fresh" not in counted_statuses(accounts, notes):
        return []
    fresh = (one for one in accounts if one["status"] == "fresh" and not has_advice(one, notes))
    times = sorted(one["next_due"] for one in fresh if one.get("next_due"))
    found = [f"The first of the fresh accounts is due {shown_time(time)} (UTC)." for time in times[:1]]
    return [" ".join([*found, "The playbook rpaops.uipath.report lists all accounts."])]


def not_told(accounts: Sequence[Account], notes: Mapping[str, str]) -> list[str]:
    """Return a line if accounts get new passwords. Those with `notes` say it themselves."""
    return [NOT_TOLD] if any(one["status"] in NEW_PASSWORD and one["user_id"] not in notes for one in accounts) else []


def reason_to_stop(accounts: Sequence[Account]) -> list[str]:
    """Return in a line why accounts were not attempted. It is the same for all of them."""
    message = next((one["msg"] for one in accounts if one["status"] == "not_attempted"), "")
    _before, found, reason = message.partition(STOPPED)
    return [displayable(with_variables(f"The run stopped because{reason}"))] if found else []


def numbers_of(result: Mapping[str, Any], notes: Collection[str] = ()) -> str:
    """Return how many accounts have which status, and how many are not delivered."""
    numbers = str(result["msg"]).partition(" First failure, ")[0]
    return f"{numbers} Not delivered: {len(notes)}." if notes else numbers


def rejection(result: Mapping[str, Any]) -> str:
    """Return why no account was worked on."""
    return with_variables(str(result.get("msg", "")))


def with_variables(text: str) -> str:
    """Return a message with the names of the role's variables instead of the module's options."""
    ours, separator, theirs = text.partition(OF_SERVER)
    return f"{OPTION.sub(variable, ours)}{separator}{theirs}"


def variable(option: re.Match[str]) -> str:
    return "rotate_passwords_" + (option["variable"] or f"connection.{option['connection']}")


def table(accounts: Sequence[Account], notes: Mapping[str, str]) -> list[str]:
    """Return the lines of the table, and below rows a line for each status whose accounts are only counted."""
    counted = counted_statuses(accounts, notes)
    rows = [row(one, notes) for one in accounts if has_advice(one, notes) or one["status"] not in counted]
    if not rows:
        return []
    return aligned([HEAD, *rows]) + [f"{number} more {status}" for status, number in counted.items()]


def counted_statuses(accounts: Sequence[Account], notes: Mapping[str, str]) -> dict[str, int]:
    """Return the statuses whose accounts have no row, with their numbers. Fresh accounts are the first of them."""
    room = MOST_ROWS - sum(has_advice(account, notes) for account in accounts)
    numbers: dict[str, int] = {}
    for account in accounts:
        if not has_advice(account, notes):
            numbers[account["status"]] = numbers.get(account["status"], 0) + 1
    counted = {}
    for status in sorted(numbers, key=lambda status: (status in ("fresh", "not_attempted"), numbers[status])):
        if numbers[status] > room:
            counted[status] = numbers[status]
        else:
            room -= numbers[status]
    return counted


def has_advice(account: Account, notes: Mapping[str, str]) -> bool:
    if account["status"] in COUNTED:
        return account["user_id"] in notes
    return bool(account["failed"] or advice(account, notes))


def advice(account: Account, notes: Mapping[str, str]) -> str:
    """Return what to do: the note about the delivery of the account or, without one, the phrase of its status."""
    own = lease(account) or repair(account)
    return notes.get(account["user_id"]) or with_name(own or ADVICE.get(account["status"], ""), account)


def lease(account: Account) -> str:
    """Return until when another run has the account, or an empty text if it is not busy or its store has no leases."""
    _before, found, time = account.get("msg", "").partition(f"{LEASE_ENDS} ")
    is_leased = found and account["status"] == "busy"
    return f"run again after {time[:19].replace('T', ' ')} (UTC), when another run's lease ends" if is_leased else ""


def repair(account: Account) -> str:
    """Return how to repair a closed account whose password was wrong, or an empty text."""
    if account["status"] not in ("out_of_sync", "quarantined") or account.get("reason") != "wrong_password":
        return ""
    return ADOPT if account.get("last_rotated") else NEVER_ROTATED


def with_name(text: str, account: Account) -> str:
    """Return advice with the name of the account, as it can be typed after `-e`."""
    name = account.get("name") or account.get("user_name") or account["user_id"]  # as the list has it
    return text.replace("{only}", ONLY.format(name=name) if PLAIN.fullmatch(name or "") else ONLY_IT)


def row(account: Account, notes: Mapping[str, str]) -> tuple[str, ...]:
    times = (shown_time(account.get(name)) for name in ("last_rotated", "next_due"))
    return (displayable(account["label"]), account["status"], *times, advice(account, notes))


def shown_time(time: str | None) -> str:
    """Return a time as in the record, to the minute."""
    return time[:16].replace("T", " ") if time else "-"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(min(len(cell), WIDEST_LABEL) for cell in column) for column in zip(*rows)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths)).rstrip() for cells in rows]


def failure(result: Mapping[str, Any], undelivered: Collection[str], has_tasks: bool) -> str:
    """Return the message with which the role fails, each reason once, or an empty text if all is well."""
    failed = [one for one in result["accounts"] if one["failed"] and one["status"] != "not_attempted"]
    late = [one["label"] for one in result["accounts"] if one["user_id"] in undelivered]
    if not (late or any(one["failed"] for one in result["accounts"])):
        return ""
    text = " ".join([numbers_of(result), *reasons(failed)])
    if re.search(r"\brotate_passwords_(state|force): ", text):
        text = f"{text} {ONE_ACCOUNT}"
    if late:
        text += " " + (TASKS_FAILED if has_tasks else WITHOUT_TASKS).format(labels=listed(late))
    return displayable(text)


def reasons(failed: Sequence[Account]) -> list[str]:
    """Return the message of each failed account, once for all that have the same."""
    labels: dict[tuple[str, str], list[str]] = {}
    for account in failed:
        labels.setdefault((account["status"], account["msg"]), []).append(account["label"])
    found = [f"{listed(names)}: {status}. {with_variables(text)}" for (status, text), names in labels.items()]
    more = len(found) - MOST_MESSAGES
    return found[:MOST_MESSAGES] + ([f"{more} more messages are in rotate_passwords_result."] if more > 0 else [])


def listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_LABELS
    return ", ".join(names[:MOST_LABELS]) + (f" and {more} more" if more > 0 else "")
