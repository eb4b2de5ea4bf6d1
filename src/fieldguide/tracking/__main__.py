"""`python -m fieldguide.tracking FOLDER STAGE`: show one stage while its events come in as lines (see `live`)."""

import sys
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.start import start_process
from fieldguide.tracking.live import follow

if __name__ == "__main__":
    start_process()
    try:
        follow(Paths(Path(sys.argv[1])), sys.argv[2], sys.stdin)
    except UserError as problem:
        print(problem, file=sys.stderr)
