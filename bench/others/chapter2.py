"""The bear classifier of the fastai book's second chapter, as its readers write it; `../chapter2.py` times it.

    python chapter2.py PICTURES TABLE WEIGHTS SIZE EPOCHS BATCH

TABLE is a csv with columns path, label, split (train, valid, test). Prints "trained" and then the accuracy on `test`.
"""

import sys
from pathlib import Path

import pandas as pd
from fastai.vision.all import (
    CategoryBlock,
    ColReader,
    DataBlock,
    ImageBlock,
    RandomResizedCrop,
    accuracy,
    aug_transforms,
    vision_learner,
)


def main() -> None:
    """Train with the settings of the book and fastai's defaults, then test."""
    folder, table, weights, size, epochs, batch = sys.argv[1:]
    pictures = pd.read_csv(table)
    used = pictures[pictures["split"] != "test"].reset_index(drop=True)
    bears = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_x=ColReader("path", pref=Path(folder)),
        get_y=ColReader("label"),
        splitter=lambda rows: (rows.index[rows["split"] == "train"], rows.index[rows["split"] == "valid"]),
        item_tfms=RandomResizedCrop(int(size), min_scale=0.5),
        batch_tfms=aug_transforms(),
    )
    dls = bears.dataloaders(used, bs=int(batch))
    learn = vision_learner(dls, "mobilenetv2_100", metrics=accuracy, pretrained_cfg_overlay={"file": weights})
    with learn.no_bar():
        learn.fine_tune(int(epochs))
        print("trained", flush=True)
        test = pictures[pictures["split"] == "test"]
        predictions, truth = learn.get_preds(dl=dls.test_dl(test, with_labels=True))
    print(float((predictions.argmax(dim=1) == truth).float().mean()))


if __name__ == "__main__":
    main()
