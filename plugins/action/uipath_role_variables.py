# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_role_variables`: only an action sees all variables of a play.

It uses their names and, except for files of tasks and variables that must not be null, no value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.playbook.helpers import load_list_of_blocks
from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import (
    LOOPBACK,
    check_names,
    extra_message,
    forbidden_extras,
    is_slip,
    missing_message,
    missing_names,
    misspelled_message,
    null_message,
    unknown_message,
    unprefixed_message,
    unreached_message,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

IMPORTS = frozenset({"import_tasks", "import_role"})
# What ends more than the file in which it is: the accounts after it would not be delivered, nor reported.
ENDS = frozenset({"end_play", "end_host", "end_batch"})
# The reasons of Ansible that name a module or a keyword, and no value of the file.
REASONS = re.compile(
    r"couldn't resolve module/action '[\w.-]{1,80}'|'[\w.-]{1,80}' is not a valid attribute for an? \w+"
    r"|no module/action detected in task|conflicting action statements: [\w.-]{1,80}, [\w.-]{1,80}"
)

NESTED = "The role cannot run in its own tasks for consumers: its results would replace those of the outer run."


def argument_spec() -> dict[str, Any]:
    return {
        "role": {"type": "str", "required": True},
        "known": {"type": "list", "elements": "str", "required": True},
        "own": {"type": "list", "elements": "str", "default": []},
        "not_extra": {"type": "list", "elements": "str", "default": []},
        "required": {"type": "list", "elements": "str", "default": []},
        "not_null": {"type": "list", "elements": "str", "default": []},
        "task_files": {"type": "dict", "default": {}},
        "not_within": {"type": "str"},
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
        given = task_vars or {}
        names = {str(name) for name in given}
        unset = [name for name in options["required"] if given.get(name) is None]
        own = [name for name in options["own"] if not any(is_slip(name, one) for one in unset)]
        defaults = self._names_of_defaults(given)
        misspelled, unknown, unprefixed = check_names(names, options["role"], options["known"], own, defaults)
        if unknown:
            self._display.warning(unknown_message(unknown, options["role"]))
        if unprefixed:
            self._display.warning(unprefixed_message(unprefixed, options["role"]))
        if options["task_files"]:
            self._warn_of_connection(given)
        problems = [misspelled_message(misspelled)] if misspelled else []
        missing = missing_names(unset, misspelled)
        problems += [missing_message(missing)] if missing else []
        null = [name for name in options["not_null"] if name in given and self._is_null(given[name])]
        problems += [null_message(null)] if null else []
        extra = forbidden_extras(self._task.get_variable_manager().extra_vars, options["role"], options["not_extra"])
        problems += [extra_message(extra)] if extra else []
        problems += [NESTED] if options["not_within"] in names else []
        problems += self._file_problems(options["task_files"])
        return {
            **result,
            "failed": bool(problems),
            "misspelled": misspelled,
            "unknown": unknown,
            "unprefixed": unprefixed,
            "check_mode": bool(self._task.check_mode),
            "msg": " ".join(problems),
        }

    def _names_of_defaults(self, given: Mapping[str, Any]) -> list[str]:
        """Return the variables that have the value of the role's own default."""
        defaults = self._task._role.get_default_vars() if self._task._role else {}
        return [name for name, value in defaults.items() if name in given and given[name] == value]

    def _warn_of_connection(self, given: Mapping[str, Any]) -> None:
        """Warn if the tasks would reach the controller by a connection such as ssh. Check mode runs none of them."""
        address = str(given.get("ansible_host", given.get("inventory_hostname")))
        if address in LOOPBACK and self._connection.transport != "local":
            self._display.warning(unreached_message(address))

    def _is_null(self, value: Any) -> bool:
        # As a list, because ansible-core 2.19 and later refuse `omit` as a value of its own.
        return list(self._templar.template([value])) == [None]

    def _file_problems(self, files: Mapping[str, Any]) -> list[str]:
        found = ((variable, not_a_path(path) or self._file_problem(path)) for variable, path in files.items())
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
        if not tasks and (tasks is None or isinstance(tasks, list)):
            return f"{shown} has no tasks"
        if not (isinstance(tasks, list) and all(isinstance(task, Mapping) for task in tasks)):
            return f"{shown} must be a list of tasks"
        for number, task in enumerate(tasks, 1):
            end = next((end for one in with_inner(task) for end in [end_of(one)] if end), None)
            if end:
                return f"task {number} of {shown} must not use meta: {end}, which would end the role for all accounts"
            problem = None if has_imports(task) else self._loading_error(task)
            if problem:
                return f"Ansible cannot parse task {number} of {shown}: {reason(problem)}"
        return None

    def _loading_error(self, task: Mapping[str, Any]) -> AnsibleError | None:
        """Parse a task as the inclusion will, in the same role. What it imports depends on where it is included."""
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
