"""`python -m fieldguide.tracking FOLDER STAGE`: log one stage while its events come in as lines (see `live`).

`python -m fieldguide.tracking FOLDER sync` logs the results in the folder, as `fieldguide sync` does.
"""

import sys
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.tracking.delivery import sync
from fieldguide.tracking.live_logging import follow

if __name__ == "__main__":
    start_process()
    folder, wanted = sys.argv[1:]
    try:
        with faults_in_one_line("`fieldguide sync`"):
            if wanted == "sync":
                print(sync(Paths(Path(folder))))
            else:
                follow(Paths(Path(folder)), wanted, sys.stdin)
    except UserError as problem:
        sys.exit(str(problem))
