"""What `add` writes to params.yaml: the new data set, and how it is divided; all else there stays."""

import re
from dataclasses import fields
from typing import Any

import pandas as pd

from fieldguide.base.config import CleanConfig, SplitConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import set_comment, set_values
from fieldguide.data.split_keys import LOOK_ALIKE
from fieldguide.data.split_proposal import SplitProposal
from fieldguide.data.split_shortage import shortage
from fieldguide.data.splits import split_pictures

MARK = "fieldguide add"  # begins the comment that says why
NEW: dict[str, Any] = {
    "group_by": LOOK_ALIKE,
    "seed": 0,
    "test_from": None,
}  # those of the last data set are none of the next
PROPOSED = ("group_by", "seed", "valid", "test", "min_per_label", "test_from")
LOWERED = ("valid", "test", "min_per_label")  # of a person, unless `add` changed them for a data set:
CHANGED = re.compile(rf"({'|'.join(LOWERED)}) (\S+) -> ([\d.]+)")  # so it says that in its comment


def settings_now(paths: Paths) -> tuple[CleanConfig, SplitConfig]:
    """How params.yaml says that pictures are cleaned and divided, but with the key and seed of a new data set.

    What `add` changed for the last one is as it was before, unless somebody has changed it since.
    """
    params = read_params(paths)
    clean, split = (
        {name: value for name, value in params.get(section, {}).items() if name in {one.name for one in fields(kind)}}
        for section, kind in (("clean", CleanConfig), ("split", SplitConfig))
    )
    found = re.search(rf"(?m)^\s*# {MARK}: (.*)$", read_text(paths.params))
    for name, before, now in CHANGED.findall(found[1]) if found else ():
        if str(split.get(name)) == now:
            split[name] = type(split[name])(before)
    return CleanConfig(**clean), SplitConfig(**{**split, **NEW})


def chosen_params(paths: Paths, name: str, proposal: SplitProposal) -> str:
    """The text of params.yaml with the data set `name`, divided as proposed, and why, as a comment.

    Where look-alikes stay together as before, nothing is said. Raises UserError if it cannot be edited.
    """
    changes = _changes(paths, proposal)
    is_told = bool(changes) or proposal.split.group_by != LOOK_ALIKE
    told = {"group_by", "seed", *changes} if is_told else set()
    base = settings_now(paths)[1]
    lowered = [
        f"{setting} {getattr(base, setting)} -> {getattr(proposal.split, setting)}"
        for setting in LOWERED
        if getattr(base, setting) != getattr(proposal.split, setting)
    ]
    reason = "; for it: ".join([proposal.reason, *([", ".join(lowered)] if lowered else [])])
    values: dict[tuple[str | int, ...], Any] = {("data",): name}
    values |= {("split", setting): getattr(proposal.split, setting) for setting in PROPOSED if setting in told}
    try:
        text = set_values(read_text(paths.params), values)
        return set_comment(text, ("split", "group_by"), MARK, f"{name}: {reason}" if is_told else "")
    except ValueError as error:
        raise UserError(f"params.yaml cannot choose the new data set: {error}") from None


def proposal_in_words(paths: Paths, usable: pd.DataFrame, proposal: SplitProposal) -> str:
    """In lines: the settings that are proposed, with what params.yaml says now, and why; what they still lack."""
    was = _changes(paths, proposal)
    names = ["group_by", "seed", *(name for name in was if name not in ("group_by", "seed"))]
    changed = {name: f" (was {was[name]})" for name in names[2:]}
    settings = ", ".join(f"split.{name}: {getattr(proposal.split, name)}{changed.get(name, '')}" for name in names)
    lines = [f"{settings}: {proposal.reason}"]
    if fault := not usable.empty and shortage(usable, split_pictures(usable, proposal.split), proposal.split):
        lines.append(f"warning: {fault}")
    return "\n".join(lines)


def _changes(paths: Paths, proposal: SplitProposal) -> dict[str, Any]:
    """The settings that a proposal changes, with what params.yaml says now."""
    now, default = read_params(paths).get("split", {}), SplitConfig()
    before = {setting: now.get(setting, getattr(default, setting)) for setting in PROPOSED}
    return {setting: value for setting, value in before.items() if getattr(proposal.split, setting) != value}
