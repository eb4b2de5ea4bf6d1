"""Decoding one file in this process, whatever it takes; see `isolated` for the bounds."""

import io
from typing import BinaryIO

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from fieldguide.base.silence import without_warnings
from fieldguide.data.decoding.colours import to_srgb
from fieldguide.data.decoding.high_bit_depth import narrow
from fieldguide.data.decoding.identity import picture_id
from fieldguide.data.decoding.jpeg import END, load_jpeg
from fieldguide.data.decoding.kinds import HEAD, kind_of, no_picture
from fieldguide.data.decoding.missing_parts import check_complete
from fieldguide.data.decoding.picture import Picture, PictureError
from fieldguide.data.decoding.png import check_rows, without_extras
from fieldguide.data.status import Status

# What brings a picture upright whose EXIF orientation is the key (the standard's eight, 1 is upright).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[number] for number in (5, 6, 7, 8)}
ADDRESSED = {"PNG", "WEBP", "TIFF", "MPO", "AVIF", "HEIF"}  # formats that tell the number of their pictures at once
NO_MEMORY = "decoder error -9"  # in Pillow's words
TOO_MUCH = "decoding it takes too much memory"
REPORTED_TIFF_TAGS = {"channels": 277, "bits": 258, "sample format": 339, "compression": 259, "photometric": 262}


def decode(stream: BinaryIO, max_megapixels: float, depth: int | None = None, max_side: int | None = None) -> Picture:
    """Decode a picture file; of an animation or of several pages the first.

    `depth` is that of a data set's pictures, for those of more than 8 bits that do not tell their own (see `wide`).
    With `max_side`, a JPEG picture is decoded as coarsely as a copy of that size allows (see `coarsest_scale`).
    Raises PictureError, whatever the file holds.
    """
    Image.MAX_IMAGE_PIXELS = None  # the bound below is ours, and holds before anything is decoded
    try:
        stream.seek(0)
        head = stream.read(HEAD)
        if not head:
            raise PictureError(Status.UNREADABLE, "the file is empty")
        kind = kind_of(head)
        if kind is None:
            raise PictureError(Status.NOT_A_PICTURE, no_picture(head))
        if kind == "HEIF":
            _register_heif()
        if kind == "JPEG":  # its end may be missing; `load_jpeg` sees whether more is
            stream.seek(0)
            stream = io.BytesIO(stream.read() + END)
        notes: list[str] = []
        if kind == "PNG":
            stream.seek(0)
            data, notes = without_extras(stream.read())
            stream = io.BytesIO(data)
        with without_warnings(), _opened(stream, kind) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels > max_megapixels:
                raise PictureError(Status.TOO_LARGE, f"{megapixels:.0f} megapixels, allowed are {max_megapixels:g}")
            return _picture(image, stream, kind, depth, max_side, notes)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(Status.TOO_LARGE, TOO_MUCH) from None
    except Exception as error:  # a decoder may raise anything on hostile bytes; the picture is lost, not the run
        reason = reason_of(error)
        if reason == NO_MEMORY or "memory" in reason.lower():
            raise PictureError(Status.TOO_LARGE, TOO_MUCH) from None
        raise PictureError(Status.UNREADABLE, reason) from None


def reason_of(error: Exception) -> str:
    """The error in one line, without the path that the system adds to its own errors."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__


def _opened(stream: BinaryIO, kind: str) -> ImageFile.ImageFile:
    try:
        return Image.open(stream, formats=(kind,))
    except UnidentifiedImageError:
        stream.seek(0)
        try:  # once more, since Pillow keeps to itself what the format's own reader said
            Image.OPEN[kind][0](stream, "")
        except Exception as error:
            said = reason_of(error)
        else:
            said = "its header is damaged"
    details = _tiff_kind(stream) if kind == "TIFF" else ""
    raise PictureError(Status.UNREADABLE, f"a {kind} file of a kind that is not read, or damaged: {said}{details}")


def _tiff_kind(stream: BinaryIO) -> str:
    """What makes a TIFF file unlike others, as far as that can be found out."""
    stream.seek(0)
    head = stream.read(16)
    directory = ImageFileDirectory_v2(head if head[2:3] == b"+" or head[3:4] == b"+" else head[:8])
    try:
        stream.seek(directory.next)
        directory.load(stream)
        details = {name: directory.get(tag) for name, tag in REPORTED_TIFF_TAGS.items()}
    except Exception:  # so damaged that nothing can be said
        return ""
    return "".join(f", {name} {value}" for name, value in details.items() if value is not None)


def identity_of(data: bytes) -> str:
    """The id of a picture file. Raises PictureError if its header cannot be read."""
    kind = kind_of(data[:HEAD])
    if kind is None:
        raise PictureError(Status.NOT_A_PICTURE, no_picture(data[:HEAD]))
    if kind not in ("JPEG", "PNG"):  # all of it counts, whatever it says
        return picture_id(kind, data, 1, None)
    try:
        shown = data + END if kind == "JPEG" else without_extras(data)[0]
        with without_warnings(), _opened(io.BytesIO(shown), kind) as image:
            profile = image.info.get("icc_profile")
            return picture_id(kind, data if kind == "JPEG" else shown, _orientation(image), profile)
    except PictureError:
        raise
    except Exception as error:  # a reader may raise anything on hostile bytes
        raise PictureError(Status.UNREADABLE, reason_of(error)) from None


def _picture(
    image: ImageFile.ImageFile, stream: BinaryIO, kind: str, depth: int | None, max_side: int | None, notes: list[str]
) -> Picture:
    check_complete(image, kind, stream)
    size, profile, notes = image.size, image.info.get("icc_profile"), [*notes, *_pages(image)]
    eight, bits, wide = narrow(image, stream, depth) or (_loaded(image, stream, kind, max_side), 8, "")
    size = size if kind == "JPEG" else eight.size  # Pillow turns TIFF files as it loads them
    if kind == "PNG":
        check_rows(_bytes(stream), eight)
    colours, said = to_srgb(eight, profile)
    orientation = _orientation(image)  # asked late: of TIFF files Pillow takes it away as it turns them
    identity = _identity(stream, kind, orientation, profile)
    if colours is not image:
        image.close()  # its pixels take as much memory as those of the turned picture
    del eight
    turn = TURNS.get(orientation)
    upright = colours if turn is None else colours.transpose(turn)
    upright.info.clear()  # Pillow would write a comment found there into every copy
    width, height = size[::-1] if turn in SIDEWAYS else size
    return Picture(upright, identity, (width, height), bits, "; ".join(notes + said), wide)


def _identity(stream: BinaryIO, kind: str, orientation: int, profile: bytes | None) -> str:
    data = _bytes(stream)
    return picture_id(kind, data[: -len(END)] if kind == "JPEG" else data, orientation, profile)


def _bytes(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()


def _loaded(image: ImageFile.ImageFile, stream: BinaryIO, kind: str, max_side: int | None) -> Image.Image:
    if kind == "JPEG":
        if image.mode == "CMYK" and "adobe" not in image.info:  # Pillow turns all CMYK over, as Adobe writes it
            image.tile = [tile._replace(args=("CMYK", "")) for tile in image.tile]
        return load_jpeg(image, _bytes(stream)[: -len(END)], max_side)
    image.load()
    return image


def _orientation(image: Image.Image) -> int:
    """That of the standard, 1 to 8; 1 where the file says nothing, or nothing that it could mean."""
    try:
        said = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(said) if said in TURNS else 1
    except Exception:  # damaged EXIF says nothing about the pixels
        return 1


def _pages(image: ImageFile.ImageFile) -> list[str]:
    """A note on pages or frames beyond the first."""
    try:
        if image.format in ADDRESSED:
            count = getattr(image, "n_frames", 1)
            return [f"the first of {count} pages or frames"] if count > 1 else []
        return ["the first of several frames"] if getattr(image, "is_animated", False) else []
    except Exception:  # damage behind the first picture
        return []


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        reason = "a HEIC picture: install fieldguide[heic] to read these (pip install 'fieldguide[heic]')"
        raise PictureError(Status.NOT_A_PICTURE, reason) from None
    pillow_heif.register_heif_opener(thumbnails=False)
