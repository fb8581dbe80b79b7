# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that the example's credential type injects: every value arrives as the string that was typed into AWX."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible.parsing.dataloader import DataLoader
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/awx/credential_type.yml"
TEMPLATE = yaml_load(EXAMPLE.read_text())["injectors"]["file"]["template.connection"]
# As YAML, most of them would be numbers, nothing, or an error that quotes them.
SECRETS = [
    "0123",
    "1_000",
    "true",
    "null",
    "~",
    "{{ 1 + 1 }}",
    "{% raw %}",
    "[1]",
    "\N{GRINNING FACE}",
    "'\"\\: #<&>",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_value_arrives_as_it_was_typed(secret: str) -> None:
    inputs = dict.fromkeys(("identity_url", "client_id", "client_secret"), secret)
    # AWX renders injectors in this environment.
    text = ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(TEMPLATE).render(inputs)
    variables = DataLoader().load(text)
    assert variables == {f"uipath_{name}": secret for name in inputs}
    assert all(isinstance(value, str) for value in variables.values())
