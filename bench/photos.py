"""Photos of one size for the measurements, made once from the maintainers' bears into the system's temporary folder."""

import tempfile
from functools import partial
from pathlib import Path

from common import Skipped, shared
from fieldguide.data.images import PictureError, open_picture
from fieldguide.parallel import map_processes


def photos(megapixels: tuple[float, float], per_label: int) -> Path:
    """A folder of labelled folders: the largest bears, each resized to between so many megapixels; JPEG, quality 90.

    Sizes are spread evenly over the range.
    """
    low, high = megapixels
    folder = Path(tempfile.gettempdir()) / f"fieldguide-photos-{low:g}-{high:g}-{per_label}"
    if folder.is_dir():
        return folder
    chosen = []
    for label in sorted(path for path in shared("data", "bears").iterdir() if path.is_dir()):
        files = sorted(label.iterdir(), key=lambda file: (-file.stat().st_size, file.name))[:per_label]
        chosen += [(file, low + (high - low) * number / len(files)) for number, file in enumerate(files)]
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial_folder:
        made = map_processes(partial(_resized, Path(partial_folder)), chosen, "photos")
        if not any(made):
            raise Skipped("no photo in ../shared/data/bears could be read")
        Path(partial_folder).replace(folder)
        Path(partial_folder).mkdir()
    return folder


def _resized(target: Path, work: tuple[Path, float]) -> bool:
    file, megapixels = work
    try:
        picture = open_picture(file, max_megapixels=150)
    except PictureError:
        return False
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    copy = target / file.parent.name / f"{file.stem}.jpg"
    copy.parent.mkdir(exist_ok=True)
    picture.resize((round(picture.width * scale), round(picture.height * scale))).save(copy, quality=90)
    return True
