"""The data card: which pictures a classifier was made from, where they came from, and what was left out."""

import re
from typing import Any

import pandas as pd

from fieldguide.base.stage_names import Stage
from fieldguide.data.status import Split, Status
from fieldguide.pages.markdown import render_markdown
from fieldguide.release.publish.results import Results

LEFT_OUT = {
    Status.NOT_DOWNLOADED: "it could not be fetched",
    Status.NOT_A_PICTURE: "it is no picture",
    Status.UNREADABLE: "it cannot be read",
    Status.DAMAGED: "parts of it are lost",
    Status.TOO_LARGE: "it has too many pixels, or takes too much memory",
    Status.TOO_SLOW: "decoding it takes too long",
    Status.TOO_SMALL: "it has too few pixels",
    Status.NO_BOX: "it has no box to cut out",
    Status.DUPLICATE: "it is the same picture as another",
    Status.CONFLICT: "the same picture came under different labels",
    Status.DROPPED: "a person dropped it",
}
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)"  # of an address; what is before an @ may be a password


def data_card(results: Results, title: str) -> str:
    """The body of the card in Markdown."""
    images = results.images
    used = images[images["status"] == Status.KEPT]
    times = used["time"].dropna()
    return render_markdown(
        "release/data_card.md",
        title=title,
        data_set=results.data_set,
        files=len(images),
        used=len(used),
        labels=_labels(results.split),
        relabelled=int((used["label"] != used["raw_label"]).sum()),
        crop=results.params.get("clean.crop", "none"),
        sites=used["site"].nunique(),
        with_site=int(used["site"].notna().sum()),
        sequences=used["sequence"].nunique(),
        with_time=len(times),
        first=times.min().date().isoformat() if len(times) else "",
        last=times.max().date().isoformat() if len(times) else "",
        sources=_sources(images["source"]),
        left_out=[
            (why, int(number)) for status, why in LEFT_OUT.items() if (number := (images["status"] == status).sum())
        ],
        reviewed=int((images["review"] != "").sum()),
        screen=results.metrics[Stage.SCREEN],
    )


def _labels(split: pd.DataFrame) -> list[dict[Any, Any]]:
    counts = pd.crosstab(split["label"], split["split"]).reindex(columns=list(Split), fill_value=0)
    return counts.assign(all=counts.sum(axis=1)).reset_index().to_dict("records")


def _sources(sources: pd.Series) -> list[tuple[str, int]]:
    """How many files came from each host, and from folders or files; addresses themselves may hold tokens."""
    hosts = sources.str.extract(HOST, flags=re.ASCII, expand=False).fillna("")
    counts = hosts.value_counts().reset_index().sort_values(["count", "source"], ascending=[False, True])
    return [(host or "own files", int(number)) for host, number in counts.itertuples(index=False)]
