# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether other users of this machine could have made or could replace what a store uses.

Encryption keeps its passwords secret. Another user who can rename files or directories could still put an old store, or
the store of another account, in the place of this one.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError

# As in path_resolution(7).
MOST_LINKS = 40


def refuse_foreign(path: Path, status: os.stat_result) -> None:
    """Refuse what belongs neither to the user of this run nor to root."""
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreError(
            f"{path} belongs to another user (uid {status.st_uid}), who could replace it. Run as that"
            f" user or, if its content is yours, run: chown {os.geteuid()} {shlex.quote(str(path))}"
        )


def refuse_other_than_own_file(path: Path, status: os.stat_result) -> None:
    """Refuse a device or pipe, and a file of another user."""
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a regular file. Find out who put it there, and move it away.")
    refuse_foreign(path, status)


def refuse_writable_parents(directory: Path, *, by_group: bool) -> None:
    """Refuse a directory whose parents another user can write to: that user could put another one in its place.

    A sticky parent lets users rename only what they own. The group of root and, with `by_group=False`, any group may
    write to a parent.
    """
    for path in resolutions(Path(os.path.abspath(directory))):
        for parent in reversed(path.parents):
            if not parent.is_symlink() and not parent.exists():
                break  # this run creates it and all below it
            status = parent.lstat()
            refuse_foreign(parent, status)
            if stat.S_ISLNK(status.st_mode):
                break  # the next resolution goes on from its target
            # Images for execution environments let the group of root write to the home directory.
            writable = stat.S_IWOTH | (stat.S_IWGRP if by_group and status.st_gid else 0)
            if status.st_mode & writable and not status.st_mode & stat.S_ISVTX:
                raise StoreError(
                    f"The directory {parent} can be written to by other users of this machine, who could put another"
                    f" store in the place of {directory}. Nothing was changed. Choose another path for the store, or"
                    f" run: chmod go-w {shlex.quote(str(parent))}"
                )
            if not status.st_mode & (stat.S_IXGRP | stat.S_IXOTH):
                break  # other users reach nothing below it


def resolutions(path: Path) -> Iterator[Path]:
    """Return the path, and the path after each of the symbolic links above it is resolved, from the top."""
    for _link in range(MOST_LINKS):
        yield path
        link = next((parent for parent in reversed(path.parents) if parent.is_symlink()), None)
        if link is None:
            return
        path = Path(os.path.normpath(link.parent / os.readlink(link) / path.relative_to(link)))
    raise StoreError(f"{path} has too many symbolic links. Choose another path for the store.")
