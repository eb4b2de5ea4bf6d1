"""download: fetches or copies the pictures of the chosen data set to data/raw/<label>/ and lists every source."""

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_folder
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.data.sources import DataSource
from fieldguide.data.table import RAW, write_table


def run(cfg: Config, paths: Paths) -> Metrics:
    """Fill data/raw and data/raw.parquet; raise UserError if nothing at all arrived."""
    source = paths.sources / cfg.choices["data"]
    with replace_folder(paths.raw) as target:
        data: DataSource = cfg.data
        rows = data.fetch(source, target)
        further = sorted({name for row in rows for name in row.known.further})
        table = pd.DataFrame([row.cells for row in rows], columns=[*RAW.names, *further])
        if not table["ok"].any():
            raise UserError(f"data/sources/{source.name} holds no files in the folders of labels: add pictures there")
    write_table(table, paths.raw_table, RAW, further)
    return {
        "sources": len(table),
        "downloaded": int(table["ok"].sum()),
        "refused": int((~table["ok"]).sum()),
        "megabytes": round(float(table["bytes"].sum()) / 1e6, 1),
        "labels": int(table.loc[table["ok"], "label"].nunique()),
    }


if __name__ == "__main__":
    main(run)
