"""Screening the pictures of a data set: the screen that is learned from them, and its verdict on each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.data.groups import group_numbers
from fieldguide.data.status import Split
from fieldguide.model.asking import Network
from fieldguide.model.inference import Classifier, calibrated
from fieldguide.screening.detectors import Detector
from fieldguide.screening.fitting import Fitted, calibrate_screen, learn_screen
from fieldguide.screening.kept_observations import observe_files
from fieldguide.screening.noticed_labels import Noticed
from fieldguide.screening.observations import Observations, unpaired
from fieldguide.screening.screen import Verdicts, judge
from fieldguide.screening.unknown_labels import Labelled, notice_labels

MAX_TRAINING_PICTURES = 5000  # to learn from: more would slow down every later answer


@dataclass(frozen=True)
class Screened:
    """What screening a data set gives."""

    fitted: Fitted
    valid: Observations  # of the valid pictures: later batches are compared with them
    verdicts: pd.DataFrame  # of every picture, in the order of the table
    unseen: pd.DataFrame  # the classifier's probabilities, a column a label, of pictures that it was not trained on
    noticed: dict[int, Noticed]  # the labels that were left out in turn, by their position in the vocabulary


def screen_pictures(
    detector: Detector,
    classifier: Classifier,
    feature_network: Network,
    frozen: bool,
    table: pd.DataFrame,
    clean: Path,
    kept: Path,
) -> Screened:
    """Fit the screen on train, calibrate it on valid, and judge every picture.

    Parameters
    ----------
    frozen
        Whether the feature network's features are those of a frozen body.
    table
        The split table, sorted by id, with the columns `path` and `file`; `clean_path` is below `clean`.
    kept
        That of `observe_files`.

    Raises
    ------
    UserError
        If there are fewer than two valid pictures.
    """

    def observed(rows: pd.DataFrame, task: str, *, turned: bool = False) -> Observations:
        pictures = list(zip(rows["clean_sha256"], (clean / path for path in rows["clean_path"]), strict=True))
        return observe_files(classifier, feature_network, pictures, kept, task, turned=turned)

    train = table[table["split"] == Split.TRAIN].head(MAX_TRAINING_PICTURES)
    valid = table[table["split"] == Split.VALID]
    others = table.drop([*train.index, *valid.index])
    if len(valid) < 2:
        raise UserError(
            f"{len(valid)} valid pictures are too few to calibrate, 2 are needed: add pictures, or raise split.valid"
        )
    upright, turned = unpaired(observed(train, "screen, train", turned=True))
    labels = np.searchsorted(classifier.vocabulary, train["label"].to_numpy(str))
    seen = observed(valid, "screen, valid")
    learned = learn_screen(upright, turned, labels, detector, group_numbers(train))
    fitted = calibrate_screen(learned, seen, group_numbers(valid), frozen=frozen)
    judged = [_with_verdicts(train, fitted.train), _with_verdicts(valid, fitted.valid)]
    rows, logits, noticed = list(valid.index), [seen.logits], {}
    if len(others):
        found = observed(others, "screen, other pictures")
        judged.append(_with_verdicts(others, judge(fitted.screen, found)))
        rows, logits = [*rows, *others.index], [*logits, found.logits]
        in_test = (others["split"] == Split.TEST).to_numpy()
        groups = pd.Series(group_numbers(table), table.index)
        sides = ((upright, train), (seen, valid), (found[in_test], others[in_test]))
        noticed = notice_labels(
            learned,
            *(
                Labelled(
                    pictures,
                    np.searchsorted(classifier.vocabulary, side["label"].to_numpy(str)),
                    groups[side.index].to_numpy(),
                )
                for pictures, side in sides
            ),
            frozen=frozen,
        )
    answers = calibrated(np.concatenate(logits).astype(np.float64), classifier.temperature)
    unseen = pd.DataFrame(answers, rows, classifier.vocabulary)
    return Screened(fitted, seen, pd.concat(judged).sort_index(), unseen, noticed)


def _with_verdicts(rows: pd.DataFrame, verdicts: Verdicts) -> pd.DataFrame:
    return rows[["id", "path", "file", "label", "clean_path", "split"]].assign(
        p_value=verdicts.p_value,
        out_of_domain=verdicts.out_of_domain,
        reason=verdicts.reason,
        **{f"p_{part}": values for part, values in verdicts.parts.items()},
    )
