# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.common.parameters import PASS_VARS
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import proxies_for
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import Clock, Transcript

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # before ansible-core 2.19

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, Any] | None = None) -> Iterator[None]:
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", arguments):
            yield


try:
    from ansible.module_utils import _internal
except ImportError:  # before ansible-core 2.18
    _internal = None  # type: ignore[assignment]


# The fixture `with_arguments`.
WithArguments = Callable[[Callable[[], object], dict[str, Any]], dict[str, Any]]


@contextlib.contextmanager
def managed_host() -> Iterator[None]:
    """Let warnings go into the result. Once anything imported a part of the controller, they go to its display."""
    with mock.patch.object(_internal, "is_controller", False, create=True) if _internal else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the tester's environment says about connections."""
    for name in os.environ:
        if name.startswith("UIPATH_") or name.endswith("_CA_BUNDLE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    proxies_for.cache_clear()


@pytest.fixture(autouse=True)
def _clean_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what other tests' modules warned of: ansible-core collects it for the whole process."""
    monkeypatch.setattr(warnings, "_global_warnings", type(warnings._global_warnings)())


@pytest.fixture
def server() -> Iterator[Transcript]:
    script = Transcript()
    yield script
    script.assert_followed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def with_arguments(capsys: pytest.CaptureFixture[str]) -> WithArguments:
    """Run something that makes an AnsibleModule of the arguments and exits, and return the result it prints."""

    def run(main: Callable[[], object], arguments: dict[str, Any]) -> dict[str, Any]:
        # Newer versions show the arguments in the result only when told to.
        shown = {f"_ansible_{name}": True for name in PASS_VARS if name == "inject_invocation"}
        with managed_host(), patch_module_args({**shown, **arguments}), pytest.raises(SystemExit):
            main()
        result = dict(json.loads(capsys.readouterr().out))
        result.pop("_ansible_new_secrets", None)  # what ansible-core 2.22 masks wherever it shows something
        return result

    return run
