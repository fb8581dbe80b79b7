# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The procedures of docs/rotation.md and docs/operating.md, each after a kill at every side effect of a rotation.

A kill may leave a record, its second copy and the generation in its lock file at different writes. Whichever it was, a
procedure loses no live password, and the runs that the guide names end well.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import as_json
from ansible_collections.rpaops.uipath.tests.faults.driver import awaited, forked
from ansible_collections.rpaops.uipath.tests.faults.rig import INITIAL, VAULT, Rig, opened, statuses
from ansible_collections.rpaops.uipath.tests.faults.test_kills import KilledRotations, user_of
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.sampling import Report, Sample

Procedure = Callable[[Rig, str], None]
# What the run after the procedure may say, and after what the guide says to try the passwords in the record.
WELL = {"rotated", "resumed", "fresh"}
REPAIRED_BY_RESUMING = {"store_error", "out_of_sync"}


def record_file(rig: Rig, user: str) -> Path:
    return rig.store / f"{user}.yml"


def second_copy(rig: Rig, user: str) -> Path:
    return rig.store / ".prev" / f"{user}.yml"


def restore_the_copy(rig: Rig, user: str) -> None:
    shutil.copy(second_copy(rig, user), record_file(rig, user))


def delete(rig: Rig, user: str) -> None:
    record_file(rig, user).unlink()
    restore_the_copy(rig, user)


def truncate(rig: Rig, user: str) -> None:
    content = record_file(rig, user).read_bytes()
    record_file(rig, user).write_bytes(content[: len(content) // 2])
    restore_the_copy(rig, user)


def encrypt_again(path: Path) -> None:
    path.write_bytes(VAULT.encrypt(as_json(opened(path)), secret=VAULT.secrets[0][1]))


def rekey(rig: Rig, user: str) -> None:
    encrypt_again(record_file(rig, user))
    encrypt_again(second_copy(rig, user))


def rekey_and_be_killed(rig: Rig, user: str) -> None:
    delete(rig, user)
    rekey(rig, user)


def lose_the_copy(rig: Rig, user: str) -> None:
    second_copy(rig, user).unlink()


def restore_a_backup(rig: Rig, user: str) -> None:
    shutil.copy(rig.folder / f"{user}.backup", record_file(rig, user))


def edit(rig: Rig, user: str) -> None:
    record = rig.record(user)
    edited = replace(record, generation=record.generation + 1, account=replace(record.account, name=f"label {user}"))
    record_file(rig, user).write_bytes(VAULT.encrypt(as_json(edited), secret=VAULT.secrets[0][1]))


def nothing(rig: Rig, user: str) -> None:
    """Only the options of the next run differ."""


def move(rig: Rig) -> None:
    """Another controller used the directory before it was copied to this one."""
    binding = rig.store / "store.json"
    binding.write_text(binding.read_text().replace('"controller": "', '"controller": "another-'))
    shutil.copytree(rig.store, rig.folder / "moved")
    shutil.rmtree(rig.store)
    rig.store = rig.folder / "moved"
    rig.store_options = {"any_controller": True}


def rebind(rig: Rig) -> None:
    former = rig.simulator.identity_url
    rig.play.defaults["identity_url"] = former.replace("127.0.0.1", "localhost")
    rig.store_options = {"rebind_from": former}


def rotated(rig: Rig, users: list[str], **task: Any) -> dict[str, str]:
    """How the accounts end in a rotation in a forked process."""
    result = rig.folder / "result"
    assert awaited([forked(rig, users, {}, result, max_failures=0, **task)]) == [0]
    return statuses(json.loads(result.read_text()))


def left_by_kills(rig: Rig, sample: Sample) -> list[str]:
    """Accounts whose rotation was killed, each at another side effect. There is a backup from before that."""

    def prepare(number: int) -> list[str]:
        user = user_of(number)
        rig.simulator.add_users({user: INITIAL})
        rig.seed(user)
        rig.put(replace(rig.record(user), generation=2))
        shutil.copy(record_file(rig, user), rig.folder / f"{user}.backup")
        return [user]

    return [user for kill in KilledRotations(rig, prepare).run(sample) for user in kill.states]


def is_held(rig: Rig, user: str, live: str) -> bool:
    """Whether the live password is in the record or, until a run has noticed an old record, in the second copy."""
    files = (record_file(rig, user), second_copy(rig, user))
    return any(live in possibly_live(opened(file)) for file in files if file.exists())


def end_well(rig: Rig, users: list[str]) -> dict[str, str]:
    """Do what the guide says after a procedure. No password is lost on the way."""
    lives = rig.lives()
    assert [user for user in users if not is_held(rig, user, lives[user])] == []
    first = rotated(rig, users)
    lives = rig.lives()
    assert [user for user in users if lives[user] not in possibly_live(rig.record(user))] == []
    assert set(first.values()) <= WELL | REPAIRED_BY_RESUMING
    repaired = [user for user in users if first[user] in REPAIRED_BY_RESUMING]
    if repaired:
        assert set(rotated(rig, repaired, state="resumed", force=True).values()) == {"resumed"}
    assert [user for user in users if not rig.is_ok(user)] == []
    assert max(rig.simulator.report["mismatches"].values(), default=0) <= 2
    return first


@pytest.mark.parametrize(
    ("procedure", "closes"),
    [
        (delete, False),
        (truncate, False),
        (rekey, False),
        (rekey_and_be_killed, False),
        (lose_the_copy, False),
        (restore_a_backup, True),
        (edit, False),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_in_the_files_of_an_account(
    tmp_path: Path, order: str, sample: Sample, report: Report, procedure: Procedure, closes: bool
) -> None:
    """Only a record that is older than the last write closes its account."""
    with Rig(tmp_path, order) as rig:
        users = left_by_kills(rig, sample)
        for user in users:
            procedure(rig, user)
        first = end_well(rig, users)
        repaired = [user for user in users if first[user] in REPAIRED_BY_RESUMING]
    assert bool(repaired) == closes
    report(f"{len(users)} kills, {len(repaired)} accounts closed by the next run")


@pytest.mark.parametrize("procedure", [move, rebind], ids=lambda value: value.__name__)
def test_with_the_directory(tmp_path: Path, order: str, sample: Sample, procedure: Callable[[Rig], None]) -> None:
    with Rig(tmp_path, order) as rig:
        users = left_by_kills(rig, sample)
        procedure(rig)
        assert set(end_well(rig, users).values()) <= WELL


@pytest.mark.parametrize("task", [{"state": "resumed"}, {"state": "resumed", "force": True}], ids=["resume", "force"])
def test_resume(tmp_path: Path, order: str, sample: Sample, task: dict[str, Any]) -> None:
    with Rig(tmp_path, order) as rig:
        users = left_by_kills(rig, sample)
        assert set(rotated(rig, users, **task).values()) <= {"resumed", "fresh"}
        assert set(end_well(rig, users).values()) <= WELL


def test_adopt(tmp_path: Path, order: str, sample: Sample) -> None:
    """It leaves open accounts alone. So does the guide, which has the next run without a state come first."""
    with Rig(tmp_path, order) as rig:
        users = left_by_kills(rig, sample)
        before = {user: rig.record(user) for user in users}
        rotated(rig, users, state="adopted")
        assert {user: rig.record(user) for user in users} == before
        assert set(end_well(rig, users).values()) <= WELL
