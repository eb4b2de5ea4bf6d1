"""The commands `fieldguide rollout` and `fieldguide confirm`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from fieldguide.base.csv_cells import csv_line
from fieldguide.base.errors import UserError, printable
from fieldguide.base.git import user_or_account_name
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.terminal import key_values, table
from fieldguide.configuration.compose import compose
from fieldguide.prediction.log import confirm_labels, read_labels_csv, read_log
from fieldguide.release.registry import Registry
from fieldguide.release.rollout.evidence import Need, needs_of
from fieldguide.release.rollout.steps import NEXT, candidates, unrecorded
from fieldguide.release.versions import CHAMPION, Event, Version


@dataclass(frozen=True)
class Standing:
    """A version in a step, since when, and what it has and needs for the next one; nothing for the champion."""

    version: Version
    step: str
    since: str
    needs: Sequence[Need]


@dataclass(frozen=True)
class RolloutState:
    """The champion, None if there is none; the candidates, the one that is furthest first; what the history lacks."""

    champion: Standing | None
    candidates: Sequence[Standing]
    warnings: Sequence[str]

    @property
    def content(self) -> dict[str, object]:
        """For a JSON document."""
        shown = [_as_content(one) for one in self.candidates]
        return {
            CHAMPION: _as_content(self.champion) if self.champion else None,
            "candidates": shown,
            "warnings": list(self.warnings),
        }


def rollout_state(paths: Paths) -> RolloutState:
    """Which version is in which step, and what each candidate has and needs."""
    registry = Registry(paths)
    at_champion, cfg, history = registry.at(CHAMPION), compose(paths), registry.history()
    champion = Standing(at_champion, CHAMPION, _since(history, CHAMPION), []) if at_champion else None
    standing = [
        Standing(version, step, _since(history, step), needs_of(cfg, paths, registry, step, version))
        for step, version in candidates(registry)
    ]
    warnings = [f"{line}: moved without `fieldguide rollout`" for line in unrecorded(registry, history)]
    return RolloutState(champion, standing, warnings)


def status(paths: Paths, as_document: bool = False) -> str:
    """The state of the roll-out in lines, or as JSON."""
    state = rollout_state(paths)
    if as_document:
        return as_json(state.content)
    champion, standing = state.champion, state.candidates
    versions = [(CHAMPION, _version(champion) if champion else "none yet")]
    first, *others = key_values([*versions, *((one.step, _version(one)) for one in standing)]).split("\n")
    lines = [first]
    for line, one in zip(others, standing, strict=True):
        needs = key_values((f"for {NEXT[one.step]}: {need.name}", _evidence(need)) for need in one.needs)
        lines += [line, indent(needs, "  ")]
    return "\n".join([*lines, *(f"warning: {line}" for line in state.warnings)])


def history_text(paths: Paths, as_csv: bool) -> str:
    """Every move of an alias, the first one first, as lines to read or as CSV."""
    events = Registry(paths).history()
    if as_csv:
        names = ["at", "who", "action", "alias", "before", "after", "why"]
        lines = [
            names,
            *([printable(one) if isinstance(one, str) else one for one in vars(event).values()] for event in events),
        ]
        return "".join(map(csv_line, lines)).rstrip("\n")
    return table(map(_cells, events)) or "no version is registered yet: `fieldguide rollout register RUN`"


def move_in_words(event: Event) -> str:
    """A move in one line."""
    return table([_cells(event)])


def _cells(event: Event) -> list[str]:
    before, after = (f"version {number}" if number else "none" for number in (event.before, event.after))
    moved = f"{event.alias}: {before} -> {after}"
    return [f"{event.at[:19]}Z", event.action, moved, f"{_one_line(event.who)}: {_one_line(event.why)}"]


def confirm(paths: Paths, arguments: Sequence[str]) -> str:
    """Record the true labels of pictures: a CSV file with the columns id and label, or an id and its label.

    Returns a line that says what was done. Raises UserError if the log knows no prediction of a picture.
    """
    if len(arguments) == 2:
        labels = [(arguments[0], arguments[1])]
    elif len(arguments) == 1:
        labels = read_labels_csv(Path(arguments[0]))
    else:
        raise UserError("give a CSV file, or the id of a picture and its label")
    new = record_labels(paths, labels)
    hint = f"; no model ever predicted {', '.join(map(repr, new))}" if new else ""
    return f"recorded {len(labels)} labels{hint}"


def record_labels(paths: Paths, labels: Sequence[tuple[str, str]]) -> list[str]:
    """Record the true labels of pictures by their ids, "" to take one back; returns those that no model ever predicted.

    Raises UserError, before anything is recorded, if the log knows no prediction of a picture.
    """
    log = read_log(paths)
    said = {printable(label): label for label in log["prediction"]}  # as `fieldguide predict` prints them
    labels = [(identity, said.get(label, label)) for identity, label in labels]
    unknown = [identity for identity, _ in labels if identity not in set(log["id"])]
    if unknown:
        raise UserError(
            f"{len(unknown)} of {len(labels)} pictures are not in the prediction log (the first: {unknown[0]}): "
            "nothing was recorded; ids are those that `fieldguide predict --log` prints"
        )
    confirm_labels(paths.log, labels, user_or_account_name(paths.checkout))
    return sorted({label for _, label in labels} - {*log["prediction"], ""})


def _evidence(need: Need) -> str:
    return f"{'enough' if need.met else 'MISSING'}: {need.said}"


def _since(history: Sequence[Event], step: str) -> str:
    return next((event.at for event in reversed(history) if event.alias == step), "")


def _version(standing: Standing) -> str:
    version, since = standing.version, standing.since[:10]
    return f"version {version.number}  since {since}, run {version.run[:8]}, model {version.model_sha256[:16]}"


def _as_content(standing: Standing) -> dict[str, object]:
    version = standing.version
    content = {"version": version.number, "step": standing.step, "since": standing.since or None, "run": version.run}
    needs = {"next": NEXT[standing.step], "needs": [vars(need) for need in standing.needs]} if standing.needs else {}
    return {**content, "model_sha256": version.model_sha256, **needs}


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
