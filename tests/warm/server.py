"""The process that has the libraries, and forks for each command: see the package."""

import atexit
import fcntl
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    *("dvc.cli", "dvc.cli.parser", "dvc.dirs", "dvc.repo.index", "dvc.repo.reproduce", "dvc.stage", "dvc.scm"),
    *("numpy", "pandas", "pyarrow.parquet", "pyarrow.dataset", "scipy.stats", "sklearn.ensemble", "matplotlib.pyplot"),
    *("torch", "torchvision", "timm", "fastai.vision.all", "onnx", "onnxruntime", "safetensors.torch", "cleanlab"),
    *("mlflow", "mlflow.pyfunc", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_workspace_store"),
    *("great_expectations", "hydra", "omegaconf", "pydantic", "jinja2", "ruamel.yaml", "requests", "joblib"),
    *("PIL.Image", "faiss", "simplejpeg"),
)
PAUSE = 5  # seconds between looks whether anybody is there still


def main(users: Path) -> None:
    """Serve beside this file as long as anybody has locked it, and delete the folder."""
    folder = users.parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a process that imports them itself shows what there is to warn of
        for library in LIBRARIES:
            importlib.import_module(library)
    assert threading.active_count() == 1, "a fork would lack the other threads"
    assert "fieldguide" not in sys.modules, "each command imports that of its checkout"
    gc.freeze()
    multiprocessing.set_executable(sys.executable)
    sys.executable = str(folder / "python")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for commands
    print("ready", flush=True)
    os.dup2(0, 1)  # nobody reads any more
    while (asked := select.select([listener], [], [], PAUSE)[0]) or is_used(users):
        if not asked:
            continue
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(client)
        client.close()
    shutil.rmtree(folder)


def is_used(users: Path) -> bool:
    """Whether any other process holds a lock on the file."""
    with users.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def serve(client: socket.socket) -> NoReturn:
    """Fork for a command, and tell its exit code; in the fork, be the command. Who hangs up ends it."""
    length, streams, _, _ = socket.recv_fds(client, 8, 3)
    with client.makefile("rb") as sent:
        order = json.loads(sent.read(int.from_bytes(length, "big")))
    command = os.fork()
    if command == 0:
        client.close()
        run(order, streams)
    for stream in (0, 1, 2, *streams):
        os.close(stream)
    ended = os.pidfd_open(command)
    if ended not in select.select([client.fileno(), ended], [], [])[0]:
        os.kill(command, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with suppress(BrokenPipeError):
        client.sendall(code.to_bytes(4, "big", signed=True))
    os._exit(0)


def run(order: dict[str, Any], streams: list[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    module, *arguments = order["words"]
    own = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(Path(path).absolute()) for path in ("", *own)]  # in place of the folder of this file
    sys.argv = [module, *arguments]
    os._exit(exit_code(module))  # at once: to forget so many objects one by one takes longer than most commands


def exit_code(module: str) -> int:
    """Run a module as `python -m` does, all that it has registered for the exit, and what Python says of the end."""
    code: object = None
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as at any exit
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
