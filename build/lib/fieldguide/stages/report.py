"""report: writes the page that summarizes all results, and the index of Data Docs."""

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.model.fingerprint import report_record
from fieldguide.overview.provenance import chosen


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write reports/index.html and reports/data_docs; return the hashes of what they are about."""
    from fieldguide.overview.page import write_overview

    write_overview(paths, chosen(cfg))
    return {**report_record(paths)}


if __name__ == "__main__":
    main(run)
