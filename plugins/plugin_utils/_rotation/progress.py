# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a long run, in lines for the person who watches it. A line has numbers, and no names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import SUCCEEDED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import Outcome

# The seconds between two lines. A run that is shorter prints none.
INTERVAL = 10.0


def progress_line(outcomes: Sequence[Outcome], *, verb: str, waiting: int, total: int, seconds: float) -> str:
    """Return the line. `waiting` accounts lack an answer, so they are in doubt for now."""
    done = sum(outcome.changed or outcome.status in SUCCEEDED for outcome in outcomes)
    in_doubt = waiting + sum(is_in_doubt(outcome) for outcome in outcomes)
    failed = len(outcomes) - done - (in_doubt - waiting)
    parts = [f"{verb} {done} of {total}", in_doubt and f"{in_doubt} in doubt", failed and f"{failed} failed"]
    return ", ".join([*(str(part) for part in parts if part), f"{seconds:.0f} s"])


def is_in_doubt(outcome: Outcome) -> bool:
    return outcome.status == "in_doubt" and not outcome.changed


class Progress:
    """Displays what `line` returns, given the seconds since the start: every `INTERVAL` seconds, and when asked to."""

    def __init__(self, line: Callable[[float], str], display: Callable[[str], None]) -> None:
        self._line = line
        self._display = display
        self._started = time.monotonic()
        self._ended = threading.Event()

    def show(self) -> None:
        self._display(self._line(time.monotonic() - self._started))

    @contextmanager
    def shown(self) -> Iterator[None]:
        thread = threading.Thread(target=self._show_regularly, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _show_regularly(self) -> None:
        while not self._ended.wait(INTERVAL):
            self.show()
