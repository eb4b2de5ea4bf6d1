"""Where and when a classifier is right: its accuracy by site, by month and for whole sequences."""

import pandas as pd

from fieldguide.data.groups import sequence_numbers
from fieldguide.evaluation.metrics import Figures, Positions, Probabilities
from fieldguide.statistics.calibration import Right
from fieldguide.statistics.groups import Groups
from fieldguide.statistics.intervals import share_interval

NOT_KNOWN = "not known"
COLUMNS = ["pictures", "groups", "accuracy", "accuracy_low", "accuracy_high"]


def by_site(test: pd.DataFrame, right: Right) -> pd.DataFrame:
    """The accuracy at each site, the worst first: by the upper end of its interval, so that few pictures prove little.

    Parameters
    ----------
    test
        n predictions, with their field data.
    right
        (n,) which of them are right.

    Returns
    -------
    The columns site, pictures, groups, accuracy, and its 95 % interval accuracy_low, accuracy_high. Groups are what
    counts as one witness within a site: sequences (see `sequence_numbers`). No rows where no site is known.
    """
    if test["site"].isna().all():
        return pd.DataFrame(columns=["site", *COLUMNS])
    table = _table(test["site"].fillna(NOT_KNOWN), right, sequence_numbers(test))
    return table.sort_values(["accuracy_high", "accuracy", "site"], ignore_index=True)


def by_month(test: pd.DataFrame, right: Right, groups: Groups) -> pd.DataFrame:
    """The same for each month of capture (2024-05), in their order, by the groups (n,) of the split."""
    if test["time"].isna().all():
        return pd.DataFrame(columns=["month", *COLUMNS])
    months = pd.to_datetime(test["time"]).dt.strftime("%Y-%m").rename("month")
    return _table(months.fillna(NOT_KNOWN), right, groups).sort_values("month", ignore_index=True)


def site_figures(test: pd.DataFrame, train: pd.DataFrame, sites: pd.DataFrame) -> dict[str, str | float]:
    """How many `sites` the test pictures have, and on how many of them it was trained (`sites_trained_on`).

    And of two or more sites the first of `by_site` (`worst_site`) with its accuracy (`worst_site_accuracy`, `_low`,
    `_high`). Nothing where no site is known.
    """
    known = sites[sites["site"] != NOT_KNOWN]
    if known.empty:
        return {}
    figures: dict[str, str | float] = {
        "sites": len(known),
        "sites_trained_on": int(known["site"].isin(train["site"].dropna()).sum()),
    }
    if len(known) == 1:
        return figures
    worst = {f"worst_site_{name}": float(known[name].iloc[0]) for name in ("accuracy", "accuracy_low", "accuracy_high")}
    return {**figures, "worst_site": str(known["site"].iloc[0]), **worst}


def sequence_figures(test: pd.DataFrame, targets: Positions, probabilities: Probabilities, groups: Groups) -> Figures:
    """The accuracy for whole sequences: one answer for each, by the mean of its pictures' probabilities.

    A sequence whose pictures have several labels has no one right answer, and is left out.

    Parameters
    ----------
    test
        n predictions, with their field data.
    targets, probabilities, groups
        The positions (n,) of the true labels, (n, labels), and the groups (n,) of the split.

    Returns
    -------
    accuracy_sequences with `_low` and `_high`, the number of `sequences` that it is about and of `sequences_mixed`;
    nothing where no sequence has several pictures, or all are mixed.
    """
    numbers = sequence_numbers(test)
    if test[["time", "sequence"]].isna().all(axis=None) or len(set(numbers)) == len(test):
        return {}
    labels = pd.Series(targets).groupby(numbers).agg(["first", "nunique"])
    answers = pd.DataFrame(probabilities).groupby(numbers).mean().to_numpy().argmax(axis=1)
    whole = (labels["nunique"] == 1).to_numpy()
    if not whole.any():
        return {}
    right = (answers == labels["first"].to_numpy())[whole]
    low, high = share_interval(right, pd.Series(groups).groupby(numbers).first().to_numpy()[whole])
    return {
        "accuracy_sequences": float(right.mean()),
        "accuracy_sequences_low": low,
        "accuracy_sequences_high": high,
        "sequences": int(whole.sum()),
        "sequences_mixed": int((~whole).sum()),
    }


def _table(names: "pd.Series[str]", right: Right, groups: Groups) -> pd.DataFrame:
    rows = []
    for name, places in names.reset_index(drop=True).groupby(names.to_numpy()).groups.items():
        some, among = right[places], groups[places]
        low, high = share_interval(some, among)
        rows.append((name, len(some), len(set(among)), float(some.mean()), low, high))
    return pd.DataFrame(rows, columns=[names.name, *COLUMNS])
