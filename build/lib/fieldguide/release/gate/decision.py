"""The gate: all rules on all sets, and one verdict."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config, GateConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.data.csv_files import write_csv
from fieldguide.data.seen_pictures import membership, seen_in_training
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table, sampled
from fieldguide.evaluation.baselines import MAX_TREE_PICTURES
from fieldguide.model.inference import Classifier, load_classifier
from fieldguide.release.gate import rules
from fieldguide.release.gate.picture_sets import PictureSet, backtests, current_test
from fieldguide.release.gate.predictions import baseline_predictions, predictions, seconds_side_by_side
from fieldguide.release.gate.rules import Rule, compare_predictions
from fieldguide.release.versions import Candidate
from fieldguide.statistics.noninferiority import Comparison, Verdict, pictures_needed, verdict_of


@dataclass(frozen=True)
class Decision:
    """The decision of the gate about a challenger.

    `against` names the champion, or is "" where the challenger had to beat the baselines. `needed` is the number of
    test pictures that would be enough, where those of the current test split are not. `left_out` counts, per set, the
    pictures that either model was trained on or look-alikes of such. `witnesses` says of each set in words how many
    pictures and groups are left.
    """

    challenger: str
    against: str
    verdict: Verdict
    accepted: bool
    needed: int | None
    left_out: dict[str, int]
    rules: tuple[Rule, ...]
    witnesses: dict[str, str] = field(default_factory=dict)


def run_gate(
    cfg: Config,
    paths: Paths,
    challenger: Candidate,
    champion: Candidate | None,
    alarm_rates: tuple[float | None, float | None] = (None, None),
) -> Decision:
    """Judge a challenger by the rules of `cfg.gate`.

    Parameters
    ----------
    paths
        Where the current split, the cleaned pictures and the frozen sets are.
    champion
        None if there is none yet: then the challenger has to beat the baselines.
    alarm_rates
        Of challenger and champion: the share of the current test pictures that each finds out of its domain, 0 to 1.

    Raises
    ------
    UserError
        If a model, a table or a frozen set is missing or damaged, or no test picture is left.
    """
    known = [candidate.known for candidate in (challenger, champion) if candidate is not None]
    sets = [current_test(paths, cfg.split.group_by), *backtests(paths)]
    unseen, left_out = [], {}
    for pictures in sets:
        seen = seen_in_training(pictures.pictures, known, cfg.split.near_duplicate_bits)
        unseen.append(replace(pictures, pictures=pictures.pictures[~seen].reset_index(drop=True)))
        left_out[pictures.name] = int(seen.sum())
    if unseen[0].pictures.empty:
        raise UserError(f"all {left_out[sets[0].name]} test pictures were seen in training: add pictures to compare on")
    model = load_classifier(challenger.weights, challenger.description)
    if champion is None:
        main, found = _against_baselines(cfg.gate, paths, model, unseen, alarm_rates[0])
        costs = [rules.cost("size", "MB", _megabytes(challenger), None, cfg.gate.max_growth, "")]
    else:
        other = load_classifier(champion.weights, champion.description)
        main, found = _against_champion(cfg.gate, model, other, unseen, alarm_rates)
        mine, others = seconds_side_by_side(model, other, unseen[0])
        costs = [
            rules.cost("time", "ms a picture", 1000 * mine, 1000 * others, cfg.gate.max_slowdown, ", measured in turn"),
            rules.cost("size", "MB", _megabytes(challenger), _megabytes(champion), cfg.gate.max_growth, ""),
        ]
    found += costs
    verdict = rules.decide(verdict_of(main, cfg.gate.margin), found)
    return Decision(
        challenger=challenger.name,
        against=champion.name if champion else "",
        verdict=verdict,
        accepted=is_accepted(verdict, cfg.gate),
        needed=pictures_needed(main, cfg.gate.margin) if champion and _too_few(main, cfg.gate) else None,
        left_out=left_out,
        rules=tuple(found),
        witnesses={pictures.name: pictures.witnesses for pictures in unseen},
    )


def is_accepted(verdict: Verdict, gate: GateConfig) -> bool:
    """Whether a challenger with this verdict may take over."""
    return verdict == Verdict.BETTER or (verdict == Verdict.NOT_WORSE and gate.accept == "not_worse")


def _against_champion(
    gate: GateConfig,
    model: Classifier,
    other: Classifier,
    sets: list[PictureSet],
    alarm_rates: tuple[float | None, float | None],
) -> tuple[Comparison, list[Rule]]:
    mine, others = predictions(model, sets[0]), predictions(other, sets[0])
    main = compare_predictions(mine, others, gate.confidence)
    found = [rules.overall(main, (_accuracy(mine), _accuracy(others)), sets[0].name, gate)]
    for pictures in sets[1:]:
        then, then_others = predictions(model, pictures), predictions(other, pictures)
        comparison = compare_predictions(then, then_others, gate.confidence)
        found.append(rules.frozen_set(comparison, (_accuracy(then), _accuracy(then_others)), pictures.name, gate))
    found += rules.classes(mine, others, gate)
    found.append(rules.calibration(mine, others, gate))
    found += [rules.log_loss(mine, others, "the champion", gate), rules.temperature(mine, gate)]
    found.append(rules.alarms(*alarm_rates, len(mine), gate))
    return main, found


def _against_baselines(
    gate: GateConfig, paths: Paths, model: Classifier, sets: list[PictureSet], alarm_rate: float | None
) -> tuple[Comparison, list[Rule]]:
    """The comparison that decides is that with the baseline which comes closest."""
    mine = predictions(model, sets[0])
    comparisons, found = [], []
    for name, others in baseline_predictions(model, _training_pictures(paths), sets[0]).items():
        comparison = compare_predictions(mine, others, gate.confidence)
        comparisons.append(comparison)
        found.append(rules.baseline(comparison, (_accuracy(mine), _accuracy(others)), name, gate))
    found += [rules.calibration(mine, None, gate), rules.temperature(mine, gate)]
    found.append(rules.alarms(alarm_rate, None, len(mine), gate))
    return min(comparisons, key=lambda comparison: comparison.low), found


def _training_pictures(paths: Paths) -> PictureSet:
    table = read_table(paths.split_table, SPLIT)
    train = sampled(table[table["split"] == Split.TRAIN], MAX_TREE_PICTURES)
    return PictureSet("train", train.assign(file=[paths.clean / path for path in train["clean_path"]]))


def candidate_of_checkout(paths: Paths) -> Candidate:
    """The classifier in the checkout. Raises UserError if the pipeline has not run."""
    description = paths.classifier.with_suffix(".json")
    if not paths.classifier.is_file():
        raise UserError("no classifier in models/: run `dvc repro` first")
    return Candidate("the checkout", paths.classifier, description, membership(paths))


def write_decision(decision: Decision, folder: Path) -> None:
    """Write the verdict (decision.json) and the table of rules (rules.csv) to a folder."""
    write_csv(folder / "rules.csv", pd.DataFrame(map(vars, decision.rules)))
    write_json(folder / "decision.json", summary(decision))


def summary(decision: Decision) -> dict[str, object]:
    """The decision without its table, as JSON holds it."""
    return {name: value for name, value in vars(decision).items() if name != "rules"}


def _too_few(comparison: Comparison, gate: GateConfig) -> bool:
    return verdict_of(comparison, gate.margin) == Verdict.NOT_ENOUGH


def _accuracy(frame: pd.DataFrame) -> float:
    return float((frame["prediction"] == frame["label"]).mean()) if len(frame) else 0.0


def _megabytes(candidate: Candidate) -> float:
    return candidate.weights.stat().st_size / 1e6
