# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a role can include files of tasks, found out before it does anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleError
from ansible.playbook.helpers import load_list_of_blocks
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

IMPORTS = frozenset({"import_tasks", "import_role"})
# What ends more than the file in which it is: the accounts after it would not be delivered, nor reported.
ENDS = frozenset({"end_play", "end_host", "end_batch"})
# The reasons of Ansible that name a module or a keyword, and no value of the file.
REASONS = re.compile(
    r"couldn't resolve module/action '[\w.-]{1,80}'|'[\w.-]{1,80}' is not a valid attribute for an? \w+"
    r"|no module/action detected in task|conflicting action statements: [\w.-]{1,80}, [\w.-]{1,80}"
)


@dataclass(frozen=True)
class TaskFiles:
    """Parses files of tasks as an inclusion in the block `parent` of a role will. No message has a value of a file."""

    loader: Any
    parent: Any
    role: Any
    variables: Any

    def problem(self, path: Any) -> str | None:
        """Return why the role could not include this file, or None."""
        if wrong := not_a_path(path):
            return wrong
        shown = displayable(path)
        if not os.path.isfile(path):
            return f"there is no file {shown}"
        try:
            tasks = self.loader.load_from_file(path)
        except AnsibleError as error:
            return f"{shown} cannot be parsed as YAML{place(error)}"
        if not tasks and (tasks is None or isinstance(tasks, list)):
            return f"{shown} has no tasks"
        if not (isinstance(tasks, list) and all(isinstance(task, Mapping) for task in tasks)):
            return f"{shown} must be a list of tasks"
        problems = (self._task_problem(task, number, shown) for number, task in enumerate(tasks, 1))
        return next(filter(None, problems), None)

    def _task_problem(self, task: Mapping[str, Any], number: int, shown: str) -> str | None:
        if end := next(filter(None, map(end_of, with_inner(task))), None):
            return f"task {number} of {shown} must not use meta: {end}, which would end the role for all accounts"
        error = None if has_imports(task) else self._loading_error(task)
        return f"Ansible cannot parse task {number} of {shown}: {reason(error)}" if error else None

    def _loading_error(self, task: Mapping[str, Any]) -> AnsibleError | None:
        """Parse a task as the inclusion will. What it imports depends on where it is included."""
        try:
            load_list_of_blocks(
                [task],
                play=self.parent._play,
                parent_block=self.parent,
                role=self.role,
                loader=self.loader,
                variable_manager=self.variables,
            )
        except AnsibleError as error:
            return error
        return None


def not_a_path(value: Any) -> str | None:
    """Return why this is no path. The value is not in the message: it may be the tasks, with their passwords."""
    is_path = isinstance(value, str) and value.strip() and "\n" not in value
    return None if is_path else "must be the path of a file of tasks, a string. Leave it out if there are none"


def with_inner(task: Any) -> Iterator[Mapping[str, Any]]:
    """Return a task and, in a block, its tasks at any depth."""
    if isinstance(task, Mapping):
        yield task
        for name in ("block", "rescue", "always"):
            inner = task.get(name)
            for one in inner if isinstance(inner, list) else ():
                yield from with_inner(one)


def has_imports(task: Any) -> bool:
    """Tell whether a task or, in a block, one of its tasks is a static import."""
    return any(str(name).rpartition(".")[2] in IMPORTS for one in with_inner(task) for name in one)


def end_of(task: Mapping[str, Any]) -> str | None:
    """Return the argument of a `meta` task that ends more than the file in which it is."""
    action = task.get("action") or task.get("local_action")
    modules = [*task, action.get("module") if isinstance(action, Mapping) else next(iter(words_of(action)), "")]
    if not any(str(module).rpartition(".")[2] == "meta" for module in modules):
        return None
    return next((word for value in task.values() for word in words_of(value) if word in ENDS), None)


def words_of(value: Any) -> list[str]:
    """Return the words of an action or of its arguments, which may be a text or a mapping."""
    texts = value.values() if isinstance(value, Mapping) else [value]
    return [word for text in texts if isinstance(text, str) for word in text.split()]


def reason(error: BaseException) -> str:
    """Return the reason of Ansible if it names no value, else how to find it."""
    found = REASONS.search(str(error))
    return found[0] if found else "check the file with ansible-lint"


def place(error: BaseException) -> str:
    """Return the line to which an error of the YAML parser points, if it does."""
    seen: BaseException | None = error
    while seen:
        mark = getattr(seen, "problem_mark", None)
        if mark:
            return f" (line {mark.line + 1})"
        seen = getattr(seen, "orig_exc", None) or seen.__cause__
    return ""
