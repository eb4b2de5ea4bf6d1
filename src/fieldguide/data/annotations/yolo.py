"""YOLO's labels: a text file for each picture, a line for each object, with the number of its class and its box.

The format of https://docs.ultralytics.com/datasets/detect: class, then centre and size in shares of the picture, and
perhaps a confidence; or the corners of a polygon. A YAML file or a list names the classes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.packs import open_file, size_of
from fieldguide.data.annotations.annotation import Annotation, floats, with_box
from fieldguide.data.field_data import FieldData

NAMES = re.compile(r"(?i)(.*/)?([^/]*\.ya?ml|classes\.txt|(obj|voc|coco)?\.?names|[^/]*\.names|_darknet\.labels)")
LARGEST = 1_000_000  # bytes of a file of names
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
LEAST_CORNERS = 6  # numbers of a polygon


def is_yolo(text: str) -> bool:
    """Whether a text is a list of objects, or empty: a picture without any."""
    return all(_numbers(line) is not None for line in text.splitlines())


def read_yolo(text: str, picture: str, names: Sequence[str]) -> list[Annotation]:
    """A row for each object; one that says why where there is none. Without `names` the labels are numbers."""
    lines = [numbers for line in text.splitlines() if (numbers := _numbers(line))]
    rows = [_row(picture, int(numbers[0]), numbers[1:], names) for numbers in lines]
    return rows or [Annotation(picture, left_out="no object is marked in it")]


def class_names(files: Mapping[str, Path]) -> tuple[str, list[str]]:
    """The file nearest to the folder that names the classes, and their names; "" and none if there is no such file.

    Raises UserError for one that cannot be read.
    """
    for file in sorted(filter(NAMES.fullmatch, files), key=lambda name: (name.count("/"), name)):
        try:
            if size_of(files[file]) > LARGEST:
                continue
            with open_file(files[file]) as stream:
                text = stream.read().decode("utf-8-sig", "replace")
        except OSError as error:
            raise UserError(f"{file}, which may name the classes, cannot be read: {error.strerror}") from None
        if names := _of_yaml(text) if file.lower().endswith(("yaml", "yml")) else text.split("\n"):
            return file, [name.strip() for name in names]
    return "", []


def _of_yaml(text: str) -> list[str]:
    import yaml  # only here: reading other formats does without

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return []  # a few bytes may stand for gigabytes
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError, AttributeError):
        return []  # the later ones for what claims to be of another kind, as `!!bool cat`
    names: Any = content.get("names") if isinstance(content, Mapping) else None
    if isinstance(names, Mapping) and all(isinstance(key, int) and 0 <= key < LARGEST for key in names):
        names = [names.get(number) for number in range(max(names, default=-1) + 1)]
    return [str(name) if isinstance(name, str | int) else "" for name in names] if isinstance(names, list) else []


def _numbers(line: str) -> list[float] | None:
    """The numbers of an object; nothing for an empty line, None for any other."""
    parts = line.split()
    if not parts:
        return []
    if not (parts[0].isdecimal() and len(parts) > len("xywh") and all(map(NUMBER.fullmatch, parts))):
        return None
    numbers = floats(parts)
    whole = len(numbers) in (5, 6) or (len(numbers) > LEAST_CORNERS and len(numbers) % 2)
    return numbers if whole else None


def _row(picture: str, number: int, numbers: Sequence[float], names: Sequence[str]) -> Annotation:
    label = names[number] if number < len(names) else "" if names else str(number)
    row = Annotation(picture, label, FieldData())
    if not label:
        return Annotation(picture, left_out=f"its class {number} has no name")
    if len(numbers) >= LEAST_CORNERS:
        across, down = numbers[0::2], numbers[1::2]
        box = [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    else:
        centre, middle, width, height = numbers[:4]
        box = [centre - width / 2, middle - height / 2, width, height]
    return with_box(row, box, None, pixels=False)
