"""What `add` writes to params.yaml: the new data set, and what its split keeps together."""

from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import set_values
from fieldguide.data.source_reading import Reading
from fieldguide.data.split_keys import LOOK_ALIKE
from fieldguide.data.split_proposal import SplitProposal, propose_split

SHARES = ("valid", "test", "min_per_label")


def _says_more(reading: Reading) -> bool:
    """Whether anything beside the labels is known, by which the split may keep pictures together."""
    known = (one.known for one in reading.pictures)
    return len(reading.options) > 1 or any(one.site or one.time or one.sequence or one.given_split for one in known)


def told_proposal(paths: Paths, reading: Reading) -> SplitProposal | None:
    """What the split of a data set with field data should keep together, told too."""
    if not _says_more(reading):
        return None
    split = {key: value for key, value in read_params(paths).get("split", {}).items() if key in SHARES}
    proposal = propose_split(reading.pictures, SplitConfig(**split))
    if proposal:
        print(f"split.group_by: {proposal.group_by}, split.seed: {proposal.seed}: {proposal.reason}")
    else:
        print("split.group_by: look_alike: no site, day or sequence divides every label: the test accuracy may flatter")
    return proposal


def chosen_params(paths: Paths, name: str, proposal: SplitProposal | None) -> str:
    """The text of params.yaml with another data set chosen and divided; comments and everything else stay."""
    values: dict[tuple[str | int, ...], str | int] = {("data",): name}
    if proposal:
        values |= {("split", "group_by"): proposal.group_by, ("split", "seed"): proposal.seed}
    elif read_params(paths).get("split", {}).get("group_by", LOOK_ALIKE) != LOOK_ALIKE:
        values[("split", "group_by")] = LOOK_ALIKE  # the key of the last data set is none of this one
    try:
        return set_values(read_text(paths.params), values)
    except ValueError as error:
        raise UserError(f"params.yaml cannot choose the new data set: {error}") from None
