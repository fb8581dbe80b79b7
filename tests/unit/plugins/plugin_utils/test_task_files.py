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
from ansible_collections.rpaops.uipath.plugins.plugin_utils._task_files import (
    end_of,
    has_imports,
    not_a_path,
    place,
    reason,
    with_inner,
)

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


class TestEndOf:
    @pytest.mark.parametrize(
        "task",
        [
            {"name": "End", "meta": "end_play", "when": "late"},
            {"ansible.builtin.meta": " end_play "},
            {"action": "meta end_play"},
            {"local_action": "ansible.builtin.meta end_play"},
            {"action": {"module": "meta", "_raw_params": "end_play"}},
            {"action": "ansible.builtin.meta", "args": {"_raw_params": "end_play"}},
            {"meta": {"_raw_params": "end_play"}},
            {"block": [], "rescue": [{"block": [{}, {"meta": "end_play"}]}]},
        ],
    )
    def test_finds_one_at_any_depth(self, task: Any) -> None:
        assert "end_play" in [end_of(one) for one in with_inner(task)]

    @pytest.mark.parametrize(
        "task",
        [{}, {"meta": "end_role"}, {"debug": "end_play"}, {"meta": ""}, {"meta": None}, {"action": ""}, {"action": {}}],
    )
    def test_finds_none(self, task: Any) -> None:
        assert end_of(task) is None


class TestNotAPath:
    @pytest.mark.parametrize("value", [None, "", " ", 0, False, {}, [], ["secret"], {"secret": 1}, "- secret:\n- b"])
    def test_does_not_show_what_it_refuses(self, value: Any) -> None:
        problem = not_a_path(value)
        assert problem
        assert "secret" not in problem

    def test_accepts_a_path(self) -> None:
        assert not_a_path("/srv/tell consumers.yml") is None


class TestReason:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("couldn't resolve module/action 'debgu'. This often", "couldn't resolve module/action 'debgu'"),
            ("'wheen' is not a valid attribute for a Task\n\n- secret", "'wheen' is not a valid attribute for a Task"),
            ("failed at splitting arguments: {{ secret", "check the file with ansible-lint"),
            ("'{{ secret }}' is not a valid attribute for a Task", "check the file with ansible-lint"),
        ],
    )
    def test_is_that_of_ansible_where_it_has_no_value(self, text: str, expected: str) -> None:
        assert reason(AnsibleError(text)) == expected


class TestPlace:
    def test_is_the_line_of_a_mistake(self, tmp_path: Path) -> None:
        file = tmp_path / "tasks.yml"
        file.write_text("- name: fine\n- name: a: b\n")
        with pytest.raises(AnsibleError) as raised:
            DataLoader().load_from_file(str(file))
        assert place(raised.value) == " (line 2)"

    def test_is_nothing_for_other_errors(self) -> None:
        assert place(AnsibleError("another")) == ""
