"""What a job says on the terminal, in one line."""

from collections.abc import Mapping

import pandas as pd

from fieldguide.base.errors import printable
from fieldguide.retraining.arrived import State
from fieldguide.retraining.job_tools import NOT_ENOUGH, SAME, Judged
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.triggers import Choice


def verdict_in_words(job: Journal) -> str:
    """What came out, and where the new pictures are."""
    choice = Choice(**job.get("choice"))
    new = sum(row["state"] == State.NEW for row in job.get("incoming"))
    if choice.hold:
        back = sum(
            row["state"] == State.NEW and row["sha256"] in (job.get("back") or ()) for row in job.get("incoming")
        )
        stay = f"; {back} that a person has looked at stay in data/incoming" if back else ""
        return f"{new - back} new pictures held back in data/held/{job.name}: {choice.reasons[0]}{stay}"
    if not choice.train:
        copies = len(job.get("moves"))
        return f"nothing to train ({choice.reasons[0]}); copies of known pictures removed from data/incoming: {copies}"
    judged = Judged(**job.get("judged"))
    against = judged.against or "the baselines"
    if judged.verdict == SAME:
        return f"{SAME} as {against}: nothing to compare; {_accepted(job, new)}"
    if judged.accepted:
        version = job.get("version") or "to be registered"
        return f"{judged.verdict} against {against}, now {version}; {_accepted(job, new)}"
    if judged.verdict == NOT_ENOUGH:
        need = f" (about {judged.needed} test pictures would be enough)" if judged.needed else ""
        return f"{judged.verdict} against {against}{need}; {new} pictures stay in data/incoming until more arrive"
    return f"{judged.verdict} against {against}; {new} pictures held back in data/held/{job.name}"


def _accepted(job: Journal, new: int) -> str:
    where = f", in data/incoming until {job.get('branch')} is merged" if new and job.get("branch") else ""
    return f"{new} pictures accepted{where}"


def waiting_in_words(incoming: pd.DataFrame) -> str:
    """What else is in data/incoming, and what was refused."""
    accepted = incoming.loc[incoming["state"] == State.ACCEPTED, "reason"].value_counts(sort=False)
    waiting = [f"{count} accepted (until {branch} is merged)" for branch, count in accepted.items()]
    if unlabelled := int((incoming["state"] == State.UNLABELLED).sum()):
        waiting.append(f"{unlabelled} unlabelled")
    return (f"; also in data/incoming: {', '.join(waiting)}" if waiting else "") + refused_in_words(incoming)


def new_sites_in_words(sites: Mapping[str, int], had: Mapping[str, int]) -> str:
    """Which sites of new pictures (their numbers by site) the data set does not have."""
    names = [printable(site) for site in sites if site not in had]
    if not names:
        return ""
    return f"; site {names[0]} is new" if len(names) == 1 else f"; sites {', '.join(names)} are new"


def refused_in_words(incoming: pd.DataFrame) -> str:
    """How many files were refused, for each reason with the first file's name."""
    refused = incoming[incoming["state"] == State.REFUSED]
    reasons = [
        f"{len(files)} refused ({files.iloc[0]}{', ...' if len(files) > 1 else ''}: {reason})"
        for reason, files in refused.groupby("reason", sort=False)["file"]
    ]
    return f"; {'; '.join(reasons)}" if reasons else ""


def page_of(job: Journal) -> str:
    """The path of its page."""
    return f"reports/retrain/{job.name}/index.html"
