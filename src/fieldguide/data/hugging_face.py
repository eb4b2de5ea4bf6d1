"""Data sets of the Hugging Face hub, written as the folder with a metadata.csv that `imagefolder` reads."""

import re
from pathlib import Path
from typing import Any

from fieldguide.base.csv_cells import csv_line
from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import write_text
from fieldguide.base.progress import progress
from fieldguide.data.decoding.kinds import HEAD, kind_of

HUB = "hf"
ADDRESS = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(?:/(?P<configuration>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?")
METADATA, FILE, LABEL, SPLIT = "metadata.csv", "file_name", "label", "split"


def fetch_from_hub(address: str, target: Path) -> Path:
    """Write the pictures of hf://OWNER/SET[/CONFIGURATION][@REVISION], and what is said of them, to a folder.

    Raises
    ------
    UserError
        If the extra `datasets` is missing, the data set cannot be loaded, or it holds no pictures.
    """
    found = ADDRESS.fullmatch(address)
    if not found:
        raise UserError(f"{address!r} is not of the form hf://OWNER/SET@REVISION")
    try:
        import datasets
    except ModuleNotFoundError:
        raise UserError("hf:// needs a library that is not installed: `pip install 'fieldguide[datasets]'`") from None
    try:
        sides = datasets.load_dataset(found["name"], found["configuration"], revision=found["revision"])
    except Exception as error:  # of the hub, of the network, of the data set's files
        reason = first_line(error)
        raise UserError(f"{address} cannot be loaded: {reason}") from None
    rows: list[dict[str, str]] = []
    for side, pictures in sides.items():
        rows += _write_side(datasets, str(side), pictures, target)
    if not rows:
        raise UserError(f"{address} holds no pictures: it has no column of the type Image")
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [header, *([row.get(name, "") for name in header] for row in rows)]
    write_text(target / METADATA, "".join(map(csv_line, lines)))
    return target


def _write_side(datasets: Any, side: str, pictures: Any, target: Path) -> list[dict[str, str]]:
    """The pictures of one side as files, and their rows: file_name, split, label and the other plain columns."""
    images = [name for name, kind in pictures.features.items() if isinstance(kind, datasets.Image)]
    if not images:
        return []
    classes = {name: kind for name, kind in pictures.features.items() if isinstance(kind, datasets.ClassLabel)}
    plain = [name for name, kind in pictures.features.items() if isinstance(kind, datasets.Value)]
    pictures = pictures.cast_column(images[0], datasets.Image(decode=False))
    rows = []
    (target / side).mkdir()
    for number, one in enumerate(progress(pictures, f"write {side}", len(pictures), unit="pictures")):
        content = one[images[0]]["bytes"] or Path(one[images[0]]["path"]).read_bytes()
        file = f"{side}/{number:07d}.{(kind_of(content[:HEAD]) or 'bin').lower()}"
        (target / file).write_bytes(content)
        said = {name: "" if one[name] is None else str(one[name]) for name in plain}
        for name, kind in classes.items():
            known = one[name] is not None and one[name] >= 0  # -1 where it is not told
            said[LABEL if len(classes) == 1 else name] = kind.int2str(one[name]) if known else ""
        rows.append({**said, FILE: file, SPLIT: side})
    return rows
