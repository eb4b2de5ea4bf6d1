"""reports/index.html at the end of `dvc repro`, and after a check that failed."""

import pytest
from mlflow import MlflowClient

from fieldguide.base.files import write_text
from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

PAGES = ("reports/index.html", "reports/data_docs/index.html", "reports/report/metrics.json")
SCORES = """scores:
  never_odd:
    {table: splits, severity: error, type: expect_column_values_to_be_between,
     kwargs: {column: pictures, max_value: 1}}
"""


def test_a_failed_check_is_told_on_the_page_and_its_remedy_gives_the_page_of_an_undisturbed_run(copy: Checkout) -> None:
    wanted = copy.digests(*PAGES)
    page, checks = copy.paths.overview, copy.paths.conf / "checks" / "mini.yaml"
    good = checks.read_text(encoding="utf-8")

    write_text(checks, good.replace("min_value: 2", "min_value: 9"))
    done = copy.dvc("repro", code=None)
    assert "validate: check failed: two_labels: 3 labels; limit: at least 9 labels" in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "Stopped before training" in text
    assert "<b>two labels</b>: 3 labels" in text
    assert "How good is it?" not in text, "the classifier in the checkout is of an older run"

    write_text(checks, good + SCORES)
    done = copy.dvc("repro", code=None)
    assert "screen: check failed: never_odd: " in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "Stopped after training" in text
    assert "<b>never odd</b>" in text
    assert "How good is it?" in text

    write_text(checks, good)
    copy.dvc("repro")
    assert copy.digests(*PAGES) == wanted
    assert copy.repro() == []
    assert copy.dvc("status").stdout.strip() == "Data and pipelines are up to date."


def test_the_page_and_the_screening_are_handed_to_mlflow_with_their_run(trained: Reproduced) -> None:
    checkout = trained.checkout
    client = MlflowClient(database_address(checkout.root / "mlflow.db"))
    experiment = client.get_experiment_by_name("fieldguide")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert "report/index.html" in [artifact.path for artifact in client.list_artifacts(run.info.run_id, "report")]
    assert "screen.expectations" in run.data.metrics
