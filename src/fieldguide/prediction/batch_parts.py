"""The parts of a batch: each site and each month by itself, beside the known pictures."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from fieldguide.base.errors import printable
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch import Batch
from fieldguide.prediction.batch_page import BatchFindings, verdict

MIN_PART = 10  # pictures: with fewer no test could become significant


@dataclass(frozen=True)
class Part:
    """A site or month of a batch, and what screening found in it; None where it has too few pictures to tell."""

    by: str
    name: str
    is_new: bool  # a site that the classifier was not trained on
    pictures: int
    alarms: int
    found: BatchFindings | None

    def said(self) -> str:
        """One line about it."""
        new = ", new to the classifier" if self.is_new else ""
        counts = f"{self.by} {printable(self.name)} ({self.pictures} pictures, {self.alarms} out of domain{new})"
        return f"{counts}: {'too few to test' if self.found is None else verdict(self.found)}"


def parts_of(
    batch: Batch, known_sites: Collection[str], compare: Callable[[str, Batch], BatchFindings]
) -> Iterator[Part]:
    """The sites of a batch and the months in which it was taken, by name, as far as they are known.

    What is of one site is told only if that is new, and months only if there are several: else a part is the whole.

    Parameters
    ----------
    known_sites
        Those that the classifier was trained on; empty if they are not known, and then no site is called new.
    compare
        Gives what screening finds in a part, by its name.
    """
    for by, name_of in (("site", _site), ("month", _month)):
        places: dict[str, list[int]] = {}
        for place, answer in enumerate(batch.answers):
            if name := name_of(answer):
                places.setdefault(name, []).append(place)
        for name, some in sorted(places.items()):
            is_new = by == "site" and bool(known_sites) and name not in known_sites
            if len(places) > 1 or is_new:
                yield _part(by, name, is_new, _some(batch, some), compare)


def _part(by: str, name: str, is_new: bool, part: Batch, compare: Callable[[str, Batch], BatchFindings]) -> Part:
    alarms = sum(bool(answer.out_of_domain) for answer in part.answers)
    found = compare(name, part) if len(part.answers) >= MIN_PART else None
    return Part(by, name, is_new, len(part.answers), alarms, found)


def _some(batch: Batch, places: Sequence[int]) -> Batch:
    return Batch([batch.pictures[place] for place in places], [batch.answers[place] for place in places], 0)


def _site(answer: Answer) -> str | None:
    return answer.known.site


def _month(answer: Answer) -> str | None:
    return f"{answer.known.time:%Y-%m}" if answer.known.time else None
