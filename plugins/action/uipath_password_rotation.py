# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of `rpaops.uipath.uipath_password_rotation`.

It runs in a process of the controller: it can use the run's vault passwords there, and Ansible writes no file of module
arguments. ansible-core masks nothing in the results of actions; text from the server is masked when it is received.
"""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Collection, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
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
    defect,
    failure_of,
    register_forms,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import (
    option_problems,
    rotation_argument_spec,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import rotate
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import StoreOptions
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

ONE_HOST = (
    "A rotation must run once, but the play has several hosts: set run_once: true on this task, or use"
    " hosts: localhost. The strategy free ignores run_once."
)


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if is_repeated(self._task, variables):
            raise AnsibleActionFail(ONE_HOST)
        if REQUESTS_IMPORT_ERROR:
            raise AnsibleActionFail(missing_required_lib("requests"))
        try:
            result.update(self._rotate(self._validated(), variables))
        except UiPathError as error:
            result.update(failure_of(error))
        except Exception as error:  # a traceback could show passwords of the records
            result.update(defect(error))
        return result

    def _validated(self) -> dict[str, Any]:
        """Return the options as a module would get them, or raise InvalidInput without any value in the message."""
        options, errors = validated(self._task.args, rotation_argument_spec(), SIGN_IN_EXCLUSIONS)
        if errors:
            raise InvalidInput(errors)
        return options

    def _rotate(self, options: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        store_options = StoreOptions(options["store"])
        problems = connection_problems(options, os.environ) + option_problems(options) + store_options.problems
        if problems:
            raise InvalidInput(problems)
        if not options["validate_certs"]:
            self._display.warning(WARN_UNVERIFIED)
        store = store_options.create(
            StoreContext(
                playbook_directory=self._loader.get_basedir(),
                vault_secrets=self._loader._vault.secrets or (),
                identity_url=normalize_identity_url(options["identity_url"]),
                in_awx_job=in_awx_job(variables, os.environ),
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


def with_masked_messages(result: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Mask the store's secrets in all messages: a store may quote what its server says."""
    for entry in (result, *result.get("accounts", ())):
        entry["msg"] = mask(entry["msg"], secrets)
    return result


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


def runner(variables: Mapping[str, Any]) -> str:
    """Return who runs this, for the records: the job of AWX with its template, or the user and the controller."""
    if "awx_job_id" in variables:
        return f"AWX job {variables['awx_job_id']} ({variables.get('awx_job_template_name', 'without a template')})"
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        user = str(os.geteuid())
    return f"{user}@{socket.gethostname()}"


def in_awx_job(variables: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of AWX or Automation Controller, which delete its files when it ends."""
    return "awx_job_id" in variables or ("AWX_HOST" in environ and "JOB_ID" in environ)
