"""The names of the stages: those of dvc.yaml, of the modules in `fieldguide.stages`, and of the folders in reports/."""

from enum import StrEnum


class Stage(StrEnum):
    """A stage of the pipeline."""

    CONFIG = "config"
    WEIGHTS = "weights"
    DOWNLOAD = "download"
    CLEAN = "clean"
    VALIDATE = "validate"
    SPLIT = "split"
    TRAIN = "train"
    EVALUATE = "evaluate"
    SCREEN = "screen"
    REPORT = "report"
