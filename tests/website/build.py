# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the HTML site of the guides and the reference: `build.py CHECKOUT SOURCES OUTPUT`.

The README is the first page, the guides and the examples are pages, and antsibull-docs writes those of the plugins and
roles. Links in Markdown are those of GitHub, and lead to the page of the site where there is one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

REPOSITORY = "https://github.com/rpaops/ansible-collection-uipath"
GITHUB = re.compile(rf"{REPOSITORY}/(?:blob|tree)/main/")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
TO_GUIDE = re.compile(rf"`([^`<]+) <{REPOSITORY}/blob/main/([\w/-]+)\.md>`__?")
CONTENTS = re.compile(r"^\.\. contents::\n(?: +.*\n)+", re.MULTILINE)
TRANSITION = re.compile(r"^ +(\S+) --> (\S+): (.+)$", re.MULTILINE)
PICTURE = ".png"
REFERENCE = "reference"
NO_RELEASE = "The changelog of rpaops.uipath is empty."
FRONT = """
```{{toctree}}
:hidden:
:caption: Guides

{guides}
```

```{{toctree}}
:hidden:
:caption: Examples

{examples}
```

```{{toctree}}
:hidden:
:caption: Reference

Plugins and roles <reference/index>
```
"""
# What the generated pages refer to in Ansible's own documentation: no build asks another server for it.
INVENTORY = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}


def pages(checkout: Path) -> dict[str, str]:
    """The documents that become pages, and the names of these."""
    listed = (checkout / "docs/docsite/rst/guides.rst").read_text(encoding="utf-8")
    guides = re.findall(r"/blob/main/(docs/[\w-]+\.md)>", listed)
    examples = sorted(path.relative_to(checkout).as_posix() for path in checkout.glob("examples/**/*.yml"))
    roles = {f"roles/{path.name}/README.md": f"{REFERENCE}/{path.name}_role.rst" for path in checkout.glob("roles/*")}
    return {
        "README.md": "index.md",
        "SECURITY.md": "SECURITY.md",
        **{name: name for name in guides},
        "examples/README.md": "examples/README.md",
        **{name: f"{name}.md" for name in examples},
        **roles,
    }


def rewritten(link: str, document: str, known: dict[str, str]) -> str:
    """A link of a document as the site has it: to a page, to a file on GitHub, or unchanged."""
    path, mark, anchor = link.partition("#")
    if GITHUB.match(path):
        target = GITHUB.sub("", path)
    elif "://" in path or not path or path.endswith(PICTURE):
        return link
    else:
        target = os.path.normpath(os.path.join(os.path.dirname(document), path))
    if target in known:
        return os.path.relpath(known[target], os.path.dirname(known[document]) or ".") + mark + anchor
    return f"{REPOSITORY}/blob/main/{target}{mark}{anchor}"


def markdown(document: str, text: str, known: dict[str, str]) -> str:
    outside, fences = FENCE.split(text)[::2], FENCE.split(text)[1::2]
    outside = [LINK.sub(lambda match: rewritten(match[1], document, known), part) for part in outside]
    return "".join(part + fence for part, fence in zip(outside, [*map(drawn, fences), ""]))


def drawn(fence: str) -> str:
    """A diagram as a table: what draws it on GitHub would have to be loaded from there."""
    if not fence.startswith("```mermaid"):
        return fence
    rows = [f"| {start} | {event} | {end} |" for start, end, event in TRANSITION.findall(fence)]
    lines = ["| from | event | to |", "| --- | --- | --- |", *rows]
    return "\n".join(lines).replace("[*]", "(start)")


def example(name: str, text: str) -> str:
    return f"# {name.removeprefix('examples/')}\n\n```yaml\n{text}```\n"


def front(known: dict[str, str]) -> str:
    listed = [page.removesuffix(".md") for page in known.values() if not page.startswith(REFERENCE)]
    guides = [page for page in listed if page.startswith("docs/")]
    examples = [page for page in listed if page.startswith("examples/")]
    return FRONT.format(guides="\n".join([*guides, "SECURITY"]), examples="\n".join(examples))


def write_sources(checkout: Path, sources: Path) -> None:
    known = pages(checkout)
    for document, page in known.items():
        if page.startswith(REFERENCE):
            continue
        text = (checkout / document).read_text(encoding="utf-8")
        content = markdown(document, text, known) if document.endswith(".md") else example(document, text)
        (sources / page).parent.mkdir(parents=True, exist_ok=True)
        (sources / page).write_text(content + (front(known) if page == "index.md" else ""), encoding="utf-8")


def copy_pictures(checkout: Path, sources: Path) -> None:
    for picture in checkout.glob(f"docs/*{PICTURE}"):
        shutil.copy(picture, sources / "docs")


def write_inventory(path: Path) -> None:
    lines = [f"{label} std:label -1 {url} {label}\n" for label, url in INVENTORY.items()]
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))


def write_reference(checkout: Path, sources: Path) -> None:
    folder = sources / REFERENCE
    folder.mkdir(mode=0o755)
    options = ["--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version"]
    command = ["antsibull-docs", "collection", *options, "--dest-dir", str(folder), "rpaops.uipath"]
    subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)
    (folder / "environment_variables.rst").unlink()  # an orphan without a variable
    for page in folder.rglob("*.rst"):
        page.write_text(completed(page.read_text(encoding="utf-8")), encoding="utf-8")


def completed(page: str) -> str:
    """A generated page with links to the site's guides, and without its contents, which the theme shows beside it."""
    page = CONTENTS.sub("", TO_GUIDE.sub(r":doc:`\1 </\2>`", page))
    return page.replace(NO_RELEASE, f"Changelog\n=========\n\n{NO_RELEASE}")


def build(checkout: Path, sources: Path, output: Path) -> None:
    for folder in (sources, output):
        shutil.rmtree(folder, ignore_errors=True)
    sources.mkdir(parents=True)
    write_sources(checkout, sources)
    copy_pictures(checkout, sources)
    write_inventory(sources / "ansible.inv")
    write_reference(checkout, sources)
    configuration = str(Path(__file__).parent)
    command = ["sphinx-build", "-q", "-n", "-W", "--keep-going", "-c", configuration, str(sources), str(output)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    build(*[Path(argument).resolve() for argument in sys.argv[1:]])
