"""Finding the files that a table names in the folder that it is about."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from fieldguide.data.annotations.annotation import PICTURE

DRIVE = re.compile(r"^(file:///?|[A-Za-z]:)?/*")


class ListedFiles:
    """The files of a folder, found by how others write their paths; what is found is always one of them."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Take files, some of them perhaps in packs, by their paths below the folder, with "/" between folders."""
        self._files = dict(files)
        self._alike = {_plain(file): file for file in reversed(self._files)}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            name = _plain(file.rpartition("/")[2])
            self._by_name[name].append(file)
            if PICTURE.fullmatch(name):
                self._by_stem[name.rpartition(".")[0]].append(file)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __contains__(self, file: str) -> bool:
        return file in self._files

    def __getitem__(self, file: str) -> Path:
        return self._files[file]

    def find(self, written: str, beside: str = "") -> tuple[str, str]:
        """The file that a path means and "", or else "" and why none does.

        It is looked for below `beside`, then from the folder itself; without its first folders, which are those of
        another computer; and in any case by its name, with or without the ending, if only one file has it.
        """
        parts = [part for part in DRIVE.sub("", written).split("/") if part not in ("", ".")]
        if not parts:
            return "", "no file is named"
        if ".." in parts:
            return "", "its path leads out of the folder"
        below = [*beside.split("/"), *parts] if beside else parts
        for place in [below, *(parts[start:] for start in range(len(parts)))]:
            path = "/".join(place)
            if path in self._files:
                return path, ""
            if found := self._alike.get(_plain(path)):
                return found, ""
        name = _plain(parts[-1])
        same = self._by_name.get(name) or self._by_stem.get(name, [])
        if len(same) > 1:
            return "", f"several files have this name, as {same[0]} and {same[1]}"
        return (same[0], "") if same else ("", "there is no such file")


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
