"""The rules of the gate: each gives a row of the table, with its figures and whether it is met."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from fieldguide.base.config import GateConfig
from fieldguide.base.shares import decimal, p_value
from fieldguide.data.groups import group_numbers
from fieldguide.statistics.calibration import chance_calibration_error, expected_calibration_error
from fieldguide.statistics.groups import group_sizes
from fieldguide.statistics.noninferiority import Comparison, Verdict, compare, pictures_needed, verdict_of
from fieldguide.statistics.paired import mean_bounds, paired_differences


class Outcome(StrEnum):
    """What became of a rule. Unclear: it is not met, but within chance."""

    MET = "met"
    UNCLEAR = "unclear"
    FAILED = "failed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Rule:
    """One rule on one set of pictures; figures are None where there are none."""

    rule: str
    on: str  # the set of pictures, a label of it, or what was measured
    outcome: Outcome
    challenger: float | None
    other: float | None
    bound: float | None  # what the challenger, or its difference from the other, has to keep
    pictures: int
    detail: str
    groups: int = 0  # of which the pictures are witnesses (see `fieldguide.statistics.groups`)


def compare_predictions(challenger: pd.DataFrame, other: pd.DataFrame, confidence: float) -> Comparison:
    """Compare two tables of predictions on the pictures that both have.

    Columns id, label, prediction; and of the challenger's, what the groups follow from (see `group_numbers`).
    """
    both = challenger.merge(other[["id", "label", "prediction"]], on="id", suffixes=("", "_other"))
    right, right_other = both["prediction"] == both["label"], both["prediction_other"] == both["label_other"]
    return compare(paired_differences(right, right_other), group_numbers(both), confidence)


def overall(comparison: Comparison, accuracies: tuple[float, float], on: str, cfg: GateConfig) -> Rule:
    """No worse than the margin, with confidence."""
    outcome = {
        Verdict.BETTER: Outcome.MET,
        Verdict.NOT_WORSE: Outcome.MET,
        Verdict.WORSE: Outcome.FAILED,
        Verdict.NOT_ENOUGH: Outcome.UNCLEAR,
    }[verdict_of(comparison, cfg.margin)]
    mine, other = accuracies
    return _counted("accuracy", on, outcome, mine, other, -cfg.margin, comparison)


def frozen_set(comparison: Comparison, accuracies: tuple[float, float], on: str, cfg: GateConfig) -> Rule:
    """As `overall`, but unless it is asked to, a frozen set need not show anything: it may be small, or out of date."""
    rule = overall(comparison, accuracies, f"backtest {on}", cfg)
    outcome, detail = rule.outcome, rule.detail
    if not comparison.pictures:
        outcome, detail = Outcome.NOT_MEASURED, "no picture that neither model was trained on"
    elif outcome == Outcome.FAILED and comparison.difference >= -cfg.margin:
        outcome = Outcome.UNCLEAR
    if cfg.backtests_need_evidence and outcome == Outcome.NOT_MEASURED:
        outcome = Outcome.UNCLEAR
    if not cfg.backtests_need_evidence and outcome == Outcome.UNCLEAR:
        outcome, detail = Outcome.MET, f"not shown to be worse: {detail}"
    return replace(rule, outcome=outcome, detail=detail)


def baseline(comparison: Comparison, accuracies: tuple[float, float], name: str, cfg: GateConfig) -> Rule:
    """Better than what needs no learning."""
    verdict = verdict_of(comparison, cfg.margin)
    outcome = {Verdict.BETTER: Outcome.MET, Verdict.WORSE: Outcome.FAILED}.get(verdict, Outcome.UNCLEAR)
    mine, other = accuracies
    return _counted("better than a baseline", name, outcome, mine, other, 0.0, comparison)


def classes(challenger: pd.DataFrame, other: pd.DataFrame, cfg: GateConfig) -> list[Rule]:
    """No label loses more recall than `class_margin`; a larger loss within chance (sign-flip test) is unclear."""
    both = challenger.merge(other[["id", "prediction"]], on="id", suffixes=("", "_other"))
    rules = []
    for label, rows in both.groupby("label"):
        right, right_other = rows["prediction"] == label, rows["prediction_other"] == label
        compared = compare(paired_differences(right, right_other), group_numbers(rows), cfg.confidence)
        outcome = Outcome.MET
        if compared.difference < -cfg.class_margin:
            is_chance = compared.p_value / 2 >= 1 - cfg.confidence  # one-sided
            outcome = Outcome.UNCLEAR if is_chance else Outcome.FAILED
        rule = _counted(
            "recall", str(label), outcome, float(right.mean()), float(right_other.mean()), -cfg.class_margin, compared
        )
        if outcome == Outcome.UNCLEAR:
            more = f"; {pictures_needed(compared, cfg.class_margin)} pictures of it would tell"
            rule = replace(rule, detail=rule.detail + more)
        rules.append(rule)
    return rules


def calibration(challenger: pd.DataFrame, other: pd.DataFrame | None, cfg: GateConfig) -> Rule:
    """The calibration error, less what chance alone gives on so many pictures, stays below its bound."""
    mine, chance = _calibration_error(challenger)
    others = max(0.0, float(np.subtract(*_calibration_error(other)))) if other is not None else None
    excess = max(0.0, mine - chance)
    outcome = Outcome.MET if excess <= cfg.max_calibration_error else Outcome.FAILED
    detail = f"ECE {decimal(mine)}, of which {decimal(chance)} by chance"
    bound = cfg.max_calibration_error
    return Rule("calibration", "current test", outcome, excess, others, bound, len(challenger), detail)


def log_loss(challenger: pd.DataFrame, other: pd.DataFrame, against: str, cfg: GateConfig) -> Rule:
    """The log loss on the same pictures is not shown to be higher by more than `log_loss_margin`.

    Accuracy and calibration error hardly see a model that is wrong with full confidence; the log loss does.

    Parameters
    ----------
    challenger, other
        Predictions with columns id, loss; pictures whose label one of them does not know (NaN) are left out.
    against
        What `other` are the predictions of, in words.
    """
    both = challenger.merge(other[["id", "loss"]], on="id", suffixes=("", "_other"))
    both = both.dropna(subset=["loss", "loss_other"])
    bound, on = cfg.log_loss_margin, f"current test, against {against}"
    if both.empty:
        return Rule("log loss", on, Outcome.NOT_MEASURED, None, None, bound, 0, "no label that both know")
    differences = (both["loss"] - both["loss_other"]).to_numpy(np.float64)
    groups = group_numbers(both)
    low, high = mean_bounds(differences, groups, 2 * cfg.confidence - 1, added=0)
    outcome = Outcome.FAILED if differences.mean() > bound and low > 0 else Outcome.MET
    means = float(both["loss"].mean()), float(both["loss_other"].mean())
    detail = f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"
    return Rule("log loss", on, outcome, *means, bound, len(both), detail, len(group_sizes(groups)))


def temperature(challenger: pd.DataFrame, cfg: GateConfig) -> Rule:
    """The challenger's temperature does not make its own probabilities worse."""
    plain = challenger[["id"]].assign(loss=challenger["loss_uncalibrated"])
    return log_loss(challenger, plain, "itself without a temperature", cfg)


def alarms(challenger: float | None, champion: float | None, pictures: int, cfg: GateConfig) -> Rule:
    """The share of the test pictures that the model finds out of its domain; None: there is no detector."""
    bound = cfg.max_alarm_rate
    if challenger is None:
        outcome, detail = Outcome.NOT_MEASURED, "the model has no detector"
    else:
        outcome, detail = Outcome.MET if challenger <= bound else Outcome.FAILED, ""
    return Rule("out-of-domain alarms", "current test", outcome, challenger, champion, bound, pictures, detail)


def cost(name: str, unit: str, challenger: float, champion: float | None, at_most: float, detail: str) -> Rule:
    """Time or size, as a multiple of the champion's."""
    if champion is None:
        return Rule(name, unit, Outcome.NOT_MEASURED, challenger, None, at_most, 0, "nothing to compare with")
    ratio = challenger / champion
    outcome = Outcome.MET if ratio <= at_most else Outcome.FAILED
    return Rule(name, unit, outcome, challenger, champion, at_most, 0, f"{ratio:.2f} times{detail}")


def decide(current: Verdict, rules: Iterable[Rule]) -> Verdict:
    """The verdict of all rules: one failure is "worse"; else an unclear one leaves too little evidence."""
    outcomes = {rule.outcome for rule in rules}
    if Outcome.FAILED in outcomes:
        return Verdict.WORSE
    return Verdict.NOT_ENOUGH if Outcome.UNCLEAR in outcomes else current


def _counted(
    rule: str, on: str, outcome: Outcome, challenger: float, other: float, bound: float, comparison: Comparison
) -> Rule:
    """A rule about answers that are right or wrong, with the counts that it follows from."""
    counts = comparison.pictures, _in_words(comparison), comparison.groups
    return Rule(rule, on, outcome, challenger, other, bound, *counts)


def _in_words(comparison: Comparison) -> str:
    return (
        f"{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f}), "
        f"{comparison.only_challenger} won and {comparison.only_other} lost, sign-flip {p_value(comparison.p_value)}"
    )


def _calibration_error(predictions: pd.DataFrame) -> tuple[float, float]:
    confidence = predictions["probability"].to_numpy(np.float64)
    right = (predictions["prediction"] == predictions["label"]).to_numpy(bool)
    return expected_calibration_error(confidence, right), chance_calibration_error(confidence)
