"""The year in one picture."""

from matplotlib.figure import Figure

from simulation.simulate import Story
from simulation.world import Year

COLOURS = {"fieldguide": "#2a6fb0", "always": "#d9822b", "never": "#7a8580"}
NAMES = {"fieldguide": "fieldguide: gate and steps", "always": "retrain always, at once", "never": "never retrain"}


def draw(year: Year, story: Story) -> Figure:
    """Accuracy over time for the three policies, above it what happened, below it the steps of every version."""
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    weeks = [fortnight + 1 for fortnight in range(year.fortnights)]
    for policy in ("never", "always", "fieldguide"):
        line = 2.4 if policy == "fieldguide" else 1.6
        top.plot(weeks, story.accuracy[policy], color=COLOURS[policy], linewidth=line, label=NAMES[policy])
    for span, name, colour in ((year.night, "night season", "#c9d3e6"), (year.camera, "new camera", "#efe3cf")):
        for axis in (top, bottom):
            axis.axvspan(span.start + 0.5, span.stop + 0.5, color=colour, alpha=0.55, linewidth=0)
        top.text(
            (span.start + span.stop + 1) / 2, 0.98, name, transform=top.get_xaxis_transform(), ha="center", va="top"
        )
    events = {
        **dict.fromkeys(year.poisoned, f"{year.poison:.0%} wrong labels"),
        **dict.fromkeys(year.corrected, "corrected"),
        year.empty: "empty",
        year.overlap: "two jobs",
        **{when: "crash" for when, _ in year.crashes},
    }
    for when, name in events.items():
        top.axvline(when + 0.5, color="#9b2c2c", linewidth=0.8, linestyle=":")
        top.text(when + 0.5, 0.03, name, transform=top.get_xaxis_transform(), rotation=90, fontsize=8, ha="right")
    top.set_ylabel("accuracy on what\nthe camera sees")
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False)
    top.grid(axis="y", color="#dde2de", linewidth=0.6)
    _steps(bottom, year, story)
    bottom.set_xlabel("fortnight")
    return figure


def _steps(axis: object, year: Year, story: Story) -> None:
    levels = {"challenger": 0, "shadow": 1, "limited": 2, "champion": 3}
    for number in sorted({version for _, _, version in story.moves}):
        mine = [(at + 0.5, levels[step]) for at, step, version in story.moves if version == number]
        times, heights = zip(*mine, strict=True)
        colour = COLOURS["fieldguide"] if heights[-1] == 3 else COLOURS["never"]
        axis.plot(times, heights, color=colour, marker="o", markersize=3.5, linewidth=1)  # type: ignore[attr-defined]
        axis.annotate(str(number), (times[-1], heights[-1]), xytext=(3, 2), textcoords="offset points", fontsize=7)  # type: ignore[attr-defined]
    stopped = [when + 0.5 for when, line in story.messages if "held back" in line]
    axis.plot(stopped, [0] * len(stopped), "x", color="#9b2c2c", markersize=8)  # type: ignore[attr-defined]
    for when in stopped:
        words = {"color": "#9b2c2c", "fontsize": 8, "ha": "center"}
        axis.text(when, 0.4, "stopped\nby the\ngate", **words)  # type: ignore[attr-defined]
    axis.set_yticks(list(levels.values()), list(levels), fontsize=8)  # type: ignore[attr-defined]
    axis.set_ylim(-0.5, 3.8)  # type: ignore[attr-defined]
    axis.set_xlim(0.3, year.fortnights + 0.9)  # type: ignore[attr-defined]
