"""The year in one picture."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulation.simulate import Story
from simulation.world import Year

COLOURS = {"fieldguide": "#2a6fb0", "always": "#d9822b", "never": "#7a8580"}
NAMES = {"fieldguide": "fieldguide: gate and steps", "always": "retrain always, at once", "never": "never retrain"}
BAD = "#9b2c2c"
LEVELS = {"challenger": 0, "shadow": 1, "limited": 2, "champion": 3}


def draw(year: Year, story: Story) -> Figure:
    """Accuracy over time for the three policies, below it what happened and the steps of every version."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.3, 1.1])
    weeks = [fortnight + 1 for fortnight in range(year.fortnights)]
    for policy in ("never", "always", "fieldguide"):
        line = 2.4 if policy == "fieldguide" else 1.6
        top.plot(weeks, story.accuracy[policy], color=COLOURS[policy], linewidth=line, label=NAMES[policy])
    for span, name, colour in ((year.night, "night season", "#c9d3e6"), (year.camera, "new camera", "#efe3cf")):
        for axis in (top, middle, bottom):
            axis.axvspan(span.start + 0.5, span.stop + 0.5, color=colour, alpha=0.55, linewidth=0)
        middle_of = (span.start + span.stop + 1) / 2
        top.text(middle_of, 0.98, name, transform=top.get_xaxis_transform(), ha="center", va="top")
    top.set_ylabel("accuracy on what\nthe camera sees")
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False)
    top.grid(axis="y", color="#dde2de", linewidth=0.6)
    _events(middle, year, story)
    _steps(bottom, year, story)
    bottom.set_xlabel("fortnight")
    return figure


def _events(axis: Axes, year: Year, story: Story) -> None:
    """A line for each kind of event, with a mark in each fortnight in which it happened."""
    held = [(when, "labels in doubt" in line) for when, line in story.messages if "held back" in line]
    events = {
        f"delivery with {100 * year.poison:.0f} % wrong labels": (year.poisoned, BAD),
        "held back for its labels": ([when for when, for_labels in held if for_labels], BAD),
        "held back by the gate": ([when for when, for_labels in held if not for_labels], BAD),
        "a person corrects what was held": (list(year.corrected), COLOURS["fieldguide"]),
        "crash, two jobs at once": ([*(when for when, _ in year.crashes), year.overlap], COLOURS["never"]),
        "nothing delivered": ([year.empty], COLOURS["never"]),
    }
    for place, (when, colour) in enumerate(events.values()):
        axis.plot([one + 1 for one in when], [-place] * len(when), "o", color=colour, markersize=5)
    axis.set_yticks([-place for place in range(len(events))], list(events), fontsize=8)
    axis.set_ylim(0.6 - len(events), 0.6)
    axis.grid(color="#dde2de", linewidth=0.6)


def _steps(axis: Axes, year: Year, story: Story) -> None:
    for number in sorted({version for _, _, version in story.moves}):
        mine = [(at + 0.5, LEVELS[step]) for at, step, version in story.moves if version == number]
        times, heights = zip(*mine, strict=True)
        colour = COLOURS["fieldguide"] if heights[-1] == LEVELS["champion"] else COLOURS["never"]
        axis.plot(times, heights, color=colour, marker="o", markersize=3, linewidth=1)
        axis.annotate(str(number), (times[-1], heights[-1]), xytext=(0, 4), textcoords="offset points", fontsize=7)
    axis.set_yticks(list(LEVELS.values()), list(LEVELS), fontsize=8)
    axis.set_ylim(-0.5, 4)
    axis.set_xlim(0.3, year.fortnights + 0.9)
    axis.set_ylabel("steps of\neach version", fontsize=8)
