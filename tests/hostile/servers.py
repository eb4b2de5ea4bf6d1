"""A server that counts, drips, redirects and lies: `fieldguide add` takes what is good, once, and names the rest."""

import csv
import gzip
import socketserver
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from unittest.mock import patch

from checkouts import new_checkout
from conftest import encoded, noise, run_command
from fieldguide.base.paths import Paths
from fieldguide.data import fetching, web
from fieldguide.data.addresses import keys_of, read_addresses
from hostile.case import Result, tell

OK = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
WHOLE, MEGABYTES = 3.0, 2  # seconds and megabytes for an address, here
Parts = Iterator[bytes] | list[bytes]  # said one after the other, with a pause behind each
DRIPS: dict[str, Parts] = {
    "silence": repeat(b""),
    "its first line": repeat(b"H"),
    "headers": [f"{OK}X: ".encode(), *[b"x"] * 10_000],
    "a body": [f"{OK}\r\n".encode(), *[b"x"] * 10_000],
    "the length of a chunk": [f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode(), *[b"0"] * 10_000],
    "a redirect": [b"HTTP/1.1 302 Found\r\nLocation: /ok0\r\n", *[b"X: x\r\n"] * 10_000],
    "nothing after its headers": [f"{OK}Content-Length: 9\r\n\r\n".encode(), *[b""] * 10_000],
    "an error": [b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n", *[b"X: x\r\n"] * 10_000],
}


def answers() -> dict[str, tuple[bytes | Parts, str]]:
    """By path: what the server says, and what is to be said of it; "" where the picture is to come."""
    picture = encoded(noise(1), "PNG")
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (picture[:100], picture[100:])) + b"0\r\n\r\n"
    bomb, refused = gzip.compress(bytes(50_000_000)), "cannot be reached"
    found: dict[str, tuple[bytes | Parts, str]] = {}

    def good(name: str, headers: str, body: bytes = picture) -> None:
        found[f"good/{name}"] = (f"{OK}{headers}\r\n".encode() + body, "")

    def bad(name: str, answer: bytes | str | Parts, said: str) -> None:
        found[f"bad/{name}"] = (answer.encode() if isinstance(answer, str) else answer, said)

    for number in range(10):
        good(f"ok{number}", f"Content-Length: {len(picture)}\r\n")
    good("no-length", "")
    good("chunked", "Transfer-Encoding: chunked\r\n", chunked)
    good("another-type", "Content-Type: text/html\r\n")
    good("gzip", "Content-Encoding: gzip\r\n", gzip.compress(picture))
    good("deflate", "Content-Encoding: deflate\r\n", zlib.compress(picture))
    good("escapes", "X: \x1b[31m\r\nSet-Cookie: a=b; Domain=.com\r\n")
    for status in (301, 302, 303, 307, 308):
        found[f"good/to{status}"] = (
            f"HTTP/1.1 {status} Moved\r\nConnection: close\r\nLocation: /good/ok0?{status}\r\n\r\n".encode(),
            "",
        )
    found["good/relative"] = (b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: ../good/ok0?r\r\n\r\n", "")
    for hop in range(8):
        found[f"hop/{hop}"] = (f"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {hop + 1}\r\n\r\n".encode(), "")
    found["hop/8"] = (f"{OK}\r\n".encode() + picture, "")
    for name, target, said in (
        ("itself", "/bad/itself", "more than 10 times"),
        ("a-file", "file:///etc/passwd", refused),
        ("ftp", "ftp://127.0.0.1/a", refused),
        ("data", "data:image/png;base64,AA", refused),
        ("script", "javascript:alert(1)", refused),
        ("half", "http://[::1", refused),
        ("port", "http://127.0.0.1:99999/", refused),
        ("nowhere", "http://127.0.0.1:1/a", refused),
        ("long", "/" + "a" * 70_000, refused),
    ):
        bad(name, f"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {target}\r\n\r\n", said)
    for status in (204, 206, 304, 400, 401, 403, 404, 410, 418, 429, 451, 500, 502, 503, 504, 599, 999):
        bad(
            f"status{status}",
            f"HTTP/1.1 {status} \x1b[31mWhat?token=secret\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            f"the server answers {status}",
        )
    bad("wait-an-hour", "HTTP/1.1 429 Slow\r\nConnection: close\r\nRetry-After: 3600\r\n\r\n", "the server answers 429")
    bad(
        "wait-for-ever",
        f"HTTP/1.1 429 Slow\r\nConnection: close\r\nRetry-After: {'9' * 4000}\r\n\r\n",
        "the server answers 429",
    )
    for name, headers, body, said in (
        ("shorter", f"Content-Length: {len(picture) + 9}\r\n", picture, refused),
        ("length-text", "Content-Length: many\r\n", b"", ""),
        ("two-lengths", "Content-Length: 5\r\nContent-Length: 7\r\n", b"12345", refused),
        ("no-chunk", "Transfer-Encoding: chunked\r\n", b"zz\r\nabc", refused),
        ("huge-chunk", "Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\nabc", refused),
        ("half-chunk", "Transfer-Encoding: chunked\r\n", chunked[:-9], refused),
        ("no-gzip", "Content-Encoding: gzip\r\n", b"abc", refused),
        ("gzip-bomb", "Content-Encoding: gzip\r\n", bomb, "larger than 2 megabytes"),
        ("gzip-twice", "Content-Encoding: gzip, gzip\r\n", gzip.compress(bomb), "larger than 2 megabytes"),
        ("large", "", bytes(2_500_000), "larger than 2 megabytes"),
        ("claims-much", "Content-Length: 99999999999\r\n", b"x", refused),
        ("empty", "Content-Length: 0\r\n", b"", "the server sends an empty answer"),
    ):
        bad(name, f"{OK}{headers}\r\n".encode() + body, said or "the server sends an empty answer")
    bad("long-header", f"{OK}X: {'x' * 70_000}\r\n\r\n", refused)
    bad("many-headers", OK + "X: x\r\n" * 1000 + "\r\n", refused)
    bad("no-http", b"\x89PNG\r\n\x1a\n" + bytes(500), refused)
    bad("ssh", "SSH-2.0-OpenSSH\r\n", refused)
    bad("hangs-up", b"", refused)
    for number, (name, parts) in enumerate(DRIPS.items()):
        bad(f"drip{number}-{name.replace(' ', '-')}", parts, "not complete after")
    return found


ROWS = {  # addresses that are none, by what is to be said of them
    "http://": "not an address",
    "https://:80": "not an address",
    "file:///etc/passwd": "not an address",
    "javascript:alert(1)": "not an address",
    "data:image/png;base64,AA": "not an address",
    "ftp://127.0.0.1/a.png": "not an address",
    "//127.0.0.1/a.png": "not an address",
    "127.0.0.1/a.png": "not an address",
    "/etc/passwd": "not an address",
    "C:\\a.png": "not an address",
    "http://[::1": "not a valid address",
    "http://\u2100.com/a.png": "not a valid address",
    "http://127.0.0.1:99999/a": "cannot be reached",
    "http://127.0.0.1:0/a": "cannot be reached",
    "http://127.0.0.1:port/a": "cannot be reached",
    f"http://{'a' * 300}.invalid/": "cannot be reached",
    "http://xn--a.invalid/": "cannot be reached",
    "http://a..b/": "cannot be reached",
    "http://%zz/": "cannot be reached",
    "http://me:secret@127.0.0.1:1/a": "cannot be reached",
    "http://\x1b[31m/a": "not a valid address",
}


@contextmanager
def serving(pages: dict[str, tuple[bytes | Parts, str]]) -> Iterator[tuple[str, Counter[str]]]:
    """The server's address, and how often each path was asked."""
    asked: Counter[str] = Counter()
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            words = self.request.recv(65536).split(b" ")
            path = words[1].decode("latin-1").strip("/") if len(words) > 1 else ""
            asked[path] += 1
            answer = pages.get(path.partition("?")[0], (b"", ""))[0]
            with suppress(OSError):
                if isinstance(answer, bytes):
                    self.request.sendall(answer)
                    return
                for part in answer:
                    self.request.sendall(part)
                    if over.wait(0.02):
                        return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close, request_queue_size = True, False, 64

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            over.set()
            server.shutdown()


def run(folder: Path) -> Result:
    """One list with all of them; a second fetch of the same; and the same without the leave to look inside."""
    pages = answers()
    wrong: list[str] = []
    with (
        serving(pages) as (address, asked),
        patch.object(fetching, "WHOLE", WHOLE),
        patch.object(web, "MEGABYTES", MEGABYTES),
        patch.object(web, "TRIES", web.TRIES.new(backoff_factor=0)),
    ):
        rows = [
            (f"{address}/{path}", "cat" if number % 2 else "dog", said)
            for number, (path, (_, said)) in enumerate(pages.items())
        ]
        rows += [(url, "cat", said) for url, said in ROWS.items()]
        paths, file = new_checkout(folder / "checkout"), folder / "list.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("url", "label"), *(row[:2] for row in rows)])
        done = run_command("add", "pets", str(file), "--allow-private", cwd=paths.root)
        if done.returncode:
            tell(wrong, f"add: {done.stderr}")
        told = {
            int(line.partition("line ")[2].partition(",")[0].partition(":")[0]): line
            for line in done.stderr.splitlines()
        }
        came = keys_of(path.name for path in (paths.sources / "pets").rglob("*"))
        numbers = {row.url: row for row in read_addresses(file)}
        for url, _, said in rows:
            row = numbers[url.strip()]
            line = told.get(row.line, "")
            if said not in line or bool(line) != bool(said) or (row.key in came) != (not said):
                tell(wrong, f"{url[:80]}: {line[:200]!r}, and not {said!r}")
            if "secret" in line or not line.isprintable():
                tell(wrong, f"{url[:80]}: shows {line[:200]!r}")
        wrong += _counted(paths, file, asked)
        before = asked.total()
        inside = run_command("add", "inside", str(file), cwd=paths.root)
        if asked.total() != before or inside.returncode != 1 or "no public address" not in inside.stderr:
            tell(wrong, f"add without --allow-private: {inside.stderr[-300:]}")
    return Result("servers", len(rows) + 2, wrong)


def _counted(paths: Paths, file: Path, asked: Counter[str]) -> list[str]:
    """What came is asked once, and not again."""
    wrong: list[str] = []
    for path, count in asked.items():
        if path.startswith("good/") and "?" not in path and count != 1:
            tell(wrong, f"{path} was asked {count} times")
    before = asked.copy()
    rows = [row for row in read_addresses(file) if "/good/" in row.url]
    fetching.fetch(
        rows, keys_of(path.name for path in (paths.sources / "pets").rglob("*")), file.parent / "again", True
    )
    if asked != before:
        tell(wrong, f"asked again: {asked - before}")
    return wrong
