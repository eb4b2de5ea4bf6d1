"""A published Space for real: its own packages in a fresh environment, started, and used in Chromium and by its API."""

import importlib.util
import ipaddress
import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

import browser
from app_process import chromium
from conftest import noise, png_header, put, run_command
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.release.publish.space import GRADIO
from pipeline.checkout import free_port
from pipeline.conftest import Reproduced

pytestmark = [
    pytest.mark.slow,
    pytest.mark.installs,
    pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="there is no Playwright"),
]
LARGEST_INSTALL = 600e6  # bytes
BY_THE_HUB = (
    f"gradio[oauth,mcp]=={GRADIO}",
    "uvicorn>=0.14.0",
    "websockets>=10.4",
    "spaces",
)  # beside what is asked for
# Writes down where every process of the app connects to, and which names it looks up.
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        address = arguments[1] if event == "socket.connect" else arguments[0]
        host = address[0] if isinstance(address, tuple) else address
        with open(os.environ["WATCHED"], "a") as file:
            print(host if isinstance(host, str) else repr(host), file=file)
sys.addaudithook(watch)
"""
ASK = """
import json, sys
from gradio_client import Client, handle_file
client = Client(sys.argv[1], verbose=False)
for file in sys.argv[2:]:
    print(json.dumps(client.predict(handle_file(file), api_name="/predict")[3]))
"""


@pytest.fixture(scope="module")
def space(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("published") / "checkout")
    folder = checkout.root.parent / "space"
    checkout.fieldguide("publish", "space", str(folder), "--examples", "2", "--title", "bears of the *sample*")
    return folder


@pytest.fixture(scope="module")
def python(space: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with what the Space asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--requirement", space / "requirements.txt"],
        env=plain(),
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if done.returncode:
        pytest.skip(f"the package registry is not reachable, or refuses: {done.stderr[-500:]}")
    return python


@pytest.fixture(scope="module")
def app(space: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address at which the app answers, and the file of the hosts that it connected to."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched, port = folder / "hosts.txt", free_port()
    environment = {
        **plain(),
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "WATCHED": str(watched),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
    }
    with started([str(python), str(space / "app.py")], folder, environment):
        yield f"http://127.0.0.1:{port}/", watched


@contextmanager
def started(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process that runs until the block ends; the block begins when it has said that it answers."""
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            for line in process.stdout:
                if "Running on local URL" in line:
                    break
            else:
                raise AssertionError(f"it ended with exit code {process.wait()}")
            yield
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()


def plain() -> dict[str, str]:
    """The environment without what belongs to the tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GRADIO_", "VIRTUAL_ENV"))}


@pytest.fixture(scope="module")
def pictures(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All test pictures, and pictures of other shapes, which another version of Pillow may resize in another way."""
    table = read_table(trained.checkout.paths.split_table, SPLIT)
    tested = [trained.checkout.paths.clean / path for path in table.loc[table["split"] == Split.TEST, "clean_path"]]
    folder, shapes = tmp_path_factory.mktemp("shapes"), [(60, 200), (200, 60), (700, 1500), (33, 40), (20, 25)]
    return tested + [
        put(folder / f"{number}.png", noise(number, width, height)) for number, (width, height) in enumerate(shapes)
    ]


@pytest.fixture(scope="module")
def expected(trained: Reproduced, pictures: list[Path]) -> list[dict[str, Any]]:
    """What `fieldguide predict` says of them in the checkout."""
    said = run_command("predict", *map(str, pictures), "--all", "--format", "jsonl", cwd=trained.checkout.root)
    return [json.loads(line) for line in said.stdout.splitlines()]


def asked(python: Path, address: str, *files: Path) -> list[dict[str, Any]]:
    """What the app's API says of files."""
    done = subprocess.run(
        [python, "-c", ASK, address, *files], env=plain(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_install_is_small_and_without_pytorch(python: Path) -> None:
    files = [file for file in python.parents[1].rglob("*") if file.is_file() and not file.is_symlink()]
    size = sum(file.stat().st_size for file in files)
    print(f"the install of the Space: {size / 1e6:.0f} MB")
    assert size < LARGEST_INSTALL
    assert not [file for file in files if "site-packages/torch/" in file.as_posix()]


def test_what_the_hub_installs_beside_it_fits(space: Path, python: Path) -> None:
    command = [str(python), "-m", "pip", "install", "-q", "--dry-run", "-r", str(space / "requirements.txt")]
    done = subprocess.run([*command, *BY_THE_HUB], env=plain(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr


def test_the_api_gives_the_answers_of_predict(
    app: tuple[str, Path], python: Path, pictures: list[Path], expected: list[dict[str, Any]]
) -> None:
    address, _ = app
    found = asked(python, address, *pictures)
    assert len(found) == len(expected) > 5
    for mine, said in zip(found, expected, strict=True):
        each = {name.removeprefix("probability_"): said[name] for name in said if name.startswith("probability_")}
        assert (mine["label"], mine["out_of_domain"], mine["reason"]) == (
            said["label"],
            said["out_of_domain"],
            said["reason"],
        )
        assert mine["probabilities"] == pytest.approx(each, abs=1e-5)
        assert mine["p_value"] == pytest.approx(said["p_value"], abs=1e-5)


def test_hostile_files_get_one_line_and_the_app_stays(
    app: tuple[str, Path], python: Path, pictures: list[Path], tmp_path: Path
) -> None:
    bomb = put(tmp_path / "bomb.png", png_header(60_000, 60_000))
    text = put(tmp_path / "text.jpg", b"<script>alert(1)</script>")
    empty = put(tmp_path / "empty.png", b"")
    address, _ = app
    *refused, good = asked(python, address, bomb, text, empty, pictures[0])
    for one in refused:
        assert one["label"] is None and one["probabilities"] == {}
        assert one["reason"] and "\n" not in one["reason"] and str(tmp_path) not in one["reason"]
    assert "megapixels" in refused[0]["reason"] and good["label"]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_sees_label_bars_domain_and_map_in_the_browser(
    width: int, app: tuple[str, Path], pictures: list[Path], expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    address, _ = app
    requested: list[str] = []
    with chromium() as window:
        page = window.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: requested.append(request.url))
        page.goto(address)
        assert page.locator("h1").inner_text() == "bears of the *sample*"
        domain = page.get_by_label("Is it like the known pictures?")
        for file, said in list(zip(pictures, expected, strict=True))[:2]:
            page.locator("input[type=file]").first.set_input_files(file)
            page.wait_for_function("box => box.value.includes('p-value')", arg=domain.element_handle(), timeout=120_000)
            assert domain.input_value().startswith("No: " if said["out_of_domain"] else "Yes ")
            p_value = said["p_value"]
            assert (f"{p_value:.2g}" if p_value >= 0.001 else "below 0.001") in domain.input_value()
            shown = page.get_by_test_id("label-output-value").inner_text().strip()
            assert shown == said["label"]
            percents = [int(found) for found in re.findall(r"(\d+)%", page.locator("body").inner_text())]
            assert percents and max(percents) == round(100 * said["probability"])
            page.locator("img[src*='/gradio_api/file=']").last.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.get_by_label("Remove Image").or_(page.get_by_label("Clear")).first.click()
            page.wait_for_function("box => box.value === ''", arg=domain.element_handle(), timeout=60_000)
        bomb = put(tmp_path / "bomb.png", png_header(60_000, 60_000))
        page.locator("input[type=file]").first.set_input_files(bomb)
        page.wait_for_function("box => box.value.includes('cannot be read')", arg=domain.element_handle())
        assert domain.input_value().count("\n") == 0
    assert requested and {urlsplit(one).hostname for one in requested if not one.startswith("data:")} == {"127.0.0.1"}


def test_nothing_left_the_machine_and_the_folder_is_as_it_was(app: tuple[str, Path], space: Path) -> None:
    """After all that was asked above."""
    hosts = set(app[1].read_text(encoding="utf-8").split())
    assert hosts, "the app at least asks itself whether it answers"
    outside = {host for host in hosts - {"localhost", "None"} if not is_local(host)}
    assert not outside
    listed = json.loads((space / "published.json").read_text(encoding="utf-8"))["files"]
    files = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} == {*listed, "published.json"}


def is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
