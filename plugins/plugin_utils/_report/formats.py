# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of a report, by their names."""

from __future__ import annotations

import json
from collections.abc import Callable

from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.accounts import Fields
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.page import html_page
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.table import csv_table

PARTS = (
    "time",
    "by",
    "collection_version",
    "store",
    "identity_url",
    "max_age_days",
    "accounts",
    "missing",
    "counts",
    "problems",
    "failures",
)


def rendered(report: Fields, form: str, title: str | None = None) -> str:
    """Return the report in one of the formats. The title is for the page."""
    return html_page(report, title) if form == "html" else FORMATS[form](report)


def json_text(report: Fields) -> str:
    """Return what the report says, without what Ansible adds to a result."""
    return json.dumps({part: report[part] for part in PARTS if part in report}, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Fields], str]] = {"html": html_page, "csv": csv_table, "json": json_text}
