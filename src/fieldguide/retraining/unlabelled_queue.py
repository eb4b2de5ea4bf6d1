"""The review queue of what arrived without a label: the champion's predictions, out-of-domain pictures first."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fieldguide.base.paths import Paths
from fieldguide.base.shares import rounded
from fieldguide.data.csv_files import write_csv
from fieldguide.retraining.arrived import State

ANSWERED = ["prediction", "probability", "p_value", "out_of_domain", "reason"]
COLUMNS = ["file", "id", *ANSWERED, "model"]


def ask(weights: Path, files: Sequence[Path]) -> pd.DataFrame:
    """The predictions of the classifier with these weights for pictures, and of its screen if there is one beside them.

    Returns
    -------
    The columns ANSWERED, a row for each file: label and its calibrated probability; the p-value that a picture of the
    domain is so unusual, whether that is an alarm, and why. The two of the screen are None without one. A file that
    cannot be read has no answer, and the reason.
    """
    from fieldguide.prediction.answers import answers, load_screened

    classifier, screening = load_screened(weights, weights.with_suffix(".json"))
    rows = []
    for answer in answers(classifier, files, screening=screening):
        label, probability = "", None
        if answer.probabilities is not None:
            best = int(answer.probabilities.argmax())
            label, probability = classifier.vocabulary[best], rounded(float(answer.probabilities[best]), 6)
        p_value = None if answer.p_value is None else rounded(answer.p_value)
        rows.append((label, probability, p_value, answer.out_of_domain, answer.reason))
    return pd.DataFrame(rows, columns=ANSWERED)


def write_queue(paths: Paths, incoming: pd.DataFrame, champion: str, answered: pd.DataFrame | None) -> None:
    """Write reports/retrain/review_queue.csv: one row for every unlabelled picture that is there now.

    What is out of domain comes first, then the predictions of lowest confidence. A person answers by moving the file to
    data/incoming/<label>/, or by deleting it; the next call does the rest.

    Parameters
    ----------
    answered
        The champion's predictions for the unlabelled rows of `incoming`, in their order, in the columns of `ask`;
        None if there is no champion.
    """
    rows = incoming.loc[incoming["state"] == State.UNLABELLED, ["file", "id"]].reset_index(drop=True)
    rows = (
        rows.assign(model=champion, **dict.fromkeys(ANSWERED))
        if answered is None
        else rows.assign(model=champion, **answered)
    )
    rows["alarm"] = rows["out_of_domain"].eq(True)
    queue = rows.sort_values(["alarm", "probability", "file"], ascending=[False, True, True])[COLUMNS]
    queue["file"] = "data/incoming/" + queue["file"].astype(str)
    write_csv(paths.report("retrain") / "review_queue.csv", queue)
