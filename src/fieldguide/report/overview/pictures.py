"""Small pictures for the page."""

from html import escape

import pandas as pd

from fieldguide.base.paths import Paths
from fieldguide.data.images import open_picture
from fieldguide.evaluation.figures import Shown
from fieldguide.evaluation.page import gallery
from fieldguide.report.page_parts import image_tag

THUMBNAIL = 144  # pixels of the longer side
LARGEST = 25.0  # megapixels of a cleaned picture


def titled_gallery(paths: Paths, title: str, rows: pd.DataFrame, most: int) -> str:
    """The first `most` of some pictures below a title that tells how many they are; nothing where there are none.

    `rows` has the columns clean_path and lines (a tuple of texts for the caption).
    """
    if rows.empty:
        return ""
    number = f"{most} of {len(rows)} pictures" if len(rows) > most else f"{len(rows)} pictures"
    shown = [
        Shown(open_picture(paths.clean / row["clean_path"], LARGEST), (row["clean_path"], *row["lines"]))
        for row in rows.head(most).to_dict("records")
    ]
    return f"<h3>{escape(title)} <small>{number}</small></h3>{gallery(shown, THUMBNAIL)}"


def thumbnail(paths: Paths, clean_path: str) -> str:
    """One picture for a row of a table."""
    return image_tag(open_picture(paths.clean / clean_path, LARGEST), clean_path, THUMBNAIL)
