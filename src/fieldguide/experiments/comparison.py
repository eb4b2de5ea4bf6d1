"""What differs between runs: choices, metrics, confusions, and the predictions for the same pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pandas as pd

from fieldguide.base.shares import p_value
from fieldguide.data.status import Split
from fieldguide.data.table import PREDICTIONS_GROUPS
from fieldguide.statistics.paired import PairedTest, paired_test

ALL_WRONG = "all wrong, but different"


@dataclass(frozen=True)
class Results:
    """The results of one run.

    `params` are its choices under their names in the configuration, `inputs` what else determines it, by hash, as
    far as that is known. `predictions` has the columns `fieldguide.data.table.PREDICTIONS_FIXED` and, but in runs of
    older versions, `path` and PREDICTIONS_GROUPS; `history` has the columns epoch, train_loss, valid_loss,
    valid_accuracy.
    """

    name: str
    run: str  # its id in MLflow, or "" for the results in the checkout
    params: Mapping[str, str]
    inputs: Mapping[str, str]
    metrics: Mapping[str, float]
    predictions: pd.DataFrame
    history: pd.DataFrame


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side; the others are compared with the first.

    `answers` holds, for each run, the predictions for the test pictures that all have in common, in the same order.
    """

    runs: Sequence[Results]
    answers: Sequence[pd.DataFrame]
    note: str  # "" if all were tested on the same pictures
    matrices: Sequence[pd.DataFrame]  # of `answers`: rows true labels, columns predictions
    tests: Sequence[PairedTest]  # each of the other runs against the first


def compare(runs: Sequence[Results]) -> Comparison:
    """Compare two or more runs."""
    answers = common_answers(runs)
    return Comparison(
        runs,
        answers,
        _note(runs, len(answers[0])),
        confusions(answers),
        [paired_test(other, answers[0]) for other in answers[1:]],
    )


def common_answers(runs: Sequence[Results]) -> list[pd.DataFrame]:
    """The predictions of each run for the test pictures, by id and label, that all runs have, sorted by id.

    The groups of the pictures are those of the first run that tells them; runs of older versions do not.
    """
    tests = [run.predictions[run.predictions["split"] == Split.TEST].set_index(["id", "label"]) for run in runs]
    index = reduce(lambda left, right: left.intersection(right), (test.index for test in tests)).sort_values()
    answers = [test.loc[index].reset_index() for test in tests]
    names = [field.name for field in PREDICTIONS_GROUPS]
    known = next((answer[names] for answer in answers if set(names) <= set(answer.columns)), None)
    return answers if known is None else [answer.assign(**{name: known[name] for name in names}) for answer in answers]


def _note(runs: Sequence[Results], common: int) -> str:
    sizes = [int((run.predictions["split"] == Split.TEST).sum()) for run in runs]
    if all(size == common for size in sizes):
        return ""
    counts = ", ".join(f"{run.name} on {size}" for run, size in zip(runs, sizes, strict=True))
    note = f"The runs were not tested on the same pictures with the same labels: {counts}"
    if not common:
        return f"{note}. They have none in common, so no test is possible."
    return f"{note}. Tests, confusions and pictures are about the {common} that they have in common."


def confusions(answers: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The confusion matrix of each run, all with the same labels."""
    labels = sorted({name for answer in answers for column in ("label", "prediction") for name in answer[column]})
    return [
        pd.crosstab(answer["label"], answer["prediction"]).reindex(index=labels, columns=labels, fill_value=0)
        for answer in answers
    ]


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """A confusion matrix as shares of its rows; a label without pictures has shares 0."""
    return counts.div(counts.sum(axis=1).clip(lower=1), axis=0)


def differing_choices(runs: Sequence[Results]) -> list[tuple[str, list[str]]]:
    """The parameters, by name, that are not the same in all runs, and then the inputs; "" where a run has none.

    An input that is not known of some run is left out.
    """
    params = [(name, [run.params.get(name, "") for run in runs]) for name in _names(run.params for run in runs)]
    inputs = [(name, [run.inputs.get(name, "") for run in runs]) for name in _names(run.inputs for run in runs)]
    return [
        *((name, values) for name, values in params if len(set(values)) > 1),
        *((name, values) for name, values in inputs if len(set(values)) > 1 and all(values)),
    ]


def _names(mappings: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def differing_answers(comparison: Comparison) -> list[tuple[str, pd.DataFrame]]:
    """The pictures that the runs do not all predict alike, in groups by which are right, the largest group first.

    Those that all have wrong come last.

    Returns
    -------
    A title for each group, and the columns id, clean_path, path, label, answer_0, probability_0, answer_1, ...; within
    a group the pictures with the most confident wrong predictions come first. `path` is the picture's own file, or its
    clean copy where no run names the former.
    """
    paths = [answer["path"] for answer in comparison.answers if "path" in answer]
    table = comparison.answers[0][["id", "clean_path", "label"]].copy()
    table["path"] = paths[0] if paths else table["clean_path"]
    for position, answer in enumerate(comparison.answers):
        table[f"answer_{position}"] = answer["prediction"]
        table[f"probability_{position}"] = answer["probability"]
    answers = table.filter(like="answer_")
    right = answers.eq(table["label"], axis=0)
    wrong_sure = table.filter(like="probability_").where(~right.to_numpy()).max(axis=1)
    table, right = table.assign(sure=wrong_sure)[answers.nunique(axis=1) > 1], right[answers.nunique(axis=1) > 1]
    names = [run.name for run in comparison.runs]
    groups: dict[str, pd.DataFrame] = {}
    for pattern, rows in table.groupby([right[column] for column in right], sort=True):
        who = [name for name, is_right in zip(names, pattern, strict=True) if is_right]
        ordered = rows.sort_values(["sure", "id"], ascending=[False, True]).drop(columns="sure").reset_index(drop=True)
        groups[_who_is_right(who)] = ordered
    return sorted(groups.items(), key=lambda group: (group[0] == ALL_WRONG, -len(group[1]), group[0]))


def _who_is_right(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"only {names[0]} is right"
    return f"right: {', '.join(names)}" if names else ALL_WRONG


def verdict(first: str, other: str, test: PairedTest) -> str:
    """In a sentence whether `other` is better or worse than `first`; `test` is that of the two, `other` first."""
    if not test.pictures:
        return f"{other} and {first} have no test picture in common"
    if not test.beyond_chance:
        return f"{other} and {first} do not differ beyond chance"
    return f"{other} is {'better' if test.difference > 0 else 'worse'} than {first} beyond chance"


def evidence(first: str, other: str, test: PairedTest) -> str:
    """The figures behind the verdict."""
    witnesses = f" in {test.groups} groups" if test.groups < test.pictures else ""
    return (
        f"Of {test.pictures} pictures{witnesses}, only {other} has {test.only_first} right, and only {first} has "
        f"{test.only_second} right: a difference in accuracy of {100 * test.difference:+.1f} points (95 % interval "
        f"{100 * test.difference_low:+.1f} to {100 * test.difference_high:+.1f}, {p_value(test.p_value)})."
    )
