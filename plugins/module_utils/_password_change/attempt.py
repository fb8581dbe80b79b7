# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one user's password is changed, with as few requests as are needed to know the result.

The change-password operation applies only while the old password is in effect, so the same pair may be sent again
after an answer was lost. The pair `(new, new)` changes nothing; it succeeds only if the new password is the one in
effect, and is sent once, after the server rejected the old one, to tell a repeated run from a wrong password. What a
refusal of that probe means is the subject of `control.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import AnswerKind, PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import MessageKey, Status

# The user's status, where one answer decides it.
STATUS_OF: Mapping[AnswerKind, Status] = {
    "applied": "changed",
    "mismatch": "wrong_password",
    "policy": "policy_rejected",
    "refused": "refused",
    "not_found": "not_found",
    "unauthorized": "unauthorized",
    "wrong_url": "wrong_url",
    "throttled": "throttled",
    "unreachable": "unreachable",
    "unknown": "unknown",
}

# Answers to the probe that are about the new password, and not about the old one.
REFUSALS: frozenset[AnswerKind] = frozenset({"refused", "policy"})

# Answers to a pair that is sent again, which prove whether the change was applied.
PROOFS: frozenset[AnswerKind] = frozenset({"applied", "mismatch", "policy"})

Send = Callable[[str, str], PasswordAnswer]
SendPair = Callable[[str, str], AnswerKind]


@dataclass(frozen=True)
class PasswordChange:
    """The change of one user's password. `user_id` is empty only until the id for `user_name` is known."""

    user_id: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    user_name: str | None = None


@dataclass(frozen=True)
class Verdict:
    """How one user ended: the status, the key of the message that explains it, and the answers behind it.

    Without an answer, `error` is what kept the task from sending, or `reason` says why it stopped first.
    """

    status: Status
    message_key: MessageKey
    answers: tuple[PasswordAnswer, ...] = ()
    error: UiPathError | None = None
    reason: str = ""

    @property
    def stopped_by(self) -> AnswerKind | None:
        """The kind of the answer after which no other user's can succeed, or None."""
        return next((answer.kind for answer in self.answers if answer.stops_task), None)


def set_password(change: PasswordChange, send: Send, wait: Callable[[], None], *, probe: bool) -> Verdict:
    """Send the pair and, where `probe` allows, find out what a mismatch or a lost answer means."""
    answers: list[PasswordAnswer] = []

    def send_pair(old: str, new: str) -> AnswerKind:
        answers.append(send(old, new))
        return answers[-1].kind

    status, message_key = decide(change, send_pair, wait, probe=probe)
    return Verdict(status, message_key, tuple(answers))


def decide(
    change: PasswordChange, send_pair: SendPair, wait: Callable[[], None], *, probe: bool
) -> tuple[Status, MessageKey]:
    """Return the user's status and the key of its message, with as few requests as possible."""
    if change.old == change.new:
        return "already_set", "equal_passwords"
    kind = send_pair(change.old, change.new)
    if not probe:
        return plain(kind, mismatch="wrong_password_unprobed")
    lost = kind == "unknown"
    if lost:
        wait()
        kind = send_pair(change.old, change.new)
        if kind not in PROOFS:
            return "unknown", "unknown"
    if kind != "mismatch":
        return plain(kind)
    kind = send_pair(change.new, change.new)
    if kind == "applied":
        return in_effect(lost=lost)
    if kind == "mismatch":
        return plain("mismatch")
    return "unknown", "probe_refused" if kind in REFUSALS else "probe_lost"


def in_effect(*, lost: bool) -> tuple[Status, MessageKey]:
    """Return the status of a user whose new password is proven to be in effect. `lost`: an answer to the pair was."""
    return plain("applied") if lost else ("already_set", "already_set")


def plain(kind: AnswerKind, mismatch: MessageKey = "wrong_password") -> tuple[Status, MessageKey]:
    status = STATUS_OF[kind]
    return status, mismatch if status == "wrong_password" else status
