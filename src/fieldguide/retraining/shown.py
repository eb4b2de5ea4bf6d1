"""Pictures as a model is to see them: whole files, boxes that are cut out, frames of videos."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.progress import progress
from fieldguide.data.cropping import cut
from fieldguide.data.images import PictureError, read_picture
from fieldguide.data.sources.wanted import VIDEO_EVERY
from fieldguide.data.videos.frames import VideoError, read_frames
from fieldguide.data.videos.kinds import is_video
from fieldguide.retraining.data_set import Tell, Told

MOST_FRAMES = 8  # of a video that are looked at


@dataclass(frozen=True)
class Shown:
    """A picture: the file that holds it, its label, and the file that it is of."""

    file: Path
    label: str
    source: str


@dataclass(frozen=True)
class Known:
    """A picture of the data set: a file of it, what is told of that, and of a video the place of the frame."""

    path: str
    told: Told
    place: int = 0


def known_pictures(paths: Sequence[str], tell: Tell) -> list[Known]:
    """Each picture, each box and each frame of a video that a data set may have in some of its files."""
    found = []
    for path in paths:
        if is_video(path):
            found += [Known(path, told, place) for told in tell(path)[:1] for place in range(MOST_FRAMES)]
        else:
            found += [Known(path, told) for told in tell(path)]
    return found


def shown_known(files: Mapping[str, Path], pictures: Sequence[Known], cfg: Config, folder: Path) -> list[Shown]:
    """Pictures of the data set, whose `files` are where their paths lead; boxes and frames are written below `folder`.

    What cannot be read is left away, as are frames that a video does not have.
    """
    every = getattr(cfg.data, "video_every", VIDEO_EVERY)
    by_path = [(path, list(ones)) for path, ones in groupby(pictures, key=lambda one: one.path)]
    found: list[Shown] = []
    for number, (path, ones) in enumerate(progress(by_path, "look at the data set", unit="files")):
        work = folder / f"known-{number}"
        if is_video(path):
            with suppress(VideoError):
                frames = _frames(files[path], every, work, most=1 + max(one.place for one in ones))
                found += [Shown(frames[one.place], one.told.label, path) for one in ones if one.place < len(frames)]
            continue
        for place, one in enumerate(ones):
            with suppress(PictureError):
                cut_out = work.with_name(f"{work.name}-{place}.png")
                file = _cut_out(files[path], one.told, cfg, cut_out) if one.told.box else files[path]
                found.append(Shown(file, one.told.label, path))
    return found


def shown_new(
    incoming: Path, arrived: pd.DataFrame, tell: Tell, cfg: Config, folder: Path
) -> tuple[list[Shown], Mapping[str, str]]:
    """What arrived, a picture for each box or frame that is written below `folder`; and why files could not be read.

    A box that cannot be cut out is left away; a file is unread if it has no picture at all.

    Parameters
    ----------
    arrived
        Columns file and target, as in `Arrived`; without a target nothing is told of the file.
    """
    every = getattr(cfg.data, "video_every", VIDEO_EVERY)
    found: list[Shown] = []
    unread: dict[str, str] = {}
    for number, (name, target) in enumerate(zip(arrived["file"], arrived["target"], strict=True)):
        told = tell(target) or [Told("", "")]
        pictures, reasons = _of_file(incoming / name, told, every, cfg, folder / f"new-{number}")
        found += [Shown(picture, label, name) for picture, label in pictures]
        if not pictures:
            unread[name] = reasons[0]
    return found, unread


def _of_file(
    file: Path, told: Sequence[Told], every: float, cfg: Config, work: Path
) -> tuple[list[tuple[Path, str]], list[str]]:
    """The pictures of a file with their labels, and what is wrong with those that cannot be had."""
    if is_video(file):
        try:
            return [(frame, told[0].label) for frame in _frames(file, every, work)], []
        except VideoError as error:
            return [], [str(error)]
    pictures, reasons = [], []
    for place, one in enumerate(told):
        try:
            cut_out = work.with_name(f"{work.name}-{place}.png")
            pictures.append((_cut_out(file, one, cfg, cut_out) if one.box else file, one.label))
        except PictureError as error:
            reasons.append(str(error))
    return pictures, reasons


def first_frames(files: Sequence[Path], folder: Path) -> list[Path]:
    """The files, but in place of a video its first frame, written below `folder`."""
    found = []
    for number, file in enumerate(files):
        try:
            frames = _frames(file, VIDEO_EVERY, folder / f"{number}", most=1) if is_video(file) else []
        except VideoError:  # it could be read before
            frames = []
        found += frames or [file]
    return found


def _cut_out(file: Path, told: Told, cfg: Config, target: Path) -> Path:
    assert told.box, "who asks has one"
    cut(read_picture(file, cfg.clean.max_megapixels), told.box, cfg.clean.crop_margin).image.save(target)
    return target


def _frames(video: Path, every: float, folder: Path, most: int = MOST_FRAMES) -> list[Path]:
    """The first frames of a video, written below `folder`. Raises VideoError if none comes before what is damaged."""
    folder.mkdir()
    files: list[Path] = []
    try:
        for frame in islice(read_frames(video, every), most):
            files.append(folder / f"{len(files)}.jpg")
            files[-1].write_bytes(frame.jpeg)
    except VideoError:
        if not files:
            raise
    return files
