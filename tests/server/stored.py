"""What a store holds of the runs that were delivered, asked of its database and its files themselves."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkout import Checkout
from server.commands import done
from server.machines import RUNS, Database, ObjectStore

Ask = Callable[[str], list[list[str]]]
MACHINE = ("fieldguide.checkout", "fieldguide.folder", "fieldguide.process", "mlflow.source.name", "mlflow.user")
VARYING = ("MLmodel",)  # it names its run and the time
MOMENT = re.compile(r"timestamp\+\d+\+[0-9a-f-]{36}")  # in the name of an image


@dataclass(frozen=True)
class Stored:
    """A run: its rows and its files, each with how often it is there."""

    status: str
    params: list[list[str]]
    tags: list[list[str]]
    metrics: list[list[str]]
    files: dict[str, int]
    model_files: dict[str, int]


def runs_of(ask: Ask, experiment: str) -> list[str]:
    """The ids of the runs of an experiment that are not deleted, the oldest first."""
    rows = ask(
        "SELECT r.run_uuid FROM runs r JOIN experiments e ON r.experiment_id = e.experiment_id "
        f"WHERE e.name = '{experiment}' AND r.lifecycle_stage = 'active' ORDER BY r.start_time"
    )
    return [run for (run,) in rows]


def models_of(ask: Ask, run: str) -> list[str]:
    """The ids of the models that were begun for a run and are not deleted."""
    where = f"source_run_id = '{run}' AND lifecycle_stage = 'active'"
    return [model for (model,) in ask(f"SELECT model_id FROM logged_models WHERE {where}")]


def stored(ask: Ask, objects: dict[str, int], run: str) -> Stored:
    """All of a run; `objects` are the files of its store by their paths."""
    ((status, experiment),) = ask(f"SELECT status, experiment_id FROM runs WHERE run_uuid = '{run}'")
    tags = ask(f"SELECT key, value FROM tags WHERE run_uuid = '{run}'")
    models = models_of(ask, run)
    assert len(models) == 1, f"{len(models)} models of {run}"
    return Stored(
        status,
        sorted(ask(f"SELECT key, value FROM params WHERE run_uuid = '{run}'")),
        sorted(tag for tag in tags if tag[0] not in MACHINE),
        sorted(
            [key, str(step), f"{float(value):.6g}", str(count)]
            for key, step, value, count in ask(
                "SELECT key, step, value, count(*) FROM metrics "
                f"WHERE run_uuid = '{run}' AND key NOT LIKE 'system/%' GROUP BY key, step, value"
            )
        ),
        _below(objects, f"{experiment}/{run}/artifacts/"),
        _below(objects, f"{experiment}/models/{models[0]}/artifacts/"),
    )


def on_server(database: Database, store: ObjectStore, run: str) -> Stored:
    """A run on the team's server."""
    return stored(database.ask, store.objects(RUNS), run)


def undisturbed(checkout: Checkout, folder: Path) -> Stored:
    """What the same results give when they are delivered to a store of their own that never fails."""
    alone = checkout.copy(folder / "checkout").with_variables(
        MLFLOW_TRACKING_URI=f"sqlite:///{folder}/alone.db", MLFLOW_EXPERIMENT_NAME="alone"
    )
    done(alone, "fieldguide", "sync")
    files = {path: path.stat().st_size for path in (alone.root / "mlruns").rglob("*") if path.is_file()}
    with closing(sqlite3.connect(folder / "alone.db")) as opened:

        def ask(query: str) -> list[list[str]]:
            return [[str(value) for value in row] for row in opened.execute(query)]

        (run,) = runs_of(ask, "alone")
        ((number,),) = ask("SELECT experiment_id FROM experiments WHERE name = 'alone'")
        objects = {
            f"{number}/{path.relative_to(alone.root / 'mlruns').as_posix()}": size for path, size in files.items()
        }
        return stored(ask, objects, run)


def _below(objects: dict[str, int], folder: str) -> dict[str, int]:
    """The files of a folder with their bytes. Fails if one is there twice, at two times."""
    inside = [(MOMENT.sub("", name.removeprefix(folder)), name) for name in objects if name.startswith(folder)]
    assert len({name for name, _ in inside}) == len(inside)
    return {name: 0 if name in VARYING else objects[full] for name, full in inside}
