"""Where clean copies lie in data/clean: below their labels, and of many pictures in packs."""

import shutil
from pathlib import Path

import pandas as pd

from fieldguide.base.packs import PACK, write_pack
from fieldguide.base.progress import progress


def pack_copies(table: pd.DataFrame, kept: pd.Series, target: Path) -> None:
    """Bring the clean copies into packs by the beginning of their ids, so that each stays where it is as others come.

    `table` says so too.
    """
    plain = target / ".plain"
    labels = list(target.iterdir())
    plain.mkdir()
    for folder in labels:
        folder.replace(plain / folder.name)
    pictures = table.loc[kept, ["id", "clean_path"]].sort_values("id")
    packs = pictures["id"].str[:2] + PACK
    for pack, rows in progress(pictures.groupby(packs), "pack", packs.nunique(), unit="packs"):
        write_pack(target / str(pack), [(path, plain / path) for path in rows["clean_path"]])
    table.loc[kept, "clean_path"] = packs + "/" + pictures["clean_path"]
    shutil.rmtree(plain)


def move_relabelled(table: pd.DataFrame, target: Path) -> None:
    """Bring the clean copies of relabelled pictures below their new label, and say so in `table`."""
    relabelled = table[(table["label"] != table["raw_label"]) & table["clean_path"].notna()]
    moved = []
    for label, old in zip(relabelled["label"], relabelled["clean_path"], strict=True):
        new = f"{label}/{Path(old).name}"
        (target / label).mkdir(exist_ok=True)
        if (target / old).exists():  # not if its duplicate has taken it along
            (target / old).replace(target / new)
        moved.append(new)
    table.loc[relabelled.index, "clean_path"] = moved
