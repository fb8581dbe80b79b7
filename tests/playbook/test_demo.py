# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration, which checks itself what it shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_all_that_it_shows_is_true() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".tools/collections")}
    run = subprocess.run(
        [sys.executable, ROOT / "demo/demo.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Every check passed" in run.stdout
    assert f"The report stays:\n{ROOT / '.tools/report.html'}" in run.stdout
    assert (ROOT / ".tools/report.html").read_text(encoding="utf-8").count("<tr data-is=") == 3
