"""The review queue of what arrived without a label: what the champion takes it for, least sure first."""

import pandas as pd

from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths
from fieldguide.retraining.incoming import State
from fieldguide.retraining.observe import Observed

COLUMNS = ["file", "id", "prediction", "probability", "model"]


def write_queue(paths: Paths, incoming: pd.DataFrame, champion: str, seen: Observed | None) -> None:
    """Write reports/retrain/review_queue.csv: one row for every unlabelled picture that is there now.

    A person answers by moving the file to data/incoming/<label>/, or by deleting it; the next call does the rest.

    Parameters
    ----------
    seen
        The readable rows of `incoming` through the champion's eyes, in their order; None if there is no champion.
    """
    readable = incoming[incoming["state"].isin([State.NEW, State.UNLABELLED])]
    rows = readable[["file", "id", "state"]].assign(prediction="", probability=float("nan"), model=champion)
    if seen is not None:
        rows = rows.assign(prediction=seen.answers, probability=seen.probabilities.max(axis=1).round(6))
    queue = rows[rows["state"] == State.UNLABELLED].sort_values(["probability", "file"])[COLUMNS]
    queue["file"] = "data/incoming/" + queue["file"].astype(str)
    with replace_file(paths.report("retrain") / "review_queue.csv") as partial:
        queue.to_csv(partial, index=False, lineterminator="\n")
