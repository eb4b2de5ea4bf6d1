"""What a version needs to take its next step, and what it has: the gate's verdict and the prediction log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from fieldguide.base.config import Config, RolloutNeeds
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal, written
from fieldguide.prediction.log import read_confirmed, read_log
from fieldguide.release.registry import Registry
from fieldguide.release.versions import CHALLENGER, CHAMPION, SHADOW, Event, Version


@dataclass(frozen=True)
class Need:
    """One thing that a step needs, what the version has, and whether that is enough."""

    name: str
    wanted: str
    found: str
    met: bool

    @property
    def said(self) -> str:
        """What the version has, beside what is needed."""
        return f"{self.found} (needed: {self.wanted})"


def needs_of(cfg: Config, paths: Paths, registry: Registry, step: str, version: Version) -> list[Need]:
    """What a version in `step` needs to take the next one."""
    champion, history = registry.at(CHAMPION), registry.history()
    needs = [_gate(version, champion, history)]
    if step == CHALLENGER:
        return needs
    wanted = cfg.rollout.limited if step == SHADOW else cfg.rollout.champion
    since = _entered(history, step, version.number)
    if since is None:
        return [
            *needs,
            Need("since when", "a move in the history", "none: it was moved without `fieldguide rollout`", False),
        ]
    log, confirmed = read_log(paths), read_confirmed(paths)
    return needs + seen(wanted, log, confirmed, step, since, version.number, champion.number if champion else None)


def seen(
    wanted: RolloutNeeds,
    log: pd.DataFrame,
    confirmed: pd.DataFrame,
    step: str,
    since: datetime,
    version: int,
    champion: int | None,
) -> list[Need]:
    """What the prediction log shows about a version in a step; of each picture its last prediction counts.

    Parameters
    ----------
    log, confirmed
        As `fieldguide.prediction.log` reads them.
    since
        When the version came into the step: its predictions in an earlier stay do not count.
    champion
        None if there is none: then agreement is not needed.
    """
    mine = log[(log["version"] == version) & (log["step"] == step) & (log["at"] >= since)]
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
            _share("confirmed predictions that are right", wanted.confirmed_accuracy, right, wanted.confirmed),
        ),
        (wanted.max_alarm_rate < 1, _alarms(wanted.max_alarm_rate, alarms, wanted.predictions)),
    ]
    return [need for is_asked, need in asked if is_asked]


def _gate(version: Version, champion: Version | None, history: Sequence[Event]) -> Need:
    against = champion.number if champion else None
    wanted = f"accepted by the gate against {named(against) if champion else 'the baselines'}"
    if version.gate is None:
        return Need("gate", wanted, "not judged yet: run `fieldguide gate`", False)
    found = f"{version.gate['verdict']} against {named(version.gate['against'])}"
    if champion is None and version.gate["against"] is None:
        found = f"{version.gate['verdict']} against the baselines"
    registered = max(
        (event.at for event in history if event.alias == CHALLENGER and event.after == version.number), default=""
    )
    if version.gate["at"] < registered:
        return Need("gate", wanted, f"{found}, before it was registered again: run `fieldguide gate`", False)
    return Need("gate", wanted, found, bool(version.gate["accepted"]) and version.gate["against"] == against)


def _at_least(name: str, wanted: int, found: int) -> Need:
    return Need(name, str(wanted), str(found), found >= wanted)


def _share(name: str, wanted: float, hits: "pd.Series[bool]", least: int) -> Need:
    share = float(hits.mean()) if len(hits) else 0.0
    is_met = len(hits) >= least and share >= wanted
    return Need(name, f"{written(wanted, '.2f')} of at least {least}", f"{decimal(share)} of {len(hits)}", is_met)


def _alarms(at_most: float, alarms: "pd.Series[bool]", least: int) -> Need:
    wanted = f"at most {written(at_most, '.2f')} of at least {max(least, 1)}"
    if alarms.empty:
        return Need("out-of-domain alarms", wanted, "no prediction in the log has a p-value", False)
    rate = float(alarms.mean())
    return Need(
        "out-of-domain alarms", wanted, f"{decimal(rate)} of {len(alarms)}", len(alarms) >= least and rate <= at_most
    )


def _entered(history: Sequence[Event], step: str, version: int) -> datetime | None:
    """When a version came into the step that it is in; None if the history has no such move."""
    last = next((event for event in reversed(history) if event.alias == step), None)
    return datetime.fromisoformat(last.at) if last and last.after == version else None


def named(number: int | None) -> str:
    """A version in words."""
    return "no version" if number is None else f"version {number}"
