"""How unusual the pictures are: a histogram of p-values, with the threshold of the alarm."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fieldguide.pages.colours import RED

SPLITS = ("train", "valid", "test")
BINS_TO_ALARM, LAST_BIN = 10, 6.0  # bins below the threshold; -log10 of the p-value from which all is one bin


def p_value_table(screened: pd.DataFrame, alarm_rate: float) -> pd.DataFrame:
    """Counts of pictures by -log10 of the p-value: columns low, high (of the bin), train, valid, test.

    One bin ends exactly at the threshold; pictures beyond 6 are in the last.
    """
    step = -np.log10(alarm_rate) / BINS_TO_ALARM
    edges = step * np.arange(int(np.ceil(LAST_BIN / step)) + 1)
    unusual = np.minimum(-np.log10(screened["p_value"].to_numpy()), edges[-1])
    counts = {split: np.histogram(unusual[screened["split"] == split], edges)[0] for split in SPLITS}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **counts})


def p_value_figure(counts: pd.DataFrame, alarm_rate: float) -> Figure:
    """The table of `p_value_table` as shares of each split, in steps, and the threshold."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    edges = [*counts["low"], counts["high"].iloc[-1]]
    for split in SPLITS:
        total = int(counts[split].sum())
        if total:
            axes.stairs(counts[split] / total, edges, label=f"{split}: {total} pictures", linewidth=1.6)
    axes.axvline(-np.log10(alarm_rate), color=RED, linestyle="--", label=f"alarm: p at most {alarm_rate:g}")
    axes.set(xlabel="-log10 of the p-value (right: more unusual)", ylabel="share of the pictures", yscale="log")
    axes.legend(frameon=False)
    return figure
