"""Draws docs/sample.png, the README picture of the sample: `python docs/contact_sheet.py` after `make repro`."""

from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageOps

ROOT = Path(__file__).parent.parent
CELL, COLUMNS, MARGIN, TITLE = 112, 9, 4, 86
SITE = "S10"  # where both wild bears pass
PLANTED = ("hand_drawn", "black_and_white", "night", "upside_down", "low_resolution", "no_bear", "wrong_label")


def main() -> None:
    """Three rows of ordinary pictures, one a label, one of a site, and one of what is planted among them."""
    truth = pd.read_csv(ROOT / "data/raw/truth.csv", keep_default_na=False)
    ordinary = truth[truth["planted"] == ""].groupby("label")
    rows = {str(label): list(group["path"].iloc[:COLUMNS]) for label, group in ordinary}
    known = pd.read_parquet(ROOT / "data/raw.parquet", columns=["path", "site", "time"]).merge(truth, on="path")
    there = known[(known["site"] == SITE) & (known["planted"] == "")].sort_values("time")
    rows[f"site {SITE}"] = list(there["path"].iloc[:: len(there) // COLUMNS][:COLUMNS])
    planted = [truth.loc[truth["planted"] == kind, "path"] for kind in PLANTED]
    rows["planted"] = [paths.iloc[0] for paths in planted] + [planted[0].iloc[1], planted[3].iloc[1]]
    width = TITLE + COLUMNS * (CELL + MARGIN)
    sheet = Image.new("RGB", (width, len(rows) * (CELL + MARGIN)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (title, paths) in enumerate(rows.items()):
        top = number * (CELL + MARGIN)
        pen.text((6, top + CELL // 2 - 8), title, fill="black", font_size=16)
        for column, path in enumerate(paths):
            with Image.open(ROOT / "data/raw" / path) as picture:
                picture = ImageOps.exif_transpose(picture).convert("RGB")
                picture.thumbnail((CELL, CELL))
            left = TITLE + column * (CELL + MARGIN) + (CELL - picture.width) // 2
            sheet.paste(picture, (left, top + (CELL - picture.height) // 2))
    sheet.save(ROOT / "docs/sample.png", optimize=True)


if __name__ == "__main__":
    main()
