"""The checks after training: expectations over the scores of screening."""

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.checks.conclusion import conclude, flagged_pictures
from fieldguide.checks.data_docs import Docs
from fieldguide.checks.expectations import CheckResult
from fieldguide.checks.score_tables import finding_counts, score_tables
from fieldguide.checks.set_notes import check_data_set, issue_notes
from fieldguide.data.counts import COUNTS
from fieldguide.data.table import picture_names


def conclude_scores(screened: pd.DataFrame, cfg: Config, paths: Paths) -> dict[str, int]:
    """Check the scores; write checks.csv, flagged.csv and data_docs/ below reports/screen, and return the counts.

    Parameters
    ----------
    screened
        What `score_tables` takes: the table data/screen.parquet with the groups of the split table.

    Raises
    ------
    UserError
        If an expectation of `cfg.checks.scores` cannot be evaluated. CheckFailed if one of severity `error` fails; all
        is written before.
    """
    results = check_scores(screened, cfg)
    tables = score_tables(screened)
    counts = finding_counts(screened)
    names = picture_names(screened)
    docs = Docs(
        title="Checks of the scores",
        facts={
            "pictures used": len(screened),
            COUNTS["screen.out_of_domain"].many: counts["out_of_domain"],
            COUNTS["screen.label_doubts"].many: counts["label_doubts"],
            COUNTS["screen.twins"].many: counts["twins"],
            COUNTS["screen.low_quality"].many: counts["low_quality"],
            COUNTS["screen.flagged_pictures"].many: flagged_pictures(results)["path"].nunique(),
        },
        overview=tables["labels"],
        pictures={name: paths.clean / clean for name, clean in zip(names, screened["clean_path"], strict=True)},
        notes=issue_notes(screened),
    )
    files = dict(zip(names, screened["file"], strict=True))
    return conclude(results, paths, Stage.SCREEN, docs, _where(cfg), files=files)


def check_scores(screened: pd.DataFrame, cfg: Config) -> list[CheckResult]:
    """Evaluate `cfg.checks.scores` over the tables of `score_tables`. Raises UserError as `check_tables` does."""
    return check_data_set(score_tables(screened), cfg.checks.scores, _where(cfg))


def _where(cfg: Config) -> str:
    return f"conf/checks/{cfg.choices['checks']}.yaml"
