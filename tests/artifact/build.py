"""Build the artifact from the files that git tracks, as they are in the checkout: `build.py CHECKOUT OUTPUT`.

`ansible-galaxy collection build` alone packs whatever lies in the checkout, a private key among it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def copy_tracked_files(checkout: Path, folder: Path) -> None:
    """Leave out what is tracked but deleted in the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=checkout, stdout=subprocess.PIPE, check=True).stdout
    for name in listed.decode().split("\0")[:-1]:
        if (checkout / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, folder / name)


def build(checkout: Path, output: Path) -> Path:
    """Return the path of the artifact."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        copy_tracked_files(checkout, Path(folder))
        command = ["ansible-galaxy", "collection", "build", "--output-path", str(output), folder]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    [artifact] = output.glob("*.tar.gz")
    return artifact


if __name__ == "__main__":
    print(build(Path(sys.argv[1]), Path(sys.argv[2])))
