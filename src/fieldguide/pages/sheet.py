"""A sheet of squares: what the network sees of each picture, one row per picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from fieldguide.pages.png import DPI

SIDE, GAP, MARGIN, TITLE = 128, 4, 20, 44  # pixels on the sheet


def sheet_figure(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]], title: str, blocks: int) -> Figure:
    """Rows of a label and its RGB squares (size, size, 3), in several blocks side by side.

    A square is drawn with 128 pixels a side, whatever its size.
    """
    columns = max(len(squares) for _, squares in rows)
    height = -(-len(rows) // blocks)
    blocks = -(-len(rows) // height)
    block_width = columns * (SIDE + GAP) + MARGIN
    row_height = SIDE + MARGIN
    sheet = np.full((TITLE + height * row_height + GAP, blocks * block_width, 3), 255, np.uint8)
    figure = Figure(figsize=(sheet.shape[1] / DPI, sheet.shape[0] / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for number, (label, squares) in enumerate(rows):
        left, top = number // height * block_width + MARGIN // 2, TITLE + number % height * row_height
        axes.text(left, top + MARGIN - 5, label, fontsize=7, parse_math=False)
        for column, square in enumerate(squares):
            x, y = left + column * (SIDE + GAP), top + MARGIN
            drawn = Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            sheet[y : y + SIDE, x : x + SIDE] = np.asarray(drawn)
    axes.text(MARGIN // 2, MARGIN // 2, title, fontsize=8, va="top", parse_math=False)
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    return figure
