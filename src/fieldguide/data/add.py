"""Adding a data set of one's own: its pictures, its option file, its place in DVC and in params.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fieldguide.base.dvc_cache import makes_hard_links
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text, write_text
from fieldguide.base.interruption import ctrl_c_waits
from fieldguide.base.operations import DATA_SOURCES
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import document
from fieldguide.data.add_addresses import list_in_words, list_text, take_addresses, take_back, waiting_folder
from fieldguide.data.add_params import chosen_params, proposal_in_words, settings_now
from fieldguide.data.add_pictures import addresses_of, take_pictures
from fieldguide.data.address_tables import is_address_list
from fieldguide.data.addresses import Address, address_list, read_addresses
from fieldguide.data.choices import AS_IT_IS, Ambiguous, Choices, ask, is_a_terminal
from fieldguide.data.data_set_names import check_free, check_name
from fieldguide.data.kept_pictures import kept_pictures
from fieldguide.data.source_places import Place, opened, pictures_beside, pictures_in
from fieldguide.data.source_reading import Reading, describe, not_read
from fieldguide.data.sources.wanted import VIDEO_EVERY, Wanted
from fieldguide.data.split_proposal import SplitProposal, propose_split
from fieldguide.data.track import dvc_add, undone_on_failure
from fieldguide.data.understanding import read_by_files, understand


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    paths: Paths
    name: str
    choices: Choices
    link: bool
    allow_private: bool
    dry_run: bool

    @property
    def target(self) -> Path:
        """The data set's folder."""
        return self.paths.sources / self.name


@dataclass(frozen=True)
class _Taken:
    """What came: a summary, a line about its origin, and the options that say how it is read."""

    summary: str
    origin: str
    options: Mapping[str, Any]
    listed: Path | None = None  # the address list that is kept


def add_data_set(
    paths: Paths,
    name: str,
    source: str | Path,
    link: bool = False,
    allow_private: bool = False,
    choices: Choices = AS_IT_IS,
    dry_run: bool = False,
) -> None:
    """Make `source` the data set `name` and choose it: data/sources/NAME, `dvc add`, conf/data/NAME.yaml, params.yaml.

    Parameters
    ----------
    source
        A folder of pictures, whose folders or a file in it say their labels; a file that lists pictures beside it, or
        addresses; a zip or tar archive; or an address (s3://, gs://, hf://). Hidden files and folders, links and names
        that are not UTF-8 are skipped. An address list (see `read_addresses`) is kept as data/sources/NAME.csv; its
        rows without a label, and those that could not be fetched, are left to `fieldguide retrain`.
    link
        Hard links instead of copies of files.
    choices
        How the source is read where it may mean more than one thing; who sits at a terminal is asked.
    dry_run
        Tell what would be added and how it would be divided, and change nothing; what was decoded for that is kept,
        so that it need not be decoded again.
    allow_private
        Addresses may lead to this machine and to private networks; `fieldguide retrain` allows it from then on.

    Raises
    ------
    UserError
        For a name that is taken or not valid, fewer than two labels, what cannot be read, linked or tracked, or a
        params.yaml that chooses no data set or cannot be edited. Nothing is changed then.
    """
    order = _Order(paths, name, choices, link, allow_private, dry_run)
    check_name(paths, name)
    if link and makes_hard_links(paths.checkout):
        raise UserError(
            "--link would make your files and those of DVC's cache one and the same (cache.type is hardlink): leave it "
            "out; DVC's own link saves the space"
        )
    if not (_was_interrupted(order) and Path(source).is_file()):
        check_free(paths, name)
    with opened(str(source), order.target.with_name(f".{name}.unpacked")) as place:
        for note in place.notes:
            print(note)
        listed = place.path.is_file() and choices == AS_IT_IS and is_address_list(place.path)
        taken = _take_list(order, place.path) if listed else _take_pictures(order, place)
        if taken is None:
            print("nothing was added (--dry-run)")
            return
        back = waiting_folder(order.target) if listed else None
        dvc_add(paths, order.target, back)
        with undone_on_failure(order.target, back):
            divided = _divide(order, taken)
        _write_options(order, taken, *divided)


def _take_list(order: _Order, file: Path) -> _Taken | None:
    """Fetch the pictures of an address list; None for a dry run."""
    kept = address_list(order.paths, order.name)
    _take_back(order, read_addresses(file))
    if kept.exists() and read_text(kept) != list_text(file):
        raise UserError(f"data/sources/{kept.name} already exists: delete it, or choose another name")
    _check_params(order)
    if order.dry_run:
        print(list_in_words(read_addresses(file)))
        return None
    summary, origin = take_addresses(file, order.target, order.allow_private)
    options = {"kind": "folder", **({"allow_private": True} if order.allow_private else {})}
    return _Taken(summary, origin, options, file)


def _take_pictures(order: _Order, place: Place) -> _Taken | None:
    """Understand pictures, tell it, and take them; None for a dry run."""
    reading = _understood(order, place)
    number = len({one.label for one in reading.pictures})
    if number < 2 and reading.listed is None:
        others = "".join(f"; {line.removeprefix('note: ')}" for line in (*reading.understood, *not_read(reading)))
        raise UserError(
            f"{place.path} has {number} folder{'s' * (number != 1)} with files: at least two are needed, one for each "
            "label; if a file lists the pictures, name it with --labels-from FILE, and its columns with "
            "--columns file=...,label=..."
            f"{others}"
        )
    print("\n".join(describe(reading, datetime.now())))
    if number < 2:
        raise UserError(
            f"{place.name} has pictures of {number} labels: at least two are needed; the lines above say how it was "
            "read. --columns and --layout read it in another way; if the pictures are elsewhere, give their folder, "
            "and this file with --labels-from"
        )
    _take_back(order, addresses_of(reading))
    if address_list(order.paths, order.name).exists():
        raise UserError(f"data/sources/{order.name}.csv already exists: delete it, or choose another name")
    _check_params(order)
    if order.dry_run:
        print(_dry_proposal(order, reading))
        return None
    summary, origin = take_pictures(place, reading, order.target, order.link, order.allow_private)
    return _Taken(summary, origin, reading.options)


def _understood(order: _Order, place: Place) -> Reading:
    """The reading of a source; who sits at the terminal is asked where there are several."""
    choices = order.choices
    path = place.path
    if path.is_dir() and order.paths.root.resolve().is_relative_to(path.resolve()):
        raise UserError(f"{path} contains this checkout: give the folder of the pictures only")
    while True:
        try:
            if place.path.is_dir():
                return understand(pictures_in(place.path), choices)
            beside = pictures_beside(place.path, order.paths.root, choices.columns)
            return read_by_files(beside, [place.path.name], choices, tell_others=False)
        except Ambiguous as doubt:
            if not is_a_terminal():
                raise
            choices = choices.with_option(*ask(doubt))


def _take_back(order: _Order, addresses: Sequence[Address]) -> None:
    if _was_interrupted(order):
        take_back(addresses, order.target)
        check_free(order.paths, order.name)


def _was_interrupted(order: _Order) -> bool:
    return order.target.exists() and not order.paths.option("data", order.name).exists()


def _check_params(order: _Order) -> None:
    """Raise UserError if params.yaml cannot be edited: before anything is taken."""
    chosen_params(order.paths, order.name, SplitProposal(settings_now(order.paths)[1], ""))


def _divide(order: _Order, taken: _Taken) -> tuple[str, str]:
    """The text of params.yaml with the data set, divided by what its pictures are; and that in words."""
    data = DATA_SOURCES.validate(dict(taken.options))
    proposal, told = _proposed(order, data.survey(order.target), data.video_every)
    return chosen_params(order.paths, order.name, proposal), told


def _dry_proposal(order: _Order, reading: Reading) -> str:
    if addresses_of(reading):
        return "how it is divided follows from its pictures, once they are fetched"
    return _proposed(order, reading.files, VIDEO_EVERY)[1]


def _proposed(order: _Order, wanted: Sequence[Wanted], video_every: float) -> tuple[SplitProposal, str]:
    """How the pictures are to be divided, by what each looks like; and that in words."""
    clean, split = settings_now(order.paths)
    usable = kept_pictures(wanted, order.target, video_every, clean, order.paths.cleaned)
    proposal = propose_split(usable, split)
    return proposal, proposal_in_words(order.paths, usable, proposal)


def _write_options(order: _Order, taken: _Taken, params: str, divided: str) -> None:
    """Write the data set's option file, choose it, and tell what is next."""
    paths, name = order.paths, order.name
    commit = [f"conf/data/{name}.yaml", f"data/sources/{name}.dvc", "data/sources/.gitignore"]
    secret: list[int] = []
    if taken.listed:
        secret = [row.line for row in read_addresses(taken.listed) if row.may_hold_secret]
        commit[1:1] = [] if secret else [f"data/sources/{name}.csv"]
    with ctrl_c_waits():
        if taken.listed:
            write_text(address_list(paths, name), list_text(taken.listed))
        write_text(paths.option("data", name), f"# {taken.origin}\n{document(dict(taken.options))}")
        write_text(paths.params, params)
    print(
        f"added {taken.summary} as data set {name!r}\n"
        f"{divided}\n"
        f"chosen in params.yaml; next: `dvc repro`, then commit params.yaml, {', '.join(commit[:-1])} and {commit[-1]}"
    )
    if secret:
        print(
            f"do not commit data/sources/{name}.csv if it holds passwords or tokens: {len(secret)} addresses have "
            f"a query string, a user or a fragment (the first in line {secret[0]})"
        )
