"""One address of the web: what it gives, within bounds of time and size, and nothing from inside this network."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.client import responses
from ipaddress import IPv4Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import InvalidHeader, LocationParseError, MaxRetryError
from urllib3.util import Retry
from urllib3.util.connection import create_connection

from fieldguide import __version__

MEGABYTES = 100  # of one picture, at most
CONNECT, SILENCE = 10.0, 30.0  # seconds: to get an answer, without a byte
WAIT = 30  # seconds that a server may have us wait before the next try, at most
HOPS = 10  # from one address to the next
CHUNK = 1 << 16  # bytes
NAT64 = IPv6Network("64:ff9b::/96")  # the last four bytes are the address of IPv4 that is meant


class Refused(Exception):
    """A server answered, but not with a picture that could be taken; or it was not asked at all."""


class Visit:
    """What is done for one address, until somebody ends it: its connections break, and it makes no new one."""

    def __init__(self, allow_private: bool) -> None:
        self.allow_private = allow_private
        self._lock = threading.Lock()
        self._ended = False
        self._lines: list[socket.socket] = []

    def end(self) -> bool:
        """End it, from any thread; returns whether it had not ended before."""
        with self._lock:
            first, self._ended = not self._ended, True
            lines, self._lines = self._lines, []
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        return first

    def connect(self, host: str, port: int, allow_private: bool) -> socket.socket:
        """A connection to what the name means at this moment: no second look-up, which could mean another machine."""
        failed: OSError | None = None
        for place in public(resolve(host, port), allow_private):
            if self._ended:
                raise Refused("stopped")
            try:
                line = create_connection((place, port), CONNECT, socket_options=[(socket.IPPROTO_TCP, 1, 1)])
            except OSError as error:
                failed = error
                continue
            with self._lock:
                if not self._ended:
                    self._lines.append(line.dup())  # TLS takes the socket over, so the copy breaks both
                    return line
            line.close()
            raise Refused("stopped")
        raise failed or OSError(f"{host} has no address")


def resolve(host: str, port: int) -> list[str]:
    """The network addresses of a name. Raises OSError where there are none, LocationParseError for an invalid one."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise LocationParseError(host) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def public(places: list[str], allow_private: bool) -> list[str]:
    """Those network addresses that may be asked. Raises Refused where there are some, and none may be."""
    allowed = [place for place in places if allow_private or is_public(place)]
    if places and not allowed:
        raise Refused(f"leads to {places[0]}, which is no public address: refused unless private ones are allowed")
    return allowed


def is_public(place: str) -> bool:
    """Whether a network address belongs to the internet, also where IPv6 only carries an address of IPv4."""
    address = ip_address(place)
    if address.version == 6:
        nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
        if carried := address.ipv4_mapped or address.sixtofour or nat64:
            return is_public(str(carried))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Adapter(HTTPAdapter):
    """Lets every connection of a session be made by a visit."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(max_retries=TRIES)
        self._visit = visit

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        assert isinstance(pool, HTTPConnectionPool)
        visit, allowed = self._visit, self._visit.allow_private
        if select_proxy(
            request.url or "", proxies
        ):  # the person's own, wherever it is; it must lead to nothing private
            with suppress(OSError):  # names that only the proxy knows
                public(resolve(urlsplit(request.url or "").hostname or "", 0), allowed)
            allowed = True
        made = {"_new_conn": lambda self: visit.connect(self._dns_host, self.port, allowed)}
        pool.ConnectionCls = type("Connection", (type(pool).ConnectionCls,), made)
        return pool


class _Tries(Retry):
    """Tries again after what the server asks for, if that is bearable; what its last answer was is not lost."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):  # whatever strangers write there
            return None

    def increment(self, method: Any = None, url: Any = None, response: Any = None, *args: Any, **more: Any) -> "_Tries":
        if response is not None:
            response.close()  # else all of it is read, without a bound
            if (self.get_retry_after(response) or 0) > WAIT:
                raise MaxRetryError(more["_pool"], url)
        return super().increment(method, url, response, *args, **more)


TRIES = _Tries(
    total=3,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
    retry_after_max=2 * WAIT,
)


def download(url: str, file: Path, visit: Visit) -> None:
    """Write what an address gives to `file`. Raises Refused, ValueError, and what requests and urllib3 raise."""
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(visit))
        session.headers["User-Agent"] = f"fieldguide/{__version__}"
        for _ in range(HOPS):
            with session.get(url, stream=True, allow_redirects=False, timeout=(CONNECT, SILENCE)) as answer:
                onward = session.get_redirect_target(answer)
                if onward is None:
                    return _save(answer, file)
                url = urljoin(answer.url, onward)
    raise Refused(f"sends us on more than {HOPS} times")


def _save(answer: requests.Response, file: Path) -> None:
    if answer.status_code != requests.codes.ok:
        meaning = responses.get(answer.status_code, "")  # the server's own words are a stranger's
        raise Refused(f"the server answers {answer.status_code} {meaning}".rstrip())
    with file.open("wb") as out:
        while chunk := answer.raw.read1(CHUNK, decode_content=True):  # what is there: few bytes of a slow server
            if out.tell() + len(chunk) > MEGABYTES * 1_000_000:
                raise Refused(f"larger than {MEGABYTES} megabytes")
            out.write(chunk)
        if not out.tell():
            raise Refused("the server sends an empty answer")
