"""Address lists: what is fetched from the web, what becomes of a bad row, and that nothing is asked for twice."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fieldguide.base.errors import UserError
from fieldguide.data import fetching
from fieldguide.data import web as web_module
from fieldguide.data.addresses import Address, keys_of, read_addresses
from fieldguide.data.fetching import fetch
from web import PICTURE, Web, pictures_in_the_web, says, serve


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "TRIES", web_module.TRIES.new(backoff_factor=0))


@pytest.fixture
def web() -> Iterator[Web]:
    with pictures_in_the_web() as served:
        yield served


def listed(folder: Path, text: str) -> list[Address]:
    file = folder / "pets.csv"
    file.write_text(text, encoding="utf-8")
    return read_addresses(file)


def problem(web: Web, folder: Path, path: str) -> str:
    (result,) = fetch([Address(f"{web.address}{path}", "cat", 2)], (), folder, allow_private=True)
    assert not result.file
    assert not list(folder.rglob("*.*"))  # not even half a file
    return result.problem


def test_a_row_is_an_address_and_a_label_and_counts_once(tmp_path: Path) -> None:
    rows = listed(
        tmp_path, "\ufefflabel,url,licence\ncat, http://a/1.jpg ,CC0\n,http://a/2.jpg,\ncat,http://a/1.jpg,\n,,\n"
    )
    assert rows == [Address("http://a/1.jpg", "cat", 2), Address("http://a/2.jpg", "", 3)]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    rows = listed(tmp_path, "url, label\n\nhttp://a/1,cat,,\n\nhttp://a/2\n")
    assert rows == [Address("http://a/1", "cat", 3), Address("http://a/2", "", 5)]


def test_the_name_of_the_folder_of_those_without_a_label_is_no_label(tmp_path: Path) -> None:
    assert listed(tmp_path, "url,label\nhttp://a/1,unlabelled\n") == [Address("http://a/1", "", 2)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"address,label\nhttp://a,cat\n", "pets.csv has no column 'url': its first line must be url,label"),
        (b"", "pets.csv has no column 'url'"),
        (b"url,label,label\nhttp://a,cat,dog\n", "pets.csv has 2 columns 'label': its first line must be url,label"),
        (
            b"url,label\nhttp://a,b.png,cat\n",
            "pets.csv, line 2: more cells than columns: an address that holds a comma",
        ),
        (b'url,label\n"http://a,cat\n', "pets.csv cannot be read as a CSV file in UTF-8: unexpected end of data"),
        (b"url,label\nhttp://a,b\xe4r\n", "pets.csv cannot be read as a CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "pets.csv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_addresses(tmp_path / "pets.csv")


def test_pictures_come_as_they_are_into_the_folders_of_their_labels(web: Web, tmp_path: Path) -> None:
    rows = [
        Address(f"{web.address}/a.png", "cat", 2),
        Address(f"{web.address}/b/a.png", "cat", 3),
        Address(f"{web.address}/moved", "", 4),
    ]
    results = fetch(rows, (), tmp_path, allow_private=True)
    assert [result.problem for result in results] == ["", "", ""]
    assert [PurePosixPath(result.file).parts[0] for result in results] == ["cat", "cat", "unlabelled"]
    assert [(tmp_path / result.file).read_bytes() for result in results] == [PICTURE, web.pages["/b/a.png"][1], PICTURE]
    assert len({result.file for result in results}) == 3  # the same name twice


def test_an_address_that_is_known_is_not_asked_again(web: Web, tmp_path: Path) -> None:
    rows = [Address(f"{web.address}/a.png", "cat", 2), Address(f"{web.address}/b/a.png", "dog", 3)]
    (first,) = fetch(rows[:1], (), tmp_path, allow_private=True)
    (second,) = fetch(rows, keys_of([first.file]), tmp_path, allow_private=True)
    assert second.address == rows[1]
    assert web.asked == {"/a.png": 1, "/b/a.png": 1}


@pytest.mark.parametrize(
    ("url", "label", "said"),
    [
        ("file:///etc/passwd", "cat", "not an address that begins with http:// or https://"),
        ("http://", "cat", "not an address that begins with http:// or https://"),
        ("http://[::1", "cat", "not a valid address"),
        ("http://me:secret@\u2100.com/a.png", "cat", "not a valid address"),
        (f"http://{'a' * 64}.invalid/a.png", "cat", "cannot be reached (location parse error)"),
        ("http://127.0.0.1:9/a.png", "../cat", "'../cat' is not a valid name of a folder, so it cannot be a label"),
    ],
)
def test_a_bad_row_costs_itself_only(web: Web, tmp_path: Path, url: str, label: str, said: str) -> None:
    bad, good = fetch(
        [Address(url, label, 2), Address(f"{web.address}/a.png", "cat", 3)], (), tmp_path, allow_private=True
    )
    assert (bad.problem, bad.file) == (said, "")
    assert good.file


def test_an_address_under_two_labels_counts_under_the_first(web: Web, tmp_path: Path) -> None:
    url = f"{web.address}/a.png"
    first, second = fetch([Address(url, "cat", 2), Address(url, "dog", 5)], (), tmp_path, allow_private=True)
    assert first.file
    assert second.problem == "the same address also has the label 'cat' (line 2): keep one"


def test_what_a_server_refuses_is_said(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web.pages |= {"/empty": (200, b""), "/large": (200, bytes(2_000_001)), "/out": (302, "file:///etc/passwd")}
    monkeypatch.setattr(web_module, "MEGABYTES", 2)
    assert problem(web, tmp_path, "/gone.png") == "the server answers 404 Not Found"
    assert problem(web, tmp_path, "/empty") == "the server sends an empty answer"
    assert problem(web, tmp_path, "/large") == "larger than 2 megabytes"
    assert problem(web, tmp_path, "/out") == "cannot be reached (invalid schema)"


def test_where_a_server_sends_us_may_be_no_address(web: Web, tmp_path: Path) -> None:
    web.pages["/out"] = (302, "http://[::1")
    assert problem(web, tmp_path, "/out") == "cannot be reached (value error)"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.0 404 \x1b[31mGone?token=secret\r\n\r\n", "the server answers 404 Not Found"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "cannot be reached (protocol error)"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "cannot be reached (protocol error)"),
        (b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc", "cannot be reached (decode error)"),
    ],
)
def test_half_and_strange_answers(tmp_path: Path, answer: bytes, said: str) -> None:
    with says([answer]) as raw:
        assert problem(raw, tmp_path, "/a.png") == said


def test_a_server_that_sends_a_byte_now_and_then_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE", 0.3)
    endless = chain([b"HTTP/1.0 200 OK\r\n\r\n"], repeat(b"x"))
    with says(endless, pause=0.02) as raw:
        assert problem(raw, tmp_path, "/a.png") == "not complete after 0 seconds"


def test_half_a_file_is_not_taken_for_a_picture_that_was_fetched(web: Web, tmp_path: Path) -> None:
    """A killed job leaves one under a hidden name."""
    address = Address(f"{web.address}/a.png", "cat", 2)
    half = tmp_path / "cat" / f".{PurePosixPath(address.file).name}.partial"
    half.parent.mkdir()
    half.write_bytes(b"half")
    assert keys_of([half.name]) == set()
    (result,) = fetch([address], keys_of([half.name]), tmp_path, allow_private=True)
    assert (tmp_path / result.file).read_bytes() == PICTURE
    assert not half.exists()


def test_a_server_that_fails_for_a_moment_is_asked_again(web: Web, tmp_path: Path) -> None:
    web.pages["/busy"] = (503, b"")
    assert problem(web, tmp_path, "/busy") == "the server answers 503 Service Unavailable"
    assert web.asked["/busy"] == 4


def test_a_server_that_is_away_is_said_without_the_address(tmp_path: Path) -> None:
    with serve({}) as gone:
        address = gone.address
    (result,) = fetch([Address(f"{address}/a.png?token=secret", "cat", 2)], (), tmp_path, allow_private=True)
    assert result.problem == "cannot be reached (connection error)"


def test_what_may_be_secret_in_an_address_is_not_shown() -> None:
    address = Address("https://me:password@example.org/cats/1.jpg?token=secret", "cat", 7)
    assert address.shown == "line 7, https://example.org/cats/1.jpg"
    assert "secret" not in address.file
    assert Address("https://example.org/\x1b[31m.jpg", "cat", 7).shown == r"line 7, https://example.org/\x1b[31m.jpg"


@given(st.text(max_size=80), st.text(max_size=20))
@example("bear-0123456789ab.orig.jpg", "")
def test_a_picture_never_leaves_the_folder(path: str, query: str) -> None:
    """Whatever stands in an address: a label's folder, a plain name, and the key by which it is known again."""
    address = Address(f"http://example.org/{path}?{query}", "cat", 2)
    folder, name = address.file.split("/")
    assert folder == "cat"
    assert name.isascii()
    assert not name.startswith(".")
    assert len(name) < 100
    assert keys_of([address.file]) == {address.key}
