"""`fieldguide app`: starts the server, and opens it in a browser."""

import os
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import uvicorn

from fieldguide.app.access import kept_token, opening_file
from fieldguide.app.server import create_app
from fieldguide.base.errors import UserError
from fieldguide.base.git import user_name
from fieldguide.base.paths import Paths
from fieldguide.base.processor import one_linear_algebra_thread

PORT, TRIED = 8765, 20  # where it listens, or the first free one behind it


class _Server(uvicorn.Server):
    """Tells where it is once it answers."""

    def __init__(self, config: uvicorn.Config, address: str, opened: Path | None) -> None:
        super().__init__(config)
        self.address, self.opened = address, opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"fieldguide app: {self.address}", flush=True)
        print("The address holds a token: whoever has it may review. Ctrl-C ends the app.", flush=True)
        if self.opened and _has_screen():
            page = opening_file(self.opened, self.address).absolute().as_uri()
            Thread(target=webbrowser.open, args=[page], daemon=True).start()


def start_app(paths: Paths, port: int | None, is_opened: bool, folders: Sequence[Path] = ()) -> None:
    """Serve the app of a checkout on 127.0.0.1 until Ctrl-C.

    Parameters
    ----------
    port
        0 is any free one; None is PORT or, where that is taken, one of the next.
    is_opened
        Whether to open it in the browser of a machine with a screen.
    folders
        Where else than in data/ pictures are that it may show.

    Raises
    ------
    UserError
        If the port is taken, or a folder is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}: check the path")
    listening = _listen(port)
    number = listening.getsockname()[1]
    token = kept_token(paths.checkout_state / "app_token.json")
    if not user_name(paths.checkout):
        print(
            "warning: git has no user name, so no decision can be recorded: git config user.name NAME", file=sys.stderr
        )
    config = uvicorn.Config(
        create_app(paths, number, token, [folder.resolve() for folder in folders]),
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        server_header=False,
        http="h11",
        h11_max_incomplete_event_size=16_384,
    )
    opened = paths.checkout_state / "app" / "open.html" if is_opened else None
    with one_linear_algebra_thread():  # for all requests, which are answered side by side
        _Server(config, f"http://127.0.0.1:{number}/?token={token}", opened).run([listening])


def _listen(port: int | None) -> socket.socket:
    for candidate in range(PORT, PORT + TRIED) if port is None else [port]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(128)
            return listener
        except OSError as error:
            reason = error.strerror
            listener.close()
    where = f"port {port}" if port else f"the ports {PORT} to {PORT + TRIED - 1}"
    raise UserError(f"{where} of 127.0.0.1 cannot be used ({reason}): choose another one with --port")


def _has_screen() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
