"""A section of the page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """Its place in the page's address, its heading, its template, and what that shows as `found`."""

    anchor: str
    title: str
    template: str
    found: object
