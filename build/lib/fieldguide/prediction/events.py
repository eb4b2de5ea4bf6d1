"""Events: what one camera took at one go, answered for as a whole."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.base.errors import UserError

if TYPE_CHECKING:  # it imports PyTorch
    from fieldguide.prediction.answers import Answer

GAP = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|)")
SECONDS = {"s": 1, "m": 60, "h": 3600}

Answered = tuple[str, "Answer"]


def gap_of(text: str) -> timedelta:
    """A gap as people write it: `60s`, `2min`, `1h`, or a number of seconds. Raises UserError for anything else."""
    found = GAP.fullmatch(text.strip().lower())
    if not found or float(found[1]) * SECONDS[found[2][:1] or "s"] > 366 * 24 * 3600:
        raise UserError(f"--events: {text!r} is no gap between pictures: give one as 60s, 2min or 1h")
    return timedelta(seconds=float(found[1]) * SECONDS[found[2][:1] or "s"])


def in_events(answered: Iterable[Answered], gap: timedelta) -> Iterator[Answered]:
    """One answer for each event, in the order of sites and times; those without a time come last, one by one.

    An event is a sequence where that is known. Else it is what one site took with less than `gap` from one picture to
    the next. Its answer is named after its first picture; the probabilities are averaged over all of its pictures and
    boxes that could be read, the p-value is their median, and the alarm is that of most of them.
    """
    ordered = sorted(answered, key=_place)
    start: Answered | None = None
    number = 0
    numbered: list[tuple[int, Answered]] = []
    for one in ordered:
        if start is None or not _same(start[1], one[1], gap):
            number += 1
        numbered.append((number, one))
        start = one
    for _, members in groupby(numbered, key=lambda pair: pair[0]):
        yield _event([one for _, one in members])


def _place(one: Answered) -> tuple[bool, str, str, str, str]:
    known = one[1].known
    moment = known.time.isoformat() if known.time else ""
    is_lone = known.time is None and known.sequence is None
    return is_lone, known.site or "", known.sequence or "", moment, one[0]


def _same(before: "Answer", now: "Answer", gap: timedelta) -> bool:
    one, other = before.known, now.known
    if one.site != other.site or one.sequence != other.sequence:
        return False
    if one.sequence is not None:
        return True
    return one.time is not None and other.time is not None and other.time - one.time < gap


def _event(members: Sequence[Answered]) -> Answered:
    name, first = members[0]
    files = len({one for one, _ in members})
    read = [answer for _, answer in members if answer.probabilities is not None]
    times = [answer.known.time for _, answer in members if answer.known.time]
    known = replace(first.known, box=None, time=min(times, default=None))
    base = replace(first, known=known, pictures=files, until=max(times, default=None))
    if not read:
        is_empty = all(answer.is_empty for _, answer in members)
        return name, replace(base, is_empty=is_empty)
    probabilities = np.mean(np.stack([row for answer in read if (row := answer.probabilities) is not None]), axis=0)
    p_values = [answer.p_value for answer in read if answer.p_value is not None]
    alarms = [answer for answer in read if answer.out_of_domain]
    alarm = 2 * len(alarms) > len(read) if p_values else None
    return name, replace(
        base,
        probabilities=probabilities,
        p_value=float(np.median(p_values)) if p_values else None,
        out_of_domain=alarm,
        reason=alarms[0].reason if alarm else "",
        is_empty=False,
    )
