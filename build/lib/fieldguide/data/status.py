"""The status of a picture, and its side of the split."""

from enum import StrEnum


class Status(StrEnum):
    """Whether a raw picture is kept, or why it was left out."""

    KEPT = "kept"
    NOT_DOWNLOADED = "not_downloaded"
    NOT_A_PICTURE = "not_a_picture"
    UNREADABLE = "unreadable"
    DAMAGED = "damaged"  # it can be decoded, but parts are lost
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    TOO_SMALL = "too_small"
    NO_BOX = "no_box"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    DROPPED = "dropped"


class Split(StrEnum):
    """The side of a kept picture; look-alikes of pictures on another side are left out."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"
    LEFT_OUT = "left_out"
