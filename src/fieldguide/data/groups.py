"""The group of each picture: what it was divided with, which is what it is a witness of."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def group_numbers(pictures: pd.DataFrame) -> NDArray[np.intp]:
    """(n,) numbers from 0 in order of appearance, the same for pictures of one group.

    A group is what has one `split_key` (a site, a day, a sequence: see `fieldguide.data.split_keys`), and of pictures
    that have none, one `group` of look-alikes. Pictures of which neither is known stand alone.

    Parameters
    ----------
    pictures
        The columns split_key and group of the split table, as far as they are there.
    """
    numbers = pd.Series(range(len(pictures)), pictures.index).astype(str).radd("picture ")
    for column in ("group", "split_key"):
        if column in pictures.columns:
            numbers = numbers.where(pictures[column].isna(), f"{column} " + pictures[column].astype(str))
    return pd.factorize(numbers)[0]
