# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_password_store_copy`.

It runs in a process of the controller, where it can use the run's vault passwords. It asks nothing of the UiPath
server. ansible-core masks nothing in the results of actions, and no password gets into them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import normalize_identity_url
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import failure_of, register_forms
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import (
    in_awx_job,
    store_context,
    task_outcome,
    validated_options,
    with_masked_messages,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.options import copy_argument_spec, copy_problems
from ansible_collections.rpaops.uipath.plugins.plugin_utils._copying.task import move_accounts
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import utc_now
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(task_outcome(lambda: self._moved(task_vars or {})))
        return result

    def _moved(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        options = validated_options(self._task.args, copy_argument_spec())
        stores = [StoreOptions(options[name], name) for name in ("source", "target")]
        problems = copy_problems(options) + [problem for store in stores for problem in store.problems]
        if problems:
            raise InvalidInput(problems)
        context = store_context(
            self._loader,
            identity_url=normalize_identity_url(options["identity_url"]),
            in_awx_job=in_awx_job(variables, os.environ),
        )
        source, target = (store.create(context) for store in stores)
        secrets = {*source.secrets(), *target.secrets()}
        register_forms(secrets)
        try:
            result = move_accounts(
                options["accounts"],
                source,
                target,
                check_mode=bool(self._task.check_mode),
                now=utc_now,
                warn=lambda warning: self._display.warning(mask(warning, secrets)),
            )
        except UiPathError as error:
            result = failure_of(error)
        return with_masked_messages(result, secrets)
