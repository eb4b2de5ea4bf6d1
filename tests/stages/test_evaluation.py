"""Evaluation of a classifier whose mistakes are known, on few tiny pictures."""

import html.parser
import io
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageColor
from sklearn.linear_model import LogisticRegression

from fieldguide.base.config import Config, EvaluateConfig
from fieldguide.base.files import sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics
from fieldguide.data.table import IMAGES, SPLIT, predictions_schema, read_table, write_table
from fieldguide.evaluation.shifts import SHIFTS
from fieldguide.evaluation.test_time_augmentation import predict_views
from fieldguide.model.architecture import Architecture, Normalization
from fieldguide.model.backbone import RANDOM
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import load_classifier, predict, to_input
from fieldguide.model.network import build_body, build_classifier, count_features
from fieldguide.pages.figures import gallery_figure
from fieldguide.pages.parts import Shown
from fieldguide.pages.png import png
from fieldguide.stages import evaluate
from results import as_images
from untrained import NORMALIZATION, write_files

pytestmark = pytest.mark.slow  # importing timm alone takes seconds

BLUE, GREEN, RED = LABELS = ["<i>blue", "green $x_$", "red"]  # names come from strangers
ARCHITECTURE = Architecture("timm", "test_resnet", {})
PREPROCESSING = Preprocessing(100.0, 64, "squish", "zeros", 32, Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
WRONG = {38: BLUE, 40: BLUE}  # a red and a green test picture with the label of blue
HOSTILE = "<b>site"  # so do those of sites
TRANSFORMS = [{"name": "rotate"}, {"name": "flip"}]


def coloured(number: int) -> Image.Image:
    """Noise that is mostly blue, green, red, blue, ..."""
    pixels = np.random.default_rng(number).integers(0, 120, (40, 40 + number % 7, 3), dtype=np.uint8)
    pixels[:, :, 2 - number % 3] += 100
    return Image.fromarray(pixels)


def write_pictures(paths: Paths) -> None:
    """30 pictures to train on, 6 valid and 18 test pictures."""
    rows = []
    for number in range(54):
        side = "train" if number < 30 else "valid" if number < 36 else "test"
        label = WRONG.get(number, LABELS[number % 3])
        name = f"{label}/{number:016x}.png"
        (paths.clean / label).mkdir(parents=True, exist_ok=True)
        coloured(number).save(paths.clean / name)
        rows.append((f"{number:016x}", label, name, sha256_of_file(paths.clean / name), f"{number:016x}", side, 8))
    table = pd.DataFrame(rows, columns=SPLIT.names[: len(rows[0])]).reindex(columns=SPLIT.names)
    numbers = table.index.to_series()
    table["site"] = numbers.map(lambda number: f"{HOSTILE} {number % 4}")
    table["time"] = numbers.map(lambda number: pd.Timestamp(2024, 1 + number % 3, 1 + number // 3))
    write_table(table, paths.split_table, SPLIT)
    write_table(as_images(table), paths.image_table, IMAGES)


def write_classifier(paths: Paths, scale: float) -> None:
    """A classifier that tells the colours: its head is fitted to features of the training pictures, then scaled."""
    torch.manual_seed(0)
    body = build_body(ARCHITECTURE)
    network = build_classifier(body, count_features(body, PREPROCESSING.size), len(LABELS)).eval()
    with torch.no_grad():
        squares = torch.from_numpy(np.stack([to_input(coloured(number), PREPROCESSING) for number in range(30)]))
        mean, std = (torch.tensor(values)[:, None, None] for values in (NORMALIZATION.mean, NORMALIZATION.std))
        features = body((squares - mean) / std)
        fitted = LogisticRegression(C=1e6, max_iter=10_000).fit(features.numpy(), np.arange(30) % 3)
        head = {"weight": fitted.coef_, "bias": fitted.intercept_}
        network[1].load_state_dict({name: scale * torch.from_numpy(values) for name, values in head.items()})
    write_json(
        paths.backbone.with_suffix(".json"),
        {
            "architecture": asdict(ARCHITECTURE),
            "normalization": asdict(NORMALIZATION),
            "sha256": "",
            "source": RANDOM,
        },
    )
    record = {"config": {"augment": {"transforms": TRANSFORMS}, "train": {"threads": 1}}}
    write_files(network, ARCHITECTURE, PREPROCESSING, paths.classifier, 2.0, LABELS, record=record)


def evaluated(root: Path, scale: float = 1.0, shift_pictures: int = 12) -> tuple[Paths, Metrics]:
    paths = Paths(root)
    write_pictures(paths)
    write_classifier(paths, scale)
    settings = EvaluateConfig(bootstrap=100, shift_pictures=shift_pictures)
    return paths, evaluate.run(Config(data=None, schedule=None, evaluate=settings), paths)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Metrics]:
    return evaluated(tmp_path_factory.mktemp("evaluated"))


def table(paths: Paths, name: str) -> pd.DataFrame:
    return pd.read_csv(paths.report("evaluate") / f"{name}.csv")


def test_the_known_mistakes_are_counted_and_shown(done: tuple[Paths, Metrics]) -> None:
    paths, metrics = done
    assert metrics["test_pictures"] == 18
    assert metrics["accuracy"] == pytest.approx(16 / 18, abs=1e-6)
    assert (metrics[f"recall_{BLUE}"], metrics[f"precision_{BLUE}"]) == (0.75, 1)
    counts = table(paths, "confusion_matrix").set_index("label")
    assert counts.to_numpy()[0].tolist() == [6, 1, 1]
    assert np.diag(counts).sum() == 16
    hardest = table(paths, "top_losses")
    assert set(hardest["clean_path"][:2]) == {f"{BLUE}/{number:016x}.png" for number in WRONG}
    assert set(hardest["path"][:2]) == {f"{BLUE}/own {number:016x}.jpg" for number in WRONG}
    assert hardest["loss"].is_monotonic_decreasing
    assert table(paths, "per_label")["pictures"].tolist() == [8, 5, 5]


def test_the_accuracy_is_told_by_site_and_by_month(done: tuple[Paths, Metrics]) -> None:
    """The wrong pictures are 38 and 40: one at site 2, the other at site 0; in March and in February."""
    paths, metrics = done
    assert [metrics[name] for name in ("groups", "group_by", "sites", "sites_trained_on")] == [18, "look_alike", 4, 4]
    sites, months = table(paths, "by_site"), table(paths, "by_month")
    by_name = sites.set_index("site")["accuracy"].round(3)
    assert by_name[[f"{HOSTILE} {number}" for number in range(4)]].tolist() == [0.8, 1.0, 0.75, 1.0]
    assert sites["pictures"].sum() == months["pictures"].sum() == 18
    assert metrics["worst_site"] == sites["site"][0] == f"{HOSTILE} 2"
    assert months["month"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert months["accuracy"].round(3).tolist() == [1.0, 0.833, 0.833]
    page = Reader()
    page.feed((paths.report("evaluate") / "index.html").read_text(encoding="utf-8"))
    assert f"Worst site: {HOSTILE} 2, 75.0 % right" in page.text
    assert (
        "It was trained on 4 of the 4 sites here, so this says little about new sites: evaluate.new_sites" in page.text
    )


def test_baselines_stand_beside_the_accuracy(done: tuple[Paths, Metrics]) -> None:
    """Ten training pictures of each label; the tree sees the colours as well as the classifier does."""
    _, metrics = done
    assert metrics["baseline_accuracy"] == pytest.approx(8 / 18, abs=1e-6)
    assert metrics["baseline_tree_accuracy"] == metrics["accuracy"]


def test_what_the_border_alone_tells_is_measured_and_said(done: tuple[Paths, Metrics]) -> None:
    """These pictures are all one colour: a surface."""
    paths, metrics = done
    assert metrics["border_pictures"] == 18
    low, share, high = (float(metrics[f"border_accuracy{end}"] or 0) for end in ("_low", "", "_high"))
    assert low < share < high and share >= 15 / 18
    assert float(metrics["middle_told"] or 0) < 0.8
    page = Reader()
    page.feed((paths.report("evaluate") / "index.html").read_text(encoding="utf-8"))
    assert f"names {100 * share:.1f} % of 18 unseen pictures rightly" in page.text
    assert "surfaces and close-ups" in page.text


def test_beside_each_mistake_is_where_the_classifier_looks(done: tuple[Paths, Metrics]) -> None:
    paths, _ = done
    page = Reader()
    page.feed((paths.report("evaluate") / "index.html").read_text(encoding="utf-8"))
    looks = [text for text in page.texts if text.startswith("what speaks for ")]
    assert len(looks) == 18 + 2
    assert all(text.split(": ")[-1].startswith(("most ", "nowhere")) for text in looks)
    assert page.text.count("Grad-CAM (Selvaraju et al. 2017)") == 2  # of 32 pixels the last map is one place


def test_probabilities_are_measured_before_and_after_temperature_scaling(done: tuple[Paths, Metrics]) -> None:
    paths, metrics = done
    predictions = read_table(paths.report("evaluate") / "predictions.parquet", predictions_schema(LABELS))
    test = predictions[predictions["split"] == "test"]
    served = test[[f"probability_{label}" for label in LABELS]].to_numpy()
    trained = served**2 / (served**2).sum(axis=1, keepdims=True)  # the temperature is 2
    truth = np.searchsorted(LABELS, test["label"].to_numpy(str))
    rows = np.arange(18)
    assert metrics["temperature"] == 2
    page = (paths.report("evaluate") / "index.html").read_text(encoding="utf-8")
    worse = -np.log(served[rows, truth]).mean() > -np.log(trained[rows, truth]).mean()
    assert ("log loss on the test split worse" in page) == worse
    assert metrics["log_loss"] == pytest.approx(-np.log(served[rows, truth]).mean(), abs=1e-5)
    assert metrics["log_loss_uncalibrated"] == pytest.approx(-np.log(trained[rows, truth]).mean(), abs=1e-5)
    for name, probabilities in (("reliability", served), ("reliability_uncalibrated", trained)):
        bins = table(paths, name)
        assert bins["pictures"].sum() == 18
        mean = (bins["confidence"] * bins["pictures"]).sum() / 18
        assert mean == pytest.approx(probabilities.max(axis=1).mean(), abs=1e-3)
    assert table(paths, "coverage").iloc[-1][["coverage", "accuracy"]].tolist() == pytest.approx([1, 16 / 18], abs=1e-4)


def test_shifts_are_measured_on_the_chosen_number_of_pictures(done: tuple[Paths, Metrics]) -> None:
    paths, metrics = done
    shifts = table(paths, "shifts")
    assert shifts["shift"].tolist() == ["unchanged", *SHIFTS]
    assert set(shifts["pictures"]) == {metrics["shift_pictures"]} == {12}
    assert shifts["accuracy"][0] == pytest.approx(10 / 12, abs=1e-4)  # the wrong labels are among the first ids
    assert shifts["drop"].to_numpy() == pytest.approx(shifts["accuracy"][0] - shifts["accuracy"], abs=2e-4)
    found = shifts.set_index("shift")["accuracy"]
    assert found["black_and_white"] < 0.6  # it knows nothing but colours
    assert found["upside_down"] == found["unchanged"]
    assert metrics["shift_accuracy_black_and_white"] == pytest.approx(found["black_and_white"], abs=1e-4)


def test_several_views_are_averaged_and_mirrored_ones_only_where_asked(done: tuple[Paths, Metrics]) -> None:
    paths, _ = done
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    pictures = [coloured(number) for number in range(36, 40)]
    plain = predict(classifier, pictures)
    closer = [
        one.resize(one.size, Image.Resampling.BILINEAR, (one.width * 0.05, 2, one.width * 0.95, 38)) for one in pictures
    ]
    wanted = (plain + predict(classifier, closer)) / 2
    assert predict_views(classifier, pictures, plain, mirrored=False) == pytest.approx(wanted, abs=1e-6)
    mirrored = [one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for one in (*pictures, *closer)]
    both = predict(classifier, mirrored).reshape(2, 4, 3).mean(axis=0)
    assert predict_views(classifier, pictures, plain, mirrored=True) == pytest.approx((wanted + both) / 2, abs=1e-6)


def test_mirrored_views_count_where_training_mirrored_too(done: tuple[Paths, Metrics]) -> None:
    paths, metrics = done
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    pictures = [coloured(number) for number in range(36, 54)]
    views = predict_views(classifier, pictures, predict(classifier, pictures), mirrored=True)
    truth = [LABELS.index(WRONG.get(number, LABELS[number % 3])) for number in range(36, 54)]
    assert metrics["log_loss_tta"] == pytest.approx(-np.log(views[np.arange(18), truth]).mean(), abs=1e-5)
    for end in ("", "_low", "_high"):
        assert metrics[f"accuracy_tta{end}"] == metrics[f"accuracy{end}"]
    low, middle, high = (float(metrics[f"log_loss_tta{end}"] or 0) for end in ("_low", "", "_high"))
    assert low < middle < high


class Reader(html.parser.HTMLParser):
    """Collects the addresses that a page refers to, its tags and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []  # in place of pictures
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.texts += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_joins_all_and_needs_nothing_else(done: tuple[Paths, Metrics]) -> None:
    paths, metrics = done
    page = (paths.report("evaluate") / "index.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert all(re.match("data:image/(png|jpeg);base64,", address) for address in reader.addresses)
    assert (
        reader.tags.count("img") == 2 + 2 + 2 * 2 + 11 + 2 * 18 + 2
    )  # charts, sites and months, confused, shifts, hardest, colours
    assert {"i", "script", "link"}.isdisjoint(reader.tags)
    assert f"{BLUE} predicted as {RED}: 1" in reader.text
    accuracy = [f"{100 * float(metrics[name] or 0):.1f} %" for name in ("accuracy", "accuracy_low", "accuracy_high")]
    assert all(figure in reader.text for figure in accuracy)
    assert str(paths.root) not in page


def test_the_same_pictures_and_classifier_give_the_same_bytes(done: tuple[Paths, Metrics], tmp_path: Path) -> None:
    paths, metrics = done
    other, again = evaluated(tmp_path / "other")
    assert again == metrics
    files = sorted(path.name for path in paths.report("evaluate").iterdir())
    assert files == sorted(path.name for path in other.report("evaluate").iterdir())
    for name in files:
        assert sha256_of_file(paths.report("evaluate") / name) == sha256_of_file(other.report("evaluate") / name), name


def test_a_classifier_that_knows_nothing_is_said_to_know_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, metrics = evaluated(tmp_path, scale=0.0, shift_pictures=500)
    assert metrics["accuracy"] == metrics["accuracy_at_coverage_80"] == pytest.approx(8 / 18, abs=1e-6)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")]
    assert line.startswith(
        "warning: the classifier (accuracy 0.444) does not beat always predicting the most frequent label"
    )
    assert line.removeprefix("warning: ") in (paths.report("evaluate") / "index.html").read_text(encoding="utf-8")
    assert metrics["shift_pictures"] == 18
    assert table(paths, "coverage")[["threshold", "coverage"]].to_numpy().tolist() == [[0.3333, 1.0]]


def test_a_gallery_of_nothing_is_a_figure_too() -> None:
    no_pictures: list[Shown] = []
    for nothing in ([], [("a title", no_pictures)]):
        assert png(gallery_figure(nothing)).startswith(b"\x89PNG")


def test_a_gallery_has_room_for_pictures_of_any_shape() -> None:
    shown = [Shown(Image.new("RGB", size), ("a line",)) for size in ((2000, 1), (1, 2000), (1, 1), (28, 28))]
    with Image.open(io.BytesIO(png(gallery_figure([("", shown)])))) as gallery:
        assert gallery.size == (4 * 228, 228 - 5 + 2 * 15)


def test_a_gallery_shows_its_pictures_row_by_row_below_their_titles() -> None:
    colours = [["red", "lime"], ["blue"]]
    rows = [
        (title, [Shown(Image.new("RGB", (40, 30), colour), ("a line",)) for colour in row])
        for title, row in zip(("first", ""), colours, strict=True)
    ]
    with Image.open(io.BytesIO(png(gallery_figure(rows)))) as gallery:
        pixels = np.asarray(gallery.convert("RGB")).astype(int)
    for row in colours:
        for colour in row:
            down, across = np.nonzero((pixels == ImageColor.getrgb(colour)).all(axis=-1))
            middle = (down.mean() / len(pixels), across.mean() / pixels.shape[1])
            assert len(down) > 20_000
            assert (middle[0] > 0.5) == (colour == "blue") and (middle[1] > 0.5) == (colour == "lime")
    assert (pixels[:26] < 100).all(axis=-1).any(), "the title is drawn"
    assert not (pixels[:20] == ImageColor.getrgb("red")).all(axis=-1).any(), "and lies on no picture"
