# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import (
    in_awx_job,
    task_outcome,
    with_masked_messages,
)


@pytest.fixture
def usual_threshold() -> Iterator[int]:
    before = gc.get_threshold()
    gc.set_threshold(700)
    yield 700
    gc.set_threshold(*before)


class TestTaskOutcome:
    def test_lets_the_garbage_collector_run_less_often(self, usual_threshold: int) -> None:
        assert task_outcome(lambda: {"threshold": gc.get_threshold()[0]})["threshold"] > 10 * usual_threshold


class TestWithMaskedMessages:
    def test_masks_all_text_that_a_store_may_have_quoted(self) -> None:
        said = "The token Distinctive-t0ken expired."
        result = {"msg": said, "accounts": [{"msg": said}, {"msg": None}], "problems": [said]}
        masked = f"The token {MASK} expired."
        expected = {"msg": masked, "accounts": [{"msg": masked}, {"msg": None}], "problems": [masked]}
        assert with_masked_messages(result, ["Distinctive-t0ken"]) == expected


class TestInAwxJob:
    @pytest.mark.parametrize(
        ("variables", "environ", "expected"),
        [
            ({}, {}, False),
            ({"awx_job_id": 7}, {}, True),
            ({}, {"AWX_HOST": "https://awx", "JOB_ID": "7"}, True),
            ({}, {"AWX_HOST": "https://awx"}, False),
            ({}, {"JOB_ID": "7"}, False),
        ],
    )
    def test_by_what_it_sets(self, variables: dict[str, Any], environ: dict[str, str], expected: bool) -> None:
        assert in_awx_job(variables, environ) is expected
