# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in memory: a hundred nights in the time of one on a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Record
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import MemoryStore

if TYPE_CHECKING:
    from ansible_collections.rpaops.uipath.tests.nights.season import Season


@dataclass
class MemoryPlace:
    records: dict[str, Record] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    def store(self, step: Callable[[str], None]) -> Store:
        """The store of one run. Two runs at once share the records and their locks."""
        return MemoryStore(self.records, held=self.held, watch=step)

    def record(self, user: str) -> Record | None:
        return self.records.get(user)

    found = record

    def stored_passwords(self, user: str) -> set[str]:
        record = self.records.get(user)
        return set(record.candidates()) if record else set()

    def run(self, season: Season, run: int, what: dict[str, Any], check_mode: bool) -> None:
        season.run_here(run, what, check_mode)

    def operate(self, season: Season) -> None:
        """Nobody can touch these records."""
