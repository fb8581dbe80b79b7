# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets in everything that a run prints, writes, or shows to other processes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from ansible_collections.rpaops.uipath.tests.playbook.playbook import (
    MARK,
    Playbook,
    PlaybookRun,
    process_ids,
    read_proc,
)

AWKWARD = " \"q\" 'a' \\b %41 {{ x }} <&>+ äß/?"


def awkward(word: str) -> str:
    """A password that begins with a word found nowhere else, and contains whatever is escaped somewhere."""
    return f"{word}{AWKWARD}1"


def spellings(secret: str) -> set[str]:
    """The forms in which the secret could come out. Case is left to the search."""
    octets = secret.encode()
    found = {secret, repr(secret)[1:-1], repr(octets)[2:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)}
    found |= {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    found |= {json.dumps(form)[1:-1] for form in tuple(found)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(octets).decode().rstrip("="))
    return found | set(secret.split()[:1])


class Witness:
    """Samples the command lines of a run's processes while it is active.

    Those of other processes are left out: whatever runs on the machine besides may hold one of the words by chance.
    """

    def __init__(self) -> None:
        self.command_lines: set[bytes] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.03):
            marked = [pid for pid in process_ids() if f"{MARK}=".encode() in read_proc(pid, "environ")]
            self.command_lines |= {read_proc(pid, "cmdline") for pid in marked}

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._done.set()
            self._thread.join()


# Newer versions return the invocation only on demand.
WITH_INVOCATION = {"ANSIBLE_INJECT_INVOCATION": "1"}


def watched_run(play: Playbook, tasks: str | list[dict[str, Any]], *arguments: str, **given: Any) -> PlaybookRun:
    """Run the tasks, and write the command lines seen meanwhile into the run's folder, to be searched like the rest."""
    witness = Witness()
    with witness.watching():
        run = play(tasks, *arguments, **{**given, "environment": WITH_INVOCATION | given.get("environment", {})})
    assert any(b"ansible-playbook" in line for line in witness.command_lines)
    (run.folder / "command_lines").write_bytes(b"\n".join(sorted(witness.command_lines)))
    return run


def files_of(run: PlaybookRun, *others: Path) -> Iterator[Path]:
    """All that the run wrote, without what it was given to read."""
    for path in sorted(run.folder.rglob("*")):
        if path.is_file() and run.folder / "input" not in path.parents:
            yield path
    yield from others


def leaks(run: PlaybookRun, secrets: Iterable[str], *others: Path) -> set[tuple[str, str]]:
    """Where which secret can be read, in any spelling and either case: pairs of a file's name and the secret."""
    needles = {(form.lower(), secret) for secret in secrets for form in spellings(secret)}
    found = set()
    for path in files_of(run, *others):
        content = path.read_bytes().decode("utf-8", "replace").lower()
        found |= {(path.name, secret) for form, secret in needles if form in content}
    return found
