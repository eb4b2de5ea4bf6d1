"""The rows of a data set's table for a picture that arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fieldguide.base.config import Config
from fieldguide.data.annotations.annotation import CONFIDENCE, DETECTION, Annotation
from fieldguide.data.annotations.picture_table import COLUMNS, row_cells
from fieldguide.data.cleaning import WITHOUT_BOX
from fieldguide.data.cropping import BOXES
from fieldguide.data.given_splits import given_side, not_a_side
from fieldguide.data.layout import own_columns
from fieldguide.data.sources.table import TableData
from fieldguide.data.split_keys import GIVEN_SPLIT


def listed_rows(
    said: Sequence[Annotation], data: TableData, names: Mapping[str, str], cfg: Config
) -> list[dict[str, str]]:
    """The cells of each row; what cannot be used of several boxes is among them with its reason.

    Parameters
    ----------
    said
        What is said of one file.
    names
        How the data set names each label.

    Raises
    ------
    ValueError
        Why the picture cannot be taken in.
    """
    used = [row for row in said if not row.left_out]
    if not used:
        raise ValueError(said[0].left_out)
    if unknown := next((row.label for row in used if row.label not in names), None):
        raise ValueError(f"the data set has no label {unknown!r}: correct it")
    labels = {names[row.label] for row in used}
    if cfg.clean.crop == BOXES and not any(row.known.box for row in used):
        raise ValueError(f"{WITHOUT_BOX}: bring a file that says where it is, as MegaDetector's results")
    if cfg.clean.crop != BOXES and len({data.labels.get(label, label) for label in labels}) > 1:
        raise ValueError(
            f"it has several labels ({', '.join(sorted(labels))}), and only `clean.crop: boxes` takes each"
        )
    word = next((row.known.given_split for row in used if row.known.given_split), None)
    if word and not given_side(word, data.splits):
        raise ValueError(not_a_side(word))
    if cfg.split.group_by == GIVEN_SPLIT and not word:
        raise ValueError("nothing says its side, and the data set is divided as it came (split.group_by: given_split)")
    own = {name for row in said for name in row.known.further} - own_columns() - {*COLUMNS}
    kept = own - {DETECTION, CONFIDENCE} if cfg.clean.crop != BOXES else own
    return [row_cells(replace(row, label=names.get(row.label, row.label)), kept) for row in said]
