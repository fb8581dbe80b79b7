# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_password_store_info`.

It runs in a process of the controller, where it can use the run's vault passwords. It asks no server, so it needs no
`requests`. ansible-core masks nothing in the results of actions, and no password gets into them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import failure_of, register_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import (
    collection_version,
    in_awx_job,
    runner,
    store_context,
    task_outcome,
    validated_options,
    with_masked_messages,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.options import (
    overview_argument_spec,
    overview_problems,
    without_passwords,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.task import inspected
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import utc_now
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(task_outcome(lambda: self._inspected(task_vars or {})))
        return result

    def _inspected(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        options = validated_options(without_passwords(self._task.args), overview_argument_spec())
        store_options = StoreOptions(options["store"])
        problems = overview_problems(options) + store_options.problems
        if problems:
            raise InvalidInput(problems)
        store = store_options.create(store_context(self._loader, in_awx_job=in_awx_job(variables, os.environ)))
        secrets = store.secrets()
        register_forms(secrets)
        made = {"by": displayable(runner(variables)), "collection_version": collection_version()}
        try:
            result = inspected(
                options,
                store,
                now=utc_now,
                made=made,
                warn=lambda warning: self._display.warning(mask(warning, secrets)),
            )
        except UiPathError as error:
            result = failure_of(error)
        return with_masked_messages(result, secrets)
