"""Find the Python interpreters of this machine; run as a script, link them into a folder as python3.N."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

NAME = re.compile(r"python3(\.\d+)?")
VERSION_AND_PATH = "import os, sys; print(sys.version_info[1], os.path.realpath(sys.executable))"


def candidate_folders() -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path.home() / ".local/share/uv/python"
    on_path = [Path(folder) for folder in os.get_exec_path()]
    return [*on_path, *sorted(pyenv.glob("versions/3.*/bin")), *sorted(uv.glob("cpython-3.*/bin"))]


def ask(executable: Path) -> tuple[int, Path] | None:
    """The minor version and the real path of an interpreter, or None for a shim with nothing behind it."""
    answer = subprocess.run([executable, "-c", VERSION_AND_PATH], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    minor, path = answer.stdout.split(maxsplit=1)
    return int(minor), Path(path.strip())


def find_interpreters() -> dict[int, Path]:
    """The first interpreter that really runs, for each minor version of Python 3."""
    found: dict[int, Path] = {}
    for folder in candidate_folders():
        for executable in sorted(folder.glob("python3*")):
            if NAME.fullmatch(executable.name) and (answer := ask(executable)):
                found.setdefault(*answer)
    return dict(sorted(found.items()))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for minor, path in find_interpreters().items():
        link = folder / f"python3.{minor}"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        print(f"python3.{minor}: {path}")


if __name__ == "__main__":
    main()
