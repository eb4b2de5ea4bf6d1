"""The simulated year of bench/: a shortened one always, the full one (minutes) with `make test-all`."""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BENCH = Path(__file__).parents[2] / "bench"
LAST = 4  # fortnights, over which the end is measured


@pytest.fixture
def simulation() -> Iterator[Any]:
    """The modules of bench/simulation."""
    sys.path.insert(0, str(BENCH))
    importlib.import_module("simulation.simulate")
    importlib.import_module("simulation.world")
    yield importlib.import_module("simulation")
    sys.path.remove(str(BENCH))
    for name in [name for name in sys.modules if name.partition(".")[0] == "simulation"]:
        del sys.modules[name]


def nothing_lost_or_doubled(story: Any) -> None:
    """Every picture that arrived is in one place, and every accepted job has one version, one branch, one run."""
    places = Counter(story.kept)
    assert {name: places[name] for name in story.sent} == dict.fromkeys(story.sent, 1)
    assert story.steps["accepted"] == story.steps["versions"] == story.steps["branches"]
    assert set(story.steps["accepted"]) <= set(story.steps["runs"])
    assert len(story.steps["runs"]) == len(set(story.steps["runs"]))


@pytest.mark.exhaustive  # of the jobs themselves are test_retraining's
def test_a_short_year(simulation: Any, tmp_path: Path) -> None:
    """Five fortnights: a crash, a poisoned delivery, its correction and another crash, nothing, two jobs at once."""
    plan = simulation.world.Year(
        fortnights=5,
        first=120,
        delivery=30,
        pool=12,
        night=range(4, 5),
        camera=range(0),
        poisoned=(1,),
        poisoned_pictures=90,
        corrected=(2,),
        empty=3,
        crashes=((0, "train"), (2, "commit")),
        overlap=4,
    )
    story = simulation.simulate.simulate(plan, tmp_path / "home", tmp_path / "pictures")
    nothing_lost_or_doubled(story)
    assert not story.poisoned
    messages = [line for _, line in story.messages]
    assert (messages.count("killed"), messages.count("a second job left"), messages.count("two jobs at once")) == (
        2,
        1,
        0,
    )
    (poisoned,) = (line for when, line in story.messages if when in plan.poisoned)
    assert "more than usual are wrong" in poisoned and "held back" in poisoned
    assert [line for when, line in story.messages if when == plan.empty] == [
        "nothing to do: 0 new pictures of 30, 0 new reviews of 5; 150 pictures of merged branches left data/incoming"
    ]


@pytest.mark.exhaustive
def test_without_a_champion_a_poisoned_delivery_from_another_season_is_held_back(
    simulation: Any, tmp_path: Path
) -> None:
    """By night, of which the data set has nothing: a person looks at what is held, and right labels are accepted."""
    plan = simulation.world.Year(
        fortnights=4,
        first=120,
        delivery=30,
        pool=6,
        night=range(4),
        camera=range(0),
        poisoned=(2,),
        poisoned_pictures=90,
        corrected=(1, 3),
        empty=-1,
        crashes=(),
        overlap=-1,
        champion=False,
    )
    story = simulation.simulate.simulate(plan, tmp_path / "home", tmp_path / "pictures")
    nothing_lost_or_doubled(story)
    assert not story.poisoned
    _, before, poisoned, after = (line for _, line in story.messages)
    assert "better against the baselines" in before and "60 pictures accepted" in before
    assert "90 new pictures held back" in poisoned and "labels in doubt" in poisoned
    assert "better against the baselines" in after and "120 pictures accepted" in after


@pytest.mark.exhaustive
def test_a_camera_that_the_models_do_not_understand_is_taken_in_after_a_look(simulation: Any, tmp_path: Path) -> None:
    """It hangs upside down: its first delivery is held back, a person brings it back, and that is the end of doubt."""
    plan = simulation.world.Year(
        fortnights=3,
        pool=6,
        night=range(0),
        camera=range(1, 3),
        poisoned=(),
        corrected=range(3),
        empty=-1,
        crashes=(),
        overlap=-1,
        champion=False,
    )
    story = simulation.simulate.simulate(plan, tmp_path / "home", tmp_path / "pictures")
    nothing_lost_or_doubled(story)
    _, first, second = (line for _, line in story.messages)
    assert "40 new pictures held back" in first and "labels in doubt" in first
    assert "80 pictures accepted" in second and "40 labels not checked: a person brought them back" in second


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [0])
def test_the_full_year(simulation: Any, tmp_path: Path, seed: int) -> None:
    """The champion ends no worse than with retraining always, clearly above never, and never poisoned."""
    story = simulation.simulate.simulate(simulation.world.Year(), tmp_path / "home", tmp_path / "pictures", seed=seed)
    nothing_lost_or_doubled(story)
    assert not story.poisoned
    end = {policy: sum(values[-LAST:]) / LAST for policy, values in story.accuracy.items()}
    assert end["fieldguide"] >= end["always"]
    assert end["fieldguide"] > end["never"] + 0.1
