# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change passwords with real playbooks on a simulated Identity server, and check the result at the server.

Run it with "make demo". All files are in one folder in .tools, which is removed at the end, apart from the report.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from ansible_collections.rpaops.uipath.demo.rotation import PAGE, RotationDemo
from ansible_collections.rpaops.uipath.demo.stage import ROOT, Stage, expect, say
from ansible_collections.rpaops.uipath.tests.playbook.certificates import Authority
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

MANY = 50


class Demo:
    def __init__(self, stage: Stage) -> None:
        self.stage, self.server = stage, stage.server

    def run(self) -> None:
        one, many = self.stage.user(), [self.stage.user() for _number in range(MANY)]
        stale = {**one, **self.stage.pair("forgotten", "unwanted")}

        say("1. Change one password")
        print((ROOT / "demo/change_one_user.yml").read_text())
        vaulted = self.stage.vault(one)
        self.stage.play("change_one_user.yml", vaulted, returns=0, shows="changed=1 ")
        expect(self.stage.live(one), "the new password is in effect")

        say("2. Run it again: ok, because the new password is already in effect")
        self.stage.play("change_one_user.yml", vaulted, returns=0, shows="changed=0 ")

        say(f"3. Change {MANY} passwords in one task")
        self.stage.play("change_many_users.yml", self.stage.vault({"users": many}), returns=0, shows=f"changed: {MANY}")

        say("4. Use a wrong old password: the playbook must fail and say why")
        self.stage.play("change_one_user.yml", self.stage.vault(stale), returns=2, shows="status: wrong_password")
        self.conclude(one, many)

    def conclude(self, one: dict[str, str], many: list[dict[str, str]]) -> None:
        say("The requests that the server received")
        report = self.server.report
        for operation, number in report["requests"].items():
            answers = ", ".join(f"{times} x HTTP {status}" for status, times in report["answers"][operation].items())
            print(f"{number:>4}  {operation} requests: {answers}")
        applied, mismatches = report["applied"], report["mismatches"]
        print(f"{sum(applied.values()):>4}  changes applied: one per user")
        print(f"{sum(mismatches.values()):>4}  wrong old passwords: two in step 2, two in step 4")
        expect(applied == {user["user_id"]: 1 for user in [one, *many]}, "no other password was set")
        expect(mismatches == {one["user_id"]: 4}, "no other old password was wrong")
        expect(self.stage.live(one, *many), "all new passwords are in effect")
        print(f"{1 + MANY:>4}  new passwords in effect: all of them. No password is in the output above")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="demo-", dir=ROOT / ".tools") as name:
        folder = Path(name)
        authority = Authority(folder)
        server = SimulatorProcess(folder, authority.issue("server"))
        say(f"A simulated Identity server is listening at {server.origin}")
        print("The playbooks read the connection and the vault password from UIPATH_* and ANSIBLE_VAULT_PASSWORD_FILE.")
        try:
            stage = Stage(folder, authority, server)
            Demo(stage).run()
            RotationDemo(stage).run()
        finally:
            server.stop()
    say(f"Every check passed. The server is stopped, and its files are removed. The report stays:\n{PAGE}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The server is stopped, and its files are removed.")
