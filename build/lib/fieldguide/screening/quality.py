"""Image quality, by the scores of cleanvision and under its names."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from fieldguide.base.packs import open_file
from fieldguide.base.parallel import map_processes
from fieldguide.data.table import QUALITY, QUALITY_ISSUES


def picture_quality(files: Sequence[Path]) -> pd.DataFrame:
    """Judge cleaned copies of pictures with cleanvision's scores and its own thresholds.

    Returns
    -------
    One row a file, in their order, and for each of `QUALITY_ISSUES` two columns: `<issue>_score`, float64 in [0, 1],
    smaller is worse, and `is_<issue>_issue`, bool.
    """
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    manager = ImagePropertyIssueManager()
    measured_once = [issue for issue in QUALITY_ISSUES if issue != "light"]  # measured as dark is
    calculate = [manager.image_properties[issue].calculate for issue in measured_once]
    measured = pd.DataFrame(map_processes(partial(_measured, calculate), files, "quality"))
    manager.issues = pd.DataFrame(index=measured.index)
    manager.update_issues(measured, list(QUALITY_ISSUES))
    issues: pd.DataFrame = manager.issues
    scores = {f"{issue}_score": issues[f"{issue}_score"].astype("float64").clip(0, 1) for issue in QUALITY_ISSUES}
    return issues.assign(**scores)[[field.name for field in QUALITY]]


def _measured(calculate: Sequence[Callable[[Image.Image], dict[str, Any]]], file: Path) -> dict[str, Any]:
    """What cleanvision measures of one picture. Copies are all RGB: which of them have no colour is passed to it."""
    with open_file(file) as stream, Image.open(stream) as opened:
        picture = opened.convert("RGB")
    red, green, blue = picture.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        picture = red
    return {name: value for function in calculate for name, value in function(picture).items()}
