# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/rotation.md and docs/operating.md tell a person to do, done word for word."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Orphan, Pending, Record
from ansible_collections.rpaops.uipath.tests.faults.rig import (
    INITIAL,
    NEXT_VAULT_PASSWORD,
    VAULT,
    Rig,
    account,
    await_death,
    one_order,
    opened,
    statuses,
)
from ansible_collections.rpaops.uipath.tests.model.rules import possibly_live
from ansible_collections.rpaops.uipath.tests.playbook import playbook

GUIDE = "".join((playbook.ROOT / "docs" / name).read_text() for name in ("rotation.md", "operating.md"))
TIME = "2026-01-01T00:00:00+00:00"
RESET = "reset-1"


@pytest.fixture
def rig(rig: Rig) -> Rig:
    """With the store where the guide has it."""
    rig.store = rig.folder / "home" / "uipath-passwords"
    (rig.folder / "vault_password").write_text(playbook.VAULT_PASSWORD)
    (rig.folder / "next_vault_password").write_text(NEXT_VAULT_PASSWORD)
    return rig


def guide_commands(word: str) -> str:
    """The guide's block of commands with this word in it."""
    [block] = [block for block in re.findall(r"```shell\n(.*?)```", GUIDE, re.DOTALL) if word in block]
    return str(block)


def guide_arguments(word: str, user: str) -> list[str]:
    """The arguments of ansible-playbook in that block, for another account."""
    [_program, _playbook, *arguments] = shlex.split(guide_commands(word).replace("\\\n", " "))
    return [argument.replace("svc-invoices", user) for argument in arguments]


def shell(rig: Rig, command: str, warnings: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a terminal of the user whose store it is, and whose own programs come before the system's."""
    known = {
        "PATH": f"{rig.store.parent}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(rig.store.parent),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(rig.folder / "vault_password"),
    }
    finished = subprocess.run(
        ["bash", "-ec", command], env=known | environment, capture_output=True, text=True, check=False, timeout=60
    )
    playbook.demand_warnings(finished.stderr, warnings)
    return finished


def done(rig: Rig, command: str, **environment: str) -> str:
    finished = shell(rig, command, **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def rotated_once(rig: Rig, *users: str) -> list[str]:
    """Accounts that have a predecessor in the store, and are due again with `force`."""
    rig.prepare(*users)
    assert set(statuses(rig.rotate(users)).values()) == {"rotated"}
    return list(users)


def all_ok(rig: Rig, users: list[str]) -> bool:
    return all(rig.is_ok(user) for user in users)


def role(rig: Rig, users: list[str], *arguments: str) -> dict[str, str]:
    """How the accounts end in a run of the role with these arguments of the command line."""
    variables = {
        "rotate_passwords_accounts": [{"user_id": user} for user in users],
        "rotate_passwords_store": {"path": str(rig.store)},
        "rotate_passwords_connection": rig.play.defaults,
        "rotate_passwords_settle_seconds": 0.1,
        "rotate_passwords_no_log": False,
    }
    include = {"name": "rpaops.uipath.rotate_passwords"}
    run = rig.play([{"name": "Role", "ansible.builtin.include_role": include, "vars": variables}], *arguments)
    [event] = [event for event in run.events if event["task"].endswith("Rotate the passwords that are due")]
    return statuses(event["result"])


@one_order
class TestVaultPassword:
    """Change the vault password."""

    @pytest.fixture
    def next_password(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Call it, and every run gets the new vault password from then on."""
        return lambda: monkeypatch.setattr(playbook, "VAULT_PASSWORD", NEXT_VAULT_PASSWORD)

    def test_all_files_at_once(self, rig: Rig, next_password: Any) -> None:
        users = rotated_once(rig, "user-1", "user-2")
        done(rig, self._rekey(rig))
        assert self._with_the_next(rig) == {"user-1.yml", "user-2.yml", ".prev/user-1.yml", ".prev/user-2.yml"}
        next_password()
        assert statuses(rig.rotate(users, force=True)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)
        assert not rig.simulator.report["mismatches"]

    # What shred(1), which ansible-vault calls, has done by then, and what is left of the file.
    @pytest.mark.parametrize("killed", ["while it overwrites", "after it has deleted"])
    def test_killed_in_the_middle(self, rig: Rig, next_password: Any, killed: str) -> None:
        users = rotated_once(rig, "user-1", "user-2", "user-3")
        self._deadly_shred(rig, "user-2.yml", killed)
        assert shell(rig, self._rekey(rig)).returncode
        assert self._with_the_next(rig) == {"user-1.yml"}
        assert (rig.store / "user-2.yml").exists() == (killed == "while it overwrites")
        next_password()
        if killed == "while it overwrites":
            self._leaves_out(rig, users, "user-2", "user-3")
        else:
            self._stops_at(rig, users, "user-2")

        done(rig, guide_commands("cp ~/uipath-passwords/.prev").replace("ID", "user-2"))
        texts = {"old.txt": "vault_password", "new.txt": "next_vault_password"}
        command = guide_commands("old.txt")
        for text, file in texts.items():
            command = command.replace(text, str(rig.folder / file))
        done(rig, f"cd ~/uipath-passwords && {command}")
        assert statuses(rig.rotate(users, force=True)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)
        assert not rig.simulator.report["mismatches"]

    def test_killed_at_a_record_that_alone_had_the_live_password(self, rig: Rig) -> None:
        """A rotation was killed between the answer and its commit, and then the change at the record it left."""
        [user] = rotated_once(rig, "user-2")
        plan = {"event": f"create .tmp/{user}", "nth": 2, "do": "kill", "victims": "tree", "signal": "SIGKILL"}
        with rig.start([user], plan, force=True) as running:
            await_death(running)
        self._deadly_shred(rig, f"{user}.yml", "while it overwrites")
        assert shell(rig, self._rekey(rig)).returncode
        assert rig.live(user) in possibly_live(opened(rig.store / ".prev" / f"{user}.yml"))

    def test_killed_at_a_second_copy(self, rig: Rig, next_password: Any) -> None:
        [user] = rotated_once(rig, "user-2")
        self._deadly_shred(rig, f".prev/{user}.yml", "while it overwrites")
        assert shell(rig, self._rekey(rig)).returncode
        assert self._with_the_next(rig) == {f"{user}.yml"}
        next_password()
        assert statuses(rig.rotate([user], force=True)) == {user: "rotated"}
        assert self._with_the_next(rig) == {f"{user}.yml", f".prev/{user}.yml"}
        assert rig.is_ok(user)

    def test_by_rotations(self, rig: Rig, next_password: Any) -> None:
        users = rotated_once(rig, "user-1", "user-2", "user-3")
        (rig.folder / "mistyped").write_text("mistyped")
        calls = rig.simulator.total
        for options, message in (({}, "set rekey: true"), ({"rekey": True}, "decrypts none of the records")):
            refused = self._with_both(rig, users, "mistyped", **options)
            assert refused["failed"]
            assert message in refused["msg"]
        assert rig.simulator.total == calls
        done(rig, self._rekey(rig).replace("*.yml .prev/*.yml", "user-1.yml .prev/user-1.yml"))
        found = self._with_both(rig, users, "next_vault_password", rekey=True)
        assert statuses(found) == dict.fromkeys(users, "rotated")
        assert self._with_the_next(rig) == {f"{place}{user}.yml" for place in ("", ".prev/") for user in users}
        next_password()
        assert statuses(rig.rotate(users, force=True)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)

    def _with_both(self, rig: Rig, users: list[str], file: str, **options: Any) -> dict[str, Any]:
        """The result of a run with the old vault password, and with that in the file under the id `new`."""
        store = {"path": str(rig.store), "vault_id": "new", **options}
        return rig.rotate(users, "--vault-id", f"new@{rig.folder / file}", force=True, store=store)

    def _rekey(self, rig: Rig) -> str:
        """The guide's command, which asks for nothing."""
        option = f"--new-vault-password-file {shlex.quote(str(rig.folder / 'next_vault_password'))}"
        return guide_commands("rekey *.yml").replace("ansible-vault rekey", f"ansible-vault rekey {option}")

    def _with_the_next(self, rig: Rig) -> set[str]:
        """The files that can be read with the new vault password."""
        vault = VaultLib([("default", VaultSecret(NEXT_VAULT_PASSWORD.encode()))])
        found = set()
        for path in [*rig.store.glob("*.yml"), *rig.store.glob(".prev/*.yml")]:
            try:
                vault.decrypt(path.read_bytes())
            except AnsibleError:
                continue
            found.add(str(path.relative_to(rig.store)))
        return found

    def _deadly_shred(self, rig: Rig, name: str, killed: str) -> None:
        """A shred that takes ansible-vault with it at the file of this name, once."""
        program = rig.store.parent / "bin" / "shred"
        program.parent.mkdir()
        what = 'head -c 4096 /dev/urandom > "$1"' if killed == "while it overwrites" else 'rm "$1"'
        program.write_text(f'#!/bin/sh\ncase "$1" in */{name}) rm "$0"; {what}; kill -9 $PPID;; *) exit 1;; esac\n')
        program.chmod(0o700)

    def _leaves_out(self, rig: Rig, users: list[str], damaged: str, other: str) -> None:
        """The account that has the new vault password is rotated. Nothing is sent for the others."""
        result = rig.rotate(users, force=True)
        assert {statuses(result)[user] for user in (damaged, other)} == {"store_error"}
        assert list(statuses(result).values()).count("rotated") == len(users) - 2
        assert str(rig.store / ".prev" / f"{damaged}.yml") in account(result, damaged)["msg"]
        assert not account(result, damaged)["attempts"]

    def _stops_at(self, rig: Rig, users: list[str], user: str) -> None:
        calls = rig.simulator.total
        stopped = rig.rotate(users, force=True)
        assert stopped["failed"]
        assert str(rig.store / ".prev" / f"{user}.yml") in stopped["msg"]
        assert rig.simulator.total == calls


@one_order
class TestAnotherController:
    """The controller is another machine."""

    def test_copies_the_directory_and_says_so_until_a_run_has_written(self, rig: Rig) -> None:
        users = rotated_once(rig, "user-1", "user-2")
        binding = rig.store / "store.json"
        binding.write_text(binding.read_text().replace('"controller": "', '"controller": "another-'))
        done(rig, "cp -a ~/uipath-passwords ~/moved && rm -r ~/uipath-passwords")
        rig.store = rig.store.with_name("moved")
        refused = rig.rotate(users, force=True)
        assert "any_controller" in refused["msg"]
        path = str(rig.store)
        assert statuses(rig.rotate(users, store={"path": path, "any_controller": True})) == dict.fromkeys(
            users, "fresh"
        )
        assert "any_controller" in rig.rotate(users)["msg"]
        for told in ({"path": path, "any_controller": True}, {"path": path}):
            assert statuses(rig.rotate(users, force=True, store=told)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)
        assert not rig.simulator.report["mismatches"]


@one_order
class TestAnotherAddress:
    """The server has a new address."""

    def test_one_run_that_changes_an_account_is_enough(self, rig: Rig) -> None:
        users = rotated_once(rig, "user-1", "user-2")
        former = rig.simulator.identity_url
        rig.play.defaults["identity_url"] = former.replace("127.0.0.1", "localhost")
        calls = rig.simulator.total
        refused = rig.rotate(users, force=True)
        assert f"set rebind_from to {former}" in refused["msg"]
        assert rig.simulator.total == calls

        rebound = {"path": str(rig.store), "rebind_from": former}
        right = rig.play.defaults["identity_url"]
        rig.play.defaults["identity_url"] = "http://localhost:9/identity"  # mistyped: nobody listens there
        assert statuses(rig.rotate(users, store=rebound)) == dict.fromkeys(users, "fresh")
        assert set(statuses(rig.rotate(users, force=True, store=rebound)).values()) <= {"unreachable", "not_attempted"}
        rig.play.defaults["identity_url"] = right
        assert statuses(rig.rotate(users[:1], force=True, store=rebound)) == {"user-1": "rotated"}
        assert statuses(rig.rotate(users, force=True)) == dict.fromkeys(users, "rotated")
        assert all_ok(rig, users)
        assert {rig.record(user).account.identity_url for user in users} == {rig.play.defaults["identity_url"]}

        rig.play.defaults["identity_url"] = former
        assert "The store belongs to http://localhost" in rig.rotate(users, force=True)["msg"]
        assert not rig.simulator.report["mismatches"]


class TestRestoring:
    """Restore it."""

    BACK_UP = guide_commands("cp -a ~/uipath-passwords ~/backup")
    RESTORE = guide_commands("uipath-passwords.before")
    [LIST] = re.findall(r"`(ls -d ~/backup-\*)`", GUIDE)
    [VIEW] = re.findall(r"`(ansible-vault view ~/uipath-passwords\.before/ID\.yml)`", GUIDE)

    def of_last_backup(self, rig: Rig, commands: str) -> str:
        last = done(rig, self.LIST).split()[-1]
        return commands.replace("~/backup-TIME", last)

    def test_a_second_backup_is_not_put_into_the_first(self, rig: Rig) -> None:
        rotated_once(rig, "copied")
        for _time in range(2):
            done(rig, f"sleep 1; {self.BACK_UP}")
        backups = done(rig, self.LIST).split()
        assert len(backups) == 2
        assert all((Path(backup) / "copied.yml").is_file() for backup in backups)

    def test_a_single_file(self, rig: Rig) -> None:
        users = rotated_once(rig, "restored", "other")
        done(rig, self.BACK_UP)
        assert set(statuses(rig.rotate(users, force=True)).values()) == {"rotated"}
        done(rig, self.of_last_backup(rig, guide_commands("ID.yml ~/uipath-passwords/\n").replace("ID", "restored")))
        calls = rig.simulator.count()
        assert statuses(rig.rotate(users)) == {"restored": "store_error", "other": "fresh"}
        assert rig.simulator.count() == calls
        assert rig.holds("restored")
        arguments = guide_arguments("state=resumed", "restored")
        assert role(rig, users, *arguments) == {"restored": "resumed"}
        assert all_ok(rig, users)
        assert not rig.simulator.report["mismatches"]

    def test_the_whole_directory(self, rig: Rig) -> None:
        """Of those that were rotated after the backup, the one that is not due is found out when it is."""
        since, untouched = ["due-1", "due-2", "due-3", "not-due"], "untouched"
        rig.prepare(*since[:3], untouched)
        rig.simulator.add_users({"not-due": INITIAL})
        rig.seed("not-due", age=1)
        done(rig, "mkdir ~/backup-20200101-000000")  # an older one
        done(rig, self.BACK_UP)
        assert set(statuses(rig.rotate(since, force=True)).values()) == {"rotated"}
        done(rig, self.of_last_backup(rig, self.RESTORE))

        outcomes = {**dict.fromkeys(since, "out_of_sync"), untouched: "rotated"}
        found = statuses(rig.rotate([*since, untouched], max_failures=0))
        assert found == {**outcomes, "not-due": "fresh"}
        assert rig.simulator.report["mismatches"] == dict.fromkeys(since[:3], 2)
        assert statuses(rig.rotate(["not-due"], force=True)) == {"not-due": "out_of_sync"}

        viewed = yaml.safe_load(done(rig, self.VIEW.replace("ID", "due-1")))
        passwords = {"due-1": viewed["current"]["password"]}
        assert passwords == {"due-1": rig.live("due-1")}
        rig.simulator.add_users(dict.fromkeys(since[1:], RESET))
        given = [{"user_id": user, "initial_password": passwords.get(user, RESET)} for user in (*since, untouched)]
        adopted = statuses(rig.rotate(given, state="adopted"))
        assert adopted == {**dict.fromkeys(since, "adopted"), untouched: "fresh"}
        assert all_ok(rig, [*since, untouched])
        assert rig.simulator.report["mismatches"] == dict.fromkeys(since, 2)

    @one_order
    @pytest.mark.parametrize(
        ("copy", "outcomes"),
        [
            ("cp -a ~/uipath-passwords/. ~/backup-1", "store_error"),
            ("cp -a ~/uipath-passwords/* ~/backup-1", "out_of_sync"),
        ],
    )
    def test_only_with_the_dot_directories_is_an_old_file_noticed(self, rig: Rig, copy: str, outcomes: str) -> None:
        [user] = rotated_once(rig, "restored")
        done(rig, "cp -a ~/uipath-passwords/restored.yml ~/old.yml")
        assert statuses(rig.rotate([user], force=True)) == {user: "rotated"}
        done(rig, f"mkdir -m 0700 ~/backup-1 && {copy}")
        done(rig, self.of_last_backup(rig, self.RESTORE))
        done(rig, "cp -a ~/old.yml ~/uipath-passwords/restored.yml")
        assert statuses(rig.rotate([user], force=True)) == {user: outcomes}


@one_order
class TestLooking:
    """Inspect it."""

    def test_shows_an_account(self, rig: Rig) -> None:
        [user] = rotated_once(rig, "2d5a1f3e-3f0c-4c39-9f0a-0c7d6a1b2c00")
        shown = yaml.safe_load(done(rig, f"ansible-vault view ~/uipath-passwords/{user}.yml"))
        assert shown["current"]["password"] == rig.live(user)
        assert (shown["pending"], shown["orphans"]) == (None, [])
        assert [each["password"] for each in shown["previous"]] == [INITIAL]

    def test_who_has_to_edit_raises_the_generation(self, rig: Rig) -> None:
        """An administrator changed the password, knows it, and writes it down instead of adopting it."""
        [user] = rig.prepare("edited")
        rig.simulator.add_users({user: RESET})
        editor = rig.folder / "editor"
        edits = f"-e 's/{INITIAL}/{RESET}/' -e 's/generation\": 1,$/generation\": 2,/'"
        editor.write_text(f'#!/bin/sh\nsed -i {edits} "$1"\n')
        editor.chmod(0o700)
        done(rig, f"ansible-vault edit ~/uipath-passwords/{user}.yml", EDITOR=str(editor))
        assert (rig.record(user).generation, rig.record(user).current.password) == (2, RESET)
        assert statuses(rig.rotate([user], force=True)) == {user: "rotated"}
        assert rig.is_ok(user)
        assert not rig.simulator.report["mismatches"]


@one_order
class TestIndex:
    """index.vault: the records without passwords, encrypted as well; can be deleted."""

    LOOKUP = "lookup('rpaops.uipath.uipath_password', '{}', store={{'path': '{}'}}) | length > 0"

    def test_is_made_again(self, rig: Rig) -> None:
        rig.simulator.add_users({"id-1": INITIAL}, userName="robot-1")
        named = [{"user_name": "robot-1", "name": "the robot", "initial_password": INITIAL}]
        assert list(statuses(rig.rotate(named)).values()) == ["rotated"]
        index = rig.store / "index.vault"
        for name in ("robot-1", "the robot"):
            index.unlink()
            that = self.LOOKUP.format(name, rig.store)
            assert not rig.play([{"name": "Read", "ansible.builtin.assert": {"that": that}}])["Read"]["failed"]
            assert not index.exists()  # the lookup writes nothing
            calls = rig.simulator.total
            assert statuses(rig.rotate(named)) == {"id-1": "fresh"}
            assert rig.simulator.total == calls
            assert b"robot-1" in zlib.decompress(VAULT.decrypt(index.read_bytes()))

    def test_with_exchanged_names_leads_to_no_other_account(self, rig: Rig) -> None:
        """Somebody who has the vault password exchanged them, so that the index decrypts."""
        names = ("robot-1", "robot-2")
        for number, name in enumerate(names, 1):
            rig.simulator.add_users({f"id-{number}": INITIAL}, userName=name)
        named = [{"user_name": name, "initial_password": INITIAL} for name in names]
        assert statuses(rig.rotate(named)) == {"id-1": "rotated", "id-2": "rotated"}
        index = rig.store / "index.vault"
        entries = json.loads(zlib.decompress(VAULT.decrypt(index.read_bytes())))
        for one, other in (("id-1", "robot-2"), ("id-2", "robot-1")):
            entries[one]["record"]["account"]["user_name"] = other
        index.write_bytes(VAULT.encrypt(zlib.compress(json.dumps(entries).encode()), secret=VAULT.secrets[0][1]))

        that = self.LOOKUP.format("robot-1", rig.store)
        read = {"name": "Read", "ansible.builtin.assert": {"that": that}, "ignore_errors": True}
        assert "listing is out of date for 'robot-1'" in json.dumps(rig.play([read])["Read"])
        before = rig.record("id-2")
        assert statuses(rig.rotate(named[:1], force=True)) == {"id-1": "rotated"}
        assert rig.is_ok("id-1")
        assert rig.record("id-2") == before


@one_order
class TestAdoptResume:
    """Repair accounts: adopt, resume."""

    def test_present_only_records_and_the_next_run_replaces(self, rig: Rig) -> None:
        rig.simulator.add_users({"new": INITIAL})
        run = rig.play(
            [rig.task(["new"], "present", state="present"), rig.task(["new"], "present again", state="present")]
        )
        assert [statuses(run[name])["new"] for name in ("present", "present again")] == ["created", "fresh"]
        assert rig.simulator.total == 0
        assert rig.record("new").current.password == INITIAL
        assert statuses(rig.rotate([{"user_id": "new"}])) == {"new": "rotated"}
        assert rig.is_ok("new")

    def test_resumed_finishes_and_starts_nothing(self, rig: Rig) -> None:
        users = rig.prepare("open", "due")
        rig.put(self._with(rig, "open", pending=Pending(INITIAL, "staged-1", TIME), status="in_doubt"))
        before = rig.record("due")
        assert statuses(rig.rotate(users, state="resumed")) == {"open": "resumed", "due": "fresh"}
        assert rig.live("open") == "staged-1"
        assert rig.is_ok("open")
        assert rig.record("due") == before
        assert rig.simulator.count() == 1

    def test_tries_two_of_what_it_has_per_run(self, rig: Rig) -> None:
        [user] = rig.prepare("tried")
        rig.simulator.add_users({user: "third-1"})
        orphans = tuple(Orphan(password, TIME, "not proven dead") for password in ("first-1", "second-1", "third-1"))
        rig.put(self._with(rig, user, orphans=orphans, status="out_of_sync"))
        arguments = guide_arguments("state=resumed", user)
        assert role(rig, [user], *arguments) == {user: "out_of_sync"}
        assert rig.simulator.mismatches(user) == 2
        assert rig.holds(user)
        assert role(rig, [user]) == {user: "out_of_sync"}
        assert rig.simulator.mismatches(user) == 2
        assert role(rig, [user], *arguments) == {user: "resumed"}
        assert rig.is_ok(user)
        assert rig.simulator.mismatches(user) <= 4

    def _with(self, rig: Rig, user: str, **changes: Any) -> Record:
        return replace(rig.record(user), generation=2, **changes)
