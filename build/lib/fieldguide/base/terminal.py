"""Tables for a terminal: plain text that lines up whatever script names are in, and is the same when it is piped.

tabulate, and not rich: rich reads `[x]` in a name as markup, and fits a table to the width of what it takes for the
terminal, 80 columns where there is none.
"""

from collections.abc import Collection, Iterable, Sequence

from fieldguide.base.errors import printable

COLUMN_GAP = "  "


def table(rows: Iterable[Sequence[str]], headers: Sequence[str] = (), right: Collection[int] = ()) -> str:
    """Rows as aligned columns, without a line end; nothing is cut or wrapped, and what is not printable is escaped.

    Parameters
    ----------
    rows
        As many cells each as the first one, and as `headers`, which may be left out.
    right
        The positions of the columns that are right-aligned: numbers.
    """
    from tabulate import tabulate  # only where a table is printed: it takes as long to load as the rest of the command

    lines = [headers, *rows] if headers else list(rows)  # as its headers, tabulate would widen their columns
    text = tabulate(
        [[printable(cell) for cell in row] for row in lines],
        tablefmt="plain",  # columns are two spaces apart
        colalign=["right" if column in right else "left" for column in range(len(lines[0]))] if lines else None,
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return "\n".join(printed.rstrip() for printed in text.split("\n"))


def key_values(rows: Iterable[tuple[str, str]]) -> str:
    """A line for each name and its text, the texts below one another."""
    return table(rows)


def line(cells: Iterable[str], widths: Iterable[int]) -> str:
    """One line of a table that is printed as its rows come; a cell that is wider than its column moves the others."""
    pairs = zip(cells, widths, strict=True)
    return COLUMN_GAP.join(f"{cell}{' ' * (width - columns_of(cell))}" for cell, width in pairs).rstrip()


def columns_of(text: str) -> int:
    """The columns that a printable text takes on a terminal: two for each wide character, none for a combining mark."""
    from wcwidth import wcswidth

    return wcswidth(text)
