"""Jobs of a sweep in processes of this machine, several at a time, by joblib."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from fieldguide.experiments.remote_jobs import RemoteJob

LOST = "the system ended one of the processes, and joblib with it this one: perhaps the memory was not enough"


def run_with_joblib(jobs: Sequence[RemoteJob], options: Mapping[str, Any]) -> Generator[tuple[int, str], None, None]:
    """An `Engine`: each job is a task of joblib's. With a process those beside it are lost, and the rest go on."""
    from joblib import Parallel

    waiting = list(range(len(jobs)))
    at_work: set[int] = set()

    def tasks() -> Iterator[Any]:
        from joblib import delayed

        while waiting:
            place = waiting.pop(0)
            at_work.add(place)
            yield delayed(_run)(place, jobs[place])

    while waiting:
        own = {"backend": "loky", "pre_dispatch": "n_jobs", "batch_size": 1, "return_as": "generator_unordered"}
        try:
            for place in Parallel(**{**options, **own})(tasks()):
                at_work.remove(place)
                yield place, ""
        except BrokenProcessPool:
            yield from ((place, LOST) for place in sorted(at_work))
            at_work.clear()


def _run(place: int, job: RemoteJob) -> int:
    job()
    return place
