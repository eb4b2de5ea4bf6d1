"""Who may ask the app: this machine, under its own name, with the token; and what browsers may do with its answers.

Pages of other origins can make a browser ask 127.0.0.1, and a name that they control can be made to lead there. So the
Host header has to be the app's own, reading needs the cookie that the opened address sets, and changing needs the token
in a header besides, which no other origin can send or read. Browsers send cookies to every port of a machine, so that
another server here may see this one: the token is in no page, the browser keeps it for this port alone.
"""

import hmac
import json
import os
import secrets
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldguide.data.decoding.bounds import MAX_FILE_SIZE
from fieldguide.pages.render import render

TOKEN_HEADER = "x-fieldguide-token"
MAX_JSON = 4 * 2**20  # bytes
PICTURES = "/api/try"  # the one path that takes pictures
READING = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


def kept_token(file: Path) -> str:
    """The token in a file that only its owner may read, made where there is none.

    It outlives the app, so that a page that is open goes on when the app is started again.
    """
    try:
        content = json.loads(file.read_text(encoding="ascii"))
        if isinstance(content, str) and len(content) >= 32:
            return content
    except (OSError, ValueError):
        pass
    token = secrets.token_urlsafe(32)
    _write_private(file, json.dumps(token))
    return token


def opening_file(file: Path, address: str) -> Path:
    """Write a page, for its owner alone, that leads to the address: other users see what commands are given."""
    _write_private(file, render("app/opening_file.html", address=address))
    return file


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(text)


class Guard:
    """Refuses, in one line, what does not come from the app's own pages; sets the headers of every answer."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app = app
        self.port = port
        self.token = token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie_name = f"fieldguide-{port}"
        self.cookie = hmac.new(token.encode(), b"cookie", sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(scope) or self._opened(scope)
        await (answer or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return _refused(421, f"this app answers as http://127.0.0.1:{self.port} only")
        if scope["method"] in READING:
            return None if self._may_read(scope, headers) else _refused(403, "open the address that the app printed")
        if headers.get("origin", f"http://{headers['host']}") != f"http://{headers['host']}":
            return _refused(403, "a page of another origin may not change anything")
        if not _same(headers.get(TOKEN_HEADER, ""), self.token) or not self._has_cookie(headers):
            return _refused(403, "the token is missing: open the address that the app printed")
        length, most = headers.get("content-length", ""), MAX_FILE_SIZE if scope["path"] == PICTURES else MAX_JSON
        if not length.isdecimal():
            return _refused(411, "the length of what is sent is missing")
        if int(length) > most:
            return _refused(413, f"too large: at most {most // 2**20} MB are taken")
        return None

    def _may_read(self, scope: Scope, headers: Headers) -> bool:
        return self._has_cookie(headers) or self._given(scope)

    def _has_cookie(self, headers: Headers) -> bool:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name == self.cookie_name and _same(value, self.cookie) for name, _, value in pairs)

    def _given(self, scope: Scope) -> bool:
        """Whether the address holds the token."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return _same(query.get("token", [""])[0], self.token)

    def _opened(self, scope: Scope) -> Response | None:
        """The address that was printed sets the cookie; its script keeps the token, and leads to one without it.

        It is a page, no redirection: after one browsers count the request as that of the site or file before it.
        """
        if scope["method"] not in READING or not self._given(scope):
            return None
        answer = HTMLResponse(render("app/opened.html"))
        answer.set_cookie(self.cookie_name, self.cookie, httponly=True, samesite="strict")
        return answer


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _refused(code: int, why: str) -> Response:
    return PlainTextResponse(f"fieldguide: {why}\n", code)
