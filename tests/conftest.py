# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options `--proof` and `--full`, and a summary of what the tests report and sample, also of parallel runs."""

from __future__ import annotations

import signal

import pytest
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample

REPORTED, SAMPLED = "reported", "sampled"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proof", action="store_true", help="run the tests that otherwise take a sample, and no others, in full"
    )
    parser.addoption("--full", action="store_true", help="run all tests, and none of them as a sample")
    parser.addoption("--season", type=int, help="of the nights with random faults, run this season only")
    parser.addoption("--write-picture", action="store_true", help="write the picture of the report into docs")


def pytest_configure() -> None:
    """Undo that a shell has commands in the background ignore SIGINT: what the tests start would ignore it too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("proof"):
        return
    others = [item for item in items if "sample" not in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("proof") or config.getoption("full"))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Call it with a line that is shown at the end, also when the test passes."""
    return lambda line: request.node.user_properties.append((REPORTED, line))


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    """Decides how much of the test's cases is run."""
    properties = request.node.user_properties
    return Sample(is_full(request.config), lambda line: properties.append((SAMPLED, line)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what each test reports, and of the samples which tests take them."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    said = [
        (kind, str(line), test.nodeid.rpartition("::")[2])
        for test in ended
        if test.when == "call"
        for kind, line in test.user_properties
    ]
    if reports := [f"{test}: {line}" for kind, line, test in said if kind == REPORTED]:
        terminalreporter.section("what the tests report")
        terminalreporter.write_line("\n".join(reports))
    samples: dict[str, list[str]] = {}
    for _kind, line, test in [each for each in said if each[0] == SAMPLED]:
        samples.setdefault(line, []).append(test)
    if samples:
        terminalreporter.section("samples; make proof runs all")
        for line, tests in samples.items():
            terminalreporter.write_line(f"{line}: {', '.join(tests)}")
