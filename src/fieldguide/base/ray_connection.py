"""Connecting to a cluster of Ray, or starting one on this machine for as long as it is needed."""

import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fieldguide.base.cluster_address import AUTO, check_address, reach
from fieldguide.base.errors import first_line
from fieldguide.base.process import quiet_environment

MODULES = "PYTHONPATH"
OBJECTS = 2**28  # bytes that a Ray of its own sets aside for what tasks exchange
TOKEN = Path(".ray", "auth_token")  # in the home folder
TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")  # which Ray reads before that file
# Its log monitor looks for new logs ten times a second, to send them to this process, which does not take them: that is
# a fifth of what such a Ray takes with nothing to do. From 0 logs on it looks only once in so many seconds.
UNREAD_LOGS = {"RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "0", "LOG_NAME_UPDATE_INTERVAL_S": "3600"}


def check_ray_address(address: str) -> None:
    """Raise ValueError if it is no address of Ray's."""
    check_address(address, words=(AUTO,))


def connect_to_ray(
    address: str | None, stack: ExitStack, own: dict[str, Any], variables: Mapping[str, str] | None = None
) -> Any:
    """The module `ray`, connected until the stack is closed; workers find modules where this process finds them, first.

    Without an address Ray is started on this machine, as large as `own` says, in a folder that is deleted in the end;
    `own` are arguments of `ray.init`, `variables` those of the workers' environment.

    Raises OSError, RuntimeError or ValueError if it cannot be reached, or does not start.
    """
    path = _search_path(and_its_own=address is not None)
    settings: dict[str, Any] = {"runtime_env": {"env_vars": {**(variables or {}), **path}}}
    quiet_environment()  # before it is imported: it would ask about usage reports, and keep the answer
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it writes one to the home folder
        for name, value in UNREAD_LOGS.items():
            os.environ.setdefault(name, value)
        # Ray's sockets are in it, and have short paths.
        folder = TemporaryDirectory(
            prefix="fieldguide-", dir=os.environ.get("RAY_TMPDIR", "/tmp"), ignore_cleanup_errors=True
        )
        settings |= {**own, "object_store_memory": OBJECTS, "include_dashboard": False}
        settings |= {"_temp_dir": stack.enter_context(folder)}
    elif address != AUTO:
        reach(address)
        if _token_place():  # Ray itself uses one unasked only with `auto`
            os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray
    from ray._private import worker

    stack.callback(ray.shutdown)
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **settings)
    except ConnectionError as error:
        is_refused = address not in (None, AUTO)  # somebody listens there
        raise ConnectionError(first_line(error) + (_about_the_token() if is_refused else "")) from None
    worker._worker_logs_enabled = False  # else Ray tells of lost workers on stdout, among what a command prints
    return ray


def reason_of(error: Exception) -> str:
    """What an error of Ray's says, in a line: that of a task wraps another one."""
    return first_line(getattr(error, "cause", None) or error)


def _token_place() -> str:
    """Where Ray finds this user's token for clusters; "" if there is none."""
    given = (name for name in TOKEN_VARIABLES if os.environ.get(name))
    return next(given, f"~/{TOKEN}" if (Path.home() / TOKEN).is_file() else "")


def _about_the_token() -> str:
    if place := _token_place():
        return f"; is this machine's token, {place}, that of the cluster?"
    return f"; if the cluster asks for a token, copy its ~/{TOKEN} to this machine"


def _search_path(*, and_its_own: bool) -> dict[str, str]:
    """Python's search path from the environment, for another working directory; perhaps before the worker's own one."""
    if not (given := os.environ.get(MODULES)):
        return {}
    places = [str(Path(place).absolute()) for place in given.split(os.pathsep) if place]
    if and_its_own:  # Ray puts it in. Where there is none, `${...}` would become "", which is the working directory
        places.append(f"${MODULES}")
    return {MODULES: os.pathsep.join(places)}
