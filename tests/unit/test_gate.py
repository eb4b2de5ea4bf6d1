"""The gate's statistics, its rules on small tables, and which pictures it leaves out."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import few_daily
from fieldguide.base.config import GateConfig
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.seen_pictures import seen_in_training
from fieldguide.data.table import write_table
from fieldguide.release.gate import rules
from fieldguide.release.gate.decision import is_accepted
from fieldguide.release.gate.picture_sets import BACKTEST, TABLE, backtests
from fieldguide.release.gate.rules import Outcome, Rule, compare_predictions
from fieldguide.statistics.groups import alone
from fieldguide.statistics.noninferiority import Comparison, Verdict, compare, pictures_needed, verdict_of

STANDARD = GateConfig()
STRICT = GateConfig(accept="better", margin=0.02, confidence=0.975, backtests_need_evidence=True)
SIMULATIONS = 400


@cache  # the same counts come again and again
def compared(pictures: int, won: int, lost: int, confidence: float) -> Comparison:
    """The comparison of two models by counts, each picture a group of its own."""
    differences = np.repeat([1.0, -1.0, 0.0], [won, lost, pictures - won - lost])
    return compare(differences, alone(pictures), confidence)


def verdicts(difference: float, differing: float, pictures: int, gate: GateConfig) -> list[Verdict]:
    """What the gate says of 400 test splits of two models with a known true difference."""
    won, lost = (differing + difference) / 2, (differing - difference) / 2
    counts = np.random.default_rng(7).multinomial(pictures, [won, lost, 1 - differing], size=SIMULATIONS)
    return [
        verdict_of(compared(pictures, int(only), int(other), gate.confidence), gate.margin) for only, other, _ in counts
    ]


@pytest.mark.slow
@pytest.mark.parametrize("gate", [STANDARD, STRICT], ids=["standard", "strict"])
@pytest.mark.parametrize("differing", [0.06, 0.2])
def test_an_equal_model_is_called_better_in_at_most_5_per_cent(gate: GateConfig, differing: float) -> None:
    found = verdicts(0.0, differing, 300, gate)
    assert found.count(Verdict.BETTER) <= 0.05 * SIMULATIONS
    assert found.count(Verdict.WORSE) <= 0.1 * SIMULATIONS


@pytest.mark.parametrize("differing", few_daily([0.06, 0.2], 2))
def test_a_model_5_points_worse_is_stopped_in_at_least_95_per_cent_at_300_pictures(differing: float) -> None:
    stopped = [not is_accepted(verdict, STANDARD) for verdict in verdicts(-0.05, differing, 300, STANDARD)]
    assert sum(stopped) >= 0.95 * SIMULATIONS


@pytest.mark.slow
def test_a_clearly_better_model_passes_and_so_does_an_equal_one_with_enough_pictures() -> None:
    assert verdicts(0.05, 0.1, 1000, STANDARD).count(Verdict.BETTER) >= 0.9 * SIMULATIONS
    assert sum(is_accepted(verdict, STANDARD) for verdict in verdicts(0.0, 0.06, 2000, STANDARD)) >= 0.95 * SIMULATIONS
    assert not is_accepted(Verdict.NOT_WORSE, STRICT)


def test_two_models_that_never_differ_on_few_pictures_are_not_known_to_be_the_same() -> None:
    few, many = compared(20, 0, 0, 0.95), compared(1000, 0, 0, 0.95)
    assert verdict_of(few, 0.03) == Verdict.NOT_ENOUGH
    assert verdict_of(many, 0.03) == Verdict.NOT_WORSE
    assert verdict_of(compared(0, 0, 0, 0.95), 0.03) == Verdict.NOT_ENOUGH


@pytest.mark.slow
def test_the_pictures_that_are_asked_for_would_be_enough_four_times_in_five() -> None:
    unclear = compared(300, 15, 15, 0.95)
    assert verdict_of(unclear, 0.02) == Verdict.NOT_ENOUGH
    needed = pictures_needed(unclear, 0.02)
    gate = GateConfig(margin=0.02)
    share = sum(is_accepted(verdict, gate) for verdict in verdicts(0.0, 32 / 302, needed, gate)) / SIMULATIONS
    assert 0.7 < share < 0.9


def predicted(labels: list[str], wrong: set[int]) -> pd.DataFrame:
    """Predictions of which those at some places are wrong."""
    names = ["other" if place in wrong else label for place, label in enumerate(labels)]
    ids = [f"{place:04d}" for place in range(len(labels))]
    return pd.DataFrame({"id": ids, "label": labels, "prediction": names, "probability": 0.9})


LABELS = ["a"] * 100 + ["b"] * 100 + ["c"] * 4


def test_a_label_that_loses_too_much_fails_and_one_with_few_pictures_is_unclear() -> None:
    champion = predicted(LABELS, {0})
    found = {rule.on: rule for rule in rules.classes(predicted(LABELS, {1, *range(100, 120), 200}), champion, STANDARD)}
    assert found["a"].outcome == Outcome.MET
    assert (found["b"].outcome, found["b"].challenger) == (Outcome.FAILED, 0.8)
    assert found["c"].outcome == Outcome.UNCLEAR
    assert "pictures of it would tell" in found["c"].detail


def test_a_frozen_set_stops_what_it_shows_to_be_worse_and_must_show_more_only_if_asked() -> None:
    champion = predicted(LABELS, set())
    worse = compare_predictions(predicted(LABELS, set(range(20))), champion, 0.95)
    few = compared(20, 0, 1, 0.95)
    none = compared(0, 0, 0, 0.95)
    lenient = [rules.frozen_set(one, (0.0, 0.0), "past", STANDARD).outcome for one in (worse, few, none)]
    strict = [rules.frozen_set(one, (0.0, 0.0), "past", STRICT).outcome for one in (worse, few, none)]
    assert lenient == [Outcome.FAILED, Outcome.MET, Outcome.NOT_MEASURED]
    assert strict == [Outcome.FAILED, Outcome.UNCLEAR, Outcome.UNCLEAR]


def test_only_calibration_beyond_chance_counts() -> None:
    sure = predicted(["a"] * 200, set(range(100))).assign(probability=0.99)
    assert rules.calibration(sure, None, STANDARD).outcome == Outcome.FAILED
    few = predicted(["a"] * 10, {0})  # nine of ten right, 0.9 sure
    assert rules.calibration(few, None, STANDARD).outcome == Outcome.MET


def test_the_rules_count_groups_and_say_how_many_there_are() -> None:
    """Twelve frames of one site are one witness: they prove nothing, where as many pictures would."""
    labels = ["a"] * 120
    sites = [f"site {place // 12}" for place in range(120)]
    champion, challenger = predicted(labels, set(range(12))), predicted(labels, set())
    by_picture = compare_predictions(challenger, champion, 0.95)
    by_site = compare_predictions(challenger.assign(split_key=sites), champion, 0.95)
    assert (verdict_of(by_picture, 0.03), verdict_of(by_site, 0.03)) == (Verdict.BETTER, Verdict.NOT_ENOUGH)
    assert rules.overall(by_site, (1.0, 0.9), "current test", STANDARD).groups == 10
    worse = rules.classes(champion.assign(split_key=sites), challenger, GateConfig(class_margin=0.05))
    assert (worse[0].outcome, worse[0].groups) == (Outcome.UNCLEAR, 10)
    assert rules.classes(champion, challenger, GateConfig(class_margin=0.05))[0].outcome == Outcome.FAILED
    assert pictures_needed(by_site, 0.03) > 5 * pictures_needed(by_picture, 0.03)


def with_losses(losses: list[float], plain: float = 0.2) -> pd.DataFrame:
    """Predictions with these log losses; without a temperature each would be `plain`."""
    return predicted(["a"] * len(losses), set()).assign(loss=losses, loss_uncalibrated=plain)


def test_a_model_that_is_wrong_with_full_confidence_is_stopped_by_its_log_loss() -> None:
    """As accurate as the champion: a tenth is wrong, of which the challenger is certain."""
    champion = with_losses([0.1] * 180 + [1.5] * 20)
    certain = with_losses([0.001] * 180 + [9.0] * 20)
    assert rules.log_loss(certain, champion, "the champion", STANDARD).outcome == Outcome.FAILED
    assert rules.log_loss(champion, certain, "the champion", STANDARD).outcome == Outcome.MET
    assert rules.temperature(certain, STANDARD).outcome == Outcome.FAILED
    assert rules.temperature(with_losses([0.1] * 200), STANDARD).outcome == Outcome.MET


def test_a_higher_log_loss_within_chance_or_within_the_margin_stops_nothing() -> None:
    alike = with_losses([0.2] * 60)
    for losses in ([0.2] * 59 + [9.0], [0.21] * 60):
        rule = rules.log_loss(with_losses(losses), alike, "the champion", STANDARD)
        assert rule.challenger is not None and rule.challenger > 0.2
        assert rule.outcome == Outcome.MET
    assert rules.log_loss(with_losses([5.0]), with_losses([0.1]), "", STANDARD).outcome == Outcome.MET, "one picture"


def test_labels_that_one_model_does_not_know_are_left_out_of_the_log_loss() -> None:
    some = rules.log_loss(with_losses([0.2, np.nan, 0.2]), with_losses([0.2, 0.2, 0.2]), "the champion", STANDARD)
    none = rules.log_loss(with_losses([np.nan]), with_losses([0.2]), "the champion", STANDARD)
    assert (some.pictures, none.outcome) == (2, Outcome.NOT_MEASURED)


def test_alarms_and_costs_have_bounds_and_are_said_to_be_not_measured_without_figures() -> None:
    alarms = [rules.alarms(rate, None, 100, STANDARD).outcome for rate in (None, 0.05, 0.5)]
    costs = [rules.cost("size", "MB", 30.0, other, 2.0, "").outcome for other in (None, 20.0, 10.0)]
    assert alarms == costs == [Outcome.NOT_MEASURED, Outcome.MET, Outcome.FAILED]


def test_one_broken_rule_is_worse_and_an_unclear_one_too_little_evidence() -> None:
    met, unclear, failed, unknown = (
        Rule("r", "s", outcome, None, None, None, 0, "")
        for outcome in (Outcome.MET, Outcome.UNCLEAR, Outcome.FAILED, Outcome.NOT_MEASURED)
    )
    assert rules.decide(Verdict.BETTER, [met, unknown]) == Verdict.BETTER
    assert rules.decide(Verdict.BETTER, [met, unclear]) == Verdict.NOT_ENOUGH
    assert rules.decide(Verdict.BETTER, [failed, unclear]) == Verdict.WORSE


def hashed(**bits: int) -> dict[str, str]:
    """A perceptual hash in which the lowest so many of 256 bits are set, by name."""
    return {name: f"{(1 << number) - 1:064x}" for name, number in bits.items()}


def test_pictures_are_left_out_by_id_and_by_look_alike_even_through_a_third_one() -> None:
    hashes = hashed(trained=0, third=30, alike=60, validated=150, tested=256)
    model = pd.DataFrame(
        {
            "id": ["trained", "third", "validated", "tested"],
            "split": ["train", "left_out", "valid", "test"],
            "perceptual_hash": [hashes[name] for name in ("trained", "third", "validated", "tested")],
        }
    )
    ids = ["alike", "validated", "tested", "trained"]
    pictures = pd.DataFrame({"id": ids, "perceptual_hash": [hashes.get(name, "") for name in ids]})
    assert list(seen_in_training(pictures, [model], 40)) == [True, True, False, True]
    assert list(seen_in_training(pictures, [model], 4)) == [False, True, False, True]
    other = model[model["id"] == "tested"].assign(split="train")
    assert list(seen_in_training(pictures, [model, other], 4)) == [False, True, True, True]


def test_a_frozen_picture_that_was_changed_or_is_missing_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "backtests" / "past"
    folder.mkdir(parents=True)
    (folder / "one.jpg").write_bytes(b"changed")
    row = ("1" * 16, "bear", "one.jpg", "0" * 64, "1" * 16, "0" * 64, "2026-01-01")
    write_table(pd.DataFrame([row], columns=BACKTEST.names), folder / TABLE, BACKTEST)
    with pytest.raises(UserError, match=r"data/backtests/past/one\.jpg is not what was frozen"):
        backtests(Paths(tmp_path))
    (folder.parent / "away.dvc").write_text("outs: []\n")
    with pytest.raises(UserError, match="data/backtests/away is not here: `dvc checkout"):
        backtests(Paths(tmp_path))
