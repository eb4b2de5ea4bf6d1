"""The page about a run that a check stopped; the runner calls this as a process of its own."""

import sys
from pathlib import Path

from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.configuration.compose import compose
from fieldguide.overview.page import write_overview
from fieldguide.overview.provenance import chosen
from fieldguide.overview.verdict import Stopped

if __name__ == "__main__":
    start_process()
    root, stage, message = sys.argv[1:]
    home = Paths(Path(root))
    write_overview(home, chosen(compose(home)), Stopped(stage, message))
    print(f"{stage}: the page about it is {home.overview.relative_to(home.root)}", flush=True)
