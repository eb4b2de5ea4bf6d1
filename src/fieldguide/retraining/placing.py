"""Where new pictures go in the data set, and which are none: copies, and what contradicts what is there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.dvc_cache import is_link_away
from fieldguide.base.files import sha256_of_file
from fieldguide.base.packs import files_of_data_set, size_of
from fieldguide.base.paths import Paths
from fieldguide.data.annotations.picture_table import LABEL
from fieldguide.data.cropping import BOXES
from fieldguide.data.layout import parse_layout
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.table import IMAGES, read_table
from fieldguide.retraining.arrived import Arrived, State
from fieldguide.retraining.data_set import Told, told_by, told_in

What = frozenset[tuple[object, ...]]  # what is said of a file: its labels, each with its box


def without_contradictions(rows: list[Arrived], cfg: Config, paths: Paths) -> Iterator[Arrived]:
    """Refuse new pictures that the data set has under another label, also in another file: both would be left out."""
    images = read_table(paths.image_table, IMAGES) if paths.image_table.exists() else pd.DataFrame(columns=IMAGES.names)
    known: dict[str, set[str]] = {}
    whole = images["cut_from"].where(images["cut_from"].notna(), images["id"])
    for identities in (whole, images["clean_sha256"]):  # the latter as `clean` tells which pictures are the same
        for identity, label, raw_label in zip(identities, images["label"], images["raw_label"], strict=True):
            if identity:  # as it came, and as a review relabelled it
                known.setdefault(identity, set()).update((label, raw_label))
    labels = getattr(cfg.data, "labels", {})
    for row in rows:
        said = {
            labels.get(given, given) for given in [row.label, *(cells.get(LABEL, row.label) for cells in row.listed)]
        }
        others = known.get(row.id) or known.get(row.clean_sha256) or said
        if row.state == State.NEW and not said <= others:
            reason = f"the same picture is in the data set, with the label {sorted(others)[0]!r}"
            yield replace(row, state=State.REFUSED, reason=reason)
        else:
            yield row


def placed(rows: list[Arrived], cfg: Config, source: Path) -> Iterator[Arrived]:
    """Give new pictures and lists their place in the data set; what is there already, or arrived twice, is not new."""
    present = files_of_data_set(source)
    arrived = {row.bytes for row in rows}
    tell = told_by(cfg, source)
    places: dict[str, dict[What, str]] = {}  # of bytes that are there or came before, by their hash
    copies: dict[str, str] = {}  # the same of files of which the data set says nothing
    for place, path in present.items():
        if any(part.startswith(".") for part in place.split("/")) or is_link_away(path) or size_of(path) not in arrived:
            continue  # no picture of the data set, or none that came again
        if told := tell(place):
            places.setdefault(sha256_of_file(path), {}).setdefault(_what(told), place)
        else:
            copies.setdefault(sha256_of_file(path), place)
    taken = set(present)
    found: dict[str, Arrived] = {}
    for row in (one for one in rows if one.state != State.LIST):
        found[row.file] = _placed(row, cfg, places, taken)
    for row in rows:
        yield found[row.file] if row.state != State.LIST else _placed_list(row, found, copies, taken)


def _placed(row: Arrived, cfg: Config, places: dict[str, dict[What, str]], taken: set[str]) -> Arrived:
    same = places.get(row.sha256, {})
    cropped = cfg.clean.crop == BOXES
    told = told_in(row.listed, {}, cropped) or [Told(row.label, row.label)]
    what = _what(told)
    if row.state != State.NEW:
        return row
    if what in same:
        reason = f"the same file is in the data set, or arrived, as {same[what]}"
        return replace(row, state=State.KNOWN, reason=reason, target=same[what])
    if same:
        others = sorted({str(label) for label, *_ in next(iter(same))})
        mine = sorted({one.given for one in told})
        how = "other boxes" if others == mine else f"the label {' and '.join(map(repr, others))}"
        return replace(row, state=State.REFUSED, reason=f"the same file is in the data set, or arrived, with {how}")
    path = row.file
    if isinstance(cfg.data, FolderData):
        path = parse_layout(cfg.data.layout).with_label(row.file, row.label)
    target = _free(path, row.sha256, taken)
    places[row.sha256] = {what: target}
    return replace(row, target=target)


def _placed_list(row: Arrived, found: dict[str, Arrived], copies: dict[str, str], taken: set[str]) -> Arrived:
    """A list goes with its pictures; once all that are here are in the data set with it, it is a copy."""
    here = [found[name] for name in row.named if name in found]
    if row.sha256 in copies and all(one.state == State.KNOWN for one in here):
        reason = f"the same file is in the data set, as {copies[row.sha256]}"
        return replace(row, state=State.KNOWN, reason=reason, target=copies[row.sha256])
    return replace(row, target=copies.get(row.sha256) or _free(row.file, row.sha256, taken))


def _what(told: Sequence[Told]) -> What:
    return frozenset((one.given, *(round(share, 6) for share in one.box or ())) for one in told)


def _free(path: str, digest: str, taken: set[str]) -> str:
    """A path that no file has: another name, made from the bytes, where it is taken."""
    wanted = PurePosixPath(path)
    target = path if path not in taken else str(wanted.with_name(f"{wanted.stem}-{digest[:8]}{wanted.suffix}"))
    taken.add(target)
    return target
