"""How well pictures of a label that screening does not know would be noticed: each label is left out in turn."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.progress import progress
from fieldguide.screening.fitting import Learned, calibrate_screen, learn_from_some
from fieldguide.screening.noticed_labels import Noticed
from fieldguide.screening.observations import Observations
from fieldguide.screening.screen import Verdicts, judge, judge_scores
from fieldguide.statistics.groups import Groups

MAX_TRAINING_PICTURES = 1000  # evenly spaced: more would change the figures little, and take long for each label
MAX_LABELS = 20  # those with the most pictures
MIN_TRAINING_PICTURES, MIN_VALID_PICTURES = 5, 2  # of the other labels


@dataclass(frozen=True)
class Labelled:
    """Observed pictures of one side of the split, with their labels and groups."""

    pictures: Observations
    labels: NDArray[np.intp]  # (n,) positions in the vocabulary
    groups: Groups  # (n,) numbers that no other side uses for another group

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Labelled":
        return Labelled(self.pictures[rows], self.labels[rows], self.groups[rows])


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


def _forget(side: Labelled, label: int) -> Labelled:
    """The same without what the classifier answers for a label."""
    logits = np.delete(side.pictures.logits, label, axis=1)
    return replace(side, pictures=replace(side.pictures, logits=logits))


def _noticed(judged: list[Verdicts], asked: list[Labelled]) -> Noticed:
    """Of verdicts and pictures, of which the last are the ordinary ones."""
    p_values = [one.p_value for one in judged]
    alarms = np.concatenate([one.out_of_domain for one in judged[:-1]])
    return Noticed(np.concatenate(p_values[:-1]), p_values[-1], alarms, np.concatenate([side.groups for side in asked]))
