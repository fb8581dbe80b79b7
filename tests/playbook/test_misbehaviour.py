# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which the simulator misbehaves: what the user reads, and that the server's live password agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority, Files
from ansible_collections.rpaops.uipath.tests.playbook.playbook import Playbook, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import NEW, OLD, Scene, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SERVER, SimulatorProcess, wait_until

FOR_EVER: dict[str, Any] = {"times": None}
# What UiPath's documentation of the operation shows under "400 Bad Request".
DOCUMENTED_ERROR: dict[str, Any] = {
    "errors": {
        "bypassBasicAuthRestriction": [
            f"Unexpected character encountered while parsing value: {character}. "
            "Path 'bypassBasicAuthRestriction', line 17, position 35."
            for character in "ha"
        ]
    },
    "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
    "title": "One or more validation errors occurred.",
    "status": 400,
    "traceId": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00",
}


@dataclass(frozen=True)
class Case:
    """One fault for one user: the expected status, the live password, and the mismatches that it costs.

    `lost` counts the answers that the client never saw.
    """

    kind: str
    parameters: dict[str, Any] = field(default_factory=dict)
    status: str = "changed"
    live: str = NEW
    mismatches: int = 0
    lost: int = 0


APPLIED = {"apply": True}
CASES = {
    "latency": Case("latency"),
    "others change it": Case("other_change", {"password": "theirs-12"}, "wrong_password", "theirs-12", 2),
    "others set the same": Case("other_change", {"password": NEW}, "already_set", NEW, 1),
    "others delete it": Case("other_delete", {}, "not_found", ""),
    "busy": Case("too_many_requests", {"retry_after": 0}),
    "error before": Case("status", {"status": 500}, lost=1),
    "error after": Case("status", {"status": 503, **APPLIED}, mismatches=1, lost=1),
    "server-side timeout": Case("status", {"status": 408}, lost=1),
    "gateway timeout after": Case("status", {"status": 504, **APPLIED}, mismatches=1, lost=1),
    "errors before, for ever": Case("status", {"status": 502, **FOR_EVER}, "unknown", OLD, lost=2),
    "errors after, for ever": Case("status", {"status": 502, **APPLIED, **FOR_EVER}, "unknown", NEW, 1, lost=2),
    "closed before": Case("drop", {"how": "close"}, lost=1),
    "closed after": Case("drop", {"how": "close", **APPLIED}, mismatches=1, lost=1),
    "reset before": Case("drop", {"how": "reset"}, lost=1),
    "reset after": Case("drop", {"how": "reset", **APPLIED}, mismatches=1, lost=1),
    "closed for ever": Case("drop", FOR_EVER, "unknown", OLD, lost=2),
    "late and silent": Case("late", {"delay": 0.2, "then": "hang"}, mismatches=1, lost=1),
    "late and closed": Case("late", {"delay": 0.4, "then": "close"}, mismatches=1, lost=1),
    "late and reset": Case("late", {"delay": 0.4, "then": "reset"}, mismatches=1, lost=1),
    "late and reported": Case("late", {"delay": 0.4, "then": "status"}, mismatches=1, lost=1),
    "carried out twice": Case("twice", {}, "already_set", NEW, 1),
    "a truncated body": Case("truncated", {"cut": "body"}, mismatches=1, lost=1),
    "a truncated answer": Case("truncated", {"cut": "connection"}, mismatches=1, lost=1),
    "body in drips": Case("slow_body", {"seconds": 0.2}),
    "body in drips, for too long": Case("slow_body", {"seconds": 9}, mismatches=1, lost=1),
    "empty before": Case("empty", lost=1),
    "empty after": Case("empty", APPLIED, mismatches=1, lost=1),
    "no content before": Case("no_content", lost=1),
    "no content after": Case("no_content", APPLIED, mismatches=1, lost=1),
    "page before": Case("html", lost=1),
    "page after": Case("html", APPLIED, mismatches=1, lost=1),
    "page for ever": Case("html", FOR_EVER, "unknown", OLD, lost=2),
    "error page after": Case("html", {"status": 502, **APPLIED}, mismatches=1, lost=1),
    "forbidden page after": Case("html", {"status": 403, **APPLIED}, mismatches=1, lost=1),
    "unauthorized page after": Case("html", {"status": 401, **APPLIED}, mismatches=1, lost=1),
    "throttling page after": Case("html", {"status": 429, **APPLIED}, mismatches=1, lost=1),
    "throttling page before": Case("html", {"status": 429}, lost=1),
    "not found page after": Case("html", {"status": 404, **APPLIED}, mismatches=1, lost=1),
    "not found in text after": Case(
        "custom", {"status": 404, "body": "404 page not found", **APPLIED}, "changed", NEW, 1, 1
    ),
    "redirect before": Case("redirect", lost=1),
    "redirect after": Case("redirect", {"status": 307, **APPLIED}, mismatches=1, lost=1),
    "success without success": Case("not_succeeded", {}, "refused", OLD),
    "success with a code": Case("not_succeeded", {"code": "UserLockedOut"}, "refused", OLD),
    "success denied after": Case("not_succeeded", APPLIED, "refused", NEW),
    "success with a mismatch": Case("not_succeeded", {"code": "PasswordMismatch"}, "wrong_password", OLD, 1),
    "documented error": Case("custom", {"status": 400, "json": DOCUMENTED_ERROR}, "refused", OLD),
    "problem details": Case("problem", {}, "refused", OLD),
    "quoted passwords": Case("quoting_result", {}, "refused", OLD),
    "unheard of code": Case("identity_error", {"code": "New", "description": "New."}, "refused", OLD),
    "token refused once": Case("unauthorized"),
    "concurrency failure": Case("concurrency_failure", lost=1),
    "doubled by a proxy": Case("concurrency_failure", APPLIED, mismatches=1, lost=1),
    "a JSON list": Case("custom", {"json": ["succeeded"]}, lost=1),
    "success as text": Case("custom", {"json": {"succeeded": "true"}}, lost=1),
    "text instead of JSON": Case("custom", {"status": 400, "body": "Bad Request"}, lost=1),
}
STOPPING = {
    "forbidden": ("forbidden", FOR_EVER, "unauthorized"),
    "token refused for ever": ("unauthorized", FOR_EVER, "unauthorized"),
    "wrong version": ("unsupported_api_version", {}, "wrong_url"),
    "no organization": ("invalid_partition", {}, "wrong_url"),
    "page at first": ("html", {}, "wrong_url"),
    "not found page at first": ("html", {"status": 404}, "wrong_url"),
    "redirect at first": ("redirect", {}, "wrong_url"),
}


@pytest.fixture(scope="module")
def bad_day(shared_scene: Scene) -> tuple[PlaybookRun, SimulatorProcess]:
    """One task for all cases that end one user."""
    simulator = shared_scene.simulator
    simulator.configure(history={"limit": 0})  # no user carries a control request for others
    simulator.add_users(dict.fromkeys(["healthy", *CASES], OLD))
    for name, case in CASES.items():
        simulator.fault(case.kind, user_id=name, **case.parameters)
    many = task("All", users="{{ users }}", concurrency=1, max_failures=0, timeout=1)
    return shared_scene.play([many], users=[change(name) for name in ("healthy", *CASES)]), simulator


@pytest.fixture(scope="module")
def stopped(shared_scene: Scene) -> tuple[PlaybookRun, SimulatorProcess]:
    """A task for each case that stops one."""
    simulator = shared_scene.simulator
    simulator.add_users(dict.fromkeys(STOPPING, OLD))
    for name, (kind, parameters, _status) in STOPPING.items():
        simulator.fault(kind, user_id=name, **parameters)
    return shared_scene.play([task(name, **change(name)) for name in STOPPING]), simulator


def test_the_documented_error_is_quoted_without_the_characters_of_the_request(
    bad_day: tuple[PlaybookRun, SimulatorProcess],
) -> None:
    run, _simulator = bad_day
    result = run.users("All")["documented error"]
    assert (result["http_status"], result["error_codes"], result["attempts"]) == (400, [], 1)
    assert result["trace_id"] == DOCUMENTED_ERROR["traceId"]
    assert "bypassBasicAuthRestriction: Unexpected character encountered while parsing value: " in result["msg"]
    assert "value: h" not in result["msg"]
    assert "value: a" not in result["msg"]


@pytest.mark.matrix
@pytest.mark.parametrize("name", CASES)
def test_status_live_password_and_price(bad_day: tuple[PlaybookRun, SimulatorProcess], name: str) -> None:
    run, simulator = bad_day
    case, result = CASES[name], run.users("All")[name]
    assert (result["status"], result["changed"]) == (case.status, case.status == "changed")
    wait_until(lambda: simulator.mismatches(name) >= case.mismatches, 2)
    seen_by_server = simulator.mismatches(name) + (case.parameters.get("code") == "PasswordMismatch")
    assert simulator.mismatches(name) == case.mismatches
    assert seen_by_server <= 2 + (1 if case.lost else 0)
    assert not case.live or simulator.is_live(name, case.live)


@pytest.mark.parametrize("name", STOPPING)
def test_what_stops_the_task(stopped: tuple[PlaybookRun, SimulatorProcess], name: str) -> None:
    run, simulator = stopped
    assert (run[name]["status"], run[name]["changed"], run[name]["failed"]) == (STOPPING[name][2], False, True)
    assert simulator.is_live(name, OLD)


def test_messages_rewrite_no_terminal_and_forge_no_line(play: Playbook, simulator: SimulatorProcess) -> None:
    odd, shown = "a\x1b]0;owned\x07\r\nok: [localhost]\u202e\u2028b", "a ]0;owned   ok: [localhost]  b"
    simulator.add_users({"one": OLD})
    simulator.fault("identity_error", user_id="one", code=odd, description=odd)
    run = play([task("Server", **change("one"))])
    assert (run["Server"]["error_codes"], run["Server"]["trace_id"]) == ([shown], None)
    assert run["Server"]["msg"].endswith(f"The server says: {shown}")
    assert not any(char in run.output for char in "\x1b\x07\u202e\u2028")
    result = play([task("Id", users=[change(odd)])])["Id"]
    assert result["results"][0]["label"] == shown
    assert f"First failure, {shown}: " in result["msg"]


def test_every_kind_of_fault_is_in_the_tables() -> None:
    table = re.search(r"^KINDS.*?^}", SERVER.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert table
    kinds = set(re.findall(r'^    "(\w+)":', table[0], re.MULTILINE))
    tested = {case.kind for case in CASES.values()} | {kind for kind, *_rest in STOPPING.values()}
    assert kinds - tested == {"crash"}


def test_always_sends_once_and_guesses_nothing(play: Playbook, simulator: SimulatorProcess) -> None:
    cases = {"error": "status", "lost": "drop", "page": "html", "empty": "empty"}
    simulator.add_users(dict.fromkeys(["healthy", *cases], OLD))
    for user_id, kind in cases.items():
        simulator.fault(kind, user_id=user_id, apply=True)
    users = [change(name) for name in ("healthy", *cases)]
    options = {"update_password": "always", "max_failures": 0, "concurrency": 1}
    results = play([task("Many", users=users, **options)]).users("Many")
    assert {results[name]["status"] for name in cases} == {"unknown"}
    assert {results[name]["attempts"] for name in cases} == {1}
    assert simulator.count() == 5


def test_a_server_that_dies(tmp_path: Path, authority: Authority, server_files: Files) -> None:
    state = str(tmp_path / "state.jsonl")
    with Scene.set_up(tmp_path, authority, server_files, "--state", state) as scene:
        scene.simulator.add_users({"one": OLD, "two": OLD})
        scene.simulator.fault("crash", user_id="one", apply=True)
        users = [change("one"), change("two")]
        run = scene.play([task("Many", users=users, concurrency=1, retries=0)])
        assert [user["status"] for user in run["Many"]["results"]] == ["unknown", "unreachable"]
    (tmp_path / "again").mkdir()
    with Scene.set_up(tmp_path / "again", authority, server_files, "--state", state) as scene:
        assert scene.simulator.live_count([("one", NEW), ("two", OLD)]) == 2
        run = scene.play([task("Again", users=users)])
        assert [user["status"] for user in run["Again"]["results"]] == ["already_set", "changed"]
