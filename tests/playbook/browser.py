# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, controlled by the DevTools protocol over a pair of pipes: nothing else is needed."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
SECONDS = 60
# The browser reads commands from descriptor 3, and writes answers to descriptor 4.
START = (
    "import os, sys; read, write = map(int, sys.argv[1:3]); os.dup2(read, 3); os.dup2(write, 4);"
    "os.execvp(sys.argv[3], sys.argv[3:])"
)
OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)

# Bring an element into view, and return where its middle is.
MIDDLE = """element => {
    element.scrollIntoView({block: "center"});
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""

Message = dict[str, Any]


class Browser:
    """A running browser."""

    def __init__(self, process: subprocess.Popen[bytes], commands: int, answers: int) -> None:
        self._process, self._commands, self._answers = process, commands, answers
        self._buffer = b""
        self._numbers = count(1)
        self.events: list[Message] = []

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Browser]:
        assert FOUND, "there is no chromium"
        (browser_reads, we_write), (we_read, browser_writes) = os.pipe(), os.pipe()
        pipes = {high(browser_reads): browser_reads, high(browser_writes): browser_writes}
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        options = [*OPTIONS, *sandbox, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, pipes), FOUND, *options],
            pass_fds=tuple(pipes),
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for high_one, low_one in pipes.items():
            os.close(high_one)
            os.close(low_one)
        browser = cls(process, we_write, we_read)
        try:
            yield browser
        finally:
            browser.stop()

    def stop(self) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Send a command and return its result. Events that come meanwhile are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        content = json.dumps({**message, "sessionId": session} if session else message).encode() + b"\0"
        while content:
            content = content[os.write(self._commands, content) :]
        answer = next(message for message in self.messages() if message.get("id") == number)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def messages(self) -> Iterator[Message]:
        """Yield what the browser sends, and keep its events."""
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" not in self._buffer:
                ready = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))[0]
                assert ready, "the browser does not answer"
                received = os.read(self._answers, 1 << 20)
                assert received, "the browser has ended"
                self._buffer += received
            content, _end, self._buffer = self._buffer.partition(b"\0")
            message = json.loads(content)
            if "method" in message:
                self.events.append(message)
            yield message

    def tab(self) -> Tab:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        return Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])


class Tab:
    """A page in the browser: what a user does there, and what it did by itself."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self._has_scripts = True
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, self._session, **parameters)

    def events(self, *methods: str) -> list[Message]:
        events = [event for event in self._browser.events if event.get("sessionId") == self._session]
        return [event["params"] for event in events if event["method"] in methods]

    def open(self, url: str) -> None:
        before = len(self.events("Page.loadEventFired"))
        self.call("Page.navigate", url=url)
        while len(self.events("Page.loadEventFired")) == before:
            next(self._browser.messages())
        self.settle()

    def settle(self) -> None:
        """Wait until what was begun is drawn, and its events have come."""
        if self._has_scripts:
            self("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def __call__(self, expression: str) -> Any:
        """Evaluate JavaScript, and return its value as data."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def disable_scripts(self) -> None:
        """As if the browser had no JavaScript. Evaluating something still works."""
        self.call("Emulation.setScriptExecutionDisabled", value=True)
        self._has_scripts = False

    def resize(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self.settle()

    def emulate(self, *, scheme: str = "light", media: str = "screen") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def click(self, selector: str) -> None:
        """Press the mouse button where a user would."""
        x, y = self(f"({MIDDLE})(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.settle()

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        self.settle()

    def picture(self, width: int, height: int, scale: float = 1) -> bytes:
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", clip=clip)["data"])

    def paper(self, *, landscape: bool = False) -> bytes:
        """Print on A4."""
        options = {"printBackground": True, "landscape": landscape, "paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.call("Page.printToPDF", **options)["data"])

    def complaints(self) -> list[Message]:
        """What the page wrote to the console, threw, or was refused."""
        return self.events("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")

    def requests(self) -> list[str]:
        return [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]


def high(descriptor: int) -> int:
    """Duplicate a descriptor beyond 3 and 4, which the browser uses."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
