"""The registered versions of the classifier in MLflow: their aliases, files and history."""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.interruption import ctrl_c_waits
from fieldguide.base.paths import Paths
from fieldguide.release.versions import (
    CHALLENGER,
    FILES,
    STEPS,
    Candidate,
    Event,
    Version,
    damaged_file,
    keep_files,
    kept_candidate,
    kept_folder,
)
from fieldguide.tracking.runs import find_run
from fieldguide.tracking.store import answering, experiment_name
from fieldguide.tracking.tags import ALARM_RATE, MEMBERSHIP_FILE, MODEL, MODEL_FILES, NETWORK_FILE, SCREEN_FILE
from fieldguide.tracking.tracker import Tracker

HISTORY = "fieldguide.history."  # tags of the registered model, one an event; none is ever changed or deleted
GATE = "fieldguide.gate"
MAX_REASON_LENGTH = 500
RETRY_ADVICE = "the champion keeps serving; try again when it answers"
# Loads a version and asks it about a grey picture as a server would: with the version's own code and nothing else.
TRIAL = """
import io, sys, tempfile
import mlflow, pandas as pd
from PIL import Image
picture = io.BytesIO()
Image.new("RGB", (64, 64), (128, 128, 128)).save(picture, "PNG")
with tempfile.TemporaryDirectory() as folder:  # in its own place MLflow would take %41 in the path for A
    model = mlflow.pyfunc.load_model(sys.argv[1], dst_path=folder)
    answer = model.predict(pd.DataFrame({"picture": [picture.getvalue()]}))
label, probability = answer["label"][0], answer["probability"][0]
assert isinstance(label, str) and 0 < probability <= 1, f"it answers {label!r} with probability {probability!r}"
"""


class Registry:
    """The registered model, named as the experiment is: `fieldguide`, unless MLFLOW_EXPERIMENT_NAME is set.

    Every method raises UserError if MLflow does not answer.
    """

    def __init__(self, paths: Paths) -> None:
        self.tracker = Tracker(paths, RETRY_ADVICE)
        self.client = self.tracker.client
        self.name = experiment_name()
        self.paths = paths
        self.lock = FileLock(paths.checkout_state / "rollout.lock")  # one move at a time

    def register(self, run_name: str, who: str, why: str) -> Version:
        """Make the model of a run a version, and the challenger.

        The run is named by its id, the beginning of that, its name, or `.` for that of the classifier in the checkout.

        The same weights become a version once; they are the challenger again unless they are in a step.
        """
        with self.lock, self._answering():
            run = self.run_of_checkout() if run_name == "." else find_run(self.tracker, run_name)
            digest = run.data.tags.get(MODEL)
            models = run.outputs.model_outputs if run.outputs else []
            if not digest or not models:
                raise UserError(f"run {run.info.run_id} has no model: train it again, then `fieldguide sync`")
            known = next((version for version in self.versions() if version.model_sha256 == digest), None)
            number = known.number if known else self._create(run.info.run_id, models[-1].model_id, digest)
            if known and known.steps:
                return known
            self.move(CHALLENGER, number, "register", who, why or f"run {run.info.run_name}")
            return self.version(number)

    def run_of_checkout(self) -> Any:
        """The run that holds the classifier in the checkout. Raises UserError if there is none."""
        if not self.paths.classifier.is_file():
            raise UserError("no classifier in models/: run `dvc repro` first")
        query = f"tags.`{MODEL}` = '{sha256_of_file(self.paths.classifier)}'"
        with self._answering():
            found = self.client.search_runs([self.tracker.experiment], query, max_results=1)
        if not found:
            raise UserError("MLflow has no run of the classifier in models/: run `fieldguide sync` first")
        return found[0]

    def _create(self, run: str, model: str, digest: str) -> int:
        if not self._is_registered():
            self.client.create_registered_model(self.name)
        with tempfile.TemporaryDirectory() as folder:
            files = self._fetch(f"models:/{model}", Path(folder))
            if not (files / MEMBERSHIP_FILE).is_file():
                raise UserError(
                    f"run {run} was recorded by an older fieldguide, which did not keep what it was trained on: delete "
                    "the run in MLflow, then `fieldguide sync` where its results are"
                )
        tags = {MODEL: digest}
        made = self.client.create_model_version(self.name, f"models:/{model}", run, tags=tags, model_id=model)
        return int(made.version)

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        with self._answering():
            if not self._is_registered():
                return []
            aliases = self.client.get_registered_model(self.name).aliases
            found = self.client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        steps: dict[int, list[str]] = {}
        for alias, number in aliases.items():
            steps.setdefault(int(number), []).append(alias)
        versions = [
            Version(
                number=int(version.version),
                run=version.run_id,
                model_sha256=version.tags.get(MODEL, ""),
                steps=tuple(step for step in STEPS if step in steps.get(int(version.version), [])),
                gate=json.loads(version.tags[GATE]) if GATE in version.tags else None,
            )
            for version in found
        ]
        return sorted(versions, key=lambda version: -version.number)

    def version(self, number: int) -> Version:
        """One version. Raises UserError if there is none with this number."""
        versions = self.versions()
        for version in versions:
            if version.number == number:
                return version
        known = ", ".join(str(version.number) for version in versions) or "none yet"
        raise UserError(f"there is no version {number}; there are: {known}")

    def at(self, step: str) -> Version | None:
        """The version in a step."""
        return next((version for version in self.versions() if step in version.steps), None)

    def candidate(self, version: Version) -> Candidate:
        """A version's files, fetched once into .fieldguide/versions/ and checked by their hashes.

        They are fetched again if one is damaged, and while the screen is missing, which may come later than the model.
        The network as ONNX, which older versions did not have, is made here.
        """
        folder = kept_folder(self.paths, version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):  # several may predict at once
            if damaged_file(folder) or (not (folder / SCREEN_FILE).is_file() and self._is_screened(version)):
                with self._answering(), tempfile.TemporaryDirectory() as fetched:
                    keep_files(self.paths, version, self._fetch(_address(self.name, version.number), Path(fetched)))
            if not (folder / NETWORK_FILE).is_file():
                from fieldguide.model.older_files import write_missing_onnx  # it needs PyTorch

                write_missing_onnx(folder / FILES[0])
        return kept_candidate(self.paths, version)

    def _is_screened(self, version: Version) -> bool:
        import mlflow

        with self._answering():
            files = mlflow.artifacts.list_artifacts(f"{_address(self.name, version.number)}/{MODEL_FILES}")
        return SCREEN_FILE in {Path(file.path).name for file in files}

    def check(self, version: Version) -> None:
        """Load a version in a process of its own and let it predict. Raises UserError if it does not."""
        address = _address(self.name, version.number)
        if reason := why_it_does_not_predict(address, self.tracker.address):
            raise UserError(f"version {version.number} does not load and predict ({reason}): no alias was moved")

    def record_gate(self, version: Version, decision: dict[str, Any]) -> None:
        """Record the gate's decision with the version."""
        with self._answering():
            content = json.dumps({"at": _now(), **decision}, ensure_ascii=False)
            self.client.set_model_version_tag(self.name, str(version.number), GATE, content)

    def move(self, alias: str, number: int | None, action: str, who: str, why: str) -> Event:
        """Move an alias to another version, or to none; written to the history first."""
        with self._answering(), ctrl_c_waits():
            model = self.client.get_registered_model(self.name)
            before = model.aliases.get(alias)
            event = Event(_now(), who, action, alias, int(before) if before else None, number, why[:MAX_REASON_LENGTH])
            place = sum(key.startswith(HISTORY) for key in model.tags)  # a clock may jump
            key = f"{HISTORY}{place:06d}.{uuid.uuid4().hex[:8]}"
            self.client.set_registered_model_tag(self.name, key, json.dumps(vars(event), ensure_ascii=False))
            if number is not None:
                self.client.set_registered_model_alias(self.name, alias, str(number))
            elif before:
                self.client.delete_registered_model_alias(self.name, alias)
        return event

    def history(self) -> list[Event]:
        """Every move, the first one first."""
        with self._answering():
            if not self._is_registered():
                return []
            tags = self.client.get_registered_model(self.name).tags
        return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(HISTORY)]

    def _fetch(self, address: str, folder: Path) -> Path:
        import mlflow

        return Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=str(folder))) / MODEL_FILES

    def alarm_rate(self, version: Version) -> float | None:
        """The share of the test pictures of its run that a version finds out of its domain; None without a screen."""
        with self._answering():
            rate = self.client.get_run(version.run).data.tags.get(ALARM_RATE)
        return None if rate is None else float(rate)

    def _is_registered(self) -> bool:
        return bool(self.client.search_registered_models(f"name = '{self.name}'"))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        with answering(self.tracker.address, RETRY_ADVICE):
            yield


def _address(name: str, number: int) -> str:
    return f"models:/{name}/{number}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def why_it_does_not_predict(address: str, store: str) -> str:
    """Load a model (`models:/NAME/VERSION`) from a store in a process of its own and ask it; "" if it answers."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store, "PYTHONPATH": ""}
    command = [sys.executable, "-c", TRIAL, address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200] if done.returncode else ""
