"""Moving versions from step to step by the evidence, and back at once: challenger, shadow, limited, champion."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fieldguide.base.config import Config, RolloutNeeds
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.prediction.log import read_confirmed, read_log
from fieldguide.rollout.registry import Registry
from fieldguide.rollout.versions import CHALLENGER, CHAMPION, LIMITED, SHADOW, STEPS, Event, Version

NEXT = {CHALLENGER: SHADOW, SHADOW: LIMITED, LIMITED: CHAMPION}


@dataclass(frozen=True)
class Need:
    """One thing that a step needs, what there is of it, and whether that is enough."""

    name: str
    wanted: str
    found: str
    met: bool


class Refused(Exception):
    """The evidence for a step is missing; the message says what."""


def candidates(registry: Registry) -> list[tuple[str, Version]]:
    """The versions on their way, each with its furthest step, the one that is furthest first."""
    found = [(step, registry.at(step)) for step in (LIMITED, SHADOW, CHALLENGER)]
    return [(step, version) for step, version in found if version and version.steps[-1] == step]


def needs_of(cfg: Config, paths: Paths, registry: Registry, step: str, version: Version) -> list[Need]:
    """What a version in `step` needs to take the next one."""
    champion = registry.at(CHAMPION)
    needs = [_gate(version, champion)]
    if step == CHALLENGER:
        return needs
    wanted = cfg.rollout.limited if step == SHADOW else cfg.rollout.champion
    log, confirmed = read_log(paths), read_confirmed(paths)
    return needs + seen(wanted, log, confirmed, step, version.number, champion.number if champion else None)


def seen(
    wanted: RolloutNeeds,
    log: pd.DataFrame,
    confirmed: pd.DataFrame,
    step: str,
    version: int,
    champion: int | None,
) -> list[Need]:
    """What the prediction log says of a version in a step; of each picture its last prediction counts.

    Parameters
    ----------
    log, confirmed
        As `fieldguide.prediction.log` reads them.
    champion
        None if there is none: then there is nobody to agree with.
    """
    mine = log[(log["version"] == version) & (log["step"] == step)]
    days = mine["at"].dt.date.nunique()
    mine = mine.drop_duplicates("id", keep="last")
    others = log[log["version"] == champion].drop_duplicates("id", keep="last")
    both = mine.merge(others[["id", "prediction"]], on="id", suffixes=("", "_champion"))
    known = mine.merge(confirmed[["id", "label"]], on="id")
    alarms = mine["out_of_domain"].dropna().astype(bool)
    agreed = both["prediction"] == both["prediction_champion"]
    right = known["prediction"] == known["label"]
    asked = [
        (wanted.predictions > 0, _at_least("predictions", wanted.predictions, len(mine))),
        (wanted.days > 0, _at_least("days", wanted.days, days)),
        (
            wanted.agreement > 0 and champion is not None,
            _share("agreement with the champion", wanted.agreement, agreed, wanted.predictions),
        ),
        (wanted.confirmed > 0, _at_least("confirmed labels", wanted.confirmed, len(known))),
        (
            wanted.confirmed_accuracy > 0,
            _share("right of the confirmed", wanted.confirmed_accuracy, right, wanted.confirmed),
        ),
        (wanted.max_alarm_rate < 1, _alarms(wanted.max_alarm_rate, alarms)),
    ]
    return [need for is_asked, need in asked if is_asked]


def advance(cfg: Config, paths: Paths, who: str, why: str = "", step: str | None = None) -> Event:
    """Move the version that is furthest, or that in `step`, one step on.

    Raises
    ------
    Refused
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
            registry.move(earlier, None, "advance", who, f"now in {version.steps[-1]}")
    here = [(at, version) for at, version in candidates(registry) if step in (None, at)]
    if not here:
        raise UserError(f"no version stands in {step or 'any step before champion'}: `fieldguide rollout register RUN`")
    at, version = here[0]
    missing = [need for need in needs_of(cfg, paths, registry, at, version) if not need.met]
    if missing:
        told = "; ".join(f"{need.name}: {need.found}, needed {need.wanted}" for need in missing)
        raise Refused(f"version {version.number} stays in {at}: {told}")
    if at != CHALLENGER:  # a shadow's answers count nothing
        registry.check(version)
    event = registry.move(NEXT[at], version.number, "advance", who, why or f"evidence of {at} is complete")
    registry.move(at, None, "advance", who, f"now in {NEXT[at]}")
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
        raise UserError("there was no champion before this one: name a version with --to")
    version = registry.version(target)
    if champion and champion.number == target:
        raise UserError(f"version {target} is the champion already")
    if not any(target in (event.before, event.after) for event in history if event.alias == CHAMPION):
        raise UserError(
            f"version {target} was never champion: the way there is `fieldguide gate` and `rollout advance`"
        )
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
            raise UserError(f"no version stands in {step}: only one in challenger, shadow or limited can be withdrawn")
        return registry.move(step, None, "withdraw", who, why or "withdrawn")


def unrecorded(registry: Registry, history: Sequence[Event]) -> list[str]:
    """What the history does not say: aliases that were moved by other means, or a move that did not get done."""
    last: dict[str, int | None] = {event.alias: event.after for event in history}
    lines = []
    for alias in STEPS:
        version = registry.at(alias)
        now = version.number if version else None
        if now != last.get(alias):
            lines.append(f"{alias} names {_named(now)}, the history says {_named(last.get(alias))}")
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


def _gate(version: Version, champion: Version | None) -> Need:
    against = champion.number if champion else None
    wanted = f"accepted against {_named(against)}" if champion else "accepted against the baselines"
    if version.gate is None:
        return Need("gate", wanted, "not judged yet (`fieldguide gate`)", False)
    found = f"{version.gate['verdict']} against {_named(version.gate['against'])}"
    if champion is None and version.gate["against"] is None:
        found = f"{version.gate['verdict']} against the baselines"
    return Need("gate", wanted, found, bool(version.gate["accepted"]) and version.gate["against"] == against)


def _at_least(name: str, wanted: int, found: int) -> Need:
    return Need(name, str(wanted), str(found), found >= wanted)


def _share(name: str, wanted: float, hits: "pd.Series[bool]", least: int) -> Need:
    share = float(hits.mean()) if len(hits) else 0.0
    enough = len(hits) >= least
    return Need(name, f"{wanted:.2f} of at least {least}", f"{share:.3f} of {len(hits)}", enough and share >= wanted)


def _alarms(at_most: float, alarms: "pd.Series[bool]") -> Need:
    if alarms.empty:
        return Need("out-of-domain alarms", f"at most {at_most:.2f}", "not measured", True)
    rate = float(alarms.mean())
    return Need("out-of-domain alarms", f"at most {at_most:.2f}", f"{rate:.3f} of {len(alarms)}", rate <= at_most)


def _named(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"
