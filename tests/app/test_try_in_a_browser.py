"""Try in Chromium: pictures that are dropped, pasted, and taken with the camera."""

import base64
import importlib.util
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import uvicorn
from PIL import Image

import browser
from app.conftest import TOKEN, DataSet
from app.test_try import UNTOLD, Brightness
from app_process import chromium
from conftest import encoded, noise
from fieldguide.app.model import TrainingPictures
from fieldguide.app.server import create_app

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="there is no Playwright"),
]
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
DROP = """(files) => {
    const given = new DataTransfer(), zone = document.getElementById("drop");
    for (const [name, content] of files)
        given.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name));
    const marked = [];
    for (const kind of ["dragenter", "dragover", "drop"]) {
        zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: given }));
        marked.push(zone.classList.contains("over"));
    }
    return marked;
}"""
COPY = """async (content) => {
    const blob = new Blob([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""
WITH_TEXT = """() => {
    const given = new DataTransfer();
    given.setData("text/plain", "a word");
    given.items.add(new File(["a,b"], "table.csv", { type: "text/csv" }));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData: given, bubbles: true }));
    return document.querySelectorAll(".answer").length;
}"""


@pytest.fixture
def port(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the app answers, with a model that calls bright pictures teddy."""
    training = TrainingPictures([], [], np.zeros((0, 2), np.float32))
    monkeypatch.setattr("fieldguide.app.server.load_model", lambda _: Brightness())
    monkeypatch.setattr("fieldguide.app.server.training_pictures", lambda *_: training)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = int(listening.getsockname()[1])
        app = create_app(data_set.paths, number, TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield number
        finally:
            server.should_exit = True
            thread.join()


def test_pictures_are_dropped_pasted_and_taken_with_the_camera(port: int) -> None:
    here = f"http://127.0.0.1:{port}"
    with chromium(*CAMERA) as started:
        window = started.new_context(permissions=["camera", "clipboard-read", "clipboard-write"])
        page = window.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{here}/?token={TOKEN}")
        page.goto(f"{here}/try")
        answers = page.locator(".answer .bars")

        files = {f"{number}.jpg": encoded(noise(number), "JPEG") for number in range(2)} | {"notes.txt": b"no picture"}
        given = [(name, base64.b64encode(content).decode()) for name, content in files.items()]
        assert page.evaluate(DROP, given) == [True, True, False], "marked until they are dropped"
        answers.nth(1).wait_for()
        assert [page.get_by_alt_text(name, exact=True).count() for name in files] == [1, 1, 0]
        page.locator(".answer .alarm", has_text="notes.txt: ").wait_for()

        page.evaluate(COPY, base64.b64encode(encoded(noise(2), "PNG")).decode())
        page.keyboard.press("Control+v")
        answers.nth(2).wait_for()
        assert page.evaluate(WITH_TEXT) == 4, "what is no picture is not asked about"

        page.keyboard.press("c")
        page.locator("#live").wait_for()
        page.wait_for_function("() => document.getElementById('video').videoWidth > 0")
        page.keyboard.press(" ")
        answers.nth(3).wait_for()
        taken = page.get_by_alt_text("from the camera", exact=True)
        page.wait_for_function("(image) => image.naturalWidth > 0", arg=taken.element_handle())
        page.evaluate("window.track = document.getElementById('video').srcObject.getTracks()[0]")
        page.keyboard.press("Escape")
        assert page.locator("#live").is_hidden() and page.evaluate("window.track.readyState") == "ended"
        page.keyboard.press("c")
        page.locator("#live").wait_for()
        page.locator("#close").click()
        assert complaints == []
        window.close()


def test_what_is_out_of_domain_is_not_called_by_a_label(port: int) -> None:
    with chromium() as started:
        page = started.new_page()
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.goto(f"http://127.0.0.1:{port}/try")
        white = base64.b64encode(encoded(Image.new("RGB", (64, 48), "white"), "PNG")).decode()
        page.evaluate(DROP, [("white.png", white)])
        page.locator(".answer h2", has_text="probably none of these").wait_for()
        assert page.locator(".answer .alarm").inner_text() == "out of domain: far away (p-value below 0.001)"


def test_without_a_camera_the_page_says_so(port: int) -> None:
    with chromium() as started:
        page = started.new_page()
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.goto(f"http://127.0.0.1:{port}/try")
        page.keyboard.press("c")
        page.locator("#toasts", has_text="no camera").wait_for()
        assert page.locator("#live").is_hidden()


def test_where_it_looks_is_shown_in_words_too_and_what_cannot_be_told_is_said(port: int) -> None:
    here = f"http://127.0.0.1:{port}"
    with chromium() as started:
        page = started.new_context().new_page()
        page.goto(f"{here}/?token={TOKEN}")
        page.goto(f"{here}/try")
        content = base64.b64encode(encoded(Image.new("RGB", (80, 60), "white"), "JPEG")).decode()
        page.evaluate(DROP, [("a.jpg", content)])
        page.get_by_alt_text("a.jpg", exact=True).wait_for()
        page.keyboard.press("w")
        page.get_by_alt_text("what speaks for teddy: nowhere", exact=True).wait_for()
        assert page.locator(".colours p").first.text_content() == "what speaks for teddy: nowhere; by guessing"
        assert page.locator(".colours").is_visible()
        assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        page.keyboard.press("w")
        page.get_by_alt_text("a.jpg", exact=True).wait_for()
        assert not page.locator(".colours").is_visible()
        page.evaluate(DROP, [("b.png", base64.b64encode(encoded(noise(1, *UNTOLD), "PNG")).decode())])
        untold = page.locator(".answer").first
        untold.locator(".look").click()
        page.locator(".toast", has_text="no map").wait_for()
        assert untold.locator("img").first.get_attribute("alt") == "b.png"
