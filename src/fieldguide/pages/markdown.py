"""Markdown from Jinja2 templates in which every text is escaped, so that it is shown as it is."""

import re
from functools import cache

from jinja2 import Environment, FunctionLoader, StrictUndefined

from fieldguide.base.errors import printable
from fieldguide.base.shares import decimal, percent
from fieldguide.pages.parts import in_words
from fieldguide.pages.render import template_source

# Of CommonMark, tables, HTML, formulas and mentions; a bare address would become a link.
SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&$#!@]|:(?=//)")


def escaped(text: str) -> str:
    """A text for the inside of a line or of a table's cell, where no part of it has a meaning for Markdown."""
    return SPECIAL.sub(lambda found: f"\\{found[0]}", printable(text))


def render_markdown(template: str, **values: object) -> str:
    """A template with its values, as `fieldguide.pages.render.render` takes them, as Markdown.

    Raises jinja2.TemplateError where there is no such template, or where it uses a value that is not given.
    """
    return _environment().get_template(template).render(values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(template_source),
        undefined=StrictUndefined,
        finalize=lambda value: escaped(value) if isinstance(value, str) else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"in_words": in_words, "number": decimal, "percent": percent})
    return environment
