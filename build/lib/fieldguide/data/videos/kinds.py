"""Which files are videos, and their kind, from their first bytes."""

from pathlib import PurePath

ENDINGS = {
    *(".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".avi", ".mkv", ".webm"),
    *(".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv"),
}
READ = ("MP4", "MOV", "AVI", "MKV", "WebM", "MPEG", "WMV", "FLV")
HEAD = 400  # bytes that are enough to recognise it
PACKETS = (188, 192)  # bytes of a packet of a transport stream, as broadcast and as cameras write it

# FFmpeg's names of the formats. Playlists, and whatever else leads to other files, are not among them.
STARTS = {
    "matroska": (b"\x1a\x45\xdf\xa3",),
    "asf": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",),
    "flv": (b"FLV\x01",),
    "mpeg": (b"\0\0\x01\xba",),
    "mpegvideo": (b"\0\0\x01\xb3",),
}
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # with which MP4 and MOV files begin


def is_video(path: PurePath | str) -> bool:
    """Whether a file's name says that it is a video."""
    return PurePath(path).suffix.lower() in ENDINGS


def format_of(head: bytes) -> str | None:
    """FFmpeg's name of the format of a video that starts with these bytes; None for one that is not read."""
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return "avi"
    if head[4:8] in BOXES:
        return "mov"
    if any(head[size - 188 :: size][:2] == b"GG" for size in PACKETS):
        return "mpegts"
    return next((name for name, starts in STARTS.items() if head.startswith(starts)), None)
