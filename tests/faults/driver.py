# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations in forked processes: the same parts as in the action plugin, but without a second for ansible-playbook."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import (
    rotation_argument_spec,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import rotate
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated
from ansible_collections.rpaops.uipath.tests.faults.injection.sitecustomize import Injection
from ansible_collections.rpaops.uipath.tests.faults.rig import ROTATION, Rig

DEFECT = 70


def rotate_in_process(rig: Rig, users: Iterable[str], **task: Any) -> dict[str, Any]:
    """Do what the action plugin does once its options are checked."""
    given = {**rig.play.defaults, **rig.task(users, **task)[ROTATION]}
    options, _errors = validated(given, rotation_argument_spec())
    return rotate(options, {}, rig.a_store(), check_mode=False)


@dataclass(frozen=True)
class Forked:
    """A rotation under way: the main process, and a pipe that is closed when main process and worker are gone."""

    main: int
    pipe: int


def forked(rig: Rig, users: Iterable[str], plan: Mapping[str, Any], result: Path | None = None, **task: Any) -> Forked:
    """Start a rotation as ansible-playbook does, in a worker of a main process. Call it where no threads are."""
    pipe, open_end = os.pipe()
    main = os.fork()
    if main:
        os.close(open_end)
        return Forked(main, pipe)
    worker = os.fork()
    if worker:
        end_like(os.waitpid(worker, 0)[1])
    try:
        if plan:
            Injection(rig.injection(plan)).install()
        document = rotate_in_process(rig, users, **task)
        if result:
            result.write_text(json.dumps(document))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(DEFECT)


def end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def awaited(rotations: Sequence[Forked]) -> list[int]:
    """Return how the rotations ended, once all of their processes are gone: negative for a signal, as in subprocess."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(rotation.main, 0)[1]) for rotation in rotations]
    for rotation in rotations:
        assert os.read(rotation.pipe, 1) == b""
        os.close(rotation.pipe)
    return codes
