"""What is known of a registered version, and its files as this checkout keeps them."""

import getpass
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.membership import read_membership
from fieldguide.gate.candidate import Candidate
from fieldguide.tracking.names import MEMBERSHIP_FILE

CHALLENGER, SHADOW, LIMITED, CHAMPION = STEPS = ("challenger", "shadow", "limited", "champion")
SCREEN_FILE = "screen.safetensors"  # of those whose run learned what is strange to them
FILES = ("classifier.safetensors", "classifier.json", MEMBERSHIP_FILE)


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the run and the weights that it came from, its steps, what the gate said."""

    number: int
    run: str
    model_sha256: str
    steps: tuple[str, ...]
    gate: dict[str, Any] | None


@dataclass(frozen=True)
class Event:
    """One move of one alias; `before` and `after` are version numbers, None where it named none."""

    at: str  # ISO, UTC
    who: str
    action: str  # register, advance, rollback, withdraw
    alias: str
    before: int | None
    after: int | None
    why: str


def kept_candidate(paths: Paths, version: Version) -> Candidate:
    """A version's files as they were fetched before. Raises UserError if they are not here, or damaged."""
    folder = kept_folder(paths, version)
    if not (folder / FILES[0]).is_file() or sha256_of_file(folder / FILES[0]) != version.model_sha256:
        shown = folder.relative_to(paths.checkout)
        raise UserError(
            f"the weights of version {version.number} in {shown} are missing or damaged: delete that folder"
        )
    known = read_membership(folder / MEMBERSHIP_FILE)
    return Candidate(f"version {version.number}", folder / FILES[0], folder / FILES[1], known)


def kept_folder(paths: Paths, version: Version) -> Path:
    """Where a version's files are kept."""
    return paths.checkout / ".fieldguide" / "versions" / version.model_sha256[:16]


def actor(paths: Paths) -> str:
    """Who acts: the name that git knows, else that of the account."""
    command = ["git", "config", "user.name"]
    done = subprocess.run(command, cwd=paths.checkout, capture_output=True, text=True, check=False)
    return done.stdout.strip() or getpass.getuser()
