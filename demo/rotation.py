# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotate three passwords, kill a rotation during a request, let the next one complete it, and report."""

from __future__ import annotations

import os
import re
import secrets
import signal
import uuid
from string import ascii_uppercase
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.demo.stage import ROOT, Stage, expect, say
from ansible_collections.rpaops.uipath.tests.playbook.playbook import process_ids, read_proc
from ansible_collections.rpaops.uipath.tests.playbook.simulator import wait_until

PLAYBOOK, CONSUMERS, REPORT = "rotate_passwords.yml", "tell_consumer.yml", "report_passwords.yml"
PAGE = ROOT / ".tools/report.html"
NAMES = ("svc-invoices", "svc-orders", "svc-payroll")
SLOWNESS = 1.0  # seconds from a request to its answer, in which the run is killed
START_SECONDS = 60


class RotationDemo:
    def __init__(self, stage: Stage) -> None:
        self.stage, self.server = stage, stage.server
        self.users = {name: str(uuid.uuid4()) for name in NAMES}
        self.store, self.consumers = stage.folder / "store", stage.folder / "consumers"
        self.nicknames: dict[str, str] = {}
        initial = [f"initial1-{secrets.token_urlsafe(12)}" for _name in NAMES]
        stage.passwords.update(initial)
        for (name, user_id), password in zip(self.users.items(), initial):
            self.server.add_users({user_id: password}, userName=name)
        self.consumers.mkdir()
        paths = {"store": str(self.store), "consumers": str(self.consumers), "report": str(PAGE)}
        self.vaulted = stage.vault({"initial_passwords": initial, **paths})

    def run(self) -> None:
        self.server.control("POST", "reset")
        say("5. Rotate three passwords: the role makes new ones, keeps them in a store, and tells their consumers")
        print((ROOT / "demo" / PLAYBOOK).read_text())
        print((ROOT / "demo" / CONSUMERS).read_text())
        self.stage.play(PLAYBOOK, self.vaulted, returns=0, shows="3 rotated")
        self.show(rotated=3, delivered=3)

        say("6. Run it again: nothing is due, so no request is sent")
        requests = self.server.total
        self.stage.play(PLAYBOOK, self.vaulted, returns=0, shows="3 fresh")
        expect(self.server.total == requests, "no request was sent")

        say("7. Rotate again, and kill -9 all processes during the request for a new password")
        self.kill_in_the_middle()
        self.show(rotated=2, delivered=2)
        print("\nThe server applied the change, but its answer was lost. Both passwords are in the store.")

        say("8. The next run sends the same pair again, finds out that the new password is live, and continues from it")
        self.stage.play(PLAYBOOK, self.vaulted, returns=0, shows="1 resumed")
        self.show(rotated=3, delivered=3)
        self.conclude()

        say("9. Report on the state of the accounts, without asking the server")
        self.stage.play(REPORT, self.vaulted, returns=0, shows="accounts: 3")
        page = PAGE.read_text(encoding="utf-8")
        expect(all(name in page for name in NAMES), "the page shows the accounts")
        expect(not any(password in page for password in self.stage.passwords), "no password is in the page")

    def kill_in_the_middle(self) -> None:
        self.server.fault("latency", seconds=SLOWNESS, times=None)
        before = self.server.count()
        with self.stage.started(PLAYBOOK, self.vaulted, "-e", "rotate_passwords_force=true") as process:
            wait_until(lambda: self.server.count() > before or process.poll() is not None, START_SECONDS)
            expect(process.poll() is None, "the run has started")
            for pid in [process.pid, *descendants(process.pid)]:
                os.kill(pid, signal.SIGKILL)
            print(process.communicate()[0].strip(), f"(killed, exit code {process.returncode})", sep="\n")
        applied = sum(self.server.report["applied"].values())
        expect(
            wait_until(lambda: sum(self.server.report["applied"].values()) > applied, START_SECONDS), "it is applied"
        )
        self.server.clear_faults()

    def show(self, *, rotated: int, delivered: int) -> None:
        """Compare the store with the passwords that are live at the server, which only a simulated one can tell."""
        print(f"\n{'account':14}{'in the store':42}{'live at the server':20}the consumer has")
        settled = told = 0
        for name, user_id in self.users.items():
            record = self.record(user_id)
            pending = record["pending"]
            held = {"current": record["current"]["password"]}
            held |= {"pending": pending["to"]} if pending else {}
            self.stage.passwords.update(held.values())
            live = [word for word, password in held.items() if self.server.is_live(user_id, password)]
            text = ", ".join(f"{word} {self.nickname(password)}" for word, password in held.items())
            consumed = (self.consumers / name).read_text()
            has_live = self.server.is_live(user_id, consumed)
            having = f"{self.nickname(consumed)}, {'live' if has_live else 'not live'}"
            print(f"{name:14}{text:42}{' and '.join(live) or 'none of them':20}{having}")
            expect(len(live) == 1, "the live password is in the store")
            settled += live == ["current"] and not pending
            told += has_live
        expect(settled == rotated, f"{rotated} accounts are complete")
        expect(told == delivered, f"{delivered} consumers have the live password")

    def nickname(self, password: str) -> str:
        """Tell passwords apart without showing any of them."""
        known = self.nicknames
        return known.setdefault(password, f"password {ascii_uppercase[len(known)]}")

    def record(self, user_id: str) -> Any:
        secret = VaultSecret((self.stage.folder / "vault-password").read_bytes())
        return yaml_load(VaultLib([("default", secret)]).decrypt((self.store / f"{user_id}.yml").read_bytes()))

    def conclude(self) -> None:
        report = self.server.report
        mismatches = sum(report["mismatches"].values())
        print(f"\n{mismatches} failed sign-in: the pair was sent twice. No account was locked, no password was lost.")
        expect(mismatches == 1, "there is one failed sign-in")


def descendants(parent: int) -> list[int]:
    """All descendants of a process: ansible-core's workers are in sessions of their own."""
    found = []
    for pid in process_ids():
        ancestry = re.search(rb"^PPid:\s*(\d+)$", read_proc(pid, "status"), re.MULTILINE)
        if ancestry and int(ancestry[1]) == parent:
            found += [pid, *descendants(pid)]
    return found
