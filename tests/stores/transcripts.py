# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What genuine servers answered: recordings that are not part of this project."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

TRANSCRIPTS = Path(__file__).resolve().parents[3] / "shared" / "transcripts"
LONG_RUN = re.compile(r"<'(.)' repeated (\d+) times>")

needs_transcripts = pytest.mark.skipif(
    not TRANSCRIPTS.is_dir(), reason="the recordings of genuine servers are not beside this checkout"
)


def recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((TRANSCRIPTS / name).read_text(encoding="utf-8")))


def expanded(text: str) -> str:
    """Write out the long runs of one character that a recording abbreviates."""
    return LONG_RUN.sub(lambda match: match[1] * int(match[2]), text)
