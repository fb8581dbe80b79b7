# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change passwords with real playbooks, on a simulated Identity server, and compare with what the server saw.

Run it with "make demo". All files are in one folder below .tools, which is removed at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, Simulator

ROOT = Path(__file__).resolve().parent.parent
MANY = 50
LONGEST_TMPDIR = 75  # Ansible puts a socket there, whose whole path may have 107 characters
PATIENCE = 10  # seconds that an interrupted playbook gets to end by itself


def expect(fact: bool, promise: str) -> None:
    if not fact:
        raise SystemExit(f"\nNot as promised: {promise}.")


def say(title: str) -> None:
    print(f"\n\n=== {title}\n", flush=True)


def output_of(process: subprocess.Popen[str]) -> str:
    """Wait for a process. If this one is interrupted, that one gets a moment to end by itself."""
    try:
        return process.communicate()[0].strip()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=PATIENCE)
        process.kill()
        raise


class Demo:
    def __init__(self, folder: Path, authority: Authority, server: Simulator) -> None:
        self.folder, self.server = folder, server
        self.passwords: set[str] = set()
        (folder / "vault-password").write_text(secrets.token_urlsafe())
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".tools/collections"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "vault-password"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "UIPATH_IDENTITY_URL": f"{server.origin}/acme/identity_",
            "UIPATH_CLIENT_ID": CLIENT_ID,
            "UIPATH_CLIENT_SECRET": CLIENT_SECRET,
            "UIPATH_CA_PATH": str(authority.certificate),
        }
        if len(str(folder)) < LONGEST_TMPDIR:
            self.environment["TMPDIR"] = str(folder)

    def pair(self, old: str = "old", new: str = "new") -> dict[str, str]:
        pair = {f"{age}_password": f"{word}1-{secrets.token_urlsafe(12)}" for age, word in (("old", old), ("new", new))}
        self.passwords.update(pair.values())
        return pair

    def user(self) -> dict[str, str]:
        """A new user of the server, whose password is the old one."""
        user = {**self.pair(), "user_id": str(uuid.uuid4())}
        self.server.add_users({user["user_id"]: user["old_password"]})
        return user

    def live(self, *users: dict[str, str]) -> bool:
        """Ask the server, as nobody can ask a real one, whether all new passwords are in effect."""
        return self.server.live_count([(user["user_id"], user["new_password"]) for user in users]) == len(users)

    def vault(self, variables: dict[str, Any]) -> Path:
        """Encrypt variables with Ansible Vault. They are never on disk in clear text."""
        file = self.folder / f"vault-{uuid.uuid4().hex[:4]}.yml"
        command = ["ansible-vault", "encrypt", "--output", str(file), "-"]
        plain = json.dumps(variables)
        subprocess.run(command, env=self.environment, input=plain, text=True, check=True, capture_output=True)
        expect(file.read_text().startswith("$ANSIBLE_VAULT"), "the passwords are vaulted")
        return file

    def play(self, playbook: str, vaulted: Path, *, returns: int, shows: str) -> None:
        """Run a playbook as a user would, and hold its exit code and its output against the promise."""
        command = ["ansible-playbook", "-e", f"@{vaulted.relative_to(ROOT)}", f"demo/{playbook}"]
        print("$", *command, flush=True)
        start = time.monotonic()
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes) as process:
            output = output_of(process)
        print(output, f"(exit code {process.returncode}, {time.monotonic() - start:.1f} seconds)", sep="\n")
        expect(process.returncode == returns, f"the exit code is {returns}")
        expect(shows in output, f"the output says {shows!r}")
        expect(not any(password in output for password in self.passwords), "no password is in the output")

    def run(self) -> None:
        one, many = self.user(), [self.user() for _number in range(MANY)]
        stale = {**one, **self.pair("forgotten", "unwanted")}

        say("1. Change one password")
        print((ROOT / "demo/change_one_user.yml").read_text())
        vaulted = self.vault(one)
        self.play("change_one_user.yml", vaulted, returns=0, shows="changed=1 ")
        expect(self.live(one), "the new password is in effect")

        say("2. The same again: ok, because the new password is in effect already")
        self.play("change_one_user.yml", vaulted, returns=0, shows="changed=0 ")

        say(f"3. Change {MANY} passwords in one task")
        self.play("change_many_users.yml", self.vault({"users": many}), returns=0, shows=f"changed: {MANY}")

        say("4. A wrong old password: this playbook has to fail, and to say why")
        self.play("change_one_user.yml", self.vault(stale), returns=2, shows="status: wrong_password")
        self.conclude(one, many)

    def conclude(self, one: dict[str, str], many: list[dict[str, str]]) -> None:
        say("What the server saw")
        report = self.server.report
        for operation, number in report["requests"].items():
            answers = ", ".join(f"{times} x HTTP {status}" for status, times in report["answers"][operation].items())
            print(f"{number:>4}  {operation} requests: {answers}")
        applied, mismatches = report["applied"], report["mismatches"]
        print(
            f"{sum(applied.values()):>4}  passwords set: one per user, and in step 2 the new one tried against itself"
        )
        print(f"{sum(mismatches.values()):>4}  wrong passwords: one in step 2, two in step 4")
        expect(applied == {one["user_id"]: 2, **{user["user_id"]: 1 for user in many}}, "nothing else was set")
        expect(mismatches == {one["user_id"]: 3}, "no other password was wrong")
        expect(self.live(one, *many), "all new passwords are in effect")
        print(f"{1 + MANY:>4}  new passwords in effect, which is all; no password is in any output above")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="demo-", dir=ROOT / ".tools") as name:
        folder = Path(name)
        authority = Authority(folder)
        server = Simulator(folder, authority.issue("server"))
        say(f"A simulated Identity server listens at {server.origin}")
        try:
            Demo(folder, authority, server).run()
        finally:
            server.stop()
    say("All as promised. The server is stopped, its files are removed.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The server is stopped, its files are removed.")
