"""The gate with networks: the same pictures for both, none that either has seen; baselines without a champion."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from conftest import id_of, noise
from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.images import perceptual_hash
from fieldguide.data.seen_pictures import membership
from fieldguide.data.table import IMAGES, SPLIT, write_table
from fieldguide.model.description import read_description
from fieldguide.model.inference import load_classifier, predict, predict_logits
from fieldguide.model.network import build_body, build_classifier, count_features
from fieldguide.release.gate.decision import Decision, run_gate, write_decision
from fieldguide.release.gate.picture_sets import BACKTEST, CURRENT, TABLE
from fieldguide.release.versions import Candidate
from fieldguide.statistics.noninferiority import Verdict
from untrained import LABELS, RESNET, save_classifier, write_files

pytestmark = pytest.mark.slow
PICTURES = 160
CERTAINTY = 50.0


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with random weights; the pictures get the labels that it gives them, so it is always right.

    And it is as certain as it may be, so that its probabilities are calibrated without a temperature.
    """
    folder = tmp_path_factory.mktemp("good")
    network = save_classifier(folder)
    logits = predict_logits(load_classifier(*files(folder)), map(noise, range(PICTURES)))
    head = network.get_submodule("head")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.bias.sub_(torch.from_numpy(logits.mean(axis=0)))  # each label is as likely as the others
        head.weight.mul_(CERTAINTY)
        head.bias.mul_(CERTAINTY)
    write_files(network, RESNET, read_description(folder / "classifier.json").preprocessing, files(folder)[0], 1.0)
    return folder


@pytest.fixture(scope="module")
def bad(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its outputs in another order: it is always wrong."""
    folder = tmp_path_factory.mktemp("bad")
    network = build_classifier(build_body(RESNET), count_features(build_body(RESNET), 32), len(LABELS))
    network.load_state_dict(load_file(files(good)[0]))
    head = network.get_submodule("head")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.weight.copy_(head.weight.roll(1, 0))
        head.bias.copy_(head.bias.roll(1, 0))
    write_files(network, RESNET, read_description(files(good)[1]).preprocessing, files(folder)[0], 1.0)
    return folder


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "classifier.safetensors", folder / "classifier.json"


@pytest.fixture
def world(checkout: Paths, good: Path) -> tuple[Config, Paths]:
    """Pictures of all labels that were cleaned and split: the last 20 train, all others test."""
    classifier = load_classifier(*files(good))
    pictures = [noise(seed) for seed in range(PICTURES)]
    labels = [LABELS[place] for place in predict(classifier, pictures).argmax(axis=1)]
    rows = []
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        path = f"{label}/{id_of(picture)}.png"
        (checkout.clean / label).mkdir(parents=True, exist_ok=True)
        picture.save(checkout.clean / path)
        side = "train" if number >= PICTURES - 20 else "test"
        rows.append(
            {
                **dict.fromkeys([*IMAGES.names, *SPLIT.names]),
                "id": id_of(picture),
                "group": id_of(picture),
                "label": label,
                "split": side,
                "clean_path": path,
                "clean_sha256": sha256_of_file(checkout.clean / path),
                "status": "kept",
                "source": path,
                "path": path,
                "file": f"data/raw/{path}",
                "reason": "",
                "raw_label": label,
                "review": "",
                "perceptual_hash": perceptual_hash(picture),
            }
        )
    table = pd.DataFrame(rows)
    assert table["label"].value_counts().min() > PICTURES / 10
    write_table(table[IMAGES.names], checkout.image_table, IMAGES)
    write_table(table[SPLIT.names], checkout.split_table, SPLIT)
    return compose(checkout), checkout


def candidate(paths: Paths, folder: Path, name: str = "challenger") -> Candidate:
    return Candidate(name, *files(folder), membership(paths))


def outcomes(decision: Decision) -> dict[str, str]:
    return {f"{rule.rule} {rule.on}": rule.outcome for rule in decision.rules}


def test_a_model_that_is_always_wrong_is_worse_and_says_where(
    world: tuple[Config, Paths], good: Path, bad: Path
) -> None:
    cfg, paths = world
    decision = run_gate(cfg, paths, candidate(paths, bad), candidate(paths, good, "version 1"))
    assert (decision.verdict, decision.accepted, decision.against) == (Verdict.WORSE, False, "version 1")
    found = outcomes(decision)
    assert found[f"accuracy {CURRENT}"] == "failed"
    assert found["size MB"] == "met"
    write_decision(decision, paths.report("gate"))
    assert read_json(paths.report("gate") / "decision.json")["verdict"] == "worse"
    table = pd.read_csv(paths.report("gate") / "rules.csv")
    assert dict(zip(table["rule"] + " " + table["on"], table["outcome"], strict=True)) == found


def test_a_better_model_passes_and_the_same_one_is_not_worse(
    world: tuple[Config, Paths], good: Path, bad: Path
) -> None:
    cfg, paths = world
    lenient = replace(cfg, gate=replace(cfg.gate, max_slowdown=100.0))  # this machine may be busy
    assert run_gate(lenient, paths, candidate(paths, good), candidate(paths, bad)).verdict == Verdict.BETTER
    again = run_gate(lenient, paths, candidate(paths, good), candidate(paths, good))
    assert (again.verdict, again.accepted) == (Verdict.NOT_WORSE, True)
    alarmed = run_gate(lenient, paths, candidate(paths, good), candidate(paths, bad), (0.9, 0.1))
    assert (alarmed.verdict, outcomes(alarmed)[f"out-of-domain alarms {CURRENT}"]) == (Verdict.WORSE, "failed")


def test_without_a_champion_the_baselines_have_to_be_beaten(world: tuple[Config, Paths], good: Path, bad: Path) -> None:
    cfg, paths = world
    first = run_gate(cfg, paths, candidate(paths, good), None)
    assert (first.verdict, first.accepted, first.against) == (Verdict.BETTER, True, "")
    assert sum(rule.rule == "better than a baseline" for rule in first.rules) == 2
    assert run_gate(cfg, paths, candidate(paths, bad), None).verdict == Verdict.WORSE


def test_pictures_that_either_model_was_trained_on_are_left_out_and_counted(
    world: tuple[Config, Paths], good: Path, bad: Path
) -> None:
    cfg, paths = world
    freeze_training_pictures(paths)
    champion = candidate(paths, good, "version 1")
    tests = champion.known["split"] == "test"
    seen = champion.known.index[tests][:7]
    champion.known.loc[seen, "split"] = "valid"
    decision = run_gate(cfg, paths, candidate(paths, bad), champion)
    assert decision.left_out == {CURRENT: 7, "past": 20}
    rule = {rule.on: rule for rule in decision.rules}
    assert rule[CURRENT].pictures == PICTURES - 20 - 7
    assert (rule["backtest past"].outcome, rule["backtest past"].pictures) == ("not measured", 0)

    champion.known["split"] = "train"
    with pytest.raises(UserError, match="all 140 test pictures were seen in training"):
        run_gate(cfg, paths, candidate(paths, bad), champion)


def freeze_training_pictures(paths: Paths) -> None:
    split = pd.read_parquet(paths.split_table).query("split == 'train'")
    known = membership(paths)[["id", "perceptual_hash"]]
    table = split.merge(known, on="id").rename(columns={"clean_path": "path", "clean_sha256": "sha256"})
    for path in table["path"]:
        (paths.backtests / "past" / path).parent.mkdir(parents=True, exist_ok=True)
        (paths.backtests / "past" / path).write_bytes((paths.clean / path).read_bytes())
    table["date"] = "2026-01-01"
    write_table(table[BACKTEST.names], paths.backtests / "past" / TABLE, BACKTEST)
