"""The parts of a batch: each site and each month by itself, beside the known pictures."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from fieldguide.base.progress import progress
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch import Batch
from fieldguide.prediction.batch_page import BatchFindings, Part, in_short
from fieldguide.prediction.batch_verdict import Kind
from fieldguide.statistics.two_sample import differ_together

MIN_PART = 10  # pictures: with fewer no test could become significant


def parts_of(
    batch: Batch, known_sites: Collection[str], compare: Callable[[str, Batch, int], BatchFindings]
) -> list[Part]:
    """The sites of a batch and the months in which it was taken, by name, as far as they are known.

    What is of one site is told only if that is new, and months only if there are several: else a part is the whole. All
    are judged together: see `differ_together`.

    Parameters
    ----------
    known_sites
        Those that the classifier was trained on; empty if they are not known, and then no site is called new.
    compare
        Gives what screening finds in a part, by its name, and by how many are compared.
    """
    parts = list(_divided(batch, known_sites))
    among = sum(len(some.answers) >= MIN_PART for *_, some in parts)
    shown = progress(parts, "screen, sites and months", len(parts), "parts")
    found = [compare(name, some, among) if len(some.answers) >= MIN_PART else None for _, name, _, some in shown]
    tested = [one for one in found if one is not None]
    differ = iter(differ_together([one.shift for one in tested]))
    judged = [one if one is None or next(differ) else replace(one, kind=Kind.KNOWN) for one in found]
    return [
        Part(
            by,
            name,
            is_new,
            len(some.answers),
            sum(bool(answer.out_of_domain) for answer in some.answers),
            "too few to test" if one is None else in_short(one),
        )
        for (by, name, is_new, some), one in zip(parts, judged, strict=True)
    ]


def _divided(batch: Batch, known_sites: Collection[str]) -> Iterator[tuple[str, str, bool, Batch]]:
    """By what, name, whether that is a new site, and the pictures of every part."""
    for by, name_of in (("site", _site), ("month", _month)):
        places: dict[str, list[int]] = {}
        for place, answer in enumerate(batch.answers):
            if name := name_of(answer):
                places.setdefault(name, []).append(place)
        for name, some in sorted(places.items()):
            is_new = by == "site" and bool(known_sites) and name not in known_sites
            if len(places) > 1 or is_new:
                yield by, name, is_new, _some(batch, some)


def _some(batch: Batch, places: Sequence[int]) -> Batch:
    return Batch([batch.pictures[place] for place in places], [batch.answers[place] for place in places], 0)


def _site(answer: Answer) -> str | None:
    return answer.known.site


def _month(answer: Answer) -> str | None:
    return f"{answer.known.time:%Y-%m}" if answer.known.time else None
