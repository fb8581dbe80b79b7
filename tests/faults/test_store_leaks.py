# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No password can be read in the store or in anything that a rotation prints, and a full disk loses none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.tests.faults.rig import INITIAL, TASK, Rig, account, statuses, stored_passwords
from ansible_collections.rpaops.uipath.tests.playbook.leaks import awkward, leaks, spellings, watched_run
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun

STATUSES = {
    "rotated": "rotated",
    "lost": "rotated",
    "short": "policy_rejected",
    "problem": "refused",
    "quoting": "refused",
    "in a code": "refused",
    "locked": "quarantined",
    "wrong": "out_of_sync",
    "silent": "in_doubt",
}
# Of what is sent, after the token's head and body, the policy's head, and its own head.
BODY_OF_THE_CHANGE = 5
LOOKUP = "lookup('rpaops.uipath.uipath_password', '{name}', store={{'path': store_path}})"


def initial(name: str) -> str:
    return awkward(f"initial{name.replace(' ', '')}qz")


def prepare(rig: Rig) -> None:
    simulator = rig.simulator
    simulator.add_users({name: initial(name) for name in STATUSES if name != "wrong"})
    simulator.add_users({"wrong": awkward("someelsesqz")})
    rig.seed("earlier", age=1)  # in a new store, the wrong password would end the run
    simulator.fault("drop", user_id="lost", apply=True)
    simulator.fault("drop", user_id="silent", times=None)
    simulator.fault("identity_error", user_id="short", code="PasswordTooShort", description="Short.", times=None)
    simulator.fault("problem", user_id="problem", times=None)
    simulator.fault("quoting_result", user_id="quoting", times=None)
    quoted = " | ".join(sorted(spellings(initial("in a code")) - {"initialinacodeqz"}))
    simulator.fault("identity_error", user_id="in a code", code=quoted, description="In the code.", times=None)
    simulator.fault("identity_error", user_id="locked", code="UserLockedOut", times=None)


def tasks(rig: Rig) -> list[dict[str, Any]]:
    """Two rotations, and the lookup where it returns a password and where it fails."""
    accounts = [{"user_id": name, "initial_password": f"{{{{ vault_initial['{name}'] }}}}"} for name in STATUSES]
    reading = {"vars": {"store_path": str(rig.store)}, "ignore_errors": True}
    return [
        rig.task(accounts, max_failures=0),
        rig.task(accounts, "Again", max_failures=0, force=True),
        {"name": "Read", "ansible.builtin.assert": {"that": LOOKUP.format(name="rotated") + " | length == 24"}}
        | reading,
        {"name": "Doubt", "ansible.builtin.debug": {"msg": "{{ " + LOOKUP.format(name="wrong") + " }}"}} | reading,
    ]


def files_of_the_store(rig: Rig) -> list[Path]:
    return [path for path in rig.store.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, PlaybookRun]]:
    """Every outcome in one play at the highest verbosity, and before it a run that left a file behind."""
    with Rig(tmp_path_factory.mktemp("loud"), users=["cut"]) as rig:
        plan = {"event": "replace .tmp/cut", "do": "kill", "victims": "tree", "signal": "SIGKILL"}
        rig.rotate_with_fault(["cut"], plan)
        prepare(rig)
        secrets = {name: initial(name) for name in STATUSES}
        yield rig, watched_run(rig.play, tasks(rig), "-vvvv", "--diff", vault_initial=secrets)


@pytest.mark.matrix
class TestLeaks:
    def test_the_outcomes_are_what_they_are_meant_to_be(self, loud: tuple[Rig, PlaybookRun]) -> None:
        rig, run = loud
        assert statuses(run[TASK]) == STATUSES
        assert not run["Read"]["failed"]
        assert run["Doubt"]["failed"]
        assert "out_of_sync" in str(run["Doubt"]["msg"])
        assert {str(path.parent.relative_to(rig.store)) for path in files_of_the_store(rig)} == {
            ".",
            ".locks",
            ".prev",
            ".tmp",
        }

    def test_no_password_can_be_read_anywhere(self, loud: tuple[Rig, PlaybookRun]) -> None:
        rig, run = loud
        secrets = stored_passwords(rig.store) | {initial(name) for name in STATUSES}
        assert len(secrets) > 2 * len(STATUSES)
        assert leaks(run, secrets, rig.simulator.log, *files_of_the_store(rig)) == set()

    def test_the_store_is_for_its_owner_alone(self, loud: tuple[Rig, PlaybookRun]) -> None:
        rig, _run = loud
        for path in [rig.store, *rig.store.rglob("*")]:
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)

    def test_the_search_finds_what_is_planted(self, loud: tuple[Rig, PlaybookRun], tmp_path: Path) -> None:
        rig, run = loud
        secret = rig.live("rotated")
        (tmp_path / "planted").write_text(f"x{secret}x")
        assert leaks(run, [secret], tmp_path / "planted") == {("planted", secret)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k,mode=0700", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def rig(rig: Rig, small_disk: Path) -> Rig:
    rig.store = small_disk / "store"
    rig.prepare("user")
    return rig


def fill(disk: Path) -> str:
    return f"dd if=/dev/zero of={disk}/filler bs=1k 2>/dev/null || true"


class TestFullDisk:
    def test_before_the_stage_nothing_is_sent(self, rig: Rig, small_disk: Path) -> None:
        subprocess.run(["sh", "-c", fill(small_disk)], check=True)
        for _run in range(2):
            result = account(rig.rotate(["user"]), "user")
            assert (result["status"], result["attempts"]) == ("store_error", 0)
            assert "No space left" in result["msg"]
        assert rig.simulator.count() == 0
        assert rig.is_ok("user")
        self._free(rig, small_disk, "rotated")
        assert rig.simulator.mismatches("user") == 0

    def test_before_the_commit_the_live_password_is_in_the_stage(self, rig: Rig, small_disk: Path) -> None:
        plan = {
            "event": "half of send",
            "nth": BODY_OF_THE_CHANGE,
            "do": "run",
            "command": ["sh", "-c", fill(small_disk)],
        }
        result = account(rig.rotate_with_fault(["user"], plan)[TASK], "user")
        assert (result["status"], result["changed"]) == ("store_error", True)
        assert rig.live("user") != INITIAL
        assert rig.holds("user")
        self._free(rig, small_disk, "resumed")
        assert rig.simulator.mismatches("user") <= 1

    def _free(self, rig: Rig, small_disk: Path, status: str) -> None:
        (small_disk / "filler").unlink()
        assert statuses(rig.rotate(["user"])) == {"user": status}
        assert rig.is_ok("user")
