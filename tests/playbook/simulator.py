# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Identity server as a process, and the client of its control API."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.rpaops.uipath.tests.playbook.certificates import LOOPBACK, Files

SERVER = Path(__file__).parents[1] / "integration/targets/setup_simulator/files/identity_server.py"
CLIENT_ID, CLIENT_SECRET = "automation", "automation-secret"
START_SECONDS = 30


def server_module(name: str) -> ModuleType:
    """Load the simulator as a module of this name, for its parts."""
    spec = importlib.util.spec_from_file_location(name, SERVER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class SimulatorProcess:
    """A running server with its own folder. It serves TLS if it gets a certificate."""

    def __init__(self, folder: Path, tls: Files | None = None, *options: str) -> None:
        self.folder = folder
        self.tls = tls
        self.client_files: Files | None = None  # where the server demands a certificate
        ready = folder / "ready.json"
        # Any id, so that a test can give its users names that speak.
        command = [sys.executable, str(SERVER), "--ready-file", str(ready), "--ids", "any", "--log", *options]
        if tls:
            command += ["--certfile", str(tls.certificate), "--keyfile", str(tls.key)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        wait_until(lambda: ready.exists() or self._process.poll() is not None, START_SECONDS)
        assert ready.exists(), self.log.read_text()
        self.port: int = json.loads(ready.read_text())["port"]

    @property
    def log(self) -> Path:
        """What the server itself printed."""
        return self.folder / "simulator.log"

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.port}"

    @property
    def identity_url(self) -> str:
        return f"{self.origin}/identity"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def control(self, method: str, path: str, document: Any = None) -> Any:
        connection = self._connect()
        with contextlib.closing(connection):
            connection.request(method, f"/simulator/{path}", None if document is None else json.dumps(document))
            answer = connection.getresponse()
            body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)

    def _connect(self) -> http.client.HTTPConnection:
        if not self.tls:
            return http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # some servers here have an expired certificate
        if self.client_files:
            context.load_cert_chain(self.client_files.certificate, self.client_files.key)
        return http.client.HTTPSConnection(LOOPBACK, self.port, timeout=30, context=context)

    def configure(self, **changes: Any) -> None:
        self.control("PATCH", "config", changes)

    def add_client(self, client_id: str, secret: str, *scopes: str) -> None:
        self.configure(clients={client_id: {"secret": secret, "scopes": list(scopes), "administrator": True}})

    def add_users(self, passwords: dict[str, str], **fields: Any) -> None:
        users = [{"id": user_id, "password": password, **fields} for user_id, password in passwords.items()]
        self.control("POST", "users", {"users": users})

    def generate_users(self, count: int) -> list[str]:
        """Users whose passwords are initial-N; returns their ids."""
        created = self.control("POST", "users", {"generate": {"count": count, "password": "initial-{n}"}})
        return [user["id"] for user in created["users"]]

    def fault(self, kind: str, operation: str = "change_password", **parameters: Any) -> None:
        self.control("POST", "faults", {"operation": operation, "kind": kind, **parameters})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def is_live(self, user_id: str, password: str) -> bool:
        return bool(self.control("POST", "verify", {"user_id": user_id, "password": password})["live"])

    def live_count(self, pairs: list[tuple[str, str]]) -> int:
        return int(self.control("POST", "verify", {"pairs": pairs})["live"])

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = self.control("GET", "report")
        return report

    def count(self, operation: str = "change_password") -> int:
        return int(self.report["requests"].get(operation, 0))

    @property
    def total(self) -> int:
        return sum(self.report["requests"].values())

    def mismatches(self, user_id: str) -> int:
        return int(self.report["mismatches"].get(user_id, 0))


def wait_until(condition: Any, seconds: float) -> bool:
    """Poll until the condition holds; tell whether it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
