# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of options on the controller, as for a module, but with no value in any message."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import option_error
from ansible_collections.rpaops.uipath.plugins.module_utils._option_types import type_problems

try:
    from ansible.parsing.vault import EncryptedString as VaultedString
except ImportError:  # before ansible-core 2.19
    from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode as VaultedString  # type: ignore[assignment, no-redef, unused-ignore]

# The most unsupported options that a message names, and the letters of each that are compared.
MOST_NAMED = 10
MOST_COMPARED = 80


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
    errors = (complete(error, options, specification) for error in validation.errors)
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


def complete(error: Exception, given: Mapping[str, Any], specification: Mapping[str, Any]) -> str:
    """Return the error's message or, for unsupported options, in which entry each is, and what was probably meant."""
    if not isinstance(error, UnsupportedError):
        return str(error)
    names = list(unsupported(given, specification))
    more = len(names) - MOST_NAMED
    return f"Unsupported parameters: {', '.join(names[:MOST_NAMED])}" + (f" and {more} more" if more > 0 else "")


def unsupported(given: Mapping[str, Any], specification: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Return the options that the specification does not have, at any depth."""
    for name, value in given.items():
        if name not in specification:
            yield f"{place}{name} ({proposal(name, specification)})"
        elif isinstance(value, Mapping) and "options" in specification[name]:
            yield from unsupported(value, specification[name]["options"], f"{place}{name}.")
        elif isinstance(value, list) and "options" in specification[name]:
            for index, entry in enumerate(value):
                yield from unsupported(entry, specification[name]["options"], f"{place}{name}[{index}].")


def proposal(name: str, specification: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(name[:MOST_COMPARED], specification, 1)
    return f"did you mean {nearest[0]}?" if nearest else f"supported: {', '.join(sorted(specification))}"
