"""Pictures as a model is to see them: whole files, boxes that are cut out, frames of videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
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


def whole(paths: Sequence[str], tell: Tell) -> list[tuple[str, Told]]:
    """Each picture, or each box, that a data set has in some of its files; frames of videos aside."""
    return [(path, told) for path in paths if not is_video(path) for told in tell(path)]


def shown_known(
    files: Mapping[str, Path], pictures: Sequence[tuple[str, Told]], cfg: Config, folder: Path
) -> list[Shown]:
    """Pictures of the data set, whose `files` are where their paths lead; boxes are cut out and written below `folder`.

    What cannot be read is left away.
    """
    found = []
    for number, (path, told) in enumerate(pictures):
        file = files[path]
        if told.box:
            try:
                file = _cut_out(file, told, cfg, folder / f"known-{number}.png")
            except PictureError:
                continue
        found.append(Shown(file, told.label, path))
    return found


def shown_new(
    incoming: Path, arrived: pd.DataFrame, tell: Tell, cfg: Config, folder: Path
) -> tuple[list[Shown], Mapping[str, str]]:
    """What arrived, a picture for each box or frame that is written below `folder`; and why files could not be read.

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
        file = incoming / name
        try:
            if is_video(file):
                found += [Shown(frame, told[0].label, name) for frame in _frames(file, every, folder / f"{number}")]
            else:
                boxed = [(one, folder / f"new-{number}-{place}.png") for place, one in enumerate(told)]
                found += [
                    Shown(_cut_out(file, one, cfg, place) if one.box else file, one.label, name) for one, place in boxed
                ]
        except (PictureError, VideoError) as error:
            unread[name] = str(error)
    return found, unread


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
    folder.mkdir()
    files = []
    for number, frame in enumerate(read_frames(video, every)):
        files.append(folder / f"{number}.jpg")
        files[-1].write_bytes(frame.jpeg)
        if len(files) == most:
            break
    return files
