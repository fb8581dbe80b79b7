# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to troubleshooting has every status, reason and message of the code: one that is missing fails here.

A message is any text in the code of the plugins that is no documentation and has three fixed words in a row, and what
the roles fail with. The guide has the first such words as the user sees them. What no user meets is in `NO_MESSAGES`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InputStatus
from ansible_collections.rpaops.uipath.plugins.module_utils._module import AbortStatus
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.statuses import STATUSES
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import REASONS
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import ACCOUNT_STATUSES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
# The texts of the report are no messages, apart from its errors.
PAGE = "plugins/plugin_utils/_report/"
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
VARIABLE = "\0"
FIELD = re.compile(r"\{\w*(?:[:!][^{}]*)?\}")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
SENTENCE = re.compile(r"\.(?:\s|$)")
# Parts of a log or of a record, values within a message, and what no user meets.
NO_MESSAGES = {
    "a control request comes first",
    "an unusual id",
    "enough accounts wait for lost answers",
    "is not sent",
    "last rotated (UTC",
    "next due (UTC",
    "no reason given",
    "or the environment variable",
    "the first account was changed",
    "user of another kind",
}
OF_ANSIBLE = {
    "Attempt to use undecryptable variable",
    "Attempting to decrypt but no vault secrets found",
    "Decryption failed (no vault secrets were found that could decrypt",
    "Failed to connect to the host via ssh",
    "Failed to import the required Python library (requests) on",
    "Validation of arguments failed",
    "missing required arguments",
}
# Documentation that is put together in code, and patterns.
IN_CODE = re.compile(r"\\|O\(store|V\(|^Where the |^Invoked with options|^without a template$|^\w+ \| \w+$")


def text_of(node: ast.AST) -> str | None:
    """A text in the code, with a mark for each part that is not fixed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return FIELD.sub(VARIABLE, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else VARIABLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [text_of(side) for side in (node.left, node.right)]
        return "".join(VARIABLE if side is None else side for side in sides) if any(sides) else None
    return None


def docstring_of(node: ast.AST) -> ast.AST | None:
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
        return node.body[0]
    return None


def parts(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a file, without docstrings, documentation and what belongs to a longer text."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in DOCUMENTATION:
            continue
        if text_of(node) is None:
            waiting += [child for child in ast.iter_child_nodes(node) if child is not docstring_of(node)]
        elif isinstance(node, ast.JoinedStr):
            waiting += [part.value for part in node.values if isinstance(part, ast.FormattedValue)]


def messages_in(name: str, tree: ast.Module) -> Iterator[ast.AST]:
    if not name.startswith(PAGE):
        yield from parts(tree)
    else:
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Raise)):
            yield from ast.walk(node)


def texts_of_code() -> list[tuple[str, str]]:
    found = []
    for path in sorted(ROOT.glob("plugins/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "/doc_fragments/" not in name:
            texts = [text_of(node) for node in messages_in(name, ast.parse(path.read_text(encoding="utf-8")))]
            found += [(name, text) for text in texts if text and not IN_CODE.search(text)]
    return found


def failures(tasks: Any) -> Iterator[str]:
    """What the tasks of a role fail with."""
    for task in tasks:
        for block in ("block", "rescue", "always"):
            yield from failures(task.get(block, []))
        yield from filter(None, [task.get("ansible.builtin.assert", {}).get("fail_msg")])
        yield from filter(None, [task.get("ansible.builtin.fail", {}).get("msg")])


def texts_of_roles() -> list[tuple[str, str]]:
    files = sorted(ROOT.glob("roles/*/tasks/*.yml"))
    found = [(path, text) for path in files for text in failures(yaml.safe_load(path.read_text(encoding="utf-8")))]
    return [(path.relative_to(ROOT).as_posix(), EXPRESSION.sub(VARIABLE, text)) for path, text in found]


def key_of(text: str) -> str:
    """What a person searches for: up to ten words of the first fixed part of the first sentence, if it has three."""
    fixed = [part.split(" ", 1)[-1] for part in f" {SENTENCE.split(text.strip())[0]}".split(VARIABLE)]
    clauses = [" ".join(part.split()[:10]).strip(" .,()'[]") for part in re.split("[:;]", ";".join(fixed))]
    return next((clause for clause in clauses if clause.count(" ") > 1), "")


def keys() -> list[tuple[str, str]]:
    found = {(name, key_of(text)) for name, text in [*texts_of_code(), *texts_of_roles()]}
    return sorted((name, key) for name, key in found if key)


def plain(text: str) -> str:
    return " ".join(re.sub(r"[`*]|\\(?=\|)", "", text).split())


EVERY = {key for _name, key in keys()}


def test_there_is_something_to_check() -> None:
    some = {
        "is not a regular file",
        "The password was changed",
        "partition_id cannot be part of a URL",
        "Nothing is due",
    }
    assert some <= EVERY
    assert len(EVERY) > 180


def test_the_guide_has_every_message() -> None:
    guide = plain(GUIDE)
    missing = [(name, key) for name, key in keys() if plain(key) not in guide]
    assert [f"{name}: {key}" for name, key in missing if key not in NO_MESSAGES] == []


def quoted() -> list[str]:
    """The fixed parts of the messages in the tables of the guide, if they have three words."""
    rows = re.findall(r"^\| message \|.*\n\|[ -|]+\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)
    cells = [row.split(" | ")[0] for table in rows for row in table.splitlines()]
    spans = [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]
    fixed = [part.strip(" .:;,()'[]") for span in spans for part in span.split("…")]
    return [part for part in fixed if part.count(" ") > 1]


def test_the_guide_has_no_other_message() -> None:
    texts = [text for _name, text in [*texts_of_code(), *texts_of_roles()]]
    code = plain("\n".join(texts).replace(VARIABLE, "…"))
    assert len(quoted()) > 150
    assert [part for part in quoted() if plain(part) not in code and part not in OF_ANSIBLE] == []


def test_what_is_no_message_is_in_the_code() -> None:
    assert NO_MESSAGES <= EVERY


@pytest.mark.parametrize(
    "names",
    [STATUSES, ACCOUNT_STATUSES, (*get_args(InputStatus), *get_args(AbortStatus), "store_error", "busy"), REASONS],
    ids=["of users", "of accounts", "of tasks that failed as a whole", "reasons"],
)
def test_the_guide_has_every_status_and_reason(names: tuple[str, ...]) -> None:
    assert [name for name in names if f"`{name}`" not in GUIDE] == []
