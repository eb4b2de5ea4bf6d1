"""What `predict --observations` writes keeps the types and constraints that Camtrap DP 1.0 has for its columns."""

import csv
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fieldguide.data.field_data import FieldData
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.observations_file import COLUMNS, write_observations

LABELS = ["Vulpes vulpes", "blank", "human", "car", "unknown", "=fox"]
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"
REQUIRED = ("observationID", "deploymentID", "eventStart", "eventEnd", "observationLevel", "observationType")
ONE_OF = {
    "observationLevel": {"media", "event"},
    "observationType": {"animal", "human", "vehicle", "blank", "unknown", "unclassified"},
    "cameraSetupType": {"setup", "calibration", ""},
    "lifeStage": {"adult", "subadult", "juvenile", ""},
    "sex": {"female", "male", ""},
    "classificationMethod": {"human", "machine", ""},
}
SHARES = ("bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationProbability")

shares = st.floats(-0.5, 1.5)
boxes = st.none() | st.tuples(shares, shares, st.floats(1e-9, 2), st.floats(1e-9, 2)).filter(
    lambda box: box[0] < 1 and box[1] < 1 and box[0] + box[2] > 0 and box[1] + box[3] > 0
)
known = st.builds(
    FieldData,
    site=st.sampled_from(["S1", "", None, "a,b"]),
    time=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    sequence=st.sampled_from([None, "burst 1"]),
    box=boxes,
    further=st.sampled_from([{}, {"detection": "animal"}, {"detection": "person"}, {"detection": None}]),
)
probabilities = st.none() | st.integers(0, len(LABELS) - 1).map(lambda place: np.eye(len(LABELS))[place] * 0.999)
answers = st.builds(
    lambda known, rows, is_empty: replace(Answer(rows, ""), known=known, is_empty=is_empty and rows is None),
    known, probabilities, st.booleans(),
)  # fmt: skip


@given(st.lists(answers, max_size=6), st.booleans(), st.sampled_from(["Z", "+02:00", "-11:30"]))
@settings(max_examples=examples(60), deadline=None)
def test_every_row_keeps_the_published_constraints(given_answers: list[Answer], events: bool, offset: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "observations.csv")
        named = [(f"{number}.jpg", answer) for number, answer in enumerate(given_answers)]
        without = write_observations(file, named, LABELS, offset, "fieldguide 1", events)
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    assert len(rows) + without <= len(given_answers)
    assert len({row["observationID"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row) == list(COLUMNS) and all(row[name] for name in REQUIRED)
        assert all(row[name] in values for name, values in ONE_OF.items())
        assert re.fullmatch(MOMENT, row["eventStart"]) and re.fullmatch(MOMENT, row["eventEnd"])
        assert all(0 <= float(row[name]) <= 1 for name in SHARES if row[name])
        if row["bboxX"]:
            assert float(row["bboxWidth"]) >= 1e-15 and float(row["bboxHeight"]) >= 1e-15
        assert (row["observationLevel"] == "media") == bool(row["mediaID"]) == (not events)
        assert row["observationType"] == "animal" or not row["scientificName"]
        assert all(not row[name] for name in ("count", "individualPositionRadius", "classificationTimestamp"))
