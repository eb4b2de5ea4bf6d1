"""validate: runs the checks before training over the image table; errors stop the pipeline, warnings do not."""

import pandas as pd

from fieldguide.base.config import Config, SplitConfig
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.shares import rounded
from fieldguide.base.stage_names import Stage
from fieldguide.checks.conclusion import conclude, flagged_pictures
from fieldguide.checks.data_docs import Docs
from fieldguide.checks.expectations import CheckResult
from fieldguide.checks.set_notes import check_data_set
from fieldguide.data.counts import COUNTS
from fieldguide.data.split_shortage import shortage, side_counts
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, MEASUREMENTS, picture_names, read_table

SMALL = "small"  # the option of conf/checks/ for small data sets
MEASURED = list(MEASUREMENTS)


def run(cfg: Config, paths: Paths) -> Metrics:
    """Check the image table; write checks.csv, flagged.csv and data_docs/ below reports/validate; return the counts.

    Raises
    ------
    UserError
        If an expectation of `cfg.checks` cannot be evaluated; all outputs are left as they were. CheckFailed if one of
        severity `error` fails, if no picture was kept, or if the stage `split` would refuse the pictures; all outputs
        are written before.
    """
    images = read_table(paths.image_table, IMAGES)
    pictures, labels = picture_table(images), label_table(images)
    sides, too_few = _split_now(images[images["status"] == Status.KEPT], cfg.split)
    labels = labels.join(sides.reindex(labels.index, fill_value=0))
    where = f"conf/checks/{cfg.choices['checks']}.yaml"
    results = check_data_set({"pictures": pictures, "labels": labels}, cfg.checks.expectations, where)
    kept = int(labels["pictures"].sum())
    names = picture_names(images)
    cleaned = images.assign(name=names)[images["clean_path"] != ""]
    docs = Docs(
        title="Checks of the pictures",
        facts={
            COUNTS["clean.pictures"].many: len(images),
            COUNTS["clean.kept"].many: kept,
            "labels": len(labels),
            COUNTS["validate.flagged_pictures"].many: flagged_pictures(results)["path"].nunique(),
        },
        overview=labels,
        pictures={
            name: paths.clean / clean for name, clean in zip(cleaned["name"], cleaned["clean_path"], strict=True)
        },
    )
    fault = too_few if kept else f"no picture was kept: {_reasons(images)}"
    is_small = too_few or any(_asks_for_more(result) for result in results)
    hint = f"for a small data set choose `checks: {SMALL}` in params.yaml"
    counts = conclude(
        results,
        paths,
        Stage.VALIDATE,
        docs,
        where,
        files=dict(zip(names, images["file"], strict=True)),
        fault=fault,
        hint=hint if is_small and cfg.choices["checks"] != SMALL else "",
    )
    return {
        "pictures": len(images),
        "kept": kept,
        "labels": len(labels),
        "smallest_label": int(labels["pictures"].min()),
        "balance": rounded(float(labels["balance"].min()), 4),
        **counts,
    }


def picture_table(images: pd.DataFrame) -> pd.DataFrame:
    """The image table by path (see `picture_names`), or by source where nothing was downloaded.

    A picture that was left out has no measurements here: its status is its fault, they are about what trains.
    """
    pictures = images.assign(path=picture_names(images).where(images["path"] != "", images["source"]))
    pictures[MEASURED] = pictures[MEASURED].astype("float64")
    pictures.loc[pictures["status"] != Status.KEPT, MEASURED] = None
    return pictures.set_index("path")


def label_table(images: pd.DataFrame) -> pd.DataFrame:
    """Each label's kept pictures, their share of all kept ones, and of the largest label's (balance).

    A label of which nothing was kept is there, with 0. What came without a label (a stray file) counts for none.
    """
    images = images[images["label"] != ""]
    kept = (images["status"] == Status.KEPT).groupby(images["label"]).sum().astype("int64")
    return pd.DataFrame(
        {
            "pictures": kept,
            "share": kept / max(1, kept.sum()),
            "balance": kept / max(1, kept.max() if len(kept) else 0),
        }
    ).rename_axis("label")


def _split_now(kept: pd.DataFrame, split: SplitConfig) -> tuple[pd.DataFrame, str]:
    """How many pictures of each label the stage `split` will have on each side, and why it will refuse them."""
    if not kept["id"].is_unique:  # a table that is not of the stage `clean`
        return pd.DataFrame(), ""
    table = split_pictures(kept, split)
    return side_counts(table), shortage(kept, table, split)


def _asks_for_more(result: CheckResult) -> bool:
    return result.state == "error" and result.table == "labels" and result.is_told


def _reasons(images: pd.DataFrame) -> str:
    counts = images["status"].value_counts()
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "the image table is empty"


if __name__ == "__main__":
    main(run)
