"""download: lists the pictures of the chosen data set where they are, and draws or extracts those that have no file."""

from pathlib import Path

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_folder, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.data.raw_table import raw_table
from fieldguide.data.sources import DataSource
from fieldguide.data.table import RAW, further_columns, write_table

READ_IN_PLACE = "The pictures are read where they are, in data/sources/{source}. data/raw.parquet lists them.\n"


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write data/raw.parquet, and to data/raw what is made, if anything is; raise UserError if there are no files."""
    source = paths.sources / cfg.choices["data"]
    with replace_folder(paths.raw) as made:
        data: DataSource = cfg.data
        rows = data.fetch(source, made)

        def name(file: Path) -> str:
            return paths.name_of_raw(paths.raw / file.relative_to(made) if file.is_relative_to(made) else file)

        table = raw_table(rows, name)
        if not table["ok"].any():
            raise UserError(f"data/sources/{source.name} holds no files in the folders of labels: add pictures there")
        if not any(made.iterdir()):  # of an empty folder DVC warns with every stage
            write_text(made / "README.txt", READ_IN_PLACE.format(source=source.name))
    write_table(table, paths.raw_table, RAW, further_columns(table, RAW))
    return {
        "sources": len(table),
        "downloaded": int(table["ok"].sum()),
        "refused": int((~table["ok"]).sum()),
        "megabytes": round(float(table["bytes"].sum()) / 1e6, 1),
        "labels": int(table.loc[table["ok"], "label"].nunique()),
    }


if __name__ == "__main__":
    main(run)
