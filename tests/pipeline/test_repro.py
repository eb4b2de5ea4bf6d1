"""`dvc repro` does what is needed, nothing else, and the same every time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo
from PIL import Image

from conftest import noise, put
from fieldguide.base.files import read_json, write_text
from fieldguide.data.table import IMAGES, RAW, read_table
from pipeline.checkout import RESULTS, STAGES, TABLES, UNWANTED, Checkout, ran, small_checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow


def test_a_fault_in_params_stops_dvc_repro_before_any_stage_works(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    for fault, line in (
        (
            {"resize": "sqish"},
            "config: params.yaml: resize: 'sqish': no such option (did you mean squish?); choose one of: crop, pad, ",
        ),
        ({"batch_size": "many"}, "config: params.yaml: train.batch_size: "),
    ):
        checkout.run("git", "checkout", "--quiet", ".")
        checkout.set_params(**fault)
        done = checkout.dvc("repro", code=None)
        assert done.returncode != 0
        assert "Running stage 'config'" in done.stdout
        assert done.stdout.count("Running stage") == 1
        assert [text for text in done.stderr.splitlines() if text.startswith(line)], done.stderr
        assert "Traceback" not in done.stderr
    checkout.run("git", "checkout", "--quiet", ".")
    text = checkout.paths.params.read_text(encoding="utf-8")
    write_text(checkout.paths.params, text.replace("  epochs:", "  epoch:"))
    done = checkout.dvc("repro", code=None)
    assert "config: params.yaml: train.epoch: " in done.stderr
    assert done.stdout.count("Running stage") == 1


def test_a_pipe_in_the_data_set_stops_repro_in_one_line_before_dvc_waits_at_it(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    os.mkfifo(checkout.paths.sources / "mini" / "pipe.jpg")
    done = checkout.dvc("repro", code=None)
    assert done.returncode != 0
    assert "config: data/sources/mini/pipe.jpg is a pipe, which DVC cannot hash: delete it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["symlink", pytest.param("hardlink", marks=pytest.mark.exhaustive)])
def test_the_links_of_dvcs_cache_are_pictures(kind: str, tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    for number, label in enumerate("aabb"):
        put(tmp_path / "mine" / label / f"{number}.png", noise(number))
    checkout.dvc("config", "cache.type", kind)
    checkout.fieldguide("add", "mine", str(tmp_path / "mine"))
    tracked = checkout.paths.sources / "mine" / "a" / "0.png"
    assert tracked.is_symlink() if kind == "symlink" else tracked.stat().st_nlink > 1
    done = checkout.dvc("repro", "clean")
    assert ran(done.stdout) == ["config", "download", "clean"] and "is empty" not in done.stderr
    images = read_table(checkout.paths.image_table, IMAGES)
    assert list(images["status"]) == 4 * ["kept"]
    assert [file.name for file in checkout.paths.raw.iterdir()] == ["README.txt"]  # pictures stay where they are
    checkout.fieldguide("review", "data/sources/mine/a/0.png", "drop")  # what reads and writes beside links
    assert checkout.repro("clean") == ["clean"]
    assert list(read_table(checkout.paths.image_table, IMAGES)["status"]) == ["dropped", *3 * ["kept"]]
    checkout.run("rm", "-r", "data/raw", "data/clean", "data/clean.parquet")
    checkout.dvc("checkout", "--quiet", "download", "clean")
    assert checkout.repro("clean") == []


def test_a_first_repro_runs_every_stage_and_says_only_what_a_person_needs(trained: Reproduced) -> None:
    assert sorted(trained.stages, key=STAGES.index) == STAGES
    for word in UNWANTED:
        assert word not in trained.stderr
    assert trained.checkout.digests(*RESULTS, *TABLES)
    leftovers = [path for path in trained.checkout.root.rglob("*.partial") if ".dvc" not in path.parts]
    assert not leftovers


def test_a_second_repro_runs_nothing(tried: Checkout) -> None:
    assert tried.repro() == []
    assert tried.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    assert tried.run("git", "status", "--porcelain").stdout == ""


@pytest.fixture(scope="module")
def tried(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which tests change a file and put it back."""
    return trained.checkout.copy(tmp_path_factory.mktemp("tried") / "checkout")


def changed_stages(checkout: Checkout) -> set[str]:
    """The stages that `dvc repro` would rerun for what differs in their own dependencies and parameters."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in checkout.environment.items():
            if name.startswith("DVC_"):
                patch.setenv(name, value)
        with Repo(str(checkout.root)) as repo:
            return {stage.rpartition(":")[2] for stage in repo.status()}


@pytest.fixture
def put_back(tried: Checkout) -> Iterator[Checkout]:
    yield tried
    tried.run("git", "checkout", "--quiet", ".")


PARAMS = [
    ("resize", "pad", {"config", "train", "evaluate", "report"}),
    ("augment", "none", {"config", "train", "evaluate", "report"}),
    ("schedule", "fine_tune", {"config", "train", "evaluate", "report"}),
    ("model", "tiny", {"config", "weights", "train", "evaluate", "report"}),
    ("data", "sample", {"config", "download", "clean", "report"}),
    ("checks", "strict", {"config", "validate", "screen", "report"}),
    ("ood", "mahalanobis", {"config", "screen", "report"}),
    ("lr", "0.1", {"config", "train", "evaluate", "report"}),
    ("max_side", "100", {"config", "clean", "train", "evaluate"}),
    ("jpeg_quality", "80", {"config", "clean"}),
    ("near_duplicate_bits", "3", {"config", "validate", "split", "evaluate"}),
    ("bootstrap", "500", {"config", "evaluate"}),
]
FILES = [
    ("conf/resize/squish.yaml", {"train", "evaluate", "report"}),
    ("conf/augment/standard.yaml", {"train", "evaluate", "report"}),
    ("conf/schedule/one_cycle.yaml", {"train", "evaluate", "report"}),
    ("conf/model/mini.yaml", {"weights", "train", "evaluate", "report"}),
    ("conf/data/mini.yaml", {"download", "report"}),
    ("conf/checks/mini.yaml", {"validate", "screen", "report"}),
    ("conf/ood/nearest_neighbours.yaml", {"screen", "report"}),
    ("conf/resize/pad.yaml", set()),
    ("conf/model/resnet18.yaml", set()),
    ("conf/data/sample.yaml", set()),
    ("src/fieldguide/data/splits.py", {"config"}),  # which writes the code of each stage: see test_stage_code.py
]


@pytest.mark.parametrize(("key", "value", "stages"), PARAMS, ids=[f"{key}={value}" for key, value, _ in PARAMS])
def test_another_value_in_params_concerns_the_stages_that_read_it(
    put_back: Checkout, key: str, value: str, stages: set[str]
) -> None:
    put_back.set_params(**{key: value})
    assert changed_stages(put_back) == stages


@pytest.mark.parametrize(("file", "stages"), FILES, ids=[file for file, _ in FILES])
def test_an_edited_file_concerns_the_stages_that_use_it(put_back: Checkout, file: str, stages: set[str]) -> None:
    with (put_back.root / file).open("a", encoding="utf-8") as text:
        text.write("# edited\n")
    assert changed_stages(put_back) == stages


def test_an_edited_source_file_reruns_its_stage_and_stops_where_nothing_changed(copy: Checkout) -> None:
    with (copy.root / "src/fieldguide/data/split_shortage.py").open("a", encoding="utf-8") as text:
        text.write("# edited\n")
    assert copy.repro() == ["config", "validate", "split"]
    with (copy.root / "src/fieldguide/tracking/delivery.py").open("a", encoding="utf-8") as text:
        text.write("# edited\n")
    assert copy.repro() == ["config"]
    with (copy.root / "conf/resize/pad.yaml").open("a", encoding="utf-8") as text:
        text.write("# edited\n")
    assert copy.repro() == []


def test_another_resize_trains_and_evaluates_again(trained: Reproduced, padded: Reproduced) -> None:
    assert padded.stages == ["config", "train", "evaluate", "screen", "report"]
    before, after = (done.checkout.digests(*RESULTS, *TABLES) for done in (trained, padded))
    assert {file for file in before if before[file] != after[file]} == {
        "models/classifier.safetensors",
        "models/classifier.onnx",
        "models/classifier.json",
        "reports/evaluate/predictions.parquet",
    }
    assert read_json(padded.checkout.paths.classifier.with_suffix(".json"))["preprocessing"]["method"] == "pad"


def test_another_size_of_the_square_trains_again(copy: Checkout) -> None:
    """DVC's cache of runs takes no notice of keys called `size` inside `train`."""
    copy.set_params(size=40)
    assert "train" in copy.repro("train")
    assert read_json(copy.paths.classifier.with_suffix(".json"))["preprocessing"]["size"] == 40


def test_an_experiment_of_dvc_gives_what_repro_gives(padded: Reproduced, tmp_path: Path) -> None:
    """The cache of the copy knows the padded run already, so `exp run` takes it from there."""
    copy = padded.checkout.copy(tmp_path / "checkout")
    wanted = copy.digests(*RESULTS, *TABLES)
    copy.run("git", "checkout", "--quiet", ".")
    copy.dvc("checkout", "--quiet")
    before = copy.paths.params.read_text(encoding="utf-8")
    assert copy.digests(*RESULTS) != {file: wanted[file] for file in RESULTS}
    done = copy.dvc("exp", "run", "--name", "padded", "-S", "resize=pad")
    assert ran(done.stdout) == ["config"]
    for stage in ("train", "evaluate", "screen"):
        assert f"Stage '{stage}' is cached - skipping run" in done.stdout
    assert copy.digests(*RESULTS, *TABLES) == wanted
    after = copy.paths.params.read_text(encoding="utf-8")
    assert after.replace("resize: pad", "resize: squish").split() == before.split()  # comments too
    assert "padded" in copy.dvc("exp", "list", "--name-only").stdout


def test_dvc_shows_metrics_plots_and_the_graph(tried: Checkout, tmp_path: Path) -> None:
    shown = tried.dvc("metrics", "show", "--json").stdout
    for name in ("accuracy_low", "macro_f1", "valid_accuracy", "megabytes"):
        assert f'"{name}"' in shown
    target = tmp_path / "plots"
    tried.dvc("plots", "show", "--out", str(target))
    page = (target / "index.html").read_text(encoding="utf-8")
    assert "learning curves" in page
    assert "confusion matrix" in page
    assert list(target.rglob("*confusion_matrix.png"))
    graph = tried.dvc("dag", "--mermaid").stdout
    for stage in STAGES:
        assert f'["{stage}"]' in graph


def test_new_pictures_in_a_folder_of_ones_own_are_downloaded(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    album = tmp_path / "album"
    for number, label in enumerate(("grizzly", "grizzly", "teddy", "teddy")):
        (album / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (40 * number, 80, 70)).save(album / label / f"{'ab'[number % 2]}.jpg")
    checkout.fieldguide("add", "mine", str(album))
    assert checkout.repro("download") == ["config", "download"]
    Image.new("RGB", (64, 48), (1, 2, 3)).save(checkout.root / "data/sources/mine/teddy/two.jpg")
    assert checkout.repro("download") == ["download"]
    table = read_table(checkout.paths.raw_table, RAW)
    assert list(table["path"]) == ["grizzly/a.jpg", "grizzly/b.jpg", "teddy/a.jpg", "teddy/b.jpg", "teddy/two.jpg"]


def test_adding_pictures_decodes_these_alone(tmp_path: Path) -> None:
    """Each file that is decoded makes a new entry beside those that are kept; `add` made those of the first."""
    checkout = small_checkout(tmp_path / "checkout")
    album, there = tmp_path / "album", checkout.root / "data" / "sources" / "mine"
    for number in range(40):
        put(album / ("grizzly", "teddy")[number % 2] / f"{number}.png", noise(number))
    checkout.fieldguide("add", "mine", str(album))
    kept = {file: file.stat().st_mtime_ns for file in checkout.paths.cleaned.rglob("*") if file.is_file()}
    assert len(kept) == 40
    for number in range(40, 44):
        put(there / ("grizzly", "teddy")[number % 2] / f"{number}.png", noise(number))
    assert "clean" in checkout.repro("clean")
    after = {file: file.stat().st_mtime_ns for file in checkout.paths.cleaned.rglob("*") if file.is_file()}
    assert len(after) == 44 and kept.items() <= after.items(), "the first are not made again"
    assert (read_table(checkout.paths.image_table, IMAGES)["status"] == "kept").all()
    checkout.repro("clean", "--force")
    assert {file: file.stat().st_mtime_ns for file in checkout.paths.cleaned.rglob("*") if file.is_file()} == after
