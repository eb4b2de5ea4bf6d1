"""The same work by each engine, side by side: `python bench/engine_overhead.py`; with the extras `ray` and `dask`.

What `clean` does with photos, and the frozen features of their copies, by 1 and by 2 workers. Each case is a process of
its own, in which the workers have started and done a few pictures before the clock starts. Seconds of the processor
count, of this process and all workers: on a busy machine those of the clock tell little.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil

from common import ROOT, Figure, Skipped, report
from photos import photos

COMPARED = "clean and frozen features on workers of Ray and of Dask against processes of this machine, per picture"
ENGINES = {"ray": "ray", "dask": "distributed"}
WORKERS, ROUNDS, WARM = (1, 2), 3, 16
IDLE = 5  # seconds in which the cluster has nothing to do
MOST = 1.15  # times the processor's seconds of local
ARCHITECTURE, SIZE = "mobilenetv2_100", 224
Costs = dict[str, dict[str, float]]  # by the kind of work: seconds of the clock and of the processor for a picture


def measure() -> list[Figure]:
    """Ratios, and pictures a second."""
    missing = [name for name, library in ENGINES.items() if find_spec(library) is None]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
    folder = photos((1.0, 3.0), 120)
    with tempfile.TemporaryDirectory() as temporary:
        network = Path(temporary, "network.onnx")
        network.write_bytes(network_bytes())
        cases = [(engine, workers) for workers in WORKERS for engine in ("local", *ENGINES)]
        found: dict[tuple[str, int], list[Costs]] = {case: [] for case in cases}
        for _ in range(ROUNDS):  # in turn, so that a busy machine slows all alike
            for engine, workers in cases:
                command = [sys.executable, __file__, "one", engine, str(workers), str(folder), str(network)]
                done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
                found[engine, workers].append(json.loads(done.stdout.splitlines()[-1]))
    figures = []
    for kind in ("clean", "features"):
        local = [costs[kind]["processor"] for costs in found["local", 2]]
        for engine in ENGINES:
            own = [costs[kind]["processor"] for costs in found[engine, 2]]
            ratio = statistics.median(one / other for one, other in zip(own, local, strict=True))
            idle = statistics.median(costs["nothing"]["processor"] * costs[kind]["clock"] for costs in found[engine, 2])
            detail = f"{1000 * statistics.median(own):.1f} against {1000 * statistics.median(local):.1f} ms a picture; "
            detail += f"{1000 * idle:.1f} of it the cluster takes in this time with nothing to do"
            figures.append(Figure(f"{kind}, {engine}, 2 workers", ratio, MOST, at_most=True, detail=detail))
        for engine, workers in cases:
            rate = 1 / statistics.median(costs[kind]["clock"] for costs in found[engine, workers])
            detail = f"best {1 / min(costs[kind]['clock'] for costs in found[engine, workers]):.0f}"
            figures.append(Figure(f"{kind}, {engine}, {workers} workers", rate, unit="pictures/s", detail=detail))
    for engine in ENGINES:  # on a slow or busy machine it is much for each picture
        idle = 1000 * statistics.median(costs["nothing"]["processor"] for costs in found[engine, 2])
        figures.append(Figure(f"nothing, {engine}, 2 workers", idle, unit="ms of the processor in each second"))
    return figures


def network_bytes() -> bytes:
    """A body with random weights."""
    import torch

    from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, Normalization
    from fieldguide.model.network import build_body
    from fieldguide.model.onnx_export import export_network
    from fieldguide.model.torch_network import ObservedNetwork

    torch.manual_seed(0)
    body = build_body(Architecture("timm", ARCHITECTURE, {}))
    return export_network(ObservedNetwork(body, None, Normalization(IMAGENET_MEAN, IMAGENET_STD), SIZE))


def one(engine: str, workers: int, folder: Path, network_file: Path) -> Costs:
    """What the work costs by an engine, a picture."""
    from fieldguide.base.clusters import EngineConfig
    from fieldguide.base.config import CleanConfig
    from fieldguide.base.engines import map_chunks, map_pictures, use_engine
    from fieldguide.base.files import sha256_of_file
    from fieldguide.data.cleaning_file import RawFile, Work, clean_file
    from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Normalization
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.features import features_of
    from fieldguide.model.onnx_network import read_onnx

    if workers < len(os.sched_getaffinity(0)):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:workers])  # of local: one for each core
    network = read_onnx(network_file, threads=workers)
    look = Preprocessing(150.0, 320, "squish", "zeros", SIZE, Normalization(IMAGENET_MEAN, IMAGENET_STD))
    files = sorted(folder.rglob("*.jpg"))
    chosen = EngineConfig(engine, None, None if engine == "local" else workers)
    with tempfile.TemporaryDirectory() as temporary, use_engine(chosen, folder):
        target, cache = Path(temporary, "clean"), Path(temporary, "cache")
        target.mkdir()
        raw = [RawFile(file, sha256_of_file(file), (0,), (("a", None),)) for file in files]

        def clean(some: list[RawFile], where: Path) -> list[Path]:
            found = map_pictures(partial(clean_file, Work(CleanConfig(), target, where), None), some, "clean")
            return [target / rows[0]["clean_path"] for rows in found]

        def features(copies: list[Path]) -> None:
            list(map_chunks(partial(features_of, network, look), copies, "features"))

        features(clean(raw[:WARM], Path(temporary, "warm")))
        copies: list[Path] = []
        return {
            "clean": cost(lambda: copies.extend(clean(raw, cache)), len(files)),
            "features": cost(lambda: features(copies), len(files)),
            "nothing": cost(lambda: time.sleep(IDLE), IDLE),
        }


def cost(action: Callable[[], object], pictures: int) -> dict[str, float]:
    """Seconds of the clock and of the processor, a picture."""
    start, busy = time.perf_counter(), processor_seconds()
    action()
    return {
        "clock": (time.perf_counter() - start) / pictures,
        "processor": (processor_seconds() - busy) / pictures,
    }


def processor_seconds() -> float:
    """Of this process, of those that it has started, and of those that have ended."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in [own, *own.children(recursive=True)])


def environment() -> dict[str, str]:
    """As the stages have it; one thread for each call of a library."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(one(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))))
    else:
        report(measure)
