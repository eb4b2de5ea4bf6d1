"""Work for an engine in a process of its own: `python work.py ENGINE`; item 77 kills its worker."""

import os
import signal
import sys
import time
from pathlib import Path

from fieldguide.base.clusters import EngineConfig
from fieldguide.base.engines import map_pictures, use_engine
from fieldguide.base.errors import UserError
from fieldguide.base.process import start_process


def squared(number: int) -> int:
    """Its square, unless the worker dies."""
    time.sleep(0.01)
    if number == 77:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def refused(number: int) -> int:
    """Raises UserError for 5."""
    if number == 5:
        raise UserError("five is refused")
    return number


def main(kind: str) -> None:
    """Print what became of 120 items."""
    with use_engine(EngineConfig(kind, workers=2), Path(__file__).absolute()):
        found = map_pictures(squared, range(120), "squares", lost=lambda number: -number)
        print([number for number in range(120) if found[number] != number * number], found[77])
        try:
            map_pictures(refused, range(120), "refused")
        except UserError as error:
            print(f"UserError: {error}")


if __name__ == "__main__":
    start_process()
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
