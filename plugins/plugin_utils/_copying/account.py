# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of one account, step by step. Each step replaces the record that was read, or begins again.

If the run is killed between two steps, the next run goes on from what the records say.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import UiPathError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.moves import (
    copied,
    is_copy_of,
    moved_away,
    next_step,
    opened,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.results import END_OF, MoveStatus
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record, timestamp
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Busy, LockedRecord, OpenStore

# So often another run may write while this one moves the account.
TRIES = 5


@dataclass(frozen=True)
class Stores:
    """Two open stores, and what messages and records call them."""

    source: OpenStore
    target: OpenStore
    source_place: str
    target_place: str
    now: Callable[[], datetime]


def move_account(stores: Stores, user_id: str) -> MoveStatus:
    """Move the account, or go on with its move. Raise UiPathError if a store cannot be used for it now."""
    locks = ExitStack()
    try:
        source = locks.enter_context(stores.source.locked(user_id))
        target = locks.enter_context(stores.target.locked(user_id))
        return AccountMove(stores, source, target).run()
    finally:
        with suppress(UiPathError):  # what was written is durable
            locks.close()


def predicted(stores: Stores, user_id: str) -> MoveStatus:
    """Return how the account would end, without writing."""
    following = next_step(stores.source.read(user_id), stores.target.read(user_id))
    return "would_move" if following in ("copy", "open") else END_OF[following]


@dataclass(frozen=True)
class AccountMove:
    stores: Stores
    source: LockedRecord
    target: LockedRecord

    def run(self) -> MoveStatus:
        for _try in range(TRIES):
            status = self._attempt()
            if status:
                return status
        raise Busy("Other runs keep writing to its records. Run again later.")

    def _attempt(self) -> MoveStatus | None:
        """Return how the account ends, or None if another run has written meanwhile."""
        source, target = self.source.read(), self.target.read()
        following = next_step(source, target)
        if source and following == "copy":
            copy = self._copy(source, target)
            return self._hand_over(source, copy) if copy else None
        if source and target and following == "open":
            return self._open(source, target)
        if following == "conflict" and (self.source.read(), self.target.read()) != (source, target):
            return None  # another run moved the account between the two reads
        return END_OF[following]

    def _copy(self, source: Record, target: Record | None) -> Record | None:
        """Make sure that the target has a copy, which also proves that it can be written."""
        if target and is_copy_of(source, target):
            return target
        place, time = self.stores.source_place, self._time()
        copy = copied(source, target, uuid.uuid4().hex, place=place, time=time)
        return copy if self.target.write(copy) else None

    def _hand_over(self, source: Record, copy: Record) -> MoveStatus | None:
        """From this write on, the source is not in charge any more."""
        if copy.move is None:
            return None
        moved = moved_away(source, copy.move, place=self.stores.target_place)
        return self._open(moved, copy) if self.source.write(moved) else None

    def _open(self, source: Record, target: Record) -> MoveStatus | None:
        if target.move is None:
            return None
        record = opened(source, target, target.move, time=self._time())
        return "moved" if self.target.write(record) else None

    def _time(self) -> str:
        return timestamp(self.stores.now())
