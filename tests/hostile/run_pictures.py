"""Cleans and predicts odd pictures, as a person would, and compares what became of each with what is right."""

import csv
import io
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from conftest import CHECKOUT, PARAMS, encoded, run_command
from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, read_table
from fieldguide.stages import clean, download
from hostile.case import SHARE, PictureCase, Result, share_that_differs, tell
from untrained import save_classifier

MISSED = 0.3  # of small damage that shows
SIDE = 320  # pixels of a clean copy
USABLE = {Status.KEPT, Status.TOO_SMALL, Status.DUPLICATE, Status.CONFLICT}  # `predict` answers for these


def try_pictures(corpus: str, cases: Sequence[PictureCase], folder: Path) -> Result:
    """Each data set through download and clean, then all files through `fieldguide predict`."""
    wrong: list[str] = []
    missed = 0
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), "two cases have one name"
    found: dict[str, tuple[Status, str, Path]] = {}
    sets = defaultdict(list)
    for case in cases:
        sets[case.data_set].append(case)
    cfg = compose(checkout(folder / "options"))
    for number, members in enumerate(sets.values()):
        found |= cleaned(cfg, filled(folder / "sets" / f"{number}", members), members)
    answers = predicted(folder, cases)
    for case in cases:
        why = _wrong(case, *found[case.name], answers[case.name])
        if case.is_small and found[case.name][0] == Status.KEPT:
            missed += bool(why)
        elif why:
            tell(wrong, f"{case.name}: {why}")
    small = [case for case in cases if case.is_small]
    shown = sum(found[case.name][0] != Status.KEPT for case in small) + missed
    if shown and missed / shown > MISSED:
        tell(wrong, f"small damage that shows: {missed} of {shown} were not found")
    told = f"small damage that shows: {shown - missed} of {shown} found" if small else ""
    return Result(corpus, len(cases), wrong, told)


def checkout(root: Path) -> Paths:
    """A checkout that has chosen the data set `own`."""
    paths = Paths(root)
    shutil.copytree(CHECKOUT / "conf", paths.conf)
    (paths.conf / "data" / "own.yaml").write_text("kind: folder\n", encoding="utf-8")
    (paths.conf / "checks" / "few.yaml").write_text("expectations: {}\n", encoding="utf-8")
    paths.params.write_text(PARAMS.replace("data: sample", "data: own"), encoding="utf-8")
    return paths


def filled(root: Path, cases: Sequence[PictureCase]) -> Paths:
    """A folder in which these pictures are the data set `own`."""
    paths = Paths(root)
    target = paths.sources / "own" / "label"
    target.mkdir(parents=True)
    for case in cases:
        (target / file_name(case)).write_bytes(case.data)
    return paths


def file_name(case: PictureCase) -> str:
    """A plain name: what it is called does not tell its format."""
    return f"{case.name.replace('/', '_')}.jpg"


def cleaned(cfg: Config, paths: Paths, cases: Sequence[PictureCase]) -> dict[str, tuple[Status, str, Path]]:
    """Status, reason or note, and the clean copy of each."""
    download.run(cfg, paths)
    clean.run(cfg, paths)
    table = read_table(paths.image_table, IMAGES).set_index("source")
    found = {}
    for case in cases:
        row = table.loc[f"label/{file_name(case)}"].to_dict()
        said = str(row["reason"] or (row["note"] if pd.notna(row["note"]) else ""))
        found[case.name] = (Status(row["status"]), said, paths.clean / row["clean_path"])
    return found


def predicted(folder: Path, cases: Sequence[PictureCase]) -> dict[str, str]:
    """What `fieldguide predict` says of each: why it cannot be read, or nothing."""
    model, pictures = folder / "models", map(str, sorted(folder.glob("sets/*/data/sources/own/label")))
    save_classifier(model)
    done = run_command("predict", *pictures, "--model", str(model), "--format", "csv", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    rows = {Path(row["path"]).name: row for row in csv.DictReader(io.StringIO(done.stdout))}
    return {case.name: rows[file_name(case)]["reason"] for case in cases}


def _wrong(case: PictureCase, status: Status, said: str, copy: Path, answer: str) -> str:
    """Why the outcome is not right; "" where it is."""
    if status not in case.right:
        return f"{status} ({said}), right is {', '.join(sorted(case.right))}"
    if status != Status.KEPT and (not said or "\n" in said or not said.isprintable()):
        return f"{status} with the reason {said!r}"
    if bool(answer) != (status not in USABLE):
        return f"clean says {status} ({said}), predict {answer or 'answers'}"
    if status in USABLE and case.says not in said:
        return f"the note is {said!r}, and not {case.says!r}"
    if status == Status.KEPT and case.like is not None:
        like = case.like.convert("RGB")
        like.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        like = Image.open(io.BytesIO(encoded(like, "JPEG", quality=92)))  # as clean copies are
        with Image.open(copy) as image:
            if (share := share_that_differs(image, like)) > SHARE:
                return f"kept, and {100 * share:.0f} % of its pixels are others ({said})"
    return ""
