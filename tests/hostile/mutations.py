"""Files damaged by chance: what a cable, a disk or somebody's program makes of one that was whole."""

from collections.abc import Sequence

from hypothesis import strategies as st

PIECES = (
    b"\0",
    b"\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\1",
    b"\n",
    b"\r\n",
    b'"',
    b",",
)


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes], pieces: Sequence[bytes] = PIECES) -> bytes:
    """One of the files after a few changes: bits, pieces of other files, repetitions, cuts."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 6))):
        # Most decisions are made at the beginning of a file.
        place = min(draw(st.one_of(st.integers(0, 200), st.integers(0, max(1, len(data))))), len(data))
        match draw(st.sampled_from(("flip", "write", "insert", "repeat", "cut", "end", "number", "other"))):
            case "flip" if place < len(data):
                changed = data[place] ^ 1 << draw(st.integers(0, 7))
                data = data[:place] + bytes([changed]) + data[place + 1 :]
            case "write":
                piece = draw(st.one_of(st.sampled_from(pieces), st.binary(min_size=1, max_size=8)))
                data = data[:place] + piece + data[place + len(piece) :]
            case "insert":
                data = data[:place] + draw(st.one_of(st.sampled_from(pieces), st.binary(max_size=8))) + data[place:]
            case "repeat":
                piece = data[place : place + draw(st.integers(1, 64))]
                data = data[:place] + piece * draw(st.integers(2, 50)) + data[place:]
            case "cut":
                data = data[:place] + data[place + draw(st.integers(1, 300)) :]
            case "end":
                data = data[:place]
            case "number":
                width = draw(st.sampled_from((1, 2, 4, 8)))
                order = draw(st.booleans())
                number = draw(st.integers(0, 2 ** (8 * width) - 1))
                data = data[:place] + number.to_bytes(width, "big" if order else "little") + data[place + width :]
            case "other":
                data = data[:place] + draw(st.sampled_from(seeds))[place:]
    return data
