"""The learning curves as a figure."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fieldguide.pages.colours import BLUE, GREEN, GREY, ORANGE


def curves_figure(
    history: pd.DataFrame, best_epoch: int, search: pd.DataFrame, lr: float, *, stacked: bool = False
) -> Figure:
    """Losses and accuracy per epoch, and the search for the learning rate where there was one.

    Parameters
    ----------
    history
        Columns epoch, train_loss, valid_loss, valid_accuracy.
    best_epoch
        The epoch whose weights were kept.
    search
        Columns lr and loss; empty where the learning rate was given.
    lr
        The learning rate that was given or found.
    stacked
        One chart below the other, as a narrow page shows them.
    """
    panels = 3 if len(search) else 2
    figure = Figure(figsize=(5, 2.6 * panels) if stacked else (4.2 * panels, 3.4), layout="constrained")
    axes = figure.subplots(*((panels, 1) if stacked else (1, panels)))
    for name, colour in (("train_loss", BLUE), ("valid_loss", ORANGE)):
        axes[0].plot(history["epoch"], history[name], color=colour, label=name.replace("_", " "))
    axes[0].set(xlabel="epoch", ylabel="loss")
    axes[1].plot(history["epoch"], history["valid_accuracy"], color=GREEN, label="valid accuracy")
    axes[1].set(xlabel="epoch", ylabel="accuracy")
    for panel in axes[:2]:
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.axvline(best_epoch, color=GREY, linestyle=":", label=f"kept: epoch {best_epoch}")
        panel.legend(frameon=False)
    if len(search):
        axes[2].plot(search["lr"], search["loss"], color=BLUE)
        axes[2].axvline(lr, color=GREY, linestyle=":", label=f"found: {lr:g}")
        axes[2].set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes[2].legend(frameon=False)
    return figure
