"""Sites and months of a batch, each by itself; and the alarms of each site of a data set."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fieldguide.data.field_data import FieldData
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch import Batch
from fieldguide.prediction.batch_page import BatchFindings
from fieldguide.prediction.batch_parts import MIN_PART, parts_of
from fieldguide.prediction.batch_verdict import Kind, Loss
from fieldguide.prediction.given import Given
from fieldguide.screening.alarm_rate import BY_SITE, alarms_by_site
from fieldguide.screening.batch_reference import load_sites, save_reference
from fieldguide.screening.observations import Observations
from fieldguide.statistics.two_sample import Columns, Shift, TwoSample, detect_shift, differ_together


def batch(*taken: tuple[str | None, datetime | None, int]) -> Batch:
    """So many pictures of a site and a time; the first of each is out of domain."""
    known = [(FieldData(site, time), not number) for site, time, count in taken for number in range(count)]
    answers = [Answer(np.array([0.6, 0.4]), "", out_of_domain=strange, known=one) for one, strange in known]
    return Batch([Given(str(number), Path(str(number))) for number in range(len(answers))], answers, 0)


def found(name: str, some: Batch, shift: Shift, kind: Kind) -> BatchFindings:
    return BatchFindings(name, kind, len(some.answers), 0, 1, Loss(0, 0, 0), {}, 0.05, 60, shift, [])


def alike(name: str, some: Batch, among: int) -> BatchFindings:
    return found(name, some, Shift((), np.zeros(len(some.answers))), Kind.KNOWN)


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
    assert told[0].endswith(": like what is known")
    assert told[1].endswith(": too few to test")


def test_a_part_that_is_the_whole_is_told_only_of_a_new_site() -> None:
    assert said(batch(("a", datetime(2024, 5, 1), 12))) == []
    assert said(batch((None, None, 12))) == []
    assert said(batch(("c", None, 12)))[0].startswith("site c (12 pictures, 1 out of domain, new to the classifier)")
    assert said(batch(("c", None, 12)), known=()) == []  # a classifier that knows of no site


@pytest.mark.parametrize(("sites", "differ"), [(4, True), (12, False)])
def test_the_more_sites_are_judged_together_the_clearer_one_has_to_differ(sites: int, differ: bool) -> None:
    """p = 0.008 is below 1 %, and below the twelfth part of 5 % only if there are few others."""

    def one_differs(name: str, some: Batch, among: int) -> BatchFindings:
        assert among == sites
        shift = Shift((TwoSample("features", 0.5, 0.008 if name == "s0" else 0.5),), np.zeros(12))
        return found(name, some, shift, Kind.SHIFTED if shift.differs else Kind.KNOWN)

    parts = parts_of(batch(*((f"s{number}", None, 12) for number in range(sites))), (), one_differs)
    assert [part.name for part in parts if "shifted" in part.said()] == (["s0"] if differ else [])
    assert len(parts) == sites


@pytest.mark.slow
def test_of_twelve_clean_sites_even_one_is_hardly_ever_said_to_differ() -> None:
    """The reference and all sites are drawn from one world, 40 times: 5 % of the times are 2."""
    wrong = 0
    for seed in range(40):
        chance = np.random.default_rng(seed)

        def world(count: int, chance: np.random.Generator = chance) -> tuple[Columns, NDArray[np.float64]]:
            return {"a": chance.random(count), "b": chance.random(count)}, chance.normal(size=(count, 4))

        columns, features = world(20)
        sites = [world(MIN_PART) for _ in range(12)]
        shifts = [detect_shift(columns, one, features, seen, among=12) for one, seen in sites]
        wrong += any(differ_together(shifts))
    assert wrong <= 6  # more happens in one of 200


def test_one_other_site_among_twelve_is_found() -> None:
    chance = np.random.default_rng(0)
    reference = chance.normal(size=(60, 4))
    sites = [chance.normal(1.5 * (number == 7), size=(20, 4)) for number in range(12)]
    differ = differ_together([detect_shift({}, {}, reference, site, among=12) for site in sites])
    assert np.flatnonzero(differ).tolist() == [7]


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
    by_site = alarms_by_site(table)
    assert by_site["site"].tolist() == ["b", "c", "a"]
    assert by_site[["pictures", "groups", "alarms"]].to_numpy().tolist() == [[18, 18, 9], [2, 2, 1], [20, 20, 1]]
    assert list(alarms_by_site(table.assign(site=None)).columns) == BY_SITE
