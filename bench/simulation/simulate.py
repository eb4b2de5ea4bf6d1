"""The year itself, under three policies: this project's job and gate, retraining on all and at once, and never."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fieldguide.base.config import Config, RolloutNeeds
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.release.rollout.evidence import seen as evidence
from fieldguide.retraining.arrived import State
from fieldguide.retraining.job import run_job
from fieldguide.retraining.journal import jobs
from fieldguide.retraining.lock import AnotherJob, job_lock
from fieldguide.sample import KINDS
from simulation.model import Model, fit, look_at
from simulation.tools import YearTools, data_set
from simulation.world import VIEWS, Sent, Year, delivery, draw_base, seen

ROOT = Path(__file__).resolve().parents[2]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 14
SPLIT = ("split.group_by=look_alike", "split.seed=0")  # nobody says where these pictures were taken
MARGIN = 0.06  # what two hundred test pictures can show
CONFIRMED = 0.25  # of the pictures that a model in `limited` answers, a person looks at so many
NEEDS = {  # what conf/rollout/ asks for, for a camera with so few pictures a day
    "shadow": RolloutNeeds(predictions=48, days=3, agreement=0.5),
    "limited": RolloutNeeds(predictions=48, days=3, agreement=0.5, confirmed=12, confirmed_accuracy=0.5),
}
NEXT = {"challenger": "shadow", "shadow": "limited", "limited": "champion"}


@dataclass
class Story:
    """What came out: accuracy on the world of each fortnight by policy, the roll-out's moves, what each call said."""

    accuracy: dict[str, list[float]] = field(default_factory=lambda: {"fieldguide": [], "always": [], "never": []})
    moves: list[tuple[float, str, int]] = field(default_factory=list)  # in fortnights
    messages: list[tuple[int, str]] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)  # jobs that were accepted with poisoned pictures
    sent: set[str] = field(default_factory=set)  # every labelled picture that arrived, by its name
    kept: list[str] = field(default_factory=list)  # every one that is somewhere in the end
    steps: dict[str, list[str]] = field(default_factory=dict)  # jobs that were accepted, versions, branches, runs


class Killed(BaseException):
    """A crash: nothing catches it."""


def simulate(year: Year, root: Path, pictures: Path, label_doubt: float = 0.06, seed: int = 0) -> Story:
    """Live through the year in the folder `root`.

    Parameters
    ----------
    pictures
        Where drawn pictures are kept; another year may use them again.
    label_doubt
        `retrain.max_label_doubt`; 1 leaves a poisoned delivery to the gate alone.
    """
    cfg, paths = _checkout(root, label_doubt)
    used = 0

    def base(count: int) -> list[tuple[str, Image.Image]]:
        nonlocal used
        used += count
        return draw_base(count, used - count, pictures)

    traffic, measured = _pool(base(year.pool)), _pool(base(year.pool))
    calm = Year(night=range(0), camera=range(0), poisoned=())
    first = delivery(calm, 99, base(year.first), seed)
    everything = Paths(root / "everything")
    for source in (paths.sources, everything.sources):
        _put(source / "own", first)

    story, crash, truth = Story(), {"at": ""}, {}
    poison: set[str] = set()

    def called(step: str, job: str) -> None:
        if crash["at"] == step:
            crash["at"] = ""
            raise Killed

    tools = YearTools(cfg, paths, called)
    run_job(cfg, paths, tools, set(), force=False)
    if year.champion:
        tools.registry.move(0, "champion", 1)  # by hand: there is nobody to compare it with
    never = always = tools.registry.models[1]
    camera = _Camera(traffic, np.random.default_rng(seed))
    for fortnight in range(year.fortnights):
        count = 0 if fortnight == year.empty else year.delivery
        sent = delivery(year, fortnight, base(year.poisoned_pictures if fortnight in year.poisoned else count), seed)
        truth |= {one.name: one.truth for one in sent}
        story.sent |= {one.name for one in sent}
        if fortnight in year.poisoned:
            poison |= {one.name for one in sent if one.label != one.truth}
        _put(paths.incoming, sent)
        _put(everything.sources / "own", sent)
        if fortnight % 5 == 2:
            _put(paths.incoming, [Sent(f"broken-{fortnight}.png", "black", "black", b"half a picture")])
        if fortnight in year.corrected:
            _correct(paths, truth)
        if sent:
            always = _fitted(everything, cfg)
        tools.now = float(fortnight)
        crash["at"] = dict(year.crashes).get(fortnight, "")
        story.messages += [(fortnight, line) for line in _night(cfg, paths, tools, fortnight == year.overlap)]
        if year.champion:
            _days(year, fortnight, tools, camera)
        answering = tools.registry.steps["champion"] if year.champion else max(tools.registry.models)
        models = {"fieldguide": tools.registry.models[answering], "always": always}
        for policy, model in {**models, "never": never}.items():
            story.accuracy[policy].append(_accuracy(model, measured, year.mix(fortnight)))
    run_job(cfg, paths, tools, set(), force=False)  # what was merged last leaves data/incoming
    return _ended(story, paths, tools, poison, truth)


def _checkout(root: Path, label_doubt: float) -> tuple[Config, Paths]:
    root.mkdir(parents=True)
    shutil.copytree(ROOT / "conf", root / "conf")
    (root / "conf" / "data" / "own.yaml").write_text("kind: folder\n", encoding="utf-8")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("data: sample ", "data: own ")
    (root / "params.yaml").write_text(text, encoding="utf-8")
    paths = Paths(root)
    choices = [*SPLIT, f"retrain.max_label_doubt={label_doubt}", f"gate.margin={MARGIN}"]
    return compose(paths, choices), paths


def _put(folder: Path, sent: Sequence[Sent]) -> None:
    for one in sent:
        (folder / one.label).mkdir(parents=True, exist_ok=True)
        (folder / one.label / one.name).write_bytes(one.content)


def _correct(paths: Paths, truth: Mapping[str, str]) -> None:
    """A person looks through what was held back for its labels, and sends it in again under those that are right."""
    for job in jobs(paths.retraining):
        if not (job.get("choice") or {}).get("hold"):
            continue
        for file in sorted((paths.held / job.name).rglob("*.png")):
            if file.name in truth:
                target = paths.incoming / truth[file.name] / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                file.rename(target)


def _fitted(everything: Paths, cfg: Config) -> Model:
    return fit(data_set(everything, cfg, []))


def _night(cfg: Config, paths: Paths, tools: YearTools, overlap: bool) -> list[str]:
    """The scheduled call; after a crash the one of the next night; sometimes two at once."""
    messages = []
    for _ in range(3):
        try:
            with job_lock(paths.retraining, wait=False):
                if overlap:
                    try:
                        with job_lock(paths.retraining, wait=False):
                            messages.append("two jobs at once")
                    except AnotherJob:
                        messages.append("a second job left")
                messages.append(run_job(cfg, paths, tools, set(), force=False).message)
            tools.merge()
            return messages
        except Killed:
            messages.append("killed")
    raise AssertionError("killed too often")


class _Camera:
    """What the camera sees day by day, what the models say of it, and what people confirm."""

    def __init__(self, pool: Mapping[str, pd.DataFrame], chance: np.random.Generator) -> None:
        self.pool, self.chance, self.pictures = pool, chance, 0
        self.log: list[dict[str, Any]] = []
        self.confirmed: list[dict[str, str]] = []

    def day(self, at: datetime, mix: Mapping[str, float], pictures: int, tools: YearTools) -> None:
        """The champion answers; who is in shadow or limited does too."""
        views = self.chance.choice(list(mix), pictures, p=list(mix.values()))
        rows = pd.concat([self.pool[view].iloc[[self.chance.integers(len(self.pool[view]))]] for view in views])
        names = [f"seen-{self.pictures + n}" for n in range(pictures)]
        self.pictures += pictures
        for step, number in tools.registry.steps.items():
            found = tools.registry.models[number].probabilities(np.stack(list(rows["features"])))
            for name, answer in zip(names, np.array(sorted(KINDS))[found.argmax(axis=1)], strict=True):
                known = {"at": at, "id": name, "version": number, "step": step, "prediction": str(answer)}
                self.log.append({**known, "out_of_domain": None})
        looked = self.chance.random(pictures) < CONFIRMED
        self.confirmed += [
            {"id": name, "label": kind} for name, kind, one in zip(names, rows["kind"], looked, strict=True) if one
        ]


def _days(year: Year, fortnight: int, tools: YearTools, camera: _Camera) -> None:
    """Fourteen days; every evening the roll-out advances if its evidence is complete."""
    for day in range(DAYS):
        camera.day(BEGIN + timedelta(days=DAYS * fortnight + day), year.mix(fortnight), year.a_day, tools)
        now = fortnight + (day + 1) / DAYS
        for step in ("limited", "shadow", "challenger"):
            number = tools.registry.steps.get(step)
            if number is not None and (step not in NEEDS or _complete(tools, camera, step, number)):
                tools.registry.move(now, NEXT[step], number)
                break


def _complete(tools: YearTools, camera: _Camera, step: str, number: int) -> bool:
    log, confirmed = pd.DataFrame(camera.log), pd.DataFrame(camera.confirmed, columns=["id", "label"])
    needs = evidence(NEEDS[step], log, confirmed, step, BEGIN, number, tools.registry.steps["champion"])
    return all(need.met for need in needs)


def _pool(base: Sequence[tuple[str, Image.Image]]) -> dict[str, pd.DataFrame]:
    """The same pictures in every view: columns kind, features."""
    return {
        view: pd.DataFrame(
            {"kind": kind, "features": look_at(seen(picture, view, f"{view}-{n}"))["features"]}
            for n, (kind, picture) in enumerate(base)
        )
        for view in VIEWS
    }


def _accuracy(model: Model, measured: Mapping[str, pd.DataFrame], mix: Mapping[str, float]) -> float:
    """The accuracy in a world, from the accuracies in the views that it is mixed of."""
    total = 0.0
    for view, share in mix.items():
        rows = measured[view]
        found = model.probabilities(np.stack(list(rows["features"]))).argmax(axis=1)
        total += share * float((np.array(sorted(KINDS))[found] == rows["kind"].to_numpy(str)).mean())
    return total


def _ended(story: Story, paths: Paths, tools: YearTools, poison: set[str], truth: Mapping[str, str]) -> Story:
    accepted = []
    for job in jobs(paths.retraining):
        verdict = job.get("judged")
        if verdict and verdict["accepted"]:
            accepted.append(job.name)
            new = [row for row in job.get("incoming") if row["state"] == State.NEW]
            names = {Path(row["file"]).name: row["label"] for row in new}
            if any(label != truth[name] for name, label in names.items() if name in poison):
                story.poisoned.append(job.name)
    folders = (paths.sources / "own", paths.incoming, paths.held)
    story.kept = sorted(f.name for folder in folders if folder.is_dir() for f in folder.rglob("*.png"))
    story.moves = tools.registry.moves
    story.steps = {"accepted": accepted, "versions": list(tools.of_job), "branches": tools.branches, "runs": tools.runs}
    return story
