# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's side of a plugin that uses a store: its options, the run's vault passwords, and how its task ends."""

from __future__ import annotations

import gc
import json
import os
import pwd
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import mask
from ansible_collections.rpaops.uipath.plugins.module_utils._module import defect, failure_of
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

# New objects until the next collection. Python's default is 700 or 2,000.
COLLECTION_THRESHOLD = 100_000
COLLECTION = Path(__file__).parents[2]


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


def store_context(loader: Any, **fields: Any) -> StoreContext:
    """Return what a store gets from the run. `fields` are those of `StoreContext` that the plugin knows."""
    return StoreContext(loader.get_basedir(), loader._vault.secrets or (), **fields)


def in_awx_job(variables: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of AWX or Automation Controller, which delete its files when it ends."""
    return "awx_job_id" in variables or ("AWX_HOST" in environ and "JOB_ID" in environ)


def runner(variables: Mapping[str, Any]) -> str:
    """Return who runs this, for records and reports: the job of AWX and its template, or user and controller."""
    if "awx_job_id" in variables:
        return f"AWX job {variables['awx_job_id']} ({variables.get('awx_job_template_name', 'without a template')})"
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        user = str(os.geteuid())
    return f"{user}@{socket.gethostname()}"


def collection_version(root: Path = COLLECTION) -> str | None:
    """Return the version of this collection: an installed one has a manifest, a checkout has what that is made of."""
    try:
        if (manifest := root / "MANIFEST.json").exists():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
        found = re.search(r"^version: *(\S+)", (root / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
        return found and found[1]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def with_masked_messages(result: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Mask the store's secrets in all messages: a store may quote what its server says."""
    for entry in (result, *result.get("accounts", ())):
        entry["msg"] = entry["msg"] and mask(entry["msg"], secrets)
    if "problems" in result:
        result["problems"] = [mask(problem, secrets) for problem in result["problems"]]
    return result
