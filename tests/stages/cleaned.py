"""What holds of data/clean and its table, whatever was cleaned."""

import pandas as pd

from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths


def check_folder(paths: Paths, table: pd.DataFrame) -> None:
    """The folder holds exactly the kept pictures, and the table knows their bytes."""
    kept = table[table["status"] == "kept"]
    there = {path.relative_to(paths.clean).as_posix() for path in paths.clean.rglob("*") if path.is_file()}
    assert there == set(kept["clean_path"])
    assert len(there) == len(kept)
    for row in kept.itertuples():
        assert row.clean_path == f"{row.label}/{row.id}.jpg"
        assert sha256_of_file(paths.clean / str(row.clean_path)) == row.clean_sha256
    left = table[table["status"] != "kept"]
    assert set(left["clean_path"]) | set(left["clean_sha256"]) <= {""}
    assert (kept["reason"] == "").all()
    assert (left["reason"] != "").all()
    assert not left["reason"].str.contains(str(paths.root), regex=False).any()
