"""How well a label that screening does not know would be noticed: `python bench/unknown_label.py`.

Run it in a checkout after `make repro` on the built-in sample, whose figure is that of its own results. With the
maintainers' photos and weights it also makes classifiers of bears and of two kinds of parts, on frozen features, and
says what leaving out each label costs beside the rest of screen, in processor time.
"""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import ROOT, Figure, Skipped, report, shared
from fieldguide.base.paths import Paths
from fieldguide.data.csv_files import read_csv
from fieldguide.screening import data_set_screening
from fieldguide.screening.noticed_labels import COLUMNS
from screening import SIZE, run_stages

COMPARED = "pictures of a label that was left out of screening against ordinary ones"
COLLECTIONS = {  # and what else they need
    "bears": (),
    "parts/steel": ("split.min_per_label=2",),
    "parts/tiles": ("split.min_per_label=1",),
}
GOALS = {("bears", "black"): 0.85, ("bears", "grizzly"): 0.85}
MOST_TIME = 1.25  # of screen with it, as a multiple of screen without it


def measure() -> Iterator[Figure]:
    """The sample's own results, then each collection of photos."""
    home = Paths(ROOT)
    if not (home.report("screen") / "unknown_labels.csv").is_file():
        raise Skipped("no results of screen in this checkout: run `make repro` first")
    yield from of_labels("sample", home)
    for name, overrides in COLLECTIONS.items():
        try:
            photos, weights = shared("data", *name.split("/")), shared("weights", "mobilenetv2_100.pth")
        except Skipped as reason:
            print(f"{name} skipped: {reason}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = Paths(Path(folder))
            cost = timed(partial(run_stages, paths, photos, weights, SIZE, *overrides))
            yield from of_labels(name, paths)
            yield cost(name)


def of_labels(what: str, paths: Paths) -> Iterator[Figure]:
    """Each label's AUROC and share caught, as screen wrote them."""
    table = read_csv(paths.report("screen") / "unknown_labels.csv", dict.fromkeys(COLUMNS[1:], float))
    for row in sorted(table.to_dict("records"), key=lambda row: str(row["label"])):
        name = f"{what}: {row['label']} unknown, AUROC"
        interval = f"{row['auroc_low']:.3f} to {row['auroc_high']:.3f}"
        detail = f"{interval}; caught {row['caught']:.2f}; {row['pictures']:.0f} pictures"
        yield Figure(name, row["auroc"], GOALS.get((what, row["label"])), unit="", detail=detail)


def timed(run: Any) -> Any:
    """Run the stages, and give a function that makes a figure of what leaving out labels took of screen's time."""
    notice = data_set_screening.notice_labels
    spent = {"labels": 0.0, "screen": 0.0}

    def watched(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                spent[name] += time.process_time() - start

        return call

    from fieldguide.stages import screen

    data_set_screening.notice_labels = watched("labels", notice)
    stage, screen.run = screen.run, watched("screen", screen.run)
    try:
        run()
    finally:
        data_set_screening.notice_labels, screen.run = notice, stage

    def figure(what: str) -> Figure:
        ratio = spent["screen"] / (spent["screen"] - spent["labels"])
        detail = f"processor seconds: {spent['labels']:.1f} of {spent['screen']:.1f}"
        return Figure(f"{what}: screen with it against without", ratio, MOST_TIME, at_most=True, detail=detail)

    return figure


if __name__ == "__main__":
    report(lambda: list(measure()))
