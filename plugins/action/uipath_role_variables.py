# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_role_variables`: only an action sees all variables of a play.

It uses their names and, except for files of tasks and variables that must not be null, no value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import (
    LOOPBACK,
    Findings,
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
from ansible_collections.rpaops.uipath.plugins.plugin_utils._task_files import TaskFiles
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

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
        unset = [name for name in options["required"] if given.get(name) is None]
        found = self._findings(options, given, unset)
        self._warn(found, options, given)
        problems = [*self._variable_problems(found, options, given, unset), *self._file_problems(options["task_files"])]
        return {
            **result,
            **found._asdict(),
            "failed": bool(problems),
            "check_mode": bool(self._task.check_mode),
            "msg": " ".join(problems),
        }

    def _findings(self, options: Mapping[str, Any], given: Mapping[str, Any], unset: Sequence[str]) -> Findings:
        own = [name for name in options["own"] if not any(is_slip(name, one) for one in unset)]
        names = {str(name) for name in given}
        return check_names(names, options["role"], options["known"], own, self._names_of_defaults(given))

    def _warn(self, found: Findings, options: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        if found.unknown:
            self._display.warning(unknown_message(found.unknown, options["role"]))
        if found.unprefixed:
            self._display.warning(unprefixed_message(found.unprefixed, options["role"]))
        if options["task_files"]:
            self._warn_of_connection(given)

    def _variable_problems(
        self, found: Findings, options: Mapping[str, Any], given: Mapping[str, Any], unset: Sequence[str]
    ) -> Iterator[str]:
        if found.misspelled:
            yield misspelled_message(found.misspelled)
        if missing := missing_names(unset, found.misspelled):
            yield missing_message(missing)
        if null := [name for name in options["not_null"] if name in given and self._is_null(given[name])]:
            yield null_message(null)
        extra_vars = self._task.get_variable_manager().extra_vars
        if extra := forbidden_extras(extra_vars, options["role"], options["not_extra"]):
            yield extra_message(extra)
        if options["not_within"] in given:
            yield NESTED

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

    def _file_problems(self, files: Mapping[str, Any]) -> Iterator[str]:
        role, variables = self._task._role, self._task.get_variable_manager()
        checked = TaskFiles(self._loader, self._task._parent, role, variables)
        for variable, path in files.items():
            if problem := checked.problem(path):
                yield f"{variable}: {problem}"
