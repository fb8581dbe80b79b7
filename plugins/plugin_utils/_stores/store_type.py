# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a store's type to the registry: its options, their documentation, and its constructor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store

Options = Mapping[str, Any]


@dataclass(frozen=True)
class StoreContext:
    """What a store gets from the run in addition to its own options.

    Relative paths are relative to `playbook_directory`. `vault_secrets` are the run's pairs of vault id and secret.
    Without an `identity_url`, the store can only be read. `shortest_lease` is the longest time, in seconds, that a run
    may take between two writes for an account, `connections` how many requests to the store may run at the same time.
    """

    playbook_directory: str
    vault_secrets: Sequence[tuple[str, Any]] = field(default=(), repr=False)
    identity_url: str | None = None
    in_awx_job: bool = False
    shortest_lease: float = 0.0
    connections: int = 16


@dataclass(frozen=True)
class StoreType:
    """One value of the option `store.type`.

    `documentation` is the YAML of its suboptions, `argument_spec` their types, defaults and environment variables.
    `problems` returns what is wrong with their values, by name and without the values.
    """

    documentation: str
    argument_spec: Mapping[str, Mapping[str, Any]]
    problems: Callable[[Options], list[str]]
    create: Callable[[Options, StoreContext], Store]
