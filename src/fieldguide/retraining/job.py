"""`fieldguide retrain`: one idempotent job, from what arrived to a judged model, or to nothing."""

import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError, printable
from fieldguide.base.packs import files_of_data_set
from fieldguide.base.paths import Paths
from fieldguide.retraining.accepted import accepted_listing, judged_jobs, mark_accepted, split_off_merged
from fieldguide.retraining.arrived import COLUMNS, State, refuse
from fieldguide.retraining.collect_incoming import collect
from fieldguide.retraining.data_changes import by_label, by_site, list_files, new_reviews, remember, tried, untried
from fieldguide.retraining.data_set import told_by
from fieldguide.retraining.file_moves import accepted_moves, copy_moves, held_moves, make_moves, waiting_moves
from fieldguide.retraining.incoming_checks import shift_in_words
from fieldguide.retraining.job_tools import NOT_ENOUGH, SAME, Champion, Judged, Tools
from fieldguide.retraining.journal import OPEN, Journal, jobs, open_job
from fieldguide.retraining.label_checks import check_labels, evenly
from fieldguide.retraining.messages import (
    new_sites_in_words,
    page_of,
    refused_in_words,
    verdict_in_words,
    waiting_in_words,
)
from fieldguide.retraining.page import write_page
from fieldguide.retraining.returned import looked_at
from fieldguide.retraining.shown import Shown, first_frames, known_pictures, shown_known, shown_new
from fieldguide.retraining.triggers import Facts, decide
from fieldguide.retraining.unlabelled_queue import write_queue

DONE = "done"


@dataclass(frozen=True)
class Outcome:
    """What a call did: `job` is "" if there was nothing to do; `message` is one line for people."""

    job: str
    message: str


def run_job(cfg: Config, paths: Paths, tools: Tools, branches: set[str], force: bool) -> Outcome:
    """Resume the job that was killed, or start one if there is a reason to. The caller holds the lock.

    Raises UserError if a step fails; the next call then resumes the job. Before the gate has decided, nothing of the
    registry changes; before a person has merged the job's branch, nothing that a stage of the checkout reads.
    """
    known = jobs(paths.retraining)
    interrupted = known[-1] if known and known[-1].get("status") == OPEN else None
    if interrupted and interrupted.get("moves") is not None:
        return _finish(paths, tools, interrupted)
    if interrupted and interrupted.get("facts"):
        force = force or interrupted.get("facts")["forced"]
    start = time.monotonic()
    name = cfg.choices["data"]
    merged, incoming = split_off_merged(collect(cfg, paths), known, name)
    make_moves(paths, copy_moves(merged, name))
    judged = judged_jobs(known, name, tools.stands)
    incoming = mark_accepted(incoming, judged)
    champion, back = tools.champion(), looked_at(known, name, paths.held)
    facts, incoming = _facts(cfg, paths, tools, incoming, champion, force, judged, back)
    _queue_unlabelled(paths, tools, incoming, champion)
    choice = decide(facts, cfg.retrain)
    copies = waiting_moves(incoming, name)
    if not choice.train and not choice.hold and not copies:
        if interrupted:  # the pictures that it was about are gone
            tools.clear(interrupted)
            interrupted.note(status="abandoned")
        gone = f"; {len(merged)} pictures of merged branches left data/incoming" if len(merged) else ""
        new_sites = new_sites_in_words(facts.sites, facts.had_sites)
        return Outcome("", f"nothing to do: {', '.join(choice.reasons)}{gone}{new_sites}{waiting_in_words(incoming)}")
    job = open_job(paths.retraining, branches)
    job.note(
        data=name,
        incoming=incoming.to_dict("records"),
        back=sorted(back),
        facts=asdict(facts),
        choice=asdict(choice),
        error=None,
    )
    job.took("collect and decide", time.monotonic() - start)
    try:
        job.note(run=tools.open_run(job))
        if choice.hold:
            job.note(moves=held_moves(incoming[~incoming["sha256"].isin(back)], name, job.name))
        elif choice.train:
            _train_and_judge(cfg, paths, tools, job, incoming)
        else:
            job.note(moves=copies)
    except UserError as error:
        job.note(error=str(error))
        files = write_page(paths, job)
        if job.get("run"):
            with suppress(UserError):  # MLflow may be what does not answer
                tools.close_run(job, str(job.get("run")), files, _figures(job), failed=True)
        raise UserError(f"job {job.name}: {error}; see {page_of(job)}") from None
    return _finish(paths, tools, job)


def _facts(
    cfg: Config,
    paths: Paths,
    tools: Tools,
    incoming: pd.DataFrame,
    champion: Champion | None,
    force: bool,
    judged: Sequence[Journal],
    back: Collection[str],
) -> tuple[Facts, pd.DataFrame]:
    """What the decision needs; and `incoming`, in which the files are refused that the champion could not read.

    `back` is that of `looked_at`: such pictures have right labels, and teach those who judge the others.
    """
    known = jobs(paths.retraining)
    name = cfg.choices["data"]
    source = paths.sources / name
    had, accepted, present = tried(paths, name, judged), accepted_listing(known, name), list_files(source)
    tell = told_by(cfg, source, incoming)
    shift, doubts, unchecked = None, None, list[str]()
    if untried(had, accepted, present, incoming, tell):
        with TemporaryDirectory() as folder:
            new, unread = shown_new(paths.incoming, incoming[incoming["state"] == State.NEW], tell, cfg, Path(folder))
            strange: set[Shown] = set()
            if champion:
                shift, strange, failed = _seen_by(champion, tools, new)
                unread = {**unread, **failed}
            incoming = refuse(incoming, unread)
            # What is out of domain is left out: a model of the data set cannot judge its label.
            judged_by_person = set(incoming.loc[incoming["sha256"].isin(back), "file"])
            read = [one for one in new if one.source not in unread]
            right = [one for one in read if one.source in judged_by_person]
            ordinary = [one for one in read if one not in strange and one.source not in judged_by_person]
            pictures = evenly(known_pictures(list(present), tell))
            usual = shown_known(files_of_data_set(source), pictures, cfg, Path(folder)) if ordinary else []
            doubts, reason = check_labels(tools.out_of_fold, [*usual, *right], ordinary)
        counts = {
            "out of the champion's domain": len(strange.difference(right)),
            "a person brought them back from data/held": len(right),
            reason: len(ordinary),
        }
        unchecked = [
            f"{count} {'label' if count == 1 else 'labels'} not checked: {why}"
            for why, count in counts.items()
            if why and count
        ]
    facts = Facts(
        new=untried(had, accepted, present, incoming, tell),
        had=by_label(had, tell),
        sites=by_site(incoming.loc[incoming["state"] == State.NEW, "target"], tell),
        had_sites=by_site(present, tell),
        reviews=new_reviews(paths, judged),
        shift=shift,
        doubts=doubts,
        unchecked=unchecked,
        first=tools.is_first() and not any(job.get("judged") for job in known),
        forced=force,
    )
    return facts, incoming


def _seen_by(champion: Champion, tools: Tools, new: Sequence[Shown]) -> tuple[str | None, set[Shown], dict[str, str]]:
    """What has shifted, the pictures that are out of the champion's domain, and why files could not be read."""
    reference = tools.reference()
    if not new or reference.empty:
        return None, set(), {}
    before = tools.observe(champion, list(reference["file"]))
    arrived = tools.observe(champion, [one.file for one in new])
    for file, reason in list(before.unread.items())[:1]:
        warning = f"{len(before.unread)} test pictures cannot be read, the first is {file} ({reason})"
        print(printable(f"fieldguide: {warning}"), file=sys.stderr)
    read = [one for one in new if one.file not in arrived.unread]
    unread = {one.source: arrived.unread[one.file] for one in new if one.file in arrived.unread}
    strange = {one for one, is_strange in zip(read, arrived.out_of_domain, strict=True) if is_strange}
    return shift_in_words(before, arrived), strange, unread


def _queue_unlabelled(paths: Paths, tools: Tools, incoming: pd.DataFrame, champion: Champion | None) -> None:
    rows = incoming[incoming["state"] == State.UNLABELLED]
    answered = None
    if champion and not rows.empty:
        with TemporaryDirectory() as folder:
            first = first_frames([paths.incoming / file for file in rows["file"]], Path(folder))
            answered = tools.ask(champion, first)
    write_queue(paths, incoming, champion.name if champion else "", answered)


def _train_and_judge(cfg: Config, paths: Paths, tools: Tools, job: Journal, incoming: pd.DataFrame) -> None:
    new = incoming[incoming["state"] == State.NEW]
    listing = list_files(paths.sources / cfg.choices["data"])  # what comes in from now on is new to the next job
    with job.step("train and evaluate"):
        joining = incoming[incoming["state"].isin([State.NEW, State.ACCEPTED, State.LIST])]
        made = tools.train(job, joining, str(job.get("run")))
    with job.step("gate"):
        judged = tools.judge(made)
    stays = judged.verdict == NOT_ENOUGH  # what arrived waits for more
    if judged.accepted or stays:
        listing |= dict(zip(new["target"], new["bytes"].astype(int), strict=True))
    remember(paths, job, listing)
    name = cfg.choices["data"]
    if judged.accepted:
        moves = accepted_moves(incoming, name, job.name)
    else:
        moves = waiting_moves(incoming, name) if stays else held_moves(incoming, name, job.name)
    job.note(judged=asdict(judged), made=str(made.root), moves=moves)


def _finish(paths: Paths, tools: Tools, job: Journal) -> Outcome:
    """Act on the verdict; every step is noted, and repeated without harm after a kill."""
    verdict = job.get("judged")
    try:
        if verdict and verdict["accepted"]:
            judged, made = Judged(**verdict), Paths(Path(job.get("made")))
            why = f"retrain {job.name}: {judged.verdict}"
            if not job.get("version") and judged.verdict != SAME:
                with job.step("register"):
                    job.note(version=tools.register(job, made, judged, why))
            if not job.get("branch"):
                with job.step("commit"):
                    job.note(branch=tools.commit(job, made, f"Retrained: {verdict_in_words(job)}"))
        with job.step("move"):
            make_moves(paths, job.get("moves"))
        with job.step("report"):
            files = write_page(paths, job)
            tools.close_run(job, str(job.get("run")), files, _figures(job), failed=False)
    except UserError as error:
        raise UserError(f"job {job.name} is not finished: {error}; the next call resumes here") from None
    tools.clear(job)
    job.note(status=DONE)
    refused = refused_in_words(pd.DataFrame(job.get("incoming"), columns=COLUMNS))
    facts = job.get("facts")
    new_sites = new_sites_in_words(facts.get("sites", {}), facts.get("had_sites", {}))
    unchecked = "".join(f"; {one}" for one in facts.get("unchecked", []))
    return Outcome(
        job.name, f"job {job.name}: {verdict_in_words(job)}{new_sites}{refused}{unchecked}; see {page_of(job)}"
    )


def _figures(job: Journal) -> dict[str, float]:
    states = pd.DataFrame(job.get("incoming"), columns=COLUMNS)["state"].value_counts()
    figures = {f"incoming.{state}": float(states.get(state, 0)) for state in State}
    return {**figures, **{f"seconds.{step}": float(taken) for step, taken in job.get("seconds").items()}}
