"""Seconds of the stage `clean` on a folder of photos: `python clean_stage.py CHECKOUT PHOTOS`, its src on the path.

A process of its own, since `clean.py` measures two versions of the source.
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from common import seconds


def measure(checkout: Path, photos: Path) -> float:
    """Seconds of one run in a folder of its own; the photos are downloaded already."""
    from fieldguide.base.paths import Paths
    from fieldguide.configuration.compose import compose
    from fieldguide.stages import clean, download

    with tempfile.TemporaryDirectory() as temporary:
        paths = Paths(Path(temporary))
        for path in sorted((checkout / "conf").rglob("*.yaml")):
            copy = paths.root / path.relative_to(checkout)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        (paths.conf / "data" / "photos.yaml").write_text("kind: folder\n")
        paths.params.write_bytes((checkout / "params.yaml").read_bytes())
        paths.sources.mkdir(parents=True)
        (paths.sources / "photos").symlink_to(photos)
        cfg = compose(paths, ["data=photos"])
        with contextlib.redirect_stdout(io.StringIO()):
            download.run(cfg, paths)
        return seconds(lambda: clean.run(cfg, paths))


if __name__ == "__main__":
    print(measure(Path(sys.argv[1]), Path(sys.argv[2])))
