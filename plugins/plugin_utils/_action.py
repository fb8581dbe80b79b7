# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's side of a plugin that uses a store: its options, the run's vault passwords, and how its task ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import defect, failure_of
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

# New objects until the next collection. Python's default is 700 or 2,000.
COLLECTION_THRESHOLD = 100_000


def task_outcome(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of an action, or what ended it early.

    Python's cyclic garbage collector would traverse the thousands of records of a run again and again, and find
    nothing. So it runs less often in this process, which ends with the task.
    """
    gc.set_threshold(COLLECTION_THRESHOLD)
    try:
        return work()
    except UiPathError as error:
        return failure_of(error)
    except Exception as error:  # a traceback could show passwords of the records
        return defect(error)


def validated_options(
    given: Mapping[str, Any],
    specification: Mapping[str, Any],
    exclusions: Sequence[tuple[str, ...]] = (),
) -> dict[str, Any]:
    """Return the options as a module would get them, or raise InvalidInput without any value in the message."""
    options, errors = validated(given, specification, exclusions)
    if errors:
        raise InvalidInput(errors)
    return options


def store_context(loader: Any, *, identity_url: str | None = None, in_awx_job: bool = False) -> StoreContext:
    """Return what a store gets from the run. Without an `identity_url`, the store can only be read."""
    return StoreContext(
        playbook_directory=loader.get_basedir(),
        vault_secrets=loader._vault.secrets or (),
        identity_url=identity_url,
        in_awx_job=in_awx_job,
    )


def in_awx_job(variables: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of AWX or Automation Controller, which delete its files when it ends."""
    return "awx_job_id" in variables or ("AWX_HOST" in environ and "JOB_ID" in environ)


def with_masked_messages(result: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Mask the store's secrets in all messages: a store may quote what its server says."""
    for entry in (result, *result.get("accounts", ())):
        entry["msg"] = entry["msg"] and mask(entry["msg"], secrets)
    if "problems" in result:
        result["problems"] = [mask(problem, secrets) for problem in result["problems"]]
    return result
