"""Weights, training and evaluation on few tiny pictures: what they write, what they refuse, and that all agree."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.table import SPLIT, predictions_schema, read_table
from fieldguide.model.architecture import Architecture
from fieldguide.model.inference import Classifier, load_classifier, open_for, predict
from fieldguide.model.network import build_body, count_features
from fieldguide.model.torch_classifier import load_observed
from fieldguide.model.weights import random_body
from fieldguide.stages import evaluate, train, weights
from fieldguide.training import loaders
from stages.training import LABELS, ROOT, composed, linked

pytestmark = pytest.mark.slow  # importing fastai alone takes seconds

METHODS = ["pad_border", "squish", "random_crop"]  # test_prediction.py compares all of them with fastai


@pytest.fixture(scope="module", params=METHODS)
def trained(request: pytest.FixtureRequest, source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Trained and evaluated with one of the ways to make pictures square."""
    paths = linked(source, tmp_path_factory.mktemp(request.param) / "results")
    cfg = composed(f"resize={request.param}")
    figures = train.run(cfg, paths)
    assert figures["epochs"] == 2
    evaluate.run(cfg, paths)
    return paths


def classifier_of(paths: Paths) -> Classifier:
    return load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))


def test_predictions_are_those_of_fastai(trained: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """fastai reads, squares and normalises the pictures by its own loaders; the classifier does without fastai."""
    from fastai.learner import Learner

    monkeypatch.setattr(loaders, "MEMORY_FOR_PICTURES", 0)  # else we read and square them

    classifier = classifier_of(trained)
    cfg = composed(f"resize={trained.root.parent.name.rstrip('0123456789')}")
    table = read_table(trained.split_table, SPLIT)
    table["is_valid"] = table["split"] != "train"
    made = loaders.make_loaders(
        table,
        trained.clean,
        classifier.vocabulary,
        cfg.resize,
        cfg.augment.transforms,
        classifier.preprocessing.normalization,
        cfg.train,
        cfg.seed,
    )
    observed = load_observed(trained.classifier, trained.classifier.with_suffix(".json"))
    assert observed.head is not None
    network = torch.nn.Sequential(observed.body, observed.head)
    learner = Learner(made, network, loss_func=torch.nn.CrossEntropyLoss())
    with learner.no_bar():
        logits, _ = learner.get_preds(ds_idx=1, act=lambda logits: logits)
    wanted = (logits.double() / classifier.temperature).softmax(dim=1).numpy()
    unseen = table[table["is_valid"]]
    found = predict(classifier, (open_for(classifier, trained.clean / path) for path in unseen["clean_path"]))
    assert len(found) == 18
    assert np.abs(found - wanted).max() < 1e-5
    assert found.std() > 1e-4  # the network tells pictures apart, so the comparison means something

    predictions = read_table(trained.report("evaluate") / "predictions.parquet", predictions_schema(LABELS))
    columns = [f"probability_{label}" for label in LABELS]
    assert list(predictions["id"]) == list(unseen["id"])
    assert np.abs(predictions[columns].to_numpy() - wanted).max() < 1e-5


def test_outputs_hold_tensors_and_text_and_no_pickle(trained: Paths) -> None:
    assert read_json(trained.classifier.with_suffix(".json"))["vocabulary"] == LABELS
    assert load_file(trained.classifier)["head.weight"].shape[0] == 3
    written = [path for path in trained.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.suffix for path in written if not path.stat().st_size} <= {".lock"}
    written = [path for path in written if path.suffix != ".lock"]
    assert {path.suffix for path in written} == {".safetensors", ".onnx", ".json", ".csv", ".parquet", ".png", ".html"}
    assert (trained.report("train") / "curves.png").read_bytes()[:4] == b"\x89PNG"
    for path in written:
        start = path.read_bytes()[:2]
        assert start != b"PK", f"{path} is an archive, as torch.save makes them"
        assert start not in {bytes([0x80, protocol]) for protocol in range(2, 6)}, f"{path} is a pickle"


@pytest.mark.parametrize(
    ("method", "augment", "processes"), [("squish", "strong", [2]), ("random_crop", "trail_camera", [0, 1, 2])]
)
def test_pictures_read_again_in_every_epoch_train_as_those_kept_in_memory(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, augment: str, processes: list[int]
) -> None:
    """And whatever the number of processes that read them."""
    digests = set()
    for room, workers in ((loaders.MEMORY_FOR_PICTURES, 0), *((0, workers) for workers in processes)):
        monkeypatch.setattr(loaders, "MEMORY_FOR_PICTURES", room)
        paths = linked(source, tmp_path / f"{room}-{workers}")
        train.run(composed(f"augment={augment}", f"resize={method}", f"train.workers={workers}"), paths)
        digests.add(sha256_of_file(paths.classifier))
        digests.add(sha256_of_file(paths.classifier.with_suffix(".json")))
    assert len(digests) == 2


def test_another_seed_trains_another_classifier(source: Paths, tmp_path: Path) -> None:
    digests = set()
    for number, seed in enumerate((1, 1, 2)):
        paths = linked(source, tmp_path / str(number))
        train.run(composed("train.epochs=1", f"seed={seed}"), paths)
        digests.add(sha256_of_file(paths.classifier))
    assert len(digests) == 2


def test_too_few_pictures_for_a_batch_are_one_clear_error(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    with pytest.raises(UserError, match=r"27 training pictures do not fill one batch of 28: lower train.batch_size"):
        train.run(composed("train.batch_size=28"), paths)
    assert not paths.classifier.exists()


# Starting weights.


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def weights_from(root: Path, name: str, **model: str) -> Paths:
    paths = Paths(root)
    weights.run(composed(weights=name, **model), paths)
    return paths


@pytest.mark.parametrize("kind", ["torch", "pickle", "legacy"])
def test_a_weights_file_with_code_in_it_is_refused_and_not_run(tmp_path: Path, kind: str) -> None:
    file, trace = tmp_path / "weights.pth", tmp_path / "trace"
    content = {"conv1.weight": torch.zeros(1), "more": Hostile(trace)}
    if kind == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=kind == "torch")
    with pytest.raises(UserError, match="is not a file of tensors only, and nothing else is read") as refused:
        weights_from(tmp_path, file.name, weights_sha256=sha256_of_file(file))
    assert "\n" not in str(refused.value)
    assert not trace.exists()
    assert not (tmp_path / "models").exists()
    pickle.loads(pickle.dumps(Hostile(trace)))  # it would have run
    assert trace.exists()


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Weights of the whole network, as hubs hand them out: with a head for a thousand labels."""
    import timm

    torch.manual_seed(7)
    content: dict[str, torch.Tensor] = timm.create_model("test_resnet").state_dict()
    return content


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth", "wrapped.pth"])
def test_weights_come_from_a_file_that_its_sha256_names(
    tmp_path: Path, state: dict[str, torch.Tensor], name: str
) -> None:
    file = tmp_path / name
    if file.suffix == ".safetensors":
        save_file(state, file)
    else:
        torch.save({"state_dict": state} if name.startswith("wrapped") else state, file)
    digest = sha256_of_file(file)

    with pytest.raises(UserError, match=f"weights_sha256 is missing: .* add `weights_sha256: {digest}`"):
        weights_from(tmp_path, name)
    with pytest.raises(UserError, match=f"has the sha256 {digest}, not {'0' * 64}"):
        weights_from(tmp_path, name, weights_sha256="0" * 64)
    assert not (tmp_path / "models").exists()

    paths = weights_from(tmp_path, name, weights_sha256=digest)
    backbone = load_file(paths.backbone)
    assert backbone
    assert all(torch.equal(tensor, state[key]) for key, tensor in backbone.items())
    assert set(state) - set(backbone) == {"fc.weight", "fc.bias"}
    assert read_json(paths.backbone.with_suffix(".json"))["source_sha256"] == digest


def test_weights_of_another_architecture_are_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(state, file)
    with pytest.raises(UserError, match=r"does not fit resnet10t: [0-9]+ of its weights are missing"):
        weights_from(tmp_path, file.name, weights_sha256=sha256_of_file(file), arch="resnet10t")
    with pytest.raises(UserError, match=r"no file .*nowhere\.pth: give a path"):
        weights_from(tmp_path, "nowhere.pth")


def test_without_a_network_the_hub_error_names_the_ways_out(tmp_path: Path) -> None:
    for name in ("conf", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = (
        "from pathlib import Path\n"
        "from fieldguide.base.paths import Paths; from fieldguide.configuration.compose import compose\n"
        "from fieldguide.base.errors import UserError; from fieldguide.stages import weights\n"
        "try: weights.run(compose(Paths(Path('.')), ['model=resnet18']), Paths(Path('.')))\n"
        "except UserError as error: print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty"), "PYTHONPATH": f"{ROOT}/src"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    before, line = done.stdout.splitlines()
    assert before.startswith("weights: resnet18 from the hub or its cache")
    assert line.startswith("weights of 'resnet18' are not in the cache and did not come from the hub")
    assert "weights_sha256" in line
    assert "`weights: random`" in line
    assert not (tmp_path / "models").exists()


def test_random_weights_follow_from_the_seed() -> None:
    architecture = Architecture("timm", "test_resnet", {})
    one, same, other = (random_body(architecture, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_size_that_an_architecture_cannot_take_is_said() -> None:
    model = compose(Paths(ROOT), ["model=vit_small"]).model
    body = build_body(Architecture(model.library, model.arch, model.options))
    with pytest.raises(UserError, match=r"^train.size: the architecture cannot take pictures of 72 pixels"):
        count_features(body, 72)


def test_an_unknown_architecture_is_said() -> None:
    with pytest.raises(UserError, match="timm does not build 'resnet10tt'"):
        build_body(Architecture("timm", "resnet10tt", {}))
    with pytest.raises(UserError, match="torchvision does not build 'resnet10tt'"):
        build_body(Architecture("torchvision", "resnet10tt", {}))
    assert count_features(build_body(Architecture("torchvision", "resnet18", {})), 64) == 512
