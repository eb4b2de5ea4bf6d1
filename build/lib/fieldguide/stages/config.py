"""config: composes and validates the whole configuration before any other stage starts work.

What it writes never changes, so the other stages wait for it but do not run again because of it. It also looks at what
DVC is going to hash for them: there DVC itself may wait for ever.
"""

import fieldguide.configuration.compose  # noqa: F401 - so the runner validates what every other stage will read
from fieldguide.base.config import Config
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.tracked_inputs import check_tracked


def run(cfg: Config, paths: Paths) -> Metrics:
    """Look at the data set and the reviews; the runner has composed and validated `cfg`, or has stopped.

    Raises UserError as `check_tracked` does.
    """
    check_tracked(paths.checkout, paths.sources / str(read_params(paths).get("data")), paths.reviews)
    return {"valid": True}


if __name__ == "__main__":
    main(run)
