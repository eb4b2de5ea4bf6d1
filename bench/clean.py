"""The stage `clean` against cleanvision on the same originals, with as many processes: `python bench/clean.py`.

Both find unreadable, odd-sized, dark, light, blurred, grey, exactly and nearly equal pictures; `clean` also writes the
small copies.
"""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

from common import Figure, cores, in_turn, ratio_of, report, seconds
from photos import photos

COMPARED = "cleanvision's checks against the stage clean, same originals, same number of processes"
ROUNDS = 2
PHOTOS = {"1 to 3 megapixels": ((1.0, 3.0), 120), "12 megapixels": ((12.0, 12.0), 25)}


def measure() -> list[Figure]:
    """Photos of two sizes."""
    figures = []
    for name, (megapixels, per_label) in PHOTOS.items():
        folder = photos(megapixels, per_label)
        count = sum(1 for file in folder.rglob("*.jpg"))
        with tempfile.TemporaryDirectory() as temporary:
            stage = prepared(folder, Path(temporary))
            pairs = in_turn(lambda stage=stage: seconds(stage), lambda folder=folder: cleanvision(folder), ROUNDS)
        ours, theirs = (count / min(times) for times in zip(*pairs, strict=True))
        detail = f"{ours:.1f} against {theirs:.1f} pictures/s, best of {ROUNDS}; {count} photos, {cores()} processes"
        figures.append(Figure(name, ratio_of(pairs), 4.0, detail=detail))
    return figures


def prepared(folder: Path, temporary: Path) -> Any:
    """A call of the stage on these photos; they are downloaded already."""
    from common import ROOT
    from fieldguide.base.paths import Paths
    from fieldguide.configuration.compose import compose
    from fieldguide.stages import clean, download

    paths = Paths(temporary)
    for path in sorted((ROOT / "conf").rglob("*.yaml")):
        copy = paths.root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (paths.conf / "data" / "photos.yaml").write_text("kind: folder\n")
    paths.params.write_bytes((ROOT / "params.yaml").read_bytes())
    paths.sources.mkdir(parents=True)
    (paths.sources / "photos").symlink_to(folder)
    cfg = compose(paths, ["data=photos"])
    download.run(cfg, paths)
    return lambda: clean.run(cfg, paths)


def cleanvision(folder: Path) -> float:
    """Seconds of all of cleanvision's checks."""
    from cleanvision import Imagelab

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        lab = Imagelab(data_path=str(folder))
        return seconds(lambda: lab.find_issues(n_jobs=cores(), verbose=False))


if __name__ == "__main__":
    report(measure)
