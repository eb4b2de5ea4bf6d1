"""Labels that a table writes as a column each, with 1 in the one that holds."""

from collections.abc import Collection
from dataclasses import replace

from fieldguide.base.errors import UserError
from fieldguide.data.annotations.cells import Table

TRUE, FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}
NEARLY_ALL = 0.95  # of the rows have one label: the others are strays
LEAST = 3  # columns that are labels of which a row has several
ONE_HOT = "label"


def with_one_hot_label(table: Table, name: str, others: Collection[str | None]) -> Table:
    """The table with a column `label` in place of those of yes and no; as it is, if these are no labels.

    A row of several labels has none: it says which.

    Parameters
    ----------
    name
        What messages call the table.
    others
        Its columns that are no labels, whatever they hold.

    Raises
    ------
    UserError
        If most rows have several labels.
    """
    columns = [column for column in table.header if column and column not in others and _is_yes_or_no(table, column)]
    if len(columns) < 2 or ONE_HOT in table.header:
        return table
    places = [table.header.index(column) for column in columns]
    held = [[table.header[place] for place in places if row[place].lower() in TRUE] for row in table.rows]
    single, labelled = sum(len(labels) == 1 for labels in held), sum(map(bool, held))
    if single < NEARLY_ALL * len(held):
        if len(columns) >= LEAST and labelled >= NEARLY_ALL * len(held):
            raise UserError(
                f"{name}: {labelled - single} of {len(held)} rows have several labels of {', '.join(columns)}: "
                "fieldguide learns one label for each picture: name a column that says it with --columns label=COLUMN"
            )
        return table
    kept = [place for place in range(len(table.header)) if place not in places]
    rows = [
        [*(row[place] for place in kept), labels[0] if len(labels) == 1 else ""]
        for row, labels in zip(table.rows, held, strict=True)
    ]
    note = f"labels from the columns {', '.join(columns)}"
    if lost := len(held) - single:
        note += f" (rows with none or several, which have no label: {lost})"
    notes = "; ".join(filter(None, (table.note, note)))
    return replace(table, header=[*(table.header[place] for place in kept), ONE_HOT], rows=rows, note=notes)


def _is_yes_or_no(table: Table, column: str) -> bool:
    cells = {cell.lower() for cell in table.column(column)}
    return cells <= TRUE | FALSE and bool(cells & TRUE)
