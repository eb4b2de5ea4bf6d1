"""The page of a job: what was new, what was decided and why, the gate's decision, and the time taken."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from PIL import Image

from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal
from fieldguide.data.csv_files import write_csv
from fieldguide.data.images import PictureError, open_bounded
from fieldguide.pages.parts import THUMBNAIL
from fieldguide.pages.render import render
from fieldguide.retraining.arrived import COLUMNS, State
from fieldguide.retraining.job_tools import NOT_ENOUGH, SAME
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.shown import first_frames
from fieldguide.retraining.triggers import Disputed

MAX_ROWS = 200
MAX_MEGAPIXELS = 150.0  # of a picture that is shown
NOTHING = "\N{EN DASH}"
DISPUTED = [field.name for field in fields(Disputed)]
RULE = ("rule", "on", "outcome", "challenger", "other", "bound", "pictures", "groups", "detail")
TONES = {"met": "passed", "failed": "error", "unclear": "warning"}

Fact = tuple[str, str, str]  # name, value, remark


def write_page(paths: Paths, job: Journal) -> list[Path]:
    """Write reports/retrain/<job>/index.html from the job's journal, and its tables beside it; returns the files."""
    folder = paths.report("retrain") / job.name
    incoming = pd.DataFrame(job.get("incoming"), columns=COLUMNS)
    page, arrived, disputed = (folder / name for name in ("index.html", "incoming.csv", "disputed.csv"))
    write_csv(arrived, incoming.drop(columns=["listed", "named"]))
    write_csv(disputed, pd.DataFrame(_disputed(job), columns=DISPUTED))
    write_text(page, _page(paths, job, incoming))
    return [page, arrived, disputed]


def _page(paths: Paths, job: Journal, incoming: pd.DataFrame) -> str:
    tone, line = _verdict(job)
    facts, choice, judged = job.get("facts"), job.get("choice"), job.get("judged")
    is_judged = judged and judged["verdict"] != SAME
    disputed = _disputed(job)
    unused = incoming[incoming["state"].isin([State.REFUSED, State.UNLABELLED, State.KNOWN])]
    branch = job.get("branch") or ""
    return render(
        "retraining/job.html",
        title=f"Retraining {job.name}",
        tone=tone,
        line=line,
        new=_facts(_some(_new(facts, incoming)) or {"new since the last job": 0}),
        labels=[
            (label, facts["new"].get(label, 0), facts["had"].get(label, 0))
            for label in sorted({*facts["new"], *facts["had"]})
        ],
        sites=_sites(facts),
        reasons=[*choice["reasons"], *facts.get("unchecked", [])],
        against=(judged["against"] if is_judged else "") or "the baselines",
        rule_heads=RULE,
        rules=[[_cell(rule.get(name)) for name in RULE] for rule in (judged["rules"] if is_judged else [])],
        became=_facts(_some(_became(job, incoming))),
        branch=branch,
        held=f"data/held/{job.name}" if choice["hold"] else "",
        seconds=_facts({step: f"{taken:.1f} s" for step, taken in job.get("seconds").items()}),
        disputed=[(_picture(paths, job.name, one["file"]), one) for one in disputed[:MAX_ROWS]],
        disputed_count=len(disputed),
        unused=unused.to_dict("records"),
        most=MAX_ROWS,
    )


def _disputed(job: Journal) -> list[dict[str, str]]:
    """The new pictures whose labels are in doubt: file, label and suggested, as `triggers.Disputed` has them.

    Frames of one video that say the same are one row.
    """
    doubts: dict[str, list[dict[str, str]]] = job.get("facts")["doubts"] or {"which": []}
    return list({tuple(one.values()): one for one in doubts["which"]}.values())


def _picture(paths: Paths, job: str, file: str) -> Image.Image | None:
    """A picture or a video's first frame, wherever it is now: in data/held/<job>, or still in data/incoming."""
    for folder in (paths.held / job, paths.incoming):
        with suppress(PictureError), TemporaryDirectory() as work:
            [shown] = first_frames([folder / file], Path(work))
            return open_bounded(shown, MAX_MEGAPIXELS, THUMBNAIL)
    return None


def _verdict(job: Journal) -> tuple[str, str]:
    if error := job.get("error"):
        return "error", f"Stopped: {error}. The next call resumes here; nothing has changed until then."
    judged = job.get("judged")
    if not judged and job.get("choice")["hold"]:
        return "warning", "Held back before training: labels are in doubt."
    if not judged:
        return "passed", "Nothing to train."
    if judged["verdict"] == SAME:
        return "passed", f"The same model as {judged['against']}: nothing to compare, and nothing was registered."
    if judged["accepted"]:
        return "passed", f"The new model is {judged['verdict']}: accepted as a challenger."
    stays = f"{judged['against']} stays" if judged["against"] else "nothing was registered"
    line = judged["verdict"] if judged["verdict"] == NOT_ENOUGH else f"the new model is {judged['verdict']}"
    return "warning", f"{line[0].upper()}{line[1:]}: {stays}."


def _new(facts: Mapping[str, Any], incoming: pd.DataFrame) -> dict[str, int]:
    states = incoming["state"].value_counts()
    return {
        "new since the last job": sum(facts["new"].values()),
        "new in data/incoming": int(states.get(State.NEW, 0)),
        "new reviews": facts["reviews"],
        "accepted before, not merged": int(states.get(State.ACCEPTED, 0)),
        **{state.value: int(states.get(state, 0)) for state in (State.UNLABELLED, State.KNOWN, State.REFUSED)},
    }


def _sites(facts: Mapping[str, Any]) -> list[tuple[str, int, int | str]]:
    """Each site of new pictures, how many, and how many the data set has; jobs of older versions tell none."""
    had = facts.get("had_sites", {})
    return [(site, count, had.get(site, "new site")) for site, count in facts.get("sites", {}).items()]


def _became(job: Journal, incoming: pd.DataFrame) -> dict[str, Any]:
    moves = job.get("moves") or []
    copies = sum(move["copy"] for move in moves)
    refused = {f"data/held/{job.name}/{file}" for file in incoming.loc[incoming["state"] == State.REFUSED, "file"]}
    accepted = incoming["state"].eq(State.NEW).sum() if (job.get("judged") or {}).get("accepted") else 0
    return {
        "version": job.get("version") or NOTHING,
        "branch": job.get("branch") or NOTHING,
        "accepted": int(accepted),
        "held back": sum(not move["copy"] and move["target"] not in refused for move in moves),
        "copies removed": copies,
    }


def _some(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say that there is something."""
    return {name: value for name, value in facts.items() if value not in (0, NOTHING)}


def _facts(numbers: Mapping[str, Any]) -> list[Fact]:
    return [(name, str(value), "") for name, value in numbers.items()]


def _cell(value: Any) -> tuple[str, str]:
    """A rule's cell: its text, and its tone where it is an outcome."""
    if value is None or value in ("", 0):  # no pictures: the rule is not about pictures
        return NOTHING if isinstance(value, int | str | None) else "0.000", ""
    return decimal(value) if isinstance(value, float) else str(value), TONES.get(str(value), "")
