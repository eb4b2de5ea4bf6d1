"""Where work on many pictures is done: in processes of this machine, or by the workers of a Ray or Dask cluster.

The group `engine` says which; it changes no byte of a result. A cluster gets chunks of pictures as tasks, and does what
a lost worker had again; results come back in order. It is connected when there is the first work for it.
"""

import hashlib
import platform
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from fieldguide.base.clusters import LOCAL, Cluster, EngineConfig, check_installed, connect
from fieldguide.base.errors import UserError
from fieldguide.base.parallel import map_processes, on_one_core
from fieldguide.base.processor import gpu_model, one_linear_algebra_thread, processor_model
from fieldguide.base.progress import Progress, progress

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Iterable[Item]], Iterable[Result]]

CHUNK = 64  # pictures of a task at most: about a second of work, beside which handing it out takes little
PATIENCE = 120.0  # seconds for a worker to come back where there is none: on a busy machine one takes long to start
MOMENT = 5.0  # seconds after which it is looked whether there still is a worker
AHEAD = 4  # chunks for each worker that are handed out before the first of them has its results
RESULTS_FOLLOW_FROM = ("numpy", "pillow", "simplejpeg", "onnxruntime", "imagehash", "cleanvision")

_connected: ContextVar[Callable[[], Cluster] | None] = ContextVar("connected", default=None)
_shared: ContextVar[tuple[Path, ...]] = ContextVar("shared", default=())


@contextmanager
def use_engine(engine: EngineConfig, *shared: Path) -> Iterator[None]:
    """Within it `map_pictures` and `map_chunks` work on this engine.

    `shared` are files or folders that every worker must see by the same path. Raises UserError if the engine's library
    is not installed; where they work, if the cluster cannot be reached, or a worker is not fit (see `_check_worker`).
    """
    if engine.kind == LOCAL:
        yield
        return
    check_installed(f"engine {engine.kind}", engine.kind)
    with ExitStack() as stack:
        before, seen = _connected.set(cache(lambda: connect(engine, stack))), _shared.set(shared)
        try:
            yield
        finally:
            _connected.reset(before)
            _shared.reset(seen)


def map_pictures(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    description: str,
    lost: Callable[[Item], Result] | None = None,
) -> list[Result]:
    """What `map_processes` does, on the chosen engine."""
    if _connected.get() is None:
        return map_processes(function, items, description, lost=lost)
    return list(map_chunks(partial(_each, function), items, description, lost=lost))


def map_chunks(
    function: Work[Item, Result],
    items: Iterable[Item],
    description: str,
    *,
    total: int | None = None,
    lost: Callable[[Item], Result] | None = None,
    here: bool = False,
) -> Iterator[Result]:
    """Call `function` on all items in this process, or on chunks of them on a cluster; its results in order.

    Parameters
    ----------
    function
        It has to give the same for the items, however they are divided, and to return its failures; picklable.
    description
        What is being done, for the progress.
    total
        The number of items, where they do not know it themselves; their chunks then are all of `CHUNK`.
    lost
        What stands for an item whose worker dies, also when it is tried once more and alone.
    here
        Work in this process, whatever the engine.

    Raises
    ------
    UserError
        If the cluster cannot be reached or goes away, or a worker dies and nothing is said of what is `lost`.
    """
    connected, count = _connected.get(), len(items) if isinstance(items, Sized) else None
    total = count if total is None else total
    if connected is None or here or total == 0:
        yield from function(progress(items, description, total))
        return
    with Progress(description, total) as shown:
        for chunk, results in _by_chunks(connected(), function, items, count, lost):
            yield from results
            shown.update(len(chunk))


def _each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    return map(function, items)


def _by_chunks(
    cluster: Cluster,
    function: Work[Item, Result],
    items: Iterable[Item],
    count: int | None,
    lost: Callable[[Item], Result] | None,
) -> Iterator[tuple[list[Item], list[Result]]]:
    work = partial(cluster.submit, _work, function, conditions(), _shared.get())
    size = CHUNK if count is None else max(1, min(CHUNK, count // (AHEAD * cluster.workers())))
    remaining = iter(items)
    waiting: deque[tuple[list[Item], Any]] = deque()
    while True:
        with _told(cluster):
            room = AHEAD * cluster.workers() - len(waiting)
        for chunk in islice(iter(lambda: list(islice(remaining, size)), []), max(0, room)):
            waiting.append((chunk, work(chunk)))
        if not waiting:
            return
        chunk, pending = waiting.popleft()
        try:
            results = _results(cluster, pending)
        except cluster.lost:
            for _, other in waiting:  # what else is under way could take the worker or its memory away once more
                with suppress(*cluster.lost):
                    _results(cluster, other)
            results = [result for item in chunk for result in _alone(cluster, work, item, lost)]
        yield chunk, results


def _alone(
    cluster: Cluster, work: Callable[[list[Item]], Any], item: Item, lost: Callable[[Item], Result] | None
) -> list[Result]:
    try:
        return _results(cluster, work([item]))
    except cluster.lost:
        if lost is None:
            raise UserError(
                f"{cluster.name}: the worker with {item} died, also when it was tried alone: there may be too little "
                "memory"
            ) from None
        return [lost(item)]


def _results(cluster: Cluster, pending: Any) -> list[Any]:
    seen = time.monotonic()  # when there was a worker
    while True:
        with _told(cluster):
            try:
                results, error = pending.result(MOMENT)
                break
            except TimeoutError:
                seen = time.monotonic() if cluster.workers() else seen
        if time.monotonic() > seen + PATIENCE:
            raise UserError(f"{cluster.name} has no worker left: start one, then run this again")
    if error is not None:
        raise error
    return list(results)


@contextmanager
def _told(cluster: Cluster) -> Iterator[None]:
    """Raise UserError where the cluster goes away, or cannot begin a task: what a task itself raises is its result."""
    try:
        yield
    except cluster.lost:
        raise
    except cluster.unfit as reason:
        raise UserError(
            f"{cluster.name} cannot run fieldguide ({cluster.reason(reason)}): install the same version of it on all "
            "machines, that of the scheduler too"
        ) from None
    except cluster.gone as reason:
        raise UserError(f"{cluster.name} went away ({cluster.reason(reason)}): start it, then run this again") from None


def _work(
    function: Work[Item, Result], wanted: tuple[str, ...], shared: tuple[Path, ...], chunk: list[Item]
) -> tuple[list[Result], Exception | None]:
    """A task: the results of a chunk, or what was raised, since a cluster would wrap it."""
    try:
        _check_worker(wanted, shared)
        with on_one_core(), one_linear_algebra_thread():
            return list(function(chunk)), None
    except Exception as error:
        return [], error


@lru_cache(maxsize=1)
def _check_worker(wanted: tuple[str, ...], shared: tuple[Path, ...]) -> None:
    """Raise UserError where results would not be the same, or files would not be found."""
    where = f"the worker on {socket.gethostname()}"
    if other := next((pair for pair in zip(conditions(), wanted, strict=True) if pair[0] != pair[1]), None):
        raise UserError(f"{where} has {other[0]}, this process {other[1]}: results would not be the same bytes")
    if missing := next((path for path in shared if not path.exists()), None):
        raise UserError(f"{where} does not see {missing}: all machines have to see the files by the same paths")


@cache
def conditions() -> tuple[str, ...]:
    """What the bytes of results follow from beside the pictures and the configuration."""
    package, code = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    own = f"fieldguide's code {code.hexdigest()[:12]}"
    libraries = (f"Python {platform.python_version()}", *map(_version, RESULTS_FOLLOW_FROM))
    return own, *libraries, f"the processor {processor_model()}", f"the GPU {gpu_model() or 'none'}"


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"
