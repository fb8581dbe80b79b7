# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that reports, as users run it: what it writes, and that no password is in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.formats import PARTS
from ansible_collections.rpaops.uipath.tests.faults.rig import ROTATION, USUAL_WARNINGS, stored_passwords
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun, Variables
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene

ROLE = "rpaops.uipath.report_passwords"
IDS = [f"2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c0{number}" for number in range(3)]
# What names may be: markup, a template, a formula.
NAMES = ["<b onclick=alert(1)>\"svc\" & 'co'</b>", "{{ 7*7 }}{% raw %}", "=cmd|' /C calc'!A0"]
FILES = {"html": "page.html", "csv": "table.csv", "json": "data.json"}


@dataclass
class ReportSetup:
    """A store with three accounts, of which two are rotated."""

    scene: Scene
    folder: Path
    initial: list[str] = field(default_factory=lambda: [awkward(f"initial{number}") for number in range(3)])

    def __post_init__(self) -> None:
        self.scene.play.allowed_warnings = USUAL_WARNINGS
        self.scene.simulator.add_users(dict(zip(IDS, self.initial)))

    @property
    def accounts(self) -> list[Variables]:
        return [
            {"user_id": user, "name": f"{{{{ names[{n}] }}}}", "initial_password": f"{{{{ vault_initial[{n}] }}}}"}
            for n, user in enumerate(IDS)
        ]

    def variables(self, **changes: Any) -> Variables:
        files = {f"report_passwords_{form}": str(self.folder / name) for form, name in FILES.items()}
        return {"report_passwords_store": self.store, **files, **changes}

    @property
    def store(self) -> Variables:
        return {"path": str(self.folder / "store")}

    def rotate(self) -> None:
        """The first two accounts get new passwords, the third keeps the initial one."""
        tasks = [
            {"name": state, ROTATION: {"accounts": accounts, "store": self.store, "state": state, "consumers": True}}
            for accounts, state in ((self.accounts[:2], "rotated"), (self.accounts[2:], "present"))
        ]
        self.scene.play(tasks, succeeds=True, names=NAMES, vault_initial=self.initial)

    def report(self, *arguments: str, succeeds: bool = True, **changes: Any) -> PlaybookRun:
        variables = {"report_passwords_accounts": self.accounts, **self.variables(), **changes}
        variables = {name: value for name, value in variables.items() if value is not None}
        tasks = [{"name": "Report", "ansible.builtin.include_role": {"name": ROLE}, "vars": variables}]
        given = {"names": NAMES, "vault_initial": self.initial, "environment": {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}}
        run = watched_run(self.scene.play, tasks, *arguments, succeeds=succeeds, **given)
        assert not leaks(run, self.secrets, *self.written)
        return run

    @property
    def secrets(self) -> set[str]:
        return {*self.initial, *stored_passwords(self.folder / "store")}

    @property
    def written(self) -> list[Path]:
        return [path for name in FILES.values() if (path := self.folder / name).exists()]

    def text(self, form: str) -> str:
        return (self.folder / FILES[form]).read_bytes().decode()


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory, authority: Authority, server_files: Files) -> Iterator[ReportSetup]:
    folder = tmp_path_factory.mktemp("report")
    with Scene.set_up(folder, authority, server_files) as scene:
        setup = ReportSetup(scene, folder)
        setup.rotate()
        yield setup


@pytest.fixture(autouse=True)
def nothing_written(setup: ReportSetup) -> None:
    for path in setup.written:
        path.unlink()


def ended(run: PlaybookRun, task: str) -> dict[str, Any]:
    """The result of the role's task, whose name newer versions put the role's name before."""
    [name] = {event["task"] for event in run.events if event["task"].endswith(task)}
    return run[name]


@pytest.mark.matrix
def test_writes_what_is_given(setup: ReportSetup) -> None:
    run = setup.report("-vvv")
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in setup.written)
    assert "changed=1 " in run.stdout

    data = json.loads(setup.text("json"))
    assert sorted(account["label"] for account in data["accounts"]) == sorted(NAMES)
    assert tuple(data) == PARTS
    assert data["store"] == setup.store["path"]
    assert data["identity_url"].startswith("https://")
    assert data["counts"]["undelivered"] == 2
    table = list(csv.DictReader(setup.text("csv").splitlines()))
    assert {row["label"] for row in table} == {NAMES[0], NAMES[1], f"'{NAMES[2]}"}
    assert setup.text("csv").count("\r\n") == 4
    page = setup.text("html")
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n")
    assert "&lt;b onclick=alert(1)&gt;&#34;svc&#34; &amp; &#39;co&#39;&lt;/b&gt;" in page
    assert NAMES[1] in page

    summary = ended(run, "Show the summary and the problems")["msg"]["summary"]
    assert summary["accounts"] == 3
    assert summary["time"] == data["time"]
    assert summary["problems"] == len(data["problems"]) > 0
    assert '"report_passwords_summary"' in run.stdout.partition("CUSTOM STATS")[2]


def test_writes_anew_each_time(setup: ReportSetup) -> None:
    setup.report(report_passwords_html=None, report_passwords_json=None)
    assert [path.name for path in setup.written] == ["table.csv"]


def test_check_mode_writes_nothing(setup: ReportSetup) -> None:
    run = setup.report("--check", "--diff")
    assert setup.written == []
    assert all(str(setup.folder / name) in run.stdout for name in FILES.values())
    assert ended(run, "Write the report")["changed"]


def test_fails_after_the_report_is_written(setup: ReportSetup) -> None:
    run = setup.report(succeeds=False, report_passwords_fail_on=["undelivered"], report_passwords_no_log=False)
    assert len(setup.written) == 3
    message = ended(run, "Fail because of report_passwords_fail_on")["msg"]
    assert message.count("may lack the current password") == 1
    result = ended(run, "Keep the result for your tasks")["ansible_facts"]["report_passwords_result"]
    assert (result["failures"], result["failed"]) == ([message], False)


BAD_FILES: list[tuple[dict[str, Any], str]] = [
    ({"html": "directory"}, "directory is a directory. Give the path of a file in it."),
    ({"csv": "directory/"}, "directory/ is a directory."),
    ({"json": "link"}, "link is a directory."),
    ({"html": "file/page.html", "csv": "nowhere/a.csv"}, "nowhere/a.csv, FOLDER/file/page.html. Create it first."),
    (
        {"html": "page", "csv": "page", "json": "data"},
        "Two files have the same path, of FOLDER/page, FOLDER/page, FOLDER/data.",
    ),
    ({"html": "directory/page", "csv": "link/../directory/page"}, "Two files have the same path"),
    (
        {"html": ["page"], "csv": {"a": 1}, "json": True},
        "report_passwords_html, report_passwords_csv, report_passwords_json: the",
    ),
    ({"html": "store/.prev/page", "csv": "table"}, "FOLDER/store/.prev/page is inside the store, whose files"),
    ({"html": " "}, "report_passwords_html: the path of a file is needed, as a string. Leave it out for no file."),
]


@pytest.mark.matrix
def test_refuses_files_that_it_could_not_write(setup: ReportSetup, tmp_path: Path) -> None:
    """In one play: each run would take seconds."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("directory")
    (tmp_path / "file").touch()
    (tmp_path / "store").symlink_to(setup.folder / "store")
    before = sorted([*tmp_path.rglob("*"), *(setup.folder / "store").rglob("*")])

    def tasks(number: int, files: dict[str, Any]) -> Variables:
        given = {
            form: f"{tmp_path}/{path}" if isinstance(path, str) and path != " " else path
            for form, path in files.items()
        }
        variables = {
            "report_passwords_store": setup.store,
            **{f"report_passwords_{form}": path for form, path in given.items()},
        }
        role = {"name": "Report", "ansible.builtin.include_role": {"name": ROLE}, "vars": variables}
        shown = {"name": f"Case {number}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}
        return {"name": "Refuse", "block": [role], "rescue": [shown]}

    run = setup.scene.play([tasks(number, files) for number, (files, _message) in enumerate(BAD_FILES)], succeeds=True)
    for number, (_files, message) in enumerate(BAD_FILES):
        assert message.replace("FOLDER", str(tmp_path)) in run[f"Case {number}"]["msg"]
    assert sorted([*tmp_path.rglob("*"), *(setup.folder / "store").rglob("*")]) == before


def test_writes_through_no_link_and_nothing_for_an_empty_text(setup: ReportSetup, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "page.html").symlink_to("target")
    page = str(tmp_path / "page.html")
    setup.report(report_passwords_html=page, report_passwords_csv="", report_passwords_json="{{ none }}")
    assert ((tmp_path / "page.html").is_symlink(), (tmp_path / "target").read_text()) == (False, "kept")
    assert setup.written == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"report_passwords_html": "/nowhere/page.html"}, "There is no directory for /nowhere/page.html. Create it"),
        ({"report_passwords_htm": "page.html"}, "report_passwords_html"),
        ({"report_passwords_store": {"path": "/nowhere/store"}}, "/nowhere/store"),
    ],
)
def test_says_once_what_is_wrong(setup: ReportSetup, changes: Variables, message: str) -> None:
    run = setup.report(succeeds=False, **changes)
    assert setup.written == []
    assert message in run.stdout + run.stderr
    assert [event["event"] for event in run.events].count("failed") == 1
