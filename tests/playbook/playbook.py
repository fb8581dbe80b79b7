# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as users write them, run by the real ansible-playbook in a folder of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.release import __version__ as core_version

ROOT = Path(__file__).parents[2]
COLLECTIONS = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".tools/collections"))
CORE = tuple(int(number) for number in core_version.split(".")[:2])
TARGET_PYTHON = os.environ.get("UIPATH_TEST_PYTHON")
MODULE = "rpaops.uipath.uipath_user_password"
VAULT_PASSWORD = "the vault's own password"
RUN_SECONDS = 120
# ansible-core gives a process of its own five seconds to start, which a busy machine may not keep.
TOO_BUSY = "Local RPC server did not start"
MOST_ATTEMPTS = 3
MARK = "UIPATH_TEST_RUN"
# What ansible-core writes on stderr, up to 2.18 broken into lines.
MESSAGE = re.compile(r"^\[(WARNING|DEPRECATION WARNING|ERROR)\]: ", re.MULTILINE)

Variables = dict[str, Any]


@dataclass
class PlaybookRun:
    """A finished ansible-playbook: what it printed, what it left, and its tasks' results by name."""

    code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    folder: Path
    seconds: float
    events: list[dict[str, Any]] = field(repr=False)

    def __getitem__(self, task: str) -> dict[str, Any]:
        """The result of the task of that name, with `failed`; of a loop, the whole loop's."""
        found = [event for event in self.events if event["task"] == task and event["event"] != "item"]
        assert found, f"no result of {task!r}\n{self.output}"
        return {**found[-1]["result"], "failed": found[-1]["event"] == "failed"}

    def users(self, task: str) -> dict[str, dict[str, Any]]:
        """The results of a task with `users`, by user id."""
        return {result["user_id"]: result for result in self[task]["results"]}

    def items(self, task: str) -> list[dict[str, Any]]:
        return [event["result"] for event in self.events if event["task"] == task and event["event"] == "item"]

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def warnings(self) -> list[str]:
        return warnings_in(self.stderr)

    def demand_warnings(self, expected: Sequence[str], allowed: Sequence[str] = ()) -> None:
        demand_warnings(self.stderr, expected, allowed)


def warnings_in(stderr: str) -> list[str]:
    """The warnings and deprecation warnings, each in one line."""
    _before, *parts = MESSAGE.split(stderr)
    return [
        f"[{kind}]: {' '.join(text.split())}" for kind, text in zip(parts[::2], parts[1::2]) if kind.endswith("WARNING")
    ]


def demand_warnings(stderr: str, expected: Sequence[str], allowed: Sequence[str] = ()) -> None:
    """Fail on a warning that holds none of these texts, and if one of the expected ones is in no warning."""
    warnings = warnings_in(stderr)
    known = (*expected, *allowed)
    unexpected = [warning for warning in warnings if not any(text in warning for text in known)]
    assert not unexpected, "\n".join(["unexpected warnings:", *unexpected])
    missing = [text for text in expected if not any(text in warning for warning in warnings)]
    assert not missing, f"no warning holds {missing}\n{stderr}"


class Playbook:
    """Runs tasks on localhost, with a vaulted file of variables and defaults for the connection."""

    def __init__(self, folder: Path, defaults: Variables) -> None:
        self.folder = folder
        self.defaults = defaults
        self.defaults_of_module: Variables = {"settle_seconds": 0.05}
        self.allowed_warnings: tuple[str, ...] = ()  # which any run may print
        self._numbers = count(1)  # safe to share: threads may run playbooks of one folder at the same time

    def __call__(
        self,
        tasks: str | list[Variables],
        *arguments: str,
        environment: dict[str, str] | None = None,
        succeeds: bool | None = None,
        warnings: Sequence[str] = (),
        timeout: float = RUN_SECONDS,
        **variables: Any,
    ) -> PlaybookRun:
        """Run the tasks; variables named `vault_...` come from a vaulted file, the others from a plain one.

        The run must print warnings with these texts; others it may print only if they are allowed for all runs.

        From ansible-core 2.22 on, whatever comes from a vaulted file is masked in all output, user ids included.
        """
        for _attempt in range(MOST_ATTEMPTS):
            with self.started(tasks, *arguments, environment=environment, **variables) as running:
                run = running.finish(timeout, warnings)
            if TOO_BUSY not in run.output:
                break
        assert TOO_BUSY not in run.output, f"ansible-core did not start in {MOST_ATTEMPTS} attempts\n{run.output}"
        assert succeeds is None or succeeds == (run.code == 0), run.output
        return run

    @contextmanager
    def started(
        self,
        tasks: str | list[Variables],
        *arguments: str,
        environment: dict[str, str] | None = None,
        **variables: Any,
    ) -> Iterator[Running]:
        """Start the run, and leave nothing of it behind."""
        folder = self.folder / f"run{next(self._numbers)}"
        self._write(folder, tasks, variables)
        running = Running(folder, list(arguments), environment or {}, self.allowed_warnings)
        try:
            yield running
        finally:
            running.destroy()

    def _write(self, folder: Path, tasks: str | list[Variables], variables: Variables) -> None:
        for name in ("home", "tmp", "remote", "local", "input"):
            (folder / name).mkdir(parents=True)
        (folder / "input/ansible.cfg").write_text("[defaults]\n")
        (folder / "input/vault_password").write_text(VAULT_PASSWORD)
        secret = {name: value for name, value in variables.items() if name.startswith("vault_")}
        plain = {name: value for name, value in variables.items() if name not in secret}
        (folder / "input/vault.yml").write_bytes(vaulted(secret))
        (folder / "input/plain.yml").write_bytes(as_yaml(plain))
        text = tasks if isinstance(tasks, str) else yaml.safe_dump(tasks, sort_keys=False, allow_unicode=True)
        head = {
            "name": "Test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": ["input/plain.yml", "input/vault.yml"],
            "module_defaults": {"group/rpaops.uipath.uipath": self.defaults, MODULE: self.defaults_of_module},
        }
        play = yaml.safe_dump([head], sort_keys=False) + "  tasks:\n" + indent(text.strip("\n"), "    ") + "\n"
        (folder / "playbook.yml").write_text(play, encoding="utf-8")


class Running:
    """An ansible-playbook under way, in a process group of its own as in a terminal."""

    def __init__(
        self, folder: Path, arguments: list[str], environment: dict[str, str], allowed_warnings: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.allowed_warnings = allowed_warnings
        self.mark = uuid.uuid4().hex
        command = [str(executable("ansible-playbook")), "playbook.yml", *arguments]
        if TARGET_PYTHON and not any("ansible_python_interpreter" in argument for argument in arguments):
            command += ["-e", f"ansible_python_interpreter={TARGET_PYTHON}"]
        self._started = time.monotonic()
        with self._open("stdout") as out, self._open("stderr") as err:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=self._environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _open(self, name: str) -> Any:
        return (self.folder / name).open("wb")

    def _environment(self) -> dict[str, str]:
        """Nothing of the tests' own environment gets in, apart from the paths to the programs."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "ANSIBLE_CONFIG": str(self.folder / "input/ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
            "ANSIBLE_LOG_PATH": str(self.folder / "ansible.log"),
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_VAULT_PASSWORD_FILE": "input/vault_password",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "RECORD_FILE": str(self.folder / "results.json"),
            MARK: self.mark,
        }

    def finish(self, seconds: float = RUN_SECONDS, warnings: Sequence[str] = ()) -> PlaybookRun:
        """Wait for the end of the run, which must print warnings with these texts."""
        self.process.wait(seconds)
        record = self.folder / "results.json"
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        run = PlaybookRun(
            self.process.returncode,
            (self.folder / "stdout").read_text(encoding="utf-8", errors="surrogateescape"),
            (self.folder / "stderr").read_text(encoding="utf-8", errors="surrogateescape"),
            self.folder,
            time.monotonic() - self._started,
            [json.loads(line) for line in lines],
        )
        if TOO_BUSY not in run.output:
            run.demand_warnings(warnings, self.allowed_warnings)
        return run

    def processes(self) -> list[int]:
        """The processes that belong to the run, wherever they have moved; they inherit its mark."""
        return [
            pid for pid in process_ids() if f"{MARK}={self.mark}".encode() in read_proc(pid, "environ").split(b"\0")
        ]

    def interrupt(self) -> None:
        """What a terminal does on Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def destroy(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.processes():
            with suppress(ProcessLookupError):  # its turn came in between
                os.kill(pid, signal.SIGKILL)


class UnsafeDumper(yaml.SafeDumper):
    """Marks strings that look like templates as `!unsafe`, as a user has to."""


def represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    template = any(start in text for start in ("{{", "{%", "{#"))
    return dumper.represent_scalar("!unsafe" if template else "tag:yaml.org,2002:str", text, style='"')


UnsafeDumper.add_representer(str, represent_string)


def vaulted(variables: Variables) -> bytes:
    """A vaulted file, by the library behind `ansible-vault`."""
    encrypted: bytes = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(as_yaml(variables))
    return encrypted


def as_yaml(variables: Variables) -> bytes:
    text: str = yaml.dump(variables, Dumper=UnsafeDumper, allow_unicode=True, width=10**9)
    return text.encode()


def executable(name: str) -> Path:
    beside = Path(sys.executable).with_name(name)
    return beside if beside.exists() else Path(name)


def process_ids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def read_proc(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
