"""A decoded picture, or why there is none."""

from dataclasses import dataclass

from PIL import Image

from fieldguide.data.status import Status

STRIP = 64  # rows


class PictureError(Exception):
    """A picture that cannot be used: `status` says in which way, the message why.

    `lasting`: that follows from the file alone, and not from the machine or its load.
    """

    def __init__(self, status: Status, reason: str, lasting: bool = True) -> None:
        super().__init__(reason)
        self.status = status
        self.lasting = lasting and status not in (Status.TOO_LARGE, Status.TOO_SLOW)


@dataclass(frozen=True)
class Picture:
    """An upright RGB picture without metadata, and what else is to be known of its file.

    `id` is that of `fieldguide.data.decoding.identity`. `size` is the upright picture's width and height, which `image`
    may show coarser. `depth` is the bits of a channel: 8, or as which the values of more than 8 were read, 8 (few are
    used) to 32. `note` says in words what was left aside: further pages or frames, a broken colour profile. `wide` is a
    hash of the values where the file holds more than 8 bits, else "".
    """

    image: Image.Image
    id: str
    size: tuple[int, int]
    depth: int = 8
    note: str = ""
    wide: str = ""
