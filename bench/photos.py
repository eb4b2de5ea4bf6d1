"""Photos of one size for the measurements, made once from the maintainers' bears into the system's temporary folder."""

import tempfile
from functools import partial
from pathlib import Path

from common import Skipped, shared
from fieldguide.base.parallel import map_processes
from fieldguide.data.images import PictureError, open_picture


def photos(megapixels: tuple[float, float], per_label: int, copies: int = 1) -> Path:
    """A folder of labelled folders: the largest bears, each resized to between so many megapixels; JPEG, quality 90.

    Sizes are spread evenly over the range; several copies of a photo have different ones.
    """
    low, high = megapixels
    folder = Path(tempfile.gettempdir()) / f"fieldguide-photos-{low:g}-{high:g}-{per_label}x{copies}"
    if folder.is_dir():
        return folder
    chosen = []
    for label in sorted(path for path in shared("data", "bears").iterdir() if path.is_dir()):
        files = sorted(label.iterdir(), key=lambda file: (-file.stat().st_size, file.name))[:per_label]
        wanted = [(file, copy) for copy in range(copies) for file in files]
        chosen += [(*what, low + (high - low) * number / len(wanted)) for number, what in enumerate(wanted)]
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial_folder:
        made = map_processes(partial(_resized, Path(partial_folder)), chosen, "photos")
        if not any(made):
            raise Skipped("no photo in ../shared/data/bears could be read")
        Path(partial_folder).replace(folder)
        Path(partial_folder).mkdir()
    return folder


def _resized(target: Path, work: tuple[Path, int, float]) -> bool:
    file, copy, megapixels = work
    try:
        picture = open_picture(file, max_megapixels=150)
    except PictureError:
        return False
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    made = target / file.parent.name / f"{file.stem}-{copy}.jpg"
    made.parent.mkdir(exist_ok=True)
    picture.resize((round(picture.width * scale), round(picture.height * scale))).save(made, quality=90)
    return True
