"""The processes that have the libraries, and fork for each command: see the package.

There are two: one for DVC alone, which is a small process that is quickly forked, and one for all else, which imports
its libraries when the first command comes that needs them.
"""

import atexit
import ctypes
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
import sqlite3
import sys
import threading
import traceback
import warnings
import weakref
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = {
    "dvc": (
        *("dvc.cli", "dvc.cli.parser", "dvc.dirs", "dvc.repo.index", "dvc.repo.reproduce", "dvc.stage", "dvc.scm"),
        *("dvc._debug", "dvc.cachemgr", "dvc.data_cloud", "dvc.repo.artifacts", "dvc.repo.datasets", "dvc.repo.graph"),
        *("dvc.repo.metrics", "dvc.repo.params", "dvc.repo.plots", "dvc.repo.trie", "dvc.rwlock", "dvc_render"),
        *("dvc_data.hashfile.db.local", "dvc_data.hashfile.status", "dulwich.worktree", "networkx", "tabulate"),
    ),
    "fieldguide": (
        *("numpy", "pandas", "pyarrow.parquet", "pyarrow.dataset", "pyarrow.acero", "scipy.stats", "sklearn.ensemble"),
        *("torch", "torchvision", "timm", "fastai.vision.all", "onnx", "onnxruntime", "safetensors.torch", "cleanlab"),
        *("mlflow", "mlflow.pyfunc", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_workspace_store"),
        *("mlflow.tracing.processor.base_mlflow", "mlflow.utils.search_logged_model_utils", "git", "alembic.command"),
        *("great_expectations", "cleanvision.imagelab", "hydra", "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper"),
        *("hydra_plugins.hydra_joblib_launcher.joblib_launcher", "hydra._internal.core_plugins.basic_launcher"),
        *("hydra._internal.core_plugins.basic_sweeper", "omegaconf", "pydantic", "jinja2", "ruamel.yaml", "requests"),
        *("joblib", "faiss", "simplejpeg", "imagehash", "PIL.ImageCms", "PIL.TiffImagePlugin", "PIL.JpegImagePlugin"),
        *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "safetensors.numpy", "tabulate"),
    ),
}
SOURCE = Path(__file__).parents[2] / "src"
TABLES = "mlflow.db"  # a database in which MLflow has made its tables, and nothing else
HUGE_PAGE = 2 << 20  # bytes
MADV_COLLAPSE = 25  # of <linux/mman.h>
PAUSE = 5  # seconds between looks whether anybody is there still
PATIENCE = 600  # seconds: other tests keep the other cores busy, and a command's own processes import the libraries


def main(users: Path) -> None:
    """Serve beside this file as long as anybody has locked it, and delete the folder."""
    folder = users.parent
    listeners = {kind: listening(folder / f"{kind}.socket") for kind in LIBRARIES}
    multiprocessing.set_executable(sys.executable)
    sys.executable = str(folder / "python")
    print("ready", flush=True)
    os.dup2(0, 1)  # nobody reads any more
    second = os.fork()
    kind = "dvc" if second else "fieldguide"
    for other in set(LIBRARIES) - {kind}:
        listeners[other].close()
    if is_asked(listeners[kind], users):
        import_libraries(kind)
        if kind == "fieldguide":
            look_once()
            make_tables(folder / TABLES)
            copy_tables(folder / TABLES)
        use_huge_pages()
        serve(listeners[kind], users)
    if second:
        os.waitpid(second, 0)
        shutil.rmtree(folder)


def listening(file: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(file))
    listener.listen(64)
    return listener


def is_asked(listener: socket.socket, users: Path) -> bool:
    """Wait until somebody asks, or nobody is there to ask any more."""
    while not (asked := select.select([listener], [], [], PAUSE)[0]) and is_used(users):
        pass
    return bool(asked)


def is_used(users: Path) -> bool:
    """Whether any other process holds a lock on the file."""
    with users.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def import_libraries(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a process that imports them itself shows what there is to warn of
        if kind == "fieldguide":
            import_without_compiler()
        for library in LIBRARIES[kind]:
            importlib.import_module(library)
    assert threading.active_count() == 1, "a fork would lack the other threads"
    assert "fieldguide" not in sys.modules, "each command imports that of its checkout"
    for undoing in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        undoing.atexit = False  # what libraries would undo, such as PyTorch its operators, goes with the process
    gc.freeze()


def import_without_compiler() -> None:
    """Import what fieldguide imports without torch's compiler, by its module for that, of which nothing stays."""
    libraries: Any = runpy.run_path(str(SOURCE / "fieldguide" / "model" / "libraries.py"))
    for name in ("torchvision", "timm"):
        libraries["library"](name)


def look_once() -> None:
    """What libraries keep when they have looked for it once: which packages there are, how letters are drawn."""
    from matplotlib.figure import Figure
    from mlflow.utils import requirements_utils

    requirements_utils._init_packages_to_modules_map()
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set(title="a title", xlabel="words", ylabel="numbers", xscale="log", xlim=(1e-4, 1e4))
    axes.plot([1, 2], [1, 2], label="a line")
    axes.legend()
    figure.savefig(BytesIO(), format="png")


def make_tables(ready: Path) -> None:
    """Let MLflow make its tables in this file, which is there when all of them are."""
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    unfinished = ready.with_suffix(".unfinished")
    if (process := os.fork()) == 0:  # in a process of its own: MLflow says what it does, and leaves settings behind
        os.dup2(0, 2)
        try:
            utils._initialize_tables(create_engine(f"sqlite:///{unfinished}"))
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0, "MLflow made no tables"
    unfinished.replace(ready)


def copy_tables(ready: Path) -> None:
    """Let MLflow take its tables from this database, once that is there, instead of making them by forty migrations.

    How MLflow makes them itself is seen where commands start cold.
    """
    from mlflow.store.db import utils
    from sqlalchemy import Engine, inspect

    make = utils._initialize_tables

    def copied(engine: Engine) -> None:
        if engine.dialect.name != "sqlite" or inspect(engine).get_table_names() or not ready.exists():
            make(engine)
            return
        with closing(sqlite3.connect(ready)) as source, closing(engine.raw_connection()) as target:
            source.backup(target.driver_connection)

    utils._initialize_tables = copied


def use_huge_pages() -> None:
    """Ask the kernel to keep what was imported in huge pages: to fork, and to exit, it goes through all pages.

    Of a gigabyte in small ones these two take longer than most commands. A kernel that cannot leaves it as it is.
    """
    kernel = ctypes.CDLL(None)
    kernel.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
        if rights.startswith("rw") and name in ("", "[heap]"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            first, last = -(-start // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE
            if first < last:
                kernel.madvise(first, last - first, MADV_COLLAPSE)


def serve(listener: socket.socket, users: Path) -> None:
    """Begin what is asked for, and tell who asked how it ended. Who hangs up ends it."""
    running: dict[int, tuple[int, socket.socket]] = {}  # processes and who waits for them, by what tells of their end
    while True:
        waiting = {client.fileno(): ended for ended, (_, client) in running.items()}
        ready = select.select([listener.fileno(), *running, *waiting], [], [], PAUSE)[0]
        if not ready and not is_used(users):
            return
        for number in ready:
            if number == listener.fileno():
                client, _ = listener.accept()
                process = begin(client, [number, *running, *waiting])
                running |= {os.pidfd_open(process): (process, client)} if process else {}
            elif number in running:
                process, client = running.pop(number)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                with suppress(BrokenPipeError), client:
                    client.sendall(code.to_bytes(4, "big", signed=True))
                os.close(number)
            elif waiting[number] in running:  # who waited for it has hung up
                signal.pidfd_send_signal(waiting[number], signal.SIGKILL)


def begin(client: socket.socket, others: list[int]) -> int:
    """The id of a process that does what the client asks for; 0 if the client was gone before it had said what."""
    head, streams, _, _ = socket.recv_fds(client, 8, 3)
    length = int.from_bytes(head, "big")
    with client.makefile("rb") as sent:
        order = sent.read(length)
    process = 0
    if len(order) == length > 0 and (process := os.fork()) == 0:
        client.close()
        for number in others:
            os.close(number)
        run(json.loads(order), streams)
    for stream in streams:
        os.close(stream)
    return process


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
        if module.startswith("fieldguide."):
            parallel: Any = importlib.import_module("fieldguide.base.parallel")
            parallel.PATIENCE = PATIENCE
        if module == "-c":
            exec(compile(sys.argv.pop(1), "<string>", "exec"), {"__name__": "__main__"})
        else:
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
