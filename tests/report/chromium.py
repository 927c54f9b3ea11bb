"""Headless Chromium, driven through its own pipe (the DevTools protocol) by nothing but Python."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]


class Chromium:
    """One browser with one page.

    Parameters
    ----------
    profile : Path
        An empty directory for the browser's own files.
    """

    def __init__(self, profile: Path) -> None:
        self.number, self.waiting, self.session = 0, b"", ""
        reads, self.write = os.pipe()
        self.read, writes = os.pipe()

        def connect() -> None:  # the browser listens on descriptor 3 and answers on 4
            low, high = os.dup(reads), os.dup(writes)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self.process = subprocess.Popen(
            [str(BINARY), *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=connect,
            close_fds=False,
        )
        os.close(reads)
        os.close(writes)
        target = next(
            t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"
        )
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the browser."""
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self.read)
        os.close(self.write)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; events met on the way are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive(timeout=60)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def receive(self, timeout: float) -> dict[str, Any]:
        """Return the next message; an event is also kept in `events`."""
        while b"\0" not in self.waiting:
            if not select.select([self.read], [], [], timeout)[0]:
                raise TimeoutError("the browser does not answer")
            self.waiting += os.read(self.read, 1 << 20)
        text, self.waiting = self.waiting.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message and hasattr(self, "events"):
            self.events.append(message)
        return message

    def open(self, page: Path, width: int = 1100, scheme: str = "light") -> list[str]:
        """Open a page and return its troubles: console errors, requests, broken layout.

        A request of anything but the page itself counts, whether or not it succeeds.
        """
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media="", features=features)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.receive(timeout=60)
        settled = time.monotonic() + 0.5
        while time.monotonic() < settled:
            try:
                self.receive(timeout=0.2)
            except TimeoutError:
                continue
        return _troubles(self.events, page.as_uri())

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression says about the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Save a picture of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        picture = self.call(
            "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
        )
        path.write_bytes(base64.b64decode(picture["data"]))

    def pdf(self, path: Path) -> None:
        """Save the page as it is printed."""
        printed = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(printed["data"]))


def _troubles(events: list[dict[str, Any]], own: str) -> list[str]:
    found = []
    for event in events:
        method, what = event["method"], event["params"]
        if method == "Runtime.exceptionThrown":
            found.append(f"exception: {what['exceptionDetails']['text']}")
        elif method == "Runtime.consoleAPICalled" and what["type"] in (
            "error",
            "warning",
            "assert",
        ):
            found.append(f"console: {[argument.get('value') for argument in what['args']]}")
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            found.append(f"log: {what['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            url = what["request"]["url"]
            if url != own and not url.startswith("data:"):
                found.append(f"request: {url}")
    return found
