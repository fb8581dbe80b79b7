# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_role_variables`: only an action sees all variables of a play.

It uses their names and no value.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.plugin_utils._role_variables import (
    check_names,
    misspelled_message,
    unknown_message,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated


def argument_spec() -> dict[str, Any]:
    return {
        "role": {"type": "str", "required": True},
        "known": {"type": "list", "elements": "str", "required": True},
        "own": {"type": "list", "elements": "str", "default": []},
    }


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options, errors = validated(self._task.args, argument_spec())
        if errors:
            return {**result, "failed": True, "msg": " ".join(errors)}
        names = [str(name) for name in task_vars or ()]
        misspelled, unknown = check_names(names, options["role"], options["known"], options["own"])
        if unknown:
            self._display.warning(unknown_message(unknown, options["role"]))
        result.update(changed=False, failed=bool(misspelled), misspelled=misspelled, unknown=unknown)
        result["msg"] = misspelled_message(misspelled) if misspelled else ""
        return result
