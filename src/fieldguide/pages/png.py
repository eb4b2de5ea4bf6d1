"""Figures as PNG files; the same numbers and pictures give the same bytes."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.base.files import replace_file

if TYPE_CHECKING:  # slow to import, and who has a figure has done so
    from matplotlib.figure import Figure

DPI = 120
COMPRESSION = 3  # of 9: at matplotlib's 6 a picture takes three times as long and is a seventh smaller


def png(figure: "Figure", transparent: bool = False) -> bytes:
    """A figure as the bytes of a PNG file, without the time and version that matplotlib adds."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=DPI,
        metadata={"Software": None},
        transparent=transparent,
        pil_kwargs={"compress_level": COMPRESSION},
    )
    return buffer.getvalue()


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, atomically."""
    with replace_file(path) as partial:
        partial.write_bytes(png(figure))
