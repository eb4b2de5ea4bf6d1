"""DVC's cache and remotes of one checkout, for a folder with another dvc.lock."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from dvc.exceptions import CheckoutError, DvcException
from dvc.repo import Repo

from fieldguide.base.errors import without_access

LOGGERS = ("dvc", "dvc_data", "dvc_objects")


class DataStore:
    """Puts what the dvc.lock of `folder` names in its place there; nothing of the checkout changes.

    The folder is given the cache of the checkout, so that links into it are known as such. `failure` is what a remote
    said when it last gave nothing, in one line; "" if it was not asked, or does not have what was wanted.
    """

    def __init__(self, checkout: Path, folder: Path) -> None:
        with Repo(str(checkout)) as repo:
            remotes: dict[str, Any] = {name: dict(remote) for name, remote in repo.config["remote"].items()}
            cache = {"dir": repo.cache.local_cache_dir, **_text(repo.config["cache"].get("type"))}
            settings = {"cache": cache, "remote": remotes}
            if default := repo.config["core"].get("remote"):
                settings["core"] = {"remote": default}
        self.folder, self.has_remote, self.failure = folder, bool(remotes), ""
        self.repo = Repo(str(folder), config=settings)
        with self.repo.config.edit("local", validate=False) as local:
            local["cache"] = cache  # and no remote, which may hold a password

    def __enter__(self) -> "DataStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.repo.close()

    def get(self, target: str) -> bool:
        """Put a file or folder in its place, from the cache or else from a remote; False if neither has all of it."""
        full = str(self.folder / target)
        try:
            self.repo.checkout(targets=[full], force=True)
        except CheckoutError:
            if not self.has_remote:
                return False
        else:
            return True
        with _errors() as told:
            try:
                self.repo.pull(targets=[full], force=True)
            except DvcException:
                self.failure = told[0] if told else ""
                return False
        return True

    @staticmethod
    def unchanged(checkout: Path, target: Path) -> bool:
        """Whether a tracked file or folder in a checkout is as its .dvc file says, in the cache or not."""
        with Repo(str(checkout)) as repo:
            (out,) = repo.find_outs_by_path(str(checkout.resolve() / target))
            return not out.workspace_status()


def _text(kinds: list[str] | None) -> dict[str, str]:
    """The kinds of links as DVC's configuration has them."""
    return {"type": ",".join(kinds)} if kinds else {}


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What DVC logs as errors in this block, each in one line, instead of its showing them."""
    told: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: told.append(_in_one_line(record))  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        yield told
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate


def _in_one_line(record: logging.LogRecord) -> str:
    cause = f" - {record.exc_info[1]}" if record.exc_info and record.exc_info[1] else ""
    return " ".join(without_access(f"{record.getMessage()}{cause}").split())
