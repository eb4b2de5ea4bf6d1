"""Runs the corpora and prints what was tried, right and wrong: `make test-hostile`, or `python -m hostile bombs`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from fieldguide.base.process import start_process

start_process()  # before the libraries are imported

CORPORA = ("pictures", "damage", "bombs", "models", "configurations", "labels", "servers")


def main() -> int:
    """The exit code: 0 if nothing was wrong."""
    from hostile.case import Result, table_of

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="*", choices=[*CORPORA, []], default=[])
    results: list[Result] = []
    for name in parser.parse_args().corpora or CORPORA:
        begin = time.monotonic()
        run: Callable[[Path], Result] = import_module(f"hostile.{name}").run
        with tempfile.TemporaryDirectory() as folder:
            results.append(run(Path(folder)))
        print(f"{name}: {time.monotonic() - begin:.0f} seconds", flush=True)
    print(table_of(results))
    return int(any(result.wrong for result in results))


if __name__ == "__main__":
    sys.exit(main())
