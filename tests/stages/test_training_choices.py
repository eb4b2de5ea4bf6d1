"""What train offers beyond a plain training: schedules, searches, stopping, going on after a kill, clear errors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.images import open_picture
from fieldguide.data.table import SPLIT, read_table, write_table
from fieldguide.model.architecture import Architecture
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import Preprocessing
from fieldguide.model.features import frozen_features
from fieldguide.model.network import build_body
from fieldguide.model.onnx_export import export_network, write_onnx
from fieldguide.model.precision import choose_computing
from fieldguide.model.torch_network import ObservedNetwork
from fieldguide.model.weights import save_weights
from fieldguide.stages import train, weights
from fieldguide.training.checkpoint import load_checkpoint, save_checkpoint
from fieldguide.training.learner import phases_of
from fieldguide.training.loaders import feature_loaders
from stages.training import ROOT, composed, linked
from untrained import NORMALIZATION

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def undrawn() -> Iterator[None]:
    """Drawing the curves is a third of so short a training; what they are drawn from is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fieldguide.pages.png.save_figure", lambda _, path: None)
        yield


def history_of(paths: Paths) -> pd.DataFrame:
    return pd.read_csv(paths.report("train") / "history.csv")


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


def killed_after(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end right after an epoch's state was kept."""

    def save(path: Path, key: str, state: dict[str, object]) -> None:
        save_checkpoint(path, key, state)
        history = state["history"]
        assert isinstance(history, list)
        if len(history) == epoch:
            raise Killed

    monkeypatch.setattr("fieldguide.training.callbacks.save_checkpoint", save)


INTERRUPTED = {
    "frozen phase": ["train.epochs=2", "schedule=fine_tune", "schedule.freeze_epochs=2"],
    "last frozen epoch": ["train.epochs=2", "schedule=fine_tune", "schedule.freeze_epochs=1"],
    "all layers": ["train.epochs=3", "schedule=fine_tune"],
    "mixed up": [
        *("train.epochs=3", "train.batch_size=4", "train.accumulate=2"),
        *("train.mix=mixup", "train.class_weights=balanced"),
    ],
    "searched": ["train.epochs=3", "train.lr=find", "train.mix=cutmix", "augment=strong"],
    "in bfloat16": ["train.epochs=3", "train.precision=bfloat16"],
    "the head": ["train.epochs=3", "schedule=head_only", "augment=none", "train.sampling=balanced"],
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_an_interrupted_training_goes_on_and_ends_with_the_same_bytes(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    import fastai.callback.schedule  # noqa: F401 - adds lr_find to the Learner
    from fastai.learner import Learner

    cfg = composed(*INTERRUPTED[name])
    fewer = partialmethod(Learner.lr_find, num_it=25)  # for speed: whole searches are shown below
    monkeypatch.setattr(Learner, "lr_find", fewer)
    whole, broken = linked(source, tmp_path / "whole"), linked(source, tmp_path / "broken")
    figures = train.run(cfg, whole)
    killed_epoch = 1 if name == "last frozen epoch" else 2
    with monkeypatch.context() as patch:
        killed_after(killed_epoch, patch)
        with pytest.raises(Killed):
            train.run(cfg, broken)
    assert not broken.classifier.exists()
    capsys.readouterr()
    assert train.run(cfg, broken) == figures
    printed = capsys.readouterr().out
    assert f"train: resumes after epoch {killed_epoch}, where it was interrupted" in printed
    assert f"epoch {killed_epoch}/" not in printed
    assert f"epoch {killed_epoch + 1}/" in printed
    for written in [path for path in whole.root.rglob("*") if path.is_file() and not path.is_symlink()]:
        assert sha256_of_file(broken.root / written.relative_to(whole.root)) == sha256_of_file(written), written
    assert not broken.checkpoint.exists()


def test_a_state_of_another_configuration_is_not_gone_on_with(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, fresh = linked(source, tmp_path / "results"), linked(source, tmp_path / "fresh")
    with monkeypatch.context() as patch:
        killed_after(1, patch)
        with pytest.raises(Killed):
            train.run(composed(), paths)
    for results in (paths, fresh):
        train.run(composed("train.lr=0.002"), results)
    assert "resumes" not in capsys.readouterr().out
    assert sha256_of_file(paths.classifier) == sha256_of_file(fresh.classifier)


def test_a_damaged_state_starts_anew(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    paths.checkpoint.parent.mkdir()
    paths.checkpoint.write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    assert train.run(composed("train.epochs=1"), paths)["epochs"] == 1


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    state: dict[str, Any] = {
        "tensor": torch.arange(6).reshape(2, 3),
        "list": [{"a": 1.5, "b": None}, "text"],
        "empty": {},
        "no": [],
    }
    file = tmp_path / "state.safetensors"
    save_checkpoint(file, "key", state)
    found = load_checkpoint(file, "key")
    assert found is not None
    assert torch.equal(found.pop("tensor"), state.pop("tensor"))
    assert found == state
    assert load_checkpoint(file, "another key") is None
    assert load_checkpoint(tmp_path / "none.safetensors", "key") is None


def test_a_process_killed_in_training_goes_on(
    source: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a real process and a real SIGKILL; another process goes on."""
    script = (
        "import sys; from pathlib import Path; from fieldguide.base.paths import Paths; from stages.training import *\n"
        "from fieldguide.stages import train; train.run(composed('train.epochs=8'), Paths(Path(sys.argv[1])))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    whole, broken = linked(source, tmp_path / "whole"), linked(source, tmp_path / "broken")
    command = [sys.executable, "-c", script, str(broken.root)]
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    while not broken.checkpoint.exists():
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not broken.classifier.exists()
    for paths in (broken, whole):
        train.run(composed("train.epochs=8"), paths)
    assert capsys.readouterr().out.count("where it was interrupted") == 1
    assert sha256_of_file(broken.classifier) == sha256_of_file(whole.classifier)


def test_the_best_epoch_is_kept_and_no_improvement_ends_training(
    source: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = linked(source, tmp_path / "results")
    figures = train.run(composed("train.epochs=60", "train.patience=3", "train.lr=0.03", "train.workers=0"), paths)
    history = history_of(paths)
    best = int(history["valid_loss"].argmin())
    assert figures["best_epoch"] == best + 1
    assert figures["valid_loss"] == pytest.approx(history["valid_loss"][best])
    assert figures["epochs"] == len(history) == best + 1 + 3 < 60
    assert "train: stopped early, no lower valid loss for 3 epochs\n" in capsys.readouterr().out


@pytest.mark.parametrize("suggestion", ["valley", "slide"])
def test_a_learning_rate_is_found_and_its_curve_kept(source: Paths, tmp_path: Path, suggestion: str) -> None:
    paths = linked(source, tmp_path / "results")
    before = set(Path.cwd().iterdir())
    search = ["train.lr=find", f"train.lr_suggestion={suggestion}", "train.batch_size=2"]
    figures = train.run(composed("train.epochs=1", *search), paths)
    tried = pd.read_csv(paths.report("train") / "lr_find.csv")
    assert tried["lr"].is_monotonic_increasing
    assert tried["lr"].min() < figures["lr"] < tried["lr"].max()
    assert len(tried) > 30
    assert set(Path.cwd().iterdir()) == before


def test_a_given_learning_rate_leaves_an_empty_search(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    assert train.run(composed("train.epochs=1", "train.lr=0.002"), paths)["lr"] == 0.002
    assert (paths.report("train") / "lr_find.csv").read_text() == "lr,loss\n"


def test_head_only_computes_features_once_and_leaves_the_body_as_it_was(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = linked(source, tmp_path / "results")
    cfg = composed("schedule=head_only", "augment=none", "train.epochs=30", "train.lr=0.01")
    figures = train.run(cfg, paths)
    assert float(figures["valid_accuracy"] or 0) > 0.6  # three colours; a random body tells them apart
    backbone, classifier = load_file(paths.backbone), load_file(paths.classifier)
    assert all(torch.equal(tensor, classifier[f"body.{name}"]) for name, tensor in backbone.items())
    kept = list(paths.features.iterdir())
    assert len(kept) == 1
    digest = sha256_of_file(paths.classifier)

    opened: list[Path] = []

    def opening(path: Path, max_megapixels: float) -> Image.Image:
        opened.append(path)
        return open_picture(path, max_megapixels)

    monkeypatch.setattr("fieldguide.model.features.open_picture", opening)
    train.run(cfg, paths)
    assert not opened
    assert sha256_of_file(paths.classifier) == digest

    monkeypatch.setattr("fieldguide.model.features.code_digest", lambda: "of another version")
    train.run(cfg, paths)
    assert len(opened) == len(set(opened)) > 0
    assert sha256_of_file(paths.classifier) == digest
    assert list(paths.features.iterdir()) == kept


def test_a_column_that_may_not_be_written_to_is_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    is_valid = np.array([False, True, False, False])
    is_valid.flags.writeable = False  # as pandas hands columns out
    pictures = pd.DataFrame({"label": ["a", "b", "b", "a"]}).assign(is_valid=pd.Series(is_valid, copy=False))
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        loaders = feature_loaders(
            pictures, np.eye(4, dtype=np.float32), ["a", "b"], composed("train.batch_size=2").train, 0
        )
    finally:
        torch.set_warn_always(always)
    assert [batch[1].tolist() for batch in loaders.valid] == [[1]]
    assert not recwarn.list


def test_features_of_new_pictures_alone_are_computed_and_none_depends_on_the_others(
    source: Paths, tmp_path: Path
) -> None:
    few, all_at_once = linked(source, tmp_path / "few"), linked(source, tmp_path / "all")
    cfg = composed("schedule=head_only", "augment=none")
    table = read_table(few.split_table, SPLIT)
    few.split_table.unlink()
    write_table(table.iloc[12:], few.split_table, SPLIT)
    train.run(cfg, few)
    write_table(table, few.split_table, SPLIT)
    train.run(cfg, few)
    train.run(cfg, all_at_once)
    assert sha256_of_file(few.classifier) == sha256_of_file(all_at_once.classifier)


@pytest.fixture
def pictures(source: Paths) -> list[tuple[str, Path]]:
    return [(file.name, file) for file in sorted(source.clean.rglob("*.*"))[:4]]


def features_at(size: int, pictures: list[tuple[str, Path]], kept: Path, **options: str) -> NDArray[np.float32]:
    """Of a network that is the same every time, but for its options."""
    return features_of(backbone_at(size, kept.with_name("backbone.safetensors"), **options), size, pictures, kept)


def backbone_at(size: int, weights: Path, arch: str = "mobilenetv2_050", **options: str) -> Backbone:
    torch.manual_seed(0)
    architecture = Architecture("timm", arch, {**options})
    body = build_body(architecture)
    save_weights(body, weights)
    exported = export_network(ObservedNetwork(body, None, NORMALIZATION, size))
    write_onnx(exported, weights.with_suffix(".onnx"), weights, {})
    return Backbone(weights, architecture, NORMALIZATION, sha256_of_file(weights), is_pretrained=False)


def features_of(backbone: Backbone, size: int, pictures: list[tuple[str, Path]], kept: Path) -> NDArray[np.float32]:
    preprocessing = Preprocessing(150.0, 320, "squish", "zeros", size, NORMALIZATION)
    return frozen_features(backbone, preprocessing, pictures, kept)


@pytest.mark.parametrize("size", [64, 128])
def test_features_do_not_depend_on_the_number_of_threads(
    pictures: list[tuple[str, Path]], tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda threads=threads: threads)
        found.append(features_at(size, pictures, tmp_path / str(threads)))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_features_of_the_same_weights_with_other_options_are_others(
    pictures: list[tuple[str, Path]], tmp_path: Path
) -> None:
    mean, largest = (features_at(64, pictures, tmp_path / "kept", global_pool=pool) for pool in ("avg", "max"))
    assert bool((mean < largest).any())
    assert not bool((mean > largest).any())


def test_damaged_features_are_computed_again(pictures: list[tuple[str, Path]], tmp_path: Path) -> None:
    kept, backbone = tmp_path / "kept", backbone_at(64, tmp_path / "backbone.safetensors", "test_resnet")
    features = features_of(backbone, 64, pictures, kept)
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    for place in [*range(8, 600, 29), *range(600, len(whole), 5001)]:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert np.array_equal(features_of(backbone, 64, pictures, kept), features)
        assert file.read_bytes() == whole


def test_jobs_that_begin_together_share_features(pictures: list[tuple[str, Path]], tmp_path: Path) -> None:
    backbone = backbone_at(64, tmp_path / "backbone.safetensors")
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: features_of(backbone, 64, pictures, tmp_path / "kept"), range(8))
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("train_norm", [False, True])
def test_a_frozen_body_keeps_its_normalization_statistics(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_norm: bool
) -> None:
    paths = linked(source, tmp_path / "results")
    killed_after(1, monkeypatch)
    with pytest.raises(Killed):
        train.run(composed("schedule=fine_tune", f"schedule.train_norm={train_norm}"), paths)
    backbone, kept = load_file(paths.backbone), load_file(paths.checkpoint)
    moved = {name for name, tensor in backbone.items() if not torch.equal(tensor, kept[f"/network/body.{name}"])}
    body = build_body(Architecture("timm", "test_resnet", {}))
    norms = {name for name, module in body.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert {name.rpartition(".")[0] for name in moved} <= norms
    assert bool(moved) == train_norm


def trained_unevenly(source: Paths, root: Path, *choices: str) -> str:
    """The sha256 of a classifier of many grizzlies and teddies and few black bears."""
    paths = linked(source, root)
    table = read_table(source.split_table, SPLIT)
    uneven = table[(table["label"] != "black") | (table["split"] != "train") | (table.index < 9)]
    paths.split_table.unlink()
    write_table(uneven, paths.split_table, SPLIT)
    train.run(composed("train.batch_size=4", "train.epochs=3", "train.lr=0.03", *choices), paths)
    return sha256_of_file(paths.classifier)


@pytest.fixture(scope="module")
def plain(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> str:
    return trained_unevenly(source, tmp_path_factory.mktemp("plain") / "results")


@pytest.mark.parametrize(
    "choice",
    [
        "train.mix=mixup",
        "train.mix=cutmix",
        "train.class_weights=balanced",
        "train.sampling=balanced",
        "train.accumulate=2",
    ],
)
def test_every_choice_changes_what_is_learned(source: Paths, plain: str, tmp_path: Path, choice: str) -> None:
    assert trained_unevenly(source, tmp_path / "changed", choice) != plain


def test_accumulated_batches_learn_like_one_large_batch(source: Paths, tmp_path: Path) -> None:
    """Not quite alike: the learning rate moves with every batch."""
    learned = []
    for number, (size, times) in enumerate([(8, 1), (4, 2), (4, 1)]):
        paths = linked(source, tmp_path / str(number))
        choices = [f"train.batch_size={size}", f"train.accumulate={times}"]
        train.run(composed("schedule=head_only", "augment=none", *choices), paths)
        learned.append(load_file(paths.classifier)["head.weight"])
    large, accumulated, small = learned
    assert (accumulated - large).norm() < 0.5 * (small - large).norm()


def test_a_loss_that_is_no_number_ends_training_at_once(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    infinite = load_file(paths.backbone)
    paths.backbone.unlink()
    infinite["conv1.0.weight"][:] = 3e38  # finite, but no product with it is
    save_file(infinite, paths.backbone)
    with pytest.raises(UserError, match=r"^the loss is not finite in epoch 1, .* lower train.lr in params"):
        train.run(composed("train.epochs=5"), paths)
    assert not paths.classifier.exists()


def test_one_label_only_is_one_clear_error(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    table = read_table(paths.split_table, SPLIT)
    paths.split_table.unlink()
    write_table(table[table["label"] == "teddy"], paths.split_table, SPLIT)
    with pytest.raises(UserError, match=r"only one label \('teddy'\): a classifier needs at least two"):
        train.run(composed(), paths)


def test_batches_that_do_not_fill_a_step_are_one_clear_error(source: Paths, tmp_path: Path) -> None:
    paths = linked(source, tmp_path / "results")
    with pytest.raises(UserError, match=r"27 training pictures do not fill 4 batches of 8: lower train.batch_size"):
        train.run(composed("train.accumulate=4"), paths)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] . DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_short_memory_is_one_clear_error(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("fieldguide.training.train_classifier.fit", fails)
    with pytest.raises(UserError, match=r"memory is short: lower train.batch_size"):
        train.run(composed(), linked(source, tmp_path / "results"))


def test_memory_that_is_truly_short_is_one_clear_error(source: Paths, tmp_path: Path) -> None:
    """A process that may not have more than it holds already, so that the allocator itself says no."""
    script = (
        "import resource, sys; from pathlib import Path; from fieldguide.base.paths import Paths\n"
        "from stages.training import *; from fieldguide.stages import train\n"
        "from fieldguide.base.errors import UserError\n"
        "import fieldguide.training.learner, timm, psutil\n"
        "limit = psutil.Process().memory_info().vms + 700 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try: train.run(composed('train.size=320', 'train.batch_size=27', arch='resnet18'), Paths(Path(sys.argv[1])))\n"
        "except UserError as error: print('said:', error)\n"
    )
    paths = linked(source, tmp_path / "results")
    for path in (paths.backbone, paths.backbone.with_suffix(".json")):
        path.unlink()
    weights.run(composed(arch="resnet18"), paths)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script, str(paths.root)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "said: memory is short" in done.stdout, done.stdout[-500:] + done.stderr[-1000:]


def test_precision_follows_from_network_and_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 3))
    depthwise = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 3, groups=8))
    head = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(8, 2))
    coarse = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 5, stride=2, groups=8))
    for avx512_bf16, amx_tile, chosen in (
        (False, False, ("float32", "float32", "float32")),
        (True, True, ("bfloat16", "float32", "float32")),  # Intel
        (True, False, ("bfloat16", "bfloat16", "float32")),  # AMD
    ):
        known = {"avx512_bf16": avx512_bf16, "amx_tile": amx_tile}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda known=known: known)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda known=known: known["avx512_bf16"])
        assert tuple(choose_computing(network, "auto").precision for network in (plain, depthwise, coarse)) == chosen
    assert choose_computing(plain, "auto").channels_last
    assert choose_computing(head, "auto").precision == "float32"
    assert not choose_computing(head, "auto").channels_last
    assert choose_computing(plain, "float32").precision == "float32"
    with pytest.raises(UserError, match="float16 needs a GPU"):
        choose_computing(plain, "float16")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for newest, capability, wanted in (
        (True, (9, 0), "bfloat16"),
        (False, (7, 5), "float16"),
        (False, (6, 1), "float32"),
    ):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, answer=newest: answer)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda answer=capability: answer)
        assert choose_computing(depthwise, "auto").precision == wanted


def test_fine_tune_has_the_phases_of_fastai() -> None:
    cfg = composed("schedule=fine_tune", "schedule.lr_mult=100")
    frozen, free = phases_of(cfg.schedule, 6, 0.004)
    assert (frozen.epochs, frozen.lr, frozen.frozen) == (1, 0.004, True)
    assert (free.epochs, free.lr, free.body_lr, free.frozen) == (6, 0.002, 0.00002, False)
    assert np.isclose(phases_of(composed("schedule=one_cycle").schedule, 6, 0.004)[0].body_lr, 0.004)
