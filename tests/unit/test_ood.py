"""Detectors, measurements and the combined verdict, on synthetic features and small pictures."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from safetensors.torch import load_file, save_file

from conftest import noise
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json
from fieldguide.base.operations import DETECTORS
from fieldguide.model.architecture import Normalization
from fieldguide.model.asking import Network
from fieldguide.model.inference import Classifier, load_classifier
from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork
from fieldguide.screening.detectors import Known
from fieldguide.screening.detectors.detector import log_sum_exp
from fieldguide.screening.detectors.mahalanobis import Mahalanobis
from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
from fieldguide.screening.fitting import Fitted, Learned, calibrate_screen, fit_screen, learn_screen
from fieldguide.screening.gaussians import class_gaussians, on_sphere
from fieldguide.screening.measurements import NAMES, measure_square
from fieldguide.screening.observations import Observations, observe_pairs, observe_pictures
from fieldguide.screening.orientation import learn_turned
from fieldguide.screening.screen import PARTS, judge
from fieldguide.screening.screen_files import load_screen, save_screen
from fieldguide.statistics.shares import calibrated_share
from untrained import untrained_folder

pytestmark = pytest.mark.slow  # importing PyTorch takes seconds


def known(count: int = 300, seed: int = 0) -> Known:
    """Three labels around three points on a sphere in 12 dimensions; the logits know which."""
    labels = np.arange(count) % 3
    noise = np.random.default_rng(seed).standard_normal((count, 12), dtype=np.float32)
    features = np.eye(12, dtype=np.float32)[labels] + np.float32(0.15) * noise
    return Known(features, 8 * features[:, :3], labels)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_gives_strangers_larger_scores(name: str) -> None:
    state = DETECTORS[name](name, neighbours=10).fit(known())
    new = known(seed=1)
    far = np.eye(12, dtype=np.float32)[np.arange(300) % 3 + 6]
    ordinary = DETECTORS[name].score(state, new.features, new.logits)
    strange = DETECTORS[name].score(state, far, far[:, :3] / 2)
    assert ordinary.shape == (300,)
    assert np.median(strange) > np.quantile(ordinary, 0.95)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_pictures_score_does_not_depend_on_the_others(name: str) -> None:
    state = DETECTORS[name](name, neighbours=10).fit(known())
    new = known(seed=1)
    together = DETECTORS[name].score(state, new.features, new.logits)
    alone = DETECTORS[name].score(state, new.features[:1], new.logits[:1])
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-5)


def test_mahalanobis_is_that_of_scikit_learn() -> None:
    from sklearn.covariance import LedoitWolf

    data = known()
    points = data.features / np.linalg.norm(data.features.astype(float), axis=1, keepdims=True)
    means = np.stack([points[data.labels == label].mean(axis=0) for label in range(3)])
    reference = LedoitWolf(assume_centered=True).fit(points - means[data.labels])
    wanted = np.stack([reference.mahalanobis(points - mean) for mean in means]).min(axis=0)
    detector = Mahalanobis("mahalanobis")
    found = detector.score(detector.fit(data), data.features, data.logits)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("count", [4, 45, 127, 128, 300])
def test_the_covariance_within_labels_is_that_of_scikit_learn(count: int) -> None:
    """Also of fewer pictures than dimensions, where `solve` works with a matrix of another size."""
    from sklearn.covariance import ledoit_wolf

    data = few(count, 0)
    points = on_sphere(data.features).astype(float)
    means = np.stack([points[data.labels == label].mean(axis=0) for label in range(3)])
    covariance = ledoit_wolf(points - means[data.labels], assume_centered=True)[0] + 1e-9 * np.eye(128)
    found = class_gaussians(data.features, data.labels)
    np.testing.assert_allclose(found.covariance(), covariance, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.solve(means.T), np.linalg.solve(covariance, means.T), rtol=1e-5, atol=1e-6)


def few(count: int, seed: int) -> Known:
    """Three labels in 128 dimensions, which vary less and less."""
    chance, labels = np.random.default_rng(seed), np.arange(count) % 3
    features = np.eye(128)[labels] + 0.2 * chance.standard_normal((count, 128)) / np.sqrt(1 + np.arange(128))
    return Known(features.astype(np.float32), 8 * features[:, :3].astype(np.float32), labels)


@pytest.mark.parametrize("name", DETECTORS)
def test_of_fewer_pictures_than_features_a_score_does_not_depend_on_the_axes(name: str) -> None:
    """Where many directions vary equally little, in no picture at all, any choice among them would be chance."""
    detector = DETECTORS[name](name, neighbours=3)
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((128, 128)))[0].astype(np.float32)
    learned, new = few(45, 0), few(30, 1)
    turned = Known(learned.features @ axes, learned.logits, learned.labels)
    plain = detector.score(detector.fit(learned), new.features, new.logits)
    other = detector.score(detector.fit(turned), new.features @ axes, new.logits)
    np.testing.assert_allclose(other, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("neighbours", [1, 7, 25])
def test_the_distance_is_that_to_the_neighbour_that_sorting_finds(neighbours: int) -> None:
    detector = NearestNeighbours("nearest_neighbours", neighbours=neighbours)
    learned, new = known(), known(40, seed=1)
    sphere = [
        one.features / np.linalg.norm(one.features.astype(float), axis=1, keepdims=True) for one in (learned, new)
    ]
    distances = np.linalg.norm(sphere[1][:, None] - sphere[0], axis=2)
    found = detector.score(detector.fit(learned), new.features, new.logits)
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, neighbours - 1], rtol=1e-5)


def test_the_logarithm_of_a_sum_of_exponentials_stands_large_and_small_logits() -> None:
    logits = np.array([[0, 0], [1000, 1000], [-1000, 0]], np.float32)
    np.testing.assert_allclose(log_sum_exp(logits), [np.log(2), 1000 + np.log(2), 0], rtol=1e-6)


def measured(picture: Image.Image) -> dict[str, float]:
    pixels = np.array(picture.resize((64, 64))).transpose(2, 0, 1) / 255
    return dict(zip(NAMES, measure_square(list(pixels.astype(np.float32)), picture.size), strict=True))


def test_each_measurement_follows_what_it_is_named_for() -> None:
    picture = noise(3, 96, 96)
    plain = measured(picture)
    assert measured(picture.point(lambda value: value // 4))["brightness"] < plain["brightness"] - 1
    assert measured(picture.convert("L").convert("RGB"))["saturation"] < plain["saturation"] - 2
    assert measured(picture.resize((8, 8)).resize((96, 96)))["sharpness"] < plain["sharpness"]
    speckled = np.clip(np.array(picture) + np.random.default_rng(0).normal(0, 25, (96, 96, 1)), 0, 255)
    assert measured(Image.fromarray(speckled.astype(np.uint8)))["noise"] > plain["noise"] + 1
    assert measured(picture.resize((192, 96)))["aspect_ratio"] == pytest.approx(np.log(2))
    assert measured(picture.resize((24, 24)))["resolution"] == pytest.approx(np.log(24))
    barred = Image.new("RGB", (96, 128))
    barred.paste(picture, (0, 16))
    assert measured(barred)["border"] == pytest.approx(0.25, abs=0.04)
    assert plain["border"] == 0
    assert measured(Image.new("RGB", (96, 96), "red"))["border"] == 0  # no bars, but nothing else


def scene(seed: int) -> Image.Image:
    """Light above, dark below, and coarse colours."""
    shade = np.linspace(1.0, 0.35, 48)[:, None, None]
    return Image.fromarray((np.array(noise(seed)) * shade).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_folder(tmp_path_factory)


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return load_classifier(folder / "classifier.safetensors", folder / "classifier.json")


@pytest.fixture(scope="module")
def feature_network(classifier: Classifier) -> Network:
    return classifier.network


@pytest.fixture(scope="module")
def fitted(classifier: Classifier, feature_network: Network) -> Fitted:
    train, turned = observe_pairs(classifier, feature_network, map(scene, range(150)))
    valid = observe_pictures(classifier, feature_network, map(scene, range(150, 250)))
    return fit_screen(train, turned, np.arange(150) % 3, valid, NearestNeighbours("nearest_neighbours", neighbours=10))


@pytest.fixture(scope="module")
def new(classifier: Classifier, feature_network: Network) -> Observations:
    return observe_pictures(classifier, feature_network, map(scene, range(1000, 1300)))


def test_the_promised_rate_is_kept_on_new_pictures(fitted: Fitted, new: Observations) -> None:
    verdicts = judge(fitted.screen, new)
    assert 0.01 <= verdicts.out_of_domain.mean() <= 0.11
    assert set(verdicts.parts) == set(PARTS)
    assert (verdicts.out_of_domain == (verdicts.p_value <= 0.05)).all()
    assert [bool(reason) for reason in verdicts.reason] == list(verdicts.out_of_domain)
    for judged, count in ((fitted.train, 150), (fitted.valid, 100)):
        assert len(judged.p_value) == count
        assert judged.out_of_domain.mean() <= 0.15


def heavy_tailed(count: int, seed: int, strangers: float = 0.0) -> Observations:
    """Features as training makes them: most pictures near others of their label, some far; and a few strangers."""
    chance = np.random.default_rng(seed)
    spread = 0.02 * np.exp(1.2 * chance.standard_normal((count, 1)))
    features = np.eye(24)[np.arange(count) % 3] + spread * chance.standard_normal((count, 24))
    strange = chance.random(count) < strangers
    features[strange] = np.eye(24)[3 + chance.integers(21, size=strange.sum())]
    measurements = 0.3 * chance.standard_normal((count, len(NAMES)))
    layout = (0.1 * chance.standard_normal((count, 8))).astype(np.float32)
    return Observations(np.zeros((count, 3), np.float32), features.astype(np.float32), layout, measurements)


@pytest.fixture(scope="module")
def heavy() -> Learned:
    train = heavy_tailed(300, 0)
    turned = Observations(train.logits, train.features, train.layout + 1, train.measurements)
    detector = NearestNeighbours("nearest_neighbours", neighbours=10)
    return learn_screen(train, turned, np.arange(300) % 3, detector)


@pytest.mark.parametrize("strangers", [0.0, 0.03])
def test_the_promised_rate_is_kept_on_average_where_features_have_heavy_tails(heavy: Learned, strangers: float) -> None:
    """Whoever leaves out the far pictures twice, in the parts and in their combination, has 8 % alarms here."""
    new = heavy_tailed(1000, 1)
    fits = [calibrate_screen(heavy, heavy_tailed(103, 10 + draw, strangers)) for draw in range(40)]
    rates = np.array([judge(fitted.screen, new).out_of_domain.mean() for fitted in fits])
    assert 0.035 < rates.mean() < 0.066
    low, high = calibrated_share(0.05, 103)
    assert ((low <= rates) & (rates <= high)).mean() >= 0.85


def bursts(count: int, seed: int) -> tuple[Observations, NDArray[np.intp]]:
    """Each of `count` sites has five frames that hardly differ, so the next neighbour of each is of its own site."""
    site, frames = heavy_tailed(count, seed), heavy_tailed(5 * count, 1000 + seed)
    features = np.repeat(site.features, 5, axis=0) + np.float32(0.01) * frames.features
    measurements = np.repeat(site.measurements, 5, axis=0) + 0.01 * frames.measurements
    layout = np.repeat(site.layout, 5, axis=0)
    return Observations(frames.logits, features, layout, measurements), np.repeat(np.arange(count), 5)


def test_the_promise_is_kept_at_other_sites_and_its_interval_counts_sites() -> None:
    """Frozen features calibrate on training pictures: by the frames of their own sites 5 % would be over 8."""
    train, of_train = bursts(60, 0)
    turned = Observations(train.logits, train.features, train.layout + 1, train.measurements)
    labels = np.repeat(np.arange(60) % 3, 5)
    detector = NearestNeighbours("nearest_neighbours", neighbours=3)
    new, _ = bursts(400, 1)
    valid, of_valid = bursts(20, 2)
    by_sites, by_pictures = (
        fit_screen(train, turned, labels, valid, detector, groups=groups, frozen=True).screen
        for groups in ((of_train, of_valid), (None, None))
    )
    rates = [judge(screen, new).out_of_domain.mean() for screen in (by_sites, by_pictures)]
    assert rates[0] < 0.07 < 0.08 < rates[1]
    assert by_sites.calibration.groups <= 80 and by_pictures.calibration.groups == by_pictures.calibration.pictures
    assert by_sites.calibration.effective < 0.6 * by_pictures.calibration.effective


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: one.convert("L").convert("RGB"), "black and white"),
        (lambda one: one.point(lambda value: value // 12), "much darker"),
        (lambda one: one.transpose(Image.Transpose.ROTATE_180), "upside down"),
        (lambda one: one.resize((480, 48)), "much wider"),
    ],
    ids=["grey", "dark", "turned", "wide"],
)
def test_it_says_in_which_way_a_picture_is_strange(
    fitted: Fitted, classifier: Classifier, feature_network: Network, change: object, reason: str
) -> None:
    assert callable(change)
    changed = [change(scene(seed)) for seed in range(2000, 2040)]
    verdicts = judge(fitted.screen, observe_pictures(classifier, feature_network, changed))
    assert verdicts.out_of_domain.mean() >= 0.9
    assert np.mean([reason in one for one in verdicts.reason]) >= 0.8


def drawn(seed: int) -> Image.Image:
    """Dark lines on paper."""
    return ImageOps.invert(scene(seed).convert("L").filter(ImageFilter.FIND_EDGES)).convert("RGB")


def at_night(seed: int) -> Image.Image:
    """Nearly black, grey and noisy, with a light from below."""
    grain = np.random.default_rng(seed).normal(8, 6, (48, 64, 1)) + np.linspace(0, 30, 48)[:, None, None] ** 1.1
    return Image.fromarray(np.repeat(grain.clip(0, 255), 3, axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    "strange",
    [
        drawn,
        at_night,
        lambda seed: Image.new("RGB", (64, 48), (seed % 256,) * 3),
        lambda seed: Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)),
    ],
    ids=["drawn", "night", "blank", "static"],
)
def test_what_is_strange_in_every_orientation_is_not_called_upside_down(
    fitted: Fitted, classifier: Classifier, feature_network: Network, strange: Callable[[int], Image.Image]
) -> None:
    pictures = [strange(seed) for seed in range(3000, 3040)]
    verdicts = judge(fitted.screen, observe_pictures(classifier, feature_network, pictures))
    assert verdicts.out_of_domain.mean() >= 0.9
    assert np.mean(["upside down" in reason for reason in verdicts.reason]) <= 0.05


def test_nothing_is_called_upside_down_where_pictures_have_no_upper_side() -> None:
    chance = np.random.default_rng(0)
    upright, turned, features = chance.normal(size=200), chance.normal(size=200), chance.normal(size=200)
    assert not learn_turned(upright, turned, features).is_like(features, turned + 9).any()
    with_a_side = learn_turned(upright, turned + 9, features)
    found = with_a_side.is_like(features, turned + 9)
    assert found.mean() >= 0.85
    assert not with_a_side.is_like(features, upright).any()  # as upright as others
    assert not with_a_side.is_like(features + 9, turned + 9).any()  # as no picture is, either way up


def test_observing_gives_what_predicting_gives(classifier: Classifier, feature_network: Network) -> None:
    from fieldguide.model.inference import predict_logits

    pictures = [scene(seed) for seed in range(5)]
    seen = observe_pictures(classifier, feature_network, pictures)
    np.testing.assert_allclose(seen.logits, predict_logits(classifier, pictures), rtol=1e-5, atol=1e-5)


def test_features_know_that_a_subject_stands_out_of_its_surroundings(classifier: Classifier) -> None:
    """Two pictures of the same colours on the whole: in one they are the same all over."""
    colours = torch.nn.Conv2d(3, 5, 1, bias=False)
    colours.weight.data = torch.linspace(-1, 1, 15).view(5, 3, 1, 1)
    body = torch.nn.Sequential(colours, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    rows, columns = np.indices((32, 32))
    spread, gathered = (rows // 4 + columns // 4) % 2, columns // 16
    pictures = [Image.fromarray(np.uint8(200 * plane)).convert("RGB") for plane in (spread, gathered)]
    observed = ObservedNetwork(body, None, Normalization((0, 0, 0), (1, 1, 1)), 32)
    seen = observe_pictures(classifier, TorchNetwork(observed, "cpu"), pictures)
    last, of_places = seen.features[:, :5], seen.features[:, 5:]
    np.testing.assert_allclose(last[0], last[1], atol=1e-4)
    assert np.linalg.norm(of_places[0] - of_places[1]) > 0.3


def test_a_saved_screen_says_the_same(
    fitted: Fitted,
    new: Observations,
    classifier: Classifier,
    feature_network: Network,
    folder: Path,
    tmp_path: Path,
) -> None:
    weights = folder / "classifier.safetensors"
    for name in ("first", "again"):
        save_screen(fitted.screen, tmp_path / f"{name}.safetensors", weights, None)
    assert (tmp_path / "first.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    loaded, seen_by = load_screen(tmp_path / "first.safetensors", classifier, weights)
    assert seen_by is feature_network
    before, after = judge(fitted.screen, new), judge(loaded, new)
    np.testing.assert_array_equal(before.p_value, after.p_value)
    assert before.reason == after.reason
    assert loaded.calibration == fitted.screen.calibration


def test_a_screen_of_an_older_version_judges_by_what_it_knows(
    fitted: Fitted, new: Observations, classifier: Classifier, folder: Path, tmp_path: Path
) -> None:
    path, weights = tmp_path / "screen.safetensors", folder / "classifier.safetensors"
    save_screen(fitted.screen, path, weights, None)
    more = ("density", "margin")
    arrays = {name: values for name, values in load_file(path).items() if not any(part in name for part in more)}
    save_file(arrays, path)
    description = read_json(path.with_suffix(".json"))
    del description["weights"]
    tails = {name: tail for name, tail in description["tails"].items() if name not in more}
    write_json(path.with_suffix(".json"), {**description, "tails": tails})
    loaded, _ = load_screen(path, classifier, weights)
    verdicts = judge(loaded, new)
    assert set(verdicts.parts) == set(PARTS) - set(more)
    assert sum(loaded.weights.values()) == pytest.approx(1)
    assert verdicts.out_of_domain.mean() < 0.2


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no json": (lambda content: [], "does not describe a screen"),
    "detector": (lambda content: {**content, "detector": "os.system"}, "detector"),
    "rate": (lambda content: {**content, "alarm_rate": 2.0}, "alarm_rate"),
    "classifier": (lambda content: {**content, "classifier_sha256": "0" * 64}, "does not belong to the classifier"),
    "backbone": (
        lambda content: {**content, "backbone_sha256": "0" * 64},
        "backbone.onnx, whose features the screen uses, is missing",
    ),
    "tails": (lambda content: {**content, "tails": {}}, "is not the screen of this classifier"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_strangers_description_is_refused_in_one_line(
    fault: str, fitted: Fitted, classifier: Classifier, feature_network: Network, folder: Path, tmp_path: Path
) -> None:
    edit, message = FAULTS[fault]
    path, weights = tmp_path / "screen.safetensors", folder / "classifier.safetensors"
    save_screen(fitted.screen, path, weights, None)
    write_json(path.with_suffix(".json"), edit(read_json(path.with_suffix(".json"))))
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        load_screen(path, classifier, weights)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state.neighbours", torch.tensor(10**6)),
        ("state.neighbours", torch.tensor(0)),
        ("state.neighbours", torch.tensor(-1)),
        ("density.neighbours", torch.tensor(-1)),
        ("density.distances", torch.zeros(1)),
        ("margin.weight", torch.zeros((2, 2))),
        ("state.known", torch.zeros(3, 2)),
        ("state.known", torch.zeros(3, 2, dtype=torch.complex64)),
        ("state.known", torch.zeros(3, 2, dtype=torch.bfloat16)),
        ("state.known", torch.zeros(3, 2, dtype=torch.float8_e4m3fn)),
        ("orientation.weight", torch.zeros(1)),
        ("orientation.weight", torch.full((1,), torch.nan)),
        ("tail.combined", torch.zeros(0, dtype=torch.float64)),
        ("tail.features", torch.zeros((2, 2), dtype=torch.float64)),
    ],
)
def test_a_strangers_numbers_are_refused_in_one_line(
    name: str,
    value: torch.Tensor,
    fitted: Fitted,
    classifier: Classifier,
    feature_network: Network,
    folder: Path,
    tmp_path: Path,
) -> None:
    path, weights = tmp_path / "screen.safetensors", folder / "classifier.safetensors"
    save_screen(fitted.screen, path, weights, None)
    save_file({**load_file(path), name: value}, path)
    with pytest.raises(
        UserError, match=r"is not the screen of this classifier|not finite|of a kind that is not used"
    ) as refused:
        load_screen(path, classifier, weights)
    assert "\n" not in str(refused.value)
    path.write_bytes(b"pickle")
    with pytest.raises(UserError, match="not a safetensors file"):
        load_screen(path, classifier, weights)
