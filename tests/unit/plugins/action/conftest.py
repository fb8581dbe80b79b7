# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

RunAction = Callable[..., dict[str, Any]]
SECRETS = (("default", VaultSecret(b"the vault password")),)


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", os.fstat)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the action warns of."""
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda display, message: shown.append(message))
    return shown


@pytest.fixture
def run_action(tmp_path: Path) -> Callable[[type[ActionBase], Mapping[str, Any]], RunAction]:
    """Run an action as a task of a playbook in `tmp_path`. Each run may change the usual arguments."""

    def runner_of(action: type[ActionBase], usual: Mapping[str, Any]) -> RunAction:
        def run_task(
            arguments: Mapping[str, Any] | None = None,
            variables: Mapping[str, Any] | None = None,
            *,
            secrets: Any = SECRETS,
            **task: Any,
        ) -> dict[str, Any]:
            loader = DataLoader()
            loader.set_basedir(str(tmp_path))
            loader.set_vault_secrets(secrets)
            attributes = {"async_val": 0, "check_mode": False, "run_once": False, "diff": False, **task}
            fake_task = SimpleNamespace(args={**usual, **(arguments or {})}, action="action", **attributes)
            connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
            parts: list[Any] = [fake_task, connection, SimpleNamespace(), loader, None, None]
            result: dict[str, Any] = action(*parts).run(task_vars=dict(variables or {}))
            return result

        return run_task

    return runner_of
