# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All users of a task: the pool that works on them, and the control requests in between.

A user whose probe is refused waits for a control request. The pool pauses for it, so that it is sent once: with a user
chosen at random, since it may count as a failed sign-in and a task may run every night with the same list. Its answer
decides about every later user whose probe is refused with the same codes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import PasswordChange, Verdict
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.control import (
    concluded,
    refusal,
    send_control,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import Stop, run_in_pool

Attempt = Callable[[PasswordChange], Verdict]
Send = Callable[[PasswordChange, str, str], PasswordAnswer]
Judge = Callable[[Verdict], "Stop | None"]

CONTROL_FIRST = Stop("a control request comes first", final=False)


@dataclass
class Batch:
    """The users of a task. `verdicts` and `started` have an entry for each; `stop` is why the rest was not started."""

    changes: Sequence[PasswordChange]
    attempt: Attempt
    send: Send
    judge: Judge
    cancelled: Callable[[], bool]
    concurrency: int = 1
    stop: Stop | None = None
    verdicts: list[Verdict | None] = field(init=False)
    started: list[bool] = field(init=False)
    # Whether a control request was answered with a mismatch, by the codes of the refused probe.
    _shown: dict[frozenset[str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.verdicts = [None] * len(self.changes)
        self.started = [False] * len(self.changes)

    def run(self) -> None:
        while not self.stop and (waiting := self._waiting()):
            self._work_on(waiting)
            self._answer_questions()

    def _waiting(self) -> list[int]:
        return [index for index, started in enumerate(self.started) if not started]

    def _open(self) -> dict[int, frozenset[str]]:
        """Return the codes of the refused probes that no control request has explained yet, by user."""
        found = {index: refusal(verdict) for index, verdict in enumerate(self.verdicts) if verdict}
        return {index: codes for index, codes in found.items() if codes is not None and codes not in self._shown}

    def _work_on(self, indexes: Sequence[int]) -> None:
        changes = [self.changes[index] for index in indexes]
        report = run_in_pool(
            changes, self._verdict, self._judge_or_pause, concurrency=self.concurrency, cancelled=self.cancelled
        )
        for index, verdict, started in zip(indexes, report.results, report.started):
            self.verdicts[index], self.started[index] = verdict, started
        self._note(report.stop)

    def _verdict(self, change: PasswordChange) -> Verdict:
        verdict = self.attempt(change)
        codes = refusal(verdict)
        return verdict if codes not in self._shown or codes is None else concluded(verdict, mismatch=self._shown[codes])

    def _judge_or_pause(self, verdict: Verdict) -> Stop | None:
        codes = refusal(verdict)
        return self.judge(verdict) if codes is None or codes in self._shown else CONTROL_FIRST

    def _note(self, stop: Stop | None) -> None:
        self.stop = self.stop or (stop if stop and stop.final else None)

    def _answer_questions(self) -> None:
        while not self.stop and (questions := self._open()):
            codes = next(iter(questions.values()))
            waiting = self._waiting()
            chosen = secrets.choice([*self._asking(codes), *waiting])
            if chosen in waiting:
                self._work_on([chosen])
            if not self.stop:
                self._ask(codes, chosen)

    def _asking(self, codes: frozenset[str]) -> list[int]:
        return [index for index, found in self._open().items() if found == codes]

    def _ask(self, codes: frozenset[str], chosen: int) -> None:
        """Send the control request with the chosen user, or with another one if its probe was not refused likewise."""
        asking = self._asking(codes)
        carrier = chosen if chosen in asking else secrets.choice(asking)
        change = self.changes[carrier]
        report = run_in_pool(
            [change],
            lambda change: send_control(lambda old, new: self.send(change, old, new), change.new),
            lambda answer: None,
            concurrency=1,
            cancelled=self.cancelled,
        )
        answers = tuple(answer for answer in report.results if answer)
        self._shown[codes] = any(answer.kind == "mismatch" for answer in answers)
        for index in asking:
            self._conclude(index, codes, answers if index == carrier else ())
        self._note(report.stop)

    def _conclude(self, index: int, codes: frozenset[str], answers: tuple[PasswordAnswer, ...]) -> None:
        verdict = self.verdicts[index]
        if verdict:
            self.verdicts[index] = verdict = concluded(verdict, mismatch=self._shown[codes], answers=answers)
            self._note(self.judge(verdict))
