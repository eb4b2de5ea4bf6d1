"""Files and folders that an operating system leaves among a person's."""

from pathlib import PurePosixPath

SYSTEM_FOLDERS = {
    "__macosx",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__pycache__",
}
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini"}


def system_reason(path: str) -> str:
    """Why a path belongs to the system and not to a data set, in words, else ""."""
    *folders, name = PurePosixPath(path).parts
    if found := [folder for folder in folders if folder.lower() in SYSTEM_FOLDERS]:
        return f"{found[0]} is a folder of the system"
    return "a file of the system" if name.lower() in SYSTEM_FILES or name.startswith("._") else ""
