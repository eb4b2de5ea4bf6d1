"""Pieces of the pages that show figures: tables, bars, pictures and charts inside the page itself."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from fieldguide.pages.png import png

if TYPE_CHECKING:  # slow to import, and pages without charts do without
    from matplotlib.figure import Figure

THUMBNAIL = 192  # pixels of the longer side


def html_table(heads: Sequence[str], rows: Sequence[str], kind: str = "") -> str:
    """A table that scrolls sideways where it is too wide; `rows` are HTML, `heads` plain text."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(rows)
    return f'<div class="overview {kind}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def share_cell(value: float, interval: tuple[float, float] | None = None) -> str:
    """A cell with a share of 0 to 1, its bar, and its interval."""
    between = f"<small>{100 * interval[0]:.0f} to {100 * interval[1]:.0f}</small>" if interval else ""
    return f'<td class="share" style="--share: {100 * value:.1f}%">{percent(value)} {between}</td>'


def image_tag(picture: Image.Image, text: str = "", side: int = THUMBNAIL) -> str:
    """A picture whose longer side is at most `side` pixels."""
    small = picture.copy()
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return f'<img alt="{escape(text)}" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def chart_tag(figure: "Figure", text: str) -> str:
    """A figure without a background, whose colours the styles turn where the page is dark."""
    source = f"data:image/png;base64,{base64.b64encode(png(figure, transparent=True)).decode()}"
    return f'<div class="overview"><img class="chart" alt="{text}" src="{source}"></div>'


def percent(value: float) -> str:
    """A share in per cent."""
    return f"{100 * value:.1f} %"


def number(value: float) -> str:
    """A figure with three digits."""
    return f"{value:.3f}"


STYLE = """\
h3 { font-size: 1rem; font-weight: 600; margin: 1.25rem 0 .5rem; }
small { color: var(--soft); font-size: .8rem; white-space: nowrap; }
img { display: block; max-width: 100%; border-radius: .25rem; }
.chart { margin: 0 auto; padding: .5rem; width: 36rem; }
@media (prefers-color-scheme: dark) { .chart { filter: invert(1) hue-rotate(180deg); } }
"""
