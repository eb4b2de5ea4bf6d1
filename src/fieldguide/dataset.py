"""Adding a data set of one's own: its pictures, its option file, its place in DVC and in params.yaml."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from fieldguide.compose import read_params
from fieldguide.errors import UserError
from fieldguide.files import replace_folder, write_text
from fieldguide.paths import Paths

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def add_folder(paths: Paths, name: str, folder: Path, link: bool = False) -> None:
    """Make `folder` the data set `name` and choose it: data/sources/NAME, `dvc add`, conf/data/NAME.yaml, params.yaml.

    Parameters
    ----------
    folder
        Holds one folder of pictures for each label; links in it are not followed.
    link
        Hard links instead of copies.

    Raises
    ------
    UserError
        For a name that is taken or no name, a folder without labelled folders, or one that cannot be linked or tracked.
        Nothing is changed then.
    """
    read_params(paths)
    target, option = paths.sources / name, paths.conf / "data" / f"{name}.yaml"
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a data set: use letters, digits, - and _")
    if target.exists() or option.exists():
        raise UserError(
            f"there is a data set {name!r} already: choose another name, or add pictures to data/sources/{name}"
        )
    if not folder.is_dir():
        raise UserError(f"no folder {folder}")
    labels = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    if len(labels) < 2:
        raise UserError(
            f"{folder} holds {len(labels)} folders: it takes one folder of pictures for each of several labels"
        )
    if paths.root.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} holds this checkout: name the folder of the pictures only")

    try:
        count = _take(folder, target, os.link if link else shutil.copy2)
    except OSError as error:
        if not link:
            raise
        raise UserError(f"{folder} cannot be linked ({error.strerror}): leave --link away to copy it") from None
    _dvc_add(paths, target)
    write_text(
        option,
        f"# {count} files in the folders {', '.join(labels)}, added from a folder named {folder.name}.\nkind: folder\n",
    )
    write_text(paths.params, _chosen(paths.params.read_text(encoding="utf-8"), name))
    print(
        f"added {count} files under {len(labels)} labels ({', '.join(labels)}) as data set {name!r}\n"
        f"chosen in params.yaml; next: `dvc repro`, then commit params.yaml, conf/data/{name}.yaml, "
        f"data/sources/{name}.dvc and data/sources/.gitignore"
    )


def _take(folder: Path, target: Path, take: Callable[[Path, Path], object]) -> int:
    files = [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
    files = [file for file in files if file.is_file() and not file.is_symlink()]
    with replace_folder(target) as partial:
        for file in tqdm(sorted(files), desc="add", unit="file", disable=None):
            copy = partial / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            take(file, copy)
    return len(files)


def _dvc_add(paths: Paths, target: Path) -> None:
    command = [sys.executable, "-m", "dvc", "add", "--quiet", str(target.relative_to(paths.root))]
    done = subprocess.run(command, cwd=paths.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(target)
        raise UserError(f"`dvc add` failed, nothing was added: {' '.join(done.stderr.split())}")


def _chosen(params: str, name: str) -> str:
    """params.yaml with another data set chosen; comments and everything else stay."""
    return re.sub(r"(?m)^(data:[ \t]*)[^\s#]+", lambda found: found.group(1) + name, params, count=1)
