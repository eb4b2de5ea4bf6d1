"""MegaDetector's results: boxes of animals, people and vehicles, and sometimes the answer of a classifier.

The format of https://lila.science/megadetector-output-format, and the plain list that newer releases write. Boxes refer
to the upright picture: the detector turns it by its EXIF orientation first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from fieldguide.data.annotations.annotation import (
    CONFIDENCE,
    DETECTION,
    Annotation,
    Annotations,
    SizeOf,
    entries,
    floats,
    plain_path,
    with_box,
)
from fieldguide.data.annotations.times import read_times
from fieldguide.data.field_data import FieldData
from fieldguide.data.videos.kinds import frame_name, is_video

USUAL = 0.2  # confidence from which a box counts, unless the file recommends another


def is_megadetector(content: Any) -> bool:
    """Whether a JSON file's content is a result of MegaDetector."""
    if isinstance(content, list):
        return bool(content) and all(isinstance(one, dict) and "file" in one and "detections" in one for one in content)
    return isinstance(content, dict) and "images" in content and "detection_categories" in content


def read_megadetector(content: Any, size_of: SizeOf, least: float | None = None) -> Annotations:
    """Every box with at least the confidence `least`, by default what the file recommends; a row for each.

    A picture without one has a row without a box. The label is a classifier's answer, where there is one; the columns
    `detection` and `confidence` say what the detector took it for, and how surely.
    """
    images = content if isinstance(content, list) else content["images"]
    head = {} if isinstance(content, list) else content
    metadata = _mapping(_mapping(head.get("info")).get("detector_metadata"))
    if least is None:
        least = next(iter(floats([metadata.get("typical_detection_threshold")])), USUAL)
    rows = [row for image in entries(images) for row in _rows(image, head, size_of, least)]
    understood = [f"boxes with a confidence of at least {least:g}"]
    name = str(_mapping(head.get("info")).get("classifier", "a classifier")) if any(row.label for row in rows) else ""
    return Annotations("MegaDetector results", rows, understood, name)


def _rows(image: Mapping[str, Any], head: Mapping[str, Any], size_of: SizeOf, least: float) -> Iterator[Annotation]:
    file = plain_path(str(image.get("file", "")))
    time = read_times([str(image.get("datetime") or "")])[0][0]
    if problem := image.get("failure"):
        yield Annotation(file, left_out=f"the detector failed: {problem}")
        return
    sure = [one for one in entries(image.get("detections")) if _confidence(one) >= least]
    if not sure:
        yield Annotation(file, known=FieldData(time=time, further={DETECTION: None, CONFIDENCE: None}))
    pixels = "detection_categories" not in head
    for one in sure:
        category = str(one.get("category", ""))
        kind = str(_mapping(head.get("detection_categories")).get(category, category))
        further = {DETECTION: kind, CONFIDENCE: f"{_confidence(one):g}"}
        row = Annotation(file, _classified(one, head), FieldData(time=time, further=further))
        if is_video(file):
            row = _in_frame(row, image, one)
        box = floats(one.get("bbox"))
        if pixels and len(box) == 4:  # left, top, right, bottom
            box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        yield row if row.left_out else with_box(row, box, size_of(file) if pixels else None, pixels)


def _in_frame(row: Annotation, video: Mapping[str, Any], detection: Mapping[str, Any]) -> Annotation:
    """The row of a box in a video, as one of the frame that it is in."""
    number, rate = floats([detection.get("frame_number")]), floats([video.get("frame_rate")])
    if not (number and rate and number[0] >= 0 and rate[0] > 0):
        return replace(row, left_out="its box is in a video, and nothing says in which frame and at which frame rate")
    return replace(row, file=frame_name(row.file, number[0] / rate[0]))


def _classified(detection: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """The most probable answer of the classifier, "" if it was not asked."""
    answers = detection.get("classifications")
    answers = [one for one in answers if isinstance(one, list) and len(one) == 2] if isinstance(answers, list) else []
    if not answers:
        return ""
    best = str(max(answers, key=lambda pair: max(floats(pair[1:]), default=0.0))[0])
    return str(_mapping(head.get("classification_categories")).get(best, best))


def _confidence(detection: Mapping[str, Any]) -> float:
    return max(floats([detection.get("conf", detection.get("confidence"))]), default=0.0)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
