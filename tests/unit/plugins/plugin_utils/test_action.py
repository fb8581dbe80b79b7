# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import (
    COLLECTION,
    collection_version,
    in_awx_job,
    runner,
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


class TestRunner:
    def test_of_an_awx_job_is_the_job_and_its_template(self) -> None:
        assert runner({"awx_job_id": 7, "awx_job_template_name": "Rotate"}) == "AWX job 7 (Rotate)"
        assert runner({"awx_job_id": 7}) == "AWX job 7 (without a template)"

    def test_else_is_the_user_and_the_controller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        assert runner({}) == f"{user}@{socket.gethostname()}"
        monkeypatch.setattr(os, "geteuid", lambda: 987654)
        assert runner({}) == f"987654@{socket.gethostname()}"


class TestCollectionVersion:
    GALAXY = (COLLECTION / "galaxy.yml").read_text(encoding="utf-8")

    def test_of_a_checkout_is_that_in_galaxy_yml(self) -> None:
        assert collection_version() == yaml.safe_load(self.GALAXY)["version"]

    def test_of_an_installed_collection_is_that_in_the_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "1.2.3"}}')
        (tmp_path / "galaxy.yml").write_text(self.GALAXY)
        assert collection_version(tmp_path) == "1.2.3"

    @pytest.mark.parametrize("manifest", [None, "", "[]", "{}", '{"collection_info": null}'])
    def test_may_be_unknown(self, tmp_path: Path, manifest: str | None) -> None:
        if manifest is not None:
            (tmp_path / "MANIFEST.json").write_text(manifest)
        assert collection_version(tmp_path) is None
