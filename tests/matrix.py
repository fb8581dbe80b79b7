"""Run the unit tests, and the playbooks marked "matrix", on every supported ansible-core that can run here.

ansible-core supports three versions of Python, from the one that its package metadata asks for. The runs are spread
over them. All of the marked tests run on the versions between which ansible-core's behavior differs most: the oldest,
the first one that tags data (2.19), unless it is the one that the other tests run on, and the newest. The others run
the unit tests and the files `ON_EVERY_CORE`: what a task does and shows, values, secrets, the rotation and the role.

One more run has the modules on the oldest Python they support, as on an old managed node. It runs the files
`OF_MODULES`; all else runs on the controller, where nothing is different from the run before it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, STDOUT

from pythons import find_interpreters

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
DEV_PIP = TOOLS / "dev/bin/pip"
ENVIRONMENTS = TOOLS / "matrix"
REQUIREMENTS = ROOT / "meta/ee-requirements.txt"
RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:rc(\d+))?")
TIMEOUT = 900

Minor = tuple[int, int]
LIBRARIES = ("hvac", "hypothesis", "pytest")
DATA_TAGGING = (2, 19)
OF_MODULES = tuple(
    f"tests/playbook/test_{name}.py"
    for name in (
        "interruption",
        "many_users",
        "misbehaviour",
        "one_user",
        "secrecy",
        "security_guide",
        "target",
        "user_info",
        "values",
        "wrong_values",
    )
)
ON_EVERY_CORE = (
    "tests/unit",
    *(
        f"tests/playbook/test_{name}.py"
        for name in ("one_user", "role", "secrecy", "security_guide", "target", "user_info", "values", "wrong_values")
    ),
    "tests/faults/test_faults.py",
    "tests/stores/test_hashi_vault_playbook.py",
)
ALL = ("tests/unit", "tests/playbook", "tests/faults", "tests/stores/test_hashi_vault_playbook.py")


@dataclass(frozen=True)
class MatrixRun:
    core: str
    python: int
    tests: tuple[str, ...]
    target: int | None = None

    @property
    def name(self) -> str:
        return f"{self.core}-py3.{self.python}" + (f"-target3.{self.target}" if self.target else "")


@dataclass(frozen=True)
class Outcome:
    core: str
    python: str
    result: str
    seconds: float = 0
    passed: int = 0
    failed: int = 0


def lower_bound(file: str) -> Minor:
    """The version after ">=" in a file of the collection."""
    bound = re.search(r">=(\d+)\.(\d+)", (ROOT / file).read_text())
    if not bound:
        raise SystemExit(f"no lower bound in {file}")
    return int(bound[1]), int(bound[2])


def newest_releases(*options: str) -> dict[Minor, str]:
    """What the package index offers: the newest release of each minor, or its newest release candidate."""
    command: list[str | Path] = [DEV_PIP, "index", "versions", "--pre", *options, "ansible-core"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    versions = re.search("Available versions: (.*)", answer.stdout)
    newest: dict[Minor, tuple[tuple[float, ...], str]] = {}
    for match in filter(None, map(RELEASE.fullmatch, versions[1].split(", ") if versions else [])):
        major, minor, patch, candidate = match.groups()
        order = (not candidate, int(patch), int(candidate or 0))
        key = int(major), int(minor)
        newest[key] = max(newest.get(key, ((), "")), (order, match[0]))
    return {key: best[1] for key, best in newest.items() if key >= lower_bound("meta/runtime.yml")}


def first_pythons(upto: int) -> dict[Minor, int]:
    """The oldest Python for which the package index offers each ansible-core."""
    pythons = range(lower_bound("tests/config.yml")[1], upto + 1)
    with ThreadPoolExecutor() as pool:
        offers = pool.map(lambda python: newest_releases("--python-version", f"3.{python}"), pythons)
    first: dict[Minor, int] = {}
    for python, offer in zip(pythons, offers):
        for core in offer:
            first.setdefault(core, python)
    return first


def plan(pythons: list[int]) -> Iterator[MatrixRun | Outcome]:
    """A run for each ansible-core, or the reason why there is none."""
    cores = newest_releases("--ignore-requires-python")
    first = first_pythons(max(pythons))
    in_full = {min(cores), DATA_TAGGING, max(cores)} - {core_of_the_tools()}
    used: Counter[int] = Counter()
    for minor, core in sorted(cores.items()):
        oldest = first.get(minor)
        fitting = [python for python in pythons if oldest and oldest <= python <= oldest + 2]
        if fitting:
            python = min(fitting, key=lambda fit: used[fit])
            used[python] += 1
            yield MatrixRun(core, python, ALL if minor in in_full else ON_EVERY_CORE)
        else:
            need = f"3.{oldest} to 3.{oldest + 2}" if oldest else f"newer than 3.{max(pythons)}"
            yield Outcome(core, "-", f"not run: needs Python {need}")


def core_of_the_tools() -> Minor:
    """The ansible-core on which `make test` runs all tests."""
    major, minor = version("ansible-core").split(".")[:2]
    return int(major), int(minor)


def add_target(planned: list[MatrixRun | Outcome], pythons: list[int]) -> MatrixRun | Outcome:
    """The newest ansible-core once more, with the modules on the oldest Python they support."""
    oldest = lower_bound("tests/config.yml")[1]
    runs = [run for run in planned if isinstance(run, MatrixRun)]
    if runs and oldest in pythons:
        return MatrixRun(runs[-1].core, runs[-1].python, OF_MODULES, oldest)
    return Outcome("-", f"target 3.{oldest}", f"not run: no Python 3.{oldest} on this machine")


def environment(name: str, interpreter: Path, *requirements: str) -> Path:
    """The Python of a virtual environment that holds these requirements."""
    folder = ENVIRONMENTS / name
    python = folder / "bin/python"
    installed = folder / "installed"
    wanted = "\n".join([*requirements, REQUIREMENTS.read_text()])
    if not installed.exists() or installed.read_text() != wanted:
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", "-r", REQUIREMENTS, *requirements], check=True)
        installed.write_text(wanted)
    return python


def count(word: str, closing_line: str) -> int:
    found = re.search(rf"(\d+) {word}", closing_line)
    return int(found[1]) if found else 0


def carry_out(run: MatrixRun, interpreters: dict[int, Path]) -> Outcome:
    start = time.monotonic()
    try:
        tests = run_tests(run, interpreters)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return report(run, 1, str(error), time.monotonic() - start)
    return report(run, tests.returncode, tests.stdout, time.monotonic() - start)


def run_tests(run: MatrixRun, interpreters: dict[int, Path]) -> subprocess.CompletedProcess[str]:
    python = environment(run.name, interpreters[run.python], f"ansible-core=={run.core}", *LIBRARIES)
    variables = os.environ | {
        "HOME": str(TOOLS / "home"),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(TOOLS / "collections"),
    }
    if run.target:
        target = environment(f"target-py3.{run.target}", interpreters[run.target])
        variables["UIPATH_TEST_PYTHON"] = str(target)
    cache = f"cache_dir={python.parent.parent / 'cache'}"
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-m",
        "matrix",
        "-o",
        cache,
        *(path for path in run.tests if (ROOT / path).exists()),
    ]
    return subprocess.run(
        command, cwd=ROOT, env=variables, stdout=PIPE, stderr=STDOUT, text=True, timeout=TIMEOUT, check=False
    )


def report(run: MatrixRun, code: int, output: str, seconds: float) -> Outcome:
    lines = output.splitlines() or [""]
    shown = lines if code else [line for line in lines if line.startswith("SKIPPED")]
    print(f"-- {run.name}", *shown, lines[-1], sep="\n", flush=True)
    passed = count("passed", lines[-1])
    failed = count("failed", lines[-1]) + count("error", lines[-1])
    python = f"3.{run.python}" + (f", target 3.{run.target}" if run.target else "")
    return Outcome(run.core, python, "FAILED" if code else "passed", seconds, passed, max(failed, int(code != 0)))


def main() -> int:
    interpreters = find_interpreters()
    planned = list(plan(list(interpreters)))
    planned.append(add_target(planned, list(interpreters)))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(
            pool.map(lambda step: carry_out(step, interpreters) if isinstance(step, MatrixRun) else step, planned)
        )
    print(f"\n{'ansible-core':<14}{'python':<20}{'seconds':>8}  result")
    for outcome in outcomes:
        print(f"{outcome.core:<14}{outcome.python:<20}{outcome.seconds:>8.1f}  {outcome.result}")
    passed, failed = sum(outcome.passed for outcome in outcomes), sum(outcome.failed for outcome in outcomes)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
