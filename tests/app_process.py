"""`fieldguide app` as a process, and pages of it in headless Chromium."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

import browser


class AppProcess:
    """The app of a checkout on a port of its own; it can be killed and started again there."""

    def __init__(self, root: Path, port: int, environment: dict[str, str]) -> None:
        self.root, self.port, self.environment = root, port, environment
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        command = ["fieldguide", "app", "--no-open", "--port", str(self.port)]
        self.process = psutil.Popen(command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.address = self.process.stdout.readline().split()[-1]

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        self.process.send_signal(signal.SIGINT)
        return int(self.process.wait(30))


@contextmanager
def app_process(root: Path, port: int, environment: dict[str, str] | None = None) -> Iterator[AppProcess]:
    app = AppProcess(root, port, environment or dict(os.environ))
    try:
        yield app
    finally:
        if app.process.is_running():
            app.kill()


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """Playwright's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=["--no-sandbox", *options])
        try:
            yield found
        finally:
            found.close()
