"""The gate before training: expectations over the image table; errors stop the pipeline, warnings do not."""

from collections.abc import Sequence

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.checks.data_docs import write_data_docs
from fieldguide.checks.expectations import CheckResult, check_tables
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, read_table

MEASUREMENTS = ["width", "height", "short_side", "aspect_ratio", "brightness", "saturation", "sharpness"]
FLAGGED_COLUMNS = ["path", "expectation", "value", "limit", "severity"]


def run(cfg: Config, paths: Paths) -> Metrics:
    """Check the image table; write flagged.csv and data_docs/ below reports/validate, and return the counts.

    Raises
    ------
    UserError
        If an expectation of severity `error` fails or no picture was kept (both outputs are written before), or
        if an expectation of `cfg.checks` cannot be evaluated (then they are left as they were).
    """
    images = read_table(paths.image_table, IMAGES)
    pictures, labels = picture_table(images), label_table(images)
    where = f"conf/checks/{cfg.choices['checks']}.yaml"
    results = check_tables({"pictures": pictures, "labels": labels}, cfg.checks.expectations, where)
    flagged = flagged_pictures(results)
    failed = [result for result in results if not result.success]
    errors = [result for result in failed if result.severity == "error"]
    warnings = [result for result in failed if result.severity == "warning"]
    kept = int(labels["pictures"].sum())
    flagged_count = int(flagged["path"].nunique())

    report = paths.report("validate")
    with replace_file(report / "flagged.csv") as partial:
        flagged.to_csv(partial, index=False, lineterminator="\n")
    facts = {"pictures": len(images), "kept": kept, "labels": len(labels), "flagged": flagged_count}
    write_data_docs(report / "data_docs", "Checks of the pictures", facts, labels, results)

    below = report.relative_to(paths.root)
    advice = f"see {below}/data_docs/index.html and {below}/flagged.csv; mend the data, or set a limit in {where}"
    for result in warnings:
        print(f"warning: {_summary(result)}{_first(result, images, 1)}")
    if flagged_count:
        print(f"{flagged_count} pictures are worth a look: {below}/flagged.csv")
    if not kept:
        raise UserError(f"no picture was kept: {_reasons(images)}; {advice}")
    if errors:
        raise UserError(f"{_stop_message(errors, images)}; {advice}")
    return {
        "pictures": len(images),
        "kept": kept,
        "labels": len(labels),
        "smallest_label": int(labels["pictures"].min()),
        "balance": round(float(labels["balance"].min()), 4),
        "expectations": len(results),
        "passed": len(results) - len(failed),
        "warnings": len(warnings),
        "errors": len(errors),
        "flagged_pictures": flagged_count,
    }


def picture_table(images: pd.DataFrame) -> pd.DataFrame:
    """The image table by path, or by source where nothing was downloaded.

    A picture that was left out has no measurements here: its status is its fault, they are about what trains.
    """
    pictures = images.assign(path=images["path"].where(images["path"] != "", images["source"]))
    pictures[MEASUREMENTS] = pictures[MEASUREMENTS].astype("float64")
    pictures.loc[pictures["status"] != Status.KEPT, MEASUREMENTS] = None
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


def flagged_pictures(results: Sequence[CheckResult]) -> pd.DataFrame:
    """One row for every expectation and picture that it does not accept, even where enough others satisfy it."""
    rows = [
        (offender.row, result.name, offender.value, result.limit, result.severity)
        for result in results
        if result.table == "pictures"
        for offender in result.offenders
    ]
    return pd.DataFrame(sorted(rows), columns=FLAGGED_COLUMNS)


def _stop_message(errors: Sequence[CheckResult], images: pd.DataFrame) -> str:
    first = errors[0]
    names = ", ".join(result.name for result in errors)
    which = f"{len(errors)} checks failed ({names}); the first: " if len(errors) > 1 else "check failed: "
    return f"{which}{_summary(first)}{_first(first, images, 5)}"


def _summary(result: CheckResult) -> str:
    return f"{result.name}: {result.observed}; limit: {result.limit}"


def _first(result: CheckResult, images: pd.DataFrame, count: int) -> str:
    """The first offending rows in parentheses: pictures by their file, labels with their value."""
    files = set(images["path"])
    shown = []
    for row, value in result.offenders[:count]:
        if result.table == "pictures":
            shown.append(f"data/raw/{row}" if row in files else row)
        else:
            shown.append(f"{row}: {value}")
    if not shown:
        return ""
    more = len(result.offenders) - count
    return f" ({_printable(', '.join(shown))}{f' and {more} more' if more > 0 else ''})"


def _reasons(images: pd.DataFrame) -> str:
    counts = images["status"].value_counts()
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "the image table is empty"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


if __name__ == "__main__":
    main(run)
