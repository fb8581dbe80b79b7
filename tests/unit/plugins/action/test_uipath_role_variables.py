# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads no variables. The rest needs a play: see `tests/playbook/test_role.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.rpaops.uipath.plugins.action.uipath_role_variables import has_imports, place

IMPORT = {"ansible.builtin.import_tasks": "more.yml"}


class TestHasImports:
    @pytest.mark.parametrize(
        "task", [IMPORT, {"import_role": {"name": "another"}}, {"block": [], "rescue": [{"block": [{}, IMPORT]}]}]
    )
    def test_finds_one_at_any_depth(self, task: Any) -> None:
        assert has_imports(task)

    @pytest.mark.parametrize("task", ["text", None, {}, {"include_tasks": "more.yml"}, {"block": "text"}])
    def test_finds_none(self, task: Any) -> None:
        assert not has_imports(task)


class TestPlace:
    def test_is_the_line_of_a_mistake(self, tmp_path: Path) -> None:
        file = tmp_path / "tasks.yml"
        file.write_text("- name: fine\n- name: a: b\n")
        with pytest.raises(AnsibleError) as raised:
            DataLoader().load_from_file(str(file))
        assert place(raised.value) == " (line 2)"

    def test_is_nothing_for_other_errors(self) -> None:
        assert place(AnsibleError("another")) == ""
