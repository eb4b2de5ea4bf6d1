"""Addresses of clusters, as Ray and Dask write them: checked before any work, and tried before their libraries do."""

import re
import socket

PATIENCE = 30  # seconds to wait for a cluster, or for a worker where there is none
AUTO = "auto"  # of Ray: the cluster whose node this machine is
FORM = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s/@:\[\]]+):(?P<port>[0-9]+)")
MOST = 65535  # the highest port


def check_address(address: str, schemes: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> None:
    """Raise ValueError if an address is neither one of the words nor HOST:PORT, perhaps after one of the schemes."""
    found = FORM.fullmatch(address)
    if address in words or (found and found["scheme"] in (None, *schemes) and 0 < int(found["port"]) <= MOST):
        return
    form = f"{schemes[0]}://HOST:PORT" if schemes else "HOST:PORT"
    or_words = "".join(f", or {word}" for word in words)
    raise ValueError(f"address must be {form}, an IPv6 host in brackets{or_words} (given: {address!r})")


def reach(address: str) -> None:
    """Raise OSError if nobody listens at a HOST:PORT: the libraries themselves would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except OSError as error:
        raise OSError(error.strerror or str(error)) from None
