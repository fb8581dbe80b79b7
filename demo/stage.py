# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both parts of the demonstration need: run a playbook as a user would, and check what it must do."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorProcess

ROOT = Path(__file__).resolve().parent.parent
LONGEST_TMPDIR = 75  # Ansible creates a socket there, whose whole path may have 107 characters
GRACE_SECONDS = 10  # for an interrupted playbook to end by itself


def expect(fact: bool, promise: str) -> None:
    if not fact:
        raise SystemExit(f"\nCheck failed: {promise}.")


def say(title: str) -> None:
    print(f"\n\n=== {title}\n", flush=True)


def output_of(process: subprocess.Popen[str]) -> str:
    """Wait for a process. On an interrupt, give it time to end by itself."""
    try:
        return process.communicate()[0].strip()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=GRACE_SECONDS)
        process.kill()
        raise


class Stage:
    """A server, and playbooks with their connection to it. All files are in one folder."""

    def __init__(self, folder: Path, authority: Authority, server: SimulatorProcess) -> None:
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
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
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
        """Create a user at the server, with the old password of a new pair."""
        user = {**self.pair(), "user_id": str(uuid.uuid4())}
        self.server.add_users({user["user_id"]: user["old_password"]})
        return user

    def live(self, *users: dict[str, str]) -> bool:
        """Ask the server whether all new passwords are in effect. A real server does not tell."""
        return self.server.live_count([(user["user_id"], user["new_password"]) for user in users]) == len(users)

    def vault(self, variables: dict[str, Any]) -> Path:
        """Encrypt variables with Ansible Vault. They are never written in clear text."""
        file = self.folder / f"vault-{uuid.uuid4().hex[:4]}.yml"
        command = ["ansible-vault", "encrypt", "--output", str(file), "-"]
        plain = json.dumps(variables)
        subprocess.run(command, env=self.environment, input=plain, text=True, check=True, capture_output=True)
        expect(file.read_text().startswith("$ANSIBLE_VAULT"), "the passwords are vaulted")
        return file

    def play(self, playbook: str, vaulted: Path, *extra: str, returns: int, shows: str) -> None:
        """Run a playbook as a user would, and check its exit code and its output."""
        start = time.monotonic()
        with self.started(playbook, vaulted, *extra) as process:
            output = output_of(process)
        print(output, f"(exit code {process.returncode}, {time.monotonic() - start:.1f} seconds)", sep="\n")
        expect(process.returncode == returns, f"the exit code is {returns}")
        expect(shows in output, f"the output says {shows!r}")
        expect(not any(password in output for password in self.passwords), "no password is in the output")

    def started(self, playbook: str, vaulted: Path, *extra: str) -> subprocess.Popen[str]:
        command = ["ansible-playbook", "-e", f"@{vaulted.relative_to(ROOT)}", *extra, f"demo/{playbook}"]
        print("$", *command, flush=True)
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes)
