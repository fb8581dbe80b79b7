# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Identity server without a wire, for thousands of nights, and as a process behind real sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Protocol

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import (
    Response,
    Transport,
    TransportOptions,
)
from ansible_collections.rpaops.uipath.tests.playbook.simulator import (
    CLIENT_SECRET,
    SimulatorProcess,
    server_module,
    wait_until,
)

SIMULATOR: Any = server_module("identity_server_of_nights")
ORIGIN = "http://127.0.0.1:1"
IDLE_SECONDS = 10
LOCKED = "UserLockedOut"
# A token for requests that arrive after their run, whose own token may have expired.
LATE_TOKEN = "arrives-later"


def configuration(season: int) -> dict[str, Any]:
    """The server of a season: one way of each of those that are not known."""
    chance = Random(f"{season}/server")  # noqa: S311 - chance must be repeatable
    readable = [scope for scope in ("PM.Setting.Read", "PM.UserLoginAttempt.Read") if chance.randrange(2)]
    return {
        "order": chance.choice(("old-first", "policy-first")),
        "history": {
            "limit": chance.choice((0, 0, 1, 5)),
            "counts_current": bool(chance.randrange(2)),
            "code": chance.choice(("PasswordReuse", "PasswordAlreadyUsed", "InvalidPassword")),
        },
        "lockout": {
            "max_failures": chance.choice((10, 10, 6)),
            "counts_changes": bool(chance.randrange(2)),
            "refuses_changes": bool(chance.randrange(2)),
            "reset_by_change": bool(chance.randrange(2)),
            "code": LOCKED,
        },
        "login_attempts": {"lists_changes": bool(chance.randrange(2))},
        "clients": {
            "automation": {"secret": CLIENT_SECRET, "scopes": ["PM.User.Write", *readable], "administrator": True}
        },
        "static_tokens": {LATE_TOKEN: {"scopes": ["PM.User.Write"]}},
    }


class Server(Protocol):
    @property
    def identity_url(self) -> str: ...

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response: ...

    def set_password(self, user: str, password: str) -> None: ...

    def live(self, user: str) -> str: ...


class DirectServer:
    """The simulator, called as a function."""

    identity_url = f"{ORIGIN}/identity"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._simulator = SIMULATOR.Simulator(SIMULATOR.merged(SIMULATOR.DEFAULT_CONFIG, dict(config)))

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        lower = {name.lower(): value for name, value in headers.items()}
        answer = self._simulator.answer(SIMULATOR.Request(method, url[len(ORIGIN) :], lower, body or b""))
        return Response(answer.status, {"Content-Type": answer.content_type, **answer.headers}, answer.body)

    def set_password(self, user: str, password: str) -> None:
        self._simulator.directory.add({"id": user, "password": password})

    def live(self, user: str) -> str:
        return str(self._simulator.directory.find(user).password)


class SocketServer:
    """The simulator as a process with a journal, of which each line is read once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._journal = folder / "journal"
        self._users: dict[str, Any] = {}
        self._read = 0
        self.process = SimulatorProcess(folder, None, "--state", str(self._journal))
        self.identity_url = self.process.identity_url

    def begin(self, config: Mapping[str, Any]) -> None:
        """Be another server, and forget the requests until now."""
        self.process.control("POST", "reset")
        self.process.configure(**config)

    def await_idle(self) -> None:
        """Wait for the end of all requests, also those of a process that is gone."""
        assert wait_until(lambda: all(one["status"] for one in self.process.control("GET", "requests")), IDLE_SECONDS)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """By a connection of its own: a process that was forked would share one."""
        return Transport(TransportOptions(timeout=10), {}).send(method, url, headers, body)

    def set_password(self, user: str, password: str) -> None:
        self.process.add_users({user: password})

    def live(self, user: str) -> str:
        with self._journal.open("rb") as journal:
            journal.seek(self._read)
            for line in iter(journal.readline, b""):
                if not line.endswith(b"\n"):  # the server is writing it
                    break
                SIMULATOR.replay(self._users, json.loads(line))
                self._read += len(line)
        return str(self._users[user].password)
