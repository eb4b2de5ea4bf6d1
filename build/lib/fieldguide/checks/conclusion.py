"""The consequences of a stage's checks: what is written, what is printed, and what stops the pipeline."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fieldguide.base.errors import CheckFailed, printable
from fieldguide.base.paths import Paths
from fieldguide.checks.data_docs import Docs, write_data_docs
from fieldguide.checks.expectations import CheckResult
from fieldguide.data.counts import COUNTS
from fieldguide.data.csv_files import write_csv

FLAGGED_COLUMNS = ["path", "expectation", "value", "limit", "severity"]
CHECKS_COLUMNS = ["name", "table", "severity", "state", "observed", "limit", "offenders"]


def conclude(
    results: Sequence[CheckResult],
    paths: Paths,
    stage: str,
    docs: Docs,
    where: str,
    *,
    files: Mapping[str, str],
    fault: str = "",
    hint: str = "",
) -> dict[str, int]:
    """Write checks.csv, flagged.csv and data_docs/ below reports/<stage>, print what was found, and return the counts.

    Parameters
    ----------
    where
        The file that the expectations are from.
    files
        The files of pictures by the names of their rows in the table `pictures`.
    fault
        What stops the pipeline whatever the outcome of the checks; "" if nothing does.
    hint
        What else may help if the pipeline is stopped.

    Raises
    ------
    CheckFailed
        If an expectation of severity `error` failed or there is a fault; everything is written before.
    """
    report, flagged = paths.report(stage), flagged_pictures(results)
    write_csv(report / "flagged.csv", flagged)
    write_csv(report / "checks.csv", checks_table(results))
    write_data_docs(report / "data_docs", docs, results)

    failed = [result for result in results if not result.success]
    errors, warnings, noted = ([one for one in failed if one.state == state] for state in ("error", "warning", "note"))
    below, flagged_count = report.relative_to(paths.root), int(flagged["path"].nunique())
    advice = f"see {below}/data_docs/index.html and {below}/flagged.csv; fix the data, or change a limit in {where}"
    for result in warnings:
        print(printable(f"warning: {_summary(result)}{_first(result, files, 1)}"))
    for note in (*docs.notes, *(result.note for result in results if result.note)):
        print(printable(f"note: {note}: the set is like that, they are not flagged for it"))
    if flagged_count:
        print(f"{COUNTS[f'{stage}.flagged_pictures'].said(flagged_count)}, see {below}/flagged.csv")
    if fault or errors:
        said = (fault, _stop_message(errors, files) if errors else "", hint, advice)
        raise CheckFailed("; ".join(filter(None, said)))
    return {
        "expectations": len(results),
        "passed": len(results) - len(failed),
        "notes": len(noted),
        "warnings": len(warnings),
        "errors": len(errors),
        "flagged_pictures": flagged_count,
    }


def flagged_pictures(results: Sequence[CheckResult]) -> pd.DataFrame:
    """One row for every expectation and picture that it does not accept, even if the expectation holds (`mostly`).

    Where most pictures are beyond a limit, its rows are those that differ from them.
    """
    rows = [
        (offender.row, result.name, offender.value, _limit(result), result.severity)
        for result in results
        if result.table == "pictures"
        for offender in result.offenders
    ]
    return pd.DataFrame(sorted(rows), columns=FLAGGED_COLUMNS)


def checks_table(results: Sequence[CheckResult]) -> pd.DataFrame:
    """One row for every check; `state` is passed, note, warning or error, `offenders` counts the rows."""
    rows = [
        (one.name, one.table, one.severity, one.state, one.observed, one.limit, len(one.offenders)) for one in results
    ]
    return pd.DataFrame(rows, columns=CHECKS_COLUMNS)


def _limit(result: CheckResult) -> str:
    return f"unlike the rest of the set: {result.note}" if result.note else result.limit


def _stop_message(errors: Sequence[CheckResult], files: Mapping[str, str]) -> str:
    first = errors[0]
    names = ", ".join(result.name for result in errors)
    which = f"{len(errors)} checks failed ({names}); the first: " if len(errors) > 1 else "check failed: "
    return f"{which}{_summary(first)}{_first(first, files, 5)}"


def _summary(result: CheckResult) -> str:
    return f"{result.name}: {result.observed}" + ("" if result.is_told else f"; limit: {result.limit}")


def _first(result: CheckResult, files: Mapping[str, str], count: int) -> str:
    """The first offending rows in parentheses, where the result does not name them: pictures by their file."""
    of_pictures = result.table == "pictures"
    shown = [files.get(row, row) if of_pictures else f"{row}: {value}" for row, value in result.offenders[:count]]
    if not shown or result.is_told:
        return ""
    more = len(result.offenders) - count
    return f" ({', '.join(shown)}{f' and {more} more' if more > 0 else ''})"
