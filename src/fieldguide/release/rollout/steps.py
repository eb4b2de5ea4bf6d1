"""Moving versions from step to step by the evidence, and back immediately: challenger, shadow, limited, champion."""

from collections.abc import Sequence

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.release.registry import Registry
from fieldguide.release.rollout.evidence import named, needs_of
from fieldguide.release.versions import CHALLENGER, CHAMPION, LIMITED, SHADOW, STEPS, Event, Version

NEXT = {CHALLENGER: SHADOW, SHADOW: LIMITED, LIMITED: CHAMPION}


class EvidenceMissing(Exception):
    """The evidence for a step is missing; the message says which."""


def candidates(registry: Registry) -> list[tuple[str, Version]]:
    """The versions on their way, each with its furthest step, the one that is furthest first."""
    found = [(step, registry.at(step)) for step in (LIMITED, SHADOW, CHALLENGER)]
    return [(step, version) for step, version in found if version and version.steps[-1] == step]


def advance(cfg: Config, paths: Paths, who: str, why: str = "", step: str | None = None) -> Event:
    """Move the version that is furthest, or that in `step`, one step on.

    Raises
    ------
    EvidenceMissing
        If evidence is missing: says all that is.
    UserError
        If no version is there, if it does not load and predict, or if MLflow does not answer.
    """
    registry = Registry(paths)
    with registry.lock:
        return _advance(cfg, paths, registry, who, why, step)


def _advance(cfg: Config, paths: Paths, registry: Registry, who: str, why: str, step: str | None) -> Event:
    for version in registry.versions():
        for earlier in version.steps[:-1]:  # left by an advance that was killed
            registry.move(earlier, None, "advance", who, f"moved to {version.steps[-1]}")
    here = [(at, version) for at, version in candidates(registry) if step in (None, at)]
    if not here:
        raise UserError(f"no version is in {step or 'any step before champion'}: `fieldguide rollout register RUN`")
    at, version = here[0]
    missing = [need for need in needs_of(cfg, paths, registry, at, version) if not need.met]
    if missing:
        found = "; ".join(f"{need.name}: {need.said}" for need in missing)
        raise EvidenceMissing(f"version {version.number} stays in {at}: {found}")
    if at != CHALLENGER:  # a shadow's answers count nothing
        registry.check(version)
    event = registry.move(NEXT[at], version.number, "advance", who, why or f"evidence of {at} is complete")
    registry.move(at, None, "advance", who, f"moved to {NEXT[at]}")
    return event


def rollback(paths: Paths, who: str, why: str = "", to: int | None = None) -> Event:
    """Make an earlier version the champion again: `to`, or the one before the present one.

    Nothing is asked but that it was champion before, and loads and predicts. Raises UserError if it does not, or if
    there is none.
    """
    registry = Registry(paths)
    with registry.lock:
        return _rollback(registry, who, why, to)


def _rollback(registry: Registry, who: str, why: str, to: int | None) -> Event:
    champion = registry.at(CHAMPION)
    history = registry.history()
    target = to if to is not None else _before(history, champion)
    if target is None:
        raise UserError("there was no champion before this one: choose a version with --to")
    version = registry.version(target)
    if champion and champion.number == target:
        raise UserError(f"version {target} is the champion already")
    if not any(target in (event.before, event.after) for event in history if event.alias == CHAMPION):
        raise UserError(f"version {target} was never champion: use `fieldguide gate` and `fieldguide rollout advance`")
    registry.check(version)
    event = registry.move(CHAMPION, target, "rollback", who, why or "rolled back")
    for step in version.steps:  # what answers everywhere is no candidate
        registry.move(step, None, "rollback", who, "champion again")
    return event


def withdraw(paths: Paths, step: str, who: str, why: str = "") -> Event:
    """Take the version in a step before champion out of the roll-out. Raises UserError if none is there."""
    registry = Registry(paths)
    with registry.lock:
        if step not in NEXT or not registry.at(step):
            raise UserError(f"no version is in {step}: only one in challenger, shadow or limited can be withdrawn")
        return registry.move(step, None, "withdraw", who, why or "withdrawn")


def unrecorded(registry: Registry, history: Sequence[Event]) -> list[str]:
    """Where the history is incomplete: aliases that were moved by other means, or a move that was not completed."""
    last: dict[str, int | None] = {event.alias: event.after for event in history}
    lines = []
    for alias in STEPS:
        version = registry.at(alias)
        now = version.number if version else None
        if now != last.get(alias):
            lines.append(f"{alias} is at {named(now)}, the history says {named(last.get(alias))}")
    return lines


def _before(history: Sequence[Event], champion: Version | None) -> int | None:
    """The champion before this one, of those that were not rolled back from."""
    stack: list[int] = []
    for event in history:
        if event.alias != CHAMPION or event.after is None:
            continue
        if event.action == "rollback" and event.after in stack:
            del stack[stack.index(event.after) + 1 :]
        else:
            stack.append(event.after)
    now = champion.number if champion else None
    while now in stack and stack[-1] != now:  # a move that was written down and then not done
        stack.pop()
    return next((number for number in reversed(stack) if number != now), None)
