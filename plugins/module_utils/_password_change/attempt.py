# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one user's password is set with as few requests as a safe answer allows.

The change-password operation applies only while the old password is in effect, so the same pair may be sent again
after an answer was lost. The pair `(new, new)` changes nothing; it succeeds only if the new password is the one in
effect, and is sent once, after the old one was refused, to tell a repeated run from a wrong password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer

# The statuses of answers that settle the matter by themselves; the others are statuses already.
STATUS_OF = {"applied": "changed", "mismatch": "wrong_password", "policy": "policy_rejected", "conflict": "refused"}

# Answers to the probe that speak of the new password, and not of the old one.
REFUSALS = frozenset({"refused", "policy", "conflict"})

Send = Callable[[str, str], PasswordAnswer]


@dataclass(frozen=True)
class PasswordChange:
    """What is wanted for one user. `user_id` is empty only until the id for `user_name` is known."""

    user_id: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    user_name: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of one user: the status, the key of the sentence that explains it, and the answers behind it."""

    status: str
    message_key: str
    answers: tuple[PasswordAnswer, ...] = ()

    @property
    def stopped_by(self) -> str | None:
        """The outcome of a request after which no other user's can succeed, or None."""
        return next((answer.kind for answer in self.answers if answer.stops_task), None)


def set_password(change: PasswordChange, send: Send, settle: Callable[[], None], *, probe: bool) -> Verdict:
    """Send the pair and, where `probe` allows, find out what a mismatch or a lost answer means."""
    answers: list[PasswordAnswer] = []

    def ask(old: str, new: str) -> str:
        answers.append(send(old, new))
        if answers[-1].kind == "conflict":
            answers.append(send(old, new))
        return answers[-1].kind

    status, message_key = decide(change, ask, settle, probe=probe)
    return Verdict(status, message_key, tuple(answers))


def decide(
    change: PasswordChange, ask: Callable[[str, str], str], settle: Callable[[], None], *, probe: bool
) -> tuple[str, str]:
    """Return the user's status and the key of its sentence, asking the server as little as possible."""
    if change.old == change.new:
        return "already_set", "already_set"
    kind = ask(change.old, change.new)
    if not probe:
        return plain(kind, mismatch="wrong_password_unprobed")
    lost = kind == "unknown"
    if lost:
        settle()
        kind = ask(change.old, change.new)
        if kind not in ("applied", "mismatch", "policy", "not_found"):
            return "unknown", "unknown"
    if kind != "mismatch":
        return plain(kind)
    kind = ask(change.new, change.new)
    if kind == "applied":
        return plain("applied") if lost else ("already_set", "already_set")
    if kind == "mismatch":
        return plain("mismatch")
    return "unknown", "probe_refused" if kind in REFUSALS else "probe_lost"


def plain(kind: str, mismatch: str = "wrong_password") -> tuple[str, str]:
    status = STATUS_OF.get(kind, kind)
    return status, mismatch if status == "wrong_password" else status
