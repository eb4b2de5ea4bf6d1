"""Where the workers of an engine find modules: `python modules.py KIND ADDRESS MODULE...`; a line for each module."""

import sys
from importlib.util import find_spec
from pathlib import Path

from fieldguide.base.clusters import EngineConfig
from fieldguide.base.engines import map_pictures, use_engine
from fieldguide.base.errors import UserError
from fieldguide.base.process import start_process


def place(name: str) -> str:
    """The file of a module."""
    spec = find_spec(name)
    return spec.origin or "" if spec else "nowhere"


def main(kind: str, address: str, *names: str) -> None:
    """Print where each one is."""
    with use_engine(EngineConfig(kind, address), Path(__file__).absolute()):
        print("\n".join(map_pictures(place, names, "modules")))


if __name__ == "__main__":
    start_process()
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
