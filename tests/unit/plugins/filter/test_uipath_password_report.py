# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter: what it takes, and what it says of anything else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.rpaops.uipath.demo.sample import sample
from ansible_collections.rpaops.uipath.plugins.filter.uipath_password_report import FilterModule

report = FilterModule().filters()["uipath_password_report"]


@pytest.mark.parametrize(("form", "start"), [("html", "<!DOCTYPE html>"), ("csv", "label,"), ("json", "{")])
def test_makes_each_format(form: str, start: str) -> None:
    assert report(sample(), form).startswith(start)


@pytest.mark.parametrize("info", [None, "text", [], {}, {"accounts": None}, {"failed": True, "msg": "No store."}])
def test_refuses_what_is_no_result(info: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="not the result of"):
        report(info, "html")


@pytest.mark.parametrize("form", ["pdf", "", None, ["html"]])
def test_refuses_another_format(form: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="the format is one of html, csv, json"):
        report(sample(), form)
