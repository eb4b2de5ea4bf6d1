"""A small web that tests serve themselves, on 127.0.0.1."""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conftest import encoded, noise

PICTURE = encoded(noise(1), "PNG")


@dataclass
class Web:
    """Its address, what it answers by path (a status, and a body or where to go instead), and what it was asked."""

    address: str
    pages: dict[str, tuple[int, bytes | str]]
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    asked: Counter[str] = field(default_factory=Counter)


@contextmanager
def serve(pages: Mapping[str, tuple[int, bytes | str]]) -> Iterator[Web]:
    """Serve pages until the block ends; a path that is none of them is answered with 404."""
    web = Web("", dict(pages))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked[self.path] += 1
            status, body = web.pages.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            if isinstance(body, str):
                self.send_header("Location", body)
            for name, value in web.headers.items():
                self.send_header(name, value)
            content = body if isinstance(body, bytes) else b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web.address = f"http://127.0.0.1:{server.server_address[1]}"
        with _running(server):
            yield web


@contextmanager
def says(parts: Iterable[bytes], pause: float = 0) -> Iterator[Web]:
    """A server that answers whatever it is asked with these bytes, `pause` seconds after each part, and hangs up."""

    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            with suppress(OSError):  # the other side has heard enough
                for part in parts:
                    self.request.sendall(part)
                    if over.wait(pause):
                        return

    with _Stubborn(("127.0.0.1", 0), Handler) as server, _running(server):
        try:
            yield Web(f"http://127.0.0.1:{server.server_address[1]}", {})
        finally:
            over.set()


class _Stubborn(socketserver.ThreadingTCPServer):
    """Talks on, however long, and is not waited for."""

    daemon_threads = True
    block_on_close = False


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def pictures_in_the_web() -> Iterator[Web]:
    """A server of two pictures and of an address that has moved."""
    pages: dict[str, tuple[int, bytes | str]] = {
        "/a.png": (200, PICTURE),
        "/b/a.png": (200, encoded(noise(2), "PNG")),
        "/moved": (302, "/a.png"),
    }
    with serve(pages) as served:
        yield served
