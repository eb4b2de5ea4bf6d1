"""How well labels that were left out in turn were noticed: AUROC and share that raises the alarm, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.shares import rounded
from fieldguide.statistics.groups import Groups, group_sizes
from fieldguide.statistics.intervals import bootstrap, share_interval

RESAMPLES = 1000
COLUMNS = ["label", "pictures", "groups", "auroc", "auroc_low", "auroc_high", "caught", "caught_low", "caught_high"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Noticed:
    """P-values of the pictures of a label that was left out, and of ordinary ones."""

    unknown: Numbers  # (n,)
    ordinary: Numbers  # (m,)
    alarms: NDArray[np.bool_]  # (n,) of the unknown ones
    groups: Groups  # (n + m,)


def describe_noticed(
    noticed: Mapping[int, Noticed], vocabulary: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, float | int]]:
    """How well each label was noticed that was left out, and the means over the labels.

    Returns
    -------
    The columns COLUMNS, a row a label, the least noticed first: `auroc` is the chance that a picture of the label is
    more unusual than an ordinary one, `caught` the share that raises the alarm, each with its 95 % interval by groups.
    And the metrics; none where no label could be left out.
    """
    if not noticed:
        return pd.DataFrame(columns=COLUMNS), {}
    rows, intervals = [], _auroc_intervals(noticed)
    for place, one in noticed.items():
        among = one.groups[: len(one.unknown)]
        caught = float(one.alarms.mean()), *share_interval(one.alarms, among)
        rows.append((vocabulary[place], len(among), len(group_sizes(among)), _auroc(one), *intervals[place], *caught))
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values(["auroc", "label"], ignore_index=True)
    low, high = intervals[None]
    return table, {
        "unknown_labels": len(table),
        "unknown_label_auroc": rounded(float(table["auroc"].mean()), 6),
        "unknown_label_auroc_low": rounded(low, 6),
        "unknown_label_auroc_high": rounded(high, 6),
        "unknown_label_caught": rounded(float(table["caught"].mean()), 6),
    }


def _auroc(one: Noticed, rows: NDArray[np.intp] | None = None) -> float:
    """How often an unknown picture has the smaller p-value, a tie counts half; 0.5 where a sample has only one kind."""
    together = np.concatenate([one.unknown, one.ordinary])
    rows = np.arange(len(together)) if rows is None else rows
    unknown, ordinary = (together[rows[kind]] for kind in (rows < len(one.unknown), rows >= len(one.unknown)))
    if not len(unknown) or not len(ordinary):
        return 0.5
    in_order = np.sort(ordinary)
    below = [np.searchsorted(in_order, unknown, side).mean() for side in ("left", "right")]
    return float(1 - np.mean(below) / len(ordinary))


def _auroc_intervals(noticed: Mapping[int, Noticed]) -> dict[int | None, tuple[float, float]]:
    """The 95 % intervals by label, and of the mean under None; 0 to 1 where there is a single group.

    All labels are judged by the same pictures, so a sample of groups is drawn for all of them together.
    """
    starts = np.cumsum([0, *(len(one.groups) for one in noticed.values())])
    groups = np.concatenate([one.groups for one in noticed.values()])

    def figures(rows: NDArray[np.intp]) -> dict[str, float]:
        in_order = np.sort(rows)
        edges = np.searchsorted(in_order, starts)
        areas = {
            str(label): _auroc(one, in_order[edges[place] : edges[place + 1]] - starts[place])
            for place, (label, one) in enumerate(noticed.items())
        }
        return {**areas, "None": float(np.mean(list(areas.values())))}

    if len(group_sizes(groups)) < 2:
        return dict.fromkeys([*noticed, None], (0.0, 1.0))
    found = bootstrap(figures, groups, RESAMPLES)
    ends = {key: (found[f"{key}_low"], found[f"{key}_high"]) for key in [*noticed, None]}
    return {key: (max(low, 0.0), min(high, 1.0)) for key, (low, high) in ends.items()}
