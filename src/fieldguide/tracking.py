"""Showing runs to MLflow. The files of the checkout are the truth; MLflow is a view of them that can be made again."""

import hashlib
import json
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import yaml
from filelock import FileLock

from fieldguide.base.compose import compose
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.quiet import quiet_environment
from fieldguide.data.membership import membership, write_membership
from fieldguide.provenance import collect_provenance, command, keep_provenance, kept_provenance, package_versions
from fieldguide.record import report_record, training_record

EXPERIMENT = "fieldguide"
FINGERPRINT = "fieldguide.fingerprint"
DELIVERED = "fieldguide.delivered"
CHECKOUT = "fieldguide.checkout"
MODEL = "fieldguide.model_sha256"
PROCESS = "fieldguide.process"
CODE = "fieldguide.code"
PARENT = "mlflow.parentRunId"
SWEEP = "fieldguide.sweep"
CONFIG = "environment/config.json"
LAUNCHED_BY = "fieldguide.launched_by"
LAUNCHER = "FIELDGUIDE_LAUNCHER"  # names the run of `mlflow run` to the processes that it starts
LONGEST_PARAM = 6000
MODEL_FILES = "artifacts"  # the folder in a logged model
SCREEN_FILE = "screen.safetensors"  # among them, once the stage `screen` has run: the model screens too
MEMBERSHIP_FILE = "pictures.parquet"  # among the artifacts of a logged model
LATER = "`fieldguide sync` hands the run in later"
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class Tracker:
    """A connection to the tracking store and this project's experiment in it.

    Raises UserError if the store does not answer; `then` says what to do in that case.
    """

    def __init__(self, paths: Paths, then: str = LATER) -> None:
        mlflow = _mlflow()
        self.paths = paths
        self.address = tracking_address(paths)
        mlflow.set_tracking_uri(self.address)
        with answering(self.address, then), FileLock(_made(home(paths) / ".fieldguide") / "mlflow.lock"):
            _make_database(paths, self.address)  # under the lock: processes that create it together all fail
            self.client = mlflow.MlflowClient()
            self.experiment = self._experiment()

    def _experiment(self) -> str:
        name = experiment_name()
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        local = self.address.startswith("sqlite:")
        place = (home(self.paths) / "mlruns").as_uri() if local else None
        return str(self.client.create_experiment(name, artifact_location=place))

    def finished(self, fingerprint: str) -> list[Any]:
        """The finished runs with this fingerprint, the newest first."""
        query = f"tags.`{FINGERPRINT}` = '{fingerprint}' and attributes.status = 'FINISHED'"
        return list(self.client.search_runs([self.experiment], query, order_by=["attributes.start_time DESC"]))

    def create(self, record: dict[str, Any], provenance: dict[str, Any], name: str) -> str:
        """Open a run for a training, with all that is needed to make it again; returns its id."""
        origin = read_origin(self.paths)
        self.close_stale()
        tags = {
            FINGERPRINT: record["fingerprint"],
            CHECKOUT: checkout_id(self.paths),
            PROCESS: process_id(os.getpid()),
            CODE: provenance["code"],
            **({PARENT: self.sweep_run(**origin["sweep"])} if "sweep" in origin else {}),
            **({LAUNCHED_BY: os.environ[LAUNCHER]} if LAUNCHER in os.environ else {}),
            "mlflow.source.name": provenance["command"] or "fieldguide sync",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": provenance["commit"],
            **{f"input.{name}_sha256": digest for name, digest in record["inputs"].items()},
            **provenance["machine"],
        }
        run = self.client.create_run(self.experiment, tags=tags, run_name=name)
        identity = str(run.info.run_id)
        self.log_params(identity, shown_params(self.paths, record))
        self.client.log_text(identity, provenance["packages"], "environment/packages.txt")
        self.client.log_text(identity, provenance["lock"], "environment/dvc.lock")
        if provenance["diff"]:
            self.client.log_text(identity, provenance["diff"], "environment/git.diff")
        self.log_config(identity, provenance)
        return identity

    def log_config(self, run: str, provenance: dict[str, Any]) -> None:
        """Log the whole configuration, also of what is no parameter of the training."""
        content = {key: provenance[key] for key in ("choices", "config", "overrides", "stages")}
        self.client.log_text(run, json.dumps(content, indent=2, ensure_ascii=False), CONFIG)

    def sweep_run(self, key: str, name: str) -> str:
        """The id of the run that a sweep's jobs stand below; it is opened where there is none yet."""
        with FileLock(_made(home(self.paths) / ".fieldguide") / "sweep.lock"):
            query = f"tags.`{SWEEP}` = '{key}'"
            known = self.client.search_runs([self.experiment], query, max_results=1)
            if known:
                return str(known[0].info.run_id)
            tags = {SWEEP: key, CHECKOUT: checkout_id(self.paths), "mlflow.source.name": command()}
            return str(self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id)

    def open_sweep(self, key: str, name: str) -> str:
        """Show a sweep as running, by this process."""
        self.close_stale()
        run = self.sweep_run(key, name)
        self.client.set_tag(run, PROCESS, process_id(os.getpid()))
        if LAUNCHER in os.environ:
            self.client.set_tag(run, LAUNCHED_BY, os.environ[LAUNCHER])
        self.client.update_run(run, status="RUNNING")
        return run

    def close_sweep(self, run: str, files: Iterable[Path], metrics: dict[str, float], status: str = "FINISHED") -> None:
        """Hand in what came out of a sweep, and show it as ended. Raises UserError if the store does not answer."""
        with answering(self.address):
            for path in files:
                self.client.log_artifact(run, str(path))
            self.log_metrics(run, metrics)
            self.client.set_terminated(run, status)

    def close_stale(self) -> None:
        """Mark as killed what is shown as running in this checkout by a process that is no more."""
        query = f"tags.`{CHECKOUT}` = '{checkout_id(self.paths)}' and attributes.status = 'RUNNING'"
        experiments = [found.experiment_id for found in self.client.search_experiments()]  # `mlflow run` has its own
        for run in self.client.search_runs(experiments, query):
            if not process_lives(run.data.tags.get(PROCESS, "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def log_params(self, run: str, params: dict[str, Any]) -> None:
        """Log parameters under their names in the configuration."""
        from mlflow.entities import Param

        entries = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in params.items()]
        for start in range(0, len(entries), 100):
            self.client.log_batch(run, params=entries[start : start + 100])

    def log_metrics(self, run: str, metrics: dict[str, Any], step: int = 0) -> None:
        """Log the numbers among `metrics` in one call; characters that MLflow refuses in names become `_`."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        entries = [Metric(_metric_name(key), value, now, step) for key, value in numbers.items()]
        for start in range(0, len(entries), 1000):
            self.client.log_batch(run, metrics=entries[start : start + 1000])


def _mlflow() -> Any:
    """MLflow, which is told how to behave before it is imported."""
    quiet_environment()
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow

    return mlflow


def _make_database(paths: Paths, address: str) -> None:
    """Let MLflow make its tables, which takes it many steps, under another name: half of them are of no use."""
    database, state = home(paths) / "mlflow.db", home(paths) / ".fieldguide"
    if address != f"sqlite:///{database}" or database.exists():
        return
    for rest in state.glob("mlflow.db*"):
        rest.unlink()
    unfinished = state / "mlflow.db"
    _mlflow().MlflowClient(f"sqlite:///{unfinished}").search_experiments(max_results=1)
    unfinished.replace(database)


def _failures() -> tuple[type[Exception], ...]:
    """What is raised when a store does not answer, or is broken."""
    from sqlalchemy.exc import SQLAlchemyError

    return (_mlflow().MlflowException, SQLAlchemyError, OSError)


def home(paths: Paths) -> Path:
    """The checkout, by its absolute path, in which runs are kept.

    DVC runs some experiments in a copy of the checkout that it deletes afterwards, and names the checkout itself.
    """
    in_experiment = "DVC_EXP_NAME" in os.environ
    return Path(os.environ["DVC_ROOT"]) if in_experiment else paths.checkout.resolve()


def tracking_address(paths: Paths) -> str:
    """MLFLOW_TRACKING_URI, else a database in the checkout, by its absolute path."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home(paths)}/mlflow.db"


def experiment_name() -> str:
    """The name of the experiment, and of the registered model: MLFLOW_EXPERIMENT_NAME, else `fieldguide`."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)


def checkout_id(paths: Paths) -> str:
    """A name for this checkout on this machine that gives neither away."""
    place = f"{platform.node()}:{home(paths)}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def process_id(pid: int) -> str:
    """A name for a process that no later one on this machine has."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def process_lives(identity: str) -> bool:
    """Whether the process with this name still runs on this machine."""
    pid = identity.partition(" ")[0]
    try:
        alive = pid.isdecimal() and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
        return alive and process_id(int(pid)) == identity
    except psutil.Error:
        return False


def read_origin(paths: Paths) -> dict[str, Any]:
    """What a job in a folder of its own is part of (see `fieldguide.sweep`); nothing for the checkout itself."""
    return read_json(paths.origin) if paths.origin.exists() else {}


def shown_address(address: str) -> str:
    """The address of a store without a password in it."""
    return address.rpartition("@")[2]


@contextmanager
def answering(address: str, then: str = LATER) -> Iterator[None]:
    """Turn what is raised when a store does not answer into a UserError, which ends with what to do."""
    try:
        yield
    except _failures() as error:
        secret = address.rpartition("@")[0]
        line = (str(error).splitlines() or [type(error).__name__])[0]
        reason = line.replace(f"{secret}@", "") if secret else line
        raise UserError(f"MLflow at {shown_address(address)} does not answer ({reason[:160]}): {then}") from None


def follow(paths: Paths, stage: str, lines: Iterable[str]) -> None:
    """Show one stage while it runs.

    Parameters
    ----------
    stage
        "train": a run with its metrics per epoch. "evaluate", "report": when it is done, the run gets all the rest.
    lines
        Events as JSON, see `fieldguide.base.runner.tracked`; an end without "done" means that the stage was killed.
    """
    if stage in ("evaluate", "report"):
        if any(json.loads(line)["event"] == "done" for line in lines):
            print(sync(paths), flush=True)
        return
    origin = read_origin(paths)
    config = compose(paths, origin.get("overrides", []))
    record = training_record(config, paths)
    provenance = collect_provenance(paths, config, origin)
    keep_provenance(paths, record["fingerprint"], provenance)  # also while the tracking server is away
    tracker = Tracker(paths)
    with answering(tracker.address):
        _follow_training(tracker, record, provenance, lines)


def _follow_training(
    tracker: Tracker, record: dict[str, Any], provenance: dict[str, Any], lines: Iterable[str]
) -> None:
    run = tracker.create(record, provenance, run_name(tracker.paths, record))
    status = "KILLED"
    try:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "epoch":
                tracker.log_metrics(run, event["metrics"], step=event["epoch"])
            else:
                status = "FINISHED" if event["event"] == "done" else "FAILED"
    finally:
        tracker.client.set_terminated(run, status)
    if status == "FINISHED":
        digest = sha256_of_file(tracker.paths.classifier)
        for known in tracker.finished(record["fingerprint"]):
            if known.data.tags.get(MODEL) == digest:
                tracker.client.delete_run(run)
                print(f"mlflow: the same model is known as run {known.info.run_id} ({known.info.run_name})", flush=True)
                return


def sync(paths: Paths) -> str:
    """Hand in the training and evaluation whose results stand in the checkout, once.

    Returns a line that says what was done. Raises UserError if there are no results, or if MLflow does not answer.
    """
    description = paths.classifier.with_suffix(".json")
    if not (description.exists() and paths.metrics("evaluate").exists()):
        raise UserError("no results to hand in: run `dvc repro` first")
    record = read_json(description)["record"]
    provenance = _provenance_of_results(paths, record)
    tracker = Tracker(paths)
    with answering(tracker.address), FileLock(_made(paths.state) / "sync.lock"):  # called twice, it logs nothing twice
        digest = sha256_of_file(paths.classifier)  # other code may have made another model of the same fingerprint
        runs = [run for run in tracker.finished(record["fingerprint"]) if run.data.tags.get(MODEL, digest) == digest]
        found = runs[0] if runs else None
        run = found.info.run_id if found else tracker.create(record, provenance, run_name(paths, record))
        results = _results_digest(paths)
        if found and found.data.tags.get(DELIVERED) == results:
            return f"mlflow: run {run} ({run_name(paths, record)}) is complete"
        _deliver(tracker, run, {} if found is None else found.data.tags)
        kept = _add_screen(tracker, run) if has_report(paths) else ""
        tracker.log_config(run, provenance)
        tracker.client.set_tag(run, DELIVERED, results)
        tracker.client.set_terminated(run, "FINISHED")
    return f"mlflow: run {run} ({run_name(paths, record)}) handed in{kept}"


def _provenance_of_results(paths: Paths, record: dict[str, Any]) -> dict[str, Any]:
    """As kept when they were trained; as things are now for results that DVC restored.

    How they were evaluated may have changed since the training, so that is always as it is now.
    """
    origin = read_origin(paths)
    config = compose(paths, origin.get("overrides", []))
    kept = kept_provenance(paths)
    if kept.get("fingerprint") != record["fingerprint"]:
        return collect_provenance(paths, config, origin)
    return {**kept, "config": {**kept["config"], "evaluate": asdict(config.evaluate)}}


def run_name(paths: Paths, record: dict[str, Any]) -> str:
    """A name that says what was chosen; jobs of a sweep and experiments of DVC have names already."""
    choices = record["choices"]
    return (
        read_origin(paths).get("name")
        or os.environ.get("DVC_EXP_NAME")
        or " ".join(choices[group] for group in ("resize", "augment", "model"))
    )


def _deliver(tracker: Tracker, run: str, tags: dict[str, str]) -> None:
    import mlflow
    import pandas as pd

    paths, client = tracker.paths, tracker.client
    known = {metric.step for metric in client.get_metric_history(run, "train_loss")}
    history = pd.read_csv(paths.report("train") / "history.csv", index_col="epoch")
    for epoch, figures in zip(history.index.tolist(), history.to_dict("records"), strict=True):
        if epoch not in known:
            tracker.log_metrics(run, {str(name): value for name, value in figures.items()}, step=epoch)
    for stage in ("download", "clean", "validate", "split", "train"):
        metrics = read_json(paths.metrics(stage))
        tracker.log_metrics(run, {f"{stage}.{name}": value for name, value in metrics.items()})
    tracker.log_metrics(run, read_json(paths.metrics("evaluate")))
    report = paths.report("evaluate")
    counts = pd.read_csv(report / "confusion_matrix.csv", index_col="label")
    cells = {f"confusion/{true}/{predicted}": n for true, row in counts.iterrows() for predicted, n in row.items()}
    tracker.log_metrics(run, {name: int(count) for name, count in cells.items()})
    for stage in ("train", "evaluate"):
        for path in sorted(paths.report(stage).glob("[!.]*")):
            client.log_artifact(run, str(path), stage)
    if has_report(paths):
        metrics = read_json(paths.metrics("screen"))
        tracker.log_metrics(run, {f"screen.{name}": value for name, value in metrics.items()})
        for path in (paths.overview, *sorted(paths.report("screen").glob("[!.]*.csv"))):
            client.log_artifact(run, str(path), "report")
    digest = sha256_of_file(paths.classifier)
    with mlflow.start_run(run_id=run):
        table = pd.read_parquet(paths.split_table)
        name = str(_upstream_params(paths).get("data", "data"))
        dataset = mlflow.data.from_pandas(
            table, name=name, targets="label", digest=sha256_of_file(paths.split_table)[:32]
        )
        mlflow.log_input(dataset, context="training")
        if tags.get(MODEL) != digest:
            log_model(paths)
            mlflow.set_tag(MODEL, digest)


def _add_screen(tracker: Tracker, run: str) -> str:
    """Put the screen, which is learned after the model was logged, beside the model's weights.

    A version that has one keeps it: it has to answer as it did. Returns a word about that, or "".
    """
    client = tracker.client
    model = client.get_run(run).outputs.model_outputs[-1].model_id
    screened = SCREEN_FILE in {Path(file.path).name for file in client.list_logged_model_artifacts(model, MODEL_FILES)}
    versions = client.search_model_versions(f"run_id = '{run}'") if screened else []
    if versions:
        return f"; version {versions[0].version} keeps the screen that it was registered with"
    for path in screen_files(tracker.paths):
        client.log_model_artifact(model, str(path), MODEL_FILES)
    return ""


def screen_files(paths: Paths) -> list[Path]:
    """What it takes to screen new pictures beside the classifier's own files; last the one that loading asks for."""
    description = paths.screen.with_suffix(".json")
    other_body = read_json(description)["backbone_sha256"] is not None
    return [*([paths.backbone] if other_body else []), description, paths.reference, paths.screen]


def log_model(paths: Paths) -> None:
    """Log the classifier to the active run, with the code that serves it and a table of the pictures it has seen."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    package = Path(__file__).parent
    requirements = [line for line in package_versions().split() if line.partition("==")[0].lower() in SERVING_PACKAGES]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided", UserWarning)  # the signature is given
        code = Path(folder) / package.name
        for source in package.rglob("*.py"):
            copy = code / source.relative_to(package)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        known = Path(folder) / MEMBERSHIP_FILE
        write_membership(membership(paths), known)
        mlflow.pyfunc.log_model(
            name="classifier",
            python_model=str(package / "serving.py"),
            artifacts={
                "weights": str(paths.classifier),
                "description": str(paths.classifier.with_suffix(".json")),
                "pictures": str(known),
            },
            code_paths=[str(code)],
            signature=ModelSignature(inputs=Schema([ColSpec(DataType.binary, "picture")])),
            pip_requirements=requirements,
        )


SERVING_PACKAGES = (
    *("imagehash", "matplotlib", "mlflow", "numpy", "pandas", "pillow", "pyarrow", "pydantic"),
    *("safetensors", "scipy", "timm", "torch", "torchvision"),
)


def shown_params(paths: Paths, record: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a training and of the stages before it, under their names in the configuration."""
    upstream = read_origin(paths).get("upstream") or _upstream_params(paths)
    return {**upstream, **record["choices"], **_flat(record["config"])}


def _upstream_params(paths: Paths) -> dict[str, Any]:
    """The parameters of the stages before training, as dvc.lock recorded them for the data in the checkout."""
    lock = paths.checkout / "dvc.lock"
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.exists() else {}
    params: dict[str, Any] = {}
    for stage in ("download", "clean", "validate", "split"):
        params |= stages.get(stage, {}).get("params", {}).get("params.yaml", {})
    return _flat(params)


def has_report(paths: Paths) -> bool:
    """Whether screening and reports/index.html are about the classifier and the evaluation in the checkout.

    After a new training they are those of an older one until `dvc repro` comes to them.
    """
    file = paths.metrics("report")
    return file.exists() and report_record(paths).items() <= read_json(file).items()


def _results_digest(paths: Paths) -> str:
    description = paths.classifier.with_suffix(".json")
    files = [paths.classifier, description, paths.metrics("evaluate")]
    later = [paths.metrics("report"), paths.screen] if has_report(paths) else []
    parts = [sha256_of_file(path) for path in (*files, *later)]
    return "-".join(part[:16] for part in parts)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _metric_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-. /:" else "_" for letter in name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    try:
        follow(Paths(Path(sys.argv[1])), sys.argv[2], sys.stdin)
    except UserError as problem:
        print(problem, file=sys.stderr)
