"""A simulated year of deliveries: the champion against what retraining always, and never, would give."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import ROOT, Figure, report

COMPARED = "the gate and its steps against retraining always and never, over 26 fortnights"
LAST = 4  # fortnights, over which the end is measured


def measure(save: bool = False) -> Sequence[Figure]:
    """Three policies; accuracies of the last fortnights."""
    from fieldguide.pages.png import save_figure
    from simulation.figure import draw
    from simulation.simulate import simulate
    from simulation.world import Year

    with tempfile.TemporaryDirectory() as folder:
        story = simulate(Year(), Path(folder) / "home", Path(folder) / "pictures")
    if save:
        save_figure(draw(Year(), story), ROOT / "docs" / "simulated_year.png")
        for fortnight, line in story.messages:
            print(f"{fortnight:3d}  {line}")
    end = {policy: sum(values[-LAST:]) / LAST for policy, values in story.accuracy.items()}
    year = {policy: sum(values) / len(values) for policy, values in story.accuracy.items()}
    detail = ", ".join(f"{policy} {end[policy]:.3f} ({year[policy]:.3f} over the year)" for policy in end)
    return [
        Figure("at the end, against always", end["fieldguide"] / end["always"], 1.0, detail=detail),
        Figure("at the end, against never", end["fieldguide"] / end["never"], 1.1, detail=detail),
        Figure("poisoned models past the gate", float(len(story.poisoned)), 0.0, at_most=True, unit="models"),
    ]


if __name__ == "__main__":
    report(lambda: measure(save="--save" in sys.argv))
