"""The checks after training: expectations over what screening says of every picture, of every label and of every split."""

from collections.abc import Mapping

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.checks.data_docs import Docs
from fieldguide.checks.expectations import CheckResult, check_tables
from fieldguide.checks.gate import conclude
from fieldguide.evaluation.metrics import wilson

FINDINGS = {"alarm": "alarm_rate", "doubt": "doubt_share", "twin": "twin_share", "quality": "quality_share"}


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
            "unlike the rest": found["alarm"],
            "labels in doubt": found["doubt"],
            "look-alikes under two labels": found["twin"],
        },
        overview=tables["labels"],
        pictures={path: paths.clean / path for path in screened["clean_path"]},
    )
    return conclude(results, paths, "screen", docs, lambda row: f"data/clean/{row}", _where(cfg))


def check_scores(screened: pd.DataFrame, cfg: Config) -> list[CheckResult]:
    """Evaluate `cfg.checks.scores` over the tables of `score_tables`. Raises UserError as `check_tables` does."""
    return check_tables(score_tables(screened), cfg.checks.scores, _where(cfg))


def score_tables(screened: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The tables that the expectations are about.

    Returns
    -------
    `pictures`: by path (below data/clean) the columns of data/screen.parquet and four texts, null where nothing was
    found: alarm (why it is unlike the training pictures), doubt (the label suggested instead), twin (the path of a
    look-alike under another label), quality (what cleanvision finds wrong, by its names).
    `labels` and `splits`: how many pictures, and the share of them with each of the four; `alarm_rate_low` and
    `doubt_share_low` are the lower ends of the 95 % intervals, which a few pictures cannot raise by chance.
    """
    pictures = screened.assign(
        alarm=screened["reason"].where(screened["out_of_domain"]),
        doubt=screened["suggested_label"].where(screened["label_doubt"]),
        twin=twins(screened),
        quality=quality_issues(screened),
    )
    return {
        "pictures": pictures.rename(columns={"clean_path": "path"}).set_index("path"),
        "labels": _shares(pictures, "label"),
        "splits": _shares(pictures, "split"),
    }


def twins(screened: pd.DataFrame) -> "pd.Series[str]":
    """The clean path of each picture's nearest look-alike if that has another label, else null."""
    by_id = screened.set_index("id")
    other = screened["near_duplicate_of"].map(by_id["label"])
    return screened["near_duplicate_of"].map(by_id["clean_path"]).where(other.notna() & (other != screened["label"]))


def quality_issues(screened: pd.DataFrame) -> "pd.Series[str]":
    """The names of cleanvision's issues of each picture, joined by commas; null if there are none."""
    columns = [name for name in screened if name.startswith("is_") and name.endswith("_issue")]
    names = [name.removeprefix("is_").removesuffix("_issue").replace("_", " ") for name in columns]
    flags = screened[columns].to_numpy(bool)
    texts = [", ".join(name for name, has in zip(names, row, strict=True) if has) or None for row in flags]
    return pd.Series(texts, index=screened.index, dtype="str")


def _where(cfg: Config) -> str:
    return f"conf/checks/{cfg.choices['checks']}.yaml"


def _shares(pictures: pd.DataFrame, by: str) -> pd.DataFrame:
    groups = pictures.groupby(by)
    table = pd.DataFrame({"pictures": groups.size()})
    for finding, share in FINDINGS.items():
        found = groups[finding].count()
        table[share] = found / table["pictures"]
        if finding in ("alarm", "doubt"):
            counts = zip(found, table["pictures"], strict=True)
            table[f"{share}_low"] = [wilson(int(some), int(all_))[0] for some, all_ in counts]
    return table
