"""Mapping over pictures on an engine; Ray and Dask themselves are in tests/engines/."""

import pickle
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from conftest import CHECKOUT, run_python
from fieldguide.base import engines
from fieldguide.base.clusters import Cluster, EngineConfig
from fieldguide.base.engines import map_chunks, map_pictures, use_engine
from fieldguide.base.errors import UserError
from fieldguide.base.parallel import usable_cores
from fieldguide.base.paths import Paths
from fieldguide.base.ray_connection import reason_of
from fieldguide.configuration.compose import compose
from fieldguide.model.onnx_network import read_onnx
from fieldguide.screening.array_files import read_texts, write_arrays
from onnx_files import network as small_network

RAY = EngineConfig("ray")


class Died(Exception):
    """The worker of a task, and those of its retries."""


class Ended(Exception):
    """The whole cluster."""


class Threads:
    """A cluster whose workers are threads; `dies` says which tasks end their worker."""

    def __init__(self, dies: Callable[[list[int]], bool] = lambda chunk: False) -> None:
        self.dies, self.count, self.chunks = dies, 2, list[list[int]]()
        self.pool = ThreadPoolExecutor(2)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        chunk = arguments[-1]
        self.chunks.append(chunk)
        if self.dies(chunk):
            lost: Future[Any] = Future()
            lost.set_exception(Died("it died"))
            return lost
        return self.pool.submit(function, *arguments)

    def cluster(self) -> Cluster:
        return Cluster("engine test", self.submit, lambda: self.count, (Died,), (Ended,))


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    made = Threads()
    monkeypatch.setattr("fieldguide.base.engines.connect", lambda engine, stack: made.cluster())
    monkeypatch.setattr("fieldguide.base.engines.check_installed", lambda *_: None)
    yield made
    made.pool.shutdown()


def square(number: int) -> int:
    time.sleep(0.005 * (number % 5 == 0))
    return number * number


def cores(numbers: Iterable[int]) -> Iterator[int]:
    return (usable_cores() for _ in numbers)


def refuse_seven(number: int) -> int:
    if number == 7:
        raise KeyError("seven")
    return number


def test_chunks_are_handed_out_and_results_come_in_order(threads: Threads) -> None:
    with use_engine(RAY):
        assert map_pictures(square, range(1000), "squares") == [number * number for number in range(1000)]
        assert list(map_chunks(cores, range(10), "cores")) == [1] * 10  # others of its kind run beside it
        assert map_pictures(square, [], "nothing") == []
    assert max(map(len, threads.chunks)) == engines.CHUNK
    assert map_pictures(square, range(3), "here again") == [0, 1, 4]


def test_no_more_is_taken_than_the_workers_need(threads: Threads) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    with use_engine(RAY):
        results = map_chunks(lambda numbers: map(square, numbers), items(), "squares")
        assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert len(taken) <= (threads.count * engines.AHEAD + 1) * engines.CHUNK


def test_a_cluster_without_fieldguide_is_one_line(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: object) -> "Future[Any]":
        refused: Future[Any] = Future()
        refused.set_exception(RuntimeError("Error during deserialization of the task graph.\nSee the documentation."))
        return refused

    monkeypatch.setattr(threads, "submit", submit)
    expected = r"^engine test cannot run fieldguide \(Error during deserialization of the task graph\.\): install"
    with use_engine(RAY), pytest.raises(UserError, match=expected):
        map_pictures(square, range(10), "squares")


def test_what_a_library_wraps_around_the_reason_is_not_told(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ray does, whose error begins with the name of its worker, and ends with the reason."""
    wrapped = Died("\x1b[36mray::_work()\x1b[39m (pid=1)\n  a traceback")
    wrapped.cause = OSError("No module named 'fieldguide'\n  a traceback")  # type: ignore[attr-defined]
    failed: Future[Any] = Future()
    failed.set_exception(wrapped)
    cluster = Cluster("engine test", lambda *_: failed, lambda: 2, (), (), (Died,), reason_of)
    monkeypatch.setattr("fieldguide.base.engines.connect", lambda *_: cluster)
    expected = r"^engine test cannot run fieldguide \(No module named 'fieldguide'\): install"
    with use_engine(RAY), pytest.raises(UserError, match=expected):
        map_pictures(square, range(10), "squares")


def test_an_item_that_kills_its_workers_is_lost_alone(threads: Threads) -> None:
    threads.dies = lambda chunk: 77 in chunk
    with use_engine(RAY):
        found = map_pictures(square, range(200), "squares", lost=lambda number: -number)
        assert found == [-number if number == 77 else number * number for number in range(200)]
        with pytest.raises(UserError, match="the worker with 77 died"):
            map_pictures(square, range(200), "squares")


def test_what_is_raised_comes_as_it_is(threads: Threads) -> None:
    with use_engine(RAY), pytest.raises(KeyError, match="seven"):
        map_pictures(refuse_seven, range(100), "refused")


def test_a_cluster_that_goes_away_is_one_line(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: Future[Any] = Future()
    gone.set_exception(Ended("connection closed\nand more"))
    monkeypatch.setattr(threads, "submit", lambda *_: gone)
    with use_engine(RAY), pytest.raises(UserError, match=r"engine test went away \(connection closed\): start it"):
        map_pictures(square, range(100), "squares")


def test_without_a_worker_nobody_waits_for_ever(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.base.engines.MOMENT", 0.01)
    monkeypatch.setattr("fieldguide.base.engines.PATIENCE", 0.05)

    def submit(*_: Any) -> "Future[Any]":
        threads.count = 0
        return Future()

    monkeypatch.setattr(threads, "submit", submit)
    with use_engine(RAY), pytest.raises(UserError, match="engine test has no worker left"):
        map_pictures(square, range(100), "squares")


def test_a_worker_must_see_the_files(threads: Threads, tmp_path: Path) -> None:
    with use_engine(RAY, tmp_path / "missing"), pytest.raises(UserError, match=r"does not see .*missing: all machines"):
        map_pictures(square, range(10), "squares")


def test_a_worker_must_have_the_same_code_and_libraries(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    own = engines.conditions()
    asked = iter([(own[0], "Python 2.7", *own[2:])])
    monkeypatch.setattr("fieldguide.base.engines.conditions", lambda: next(asked, own))  # the first who asks hands out
    with use_engine(RAY), pytest.raises(UserError, match=r"has Python 3.*, this process Python 2.7: results would not"):
        map_pictures(square, range(1000), "squares")


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
@pytest.mark.slow
def test_an_engine_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "conf").symlink_to(CHECKOUT / "conf")
    params = (CHECKOUT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub("^engine: local", "engine: ray", params, flags=re.MULTILINE))
    done = run_python("-m", "fieldguide.stages.clean", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "clean: engine ray is not installed: pip install 'fieldguide[ray]'"


def test_params_of_older_versions_work_here(tmp_path: Path) -> None:
    (tmp_path / "conf").symlink_to(CHECKOUT / "conf")
    params = (CHECKOUT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub("^engine: .*\n", "", params, flags=re.MULTILINE))
    config = compose(Paths(tmp_path))
    assert config.engine == EngineConfig() and config.choices["engine"] == "local"


def test_no_stage_runs_again_for_another_engine() -> None:
    stages = yaml.safe_load((CHECKOUT / "dvc.yaml").read_text())["stages"]
    concerned = [name for name, stage in stages.items() if "engine" in str(stage.get("params")) + str(stage["deps"])]
    assert not concerned


def test_a_network_goes_to_workers_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    file.write_bytes(small_network().SerializeToString())
    network = read_onnx(file)
    outputs = list(network.shapes)
    squares = [np.full((3, network.size, network.size), 0.5, np.float32)]
    sent = pickle.dumps(network)
    assert len(sent) < 1000
    other = pickle.loads(sent)
    assert other is pickle.loads(sent)  # read once
    for one, two in zip(next(network.ask(squares, outputs)), next(other.ask(squares, outputs)), strict=True):
        assert np.array_equal(one, two)
    file.write_bytes(file.read_bytes() + b"more")
    sys.modules["fieldguide.model.onnx_network"]._read_once.cache_clear()
    with pytest.raises(UserError, match="another file here"):
        pickle.loads(sent)


def test_texts_beside_arrays_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    texts = {f"text {number}": str(number) for number in range(10)}
    for number in range(5):
        order = sorted(texts, reverse=bool(number % 2))
        write_arrays(tmp_path / f"{number}", {"a": np.zeros(3)}, {name: texts[name] for name in order})
    assert len({(tmp_path / f"{number}").read_bytes() for number in range(5)}) == 1
    assert read_texts(tmp_path / "0") == texts
