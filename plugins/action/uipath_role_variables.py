# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_role_variables`: only an action sees all variables of a play.

It uses their names and, except for the files of tasks that it is given, no value.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.playbook.helpers import load_list_of_blocks
from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import (
    check_names,
    misspelled_message,
    unknown_message,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

IMPORTS = frozenset({"import_tasks", "import_role"})


def argument_spec() -> dict[str, Any]:
    return {
        "role": {"type": "str", "required": True},
        "known": {"type": "list", "elements": "str", "required": True},
        "own": {"type": "list", "elements": "str", "default": []},
        "task_files": {"type": "dict", "default": {}},
    }


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options, problems = validated(self._task.args, argument_spec())
        if problems:
            return {**result, "failed": True, "msg": " ".join(problems)}
        names = [str(name) for name in task_vars or ()]
        misspelled, unknown = check_names(names, options["role"], options["known"], options["own"])
        if unknown:
            self._display.warning(unknown_message(unknown, options["role"]))
        problems = [misspelled_message(misspelled)] if misspelled else []
        problems += self._file_problems(options["task_files"])
        return {
            **result,
            "failed": bool(problems),
            "misspelled": misspelled,
            "unknown": unknown,
            "msg": " ".join(problems),
        }

    def _file_problems(self, files: Mapping[str, Any]) -> list[str]:
        found = ((variable, self._file_problem(str(path))) for variable, path in files.items())
        return [f"{variable}: {problem}" for variable, problem in found if problem]

    def _file_problem(self, path: str) -> str | None:
        """Return why the role could not include a file of tasks. Nothing of its content is in the message."""
        shown = displayable(path)
        if not os.path.isfile(path):
            return f"there is no file {shown}"
        try:
            tasks = self._loader.load_from_file(path)
        except AnsibleError as error:
            return f"{shown} cannot be parsed as YAML{place(error)}"
        if tasks is not None and not (isinstance(tasks, list) and all(isinstance(task, Mapping) for task in tasks)):
            return f"{shown} must be a list of tasks"
        broken = [number for number, task in enumerate(tasks or (), 1) if not self._is_loadable(task)]
        return f"Ansible cannot parse task {broken[0]} of {shown}: check the file with ansible-lint" if broken else None

    def _is_loadable(self, task: Mapping[str, Any]) -> bool:
        """Parse a task as the inclusion will, in the same role. What it imports depends on where it is included."""
        if has_imports(task):
            return True
        block: Any = self._task._parent
        try:
            load_list_of_blocks(
                [task],
                play=block._play,
                parent_block=block,
                role=self._task._role,
                loader=self._loader,
                variable_manager=self._task.get_variable_manager(),
            )
        except AnsibleParserError:
            return False
        return True


def has_imports(task: Any) -> bool:
    """Tell whether a task or, in a block, one of its tasks is a static import."""
    if not isinstance(task, Mapping):
        return False
    blocks = (task[name] for name in ("block", "rescue", "always") if isinstance(task.get(name), list))
    return any(str(name).rpartition(".")[2] in IMPORTS for name in task) or any(
        has_imports(inner) for block in blocks for inner in block
    )


def place(error: BaseException) -> str:
    """Return the line to which an error of the YAML parser points, if it does."""
    seen: BaseException | None = error
    while seen:
        mark = getattr(seen, "problem_mark", None)
        if mark:
            return f" (line {mark.line + 1})"
        seen = getattr(seen, "orig_exc", None) or seen.__cause__
    return ""
