"""What strangers' servers may do: be slow, lead inside, have us wait."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from fieldguide.data import fetching
from fieldguide.data import web as web_module
from fieldguide.data.addresses import Address
from fieldguide.data.fetching import fetch
from web import PICTURE, Web, pictures_in_the_web, says

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "TRIES", web_module.TRIES.new(backoff_factor=0))


@pytest.fixture
def web() -> Iterator[Web]:
    with pictures_in_the_web() as served:
        yield served


def problem(web: Web, folder: Path, path: str) -> str:
    (result,) = fetch([Address(f"{web.address}{path}", "cat", 2)], (), folder, allow_private=True)
    assert not result.file
    assert not list(folder.rglob("*.*"))  # not even half a file
    return result.problem


SILENT = repeat(b"")
SLOW = {
    "says nothing": ("http", SILENT),
    "says nothing to TLS": ("https", SILENT),
    "drips its first line": ("http", chain([b"HTTP/1.0 200 "], repeat(b"O"))),
    "drips headers": ("http", chain([b"HTTP/1.0 200 OK\r\nX: "], repeat(b"x"))),
    "drips the length of a chunk": (
        "http",
        chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], repeat(b"0")),
    ),
    "drips the page of an error": ("http", chain([b"HTTP/1.1 302 Found\r\nLocation: /\r\n"], repeat(b"X: x\r\n"))),
    "has us wait": ("http", chain([b"HTTP/1.0 429 Slow\r\nRetry-After: 20\r\n\r\n"], SILENT)),
}


@pytest.mark.parametrize(("scheme", "parts"), SLOW.values(), ids=SLOW)
def test_one_deadline_holds_wherever_a_server_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, parts: Iterator[bytes]
) -> None:
    monkeypatch.setattr(fetching, "WHOLE", 0.3)
    with says(parts, pause=0.02) as raw:
        url = f"{scheme}{raw.address.removeprefix('http')}/a.png"
        (result,) = fetch([Address(url, "cat", 2)], (), tmp_path, allow_private=True)
    assert result.problem == "not complete after 0 seconds"


def test_the_deadline_holds_while_a_name_is_looked_up(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can break that off; so it is left alone, and gives no file later."""
    answered = threading.Event()

    def slow(*_: object, **__: object) -> list[str]:
        answered.wait()
        return ["127.0.0.1"]

    monkeypatch.setattr(fetching, "WHOLE", 0.3)
    monkeypatch.setattr(web_module, "resolve", slow)
    before = set(threading.enumerate())
    assert problem(web, tmp_path, "/a.png") == "not complete after 0 seconds"
    left = set(threading.enumerate()) - before
    answered.set()
    for thread in left:
        thread.join()
    assert not web.asked
    assert not list(tmp_path.rglob("*.*"))


def test_a_silent_host_does_not_hold_up_the_others_for_hours(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "WHOLE", 0.3)
    with says(SILENT, pause=0.02) as raw:
        rows = [Address(f"{raw.address}/{number}", "cat", number + 2) for number in range(40)]
        *silent, last = fetch([*rows, Address(f"{web.address}/a.png", "dog", 42)], (), tmp_path, allow_private=True)
    assert last.file
    problems = Counter(result.problem.partition(":")[0] for result in silent)
    assert problems["not asked"] >= 40 - 2 * fetching.AT_A_TIME
    assert set(problems) == {"not asked", "not complete after 0 seconds"}


@pytest.mark.parametrize(
    "parts", [SILENT, chain([b"HTTP/1.0 200 OK\r\n\r\n"], repeat(b"x"))], ids=["silent", "endless"]
)
def test_ctrl_c_waits_for_no_slow_server(tmp_path: Path, parts: Iterator[bytes]) -> None:
    """It would be asked for WHOLE seconds, longer than a test may take."""

    def heard() -> Iterator[bytes]:
        yield b""
        os.kill(os.getpid(), signal.SIGINT)
        yield from parts

    with says(heard(), pause=0.02) as raw, pytest.raises(KeyboardInterrupt):
        fetch([Address(f"{raw.address}/a.png", "cat", 2)], (), tmp_path, allow_private=True)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    "place",
    [
        *("127.0.0.1", "2130706433", "0x7f.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fec0::1]"),
        *("[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[ff02::1]", "localhost"),
    ],
)
def test_addresses_that_lead_inside_are_refused(tmp_path: Path, place: str) -> None:
    (result,) = fetch([Address(f"http://{place}:9/a.png", "cat", 2)], (), tmp_path)
    assert "is no public address: refused unless private ones are allowed" in result.problem
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("place", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_internet_is_public(place: str) -> None:
    assert web_module.is_public(place)


def is_not_127_0_0_2(place: str) -> bool:
    return place != "127.0.0.2"


def test_a_redirect_may_not_lead_inside_either(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "is_public", is_not_127_0_0_2)
    web.pages |= {"/in": (302, web.address.replace("127.0.0.1", "127.0.0.2") + "/a.png"), "/first": (307, "/in")}
    (result,) = fetch([Address(f"{web.address}/first", "cat", 2)], (), tmp_path)
    assert result.problem.startswith("leads to 127.0.0.2, which is no public address")


def test_what_is_asked_is_what_was_looked_at(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another machine at each look-up."""
    places = iter(["127.0.0.1", "127.0.0.2"])
    monkeypatch.setattr(web_module, "is_public", is_not_127_0_0_2)
    monkeypatch.setattr(web_module, "resolve", lambda *_: [next(places)])
    (result,) = fetch([Address(f"{web.address.replace('127.0.0.1', 'example.org')}/a.png", "cat", 2)], (), tmp_path)
    assert (tmp_path / result.file).read_bytes() == PICTURE
    assert list(places) == ["127.0.0.2"]


def test_a_proxy_may_be_inside_but_leads_to_nothing_there(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    web.pages["http://8.8.8.8/a.png"] = (200, PICTURE)
    outside, inside = fetch([Address(f"http://{to}/a.png", "cat", 2) for to in ("8.8.8.8", "10.0.0.1")], (), tmp_path)
    assert outside.file
    assert inside.problem.startswith("leads to 10.0.0.1, which is no public address")
    assert set(web.asked) == {"http://8.8.8.8/a.png"}


@pytest.mark.parametrize(
    ("after", "waits", "asked"),
    [
        ("7", [7, 7, 7], 4),
        ("3600", [], 1),
        ("9" * 5000, [], 4),
        ("soon", [], 4),
        ("Fri, 31 Dec 9999 23:59:59 GMT", [], 1),
        ("Thu, 01 Jan 1970 00:00:00 GMT", [], 4),
    ],
)
def test_a_server_that_is_asked_too_much_says_how_long_to_wait(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, waits: list[float], asked: int
) -> None:
    """It is waited for within a bound; one that wants more is left to the next time."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    web.pages["/busy"] = (429, b"busy")
    web.headers["Retry-After"] = after
    assert problem(web, tmp_path, "/busy") == "the server answers 429 Too Many Requests"
    assert [seconds for seconds in slept if seconds] == waits
    assert web.asked["/busy"] == asked
