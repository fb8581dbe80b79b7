# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UiPath's own OpenAPI files: third-party data, therefore not part of this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

OPENAPI = Path(__file__).resolve().parents[3] / "shared" / "openapi"
NEWEST = "identity-external-3.2.54-2025-09-03.json"
FIRST = "identity-external-v1-2023-03-11.json"
INTERNAL = "identity-internal-v1-2023-03-09.json"

needs_specification = pytest.mark.skipif(
    not OPENAPI.is_dir(), reason="UiPath's OpenAPI files are not beside this checkout"
)

Document = dict[str, Any]


def dump(name: str) -> Document:
    return dict(json.loads((OPENAPI / name).read_text(encoding="utf-8-sig")))
