"""What tests of sweeps look at."""

from typing import Any

from fieldguide.base.files import read_json
from fieldguide.tracking.tags import PARENT, SWEEP
from pipeline.checkout import Checkout
from pipeline.test_tracking import client_of, runs_in


def outcomes(checkout: Checkout) -> dict[str, dict[str, Any]]:
    """What became of the jobs of all sweeps, by their names."""
    found = [read_json(path) for path in checkout.root.glob("sweeps/*/*/outcome.json")]
    return {outcome["name"]: outcome for outcome in found}


def children_and_parents(checkout: Checkout) -> tuple[list[Any], list[Any]]:
    """The runs of jobs and of sweeps, as MLflow knows them."""
    runs = runs_in(client_of(checkout))
    parents = [run for run in runs if SWEEP in run.data.tags]
    return [run for run in runs if PARENT in run.data.tags], parents
