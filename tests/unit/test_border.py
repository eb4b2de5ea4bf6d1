"""The classifier that sees only the border: it warns of backgrounds, not of subjects, nor of surfaces."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import noise
from fieldguide.evaluation.border import border_figures, border_only, corners, middle
from fieldguide.evaluation.border_verdict import border_lines, border_warning, stands_out
from fieldguide.model.asking import FEATURES, Answers, Square

COLOURS = {"fox": (200, 60, 40), "hare": (60, 170, 60)}
SIZE, TRAIN = 40, 60


class Mosaic:
    """A network whose features are the mean colours of 8 x 8 parts of a square."""

    size = SIZE

    def ask(self, squares: Iterable[Square], outputs: Sequence[str]) -> Iterator[Answers]:
        assert outputs == [FEATURES]
        for square in squares:
            yield (square.reshape(3, 8, 5, 8, 5).mean(axis=(2, 4)).ravel(),)

    def shape_of(self, output: str) -> tuple[int, ...] | None:
        return (192,) if output == FEATURES else None


def picture(number: int, label: str, coloured: str) -> Image.Image:
    """Noise, with the colour of the label in its middle, on its border, everywhere, or nowhere."""
    pixels = np.asarray(noise(number, 50, 50), np.float64) / 2
    inside = np.zeros((50, 50), bool)
    inside[8:42, 8:42] = True
    where = {"middle": inside, "border": ~inside, "everywhere": inside | ~inside, "nowhere": inside & ~inside}[coloured]
    pixels[where] += np.array(COLOURS[label]) / 2
    if coloured == "border":
        pixels[inside] += (90, 90, 0)  # the animal, which looks alike
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def measured(coloured: str, pictures: int = 120, learned: str = "fox|hare") -> dict[str, Any]:
    """The figures of `evaluate` about so many pictures, by a classifier that is right.

    Those of the first half whose labels fit `learned` are there to learn from.
    """
    numbers = np.arange(pictures)
    table = pd.DataFrame({"number": numbers, "label": np.where(numbers % 2, "fox", "hare")})
    train, test = table[: pictures // 2], table[pictures // 2 :].reset_index(drop=True)
    train = train[train["label"].str.fullmatch(learned)]

    def opened(rows: pd.DataFrame, _: str) -> Iterator[Image.Image]:
        return (picture(row.number, row.label, coloured) for row in rows.itertuples())  # type: ignore[arg-type]

    headline = {"accuracy": 0.97, "baseline_accuracy": 0.5}
    return headline | border_figures(Mosaic(), opened, train, test, np.arange(len(test)), headline)


def test_a_background_that_gives_the_labels_away_is_warned_of_with_what_to_do() -> None:
    metrics = measured("border")
    assert metrics["border_accuracy"] > 0.95 and metrics["border_gain_low"] > 0.3 and metrics["middle_told"] > 0.95
    said = border_warning(metrics)
    assert f"names {100 * metrics['border_accuracy']:.1f} % of 60 unseen pictures rightly (95 % interval " in said
    assert "most frequent label 50.0 %, the classifier 97.0 %" in said
    assert all(remedy in said for remedy in ("clean.crop", "split.group_by: site", "other backgrounds"))
    assert list(border_lines(metrics)) == []


@pytest.mark.parametrize("coloured", ["middle", "nowhere"])
def test_a_subject_before_any_background_is_not_warned_of(coloured: str) -> None:
    metrics = measured(coloured)
    assert not stands_out(metrics) and "middle_told" not in metrics
    assert border_warning(metrics) == ""
    (line,) = border_lines(metrics)
    assert line.startswith("No sign that the background gives the labels away: the border alone, 10 % of each side")


def test_a_fair_hint_is_told_and_not_warned_of() -> None:
    metrics = {**measured("border"), "border_accuracy": 0.7, "border_accuracy_low": 0.62, "border_gain_low": 0.1}
    assert border_warning(metrics) == ""
    (line,) = border_lines(metrics)
    assert line.startswith("The background says something about the labels, but was not shown to say more than half")


def test_a_surface_has_no_background() -> None:
    metrics = measured("everywhere")
    assert stands_out(metrics) and metrics["middle_told_low"] < 0.6
    assert border_warning(metrics) == ""
    (line,) = border_lines(metrics)
    assert "surfaces and close-ups, which have no background" in line


def test_a_few_pictures_prove_nothing() -> None:
    metrics = measured("border", 20)
    assert metrics["border_accuracy"] >= 0.8 and border_warning(metrics) == ""


def test_where_all_that_is_learned_from_has_one_label_that_is_what_the_border_says() -> None:
    """As where a rare label is not in the thousand pictures that are drawn."""
    metrics = measured("border", learned="fox")
    assert metrics["border_accuracy"] == 0.5 and metrics["border_gain"] == 0 and border_warning(metrics) == ""


def test_older_metrics_say_nothing_of_it() -> None:
    assert border_warning({"accuracy": 0.9}) == "" and list(border_lines({"accuracy": 0.9})) == []


def test_nothing_of_the_middle_is_left_on_the_border_and_corners_hold_nothing_of_it() -> None:
    inner = Image.new("RGB", (100, 60), "blue")
    inner.paste("red", (15, 9, 85, 51))
    seen = np.asarray(border_only(inner, 40))
    assert np.abs(seen.astype(int) - (0, 0, 255)).max() <= 1
    plain = Image.new("RGB", (100, 60), "blue")
    plain.paste("red", (28, 17, 72, 43))
    assert np.asarray(corners(plain, 40))[:, :, 0].max() <= 1
    plain.paste("red", (22, 13, 78, 47))
    assert np.asarray(middle(plain, 40))[:, :, 2].max() <= 1
