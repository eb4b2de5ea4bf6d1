"""A decoded picture, or why there is none."""

import hashlib
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

    `depth` is the bits of a channel: 8, or as which the values of more than 8 were read, 8 (few are used) to 32.
    `note` says in words what was left aside: further pages or frames, a broken colour profile. `wide` is a hash of the
    values where the file holds more than 8 bits, else "": two such pictures may be equal in 8 bits.
    """

    image: Image.Image
    depth: int = 8
    note: str = ""
    wide: str = ""

    @property
    def id(self) -> str:
        """The first 16 hex digits of the sha256 of size and pixels, whatever the depth as which they were read."""
        return self.wide[:16] or picture_id(self.image)


def picture_id(image: Image.Image) -> str:
    """The first 16 hex digits of the sha256 of an upright RGB picture's size and pixels."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    for top in range(0, image.height, STRIP):  # a large picture at once would be slow to get memory for
        digest.update(image.crop((0, top, image.width, min(top + STRIP, image.height))).tobytes())
    return digest.hexdigest()[:16]
