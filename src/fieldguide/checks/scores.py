"""The checks after training: expectations over the scores of screening."""

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.checks.conclusion import conclude
from fieldguide.checks.data_docs import Docs
from fieldguide.checks.expectations import CheckResult, check_tables
from fieldguide.checks.score_tables import FINDINGS, score_tables


def conclude_scores(screened: pd.DataFrame, cfg: Config, paths: Paths) -> dict[str, int]:
    """Check the scores; write checks.csv, flagged.csv and data_docs/ below reports/screen, and return the counts.

    Parameters
    ----------
    screened
        The table data/screen.parquet.

    Raises
    ------
    UserError
        If an expectation of `cfg.checks.scores` cannot be evaluated. CheckFailed if one of severity `error` fails; all
        is written before.
    """
    results = check_scores(screened, cfg)
    tables = score_tables(screened)
    found = {name: int(tables["pictures"][name].notna().sum()) for name in FINDINGS}
    docs = Docs(
        title="Checks of the scores",
        facts={
            "pictures": len(screened),
            "out of domain": found["alarm"],
            "labels in doubt": found["doubt"],
            "near duplicates under two labels": found["twin"],
        },
        overview=tables["labels"],
        pictures={path: paths.clean / path for path in screened["clean_path"]},
    )
    return conclude(results, paths, Stage.SCREEN, docs, lambda row: f"data/clean/{row}", _where(cfg))


def check_scores(screened: pd.DataFrame, cfg: Config) -> list[CheckResult]:
    """Evaluate `cfg.checks.scores` over the tables of `score_tables`. Raises UserError as `check_tables` does."""
    return check_tables(score_tables(screened), cfg.checks.scores, _where(cfg))


def _where(cfg: Config) -> str:
    return f"conf/checks/{cfg.choices['checks']}.yaml"
