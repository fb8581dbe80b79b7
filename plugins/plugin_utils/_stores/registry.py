# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of stores. A new type is a package or file beside this one, and a line in `STORES`.

The options of all types are known at once. A type's implementation is imported when a task uses it, so only such tasks
need its libraries.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store, StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import StoreContext, StoreType
from ansible_collections.rpaops.uipath.plugins.plugin_utils._validation import validated

HERE = "ansible_collections.rpaops.uipath.plugins.plugin_utils._stores"
# The module that describes each type, below this package. It has the constant `STORE`, and imports nothing but
# ansible-core and this collection: what a type needs is imported when a task uses it.
STORES = {
    "vault_file": "vault_file.options",
    "hashi_vault": "hashi_vault.options",
    "aws_secrets_manager": "aws_secrets_manager.options",
    "kubernetes": "kubernetes.options",
}
DEFAULT_TYPE = "vault_file"


def store_type(name: str) -> StoreType:
    store: StoreType = importlib.import_module(f"{HERE}.{STORES[name]}").STORE
    return store


class StoreOptions:
    """An option `name` of a task that is a store. `problems` lists all that is wrong with it, without secrets."""

    def __init__(self, given: Any, name: str = "store") -> None:
        self._name = name
        is_mapping = isinstance(given, Mapping)
        options = {name: value for name, value in given.items() if value is not None} if is_mapping else {}
        self._type = options.pop("type", DEFAULT_TYPE)
        self._values: Mapping[str, Any] = {}
        if not is_mapping:
            self.problems = [f"{name} must be a mapping of options"]
        elif not isinstance(self._type, str) or self._type not in STORES:
            self.problems = [f"{name}.type must be one of: {', '.join(STORES)}"]
        else:
            self.problems = self._validate(options)

    def create(self, context: StoreContext) -> Store:
        """Return the store. Raise InvalidInput if there are problems."""
        if self.problems:
            raise InvalidInput(self.problems)
        try:
            return store_type(self._type).create(self._values, context)
        except ImportError as error:
            raise StoreError(missing_required_lib(error.name or self._type)) from None

    def _validate(self, options: dict[str, Any]) -> list[str]:
        kind = store_type(self._type)
        unknown = [name for name in options if name not in kind.argument_spec]
        problems = [self._unknown(name) for name in unknown]
        known = {name: value for name, value in options.items() if name not in unknown}
        self._values, errors = validated(known, kind.argument_spec)
        problems += [f"{self._name}: {error}" for error in errors]
        return problems or [with_option_name(problem, self._name) for problem in kind.problems(self._values)]

    def _unknown(self, name: str) -> str:
        owners = [other for other in STORES if name in store_type(other).argument_spec]
        if owners:
            return f"{self._name}.{name} is an option of the type {' and '.join(owners)}, not of {self._type}"
        supported = ", ".join(sorted(store_type(self._type).argument_spec))
        return f"{self._name}.{name} is not supported by the type {self._type}, which has: {supported}"


def with_option_name(problem: str, name: str) -> str:
    """Return the problem of a store's type, which calls the option `store`, with the option's name."""
    return re.sub(r"\bstore\.(?=\w)", f"{name}.", problem)


def store_documentation(**options: str) -> str:
    """Return the documentation of these options, or of `store`, with the suboptions of all types, as JSON.

    Each is given by its name and what it is.
    """
    wanted = options or {"store": "Where the passwords are kept."}
    documented = {name: store_option(name, description) for name, description in wanted.items()}
    return json.dumps({"options": documented})


def store_option(name: str, description: str) -> dict[str, Any]:
    kind = {
        "description": ["Where the records are kept. Each type has its own options."],
        "type": "str",
        "choices": list(STORES),
        "default": DEFAULT_TYPE,
    }
    by_option: dict[str, dict[str, dict[str, Any]]] = {}
    for kind_name in STORES:
        for option, text in yaml_load(store_type(kind_name).documentation).items():
            by_option.setdefault(option, {})[kind_name] = text
    merged = {"type": kind, **{option: merged_option(texts) for option, texts in by_option.items()}}
    suboptions = json.loads(json.dumps(merged).replace("O(store.", f"O({name}."))
    return {"description": [description], "type": "dict", "required": True, "suboptions": suboptions}


def merged_option(texts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return one documentation of an option, given that of each type which has it."""
    first, *others = texts.values()
    shared = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    shared.pop("required", None)
    users: dict[tuple[str, ...], list[str]] = {}
    for name, text in texts.items():
        users.setdefault(tuple(described(text)), []).append(name)
    description = [line for lines, names in users.items() for line in (*lines, use(names, texts))]
    if "default" not in shared:
        description += [default_of(name, text) for name, text in texts.items() if others and "default" in text]
    return {"type": "raw", **shared, "description": description}


def described(text: Mapping[str, Any]) -> list[str]:
    lines = text["description"]
    return lines if isinstance(lines, list) else [lines]


def use(names: list[str], texts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return with which types an option is used, and whether they require it."""
    need = "Required" if all(texts[name].get("required") for name in names) else "Used"
    *most, last = [f"O(store.type={name})" for name in names]
    return f"{need} with {', '.join(most) + ' and ' if most else ''}{last}."


def default_of(name: str, text: Mapping[str, Any]) -> str:
    default = text["default"]
    shown = default if isinstance(default, str) else json.dumps(default)
    return f"With O(store.type={name}), the default is C({shown})."
