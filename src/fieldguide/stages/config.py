"""config: composes and validates the whole configuration before any other stage starts work.

What it writes never changes, so the other stages wait for it but do not run again because of it.
"""

import fieldguide.configuration.compose  # noqa: F401 - so the runner validates what every other stage will read
from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main


def run(cfg: Config, paths: Paths) -> Metrics:
    """Nothing more to do: the runner has composed and validated `cfg`, or has stopped with the reason."""
    return {"valid": True}


if __name__ == "__main__":
    main(run)
