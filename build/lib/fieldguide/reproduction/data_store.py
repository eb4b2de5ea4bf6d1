"""DVC's cache and remotes of one checkout, for a folder with another dvc.lock."""

from pathlib import Path
from types import TracebackType
from typing import Any

from dvc.exceptions import CheckoutError, DvcException
from dvc.repo import Repo


class DataStore:
    """Puts what the dvc.lock of `folder` names in its place there; nothing of the checkout changes."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        with Repo(str(checkout)) as repo:
            remotes: dict[str, Any] = {name: dict(remote) for name, remote in repo.config["remote"].items()}
            settings = {"cache": {"dir": repo.cache.local_cache_dir}, "remote": remotes}
            if default := repo.config["core"].get("remote"):
                settings["core"] = {"remote": default}
        self.folder, self.has_remote = folder, bool(remotes)
        self.repo = Repo(str(folder), config=settings)

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
        try:
            self.repo.pull(targets=[full], force=True)
        except DvcException:
            return False
        return True

    @staticmethod
    def unchanged(checkout: Path, target: Path) -> bool:
        """Whether a tracked file or folder in a checkout is as its .dvc file says, in the cache or not."""
        with Repo(str(checkout)) as repo:
            (out,) = repo.find_outs_by_path(str(checkout.resolve() / target))
            return not out.workspace_status()
