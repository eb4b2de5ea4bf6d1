"""Jobs of a sweep in other processes: one that is lost is a failed one, whatever has become of it before."""

import math
import os
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from omegaconf import OmegaConf

from conftest import put
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json
from fieldguide.experiments.remote_jobs import RemoteJob, launch
from fieldguide.experiments.slurm import run_on_slurm
from fieldguide.experiments.sweep_outcome import SweepJob, job_of, write_outcome
from fieldguide.tracking.process_ids import lives_here, process_id, process_lives

FINISHED = {"status": "finished", "skipped": False, "valid_accuracy": 0.9, "accuracy": 0.8, "seconds": 3.0}


@pytest.fixture
def jobs(tmp_path: Path) -> list[RemoteJob]:
    """Two jobs of a sweep that has just begun."""
    sweep = tmp_path / "sweeps" / "one"
    write_json(sweep / "sweep.json", {"jobs": 2, "began": time.time(), "arguments": []})
    named = [SweepJob(sweep, name, (f"resize={name}",), None, number) for number, name in enumerate(("crop", "pad"))]
    nothing = cast(Any, None)
    return [RemoteJob(job, list(job.overrides), nothing, nothing, nothing, {}, tmp_path, {}) for job in named]


Ends = Generator[tuple[int, str], None, None]


def test_a_lost_job_is_failed_and_the_others_are_what_they_are(
    jobs: list[RemoteJob], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if it had finished in an earlier call, whose results are gone."""
    write_outcome(jobs[1].job, FINISHED)
    write_json(jobs[0].job.sweep / "sweep.json", {"jobs": 2, "began": time.time(), "arguments": []})

    def engine(sent: Sequence[RemoteJob], options: Mapping[str, Any]) -> Ends:
        yield 1, "its node failed"
        write_outcome(sent[0].job, FINISHED)
        yield 0, "it ended after it had written its results"

    first, second = launch(engine, jobs, {})
    assert first.return_value == 0.9
    assert math.isnan(second.return_value)
    assert read_json(jobs[0].job.folder / "outcome.json")["status"] == "finished"
    assert read_json(jobs[1].job.folder / "outcome.json")["error"] == "its node failed"
    assert capsys.readouterr().out.splitlines()[0].startswith("sweep: job 2 (pad) FAILED: its node failed; 1 of 2")


def test_an_engine_that_is_not_there_is_one_line(jobs: list[RemoteJob], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit) as end:
        launch(run_on_slurm, jobs, {})
    assert (
        end.value.code
        == "sweep: hydra/launcher=slurm: no `sbatch` here: call it on a machine that can submit jobs to SLURM"
    )


def test_jobs_that_cannot_be_cancelled_are_not_waited_for_without_end(
    jobs: list[RemoteJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node that does not answer."""
    for program, prints in {"sbatch": "", "scancel": "", "squeue": "7_0 COMPLETING\n7_1 CANCELLED"}.items():
        put(tmp_path / "bin" / program, f"#!/bin/sh\nprintf '{prints}\\n'\n".encode()).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("fieldguide.experiments.slurm.CANCEL_SECONDS", 0)
    with pytest.raises(SystemExit) as end:
        launch(run_on_slurm, jobs, {})
    assert str(end.value.code).startswith(
        "sweep: hydra/launcher=slurm: SLURM's queue still holds the cancelled jobs (`"
    )


def test_an_engine_is_ended_with_the_sweep(jobs: list[RemoteJob], monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def engine(sent: Sequence[RemoteJob], options: Mapping[str, Any]) -> Ends:
        try:
            yield 0, "cancelled"
        finally:
            ended.append("engine")

    monkeypatch.setattr("builtins.print", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        launch(engine, jobs, {})
    assert ended == ["engine"]


@pytest.mark.parametrize(
    ("launcher", "task", "threads"),
    [
        ({"cpus_per_task": 3}, ["resize=pad"], 3),
        ({"cpus_per_task": 3}, ["resize=pad", "train.threads=1"], None),
        ({"n_jobs": 1}, ["resize=pad"], None),
        ({}, ["resize=pad"], None),
    ],
)
def test_a_job_trains_with_the_cores_that_its_launcher_gives_it(
    jobs: list[RemoteJob],
    monkeypatch: pytest.MonkeyPatch,
    launcher: dict[str, int],
    task: list[str],
    threads: int | None,
) -> None:
    monkeypatch.setenv("FIELDGUIDE_SWEEP", str(jobs[0].job.sweep))
    job = job_of(OmegaConf.create({"overrides": {"task": task}, "launcher": launcher, "job": {"num": 4}}))
    assert job.threads == threads
    assert job.overrides == (*task, *([f"train.threads={threads}"] if threads else []))
    assert job.name == " ".join(["pad", *(["threads=1"] if "train.threads=1" in task else [])])


def test_a_process_of_another_machine_counts_as_living() -> None:
    own = process_id(os.getpid())
    assert process_lives(own) and lives_here(own)
    assert process_lives(own.rpartition(" ")[0]), "as earlier versions named it"
    assert not process_lives("1 2.00") and not process_lives("")
    elsewhere = f"{own[:-1]}x"
    assert process_lives(elsewhere) and not lives_here(elsewhere)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
            "slurm_load_jobs error: Unable",
        ),
        ("", "squeue ended with 1"),
    ],
)
def test_a_refusal_of_slurm_is_one_line(
    jobs: list[RemoteJob], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
) -> None:
    """Of a cluster whose controller is away."""
    squeue = f"#!/bin/sh\nprintf '{said}' >&2\nexit 1\n"
    for name, text in (("sbatch", "#!/bin/sh\n"), ("squeue", squeue)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UserError, match=rf"^SLURM does not answer \({told}"):
        next(run_on_slurm(jobs, {}))
