"""Every path of the pipeline, once."""

from dataclasses import dataclass
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.stage_names import Stage

STATE = ".fieldguide"  # the folder of files that are neither results nor a person's


@dataclass(frozen=True)
class Paths:
    """Where a run of the pipeline reads and writes.

    What it makes is below `root`; what a person writes is below `checkout`, which is the same folder unless a job works
    in a folder of its own.
    """

    root: Path
    own_checkout: Path | None = None

    @property
    def checkout(self) -> Path:
        """The folder with params.yaml, conf/ and data/sources."""
        return self.own_checkout or self.root

    @property
    def params(self) -> Path:
        """The file that users edit."""
        return self.checkout / "params.yaml"

    @property
    def conf(self) -> Path:
        """The option files, one folder a group."""
        return self.checkout / "conf"

    def option(self, group: str, name: str) -> Path:
        """The file that says what an option of a group is."""
        return self.conf / group / f"{name}.yaml"

    @property
    def sources(self) -> Path:
        """What each data set needs locally, one folder a data set."""
        return self.checkout / "data" / "sources"

    @property
    def reviews(self) -> Path:
        """People's decisions about single pictures."""
        return self.checkout / "data" / "reviews.csv"

    @property
    def incoming(self) -> Path:
        """What has arrived and is in no data set yet: labelled folders, and what has no label."""
        return self.checkout / "data" / "incoming"

    @property
    def held(self) -> Path:
        """What arrived and was not accepted, for a person to look at: one folder a job."""
        return self.checkout / "data" / "held"

    @property
    def retraining(self) -> Path:
        """The scheduled job's own files: one folder a job."""
        return self.checkout_state / "retrain"

    @property
    def raw(self) -> Path:
        """Pictures that the pipeline makes itself: the drawn sample, and frames of videos."""
        return self.root / "data" / "raw"

    def raw_file(self, name: str) -> Path:
        """The file that the column `file` of the raw table names: below data/raw, or of a person's in the checkout."""
        made = self.root / name
        return made if made.is_relative_to(self.raw) else self.checkout / name

    def name_of_raw(self, file: Path) -> str:
        """The name for which `raw_file` gives this file."""
        return file.relative_to(self.root if file.is_relative_to(self.raw) else self.checkout).as_posix()

    @property
    def raw_table(self) -> Path:
        """One row per source."""
        return self.root / "data" / "raw.parquet"

    @property
    def clean(self) -> Path:
        """Cleaned pictures, in one folder a label."""
        return self.root / "data" / "clean"

    @property
    def image_table(self) -> Path:
        """One row per raw picture, kept or not, and why."""
        return self.root / "data" / "clean.parquet"

    @property
    def split_table(self) -> Path:
        """One row per kept picture: train, valid, test or left out."""
        return self.root / "data" / "split.parquet"

    @property
    def backbone(self) -> Path:
        """The weights that training starts from; their description is beside them as .json."""
        return self.root / "models" / "backbone.safetensors"

    @property
    def classifier(self) -> Path:
        """The trained weights; architecture, vocabulary and preprocessing are beside them as .json."""
        return self.root / "models" / "classifier.safetensors"

    @property
    def reference(self) -> Path:
        """What batches of new pictures are compared with."""
        return self.root / "models" / "reference.safetensors"

    @property
    def screen(self) -> Path:
        """The screen, which recognizes out-of-domain pictures; its description is beside it as .json."""
        return self.root / "models" / "screen.safetensors"

    @property
    def screen_table(self) -> Path:
        """One row per kept picture: how it was screened."""
        return self.root / "data" / "screen.parquet"

    @property
    def predictions(self) -> Path:
        """One row per valid or test picture: what the classifier predicted."""
        return self.report(Stage.EVALUATE) / "predictions.parquet"

    @property
    def history(self) -> Path:
        """One row per epoch of the training."""
        return self.report(Stage.TRAIN) / "history.csv"

    @property
    def review_queue(self) -> Path:
        """The pictures that a person should look at, the most urgent first."""
        return self.report(Stage.SCREEN) / "review_queue.csv"

    def report(self, stage: str) -> Path:
        """The folder with the reports of `stage`."""
        return self.root / "reports" / stage

    def metrics(self, stage: str) -> Path:
        """The metrics that the runner writes for `stage`."""
        return self.report(stage) / "metrics.json"

    @property
    def overview(self) -> Path:
        """The page that summarizes all results."""
        return self.root / "reports" / "index.html"

    @property
    def docs_index(self) -> Path:
        """The folder with the index of Data Docs; each suite's own are in the report of its stage."""
        return self.root / "reports" / "data_docs"

    @property
    def backtests(self) -> Path:
        """Frozen sets of past pictures, one folder each."""
        return self.checkout / "data" / "backtests"

    @property
    def log(self) -> Path:
        """The log of predictions by day, and the labels that people confirmed; never a DVC output."""
        return self.checkout / "data" / "log"

    @property
    def state(self) -> Path:
        """Locks and other files that matter to this folder only; never a DVC output."""
        return self.root / STATE

    @property
    def checkout_state(self) -> Path:
        """The same of the checkout, which the jobs that work in folders of their own share."""
        return self.checkout / STATE

    @property
    def provenance(self) -> Path:
        """The provenance of the last training, until it is logged."""
        return self.state / "provenance.json"

    @property
    def versions(self) -> Path:
        """The files of registered versions, fetched once."""
        return self.checkout_state / "versions"

    @property
    def sweeps(self) -> Path:
        """The jobs of sweeps, one folder a sweep."""
        return self.checkout / "sweeps"

    @property
    def dvc_lock(self) -> Path:
        """What DVC recorded about the results in the checkout."""
        return self.checkout / "dvc.lock"

    @property
    def checkpoint(self) -> Path:
        """The state of a training that is not finished."""
        return self.state / "checkpoint.safetensors"

    @property
    def features(self) -> Path:
        """Features of frozen bodies, kept for the next training."""
        return self.checkout_state / "features"

    @property
    def measurements(self) -> Path:
        """What was measured of clean copies, by their hashes: made anew when it is missing."""
        return self.checkout_state / "measurements"

    @property
    def cleaned(self) -> Path:
        """What cleaning each file gave, kept for the next time."""
        return self.checkout_state / "cleaned"

    @property
    def origin(self) -> Path:
        """What a job in a folder of its own is part of."""
        return self.root / "origin.json"


def check_checkout(paths: Paths) -> None:
    """Raise UserError where there is no checkout."""
    if not paths.params.is_file():
        raise UserError(f"{paths.params.name} is missing in {paths.checkout}: run this in a checkout")
