"""The scores of screening, as tables about pictures, labels and splits."""

from collections.abc import Mapping

import pandas as pd

from fieldguide.checks.set_notes import usual_issues
from fieldguide.data.groups import group_numbers
from fieldguide.data.table import QUALITY_ISSUES, picture_names
from fieldguide.statistics.intervals import share_interval

FINDINGS = {"alarm": "alarm_rate", "doubt": "doubt_share", "twin": "twin_share", "quality": "quality_share"}


def score_tables(screened: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The tables that the expectations are about.

    Parameters
    ----------
    screened
        The columns of data/screen.parquet, and split_key and group of the split table where these are known: intervals
        count groups (see `fieldguide.data.groups.group_numbers`), or else pictures.

    Returns
    -------
    `pictures`: by path (see `picture_names`) the columns of data/screen.parquet and four texts, null
    where nothing was found: alarm (why it is unlike the training pictures), doubt (the label suggested instead), twin
    (the path of a near duplicate with another label), quality (what cleanvision finds wrong, by its names).
    `labels` and `splits`: how many pictures, of how many groups, and the share of them with each of the four;
    `alarm_rate_low` and `doubt_share_low` are the lower ends of the 95 % intervals, which a few pictures, or the many
    frames of a few sites, cannot raise by chance.
    """
    pictures = screened.assign(
        alarm=screened["reason"].where(screened["out_of_domain"]),
        doubt=screened["suggested_label"].where(screened["label_doubt"]),
        twin=twins(screened),
        quality=quality_issues(screened),
    )
    return {
        "pictures": pictures.assign(path=picture_names(pictures)).set_index("path"),
        "labels": _shares(pictures, "label"),
        "splits": _shares(pictures, "split"),
    }


def finding_counts(screened: pd.DataFrame) -> dict[str, int]:
    """How many pictures of data/screen.parquet have each finding, by the keys of reports/screen/metrics.json."""
    unlike = screened["suggested_label"] != screened["label"]
    return {
        "out_of_domain": int(screened["out_of_domain"].sum()),
        "label_doubts": int(screened["label_doubt"].sum()),
        "weak_label_doubts": int((unlike & ~screened["label_doubt"]).sum()),
        "twins": int(twins(screened).notna().sum()),
        "low_quality": int(quality_issues(screened).notna().sum()),
    }


def twins(screened: pd.DataFrame) -> "pd.Series[str]":
    """The path of each picture's nearest near duplicate if that has another label, else null."""
    by_id = screened.set_index("id")
    other = screened["near_duplicate_of"].map(by_id["label"])
    return screened["near_duplicate_of"].map(by_id["path"]).where(other.notna() & (other != screened["label"]))


def quality_issues(screened: pd.DataFrame) -> "pd.Series[str]":
    """The names of cleanvision's issues of each picture, joined by commas; null if there are none.

    What most pictures of the set have is none of a picture, see `usual_issues`.
    """
    usual = usual_issues(screened)
    issues = [issue for issue in QUALITY_ISSUES if issue not in usual]
    names = [issue.replace("_", " ") for issue in issues]
    flags = screened[[f"is_{issue}_issue" for issue in issues]].to_numpy(bool)
    texts = [", ".join(name for name, has in zip(names, row, strict=True) if has) or None for row in flags]
    return pd.Series(texts, index=screened.index, dtype="str")


def _shares(pictures: pd.DataFrame, by: str) -> pd.DataFrame:
    parts = {name: _summary(part) for name, part in pictures.groupby(by)}
    return pd.DataFrame.from_dict(parts, orient="index").rename_axis(by)


def _summary(part: pd.DataFrame) -> dict[str, float]:
    groups = group_numbers(part)
    found: dict[str, float] = {"pictures": len(part), "groups": len(set(groups))}
    for finding, share in FINDINGS.items():
        has = part[finding].notna().to_numpy(bool)
        found[share] = float(has.mean())
        if finding in ("alarm", "doubt"):
            found[f"{share}_low"] = share_interval(has, groups)[0]
    return found
