# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: the simulator, the timing of a playbook, and the table of results."""

from __future__ import annotations

import argparse
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
SIMULATOR = ROOT / "tests/integration/targets/setup_simulator/files/identity_server.py"
MISSED: list[str] = []
CLIENT = {"client_id": "automation", "client_secret": "automation-secret"}


@dataclass(frozen=True)
class Cost:
    seconds: float
    megabytes: float = 0.0


class BenchmarkServer:
    """A simulator on loopback, in its own process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/simulator/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextmanager
def simulator(latency: float = 0) -> Iterator[BenchmarkServer]:
    command = [sys.executable, str(SIMULATOR), "--latency", str(latency), "--ids", "any"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield BenchmarkServer(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


def play(text: str, server: BenchmarkServer, *, arguments: Sequence[str] = (), **variables: Any) -> Cost:
    """Run a playbook and return its wall time, and the peak memory of the largest process it started."""
    with tempfile.TemporaryDirectory() as folder:
        playbook, settings = Path(folder, "play.yml"), Path(folder, "variables.json")
        playbook.write_text(text)
        settings.write_text(json.dumps({"identity_url": f"{server.url}/identity", **CLIENT, **variables}))
        interpreter = f"ansible_python_interpreter={sys.executable}"
        command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"@{settings}", "-e", interpreter]
        command += [*arguments, str(playbook)]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"ansible-playbook ended with status {status}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def number_of_runs(description: str | None) -> int:
    """Read the command line, and print the versions in use and the head of the table."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=3, help="how often each side of a ratio runs (3)")
    runs: int = parser.parse_args().runs
    versions = subprocess.run(["ansible-playbook", "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{versions.splitlines()[0]}, Python {platform.python_version()}, requests {requests.__version__}, ", end="")
    print(f"{os.cpu_count()} cores, median of {runs} (lowest to highest)\n")
    print("| case | ratio | wanted | the module's play |\n| --- | --- | --- | --- |")
    return runs


def row(case: str, ratios: list[float], wanted: str, seconds: list[float]) -> None:
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    typical = f"{statistics.median(seconds):.2f} s"
    print(f"| {case} | {middle:.2f} ({low:.2f} to {high:.2f}) | {wanted} | {typical} |", flush=True)
    demand(case, middle, wanted)


def peak(case: str, megabytes: float, wanted: str) -> None:
    print(f"\nPeak memory of the largest process at {case}: {megabytes:.0f} MB (wanted: {wanted} MB).")
    demand(f"memory at {case}", megabytes, wanted)


def demand(case: str, measured: float, wanted: str) -> None:
    """Note a figure that misses its target, such as `<= 3.0`."""
    comparison, bound = wanted.split()
    if not {"<=": operator.le, ">=": operator.ge}[comparison](measured, float(bound)):
        MISSED.append(f"{case}: {measured:.2f}, wanted {wanted}")


def conclude() -> None:
    """Fail if a figure missed its target."""
    if MISSED:
        raise SystemExit("\n" + "\n".join(f"MISSED {missed}" for missed in MISSED))
