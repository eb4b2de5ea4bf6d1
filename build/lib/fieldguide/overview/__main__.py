"""The page about a run that was stopped; the runner calls this as a process of its own."""

import sys
from pathlib import Path

from fieldguide.base.errors import UserError, printable
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
        try:
            write_overview(home, choices, stopped)
            said = f"the page about it is {home.overview.relative_to(home.root)}"
        except FileNotFoundError:
            said = "there is no page about it: results of earlier stages are not here"
        except (UserError, OSError) as error:  # as a full disk
            said = f"there is no page about it: {error}"
        print(printable(f"{stopped.stage}: {said}"), flush=True)  # on stderr there is what stopped the stage
