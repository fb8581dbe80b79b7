# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats by their names."""

from __future__ import annotations

import json

from ansible_collections.rpaops.uipath.demo.sample import account, sample, store_info
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.formats import PARTS, rendered


def test_page_has_the_title() -> None:
    assert "<h1>Production</h1>" in rendered(sample(), "html", "Production")


def test_data_is_the_result_without_what_ansible_adds() -> None:
    text = rendered({**sample(), "changed": False, "failed": True, "msg": "x", "invocation": {}}, "json", "Production")
    assert json.loads(text) == {part: sample()[part] for part in PARTS}
    assert tuple(json.loads(text)) == PARTS
    assert text.endswith("}\n")


def test_data_keeps_letters_of_all_languages() -> None:
    assert "Jürgen" in rendered(store_info([account(1, 2, label="Jürgen")]), "json")


def test_table_is_csv() -> None:
    assert rendered(sample(), "csv").startswith("label,user_id,")
