"""The page about a run that was stopped; the runner calls this as a process of its own."""

import sys
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.stopped import read_stopped
from fieldguide.configuration.compose import compose
from fieldguide.overview.page import write_overview
from fieldguide.overview.provenance import chosen

if __name__ == "__main__":
    start_process()
    (root,) = sys.argv[1:]
    home = Paths(Path(root))
    if stopped := read_stopped(home):
        try:
            choices = chosen(compose(home))
        except UserError:  # the configuration itself is what stopped it
            choices = {}
        write_overview(home, choices, stopped)
        print(f"{stopped.stage}: the page about it is {home.overview.relative_to(home.root)}", flush=True)
