"""The courses of several trainings over each other."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fieldguide.report.comparison import Results


def comparison_curves(runs: Sequence[Results]) -> Figure:
    """Losses (train dashed, valid solid) and valid accuracy per epoch, each run in its colour."""
    figure = Figure(figsize=(8.4, 3.6 + 0.22 * len(runs)), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    for panel in (losses, accuracy):
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    lines = []
    for position, run in enumerate(runs):
        epochs, colour = run.history["epoch"], f"C{position % 10}"
        losses.plot(epochs, run.history["train_loss"], color=colour, linestyle="--", linewidth=1)
        losses.plot(epochs, run.history["valid_loss"], color=colour)
        lines += accuracy.plot(epochs, run.history["valid_accuracy"], color=colour)
    losses.set(xlabel="epoch", ylabel="loss (train dashed, valid solid)")
    accuracy.set(xlabel="epoch", ylabel="valid accuracy")
    names = [run.name.replace("$", r"\$") for run in runs]
    figure.legend(lines, names, loc="outside lower center", frameon=False, ncols=min(len(runs), 3))
    return figure
