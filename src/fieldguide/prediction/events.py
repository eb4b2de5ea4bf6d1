"""Events: what one camera took at one go, answered for as a whole."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.base.errors import UserError
from fieldguide.data.moments import comparable

if TYPE_CHECKING:  # it imports PyTorch
    from fieldguide.prediction.answers import Answer

GAP = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|)")
SECONDS = {"s": 1, "m": 60, "h": 3600}

Answered = tuple[str, "Answer"]
Moment = tuple[datetime | None, Answered]  # for comparing it with others of its site


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
    ordered = _in_order(answered)
    start: Moment | None = None
    number = 0
    numbered: list[tuple[int, Answered]] = []
    for moment, one in ordered:
        if start is None or not _same(start, (moment, one), gap):
            number += 1
        numbered.append((number, one))
        start = moment, one
    for _, members in groupby(numbered, key=lambda pair: pair[0]):
        yield _event([one for _, one in members])


def _in_order(answered: Iterable[Answered]) -> list[Moment]:
    """The answers by site, sequence and time, with what a site's times are compared by: see `comparable`."""
    told = list(answered)
    times: dict[str | None, list[datetime | None]] = defaultdict(list)
    for _, answer in told:
        times[answer.known.site].append(answer.known.time)
    moment_of = {site: comparable(some) for site, some in times.items()}
    moments = [
        (moment_of[answer.known.site](answer.known.time) if answer.known.time else None, (name, answer))
        for name, answer in told
    ]
    return sorted(moments, key=_place)


def _place(one: Moment) -> tuple[bool, str, str, datetime, str]:
    moment, (name, answer) = one
    known = answer.known
    is_lone = moment is None and known.sequence is None
    return is_lone, known.site or "", known.sequence or "", moment or datetime.min, name


def _same(before: Moment, now: Moment, gap: timedelta) -> bool:
    one, other = before[1][1].known, now[1][1].known
    if one.site != other.site or one.sequence != other.sequence:
        return False
    if one.sequence is not None:
        return True
    return before[0] is not None and now[0] is not None and now[0] - before[0] < gap


def _event(members: Sequence[Answered]) -> Answered:
    """The answer for what is in the order of its times."""
    name, first = members[0]
    files = len({one for one, _ in members})
    read = [answer for _, answer in members if answer.probabilities is not None]
    times = [answer.known.time for _, answer in members if answer.known.time]
    known = replace(first.known, box=None, time=times[0] if times else None)
    base = replace(first, known=known, pictures=files, until=times[-1] if times else None)
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
