# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the store's disk and of the people around it: no request without a durable stage, no password lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.tests.faults.rig import (
    INITIAL,
    TASK,
    Rig,
    account,
    adds_up,
    await_death,
    opened,
    statuses,
)
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.playbook.playbook import PlaybookRun
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until


def failing(event: str, error: str, nth: int = 1) -> dict[str, Any]:
    return {"event": event, "nth": nth, "do": "fail", "errno": error}


def running(event: str, *command: str | Path, nth: int = 1) -> dict[str, Any]:
    return {"event": event, "nth": nth, "do": "run", "command": [str(word) for word in command]}


def faulty_result(rig: Rig, user: str, plan: dict[str, Any]) -> dict[str, Any]:
    """The result of the account after a run in which the disk or a person did something."""
    run = rig.rotate_with_fault([user], plan)
    assert " *" in (rig.folder / "trace").read_text(), "the fault did not occur"
    (rig.folder / "trace").unlink()
    assert adds_up(run[TASK])
    return account(run[TASK], user)


def change_answer(rig: Rig) -> int:
    """Which receipt is the answer to the first change of a password: what is read before is always the same."""
    rig.prepare("undisturbed")
    rig.rotate_with_fault(["undisturbed"], {})
    run = rig.rotate_with_fault(["undisturbed"], {"event": "nothing"}, force=True)
    assert run.code == 0
    trace = (rig.folder / "trace").read_text().splitlines()
    (rig.folder / "trace").unlink()
    return sum(line.endswith(" recv") for line in trace)


class TestStage:
    """A stage that is not durable: nothing is sent."""

    FAILURES = (
        ("create .tmp/{user}", "EACCES"),
        ("half of write .tmp/{user}", "ENOSPC"),
        ("fsync .tmp/{user}", "EIO"),
        ("replace .tmp/{user}", "EROFS"),
        ("write .locks/{user}", "ENOSPC"),
    )

    def test_an_error_of_the_disk(self, rig: Rig) -> None:
        users = rig.prepare(*(f"user-{index}" for index in range(len(self.FAILURES))))
        before = {user: rig.record(user) for user in users}
        for user, (event, error) in zip(users, self.FAILURES):
            result = faulty_result(rig, user, failing(event.format(user=user), error))
            assert (result["status"], result["attempts"]) == ("store_error", 0)
            assert rig.record(user) == before[user] or event.startswith("write .locks")
        assert rig.simulator.count() == 0
        assert set(statuses(rig.rotate(users)).values()) <= {"rotated", "resumed"}
        assert all(rig.is_ok(user) for user in users)
        assert not rig.simulator.report["mismatches"]

    def test_another_process_writes_first(self, rig: Rig) -> None:
        [user] = rig.prepare("written")
        file, other = rig.store / f"{user}.yml", encrypted_again(rig, user)
        result = faulty_result(rig, user, running(f"fsync .tmp/{user}", "cp", other, file))
        assert (result["status"], result["attempts"]) == ("busy", 0)
        assert file.read_bytes() == other.read_bytes()
        assert rig.simulator.count() == 0
        assert statuses(rig.rotate([user])) == {user: "rotated"}
        assert rig.is_ok(user)
        assert not rig.simulator.report["mismatches"]


@pytest.mark.parametrize(("nth", "attempts"), [(1, 0), (2, 1)], ids=["stage", "commit"])
def test_a_lock_file_that_is_deleted_during_the_run(rig: Rig, nth: int, attempts: int) -> None:
    """Another run could lock a new file of that name, and work on the account as well."""
    [user] = rig.prepare("unlocked")
    lock = rig.store / ".locks" / f"{user}.lock"
    result = faulty_result(rig, user, running(f"fsync .tmp/{user}", "rm", lock, nth=nth))
    assert (result["status"], result["attempts"]) == ("store_error", attempts)
    assert "was deleted or replaced during the run" in result["msg"]
    assert rig.simulator.count() == attempts
    assert rig.holds(user)
    assert statuses(rig.rotate([user])) == {user: "resumed" if attempts else "rotated"}
    assert rig.is_ok(user)


def encrypted_again(rig: Rig, user: str) -> Path:
    """The same record in another ciphertext, as an editor leaves it."""
    vault = VaultLib([("default", VaultSecret(b"the vault's own password"))])
    again = rig.folder / "again.yml"
    again.write_bytes(vault.encrypt(vault.decrypt((rig.store / f"{user}.yml").read_bytes())))
    return again


class TestCommit:
    """The password is changed, and the store fails: it is loud, and loses nothing."""

    def test_an_error_of_the_disk(self, rig: Rig) -> None:
        users = rig.prepare("full", "broken", "read-only")
        faults = zip(users, ("half of write .tmp/", "fsync .tmp/", "replace .tmp/"), ("ENOSPC", "EIO", "EROFS"))
        for user, event, error in faults:
            result = faulty_result(rig, user, failing(event + user, error, nth=2))
            assert (result["status"], result["changed"], result["attempts"]) == ("store_error", True, 1)
            assert rig.live(user) != INITIAL
            assert rig.holds(user)
        assert statuses(rig.rotate(users)) == dict.fromkeys(users, "resumed")
        assert all(rig.is_ok(user) for user in users)
        assert rig.simulator.report["mismatches"] == rig.mismatches_of_resuming(*users)

    def test_the_store_is_gone(self, rig: Rig) -> None:
        [user] = rig.prepare("gone")
        away = rig.folder / "away"
        result = faulty_result(rig, user, running("recv", "mv", rig.store, away, nth=change_answer(rig)))
        assert (result["status"], result["changed"]) == ("store_error", True)
        assert not (rig.store / f"{user}.yml").exists()
        if rig.store.exists():
            shutil.rmtree(rig.store)
        away.rename(rig.store)
        assert rig.holds(user)
        assert statuses(rig.rotate([user])) == {user: "resumed"}
        assert rig.is_ok(user)
        assert rig.simulator.report["mismatches"] == rig.mismatches_of_resuming(user)

    def test_the_file_is_replaced_before_the_commit(self, rig: Rig) -> None:
        """Another process writes a version with a password that no other file holds: both are kept."""
        [user] = rig.prepare("replaced")
        foreign = rig.record(user)
        rig.put(replace(foreign, generation=2, current=replace(foreign.current, password="foreign-1")))
        other = encrypted_again(rig, user)
        rig.put(replace(foreign, generation=3))
        file = rig.store / f"{user}.yml"
        result = faulty_result(rig, user, running("recv", "cp", other, file, nth=change_answer(rig)))
        assert (result["status"], result["changed"]) == ("store_conflict", True)
        assert rig.record(user).current.password == rig.live(user)
        assert "foreign-1" in possibly_live(rig.record(user))
        assert opened(rig.store / f"{user}.yml.conflict-1").current.password == "foreign-1"
        assert statuses(rig.rotate([user])) == {user: "fresh"}
        assert rig.is_ok(user)
        assert not rig.simulator.report["mismatches"]


class TestDamage:
    """A record that cannot be used stops the run before any request."""

    DAMAGES = ("deleted", "truncated", "empty", "another vault password", "killed rekey")

    def test_stops_and_names_the_copy(self, rig: Rig, tmp_path: Path) -> None:
        stores = {name: tmp_path / f"store-{number}" for number, name in enumerate(self.DAMAGES)}
        rig.simulator.add_users({"good": INITIAL, **dict.fromkeys(self._users(), INITIAL)})
        files = {name: self._seeded(rig, name, store) for name, store in stores.items()}
        originals = {name: file.read_bytes() for name, file in files.items()}
        for name, file in files.items():
            damage(name, file)
        run = self._run(rig, stores)
        for name, file in files.items():
            assert run[name]["failed"]
            assert str(file.parent / ".prev" / file.name) in run[name]["msg"]
        assert rig.simulator.total == 0
        for name, file in files.items():
            file.write_bytes(originals[name])
        run = self._run(rig, stores)
        assert [statuses(run[name])[user] for name, user in zip(self.DAMAGES, self._users())] == ["rotated"] * 5
        assert not rig.simulator.report["mismatches"]

    def _users(self) -> list[str]:
        return [f"user-{number}" for number in range(len(self.DAMAGES))]

    def _seeded(self, rig: Rig, name: str, store: Path) -> Path:
        """A store with two accounts, each of which was written twice."""
        rig.store = store
        user = self._users()[self.DAMAGES.index(name)]
        rig.seed("good", user)
        rig.put(replace(rig.record(user), generation=2))
        return store / f"{user}.yml"

    def _run(self, rig: Rig, stores: dict[str, Path]) -> PlaybookRun:
        tasks = []
        for (name, store), user in zip(stores.items(), self._users()):
            rig.store = store
            tasks.append(rig.task([user] if name != "deleted" else ["good", user], name))
        return rig.play(tasks)


def damage(name: str, file: Path) -> None:
    content = file.read_bytes()
    other = VaultLib([("default", VaultSecret(b"another password"))])
    if name == "deleted":
        file.unlink()
    elif name == "another vault password":
        file.write_bytes(other.encrypt(b"schema: 1"))
    elif name == "killed rekey":
        again = other.encrypt(b"schema: 1")
        file.write_bytes(again[: len(again) // 2])
    else:
        file.write_bytes(content[: len(content) // 2] if name == "truncated" else b"")


@pytest.mark.parametrize("rotations", [1, 2])
def test_a_record_from_an_old_backup_is_not_used(rig: Rig, rotations: int) -> None:
    [user] = rig.prepare("restored")
    file = rig.store / f"{user}.yml"
    backup = file.read_bytes()
    rig.play([rig.task([user], f"rotation {number}", force=True) for number in range(rotations)])
    file.write_bytes(backup)
    calls = rig.simulator.count()
    result = rig.rotate([user])
    assert statuses(result) == {user: "store_error"}
    assert "older than the last one written" in result["accounts"][0]["msg"]
    assert rig.simulator.count() == calls
    assert rig.holds(user)
    run = rig.play([rig.task([user], "closed"), rig.task([user], "opened", state="resumed", force=True)])
    assert statuses(run["closed"]) == {user: "out_of_sync"}
    assert statuses(run["opened"]) == {user: "resumed"}
    assert rig.is_ok(user)
    assert rig.simulator.mismatches(user) <= 2


SLOW_CONSUMER = {"name": "Consumer", "ansible.builtin.command": "sleep 60"}


@pytest.mark.matrix
class TestConsumers:
    """Killed after the commit: the consumers are told by the next run, which rotates nothing."""

    def test_before_their_tasks(self, rig: Rig) -> None:
        [user] = rig.prepare("before")
        plan = {"event": f"unlock .locks/{user}", "do": "kill", "victims": "tree", "signal": "SIGKILL"}
        with rig.start([user], plan, consumers=True) as running:
            await_death(running)
        self._tell(rig, user)

    def test_inside_their_tasks(self, rig: Rig) -> None:
        [user] = rig.prepare("inside")
        with rig.play.started([rig.task([user], consumers=True), SLOW_CONSUMER]) as running:
            assert wait_for_text(running.folder / "stdout", "TASK [Consumer]")
            running.destroy()
            await_death(running)
        self._tell(rig, user)

    def _tell(self, rig: Rig, user: str) -> None:
        assert rig.is_ok(user)
        assert not rig.record(user).delivered
        steps: dict[str, dict[str, Any]] = {
            "again": {"consumers": True},
            "told": {"state": "delivered"},
            "last": {"consumers": True},
        }
        run = rig.play([rig.task([user], name, **options) for name, options in steps.items()])
        assert [account(run[name], user)["status"] for name in steps] == ["fresh", "delivered", "fresh"]
        assert [account(run[name], user)["delivery_due"] for name in steps] == [True, False, False]
        assert rig.simulator.count() == 1


def wait_for_text(path: Path, text: str) -> bool:
    return wait_until(lambda: text in path.read_text(), 30)
