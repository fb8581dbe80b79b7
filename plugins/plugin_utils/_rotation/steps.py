# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rotation of one account asks of its driver, and how it ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Union

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Record


@dataclass(frozen=True)
class Save:
    """Make the record durable. Answered with True, or with False if somebody else has written since it was read."""

    record: Record


@dataclass(frozen=True)
class PreserveConflict:
    """Keep what somebody else wrote under another name. Answered with the record in it, or None if there is none."""


@dataclass(frozen=True)
class Send:
    """Send the pair, once. Answered with a PasswordAnswer."""

    old: str = field(repr=False)
    new: str = field(repr=False)


@dataclass(frozen=True)
class Wait:
    """Give a request whose answer was lost the time to be applied or dropped."""


Step = Union[Save, PreserveConflict, Send, Wait]


@dataclass(frozen=True)
class Outcome:
    """How an account ended. `record` is what the store holds now."""

    status: str
    record: Record | None
    answers: tuple[PasswordAnswer, ...] = ()

    @property
    def changed(self) -> bool:
        return any(answer.kind == "applied" for answer in self.answers)


Steps = Generator[Step, Any, Outcome]


@dataclass(frozen=True)
class RotationRequest:
    """What is asked for: the options of one account, which is number `index` of the list given.

    `generation` is that of the password which the consumers were told.
    """

    account: Account
    state: str = "rotated"
    initial_password: str | None = field(default=None, repr=False)
    max_age_days: float = 90.0
    force: bool = False
    consumers: bool = False
    generation: int | None = None
    index: int = 0
