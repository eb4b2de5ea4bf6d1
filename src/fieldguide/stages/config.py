"""config: composes and validates the whole configuration before any other stage starts work.

Of what it writes each other stage depends on the file of its own code alone, and on what never changes: so all wait
for it, and those run again whose code has changed. It also looks at what DVC is going to hash for them: there DVC
itself may wait for ever.
"""

import fieldguide.configuration.compose  # noqa: F401 - so the runner validates what every other stage will read
from fieldguide.base.config import Config
from fieldguide.base.files import replace_folder, write_text
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.stage_code import stage_code
from fieldguide.base.stage_names import Stage
from fieldguide.base.tracked_inputs import check_tracked


def run(cfg: Config, paths: Paths) -> Metrics:
    """Look at the data set and the reviews, and write the code of every other stage below reports/config/code.

    The runner has composed and validated `cfg`, or has stopped.

    Raises UserError as `check_tracked` does.
    """
    check_tracked(paths.checkout, paths.sources / str(read_params(paths).get("data")), paths.reviews)
    with replace_folder(paths.report(Stage.CONFIG) / "code") as folder:
        for stage in Stage:
            if stage != Stage.CONFIG:
                write_text(folder / f"{stage}.txt", stage_code(stage))
    return {"valid": True}


if __name__ == "__main__":
    main(run)
