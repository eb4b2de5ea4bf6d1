"""Putting in place what a run starts from: by hash as its dvc.lock names it, or made again from what came before."""

from pathlib import Path
from typing import Any

from fieldguide.base.dvc_files import LockedStage, locked_stages_in, tracked_md5
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file, write_text
from fieldguide.base.stage_names import Stage
from fieldguide.experiments.job_folder import DeclaredStage, read_stages
from fieldguide.reproduction.data_store import DataStore
from fieldguide.reproduction.run_record import Run

INPUT_STAGES = (Stage.WEIGHTS, Stage.CLEAN, Stage.SPLIT)  # whose results training and evaluation read
ALWAYS_RUN = (Stage.TRAIN, Stage.EVALUATE)
EMPTY_LOCK = "schema: '2.0'\n"


def provide_start(checkout: Path, folder: Path, run: Run) -> list[str]:
    """Fill a run's folder with what it starts from; returns the stages that remain to be run, in their order.

    Raises UserError for missing data, with their hash.
    """
    stages = {stage.name: stage for stage in read_stages(folder)}
    write_text(folder / "dvc.lock", run.lock or EMPTY_LOCK)
    remaining = {*ALWAYS_RUN, *run.stages}
    with DataStore(checkout, folder) as store:
        settled: set[str] = set()
        waiting = [name for name in stages if name in remaining or name in INPUT_STAGES]
        while waiting:
            name = waiting.pop()
            if name in settled:
                continue
            settled.add(name)
            if name not in remaining and not _restored(store, run, stages[name]):
                remaining.add(name)
            if name in remaining:
                waiting += _before(stages, stages[name])
        if remaining & {Stage.DOWNLOAD, Stage.CLEAN}:  # both read the pictures where they are
            _provide_source(store, checkout, folder, run.choices["data"])
    if Stage.WEIGHTS in remaining:
        provide_weights(checkout, folder, run.config["model"])
    return [name for name in stages if name in remaining]


def _before(stages: dict[str, DeclaredStage], stage: DeclaredStage) -> list[str]:
    """The stages whose data a stage reads; reports only order them."""
    data = {entry for entry in stage.reads if not entry.startswith("reports/")}
    return [name for name, other in stages.items() if data & set(other.writes)]


def _restored(store: DataStore, run: Run, stage: DeclaredStage) -> bool:
    locked = locked_stages_in(run.lock, f"the dvc.lock of {run.title}").get(stage.name, LockedStage())
    hashes = {out.path: out.md5 for out in locked.outs if out.md5 is not None}
    data = [path for path in stage.writes if not path.startswith("reports/")]
    for path in data:
        if path not in hashes or not store.get(path):
            known = f"({hashes[path]}) is {_where_not(store)}" if path in hashes else "has no known hash"
            print(f"reproduce: {path} {known}: making it again", flush=True)
            return False
    print(f"reproduce: {', '.join(data)} from DVC, by hash", flush=True)
    return True


def _where_not(store: DataStore) -> str:
    """That what was last asked for is nowhere, in words."""
    if store.failure:
        return f"not in DVC's cache, and the remote fails ({store.failure})"
    return "in neither DVC's cache nor a remote"


def _provide_source(store: DataStore, checkout: Path, folder: Path, name: str) -> None:
    """The pictures of a data set that DVC tracks; others come with the code."""
    place = Path("data", "sources", name)
    pointer = place.with_name(f"{name}.dvc")
    if not (folder / pointer).exists() or store.get(str(place)):
        return
    wanted = tracked_md5(folder / pointer)
    if (checkout / pointer).exists() and tracked_md5(checkout / pointer) == wanted and store.unchanged(checkout, place):
        (folder / place).symlink_to((checkout / place).resolve())
        return
    raise UserError(f"data missing: {place} ({wanted}) is {_where_not(store)}, nor is it in this checkout")


def provide_weights(checkout: Path, folder: Path, model: dict[str, Any]) -> None:
    """A file of weights that git does not track, by its hash."""
    name, wanted = model["weights"], model["weights_sha256"]
    if name in ("hub", "random") or (folder / name).exists():
        return
    if not (checkout / name).is_file() or sha256_of_file(checkout / name) != wanted:
        raise UserError(f"data missing: the weights {name} (sha256 {wanted}) are not in this checkout")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to((checkout / name).resolve())
