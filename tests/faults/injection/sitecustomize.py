# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inject a fault at a chosen side effect of a rotation, from outside the product's code.

Python loads this file at its start where its folder is on PYTHONPATH. The variable INJECTION (JSON) says what to do:

store   the directory whose file operations count: create, write, fsync, link, replace, unlink, mkdir, flock, unlock
ports   the servers' ports, whose connections count: connect, send, recv
trace   a file that gets one line for every side effect, before it happens
at      the fault comes at the side effect of this number, from 1; or
event   at the first one whose line contains this text, or at number `nth` of those
do      `kill`: `signal` to `victims`, which are worker, main, tree (both) or group (what a terminal signals);
        `fail`: raise OSError `errno` instead; `run`: a command, before it goes on; `stop`: stop with SIGSTOP

What writes or sends several bytes counts twice: before it begins, and with one half of the bytes out.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pathlib  # before anything is wrapped: up to Python 3.10, it would take functions of os for methods of its own
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

SECONDS_TO_DIE = 5.0
SECONDS_TO_REACT = 0.4  # of ansible-playbook's main process, which passes a signal on to the worker


class Injection:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._store: str = plan["store"]
        self._ports: list[int] = plan["ports"]
        self._plan = plan
        self._trace = os.open(plan["trace"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.RLock()
        self._descriptors: dict[int, str] = {}
        self._count = 0
        self._matching = 0
        self._write = os.write

    def install(self) -> None:
        self._wrap_descriptors()
        self._wrap_names()
        self._wrap_sockets()

    def happens(self, event: str, half: Callable[[], Any] | None = None) -> bool:
        """Count a side effect, and inject the fault if it is the one. `half` is what of it happens before."""
        with self._lock:
            self._count += 1
            self._matching += self._plan.get("event", "\n") in event
            chosen = self._count == self._plan.get("at") or (
                self._plan.get("event", "\n") in event and self._matching == self._plan.get("nth", 1)
            )
            self._write(self._trace, f"{self._count} {event}{' *' if chosen else ''}\n".encode())
            if not chosen:
                return False
            if half:
                half()
            self._inject()
            return True

    def _inject(self) -> None:
        if self._plan["do"] == "fail":
            number = getattr(errno, self._plan["errno"])
            raise OSError(number, os.strerror(number))
        if self._plan["do"] == "run":
            subprocess.run(self._plan["command"], check=True)
            return
        if self._plan["do"] == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        kill(self._plan["victims"], getattr(signal, self._plan["signal"]))

    def _place(self, path: Any) -> str | None:
        """Return the path in the store, or None for one elsewhere."""
        text = os.fsdecode(path) if isinstance(path, (str, bytes, pathlib.PurePath)) else ""
        inside = text == self._store or text.startswith(self._store + os.sep)
        return os.path.relpath(text, self._store) if inside else None

    def _wrap_descriptors(self) -> None:
        real_open, real_write, real_pwrite = os.open, os.write, os.pwrite
        real_fsync, real_close, real_flock = os.fsync, os.close, fcntl.flock
        locked: set[int] = set()

        def wrapped_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            place = self._place(path)
            if place is not None and flags & os.O_CREAT:
                self.happens(f"create {place}")
            descriptor = real_open(path, flags, *args, **kwargs)
            if place is not None:
                self._descriptors[descriptor] = place
            return descriptor

        def wrapped_write(descriptor: int, content: Any) -> int:
            place = self._descriptors.get(descriptor)
            if place is None:
                return real_write(descriptor, content)
            self.happens(f"write {place}")
            middle = len(content) // 2
            if self.happens(f"half of write {place}", lambda: real_write(descriptor, content[:middle])):
                return middle
            return real_write(descriptor, content)

        def wrapped_pwrite(descriptor: int, content: Any, offset: int) -> int:
            if descriptor in self._descriptors:
                self.happens(f"write {self._descriptors[descriptor]}")
            return real_pwrite(descriptor, content, offset)

        def wrapped_fsync(descriptor: int) -> None:
            if descriptor in self._descriptors:
                self.happens(f"fsync {self._descriptors[descriptor]}")
            real_fsync(descriptor)

        def wrapped_close(descriptor: int) -> None:
            place = self._descriptors.pop(descriptor, "")
            if descriptor in locked:
                locked.discard(descriptor)
                self.happens(f"unlock {place}")
            real_close(descriptor)

        def wrapped_flock(descriptor: int, operation: int) -> None:
            if descriptor in self._descriptors:
                self.happens(f"flock {self._descriptors[descriptor]}")
            real_flock(descriptor, operation)
            if descriptor in self._descriptors:
                locked.add(descriptor)

        for name in ("open", "write", "pwrite", "fsync", "close"):
            setattr(os, name, locals()[f"wrapped_{name}"])
        setattr(fcntl, "flock", wrapped_flock)  # noqa: B010 - a type checker would want the original's signature

    def _wrap_names(self) -> None:
        for name in ("link", "replace", "rename", "unlink", "mkdir"):
            setattr(os, name, self._named(name, getattr(os, name)))

    def _named(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def wrapped(path: Any, *args: Any, **kwargs: Any) -> None:
            place = self._place(path)
            if place is not None:
                target = self._place(args[0]) if name in ("link", "replace", "rename") else None
                self.happens(f"{name} {place}" + (f" to {target}" if target else ""))
            real(path, *args, **kwargs)

        return wrapped

    def _wrap_sockets(self) -> None:
        kind: Any = socket.socket
        real_connect, real_sendall, real_recv_into = kind.connect, kind.sendall, kind.recv_into

        def wrapped_connect(own: socket.socket, address: Any) -> None:
            if isinstance(address, tuple) and address[1] in self._ports:
                self.happens("connect")
            real_connect(own, address)

        def wrapped_sendall(own: socket.socket, content: Any, *flags: int) -> None:
            if not self._is_server(own):
                real_sendall(own, content, *flags)
                return
            self.happens("send")
            middle = len(content) // 2
            if self.happens("half of send", lambda: real_sendall(own, content[:middle])):
                content = content[middle:]
            real_sendall(own, content, *flags)

        def wrapped_recv_into(own: socket.socket, *args: Any) -> int:
            if self._is_server(own):
                self.happens("recv")
            received: int = real_recv_into(own, *args)
            return received

        kind.connect, kind.sendall, kind.recv_into = wrapped_connect, wrapped_sendall, wrapped_recv_into

    def _is_server(self, own: socket.socket) -> bool:
        try:
            address = own.getpeername()
        except OSError:
            return False
        return isinstance(address, tuple) and address[1] in self._ports


def kill(victims: str, number: int) -> None:
    """Signal the victims. Return only once the main process is gone, where it is one of them."""
    main, own = os.getppid(), os.getpid()
    if victims == "group":
        os.killpg(os.getpgid(main), number)
        time.sleep(SECONDS_TO_REACT)
        return
    if victims in ("main", "tree"):
        os.kill(main, number)
    if victims in ("worker", "tree"):
        os.kill(own, number)
    deadline = time.monotonic() + SECONDS_TO_DIE
    while os.getppid() == main and time.monotonic() < deadline:
        time.sleep(0.001)


if "INJECTION" in os.environ:
    Injection(json.loads(os.environ["INJECTION"])).install()
