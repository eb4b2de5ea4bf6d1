"""fieldguide: a reproducible pipeline for image classifiers.

In Python: `load` gives a trained classifier that predicts and screens pictures, `open_run` the tables of a checkout.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.base.version import VERSION as __version__

if TYPE_CHECKING:
    from fieldguide.notebook.classifier import LoadedClassifier
    from fieldguide.notebook.run import Run

__all__ = ["__version__", "load", "open_run"]


def load(model: str | Path = "models") -> "LoadedClassifier":
    """Load a trained classifier, and its screen if there is one beside it; runs no code from the files.

    Parameters
    ----------
    model
        The folder that `train` and `screen` write (models/ of a checkout, or a copy of it), or the classifier's .onnx
        or .safetensors file in it.

    Raises
    ------
    fieldguide.base.errors.UserError
        If there is none, or if a file is damaged or does not belong to the others.
    """
    from fieldguide.notebook.classifier import load_folder

    return load_folder(Path(model))


def open_run(folder: str | Path = ".") -> "Run":
    """The results of the last run in a checkout, as data frames; it takes `pip install 'fieldguide[train]'`.

    Raises
    ------
    fieldguide.base.errors.UserError
        If the folder is no checkout, or pandas is not installed.
    """
    from fieldguide.notebook.run import open_folder

    return open_folder(Path(folder))
