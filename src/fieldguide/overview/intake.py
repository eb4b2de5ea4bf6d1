"""What came in, and what was left out and why."""

from html import escape

import pandas as pd

from fieldguide.base.paths import Paths
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, SPLIT, read_table
from fieldguide.pages.parts import html_table, percent

EXAMPLES = 3  # files named for each reason
WORDS = {
    Status.NOT_DOWNLOADED: "could not be fetched",
    Status.NOT_A_PICTURE: "no picture, or of a kind that is not read",
    Status.UNREADABLE: "damaged",
    Status.TOO_LARGE: "too large to open safely",
    Status.TOO_SMALL: "too small to show anything",
    Status.DUPLICATE: "the same picture once more",
    Status.CONFLICT: "the same picture under two labels",
    Status.DROPPED: "a person decided so (data/reviews.csv)",
}
SIDES = {
    Split.TRAIN: "to learn from",
    Split.VALID: "to choose by",
    Split.TEST: "to measure on",
    Split.LEFT_OUT: "not used: like one on another side",
}


def intake(paths: Paths, divided: bool) -> str:
    """The section as HTML; `divided`: whether the split belongs to this run."""
    images = read_table(paths.image_table, IMAGES)
    kept = images[images["status"] == Status.KEPT]
    said = f"<p>{len(images)} files came in; {len(kept)} of them ({percent(len(kept) / max(len(images), 1))}) are used."
    parts = [f"{said} A file that is left out costs one row here, never the run.</p>", _left_out(images)]
    if divided:
        parts.append(_sides(read_table(paths.split_table, SPLIT)))
    return "\n".join(parts)


def _left_out(images: pd.DataFrame) -> str:
    rows = []
    for status, files in images[images["status"] != Status.KEPT].groupby("status"):
        named = files["path"].where(files["path"] != "", files["source"]).sort_values().head(EXAMPLES)
        more = f" and {len(files) - EXAMPLES} more" if len(files) > EXAMPLES else ""
        words = WORDS.get(Status(str(status)), str(status))
        rows.append(f"<tr><th>{escape(words)}</th><td>{len(files)}</td><td>{escape(', '.join(named))}{more}</td></tr>")
    return html_table(("left out because", "files", "which"), rows, "wrapped") if rows else ""


def _sides(split: pd.DataFrame) -> str:
    sides = [side for side in SIDES if (split["split"] == side).any()]
    counts = pd.crosstab(split["label"], split["split"]).reindex(columns=sides, fill_value=0)
    rows = [
        f"<tr><th>{escape(str(label))}</th>{''.join(f'<td>{count}</td>' for count in row)}</tr>"
        for label, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    rows.append(f"<tr><th>together</th>{''.join(f'<td>{count}</td>' for count in counts.sum())}</tr>")
    return "<h3>Pictures of each label</h3>" + html_table(("", *(SIDES[side] for side in sides)), rows)
