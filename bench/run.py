"""Run the measurements, each in a process of its own: `python bench/run.py [NAME...]`, or `make bench` for all.

Writes bench/results.json (what was not measured now stays as it was) and the table of bench/README.md from it.
"""

import importlib
import json
import multiprocessing
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import Figure, Skipped, cores, goal_of, line_of, value_of

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results.json", HERE / "README.md"
NOT_MEASUREMENTS = {"run", "common", "clean_stage", "fitting", "photos", "real_pictures"}
BEGIN, END = "<!-- table: made by run.py -->", "<!-- end of table -->"


def main(arguments: list[str]) -> int:
    """Measure what is named, or everything; returns 1 if a measurement failed."""
    if unknown := sorted(set(arguments) - set(names())):
        print(f"no measurement {unknown[0]!r}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    results = {name: result for name, result in results.items() if name in names()}
    context = multiprocessing.get_context("spawn")
    for name in arguments or names():
        print(f"== {name}", flush=True)
        with ProcessPoolExecutor(1, mp_context=context) as fresh:
            results[name] = fresh.submit(measured, name).result()
        for line in summary(results[name]):
            print(line, flush=True)
        RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n")
        README.write_text(with_table(README.read_text(), results))
    return int(any("failed" in results[name] for name in arguments or names()))


def names() -> list[str]:
    """Every measurement: the scripts beside this one."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_MEASUREMENTS)


def measured(name: str) -> dict[str, Any]:
    """What was compared, on what machine, and the figures, or why there are none."""
    module = importlib.import_module(name)
    result: dict[str, Any] = {"compared": module.COMPARED, "machine": machine()}
    try:
        figures = list(module.measure())
    except Skipped as reason:
        return {**result, "skipped": str(reason)}
    except Exception as error:  # the other measurements go on
        return {**result, "failed": f"{type(error).__name__}: {error}"}
    return {**result, "figures": [{**asdict(figure), "met": figure.met} for figure in figures]}


def machine() -> str:
    """The kind of machine: processor, cores that may be used, system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{processor or platform.machine()}, {cores()} cores used, {platform.system()}"


def summary(result: dict[str, Any]) -> list[str]:
    """A measurement's result in lines of text."""
    if "figures" not in result:
        return [f"{kind}: {result[kind]}" for kind in ("skipped", "failed") if kind in result]
    return [line_of(figure) for figure in figures_of(result)]


def figures_of(result: dict[str, Any]) -> list[Figure]:
    """The figures of a result, as they were measured."""
    return [Figure(**{key: value for key, value in entry.items() if key != "met"}) for entry in result["figures"]]


def with_table(text: str, results: dict[str, Any]) -> str:
    """The text with the table between its two marker lines made from the results."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table_of(results)}\n{END}{after}"


def table_of(results: dict[str, Any]) -> str:
    """The results as a Markdown table, one row a figure."""
    rows = ["| measurement | figure | value | goal | what it is made of |", "|---|---|---|---|---|"]
    for name, result in sorted(results.items()):
        title = f"`{name}`: {result['compared']}"
        if "figures" not in result:
            rows.append(f"| {title} | | | | {summary(result)[0]} |")
            continue
        for figure in figures_of(result):
            goal = goal_of(figure).removeprefix(", goal ") or "none"
            rows.append(f"| {title} | {figure.name} | {value_of(figure)} | {goal} | {figure.detail} |")
            title = ""
    kinds = sorted({result["machine"] for result in results.values()})
    return "\n".join(rows) + f"\n\nMeasured on: {'; '.join(kinds) or 'nothing yet'}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
