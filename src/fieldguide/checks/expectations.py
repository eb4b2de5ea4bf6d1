"""Evaluating named expectations over tables with Great Expectations; the only module that imports it."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any, NamedTuple

import pandas as pd

from fieldguide.base.config import Expectation
from fieldguide.base.errors import UserError
from fieldguide.base.process import quiet_environment
from fieldguide.checks.findings import finding_in_words
from fieldguide.checks.lean_import import lean_import
from fieldguide.checks.limits import limit_in_words
from fieldguide.checks.sentences import TABLES, sentences
from fieldguide.checks.words import in_words


class Offender(NamedTuple):
    """One row that an expectation does not accept: its index in the table, and the value, in words."""

    row: str
    value: str


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one expectation; rows can offend although it holds (`mostly`)."""

    name: str
    table: str
    severity: str
    success: bool
    observed: str
    limit: str
    offenders: tuple[Offender, ...]
    is_told: bool = False  # `observed` names the offending rows, and what is asked of them
    note: str = ""  # what most pictures are like, where the limit is not for such a set; then the others offend

    @property
    def state(self) -> str:
        """The outcome in one word: passed, note, warning or error."""
        if self.success:
            return "passed"
        return "note" if self.note and self.severity == "warning" else self.severity


def check_tables(
    tables: Mapping[str, pd.DataFrame], expectations: Mapping[str, Expectation], where: str
) -> list[CheckResult]:
    """Evaluate every expectation over the table that it names.

    Parameters
    ----------
    tables
        Frames by name; each has a named index, which says in the results which row offends.
    expectations
        By name; results come in the same order.
    where
        The file that they are from, for messages.

    Raises
    ------
    UserError
        Names the expectation. Before anything is evaluated: for an unknown type, table, column or argument.
        Later: for one that cannot be evaluated on its data, since that is neither a pass nor a failure.
    """
    if not expectations:
        return []  # Great Expectations takes seconds to start
    quiet_environment()
    with lean_import():
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

    built = {name: _build(f"{where}: {name}", wanted, tables) for name, wanted in expectations.items()}
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batches = {}
    for table, frame in tables.items():
        asset = context.data_sources.add_pandas(table).add_dataframe_asset(table)
        whole = asset.add_batch_definition_whole_dataframe(table)
        batches[table] = whole.get_batch({"dataframe": frame.reset_index()})
    results = []
    for name, wanted in expectations.items():
        index = str(tables[wanted.table].index.name)
        outcome = _evaluate(f"{where}: {name}", wanted, built[name], batches[wanted.table], index)
        results.append(_result(name, wanted, built[name], outcome, tables[wanted.table]))
    return results


def _build(where: str, wanted: Expectation, tables: Mapping[str, pd.DataFrame]) -> Any:
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations import registry

    try:
        expectation = registry.get_expectation_impl(wanted.type)(**wanted.kwargs)
    except ExpectationNotFoundError:
        known = registry.list_registered_expectation_implementations()
        near = difflib.get_close_matches(wanted.type, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; conf/checks/standard.yaml has examples"
        raise UserError(f"{where}: Great Expectations has no expectation {wanted.type}{hint}") from None
    except ValidationError as error:
        raise UserError(f"{where}: {wanted.type} does not take these kwargs: {_explain(error.errors())}") from None
    if wanted.table not in tables:
        raise UserError(f"{where}: no such table {wanted.table}; known: {', '.join(tables)}")
    columns = [str(column) for column in tables[wanted.table].reset_index().columns]
    for column in _columns_of(wanted.kwargs):
        if column not in columns:
            known_columns = ", ".join(columns)
            raise UserError(f"{where}: table {wanted.table} has no column {column}; known: {known_columns}")
    return expectation


def _columns_of(kwargs: Mapping[str, Any]) -> list[str]:
    single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return [*single, *kwargs.get("column_list", [])]


def _explain(problems: list[dict[str, Any]]) -> str:
    """What is wrong with each argument; what concerns several of them only where nothing else is wrong."""
    specific = [problem for problem in problems if problem["loc"][0] != "__root__"] or problems
    first = {problem["loc"][0]: problem["msg"] for problem in reversed(specific)}
    return _one_line("; ".join(f"{key}: {message}" if key != "__root__" else message for key, message in first.items()))


def _evaluate(where: str, wanted: Expectation, expectation: Any, batch: Any, index: str) -> Any:
    """The outcome that Great Expectations returns; UserError if that holds an exception instead of a finding."""
    failure = f"{where}: {wanted.type} cannot be evaluated on table {wanted.table}: "
    result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": [index]}
    try:
        outcome = batch.validate(expectation, result_format=result_format)
    except Exception as error:  # whatever it is, this expectation was not evaluated
        raise UserError(failure + _one_line(str(error))) from error
    exception = _swallowed_exception(outcome.exception_info or {})
    if exception is not None:
        raise UserError(failure + _one_line(exception))
    return outcome


def _result(name: str, wanted: Expectation, expectation: Any, outcome: Any, table: pd.DataFrame) -> CheckResult:
    index = str(table.index.name)
    rows = outcome.result.get("unexpected_index_list") or []
    told = sentences(wanted.type, wanted.kwargs, table, [row[index] for row in rows]) if wanted.table in TABLES else ""
    return CheckResult(
        name=name,
        table=wanted.table,
        severity=wanted.severity,
        success=bool(outcome.success),
        observed=told or finding_in_words(wanted.type, wanted.kwargs, outcome, wanted.table),
        is_told=bool(told),
        limit=_limit_in_words(expectation, wanted),
        offenders=tuple(Offender(in_words(row[index]), _value_of(row, index)) for row in rows),
    )


def _swallowed_exception(info: Mapping[str, Any]) -> str | None:
    """The message of an exception that Great Expectations caught: in one record, or one for every metric."""
    records = [info] if "raised_exception" in info else list(info.values())
    for record in records:
        if record["raised_exception"]:
            return str(record["exception_message"])
    return None


def _limit_in_words(expectation: Any, wanted: Expectation) -> str:
    """Our own line for it, else Great Expectations' sentence; for the few that it shows as a table, the arguments."""
    if line := limit_in_words(wanted.type, wanted.kwargs, wanted.table):
        return line
    expectation.render()
    sentence = expectation.rendered_content[0].value
    if not sentence.template:
        return f"{wanted.type}: " + ", ".join(f"{key} {value}" for key, value in wanted.kwargs.items())
    words = {key: in_words(parameter["value"]) for key, parameter in sentence.params.items()}
    return Template(sentence.template).safe_substitute(words).rstrip(".")


def _value_of(row: Mapping[str, Any], index: str) -> str:
    values = [value for column, value in row.items() if column != index] or [row[index]]
    return ", ".join(in_words(value) for value in values)


def _one_line(text: str) -> str:
    return " ".join(text.split())
