"""Draw docs/mlflow.png: a sweep in MLflow's UI, as headless Chromium shows it.

fieldguide sweep resize=crop,pad train.lr=0.001,0.01 train.epochs=10
python docs/mlflow_screenshot.py
"""

import asyncio
import base64
import io
import json
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import websockets
from mlflow import MlflowClient
from PIL import Image

from fieldguide.tracking.store import database_address

UI, BROWSER = 5391, 5392  # ports of 127.0.0.1
WIDTH, HEIGHT = 1500, 1160
EXPAND = "document.querySelector('[data-component-id$=\"runnamecellrenderer.tsx_46\"]').click()"
CLOSED = "localStorage['mlflow.assistant.panelOpen_v1'] = 'false'; location.reload()"


def main() -> None:
    """Start the UI and the browser, take the picture, end both."""
    store = database_address(Path.cwd() / "mlflow.db")
    experiment = MlflowClient(store).get_experiment_by_name("fieldguide").experiment_id
    page = f"http://127.0.0.1:{UI}/#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    ui = ["mlflow", "ui", "--host=127.0.0.1", f"--port={UI}", "--workers=1", f"--backend-store-uri={store}"]
    with tempfile.TemporaryDirectory() as profile:
        browser = [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--hide-scrollbars", f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}"),
            f"--remote-debugging-port={BROWSER}",
        ]
        processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for command in (ui, browser)]
        try:
            answer(f"http://127.0.0.1:{UI}/health")
            tabs = json.loads(answer(f"http://127.0.0.1:{BROWSER}/json"))
            png = asyncio.run(photograph(tabs[0]["webSocketDebuggerUrl"], page))
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(96).save(Path(__file__).with_name("mlflow.png"), optimize=True)


def answer(address: str) -> bytes:
    """What a server says, as soon as it does."""
    for _ in range(240):
        try:
            with urlopen(address, timeout=5) as response:
                return bytes(response.read())
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(address)


async def photograph(tab: str, page: str) -> bytes:
    """The page as PNG, with the sweep's runs unfolded."""
    async with websockets.connect(tab, max_size=None) as socket:

        async def call(method: str, **params: object) -> dict[str, str]:
            await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
            while "id" not in (message := json.loads(await socket.recv())):
                pass  # events, which nobody asked for
            return message["result"]

        await call("Page.navigate", url=page)
        for script in (CLOSED, EXPAND):
            await asyncio.sleep(10)  # for the UI to draw itself
            await call("Runtime.evaluate", expression=script)
        await asyncio.sleep(5)
        return base64.b64decode((await call("Page.captureScreenshot"))["data"])


if __name__ == "__main__":
    main()
