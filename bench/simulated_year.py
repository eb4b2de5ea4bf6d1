"""A simulated year of deliveries: the champion against what retraining always, and never, would give."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT, Figure, report

if TYPE_CHECKING:
    from simulation.simulate import Story
    from simulation.world import Year

COMPARED = "the gate and its steps against retraining always and never, over 26 fortnights"
LAST = 4  # fortnights, over which the end is measured


def measure(save: bool = False) -> Iterator[Figure]:
    """Three policies and the accuracies of the last fortnights; then years in which the poison is harder to see."""
    from fieldguide.pages.png import save_figure
    from simulation.figure import draw
    from simulation.simulate import simulate
    from simulation.world import Year

    others = {
        "poison by night": Year(poisoned=(11,)),
        "poison from the new camera": Year(poisoned=(20,)),
        "without a champion": Year(champion=False),
        "without a champion, poison by night": Year(poisoned=(11,), champion=False),
    }
    with tempfile.TemporaryDirectory() as folder:
        story = simulate(Year(), Path(folder) / "home", Path(folder) / "pictures")
        if save:
            save_figure(draw(Year(), story), ROOT / "docs" / "simulated_year.png")
            for fortnight, line in story.messages:
                print(f"{fortnight:3d}  {line}")
        end = {policy: sum(values[-LAST:]) / LAST for policy, values in story.accuracy.items()}
        year = {policy: sum(values) / len(values) for policy, values in story.accuracy.items()}
        detail = ", ".join(f"{policy} {end[policy]:.3f} ({year[policy]:.3f} over the year)" for policy in end)
        yield Figure("at the end, against always", end["fieldguide"] / end["always"], 1.0, detail=detail)
        yield Figure("at the end, against never", end["fieldguide"] / end["never"], 1.1, detail=detail)
        yield from _guards("", Year(), story)
        for number, (name, plan) in enumerate(others.items()):
            story = simulate(plan, Path(folder) / f"home {number}", Path(folder) / "pictures")
            yield from _guards(f"{name}: ", plan, story)


def _guards(name: str, year: "Year", story: "Story") -> Iterator[Figure]:
    """How many poisoned deliveries became models, and how many others were held back for their labels, by kind."""
    held = {when for when, line in story.messages if "labels in doubt" in line}
    poisoned = {*year.poisoned}
    yield Figure(
        f"{name}poisoned models",
        float(len(story.poisoned)),
        0.0,
        at_most=True,
        unit="models",
        detail=f"poisoned deliveries held for their labels: {len(held & poisoned)} of {len(poisoned)}",
    )
    strange = {"by night": {*year.night}, "from the new camera": {*year.camera}}
    usual = {*range(year.fortnights)} - {*year.night, *year.camera}
    for kind, when in {"as those before": usual, **strange}.items():
        others = when - poisoned - {year.empty}
        title = f"{name}deliveries {kind} that are held for their labels"
        goal = 0.0 if when is usual else None
        yield Figure(title, float(len(held & others)), goal, True, unit="deliveries", detail=f"of {len(others)}")


if __name__ == "__main__":
    report(lambda: list(measure(save="--save" in sys.argv)))
