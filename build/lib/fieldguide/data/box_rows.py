"""Boxes of one file, as of a detector, for pictures whose labels another one says."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from fieldguide.data.annotations.annotation import DETECTION, Annotation

ANIMAL = "animal"  # of a detector's categories: the one whose boxes are wanted, where a picture has any
WHOSE = "it has several labels, and nothing says whose the boxes are"


def add_boxes(rows: Sequence[Annotation], boxed: Sequence[Annotation]) -> list[Annotation]:
    """A row for each box of each picture; one without keeps its row."""
    by_file: dict[str, list[Annotation]] = defaultdict(list)
    for row in boxed:
        if row.known.box and not row.left_out:
            by_file[row.file].append(row)
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row.file].add(row.label)
    new: list[Annotation] = []
    for row in rows:
        own = by_file.get(row.file, [])
        if own and len(labels[row.file]) > 1:
            new.append(replace(row, left_out=row.left_out or WHOSE))
            continue
        own = [box for box in own if box.known.further.get(DETECTION, ANIMAL) == ANIMAL] or own
        new += [_with_box_of(row, box) for box in own] or [row]
    return new


def _with_box_of(row: Annotation, box: Annotation) -> Annotation:
    further = {**row.known.further, **box.known.further}
    return replace(row, known=replace(row.known, box=box.known.box, further=further))
