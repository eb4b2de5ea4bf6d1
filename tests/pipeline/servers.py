"""Servers of MLflow that tests start, ask and end."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout, free_port


@dataclass(frozen=True)
class Server:
    """A server that answers, until it is ended."""

    address: str
    process: psutil.Popen


@contextmanager
def started(checkout: Checkout, folder: Path, health: str, *arguments: str) -> Iterator[Server]:
    """`mlflow ARGUMENTS` on a free port, with the variables of a checkout, in a folder of its own that gets its log.

    `health` is the path that answers as soon as the server does.
    """
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = ["mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        process = psutil.Popen(command, cwd=folder, env=checkout.environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            answers(f"{address}/{health}", process)
            yield Server(address, process)
        finally:
            end(process)


@contextmanager
def served(checkout: Checkout, model: str, folder: Path) -> Iterator[str]:
    """`mlflow models serve` of a model in the checkout's store; yields the address that answers for pictures."""
    own = checkout.with_variables(
        MLFLOW_TRACKING_URI=database_address(checkout.root / "mlflow.db"),
        PYTHONPATH=os.devnull,  # the code comes with the model
    )
    with started(own, folder, "ping", "models", "serve", "--env-manager", "local", "--model-uri", model) as server:
        yield f"{server.address}/invocations"


def asked(address: str, pictures: Sequence[bytes]) -> list[dict[str, Any]]:
    """The answers of a served model for the bytes of picture files."""
    records = [{"picture": base64.b64encode(content).decode()} for content in pictures]
    body = json.dumps({"dataframe_records": records}).encode()
    with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=60) as response:
        return list(json.load(response)["predictions"])


def end(process: psutil.Popen) -> None:
    """End a server and the workers that it started."""
    if process.poll() is None:
        for one in [*process.children(recursive=True), process]:
            one.kill()
        process.wait()


def answers(address: str, process: psutil.Popen) -> None:
    """Wait until a server answers."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
