"""The scores of screening, as tables about pictures, labels and splits."""

from collections.abc import Mapping

import pandas as pd

from fieldguide.statistics.intervals import wilson

FINDINGS = {"alarm": "alarm_rate", "doubt": "doubt_share", "twin": "twin_share", "quality": "quality_share"}


def score_tables(screened: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The tables that the expectations are about.

    Returns
    -------
    `pictures`: by path (below data/clean) the columns of data/screen.parquet and four texts, null where nothing was
    found: alarm (why it is unlike the training pictures), doubt (the label suggested instead), twin (the path of a
    near duplicate with another label), quality (what cleanvision finds wrong, by its names).
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
    """The clean path of each picture's nearest near duplicate if that has another label, else null."""
    by_id = screened.set_index("id")
    other = screened["near_duplicate_of"].map(by_id["label"])
    return screened["near_duplicate_of"].map(by_id["clean_path"]).where(other.notna() & (other != screened["label"]))


def quality_issues(screened: pd.DataFrame) -> "pd.Series[str]":
    """The names of cleanvision's issues of each picture, joined by commas; null if there are none."""
    columns = [name for name in map(str, screened) if name.startswith("is_") and name.endswith("_issue")]
    names = [name.removeprefix("is_").removesuffix("_issue").replace("_", " ") for name in columns]
    flags = screened[columns].to_numpy(bool)
    texts = [", ".join(name for name, has in zip(names, row, strict=True) if has) or None for row in flags]
    return pd.Series(texts, index=screened.index, dtype="str")


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
