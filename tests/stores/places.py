# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' servers of network stores as processes of their own, and the option `store` of a task that uses one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import STORES
from ansible_collections.rpaops.uipath.tests.faults.rig import DEFAULTS, Place

HERE = Path(__file__).parent
# The shortest lease that the other options of the tests' runs allow.
LEASE_SECONDS: float = 2 * (DEFAULTS["settle_seconds"] + DEFAULTS["timeout"] * (DEFAULTS["retries"] + 1))


@dataclass(frozen=True)
class Kind:
    """A server of the tests, and the options of a store in the server at a URL."""

    program: str
    options: Callable[[str], dict[str, Any]]
    warnings: tuple[str, ...] = ()


KINDS = {
    "hashi_vault": Kind("vault_server.py", lambda url: {"url": url, "token": "s.ROOT"}),
    "aws_secrets_manager": Kind(
        "aws_server.py",
        lambda url: {"endpoint_url": url, "region": "eu-west-1", "access_key": "key", "secret_key": "secret"},
    ),
    "kubernetes": Kind(
        "kubernetes_server.py",
        lambda url: {"host": url, "api_key": "ADMIN-TOKEN", "namespace": "default"},
        ("The connection to Kubernetes is not verified", "Kubernetes encrypts Secrets at rest only if"),
    ),
}
TYPES = [name for name in KINDS if name in STORES]


@contextmanager
def running_place(name: str) -> Iterator[Place]:
    """A server of this type of store."""
    kind = KINDS[name]
    command = [sys.executable, str(HERE / kind.program), "--port", "0"]
    roots = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": roots}
    ) as server:
        assert server.stdout
        try:
            url = server.stdout.readline().strip()
            options = {"type": name, "lease_seconds": 1.0, **kind.options(url)}
            port = urlsplit(url).port
            assert port
            yield Place(options, port, kind.warnings)
        finally:
            server.kill()
