# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.action.uipath_password_store_copy import ActionModule
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.store import VaultFileStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.action.conftest import SECRETS, RunAction
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import OLD, record_of
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE


@pytest.fixture
def run(run_action: Callable[..., RunAction], tmp_path: Path, warnings: list[str]) -> RunAction:
    with VaultFileStore(tmp_path / "a", secrets=SECRETS, identity_url=BASE).open(read_only=False) as opened:
        put(opened, record_of())
    return run_action(ActionModule, {"identity_url": BASE, "source": {"path": "a"}, "target": {"path": "b"}})


class TestRun:
    def test_moves_accounts_and_then_nothing(self, run: RunAction, tmp_path: Path, warnings: list[str]) -> None:
        predicted = run(check_mode=True)
        assert (predicted["accounts"][0]["status"], (tmp_path / "b").exists()) == ("would_move", False)
        results = [run() for _time in range(2)]
        assert [result["accounts"][0]["status"] for result in results] == ["moved", "already_moved"]
        assert [result["changed"] for result in results] == [True, False]
        assert OLD not in json.dumps([predicted, *results])
        assert any("There is no store in" in warning for warning in warnings)

    def test_names_all_problems_of_both_stores(self, run: RunAction) -> None:
        result = run({"identity_url": "nonsense", "accounts": [" "], "source": {"path": ""}, "target": {"pth": "b"}})
        assert result["status"] == "invalid_input"
        for problem in ("identity_url", "accounts[0] is empty", "source.path is empty", "target.pth is not supported"):
            assert problem in result["msg"]
