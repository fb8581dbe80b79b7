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
STORES = {"vault_file": "vault_file.options"}
DEFAULT_TYPE = "vault_file"


def store_type(name: str) -> StoreType:
    store: StoreType = importlib.import_module(f"{HERE}.{STORES[name]}").STORE
    return store


class StoreOptions:
    """The option `store` of a task. `problems` lists all that is wrong with it, without secrets."""

    def __init__(self, given: Any) -> None:
        is_mapping = isinstance(given, Mapping)
        options = {name: value for name, value in given.items() if value is not None} if is_mapping else {}
        self._type = options.pop("type", DEFAULT_TYPE)
        self._values: Mapping[str, Any] = {}
        if not is_mapping:
            self.problems = ["store must be a mapping of options"]
        elif not isinstance(self._type, str) or self._type not in STORES:
            self.problems = [f"store.type must be one of: {', '.join(STORES)}"]
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
        problems += [f"store: {error}" for error in errors]
        return problems or kind.problems(self._values)

    def _unknown(self, name: str) -> str:
        owners = [other for other in STORES if name in store_type(other).argument_spec]
        if owners:
            return f"store.{name} is an option of the type {' and '.join(owners)}, not of {self._type}"
        supported = ", ".join(sorted(store_type(self._type).argument_spec))
        return f"store.{name} is not supported by the type {self._type}, which has: {supported}"


def store_documentation() -> str:
    """Return the documentation of the option `store`, with the options of all types, as JSON, which is YAML."""
    merged: dict[str, Any] = {
        "type": {
            "description": ["Where the records are kept. Each type has its own options."],
            "type": "str",
            "choices": list(STORES),
            "default": DEFAULT_TYPE,
        }
    }
    for name in STORES:
        for option, text in yaml_load(store_type(name).documentation).items():
            merged[option] = with_type(merged.get(option), text, name)
    store = {"description": ["Where the passwords are kept."], "type": "dict", "required": True, "suboptions": merged}
    return json.dumps({"options": {"store": store}})


def with_type(known: dict[str, Any] | None, text: dict[str, Any], name: str) -> dict[str, Any]:
    """Add a type's option to the merged ones. If two types share a name, each says what it means by it."""
    description = text["description"] if isinstance(text["description"], list) else [text["description"]]
    need = "Required" if text.get("required") else "Used"
    own = {key: value for key, value in text.items() if key != "required"}
    if known is None:
        return {**own, "description": [*description, f"{need} with O(store.type={name})."]}
    default = f" The default is V({text['default']})." if "default" in text else ""
    described = [*known["description"], *description, f"{need} with O(store.type={name}).{default}"]
    shared = {key: value for key, value in known.items() if key != "default" and own.get(key) == value}
    return {"type": "raw", **shared, "description": described}
