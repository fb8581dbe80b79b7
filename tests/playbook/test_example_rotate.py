# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of a rotation and of its store, unchanged: in check mode, twice for real, and what they show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.rotation_example import ACCOUNTS, RotationExample
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

NAME = "rotate.yml"
SHOW = "Show when each password was last rotated and is next due"


@pytest.fixture
def rotate(tmp_path: Path, simulator: SimulatorProcess, authority: Authority) -> Callable[..., PlaybookRun]:
    examples = RotationExample.set_up(tmp_path / "example", simulator, authority, {})

    def run(*arguments: str, example: str = NAME, succeeds: bool = True) -> PlaybookRun:
        return examples.run(example, *arguments, succeeds=succeeds)

    return run


def test_rotates_once_and_tells_the_consumers(rotate: Callable[..., PlaybookRun], simulator: SimulatorProcess) -> None:
    assert "Accounts by status: 2 would_rotate." in rotate("--check").stdout
    assert simulator.count() == 0

    home = rotate("-v").folder / "home"
    for label, user_id in ACCOUNTS.items():
        credentials = (home / "credentials" / f"{label}.ini").read_text()
        assert simulator.is_live(user_id, credentials.split("password = ")[1].rstrip("\n"))

    again = rotate()
    assert "Accounts by status: 2 fresh." in again.stdout
    assert simulator.count() == 2


def test_shows_the_state_of_the_accounts(rotate: Callable[..., PlaybookRun], simulator: SimulatorProcess) -> None:
    simulator.add_users({ACCOUNTS["svc-orders"]: "somebody-elses-1"})
    rotate("-v", succeeds=False)
    requests = simulator.total

    shown = rotate(example="show_accounts.yml", succeeds=False)
    [invoices, orders] = shown.items(SHOW)
    assert invoices["msg"].startswith("ok, last rotated 2")
    assert orders["msg"].startswith("out_of_sync, last rotated never, next due 2")
    assert ". The server answered that the initial password is wrong." in orders["msg"]
    [closed] = shown["Show what to look at"]["uipath_passwords.problems"]
    assert closed.startswith("Closed as out_of_sync (wrong_password), and tried by no run: svc-orders; ")
    assert shown["Fail if an account needs attention"]["msg"] == closed
    assert simulator.total == requests

    (shown.folder / "home/uipath-passwords" / f"{ACCOUNTS['svc-orders']}.yml").write_text("damaged")
    shown = rotate(example="show_accounts.yml", succeeds=False)
    [damaged] = [item for item in shown.items(SHOW) if item["msg"].startswith("unreadable")]
    assert damaged["msg"].startswith("unreadable, last rotated unknown, next due unknown. The record ")


def test_the_report_shows_what_was_rotated(rotate: Callable[..., PlaybookRun]) -> None:
    home = rotate().folder / "home"
    run = rotate(example="report.yml")
    assert "'accounts': 2" in str(run.events)
    page = (home / "uipath-passwords.html").read_text()
    table = (home / "uipath-passwords.csv").read_text()
    assert all(label in page and label in table for label in ACCOUNTS)

    received: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(201)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/uipath-passwords.html"
        rotate("-e", f"report_url={url}", example="upload_report.yml")
        server.shutdown()
    assert [content.startswith(b"<!DOCTYPE html>") for content in received] == [True]
    assert b"Limit: 60 days." in received[0]
    assert b"No list of accounts was given" not in received[0]
