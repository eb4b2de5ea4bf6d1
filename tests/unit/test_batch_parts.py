"""Sites and months of a batch, each by itself; and the alarms of each site of a data set."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from fieldguide.data.field_data import FieldData
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch import Batch
from fieldguide.prediction.batch_page import BatchFindings
from fieldguide.prediction.batch_parts import parts_of
from fieldguide.prediction.batch_verdict import Kind, Loss
from fieldguide.prediction.given import Given
from fieldguide.screening.alarm_rate import BY_SITE, alarms_by_site
from fieldguide.screening.batch_reference import load_sites, save_reference
from fieldguide.screening.observations import Observations
from fieldguide.statistics.two_sample import Shift


def batch(*taken: tuple[str | None, datetime | None, int]) -> Batch:
    """So many pictures of a site and a time; the first of each is out of domain."""
    known = [(FieldData(site, time), not number) for site, time, count in taken for number in range(count)]
    answers = [Answer(np.array([0.6, 0.4]), "", out_of_domain=strange, known=one) for one, strange in known]
    return Batch([Given(str(number), Path(str(number))) for number in range(len(answers))], answers, 0)


def alike(name: str, some: Batch) -> BatchFindings:
    nothing = Shift((), np.zeros(len(some.answers)))
    return BatchFindings(name, Kind.KNOWN, len(some.answers), 0, 1, Loss(0, 0, 0), {}, 0.05, 60, nothing, [])


def said(some: Batch, known: tuple[str, ...] = ("a", "b")) -> list[str]:
    return [part.said() for part in parts_of(some, known, alike)]


def test_sites_and_months_are_compared_by_themselves_and_new_sites_are_told() -> None:
    may, june = datetime(2024, 5, 1), datetime(2024, 6, 1)
    told = said(batch(("a", may, 12), ("new", june, 11), ("b", june, 3), (None, None, 20)))
    assert [line.partition(":")[0] for line in told] == [
        "site a (12 pictures, 1 out of domain)",
        "site b (3 pictures, 1 out of domain)",
        "site new (11 pictures, 1 out of domain, new to the classifier)",
        "month 2024-05 (12 pictures, 1 out of domain)",
        "month 2024-06 (14 pictures, 2 out of domain)",
    ]
    assert told[0].endswith(": Like what is known: these 12 pictures do not differ from the reference beyond chance")
    assert told[1].endswith(": too few to test")


def test_a_part_that_is_the_whole_is_told_only_of_a_new_site() -> None:
    assert said(batch(("a", datetime(2024, 5, 1), 12))) == []
    assert said(batch((None, None, 12))) == []
    assert said(batch(("c", None, 12)))[0].startswith("site c (12 pictures, 1 out of domain, new to the classifier)")
    assert said(batch(("c", None, 12)), known=()) == []  # a classifier that knows of no site


def test_the_sites_seen_in_training_are_kept_beside_the_reference(tmp_path: Path) -> None:
    empty = np.zeros((2, 3), np.float32)
    file = tmp_path / "reference.safetensors"
    save_reference(Observations(empty, empty, empty, np.zeros((2, 3))), file, {}, ["a", "b\n"])
    assert load_sites(file) == {"a", "b\n"}


def test_sites_with_the_most_certain_alarms_come_first() -> None:
    ids = [f"{number:016x}" for number in range(41)]
    table = pd.DataFrame({"id": ids, "group": ids, "site": ["a"] * 20 + ["b"] * 18 + ["c"] * 2 + [None]})
    table = table.assign(
        time=None, sequence=None, out_of_domain=[False] * 19 + [True] + [True] * 9 + [False] * 10 + [True] * 2
    )
    found = alarms_by_site(table)
    assert found["site"].tolist() == ["b", "c", "a"]
    assert found[["pictures", "groups", "alarms"]].to_numpy().tolist() == [[18, 18, 9], [2, 2, 1], [20, 20, 1]]
    assert list(alarms_by_site(table.assign(site=None)).columns) == BY_SITE
