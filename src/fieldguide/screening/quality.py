"""Image quality, by the scores of cleanvision and under its names."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fieldguide.base.engines import map_pictures
from fieldguide.base.packs import open_file
from fieldguide.data.table import QUALITY, QUALITY_ISSUES
from fieldguide.screening.kept_measurements import kept_measurements

Measured = dict[str, Any]  # what cleanvision measures of one picture, by its names


def picture_quality(pictures: Sequence[tuple[str, Path]], kept: Path) -> pd.DataFrame:
    """Judge cleaned copies of pictures with cleanvision's scores and its own thresholds.

    Parameters
    ----------
    pictures
        The sha256 of each copy, and the copy.
    kept
        A folder in which measurements are kept by these hashes, safe to delete: what is there is not opened again.

    Returns
    -------
    One row a copy, in their order, and for each of `QUALITY_ISSUES` two columns: `<issue>_score`, float64 in [0, 1],
    smaller is worse, and `is_<issue>_issue`, bool.
    """
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    manager = ImagePropertyIssueManager()
    measured_once = [issue for issue in QUALITY_ISSUES if issue != "light"]  # measured as dark is
    calculate = [manager.image_properties[issue].calculate for issue in measured_once]
    with kept_measurements(kept / "quality.json", _versions()) as known:
        if missing := {sha256: path for sha256, path in pictures if sha256 not in known}:
            found = map_pictures(partial(_measured, calculate), list(missing.values()), "quality")
            known.update(zip(missing, found, strict=True))
    measured = pd.DataFrame([known[sha256] for sha256, _ in pictures])
    manager.issues = pd.DataFrame(index=measured.index)
    manager.update_issues(measured, list(QUALITY_ISSUES))
    issues: pd.DataFrame = manager.issues
    scores = {f"{issue}_score": issues[f"{issue}_score"].astype("float64").clip(0, 1) for issue in QUALITY_ISSUES}
    return issues.assign(**scores)[[field.name for field in QUALITY]]


def _measured(calculate: Sequence[Callable[[Image.Image], Measured]], file: Path) -> Measured:
    """What cleanvision measures of one picture. Copies are all RGB: which of them have no colour is passed to it."""
    with open_file(file) as stream, Image.open(stream) as opened:
        picture = opened.convert("RGB")
    red, green, blue = picture.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        picture = red
    values = {name: value for function in calculate for name, value in function(picture).items()}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}


def _versions() -> str:
    """What else measurements follow from: this file, and libraries."""
    code = hashlib.sha256(Path(__file__).read_bytes())
    code.update(" ".join(version(name) for name in ("cleanvision", "pillow", "numpy")).encode())
    return code.hexdigest()[:16]
