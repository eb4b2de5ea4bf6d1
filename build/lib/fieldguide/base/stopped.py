"""What stopped the last run of the pipeline, kept until its stage succeeds."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage


@dataclass(frozen=True)
class Stopped:
    """A stage that did not succeed, and why, in one line; `by_check`: its results are there, a check refused them."""

    stage: str
    message: str
    by_check: bool = True

    @property
    def done(self) -> list[Stage]:
        """The stages whose results are of the same run."""
        stages = list(Stage)
        return stages[: stages.index(Stage(self.stage)) + self.by_check]


def note_stopped(paths: Paths, stopped: Stopped) -> None:
    """Keep what stopped the run, in a checkout that can be written to."""
    if paths.params.is_file():
        with suppress(OSError):  # a full disk may be what stopped it
            write_json(_file(paths), asdict(stopped))


def note_done(paths: Paths, stage: str) -> None:
    """Forget what stopped an earlier run, if that was this stage or one before it."""
    stopped, stages = read_stopped(paths), list(Stage)
    if stopped and stages.index(Stage(stage)) >= stages.index(Stage(stopped.stage)):
        _file(paths).unlink(missing_ok=True)


def read_stopped(paths: Paths) -> Stopped | None:
    """What stopped the last run; None if nothing did, or if DVC or git has brought results of the stage back since."""
    file = _file(paths)
    if not file.is_file():
        return None
    stopped = Stopped(**read_json(file))
    results = paths.metrics(stopped.stage)
    return None if results.is_file() and results.stat().st_mtime_ns > file.stat().st_mtime_ns else stopped


def _file(paths: Paths) -> Path:
    return paths.state / "stopped.json"
