# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_password_rotation`.

It runs in a process of the controller: it can use the run's vault passwords there, and Ansible writes no file of module
arguments. ansible-core masks nothing in the results of actions; text from the server is masked when it is received.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible.plugins.action import ActionBase
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    SIGN_IN_EXCLUSIONS,
    connection_problems,
    connection_secrets,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import normalize_identity_url
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import (
    WARN_UNVERIFIED,
    failure,
    failure_of,
    register_forms,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._action import (
    in_awx_job,
    runner,
    store_context,
    task_outcome,
    validated_options,
    with_masked_messages,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import (
    option_problems,
    rotation_argument_spec,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import rotate
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions

ONE_HOST = (
    "A rotation must run once, but the play has several hosts: set run_once: true on the task or role, or"
    " use hosts: localhost. The strategy free ignores run_once."
)


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        # Not raised: in a task with `no_log`, ansible-core would hide the message, and ignore `failed_when`.
        if is_repeated(self._task, variables):
            return {**result, **failure("invalid_input", ONE_HOST)}
        if REQUESTS_IMPORT_ERROR:
            return {**result, "failed": True, "msg": missing_required_lib("requests")}
        return {**result, **task_outcome(lambda: self._rotate(variables))}

    def _rotate(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        options = validated_options(self._task.args, rotation_argument_spec(), SIGN_IN_EXCLUSIONS)
        store_options = StoreOptions(options["store"])
        problems = connection_problems(options, os.environ) + option_problems(options) + store_options.problems
        if problems:
            raise InvalidInput(problems)
        if not options["validate_certs"]:
            self._display.warning(WARN_UNVERIFIED)
        store = store_options.create(
            store_context(
                self._loader,
                identity_url=normalize_identity_url(options["identity_url"]),
                in_awx_job=in_awx_job(variables, os.environ),
                shortest_lease=2 * (options["settle_seconds"] + options["timeout"] * (options["retries"] + 1)),
                connections=options["concurrency"],
            )
        )
        secrets = store.secrets()
        register_forms({*connection_secrets(options, os.environ), *secrets})
        try:
            result = rotate(
                options,
                os.environ,
                store,
                check_mode=bool(self._task.check_mode),
                by=runner(variables),
                warn=lambda warning: self._display.warning(mask(warning, secrets)),
                display=lambda line: self._display.display(line, stderr=True, screen_only=True),
            )
        except UiPathError as error:
            result = failure_of(error)
        return with_masked_messages(result, secrets)


def is_repeated(task: Any, variables: Mapping[str, Any]) -> bool:
    """Tell whether the play runs this task for several hosts.

    `ansible_play_hosts_all` also contains hosts that `add_host` has added, on which the play does not run. It is needed
    for a play with `serial`, which runs one batch after the other.
    """
    play = play_of(task)
    hosts = variables.get("ansible_play_hosts_all" if play and play.serial else "ansible_play_batch", ())
    is_free = play and play.strategy in ("free", "host_pinned", "ansible.builtin.free", "ansible.builtin.host_pinned")
    return len(hosts) > 1 and bool(is_free or not task.run_once)


def play_of(task: Any) -> Any:
    parent = task
    while parent and not hasattr(parent, "_play"):
        parent = getattr(parent, "_parent", None)
    return parent and parent._play
