# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README and guides: every link leads somewhere, every example that they show is the one that the tests run."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connection_argument_spec

ROOT = Path(__file__).resolve().parents[2]
ABSOLUTE = re.compile(r"https://github\.com/rpaops/ansible-collection-uipath/(?:blob|tree)/main/")
# Inline links and reference definitions, outside code.
LINK = re.compile(r"\]\(([^()\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADINGS = [
    "Description",
    "Requirements",
    "Installation",
    "Use Cases",
    "Testing",
    "Support",
    "Release Notes and Roadmap",
    "Related Information",
    "License Information",
]
SHOWN = [
    ("change_one_user.yml", "README.md"),
    ("rotate.yml", "README.md"),
    ("change_many_users.yml", "docs/changing-passwords.md"),
    ("change_by_user_name.yml", "docs/changing-passwords.md"),
    ("tell_consumers.yml", "docs/rotation.md"),
    ("show_accounts.yml", "docs/rotation.md"),
    ("report.yml", "docs/reporting.md"),
    ("upload_report.yml", "docs/reporting.md"),
    ("awx/change_many_users.yml", "docs/awx.md"),
    ("awx/credential_type.yml", "docs/awx.md"),
]


def tracked(pattern: str) -> list[str]:
    command = ["git", "ls-files", "-co", "--exclude-standard", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.splitlines() if (ROOT / name).exists())


@pytest.mark.parametrize("document", [*tracked("docs/*.md"), "CONTRIBUTING.md", "SECURITY.md"])
def test_lines_are_not_too_long(document: str) -> None:
    """Tables and the targets of links have lines as long as they need."""
    lines = enumerate((ROOT / document).read_text().splitlines(), 1)
    assert [number for number, line in lines if len(line) > 125 and not line.startswith(("|", "["))] == []


def links(document: str) -> list[str]:
    text = FENCE.sub("", (ROOT / document).read_text())
    return [inline or reference for inline, reference in LINK.findall(text)]


def internal(document: str) -> list[tuple[str, str]]:
    """The links of a document into this repository: a path below its root, and an anchor or nothing."""
    found = []
    for link in links(document):
        path, _hash, anchor = unquote(link).partition("#")
        if ABSOLUTE.match(path):
            found.append((ABSOLUTE.sub("", path), anchor))
        elif "://" not in path and not path.startswith("mailto:"):
            folder = (ROOT / document).parent
            target = (folder / path).resolve() if path else ROOT / document
            found.append((str(target.relative_to(ROOT)), anchor))
    return found


@cache
def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", (ROOT / document).read_text()), re.MULTILINE)
    texts = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings]
    slugs = [re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts]
    assert len(slugs) == len(set(slugs)), f"{document} has two headings of the same name"
    return set(slugs)


def sections(document: str) -> list[str]:
    """The anchors of the headings of the second level."""
    headings = re.findall(r"^## (.+)$", FENCE.sub("", (ROOT / document).read_text()), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


DOCUMENTS = tracked("*.md")


def test_there_is_something_to_check() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/rotation.md", "examples/README.md"} <= set(DOCUMENTS)
    assert ("docs/rotation.md", "") in internal("README.md")


@pytest.mark.parametrize("document", DOCUMENTS)
class TestLinks:
    def test_lead_to_files(self, document: str) -> None:
        assert [path for path, _anchor in internal(document) if not (ROOT / path).exists()] == []

    def test_lead_to_headings(self, document: str) -> None:
        pairs = [(path, anchor) for path, anchor in internal(document) if anchor and path.endswith(".md")]
        assert [f"{path}#{anchor}" for path, anchor in pairs if anchor not in anchors(path)] == []

    def test_of_a_list_of_contents_lead_to_every_section(self, document: str) -> None:
        head, *_rest = FENCE.sub("", (ROOT / document).read_text()).split("\n## ")
        listed = set(re.findall(r"\(#([^)]*)\)", head)) if head.count("\n- [") > 1 else set(sections(document))
        assert set(sections(document)) <= listed


@pytest.mark.parametrize("document", ["README.md", *(name for name in DOCUMENTS if name.startswith("roles/"))])
def test_what_galaxy_shows_links_to_github(document: str) -> None:
    relative = [link for link in links(document) if not re.match(r"https://|#", link)]
    assert not [link for link in relative if document == "README.md" or not link.startswith("meta/")]


def test_readme_follows_the_partner_template() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 160


def test_every_guide_is_linked_from_the_readme() -> None:
    guides = {name for name in DOCUMENTS if name.startswith("docs/")}
    assert guides <= {path for path, _anchor in internal("README.md")}


@pytest.mark.parametrize(("example", "document"), SHOWN)
def test_examples_are_shown_as_they_are(example: str, document: str) -> None:
    text = (ROOT / "examples" / example).read_text()
    [start] = re.findall(r"^(?:- name|inputs):", text, re.MULTILINE)[:1]
    assert f"```yaml\n{text[text.index(start) :]}```\n" in (ROOT / document).read_text()


def test_the_guide_names_variables_that_there_are() -> None:
    blocks = (ROOT / "docs/rotation.md").read_text().split("```")
    [block] = [text for text in blocks if "\nrotate_passwords_connection:" in text]
    shown = yaml_load(block.removeprefix("yaml"))
    specs = yaml_load((ROOT / "roles/rotate_passwords/meta/argument_specs.yml").read_text())
    assert set(shown) < set(specs["argument_specs"]["main"]["options"])
    connection = ArgumentSpecValidator(connection_argument_spec()).validate(shown["rotate_passwords_connection"])
    assert connection.error_messages == []


def test_the_guide_of_the_report_names_variables_that_there_are() -> None:
    specs = yaml_load((ROOT / "roles/report_passwords/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    named = re.findall(r"\breport_passwords_\w+", (ROOT / "docs/reporting.md").read_text())
    assert set(named) - set(specs["options"]) == {"report_passwords_summary", "report_passwords_result"}


def test_contributing_names_files_that_there_are() -> None:
    """File names in a table are relative to the folder in its heading, or to the repository."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    sections = re.findall(r"^### [^`\n]+(?:`([^`]+)`)?\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    named = [(folder, name) for folder, table in sections for name in re.findall(r"`([\w/]+(?:\.py|/\w+))`", table)]
    assert ("plugins/plugin_utils/_rotation", "record.py") in named
    assert [name for folder, name in named if not ((ROOT / folder / name).exists() or (ROOT / name).exists())] == []
