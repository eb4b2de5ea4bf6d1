"""`fieldguide add` says what it understood of a folder before it writes, and proposes the key of the split."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from checkouts import new_checkout
from conftest import noise, put, run_command
from fieldguide.base.option_files import read_mapping, read_params
from fieldguide.base.paths import Paths
from fieldguide.data.layout_doubts import doubts_of_layout
from fieldguide.data.layout_proposals import propose_layouts

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return new_checkout(tmp_path / "checkout")


def cameras(folder: Path, sites: int = 24, frames: int = 2) -> Path:
    """Two kinds at each of so many cameras."""
    for site in range(sites):
        for label in ("deer", "fox"):
            for frame in range(frames):
                name = f"CAM{site:02}_2024-05-{site % 28 + 1:02}_12-00-{frame:02}.png"
                put(folder / f"CAM{site:02}" / label / name, noise(100 * site + 10 * frame + len(label)))
    return folder


LEAVES = [f"{leaf}/{view}.jpg" for leaf in ("oak/leaf 1", "oak/leaf 2", "ash/leaf 3") for view in range(3)]
KINDS_OF_ALL = [f"{kind}/{number}.jpg" for kind in ("cats/manx", "dogs/pug", "dogs/husky") for number in range(3)]
SEG = ["{split}/{}/{label}"]
BOTH = ["{label}", "{site}/{label}", "{label}/{site}", "{split}/{label}", "{label}/{split}", "{}/{label}"]
PARTLY = ["treino/oak/1.jpg", "treino/oak/2.jpg", "treino/elm/1.jpg", *(f"teste/{number}.jpg" for number in range(2))]
YEARS = ["{}/{label}", "{}/{site}/{label}", "{}/{label}/{site}"]


@pytest.mark.parametrize(
    ("files", "layouts"),
    [
        (["cat/1.jpg", "dog/2.jpg"], ["{label}"]),
        (["cat/2023/1.jpg", "dog/2023/2.jpg", "dog/2024/2.jpg"], ["{label}"]),
        (["cat/images/1.jpg", "dog/images/2.jpg"], ["{label}"]),
        (["train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg"], ["{split}/{label}"]),
        (["Training/cat/1.jpg", "Test/dog/1.jpg"], ["{split}/{label}"]),
        (["train/1.jpg", "bus/1.jpg"], ["{label}"]),
        (["site_1/cat/1.jpg", "site_2/cat/1.jpg", "site_2/dog/1.jpg"], ["{site}/{label}"]),
        (["cat/A01/1.jpg", "dog/A01/1.jpg", "dog/B02/1.jpg"], ["{label}/{site}"]),
        (["test/K1/cat/1.jpg", "train/K2/cat/1.jpg", "train/K2/dog/1.jpg"], ["{split}/{site}/{label}"]),
        (["train/cat/1.jpg", "train/dog/1.jpg", *(f"test/{number}.jpg" for number in range(9))], ["{split}/{label}"]),
        (["cat/train/1.jpg", "cat/test/1.jpg", "dog/train/1.jpg"], ["{label}/{split}"]),
        (["seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/ice/1.jpg", "seg_test/seg_test/ice/1.jpg"], SEG),
        (["set/train2017/cat/1.jpg", "set/train2017/dog/1.jpg", "set/val2017/cat/1.jpg"], ["{}/{split}/{label}"]),
        (["7/1.jpg", "3/1.jpg"], ["{label}"]),
        (["train/7/1.jpg", "train/3/1.jpg", "test/3/2.jpg"], ["{split}/{label}"]),
        (["bears/brown/1.jpg", "bears/black/1.jpg"], ["{}/{label}"]),
        (["2023/CAM1/cat/1.jpg", "2024/CAM1/dog/1.jpg", "2024/CAM2/dog/1.jpg"], ["{}/{site}/{label}"]),
        (["2023/creek/cat/1.jpg", "2024/creek/dog/1.jpg", "2024/mill/dog/1.jpg"], YEARS),
        (["oak/leaf 1/1.jpg", "oak/leaf 2/1.jpg", "ash/leaf 3/1.jpg", "ash/leaf 4/1.jpg"], ["{label}"]),
        (["Station A/cat/1.jpg", "Station B/dog/2.jpg"], ["{site}/{label}"]),
        (["Камера 1/лиса/1.jpg", "Камера 2/лиса/1.jpg", "Камера 2/заяц/1.jpg"], ["{site}/{label}"]),
        (["欅/地点3/1.jpg", "樫/地点3/1.jpg", "樫/地点12/1.jpg"], ["{label}/{site}"]),
        (LEAVES, ["{label}/{sequence}"]),
        (KINDS_OF_ALL, ["{label}/{sequence}", "{}/{label}"]),
        (["train/cat/1.jpg", "test/cat/2.jpg"], ["{split}/{label}"]),
        (["treino/oak/1.jpg", "treino/elm/1.jpg", "teste/oak/2.jpg", "teste/elm/2.jpg"], BOTH),
        (["訓練/楢/1.jpg", "訓練/楡/1.jpg", "試験/楢/1.jpg", "試験/楡/2.jpg"], BOTH),
        (["fold1/oak/1.jpg", "fold1/elm/1.jpg", "fold2/oak/2.jpg", "fold2/elm/2.jpg"], BOTH),
        (PARTLY, ["{label}", "{split}/{label}"]),
        ([f"plants/{path}" for path in PARTLY], ["{}/{label}", "{}/{split}/{label}"]),
        (["oak/garden/1.jpg", "ash/garden/1.jpg", "ash/wood/1.jpg"], ["{label}", "{site}/{label}", "{label}/{site}"]),
    ],
)
def test_paths_say_their_layout_or_several(files: list[str], layouts: list[str]) -> None:
    assert propose_layouts(files) == layouts
    assert propose_layouts(files[::-1]) == layouts


CAMERAS = [f"CAM{camera}/IMG_{number:04}.jpg" for camera in range(3) for number in range(4)]
BY_NAME = [f"Serengeti/{day}_{animal}.jpg" for day in range(4) for animal in ("fox", "owl")]
KINDS = [f"{kind}/{number}.jpg" for kind in ("cat", "cat/manx", "dog", "dog/pug") for number in range(3)]
VIDEOS = ["Kenya/K38_check3/0919_Hyena.AVI", "Kenya/G41_check2/0910_Eland.MP4", "Chad/2017/F13/Baboon/0712.AVI"]
VIEWS = [f"{tree}/{leaf}_{view}.jpg" for tree in ("oak", "elm") for leaf in range(3) for view in ("front", "back")]


@pytest.mark.parametrize(
    ("files", "doubts", "layouts"),
    [
        (VIDEOS, ["3 pictures of 2 labels", "Eland, Hyena"], ["{}/{label}", "{}/{}/{}_{label}.*"]),
        ([f"part {number}/1.jpg" for number in range(9)], ["9 pictures of 9 labels"], []),
        (CAMERAS, ["CAM0, CAM1, CAM2 may be places of cameras"], []),
        ([path.replace("IMG", "fox") for path in CAMERAS[:6]] + [path.replace("IMG", "owl") for path in CAMERAS[6:]],
         ["places of cameras", "names of files say fox, owl"], ["{site}/{label}_{}.*"]),
        (BY_NAME + [path.replace("Serengeti", "Ruaha") for path in BY_NAME], ["say fox, owl"], ["{}/{}_{label}.*"]),
        (["лес/" + path.replace("fox", "лиса") for path in BY_NAME]
         + ["поле/" + path.replace("fox", "лиса") for path in BY_NAME], ["say owl, лиса"], ["{}/{}/{}_{label}.*"]),
        (KINDS, ["some pictures are in further folders, as manx, pug"], ["{}/{label}"]),
        ([f"{kind}/{kind}_{number}.jpg" for kind in ("cat", "dog") for number in range(4)], [], []),
        (VIEWS, [], []),
        ([f"{kind}/a{{}}b{number}.jpg" for kind in ("cat", "dog") for number in range(4)], [], []),
        ([f"{path}.jpg" for path in ("cat/1", "cat/2", "dog/1", "dog/new/2", "dog/new/3")], [], []),
        ([f"site_{site}/{path}" for site in range(2) for path in ("fox/1.jpg", "fox/2.jpg", "owl/1.jpg")], [], []),
    ],
)  # fmt: skip
def test_why_the_only_layout_may_be_wrong_is_said(files: list[str], doubts: list[str], layouts: list[str]) -> None:
    [layout] = propose_layouts(files)
    for paths in (files, files[::-1]):
        said, others = doubts_of_layout(paths, layout)
        assert others == layouts and bool(said) == bool(doubts)
        assert all(words in "; ".join(said) for words in doubts)


def test_a_doubtful_layout_is_refused_with_the_choices(paths: Paths, tmp_path: Path) -> None:
    for number, name in enumerate(VIDEOS):
        put(tmp_path / "field" / name, bytes([number]))
    refused = run_command("add", "field", str(tmp_path / "field"), "--dry-run", cwd=paths.root)
    assert (refused.returncode, refused.stdout) == (1, "") and refused.stderr.count("\n") == 1
    assert "choose --layout '{label}' or --layout '{}/{label}' or --layout '{}/{}/{}_{label}.*'" in refused.stderr
    chosen = run_command(
        "add", "field", str(tmp_path / "field"), "--layout", "{}/{}/{}_{label}.*", "--dry-run", cwd=paths.root
    )
    assert "labels: Eland 1, Hyena 1" in chosen.stdout, chosen.stderr


@pytest.mark.slow
def test_what_was_understood_is_said_and_a_dry_run_writes_nothing(paths: Paths, tmp_path: Path) -> None:
    pictures = cameras(tmp_path / "cameras")
    put(pictures / "CAM00" / "deer" / "notes.txt", b"rain")

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in paths.root.rglob("*") if path.is_file() and not kept(path)}

    def kept(path: Path) -> bool:  # what was decoded, so that the next command need not do it again
        return path.is_relative_to(paths.cleaned)

    before = files()
    dry = run_command("add", "cams", str(pictures), "--dry-run", cwd=paths.root)
    assert dry.returncode == 0, dry.stderr
    for line in (
        "layout: {site}/{label}",
        "labels: deer 48, fox 48",
        "sites: CAM00 4, CAM01 4",
        "taken: 2024-05-01 12:00:00 to 2024-05-24 12:00:01 (from %Y-%m-%d_%H-%M-%S)",
        "left out: 1 file: text or data, not a picture",
        "split.group_by: site, split.seed: ",
    ):
        assert line in dry.stdout
    assert files() == before
    added = run_command("add", "cams", str(pictures), cwd=paths.root)
    assert added.returncode == 0, added.stderr
    option = read_mapping(paths.option("data", "cams"), "cams.yaml")
    assert option == {"kind": "folder", "layout": "{site}/{label}", "time": ["%Y-%m-%d_%H-%M-%S"]}
    split = read_params(paths)["split"]
    assert split["group_by"] == "site" and f"split.seed: {split['seed']}:" in added.stdout
    assert next(line for line in dry.stdout.splitlines() if "split.seed" in line) in added.stdout
    assert run_command("config", cwd=paths.root).returncode == 0


@pytest.mark.slow
def test_what_may_mean_two_things_is_refused_with_the_choices(paths: Paths, tmp_path: Path) -> None:
    for number, name in enumerate(("oak/garden", "oak/wood", "ash/garden", "ash/wood")):
        put(tmp_path / "trees" / name / f"{number}.png", noise(number))
    refused = run_command("add", "trees", str(tmp_path / "trees"), cwd=paths.root)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--layout '{label}' or --layout '{site}/{label}'" in refused.stderr
    wrong = run_command("add", "trees", str(tmp_path / "trees"), "--layout", "{site}", cwd=paths.root)
    assert wrong.returncode == 1 and "{label} is missing" in wrong.stderr and wrong.stderr.count("\n") == 1
    chosen = run_command(
        "add", "trees", str(tmp_path / "trees"), "--layout", "{label}/{site}", "--dry-run", cwd=paths.root
    )
    assert "labels: ash 2, oak 2\nsites: garden 2, wood 2" in chosen.stdout


@pytest.mark.slow
def test_words_that_mean_no_side_are_named_and_can_be_mapped(paths: Paths, tmp_path: Path) -> None:
    for number, name in enumerate(("treino/oak", "treino/elm", "teste/oak", "teste/elm")):
        put(tmp_path / "trees" / name / f"{number}.png", noise(number))
    source = (str(tmp_path / "trees"), "--layout", "{split}/{label}", "--dry-run")
    refused = run_command("add", "trees", *source, cwd=paths.root)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    for words in ("'teste', 'treino' are no sides of a split (train, ", "--splits 'teste=SIDE,treino=SIDE'"):
        assert words in refused.stderr
    mapped = run_command("add", "trees", *source, "--splits", "treino=train,teste=test", cwd=paths.root)
    assert "labels: elm 2, oak 2\ngiven split: test 2, trainval 2" in mapped.stdout, mapped.stderr
    for splits, words in (
        ("treino=train,exame=test", "has no 'exame': its words are 'teste', 'treino'"),
        ("treino=learn", "'treino' needs a side: train, valid, trainval, test"),
        ("treino", "'treino' is not of the form WORD=SIDE"),
    ):
        wrong = run_command("add", "trees", *source, "--splits", splits, cwd=paths.root)
        assert wrong.returncode == 1 and words in wrong.stderr


@pytest.mark.slow
def test_labels_that_are_written_in_several_ways_become_one_by_the_advice(paths: Paths, tmp_path: Path) -> None:
    for number in range(20):
        for place, name in enumerate(("oak", "oak ", "che\u0302ne", "ch\u00eane", "elm")):
            put(tmp_path / "trees" / name / f"{number}.png", noise(10 * number + place))
    refused = run_command("add", "trees", str(tmp_path / "trees"), cwd=paths.root)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    advice = re.search("`fieldguide add` with (.*) makes them one", refused.stderr)
    assert advice
    typed = subprocess.run(["bash", "-c", f"printf '%s\\0' {advice[1]}"], capture_output=True, text=True, check=True)
    added = run_command("add", "trees", str(tmp_path / "trees"), *typed.stdout.split("\0")[:-1], cwd=paths.root)
    assert "labels: ch\u00eane 40, oak 40, elm 20" in added.stdout, added.stderr
    option = read_mapping(paths.option("data", "trees"), "trees.yaml")
    assert option == {"kind": "folder", "labels": {"oak ": "oak", "che\u0302ne": "ch\u00eane"}}
    wrong = run_command("add", "more", str(tmp_path / "trees"), "--rename", "oack=oak", cwd=paths.root)
    assert wrong.returncode == 1 and "--rename: there is no label 'oack' (did you mean oak?)" in wrong.stderr


@pytest.mark.slow
def test_what_was_lowered_for_one_data_set_is_proposed_anew_for_the_next(paths: Paths, tmp_path: Path) -> None:
    text = paths.params.read_text("utf-8").replace("min_per_label: 1}", "min_per_label: 5}")
    paths.params.write_text(text, encoding="utf-8")
    for number in range(70):
        for label, most in (("oak", 12), ("elm", 70), ("ash", 70)):
            if number < most:
                put(tmp_path / ("few" if most < 70 or number < 12 else "rest") / label / f"{number}.png",
                    noise(1000 * len(label) + 7 * ord(label[0]) + number))  # fmt: skip
    few = run_command("add", "few", str(tmp_path / "few"), cwd=paths.root)
    lowered = read_params(paths)["split"]
    assert few.returncode == 0 and lowered["min_per_label"] < 5, few.stderr
    assert f"split.min_per_label: {lowered['min_per_label']} (was 5)" in few.stdout
    rest = run_command("add", "rest", str(tmp_path / "rest"), cwd=paths.root)
    assert rest.returncode == 0, rest.stderr
    assert f"split.min_per_label: 5 (was {lowered['min_per_label']})" in rest.stdout
    split = read_params(paths)["split"]
    assert (split["valid"], split["test"], split["min_per_label"]) == (0.25, 0.25, 5)
    again = run_command("add", "again", str(tmp_path / "few"), "--dry-run", cwd=paths.root)
    assert f"split.min_per_label: {lowered['min_per_label']} (was 5)" in again.stdout


@pytest.mark.slow
def test_folders_of_a_given_split_are_no_labels(paths: Paths, tmp_path: Path) -> None:
    for number, name in enumerate(("train/cat", "train/dog", "test/cat", "test/dog")):
        put(tmp_path / "pets" / name / f"{number}.png", noise(number))
    added = run_command("add", "pets", str(tmp_path / "pets"), cwd=paths.root)
    assert added.returncode == 0, added.stderr
    assert "labels: cat 2, dog 2\ngiven split: test 2, trainval 2" in added.stdout
    option = read_mapping(paths.option("data", "pets"), "pets.yaml")
    assert option == {"kind": "folder", "layout": "{split}/{label}", "splits": {"train": "trainval"}}
    assert read_params(paths)["split"]["group_by"] == "given_split"


@pytest.mark.slow
def test_a_folder_without_folders_can_be_read_by_the_names_of_files(paths: Paths, tmp_path: Path) -> None:
    for number, label in enumerate(("cat", "dog", "cat", "dog")):
        put(tmp_path / "flat" / f"{label}_{number}.png", noise(number))
    refused = run_command("add", "flat", str(tmp_path / "flat"), cwd=paths.root)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        refused.stderr.startswith(f"fieldguide: {tmp_path / 'flat'} has no folders of pictures")
        and "--layout" in refused.stderr
    )
    said = run_command("add", "flat", str(tmp_path / "flat"), "--layout", "{label}_{}.*", "--dry-run", cwd=paths.root)
    assert "labels: cat 2, dog 2" in said.stdout, said.stderr


def test_a_dry_run_looks_at_an_address_list_too(paths: Paths, tmp_path: Path) -> None:
    rows = ["url,label", "http://a.example/1.jpg,cat", "http://a.example/2.jpg,dog", "http://a.example/3.jpg,"]
    put(tmp_path / "pets.csv", "\n".join(rows).encode())
    said = run_command("add", "pets", str(tmp_path / "pets.csv"), "--dry-run", cwd=paths.root)
    assert said.stdout == "addresses: cat 1, dog 1, without a label 1\nnothing was added (--dry-run)\n"
    put(tmp_path / "pets.csv", b"file,label\n1.jpg,cat\n")
    refused = run_command("add", "pets", str(tmp_path / "pets.csv"), "--dry-run", cwd=paths.root)
    assert refused.returncode == 1 and "left out: 1 file: there is no such file (1.jpg)" in refused.stdout
    assert "pets.csv has pictures of 0 labels" in refused.stderr


@pytest.mark.slow
def test_strays_and_what_lies_beside_do_not_hide_the_layout(paths: Paths, tmp_path: Path) -> None:
    """As in public sets of parts: masks in a folder beside train and test; notes and licences anywhere."""
    parts = tmp_path / "parts"
    for number, name in enumerate(("train/good", "train/good", "test/good", "test/broken", "train/broken")):
        put(parts / name / f"{number}.png", noise(number))
    mask = Image.new("L", (64, 48))
    mask.paste(255, (10, 10, 20, 20))
    put(parts / "ground_truth" / "broken" / "3_mask.png", mask)
    put(parts / "license.txt", b"free")
    put(parts / "train" / "readme.md", b"read me")
    said = run_command("add", "parts", str(parts), "--dry-run", cwd=paths.root).stdout
    assert said.startswith("layout: {split}/{label}\nlabels: good 3, broken 2\n"), said
    assert "not a picture (license.txt, train/readme.md)\nleft out: 1 file: a mask\n" in said

    pictures = cameras(tmp_path / "cameras")
    put(pictures / "overview.png", noise(5))
    put(pictures / "CAM03" / "bait.png", noise(6))
    said = run_command("add", "cams", str(pictures), "--dry-run", cwd=paths.root).stdout
    assert said.startswith("layout: {site}/{label}\nlabels: deer 48, fox 48\n"), said
    assert "left out: 2 files: not as {site}/{label}" in said


@pytest.mark.slow
def test_sides_without_a_test_split_are_divided_anew(paths: Paths, tmp_path: Path) -> None:
    for number, name in enumerate(("train/cat", "train/dog", "val/cat", "val/dog")):
        put(tmp_path / "pets" / name / f"{number}.png", noise(number))
    said = run_command("add", "pets", str(tmp_path / "pets"), "--dry-run", cwd=paths.root).stdout
    assert "given split: train 2, valid 2" in said
    assert "split.group_by: look_alike" in said


@pytest.mark.slow
def test_the_next_data_set_does_not_inherit_the_key_of_the_last(paths: Paths, tmp_path: Path) -> None:
    assert run_command("add", "cams", str(cameras(tmp_path / "cameras")), cwd=paths.root).returncode == 0
    assert read_params(paths)["split"]["group_by"] == "site"
    for number, label in enumerate(("cat", "dog", "cat", "dog")):
        put(tmp_path / "pets" / label / f"{number}.png", noise(number))
    assert run_command("add", "pets", str(tmp_path / "pets"), cwd=paths.root).returncode == 0
    assert read_params(paths)["split"]["group_by"] == "look_alike"


@pytest.mark.slow
@pytest.mark.parametrize("day", ["1970-01-01", "2099-01-01"])
def test_a_clock_that_is_plainly_wrong_is_told(paths: Paths, tmp_path: Path, day: str) -> None:
    for number in range(12):
        put(tmp_path / "pets" / ("cat", "dog")[number % 2] / f"{day}_12-00-00 {number}.png", noise(number))
    said = run_command("add", "pets", str(tmp_path / "pets"), "--dry-run", cwd=paths.root).stdout
    assert "warning: 12 pictures were " in said
    assert "warning: 12 pictures were all taken at" in said


def some_files(folder: Path, every: int, target: Path) -> Path:
    """Copies of one in so many names of each folder inside: of a picture and of what is named like it."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        copies = target / place.relative_to(folder)
        copies.mkdir(parents=True, exist_ok=True)
        files = [path for path in place.iterdir() if path.is_file()]
        chosen = sorted({file.stem for file in files})[::every]
        for file in files:
            if file.stem in chosen:
                shutil.copyfile(file, copies / file.name)
    return target


@pytest.mark.skipif(not SHARED.is_dir(), reason="the maintainers' pictures are not here")
@pytest.mark.slow
def test_real_folders_are_understood(paths: Paths, tmp_path: Path) -> None:
    said = {}
    for name, every in (("field/stations", 1), ("bears_thumbs", 5), ("parts/tiles", 4)):
        folder = some_files(SHARED / "data" / name, every, tmp_path / name)
        said[name] = run_command("add", "real", str(folder), "--dry-run", cwd=paths.root).stdout
    assert "layout: {site}/{label}" in said["field/stations"]
    stations = {
        place.name: len(list(place.rglob("*.*"))) for place in (SHARED / "data" / "field" / "stations").iterdir()
    }
    for site, count in stations.items():
        assert f"{site} {count}" in said["field/stations"].splitlines()[2]
    assert "taken: 2009-04-05 00:11:00 to 2009-05-14 02:11:00" in said["field/stations"]
    assert said["bears_thumbs"].startswith("labels: black 40, grizzly 40, teddys 40\n")
    masks = len(list((tmp_path / "parts/tiles").rglob("*.png")))
    assert masks > 40 and f"left out: {masks} files: a mask" in said["parts/tiles"]
