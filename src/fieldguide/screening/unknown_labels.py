"""How well pictures of a label that screening does not know would be noticed: each label is left out in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.progress import progress
from fieldguide.screening.fitting import Learned, calibrate_screen, learn_from_some
from fieldguide.screening.observations import Observations
from fieldguide.screening.screen import Verdicts, judge, judge_scores
from fieldguide.statistics.groups import Groups, group_sizes
from fieldguide.statistics.intervals import bootstrap, share_interval

MAX_TRAINING_PICTURES = 1000  # evenly spaced: more would change the figures little, and take long for each label
MAX_LABELS = 20  # those with the most pictures
MIN_TRAINING_PICTURES, MIN_VALID_PICTURES = 5, 2  # of the other labels
RESAMPLES = 1000
COLUMNS = ["label", "pictures", "groups", "auroc", "auroc_low", "auroc_high", "caught", "caught_low", "caught_high"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Observed pictures of one side of the split, with their labels and groups."""

    pictures: Observations
    labels: NDArray[np.intp]  # (n,) positions in the vocabulary
    groups: Groups  # (n,) numbers that no other side uses for another group

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Labelled":
        return Labelled(self.pictures[rows], self.labels[rows], self.groups[rows])


@dataclass(frozen=True)
class Noticed:
    """P-values of the pictures of a label that was left out, and of ordinary ones."""

    unknown: Numbers  # (n,)
    ordinary: Numbers  # (m,)
    alarms: NDArray[np.bool_]  # (n,) of the unknown ones
    groups: Groups  # (n + m,)


def notice_labels(
    learned: Learned, train: Labelled, valid: Labelled, test: Labelled, *, frozen: bool
) -> dict[int, Noticed]:
    """Leave out one label at a time: learn from the others, calibrate on them, and judge what was left out.

    No network is asked: the features are those that exist. Where a network was trained on them it has seen the label,
    so an unknown one would be noticed less. Ordinary are the test pictures of the other labels; of the label itself,
    with frozen features, all pictures count, else those that the network was not trained on.

    Parameters
    ----------
    learned
        What was learned from all training pictures.

    Returns
    -------
    By the position of the label; none of which there are too few pictures, or too few of others.
    """
    labels, counts = np.unique(np.concatenate([side.labels for side in (train, valid, test)]), return_counts=True)
    largest = labels[np.argsort(-counts, kind="stable")[:MAX_LABELS]]
    some = np.linspace(0, len(train.labels) - 1, min(len(train.labels), MAX_TRAINING_PICTURES)).round().astype(int)
    found = {}
    for label in progress(largest, "screen, unknown labels", unit="labels"):
        rows = some[train.labels[some] != label]
        calibrating, ordinary = valid[valid.labels != label], test[test.labels != label]
        unknown = [side[side.labels == label] for side in (valid, test)]
        if (
            len(rows) < MIN_TRAINING_PICTURES
            or len(calibrating.labels) < MIN_VALID_PICTURES
            or not len(ordinary.labels)
            or not (frozen or any(len(side.labels) for side in unknown))
        ):
            continue
        without = learn_from_some(learned, _forget(train, label).pictures, train.labels, rows)
        numbers = np.unique(calibrating.groups, return_inverse=True)[1]
        screen = calibrate_screen(without, _forget(calibrating, label).pictures, numbers, frozen=frozen).screen
        judged = [judge(screen, _forget(side, label).pictures) for side in (*unknown, ordinary) if len(side.labels)]
        asked = [side for side in (*unknown, ordinary) if len(side.labels)]
        if frozen and (trained := train[train.labels == label]).labels.size:
            pictures = _forget(trained, label).pictures
            scores = without.scorers.scores(pictures)
            scores["orientation"] = learned.scores["orientation"][train.labels == label]
            judged.insert(0, judge_scores(screen, scores, pictures.measurements))
            asked.insert(0, trained)
        found[int(label)] = _noticed(judged, asked)
    return found


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
        "unknown_label_auroc": round(float(table["auroc"].mean()), 6),
        "unknown_label_auroc_low": round(low, 6),
        "unknown_label_auroc_high": round(high, 6),
        "unknown_label_caught": round(float(table["caught"].mean()), 6),
    }


def _forget(side: Labelled, label: int) -> Labelled:
    """The same without what the classifier answers for a label."""
    logits = np.delete(side.pictures.logits, label, axis=1)
    return replace(side, pictures=replace(side.pictures, logits=logits))


def _noticed(judged: list[Verdicts], asked: list[Labelled]) -> Noticed:
    """Of verdicts and pictures, of which the last are the ordinary ones."""
    p_values = [one.p_value for one in judged]
    alarms = np.concatenate([one.out_of_domain for one in judged[:-1]])
    return Noticed(np.concatenate(p_values[:-1]), p_values[-1], alarms, np.concatenate([side.groups for side in asked]))


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
