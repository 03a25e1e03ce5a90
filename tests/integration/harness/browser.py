# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, with real clicks and keys, by its DevTools protocol over a pipe.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds for any one answer
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it is started by root, and shows files of the tests only
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
KEYS = {
    "Enter": (13, "\r"),
    " ": (32, " "),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "Backspace": (8, ""),
    "PageDown": (34, ""),
}


class Browser:
    """One page of one browser; `requests` and `complaints` tell what it did."""

    def __init__(self, profile: Path) -> None:
        # Chromium takes orders on descriptor 3 and answers on 4; the pipes' own are out of the way.
        orders, self._writer = os.pipe()
        self._reader, answers = os.pipe()
        reading, writing = (fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (orders, answers))
        self._process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$@" 3<&{reading} 4>&{writing} {reading}<&- {writing}>&-'),
                *("bash", "chromium", *OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(reading, writing),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in (orders, answers, reading, writing):
            os.close(descriptor)
        self._buffer = b""
        self._sent = 0
        self._session: str | None = None
        self._loaded = False
        self.requests: list[str] = []
        self.complaints: list[str] = []  # errors, console messages, dialogs
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.look_through(width=1280, height=800)

    def close(self) -> None:
        """End the browser."""
        try:
            self._session = None
            self._call("Browser.close")
            self._process.wait(PATIENCE)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            os.close(self._reader)
            os.close(self._writer)

    def look_through(
        self,
        *,
        width: int,
        height: int,
        phone: bool = False,
        dark: bool = False,
        paper: bool = False,
        scripts: bool = True,
    ) -> None:
        """Through which window, and whether scripts run, from the next `show` on."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self._call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        medium = "print" if paper else ""
        self._call("Emulation.setEmulatedMedia", media=medium, features=[scheme])
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def show(self, file: Path, fragment: str = "") -> None:
        """Load a page anew, and forget what was told of the one before."""
        self._navigate("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self._navigate(file.as_uri() + fragment)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's when it is kept."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def painted(self) -> None:
        """Wait for what scrolling and typing bring about."""
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that fits, where the user would see it."""
        spot = self.evaluate(
            f"""(() => {{
                const node = document.querySelector({json.dumps(selector)});
                node.scrollIntoView({{block: "nearest", inline: "nearest"}});
                const box = node.getBoundingClientRect();
                return [box.left + box.width / 2, box.top + box.height / 2];
            }})()"""
        )
        for kind, count in (("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 1)):
            self._call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=spot[0],
                y=spot[1],
                button="left" if count else "none",
                clickCount=count,
            )
        self.painted()

    def turn_wheel(self, selector: str, pixels: int) -> None:
        """Turn the mouse's wheel over the first element that fits, towards what is below."""
        spot = self.evaluate(
            f"""(() => {{
                const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
                return [box.left + 5, Math.max(box.top, 0) + 5];
            }})()"""
        )
        self._call(
            "Input.dispatchMouseEvent",
            type="mouseWheel",
            x=spot[0],
            y=spot[1],
            deltaX=0,
            deltaY=pixels,
        )
        self.painted()

    def go_back(self) -> None:
        """As its button does, until the page knows."""
        self.evaluate(
            """new Promise((done) => {
                addEventListener("popstate", () => setTimeout(done), { once: true });
                history.back();
            })"""
        )
        self.painted()

    def type(self, text: str) -> None:
        """Press the key of each character."""
        for character in text:
            self._call("Input.dispatchKeyEvent", type="keyDown", key=character, text=character)
            self._call("Input.dispatchKeyEvent", type="keyUp", key=character)
        self.painted()

    def press(self, *keys: str) -> None:
        """Press keys that have a name, also such as Control+End."""
        for each in keys:
            key = each.removeprefix("Control+")
            code, text = KEYS[key]
            named = {"key": key, "code": "Space" if key == " " else key}
            for kind in ("keyDown", "keyUp"):
                self._call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    windowsVirtualKeyCode=code,
                    modifiers=2 if key != each else 0,
                    text=text if kind == "keyDown" else "",
                    **named,
                )
        self.painted()

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def on_paper(self) -> bytes:
        """The page printed, as PDF."""
        return base64.b64decode(self._call("Page.printToPDF", printBackground=True)["data"])

    def heard(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader is told of."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]

    def _navigate(self, url: str) -> None:
        self._loaded = False
        self._call("Page.navigate", url=url)
        while not self._loaded:
            self._take(self._message(PATIENCE))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        message: dict[str, Any] = {"id": self._sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while (answer := self._message(PATIENCE)).get("id") != self._sent:
            self._take(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _message(self, patience: float) -> dict[str, Any]:
        end = time.monotonic() + patience
        while b"\0" not in self._buffer:
            ready, _writable, _odd = select.select(
                [self._reader], [], [], max(0, end - time.monotonic())
            )
            piece = os.read(self._reader, 1 << 20) if ready else b""
            if not piece:
                raise AssertionError("the browser has ended, or says nothing any more")
            self._buffer += piece
        first, _end, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def _take(self, message: dict[str, Any]) -> None:
        method, said = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {said['message']}")
            # Its answer is of no interest, and comes when nobody waits for it.
            order = {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            order["sessionId"] = self._session
            os.write(self._writer, json.dumps(order).encode() + b"\0")
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(json.dumps(said))
