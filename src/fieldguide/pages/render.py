"""The one way to an HTML page: Jinja2 templates in which every value is escaped.

A template is named by its room and file, `evaluation/page.html` for evaluation/templates/page.html, and may extend or
import those of its own room and of rooms before it. `pages/base.html` is what all pages have in common: one file that
loads nothing from the network, for phone and desktop, light and dark.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined

from fieldguide.base.errors import printable
from fieldguide.base.shares import bare_p_value, between, decimal, percent, significant, with_interval, written
from fieldguide.pages.parts import chart_uri, in_words, picture_uri

PACKAGE = Path(__file__).parents[1]


def render(template: str, **values: object) -> str:
    """A page as HTML: a template with its values.

    Raises jinja2.TemplateError where there is no such template, or where it uses a value that is not given.
    """
    return _environment().get_template(template).render(values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(template_source),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shares = (between, percent, significant, with_interval, written)
    filters = {"chart": chart_uri, "in_words": in_words, "number": decimal, "p_value": bare_p_value}
    environment.filters.update(filters | {"picture": picture_uri} | {one.__name__: one for one in shares})
    return environment


def template_source(template: str) -> tuple[str, str, None] | None:
    """A template's text and file, for jinja2."""
    room, _, file = template.partition("/")
    path = PACKAGE / room / "templates" / file
    return (path.read_text(encoding="utf-8"), str(path), None) if path.is_file() else None


def _shown(value: object) -> object:
    """A value as a page shows it: characters that cannot be seen, or turn the direction of writing, as escapes."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
