# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of options on the controller, as for a module, but with no value in any message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import option_error
from ansible_collections.rpaops.uipath.plugins.module_utils._option_types import type_problems

try:
    from ansible.parsing.vault import EncryptedString as VaultedString
except ImportError:  # before ansible-core 2.19
    from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode as VaultedString  # type: ignore[assignment, no-redef, unused-ignore]


def validated(
    given: Mapping[str, Any],
    specification: Mapping[str, Any],
    exclusions: Sequence[tuple[str, ...]] = (),
) -> tuple[dict[str, Any], list[str]]:
    """Return the options as a module would get them, and all errors."""
    options = plain(given)
    problems = type_problems(options, specification)
    if problems:
        return options, problems
    validator = ArgumentSpecValidator(dict(specification), mutually_exclusive=list(exclusions))
    validation = validator.validate(options)
    errors = (complete(error) for error in validation.errors)
    secrets = validation._no_log_values
    return validation.validated_parameters, [option_error(error, secrets, specification) for error in errors]


def plain(value: Any) -> Any:
    """Return templated containers and strings as ordinary ones, and vaulted strings decrypted.

    ansible-core 2.19 and later warn if a templated container is copied, and strings with tags take long to copy. A
    string that is vaulted inline is no `str`.
    """
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, str):
        return str.__str__(value)
    return str(value) if isinstance(value, VaultedString) else value


def complete(error: Exception) -> str:
    """Return the error's message, completed for unsupported options: ansible-core leaves that to the caller."""
    return f"Unsupported parameters: {error}" if isinstance(error, UnsupportedError) else str(error)
