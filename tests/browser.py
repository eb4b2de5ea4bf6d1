"""Headless Chromium, told over its debugging port: size, light or dark, and scripts, whatever the page allows."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


@dataclass(frozen=True)
class Look:
    """What a page looks like: the answer of a script that ran in it, what the browser complained of, and a PNG."""

    answer: Any
    complaints: list[str]
    png: bytes


@dataclass(frozen=True)
class Browser:
    """A running browser."""

    port: int

    def look(self, page: Path, script: str, width: int = 1280, height: int = 900, scheme: str = "light") -> Look:
        """Open a page in a window of this size and run a script in it; `scheme` is light or dark."""
        with urlopen(f"http://127.0.0.1:{self.port}/json", timeout=10) as response:
            (tab,) = [tab for tab in json.load(response) if tab["type"] == "page"]
        return asyncio.run(_look(tab["webSocketDebuggerUrl"], page, script, width, height, scheme))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser, and end it."""
    assert CHROMIUM
    # Its children may still write to the profile when the browser itself has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *QUIET]
        started = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Browser(_port(Path(profile) / "DevToolsActivePort"))
        finally:
            started.terminate()
            started.wait()


def _port(file: Path) -> int:
    for _ in range(240):
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.25)
    raise TimeoutError("Chromium did not start")


async def _look(tab: str, page: Path, script: str, width: int, height: int, scheme: str) -> Look:
    import websockets

    complaints: list[str] = []
    number = 0
    async with websockets.connect(tab, max_size=None) as socket:

        async def receive() -> dict[str, Any]:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message.get("method") == "Log.entryAdded":
                complaints.append(message["params"]["entry"]["text"])
            return message

        async def call(method: str, **params: object) -> dict[str, Any]:
            nonlocal number
            number += 1
            await socket.send(json.dumps({"id": number, "method": method, "params": params}))
            while (message := await receive()).get("id") != number:
                pass
            result: dict[str, Any] = message["result"]
            return result

        await call("Log.enable")
        await call("Page.enable")
        await call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        await call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await call("Page.navigate", url=page.resolve().as_uri())
        while (await receive()).get("method") != "Page.loadEventFired":
            pass
        answer = await call("Runtime.evaluate", expression=script, returnByValue=True)
        shot = await call("Page.captureScreenshot")
        return Look(answer["result"].get("value"), complaints, base64.b64decode(shot["data"]))
