"""A real job in a checkout: DVC in a worktree, the gate, MLflow and its registry, git."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.base.files import copy_file, read_json, replace_folder, sha256_of_file
from fieldguide.base.git import user_or_account_name
from fieldguide.base.paths import Paths
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.configuration.compose import compose
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.prediction.log import join_log
from fieldguide.release.gate.command import alarm_rate_of_checkout
from fieldguide.release.gate.decision import candidate_of_checkout, run_gate, summary
from fieldguide.release.registry import Registry
from fieldguide.release.versions import CHAMPION
from fieldguide.reproduction.worktree import drop_worktree
from fieldguide.retraining.branch import commit_results, is_merged, job_branches
from fieldguide.retraining.incoming_checks import Observed, observe
from fieldguide.retraining.job import Outcome, run_job
from fieldguide.retraining.job_tools import SAME, Champion, Judged
from fieldguide.retraining.journal import OPEN, Journal, jobs
from fieldguide.retraining.label_checks import answers_out_of_fold
from fieldguide.retraining.shown import Shown
from fieldguide.retraining.unlabelled_queue import ask
from fieldguide.retraining.worktree_pipeline import deliver_training, end_processes, run_pipeline
from fieldguide.tracking.process_ids import checkout_id
from fieldguide.tracking.tags import MODEL, RETRAINING
from fieldguide.tracking.tracker import Tracker

MAX_REFERENCE = 500  # test pictures at most that new ones are compared with


def retrain(paths: Paths, force: bool) -> Outcome:
    """Run the job of a checkout (see `fieldguide.retraining.job.run_job`), then join the files of the prediction log.

    The caller holds the lock.
    """
    cfg, tools = compose(paths), CheckoutTools(paths)
    with faults_in_one_line("`fieldguide retrain` resumes"):
        try:
            outcome = run_job(cfg, paths, tools, job_branches(paths.checkout), force)
        except KeyboardInterrupt:
            tools.stop()
            raise
        return replace(outcome, message=f"{outcome.message}{_joined_log(paths)}")


def _joined_log(paths: Paths) -> str:
    try:
        joined = join_log(paths)
    except PermissionError as error:  # written by a server of another user: it is slower to read, and complete
        return f"; the files of the prediction log could not be joined ({error.filename}: {error.strerror})"
    return f"; {joined} files of the prediction log joined" if joined else ""


@dataclass(frozen=True)
class CheckoutTools:
    """The steps of `fieldguide.retraining.job_tools.Tools` in a checkout."""

    paths: Paths

    @cached_property
    def registry(self) -> Registry:
        """The model's versions; raises UserError if MLflow does not answer."""
        return Registry(self.paths)

    @property
    def kept(self) -> Path:
        """Small copies of the test pictures that new ones are compared with, in folders by label."""
        return self.paths.retraining / "reference"

    def champion(self) -> Champion | None:
        """The version at the alias `champion`."""
        version = self.registry.at(CHAMPION)
        if version is None:
            return None
        return Champion(f"version {version.number}", self.registry.candidate(version).weights)

    def is_first(self) -> bool:
        """Whether nothing is registered."""
        return not self.registry.versions()

    def reference(self) -> pd.DataFrame:
        """Test pictures of the last accepted job, or else of the checkout.

        No version was trained on them, since no picture ever changes sides.
        """
        if self.kept.is_dir():
            files = sorted(self.kept.glob("*/*"))
            return pd.DataFrame({"file": files, "label": [file.parent.name for file in files]})
        if self.paths.split_table.exists() and self.paths.clean.is_dir():
            return _test_pictures(self.paths)
        return pd.DataFrame(columns=["file", "label"])

    def observe(self, champion: Champion, files: Sequence[Path]) -> Observed:
        """Observed by the champion's own files."""
        return observe(champion.weights, files)

    def out_of_fold(
        self, pictures: Sequence[Shown], taught: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """With the checkout's starting weights."""
        return answers_out_of_fold(compose(self.paths), self.paths, pictures, taught)

    def ask(self, champion: Champion, files: Sequence[Path]) -> pd.DataFrame:
        """With the champion's own files, and the screen that was kept with them."""
        return ask(champion.weights, files)

    def train(self, job: Journal, new: pd.DataFrame, run: str) -> Paths:
        """`dvc repro` in the job's worktree."""
        origin = {"sweep": {"key": self._key(job), "name": _title(job)}, "name": f"{_title(job)} training"}
        made = run_pipeline(self.paths, str(job.get("data")), job, new, origin)
        deliver_training(self.paths, job, made)
        return made

    def judge(self, made: Paths) -> Judged:
        """The gate, by the rules of the commit, on the test pictures of the worktree and the checkout's frozen sets.

        The champion's own weights again, or those of a version that it let pass once, are not judged: that version
        stays what and where it is, also if people withdrew it.
        """
        version = self.registry.at(CHAMPION)
        digest = sha256_of_file(made.classifier)
        for known in self.registry.versions():
            accepted = known.gate is not None and known.gate["accepted"]
            if known.model_sha256 == digest and (accepted or known == version):
                return Judged(SAME, True, None, f"version {known.number}", [])
        champion = self.registry.candidate(version) if version else None
        where = Paths(made.root, own_checkout=self.paths.checkout)
        rates = alarm_rate_of_checkout(made), self.registry.alarm_rate(version) if version else None
        decision = run_gate(compose(made), where, candidate_of_checkout(made), champion, rates)
        rules = [dict(vars(rule)) for rule in decision.rules]
        found = {**summary(decision), "against": version.number if version else None}
        against = f"version {version.number}" if version else ""
        return Judged(str(decision.verdict), decision.accepted, decision.needed, against, rules, found)

    def register(self, job: Journal, made: Paths, judged: Judged, why: str) -> str:
        """The training's run becomes a version, with the gate's decision."""
        record = read_json(made.classifier.with_suffix(".json"))["record"]
        digest = sha256_of_file(made.classifier)
        runs = [
            run for run in self.registry.tracker.finished(record["fingerprint"]) if run.data.tags.get(MODEL) == digest
        ]
        if not runs:
            raise UserError(
                "MLflow has no run of this training any more: delete the job's folder and run the command again"
            )
        version = self.registry.register(runs[0].info.run_id, user_or_account_name(self.paths.checkout), why)
        self.registry.record_gate(version, judged.summary)
        with replace_folder(self.kept) as partial:
            test = _test_pictures(made)
            for file, label in zip(test["file"], test["label"], strict=True):
                (partial / label).mkdir(exist_ok=True)
                copy_file(file, partial / label / file.name)
        return f"version {version.number}"

    def commit(self, job: Journal, made: Paths, message: str) -> str:
        """On the branch retrain/<job>; the journal keeps its commit."""
        branch, commit = commit_results(self.paths.checkout, made.root, job.name, str(job.get("data")), message)
        job.note(commit=commit)
        return branch

    def stands(self, job: Journal) -> bool:
        """By the names of the branches, here and on the remote, and by the history of HEAD."""
        checkout = self.paths.checkout
        return job.name in job_branches(checkout) or is_merged(checkout, job.get("commit") or "")

    def open_run(self, job: Journal) -> str:
        """Like a sweep's run, the parent of the training's run."""
        return Tracker(self.paths).open_sweep(self._key(job), _title(job))

    def close_run(self, job: Journal, run: str, files: Sequence[Path], figures: dict[str, float], failed: bool) -> None:
        """With the page, its tables and the figures."""
        Tracker(self.paths).close_sweep(run, files, figures, "FAILED" if failed else "FINISHED")

    def stop(self) -> None:
        """End what an interrupted job has started, and show its run as killed until the next call resumes it."""
        for job in jobs(self.paths.retraining)[-1:]:
            end_processes(job)
            if job.get("status") == OPEN and job.get("run"):
                with suppress(UserError):  # where MLflow does not answer, the next call corrects it
                    Tracker(self.paths).end(str(job.get("run")), "KILLED")

    def clear(self, job: Journal) -> None:
        """End the processes that still run there, then remove the folder and git's record of it."""
        end_processes(job)
        drop_worktree(self.paths.checkout, job.worktree)

    def _key(self, job: Journal) -> str:
        return f"{RETRAINING}{checkout_id(self.paths)}-{job.name}"


def _test_pictures(paths: Paths) -> pd.DataFrame:
    """Columns file, label; at most MAX_REFERENCE, the same ones every time, since ids are hashes."""
    table = read_table(paths.split_table, SPLIT)
    test = table[table["split"] == Split.TEST].sort_values("id").head(MAX_REFERENCE)
    return test.assign(file=[paths.clean / path for path in test["clean_path"]])[["file", "label"]]


def _title(job: Journal) -> str:
    return f"retrain {job.name}"
