"""The names of data sets: which are possible, and which are taken."""

import re

from fieldguide.base.errors import UserError
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import address_list

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # words that YAML takes for something else


def check_name(paths: Paths, name: str) -> None:
    """Raise UserError if this cannot be the name of a data set, or if params.yaml chooses none."""
    if read_params(paths).get("data") is None:
        raise UserError("params.yaml chooses no data set: add a line `data: sample`")
    if not NAME.fullmatch(name) or name.lower() in NOT_TEXT:
        raise UserError(
            f"{name!r} is not a valid name for a data set: use letters from a to z, digits, - and _, a letter first"
        )


def check_free(paths: Paths, name: str) -> None:
    """Raise UserError if there is a data set of this name, or what an `add` of it left."""
    target, option = paths.sources / name, paths.option("data", name)
    if target.exists() and not option.exists():
        raise UserError(f"data/sources/{name} is left from an `add` that was interrupted: delete it and add again")
    if target.exists() or option.exists():
        listed = address_list(paths, name).exists()
        more = f"rows to data/sources/{name}.csv" if listed else f"pictures to data/sources/{name}"
        raise UserError(f"the data set {name!r} already exists: choose another name, or add {more}")
