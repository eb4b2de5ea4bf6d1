"""The tools of a simulated job: the project's own split and rules around a small model, and a registry in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split
from fieldguide.release.gate import rules
from fieldguide.release.gate.decision import is_accepted
from fieldguide.retraining.incoming_checks import Observed
from fieldguide.retraining.job_tools import Champion, Judged
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.shown import Shown
from fieldguide.sample import KINDS
from fieldguide.screening.label_doubts import out_of_fold
from fieldguide.statistics.noninferiority import Comparison, pictures_needed, verdict_of
from simulation.model import ALARM_RATE, answers, fit, look


@dataclass
class Registered:
    """A registry: models by version, the version in each step, and every move (when, step, version)."""

    models: dict[int, Any] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[float, str, int]] = field(default_factory=list)

    def move(self, at: float, step: str, version: int) -> None:
        """Let a version stand in one step, and in no other."""
        self.steps = {name: number for name, number in self.steps.items() if number != version}
        self.steps[step] = version
        self.moves.append((at, step, version))


class YearTools:
    """What `fieldguide.retraining.job_tools.Tools` asks for; `called` gets every step, and may end the job there."""

    def __init__(self, cfg: Config, paths: Paths, called: Callable[[str, str], None]) -> None:
        self.cfg, self.paths, self.called = cfg, paths, called
        self.registry = Registered()
        self.now = 0.0
        self.made: dict[str, tuple[Any, pd.DataFrame]] = {}  # by job: the model and its split table
        self.frozen: pd.DataFrame | None = None  # the test pictures of the first model
        self.of_job: dict[str, int] = {}
        self.branches: list[str] = []
        self.added: dict[str, dict[str, bytes]] = {}  # by branch that is not merged: pictures by their place
        self.runs: list[str] = []

    def champion(self) -> Champion | None:
        """Who stands in that step."""
        number = self.registry.steps.get("champion")
        return None if number is None else Champion(f"version {number}", Path(str(number)))

    def is_first(self) -> bool:
        """Whether there is no version."""
        return not self.registry.models

    def reference(self) -> pd.DataFrame:
        """The test pictures of the data set."""
        table = data_set(self.paths, self.cfg, [])
        test = table[table["split"] == Split.TEST]
        return test[["file", "label"]]

    def observe(self, champion: Champion, files: Sequence[Path]) -> Observed:
        """With the model whose number the champion's weights are."""
        known = [look(file) for file in files]
        rows = np.stack([one["features"] for one in known])
        model = self.registry.models[int(str(champion.weights))]
        measured = {name: np.array([one["measurements"][name] for one in known]) for name in known[0]["measurements"]}
        return Observed(sorted(KINDS), model.probabilities(rows), rows, measured, model.strange(rows), ALARM_RATE)

    def out_of_fold(
        self, pictures: Sequence[Shown], taught: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """With the simulation's own features, where the project has those of a frozen body."""
        known = [look(one.file) for one in pictures]
        labels = [one.label for one in pictures]
        numbers = look_alike_groups([one["perceptual_hash"] for one in known], self.cfg.split.near_duplicate_bits)
        rows = np.stack([one["features"] for one in known]).astype(np.float32)
        return out_of_fold(rows, labels, [str(number) for number in numbers], 0, taught), np.ones(len(pictures), bool)

    def ask(self, champion: Champion, files: Sequence[Path]) -> pd.DataFrame:
        """Not asked: all pictures of the year come with a label."""
        raise NotImplementedError

    def train(self, job: Journal, new: pd.DataFrame, run: str) -> Paths:
        """On the train split of old and new pictures together."""
        table = data_set(self.paths, self.cfg, list(new.itertuples()))
        files = zip(new["target"], new["file"], strict=True)
        self.added[job.name] = {target: (self.paths.incoming / file).read_bytes() for target, file in files}
        self.made[job.name] = (fit(table), table)
        job.worktree.mkdir(parents=True, exist_ok=True)
        self.called("train", job.name)
        return Paths(job.worktree)

    def judge(self, made: Paths) -> Judged:
        """The project's rules on the current test pictures and on those of the first model."""
        model, table = self.made[made.root.parent.name]
        test = table[table["split"] == Split.TEST]
        gate = self.cfg.gate
        mine = answers(model, test)
        number = self.registry.steps.get("champion")
        if number is None:
            most = table["label"].mode()[0]
            main = rules.compare_predictions(mine, mine.assign(prediction=most), gate.confidence)
            found = [rules.baseline(main, (_right(mine), float((mine["label"] == most).mean())), "most frequent", gate)]
        else:
            other = answers(self.registry.models[number], test)
            main, found = self._compare(mine, other, "current test", rules.overall)
            found += rules.classes(mine, other, gate)
            found.append(rules.calibration(mine, other, gate))
            found.append(rules.log_loss(mine, other, "the champion", gate))
            if self.frozen is not None:
                then = [answers(one, self.frozen) for one in (model, self.registry.models[number])]
                found += self._compare(*then, "first", rules.frozen_set)[1]
        verdict = rules.decide(verdict_of(main, gate.margin), found)
        against = "" if number is None else f"version {number}"
        needed = pictures_needed(main, gate.margin)
        return Judged(str(verdict), is_accepted(verdict, gate), needed, against, [dict(vars(rule)) for rule in found])

    def register(self, job: Journal, made: Paths, judged: Judged, why: str) -> str:
        """A new version, once a job."""
        if job.name not in self.of_job:
            model, table = self.made[job.name]
            number = len(self.registry.models) + 1
            self.of_job[job.name] = number
            self.registry.models[number] = model
            self.registry.move(self.now, "challenger", number)
            if self.frozen is None:
                self.frozen = table[table["split"] == Split.TEST]
        self.called("register", job.name)
        return f"version {self.of_job[job.name]}"

    def commit(self, job: Journal, made: Paths, message: str) -> str:
        """Note the branch, once a job."""
        self.called("commit", job.name)
        if job.name not in self.branches:
            self.branches.append(job.name)
        return f"retrain/{job.name}"

    def stands(self, job: Journal) -> bool:
        """No branch is ever thrown away."""
        return True

    def merge(self) -> None:
        """A person merges the newest branch, which brings its pictures into the data set."""
        for job in self.branches[-1:]:
            for place, content in self.added.pop(job, {}).items():
                target = self.paths.sources / self.cfg.choices["data"] / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def open_run(self, job: Journal) -> str:
        """Note the run, once a job."""
        if job.name not in self.runs:
            self.runs.append(job.name)
        return job.name

    def close_run(self, job: Journal, run: str, files: Sequence[Path], figures: dict[str, float], failed: bool) -> None:
        """Nothing to hand in."""
        self.called("report", job.name)

    def clear(self, job: Journal) -> None:
        """Remove the folder."""
        if job.worktree.exists():
            job.worktree.rmdir()

    def _compare(
        self, mine: pd.DataFrame, other: pd.DataFrame, name: str, rule: Callable[..., rules.Rule]
    ) -> tuple[Comparison, list[rules.Rule]]:
        found = rules.compare_predictions(mine, other, self.cfg.gate.confidence)
        return found, [rule(found, (_right(mine), _right(other)), name, self.cfg.gate)]


def data_set(paths: Paths, cfg: Config, new: Sequence[Any]) -> pd.DataFrame:
    """The pictures of the data set and new ones, as clean and split leave them; columns as in SPLIT, file, features.

    Exact copies are left out, under all labels where these differ.
    """
    source = paths.sources / cfg.choices["data"]
    files = [(path, path.parent.name) for path in sorted(source.rglob("*.png"))]
    files += [(paths.incoming / row.file, row.label) for row in new]
    rows = [{**look(path), "file": path, "label": label} for path, label in files]
    table = pd.DataFrame(rows)
    clear = table.groupby("id")["label"].transform("nunique") == 1
    return split_pictures(table[clear].drop_duplicates("id").reset_index(drop=True), cfg.split)


def _right(frame: pd.DataFrame) -> float:
    return float((frame["prediction"] == frame["label"]).mean())
