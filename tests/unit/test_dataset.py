"""`fieldguide add`: a folder of pictures becomes a data set of a checkout, with git and DVC as a person has them."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from checkouts import dvc, git, new_checkout
from conftest import CHECKOUT, PARAMS, few_daily, noise, put, run_command, run_python
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.add import add_data_set
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.table import RAW, read_table


def files_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in folder.rglob("*") if path.is_file()}


def pictures_at(folder: Path) -> Path:
    for label in ("Bär", "cat"):
        for number in range(2):
            put(folder / label / "deep" / f"{number} 熊.png", noise(number + len(label)))
    return folder


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Path, str]:
    """A checkout to which a folder was added, with what stays behind; that folder; what was said. For reading only."""
    root = tmp_path_factory.mktemp("checkout")
    paths = new_checkout(root)
    pictures = pictures_at(tmp_path_factory.mktemp("somewhere") / "my pictures")
    put(pictures / ".git" / "HEAD", b"no picture")
    put(pictures / "cat" / ".DS_Store", b"no picture")
    (pictures / "cat" / "link.png").symlink_to(CHECKOUT / "params.yaml")
    done = run_command("add", "pets", str(pictures), cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    return paths, pictures, done.stdout


def test_the_pictures_are_copied_as_they_are(added: tuple[Paths, Path, str]) -> None:
    paths, pictures, _ = added
    copied = files_of(paths.sources / "pets")
    assert set(copied) == {f"{label}/deep/{n} 熊.png" for label in ("Bär", "cat") for n in range(2)}
    assert copied.items() <= files_of(pictures).items()


def test_params_choose_it_and_keep_all_else(added: tuple[Paths, Path, str]) -> None:
    paths, _, _ = added
    assert paths.params.read_text(encoding="utf-8") == PARAMS.replace("data: sample ", "data: pets   ")
    config = compose(paths)
    assert (config.choices["data"], config.data) == ("pets", FolderData("folder", {}))


def test_the_option_file_says_where_it_comes_from_without_a_path(added: tuple[Paths, Path, str]) -> None:
    paths, pictures, _ = added
    text = (paths.conf / "data" / "pets.yaml").read_text(encoding="utf-8")
    assert text.startswith("# 4 files in the folders Bär, cat, added from a folder named my pictures.\n")
    assert str(pictures.parent) not in text


def test_dvc_tracks_the_pictures_and_git_the_rest(added: tuple[Paths, Path, str]) -> None:
    paths, _, _ = added
    changed = set(git(paths.root, "status", "--porcelain", "--untracked-files=all").split("\n"))
    assert {line[3:] for line in changed if line} == {
        "params.yaml",
        "conf/data/pets.yaml",
        "data/sources/pets.dvc",
        "data/sources/.gitignore",
    }
    assert yaml.safe_load((paths.sources / "pets.dvc").read_text())["outs"][0]["nfiles"] == 4


def test_what_was_done_and_what_is_next_is_said(added: tuple[Paths, Path, str]) -> None:
    _, _, said = added
    assert (
        "added 4 files (3 left out)" in said
        and "left out: 1 file: a hidden folder\n" in said
        and "left out: 1 file: a hidden file\n" in said
    )
    assert "2 labels (Bär, cat)" in said
    assert "dvc repro" in said


@pytest.mark.slow
def test_the_next_stage_takes_it(added: tuple[Paths, Path, str], tmp_path: Path) -> None:
    paths, _, _ = added
    for name in ("params.yaml", "conf", "data"):
        (shutil.copytree if (paths.root / name).is_dir() else shutil.copy)(paths.root / name, tmp_path / name)
    done = run_python("-m", "fieldguide.stages.download", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    taken = read_table(tmp_path / "data" / "raw.parquet", RAW)
    assert set(taken["file"]) == {f"data/sources/pets/{name}" for name in files_of(paths.sources / "pets")}
    assert all((tmp_path / file).is_file() for file in taken["file"])


def test_a_second_data_set_of_that_name_is_refused(added: tuple[Paths, Path, str]) -> None:
    paths, pictures, _ = added
    before = files_of(paths.root)
    done = run_command("add", "pets", str(pictures), cwd=paths.root)
    assert done.returncode == 1
    assert done.stderr.startswith("fieldguide: the data set 'pets' already exists")
    assert files_of(paths.root) == before


@pytest.mark.slow
def test_links_serve_as_well_and_leave_the_originals_alone(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    paths = new_checkout(tmp_path / "checkout")
    pictures = pictures_at(tmp_path / "pictures")
    before = {name: (pictures / name).stat().st_mode for name in files_of(pictures)}
    done = run_command("add", "pets", "../pictures", "--link", cwd=paths.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(paths.sources / "pets") == files_of(pictures)
    assert {name: (pictures / name).stat().st_mode for name in before} == before
    dvc(paths.root, "status", "-q")


def test_what_dvc_refuses_leaves_nothing_behind(checkout: Paths, tmp_path: Path) -> None:
    pictures = pictures_at(tmp_path / "pictures")
    before = files_of(checkout.root)
    done = run_command("add", "pets", str(pictures), cwd=checkout.root)
    assert done.returncode == 1
    assert done.stderr.startswith("fieldguide: `dvc add` failed, nothing was added: ERROR: you are not inside of a DVC")
    assert done.stderr.count("\n") == 1
    assert files_of(checkout.root) == before


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "-x", "1e5", "2024-01-01", "null", "True", "no", "a b", "Bär", "a\n"]
)
def test_names_that_mean_something_else_to_yaml_or_the_system(checkout: Paths, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is not a valid name for a data set: use letters from a to z"):
        add_data_set(checkout, name, pictures_at(tmp_path / "pictures"))
    assert not checkout.sources.exists()


def test_the_sample_cannot_be_replaced(checkout: Paths, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the data set 'sample' already exists"):
        add_data_set(checkout, "sample", pictures_at(tmp_path / "pictures"))


def test_folders_that_hold_no_labels(checkout: Paths, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a folder nor an address list"):
        add_data_set(checkout, "pets", tmp_path / "nowhere")
    put(tmp_path / "few" / "cat" / "1.png", noise(1))
    put(tmp_path / "few" / ".git" / "HEAD", b"x")
    put(tmp_path / "few" / "README.md", b"x")
    (tmp_path / "few" / "empty").mkdir()
    with pytest.raises(UserError, match="few has 1 folder with files"):
        add_data_set(checkout, "pets", tmp_path / "few")
    with pytest.raises(UserError, match="contains this checkout"):
        add_data_set(checkout, "pets", checkout.root.parent)
    assert not checkout.sources.exists()


@pytest.mark.parametrize("line", ["data: &mine sample", "data:\n  kind: sample", "data: a\ndata: b", "dada: sample"])
def test_params_in_which_no_data_set_can_be_chosen(checkout: Paths, tmp_path: Path, line: str) -> None:
    checkout.params.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^params.yaml (cannot choose|chooses no data set|is not valid YAML: )[^\n]*$"):
        add_data_set(checkout, "pets", pictures_at(tmp_path / "pictures"))
    assert checkout.params.read_text(encoding="utf-8") == f"{line}\n"
    assert not checkout.sources.exists()


@pytest.mark.parametrize(
    "line", few_daily(["data: sample", "data:   'sample'  # x", 'data : "sample"', "data:\n  sample"], 4)
)
def test_names_of_labels_cannot_write_configuration(
    checkout: Paths, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldguide.data.add.dvc_add", lambda *_: None)
    checkout.params.write_text(PARAMS.replace("data: sample", line), encoding="utf-8")
    pictures = pictures_at(tmp_path / "a\nkind: sample")
    for number in range(2):
        put(pictures / "b\nkind: sample\n#" / f"{number}.png", noise(number))
    put(Path(os.fsdecode(os.fsencode(pictures) + b"/\xff/1.png")), noise(1))
    add_data_set(checkout, "pets", pictures)
    assert compose(checkout).data == FolderData("folder", {})
    assert len((checkout.conf / "data" / "pets.yaml").read_text().splitlines()) == 2
