"""The kind of a file, from its first bytes."""

HEAD = 512  # bytes that are enough to recognize it

# Pillow's names of the formats of cameras, scanners and browsers; its others (some start programs) stay shut.
FORMATS = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "JPEG2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "PPM": tuple(b"P%d%c" % (number, space) for number in range(1, 7) for space in b" \t\r\n"),
}
BRANDS = {  # of the families of WebP, AVIF and HEIC
    "AVIF": (b"avif", b"avis"),
    "HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"),
}
READ = ("JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC", "JPEG 2000", "PPM")
OTHERS = {
    b"%pdf": "a PDF",
    b"pk\x03\x04": "a zip archive",
    b"<svg": "an SVG drawing",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}


def kind_of(head: bytes) -> str | None:
    """Pillow's name of the format of a file that starts with these bytes; None for one that is not read."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        length = min(max(int.from_bytes(head[:4], "big"), 16), 256)
        named = {head[8:12], *(head[place : place + 4] for place in range(16, length, 4))}
        return next((kind for kind, brands in BRANDS.items() if named & set(brands)), None)
    return next((kind for kind, starts in FORMATS.items() if head.startswith(starts)), None)


def no_picture(head: bytes) -> str:
    """Why a file is no picture, where `kind_of` finds no format."""
    start = head.lstrip().lower()
    other = next((kind for start_of, kind in OTHERS.items() if start.startswith(start_of)), "")
    return f"not a picture but {other}" if other else f"not a picture that fieldguide reads ({', '.join(READ)})"
