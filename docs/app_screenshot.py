"""Draws docs/app.png: the page of reviews of this checkout, in Chromium: `python docs/app_screenshot.py`.

Needs the results of `make repro`, Playwright and Chromium. No decision is made.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1280, 800


def main() -> None:
    """Start the app, look at it, end it."""
    command = [sys.executable, "-m", "fieldguide.cli", "app", "--no-open", "--port", "0"]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout
        address = app.stdout.readline().split()[-1]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(address)
            page.locator(".card").first.wait_for()
            page.keyboard.press("ArrowRight")
            page.wait_for_load_state("networkidle")
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=ROOT / "docs" / "app.png")
            browser.close()
    finally:
        app.terminate()
        app.wait()


if __name__ == "__main__":
    main()
