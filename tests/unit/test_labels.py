"""Label doubts: out of fold, groups together, the wrong labels first."""

import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fieldguide.screening.label_doubts import group_folds, label_doubts, out_of_fold


def test_the_quality_of_a_label_is_its_probability_and_the_suggestion_the_most_probable() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]] * 9 + [[0.05, 0.9, 0.05]] * 9 + [[0.1, 0.2, 0.7]] * 9)
    labels = ["ant"] * 9 + ["bee"] * 8 + ["ant"] + ["fly"] * 9
    doubts = label_doubts(probabilities, labels)
    assert list(doubts.columns) == ["label_quality", "label_surprise", "suggested_label", "label_doubt"]
    assert list(doubts["label_quality"]) == [0.7] * 9 + [0.9] * 8 + [0.05] + [0.7] * 9
    assert list(doubts["suggested_label"]) == ["ant"] * 9 + ["bee"] * 9 + ["fly"] * 9
    assert list(doubts.index[doubts["label_doubt"]]) == [17]


def test_a_picture_and_its_look_alikes_are_held_out_together_and_everything_once() -> None:
    groups = [str(number // 3) for number in range(90)]
    targets = np.array([number // 3 % 3 for number in range(90)])
    held = [held_out for _, held_out in group_folds(targets, groups, 5, seed=1)]
    assert sorted(np.concatenate(held)) == list(range(90))
    for others, held_out in group_folds(targets, groups, 5, seed=1):
        assert not {groups[row] for row in others} & {groups[row] for row in held_out}
        assert not set(others) & set(held_out)


def test_a_label_is_never_judged_by_a_model_that_has_learned_it() -> None:
    """Features that name each picture: whoever has learned it would be sure of any label."""
    labels = ["a", "b"] * 20
    probabilities = out_of_fold(np.eye(40, dtype=np.float32), labels, [str(row) for row in range(40)], seed=0)
    assert np.abs(probabilities - 0.5).max() < 0.1


def test_pictures_that_do_not_teach_change_no_answer_whatever_their_labels() -> None:
    """Nor are they judged by a look-alike: of twins, one of which teaches, the other knows nothing of its label."""
    chance = np.random.default_rng(0)
    truth = np.arange(100) % 2
    features = (np.eye(2)[truth] * 3 + chance.standard_normal((100, 2))).astype(np.float32)
    taught, names = np.arange(100) < 60, [f"{number}" for number in range(100)]
    labels = ["ab"[number] for number in truth]
    honest = out_of_fold(features, labels, names, 0, taught)
    poisoned = [label if teaches else "b" for label, teaches in zip(labels, taught, strict=True)]
    np.testing.assert_array_equal(out_of_fold(features, poisoned, names, 0, taught), honest)
    np.testing.assert_allclose(honest.sum(axis=1), 1)
    np.testing.assert_array_equal(out_of_fold(features[:60], labels[:60], names[:60], 0), honest[:60])

    own = np.eye(41, dtype=np.float32)[[*range(40), 0]]  # the last is the first again
    twins = [*map(str, range(40)), "0"]
    found = out_of_fold(own, ["a", "b"] * 20 + ["a"], twins, 0, np.arange(41) < 40)
    np.testing.assert_allclose(found[40], found[0])


def test_wrong_labels_are_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 3, 300)
    features = (np.eye(3)[truth] * 6 + chance.standard_normal((300, 3))).astype(np.float32)
    given = truth.copy()
    wrong = chance.choice(300, 12, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    labels = [f"label {number}" for number in given]
    groups = [str(row) for row in range(300)]
    probabilities = out_of_fold(features, labels, groups, seed=0)
    doubts = label_doubts(probabilities, labels)
    first = doubts["label_quality"].sort_values().index[:24]
    assert len(set(wrong) & set(first)) >= 11
    assert doubts.loc[wrong, "label_doubt"].mean() > 0.8
    assert doubts["label_doubt"].sum() < 30
    assert (probabilities == out_of_fold(features, labels, groups, seed=0)).all()


@pytest.mark.parametrize("seed", range(8))
def test_no_weaker_doubt_is_plainer_than_a_label_in_doubt(seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 3, 120)
    logits = 3 * np.eye(3)[truth] + chance.normal(0, 1.5, (120, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = np.where(chance.random(120) < 0.1, (truth + 1) % 3, truth)
    doubts = label_doubts(probabilities, [f"label {number}" for number in given])
    unlike = doubts[doubts["suggested_label"] != [f"label {number}" for number in given]]
    assert doubts["label_doubt"].sum() == unlike["label_doubt"].sum() > 0
    in_doubt, weaker = unlike[unlike["label_doubt"]], unlike[~unlike["label_doubt"]]
    for _, other in weaker.iterrows():
        assert (in_doubt["label_quality"] <= other["label_quality"]).any()
        assert (in_doubt["label_surprise"] >= other["label_surprise"]).any()
    assert {unlike["label_quality"].idxmin(), unlike["label_surprise"].idxmax()} <= set(in_doubt.index)


def test_the_plainest_error_is_first_though_two_other_labels_are_often_taken_for_one_another() -> None:
    """Grizzly and black overlap; of one teddy labelled black the models are less sure than of some grizzlies."""
    chance = np.random.default_rng(0)
    labels = ["black"] * 100 + ["grizzly"] * 100 + ["teddy"] * 100
    logits = np.zeros((300, 3))
    logits[:100] = np.array([2, 1, -3]) + chance.normal(0, 1, (100, 3)) * [1, 1, 0.5]
    logits[100:200] = np.array([1, 2, -3]) + chance.normal(0, 1, (100, 3)) * [1, 1, 0.5]
    logits[200:] = np.array([-3, -3, 3]) + chance.normal(0, 0.5, (100, 3))
    logits[7] = [0.2, -1, 1.2]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    doubts = label_doubts(probabilities, labels)
    unlike = doubts[doubts["suggested_label"] != labels]
    assert unlike["label_surprise"].idxmax() == 7 != unlike["label_quality"].idxmin()
    assert doubts.loc[7, "label_doubt"]


def test_a_label_of_very_few_pictures_is_no_crash() -> None:
    labels = ["many"] * 20 + ["rare"] * 2
    features = np.random.default_rng(0).standard_normal((22, 4)).astype(np.float32)
    probabilities = out_of_fold(features, labels, [*map(str, range(20)), "twins", "twins"], seed=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.isfinite(label_doubts(probabilities, labels)["label_quality"]).all()


def coloured(folder: Path, count: int) -> tuple[list[Path], list[str]]:
    """Files of noise that is reddish or greenish, and their labels."""
    chance = np.random.default_rng(0)
    files = [folder / f"{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        pixels = chance.integers(0, 120, (40, 50, 3), dtype=np.uint8)
        pixels[:, :, number % 2] += 100
        Image.fromarray(pixels).save(file)
    return files, ["rg"[number % 2] for number in range(count)]


@pytest.mark.slow
def test_without_pretrained_weights_small_networks_find_wrong_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from fieldguide.screening import out_of_fold as crossfit

    monkeypatch.setattr(crossfit, "EPOCHS", 6)
    monkeypatch.setattr(crossfit, "SIZE", 32)
    before = torch.get_rng_state()
    files, labels = coloured(tmp_path, 60)
    labels[7] = "r"
    groups = [str(number) for number in range(60)]
    probabilities = crossfit.out_of_fold_from_pictures(files, labels, groups, seed=1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert label_doubts(probabilities, labels)["label_quality"].idxmin() == 7
    threads = torch.get_num_threads()
    for number in (1, 3):  # of the processor's cores, for this and for torch
        monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda number=number: number)
        torch.set_num_threads(number)
        assert (crossfit.out_of_fold_from_pictures(files, labels, groups, seed=1) == probabilities).all()
        assert torch.get_num_threads() == number
    torch.set_num_threads(threads)
    assert (torch.get_rng_state() == before).all()


@pytest.mark.slow
def test_ctrl_c_ends_the_small_networks_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldguide.screening import out_of_fold as crossfit

    monkeypatch.setattr(crossfit, "EPOCHS", 1_000_000)  # which take days
    monkeypatch.setattr(crossfit, "SIZE", 32)
    started, main, train_small = threading.Event(), threading.main_thread(), crossfit.train_small

    def train(*given: Any) -> None:
        started.set()
        train_small(*given)

    def interrupt() -> None:
        started.wait()
        signal.pthread_kill(main.ident or 0, signal.SIGINT)

    monkeypatch.setattr(crossfit, "train_small", train)
    threading.Thread(target=interrupt, daemon=True).start()
    files, labels = coloured(tmp_path, 12)
    with pytest.raises(KeyboardInterrupt):
        crossfit.out_of_fold_from_pictures(files, labels, [str(number) for number in range(12)], seed=1)
    threads = [one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")]
    for thread in threads:  # the pool does not know one that was just starting
        thread.join(60)
    assert not [thread for thread in threads if thread.is_alive()]
