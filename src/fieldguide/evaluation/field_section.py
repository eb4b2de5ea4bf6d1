"""What pages say of sites, months and sequences, and of how many witnesses the test pictures are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fieldguide.base.shares import between, percent
from fieldguide.data.groups import groups_in_words
from fieldguide.pages.figures import accuracy_figure

FEW = 10  # groups: with fewer the figures say little about others
MAX_IN_CHART = 30
FOLDED = 20  # rows of a table; further ones unfold


@dataclass(frozen=True)
class FieldTable:
    """The table of `field_figures.by_site` or `by_month`: its first rows, the others, and its chart."""

    by: str
    rows: list[dict[Any, Any]]
    others: list[dict[Any, Any]]
    chart: Figure


@dataclass(frozen=True)
class FieldSection:
    """Sentences, and the tables that have rows."""

    lines: list[str]
    tables: list[FieldTable]


def field_section(metrics: Mapping[str, Any], sites: pd.DataFrame, months: pd.DataFrame) -> FieldSection:
    """What a page shows of the metrics of `evaluate`, and of the tables of `field_figures`."""
    tables = [_table(name, table) for name, table in (("site", sites), ("month", months)) if len(table)]
    return FieldSection([*witness_lines(metrics), *_sequence_lines(metrics), *site_lines(metrics)], tables)


def witness_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """How many witnesses the test pictures are, where they are fewer than pictures."""
    pictures, groups = metrics["test_pictures"], metrics.get("groups")  # older metrics lack them
    if groups is not None and groups < pictures:
        few = ". So few say little about others" if groups < FEW else ""
        said = groups_in_words(groups, metrics["group_by"])
        yield f"The {pictures} test pictures come from {said}: the intervals count these, not pictures{few}."


def site_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The worst site, and what is known about sites that the classifier was not trained on."""
    if "worst_site" in metrics:
        yield f"Worst site: {metrics['worst_site']}, {_right(metrics, 'worst_site_accuracy')}."
    if "new_sites_accuracy" in metrics:
        yield (
            f"At sites that it was not trained on: {_right(metrics, 'new_sites_accuracy')}, by one more training with "
            f"the sites divided; {metrics['new_sites_pictures']} test pictures of "
            f"{groups_in_words(metrics['new_sites'], 'site')}."
        )
    elif "new_sites_not_measured" in metrics:
        yield f"The accuracy at new sites was not measured: {metrics['new_sites_not_measured']}."
    elif metrics.get("sites_trained_on"):
        yield (
            f"It was trained on {metrics['sites_trained_on']} of the {groups_in_words(metrics['sites'], 'site')} here, "
            "so this says little about new sites: evaluate.new_sites: true in params.yaml measures that by one more "
            "training."
        )


def _sequence_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    if "accuracy_sequences" in metrics:
        yield (
            f"Of {groups_in_words(metrics['sequences'], 'sequence')}, each answered once by the mean of its "
            f"pictures' probabilities, {_right(metrics, 'accuracy_sequences')}; of single pictures, "
            f"{_right(metrics, 'accuracy')}{_mixed(metrics['sequences_mixed'])}."
        )


def _mixed(number: int) -> str:
    if not number:
        return ""
    return f". {number} with several labels {'is' if number == 1 else 'are'} left out"


def _right(metrics: Mapping[str, Any], name: str) -> str:
    return f"{percent(metrics[name])} right ({between(metrics[f'{name}_low'], metrics[f'{name}_high'])})"


def _table(by: str, table: pd.DataFrame) -> FieldTable:
    rows = table.rename(columns={by: "name"}).to_dict("records")
    some = table.head(MAX_IN_CHART)
    return FieldTable(by, rows[:FOLDED], rows[FOLDED:], accuracy_figure(some, list(some[by])))
