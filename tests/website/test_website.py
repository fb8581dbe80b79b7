# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make site` has built: what has a page, links that lead somewhere, and nothing loaded from outside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / ".tools/site"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
# Attributes by which a page loads something. A link that is followed by a click is in an `a`.
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "href", "xlink:href"}
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
IN_SCRIPTS = re.compile(r"(?:fetch|import|importScripts|open)\(\s*['\"`](?:https?:)?//")


@dataclass
class Page(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in LOADING and value is not None:
                (self.links if tag == "a" else self.loaded).append(value)


@cache
def page(name: str) -> Page:
    parsed = Page()
    parsed.feed((SITE / name).read_text(encoding="utf-8"))
    return parsed


def is_outside(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def leads_somewhere(name: str, link: str) -> bool:
    parts = urlsplit(link)
    target = ((SITE / name).parent / unquote(parts.path)).resolve() if parts.path else SITE / name
    if not target.is_file():
        return False
    is_page = target.suffix == ".html"
    return not (is_page and parts.fragment) or unquote(parts.fragment) in page(str(target.relative_to(SITE))).anchors


def documented() -> set[str]:
    """The page of each guide, example, plugin and role."""
    kinds = {"modules": "module", "lookup": "lookup", "filter": "filter"}
    plugins = {f"reference/{path.stem}_{kind}.html" for folder, kind in kinds.items() for path in plugin_files(folder)}
    roles = {f"reference/{path.name}_role.html" for path in ROOT.glob("roles/*")}
    guides = {f"docs/{path.stem}.html" for path in ROOT.glob("docs/*.md")}
    examples = {f"{path.relative_to(ROOT).as_posix()}.html" for path in ROOT.glob("examples/**/*.yml")}
    return {"index.html", "SECURITY.html", "examples/README.html"} | plugins | roles | guides | examples


def plugin_files(folder: str) -> list[Path]:
    return [path for path in ROOT.glob(f"plugins/{folder}/*.py") if path.stem != "__init__"]


def test_every_guide_example_plugin_and_role_has_a_page() -> None:
    assert {"docs/rotation.html", "reference/uipath_user_info_module.html"} <= documented()
    assert documented() - set(PAGES) == set()


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, waiting = set(), {"index.html"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        links = [urlsplit(link).path for link in page(name).links if not is_outside(link)]
        targets = {((SITE / name).parent / unquote(link)).resolve() for link in links if link.endswith(".html")}
        waiting |= {str(target.relative_to(SITE)) for target in targets} - reached
    assert documented() - reached == set()


@pytest.mark.parametrize("name", PAGES)
class TestPage:
    def test_links_lead_somewhere(self, name: str) -> None:
        inside = [link for link in page(name).links if not is_outside(link)]
        assert [link for link in inside if not leads_somewhere(name, link)] == []

    def test_loads_nothing_from_outside(self, name: str) -> None:
        assert [link for link in page(name).loaded if is_outside(link)] == []

    def test_has_no_complaint_of_the_theme(self, name: str) -> None:
        assert "ERROR:" not in (SITE / name).read_text(encoding="utf-8")

    def test_has_what_it_loads(self, name: str) -> None:
        files = [link for link in page(name).loaded if not link.startswith(("data:", "#"))]
        assert [link for link in files if not leads_somewhere(name, link)] == []


def test_guides_link_to_pages_of_the_site() -> None:
    """GitHub has the same files. Only what is no page here leads there."""
    links = [link for name in PAGES if not name.startswith("reference/") for link in page(name).links]
    on_github = {link.split("/blob/main/")[1] for link in links if "ansible-collection-uipath/blob/main/" in link}
    assert on_github <= {"LICENSE", "changelogs", "CONTRIBUTING.md#run-the-tests"}


def test_styles_and_scripts_load_nothing_from_outside() -> None:
    styles = [match for path in SITE.rglob("*.css") for match in IN_STYLES.findall(path.read_text(encoding="utf-8"))]
    assert [url for match in styles for url in match if is_outside(url)] == []
    assert [path.name for path in SITE.rglob("*.js") if IN_SCRIPTS.search(path.read_text(encoding="utf-8"))] == []


def test_guides_have_no_diagram_that_a_script_would_draw() -> None:
    texts = [(SITE / name).read_text(encoding="utf-8") for name in PAGES if name.startswith("docs/")]
    assert not [text for text in texts if "mermaid" in text or "stateDiagram" in text]


def test_docsite_links_to_every_guide() -> None:
    text = (ROOT / "docs/docsite/rst/guides.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"/blob/main/docs/([\w-]+)\.md>", text)) == {path.stem for path in ROOT.glob("docs/*.md")}
    config = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))
    assert config["sections"][0]["toctree"] == ["guides"]
