# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret can be read anywhere, at the highest verbosity and in every outcome.

Where ansible-core itself shows secrets whatever a module does, the tests record on which versions, and that `no_log`
on the task helps.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.certificates import LOOPBACK
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, spellings, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import CORE, PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.scene import Scene, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, SimulatorProcess

CLIENT_SECRET, WRONG_SECRET = awkward("clientsecretqz"), awkward("wrongsecretqz")
ACCESS_TOKEN = "accesstokenqz+/\"'\\%41<&>{{x}}=="
PROXY_USER, PROXY_PASSWORD = "proxyuserqz", "proxypasswordqz\"'\\%41+&/ä"
PROXY_SECRETS = (f"{PROXY_USER}:{PROXY_PASSWORD}", PROXY_PASSWORD)

pytestmark = pytest.mark.matrix

REPEATED = "The new password was in effect before."


def old(name: str) -> str:
    return awkward(f"old{name.replace(' ', '')}qz")


def new(name: str) -> str:
    return awkward(f"new{name.replace(' ', '')}qz")


# The users of one task, and those of tasks that they stop.
MANY = {
    "changed": "changed",
    "already set": "already_set",
    "wrong": "wrong_password",
    "short": "policy_rejected",
    "refused": "refused",
    "missing": "not_found",
    "lost": "unknown",
    "problem": "refused",
    "quoting": "refused",
    "quoting in a 200": "refused",
    "quoting code": "refused",
}
ALONE = {
    "one changed": "changed",
    "one problem": "refused",
    "one quoting": "refused",
    "one wrong": "wrong_password",
    "one lost": "unknown",
    "wrong client": "unauthorized",
    "forbidden token": "unauthorized",
    "quoted token": "unauthorized",
    "throttled": "throttled",
    "wrong URL": "wrong_url",
    "proxied": "unreachable",
}
SHORT = "Shrtqz"  # shorter than the policy wants


def passwords(name: str) -> dict[str, str]:
    return {"old_password": old(name), "new_password": SHORT if name == "short" else new(name)}


def all_passwords() -> list[str]:
    return [secret for name in (*MANY, *ALONE) for secret in (old(name), new(name))]


def all_secrets() -> list[str]:
    return [*all_passwords(), SHORT, CLIENT_SECRET, WRONG_SECRET, ACCESS_TOKEN, *PROXY_SECRETS]


def quoted(secret: str) -> str:
    """Every spelling of a secret in one message, as the worst of servers would send it."""
    return "Not accepted: " + " | ".join(sorted(spellings(secret) - set(secret.split()[:1])))


def prepare(simulator: SimulatorProcess) -> None:
    simulator.configure(clients={CLIENT_ID: {"secret": CLIENT_SECRET, "scopes": ["PM.User"], "administrator": True}})
    simulator.configure(static_tokens={ACCESS_TOKEN: {"scopes": ["PM.User"]}})
    simulator.add_users({name: old(name) for name in (*MANY, *ALONE) if name not in ("missing", "wrong", "one wrong")})
    simulator.add_users({"already set": new("already set"), "wrong": "else-1234", "one wrong": "else-1234"})
    for name in ("problem", "one problem"):
        simulator.fault("problem", user_id=name)
    for name in ("quoting", "one quoting"):
        simulator.fault("quoting_result", user_id=name)
    for name in ("lost", "one lost"):
        simulator.fault("drop", user_id=name, times=None)
    simulator.fault("identity_error", user_id="refused", code="New", description=quoted(new("refused")))
    simulator.fault("quoting_result", user_id="quoting in a 200", status=200)
    code = quoted(new("quoting code"))
    simulator.fault("identity_error", user_id="quoting code", code=code, description="In the code.")
    simulator.fault("forbidden", user_id="forbidden token")
    answer = {"error": {"code": quoted(ACCESS_TOKEN), "message": quoted(ACCESS_TOKEN)}}
    simulator.fault("custom", user_id="quoted token", status=403, json=answer)
    simulator.fault("too_many_requests", user_id="throttled", retry_after=301)


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """A proxy that refuses, and quotes the credentials it got."""
    with socket.create_server((LOOPBACK, 0)) as server:
        threading.Thread(target=refuse_all, args=(server,), daemon=True).start()
        credentials = f"{quote(PROXY_USER, safe='')}:{quote(PROXY_PASSWORD, safe='')}"
        yield f"http://{credentials}@{LOOPBACK}:{server.getsockname()[1]}"


def refuse_all(server: socket.socket) -> None:
    while True:
        try:
            connection, _address = server.accept()
        except OSError:
            return
        with connection:
            head = connection.recv(65536).decode("latin-1")
            given = [line for line in head.splitlines() if line.lower().startswith("proxy-authorization")]
            said = f"{given} {quoted(PROXY_SECRETS[0])}".encode("ascii", "replace").decode()
            connection.sendall(f"HTTP/1.1 407 {said}\r\nContent-Length: 0\r\n\r\n".encode("ascii"))


def tasks_alone(simulator: SimulatorProcess, proxy: str) -> list[dict[str, Any]]:
    token = {"access_token": "{{ vault_access_token }}", "client_id": "{{ omit }}", "client_secret": "{{ omit }}"}
    special: dict[str, dict[str, Any]] = {
        "wrong client": {"client_secret": "{{ vault_wrong_secret }}"},
        "forbidden token": token,
        "quoted token": token,
        "wrong URL": {"identity_url": f"{simulator.origin}/nowhere/identity"},
        "proxied": {"proxy": "{{ vault_proxy }}", "retries": 0},
    }
    return [task(name, **from_vault(name), **special.get(name, {})) for name in ALONE]


def from_vault(name: str) -> dict[str, str]:
    return {
        "user_id": name,
        "old_password": f"{{{{ vault_passwords['{name}'].old_password }}}}",
        "new_password": f"{{{{ vault_passwords['{name}'].new_password }}}}",
    }


@pytest.fixture(scope="module")
def vault(proxy: str) -> dict[str, Any]:
    return {
        "vault_passwords": {name: passwords(name) for name in (*MANY, *ALONE)},
        "vault_client_secret": CLIENT_SECRET,
        "vault_wrong_secret": WRONG_SECRET,
        "vault_access_token": ACCESS_TOKEN,
        "vault_proxy": proxy,
    }


@pytest.fixture(scope="module")
def loud(shared_scene: Scene, vault: dict[str, Any], proxy: str) -> PlaybookRun:
    """Every outcome in one play at the highest verbosity."""
    prepare(shared_scene.simulator)
    shared_scene.play.defaults["client_secret"] = "{{ vault_client_secret }}"
    many = task("Many", users=[from_vault(name) for name in MANY], max_failures=0, concurrency=1)
    tasks = [many, *tasks_alone(shared_scene.simulator, proxy)]
    return watched_run(shared_scene.play, tasks, "-vvvv", "--diff", **vault)


class TestOutcomes:
    def test_are_what_they_are_meant_to_be(self, loud: PlaybookRun) -> None:
        assert {name: result["status"] for name, result in loud.users("Many").items()} == MANY
        assert {name: loud[name]["status"] for name in ALONE} == ALONE

    def test_nothing_leaks(self, loud: PlaybookRun, shared_scene: Scene) -> None:
        assert leaks(loud, all_secrets(), shared_scene.simulator.log) == set()

    def test_the_words_around_the_secrets_reach_the_user(self, loud: PlaybookRun) -> None:
        assert "Not acceptable: ********" in loud["one quoting"]["msg"]
        assert "The JSON value could not be converted" in loud["one problem"]["msg"]
        assert "Not accepted: ********" in loud["quoted token"]["msg"]
        assert loud["one problem"]["trace_id"]

    def test_the_module_ran_at_the_highest_verbosity(self, loud: PlaybookRun) -> None:
        assert '"invocation"' in loud.stdout
        assert "EXEC" in loud.stdout
        assert loud["one changed"]["invocation"]["module_args"]["old_password"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

    def test_nothing_is_left_in_the_temporary_folders(self, loud: PlaybookRun) -> None:
        assert [
            path for name in ("tmp", "remote", "local") for path in (loud.folder / name).rglob("*") if path.is_file()
        ] == []


MISTAKES = ("text", "list of texts", "dictionary", "in a dictionary", "mistyped", "incomplete", "both ways", "unknown")
SECRET = "{{ vault_passwords['one changed'].new_password }}"


@pytest.fixture(scope="module")
def mistaken(shared_scene: Scene, vault: dict[str, Any], loud: PlaybookRun) -> PlaybookRun:
    """Mistakes in a playbook that put a secret where none is expected."""
    one = {"user_id": "one", "old_password": SECRET}
    options: dict[str, dict[str, Any]] = {
        "text": {"users": SECRET},
        "list of texts": {"users": [SECRET]},
        "dictionary": {"users": "{{ vault_passwords['one changed'] }}"},
        "in a dictionary": {"user_id": "one", "old_password": {"value": SECRET}, "new_password": [SECRET]},
        "mistyped": {"users": [{**one, "new_pasword": SECRET}]},
        "incomplete": {"users": [{"old_password": SECRET}]},
        "both ways": {"users": [one], **one},
        "unknown": {"users": [{**one, SECRET: "value"}]},
    }
    return watched_run(shared_scene.play, [task(name, **options[name]) for name in MISTAKES], "-vvvv", **vault)


class TestMistakes:
    @pytest.mark.parametrize("name", MISTAKES)
    def test_fails_without_a_traceback(self, mistaken: PlaybookRun, name: str) -> None:
        assert mistaken[name]["failed"]
        assert "Traceback" not in json.dumps(mistaken[name])

    def test_nothing_leaks(self, mistaken: PlaybookRun) -> None:
        assert leaks(mistaken, all_secrets()) == set()


MISTYPED = """
- name: Mistyped
  rpaops.uipath.uipath_user_password:
    user_id: one
    old_password: "{{ vault_passwords['one changed'].old_password }}"
    new_pasword: "{{ vault_passwords['one changed'].new_password }}"
  ignore_errors: true
"""
LOOP = """
- name: Loop
  rpaops.uipath.uipath_user_password:
    user_id: "{{ item.key }}"
    old_password: "{{ item.value.old_password }}"
    new_password: "{{ item.value.new_password }}"
  loop: "{{ vault_few | dict2items }}"
  loop_control:
    label: "{{ item.key }}"
  ignore_errors: true
"""
HIDDEN = "  no_log: true\n"


@pytest.fixture(scope="module")
def few(vault: dict[str, Any]) -> dict[str, Any]:
    return {**vault, "vault_few": {name: passwords(name) for name in ("one changed", "one problem", "one quoting")}}


def test_a_mistyped_option_is_hidden_where_ansible_core_would_show_it(
    shared_scene: Scene, loud: PlaybookRun, few: dict[str, Any]
) -> None:
    """Up to 2.20, ansible-core returns the value of an option that it does not know; this module hides it."""
    run = watched_run(shared_scene.play, MISTYPED, "-vvvv", **few)
    assert "new_pasword" in run["Mistyped"]["msg"]
    assert leaks(run, all_secrets()) == set()


def test_a_loop_shows_its_items_up_to_2_21(shared_scene: Scene, loud: PlaybookRun, few: dict[str, Any]) -> None:
    """Whatever the module does; that is why it takes a list of users."""
    run = shared_scene.play(LOOP, "-v", warnings=[REPEATED], **few)
    shown = {place for place, _secret in leaks(run, all_secrets())}
    assert shown == ({"stdout", "ansible.log", "results.json"} if CORE <= (2, 21) else set())


def test_no_log_on_the_task_hides_loops_and_mistyped_options(
    shared_scene: Scene, loud: PlaybookRun, few: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # ansible-core before 2.19 hides the warnings of such a task as well.
    monkeypatch.setattr(shared_scene.play, "allowed_warnings", (REPEATED,))
    run = watched_run(shared_scene.play, MISTYPED + HIDDEN + LOOP + HIDDEN, "-vvvv", **few)
    assert leaks(run, all_secrets()) == set()


class TestSearch:
    """The search itself: it finds what is planted."""

    @pytest.mark.parametrize("spelling", sorted(spellings(old("changed"))))
    def test_finds_every_spelling(self, tmp_path: Path, spelling: str) -> None:
        for number, form in enumerate((spelling, spelling.upper(), f"a{spelling}b")):
            run = PlaybookRun(0, "", "", tmp_path / str(number), 0, [])
            (run.folder / "tmp").mkdir(parents=True)
            (run.folder / "tmp/planted").write_text(f"before {form} behind", encoding="utf-8")
            assert leaks(run, [old("changed")]) == {("planted", old("changed"))}

    def test_leaves_out_what_the_run_was_given(self, tmp_path: Path) -> None:
        (tmp_path / "input").mkdir()
        (tmp_path / "input/vault.yml").write_text(old("changed"), encoding="utf-8")
        assert leaks(PlaybookRun(0, "", "", tmp_path, 0, []), [old("changed")]) == set()
