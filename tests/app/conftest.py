"""A small data set as the stages clean and screen leave it, and the app that shows it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

from checkouts import git
from conftest import choose_own_data, noise, put, with_options
from fieldguide.app.access import TOKEN_HEADER
from fieldguide.app.server import create_app
from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.csv_files import write_csv
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, SCREEN, read_table, write_table
from fieldguide.screening.review_queue import review_queue
from fieldguide.stages import clean, download
from screened import screened

FILES = ("path", "file", "clean_path")
PORT, TOKEN = 8765, "t" * 43
HERE = f"http://127.0.0.1:{PORT}"


@dataclass(frozen=True)
class DataSet:
    """The checkout, and the ids of its kept pictures by their sources."""

    config: Config
    paths: Paths
    ids: dict[str, str]


def screen(paths: Paths, **findings: dict[str, Any]) -> None:
    """Write what screening would say of the kept pictures, with findings by source, and the queue."""
    images = read_table(paths.image_table, IMAGES)
    kept = images[images["status"] == Status.KEPT]
    rows = [
        screened(row["id"], row["label"], **{name: row[name] for name in FILES}, **findings.get(row["source"], {}))
        for row in kept.to_dict("records")
    ]
    table = pd.DataFrame(rows)[SCREEN.names]
    write_table(table, paths.screen_table, SCREEN)
    write_csv(paths.review_queue, review_queue(table, []))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Eight pictures of two labels: one doubted, one out of domain, one twin; and one that came under both labels."""
    paths = with_options(tmp_path_factory.mktemp("data_set"))
    choose_own_data(paths)
    cfg = compose(paths)
    git(paths.root, "init", "-q")
    git(paths.root, "config", "user.name", "Ada")
    for number in range(8):
        put(paths.sources / "own" / ("black", "teddy")[number % 2] / f"{number}.png", noise(number))
    for label in ("black", "teddy"):
        put(paths.sources / "own" / label / "both.png", noise(99))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
        download.run(cfg, paths)
        clean.run(cfg, paths)
    images = read_table(paths.image_table, IMAGES)
    kept = images[images["status"] == Status.KEPT]
    ids = dict(zip(kept["source"], kept["id"], strict=True))
    screen(
        paths,
        **{
            "black/0.png": {"label_quality": 0.02, "suggested_label": "teddy", "label_doubt": True},
            "teddy/1.png": {"out_of_domain": True, "reason": "upside down", "p_value": 0.001},
            "black/2.png": {"near_duplicate_of": ids["teddy/3.png"], "near_duplicate_similarity": 0.97},
        },
    )
    return DataSet(cfg, paths, ids)


@pytest.fixture
def data_set(made: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """A copy of the data set that a test may change."""
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it to what it was told last
    shutil.copytree(made.paths.root, tmp_path, symlinks=True, dirs_exist_ok=True)
    return replace(made, paths=Paths(tmp_path))


@pytest.fixture
def client(data_set: DataSet) -> Iterator[TestClient]:
    """A browser that opened the address which the app printed, whose scripts send the token."""
    with TestClient(create_app(data_set.paths, PORT, TOKEN), base_url=HERE) as found:
        assert found.get(f"/?token={TOKEN}").status_code == 200
        found.headers[TOKEN_HEADER] = TOKEN
        yield found
