"""Damaged files without end, for what opens pictures, reads tables and loads models: `make fuzz`, or in `tests`
`python -m hostile.fuzz pictures --minutes 10`.

Hypothesis makes each file smaller that breaks something, and prints it. Whatever is found becomes a test of its own.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from conftest import encoded, noise
from fieldguide.base.errors import UNPRINTABLE, UserError
from hostile.mutations import damaged

SLOWEST = 20.0  # seconds for one file
Check = Callable[[bytes], str]


def pictures() -> tuple[list[bytes], Check]:
    """Whole pictures of every format, and what holds of a damaged one: RGB, or a reason in one line, in time."""
    from fieldguide.data.decoding.decoder import _register_heif
    from fieldguide.data.images import PictureError, read_picture
    from picture_bytes import P3

    _register_heif()
    small, exif = noise(1, 48, 40), b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    wide = small.convert("L").convert("I").point(lambda value: value * 16).convert("I;16")
    seeds = [
        *(encoded(small, kind) for kind in ("PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "PPM", "JPEG2000")),
        *(encoded(small, "JPEG", progressive=progressive, exif=exif) for progressive in (False, True)),
        *(encoded(small, "JPEG", icc_profile=P3), encoded(small.convert("CMYK"), "JPEG")),
        *(encoded(small, "TIFF", compression=kind) for kind in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")),
        *(encoded(wide, "PNG"), encoded(wide, "TIFF"), encoded(small.convert("RGBA"), "PNG", exif=exif)),
        *(encoded(small.quantize(8), kind) for kind in ("PNG", "BMP", "TIFF")),
        *(encoded(small, kind, save_all=True, append_images=[noise(2, 48, 40)]) for kind in ("GIF", "PNG", "WEBP")),
    ]

    def check(data: bytes) -> str:
        try:
            picture = read_picture(io.BytesIO(data), 150)
        except PictureError as error:
            assert str(error) and "\n" not in str(error)
            return str(error.status)
        assert picture.image.mode == "RGB"
        assert len(picture.id) == 16
        return "kept"

    return seeds, check


def tables() -> tuple[list[bytes], Check]:
    """CSV files, parquet files and YAML files that people and programs hand in; the first byte says how to read one."""
    import pandas as pd

    from fieldguide.base.option_files import check_plain, read_mapping
    from fieldguide.base.yaml_files import set_values
    from fieldguide.data.addresses import read_addresses
    from fieldguide.data.csv_files import csv_text, read_csv
    from fieldguide.data.reviews import read_reviews
    from fieldguide.data.table import RAW, read_table, write_table
    from fieldguide.prediction.day_files import read_rows
    from fieldguide.prediction.log import PREDICTED, read_labels_csv

    folder = Path(tempfile.mkdtemp())
    day = folder / "log" / "day=2026-01-31" / "1.parquet"
    day.parent.mkdir(parents=True)
    row = {"source": "a", "path": "a/1.png", "label": "a", "ok": True, "reason": "", "bytes": 1, "sha256": "0" * 64}
    write_table(pd.DataFrame([row] * 3), folder / "whole.parquet", RAW)
    frame = pd.DataFrame({"label": ["a", "=b", "'c"], "pictures": [1, 2, 3], "recall": [0.5, 1.0, float("nan")]})

    def of_values(path: Path) -> None:
        read_csv(path, {"pictures": int, "recall": float})

    def of_yaml(path: Path) -> None:
        check_plain(read_mapping(path, path.name), path.name, "plain values")

    def of_edits(path: Path) -> None:
        with suppress(ValueError):
            set_values(path.read_bytes().decode("utf-8"), {("data",): "own", ("train", "lr"): 0.1})

    def of_the_log(path: Path) -> None:
        path.replace(day)
        with open(os.devnull, "w", encoding="utf-8") as away:  # noqa: PTH123
            stderr, sys.stderr = sys.stderr, away
            try:
                read_rows(folder / "log", PREDICTED)
            finally:
                sys.stderr = stderr

    readers: list[tuple[Callable[[Path], object], bytes]] = [
        (of_values, csv_text(frame).encode()),
        (read_labels_csv, b"id,label\r\n0123456789abcdef,bear\r\n"),
        (read_reviews, b"id,decision,label,reviewer,date,note\n0123456789abcdef,drop,,Ada,2026-01-31,blurred\n"),
        (read_addresses, b'\xef\xbb\xbfurl,label\n"http://a.example/1.png?b=c",cat\nhttp://b.example/2.png,\n'),
        (of_yaml, b"# what\ndata: sample\ntrain: {lr: 0.1, list: [1, a]}\nmore:\n  - b: ~\n"),
        (of_edits, b"# what\ndata: sample # why\ntrain:\n  lr: 0.003   # the highest\n  epochs: 2\n"),
        (lambda path: read_table(path, RAW), (folder / "whole.parquet").read_bytes()),
        (of_the_log, (folder / "whole.parquet").read_bytes()),
    ]
    file = folder / "table.csv"

    def check(data: bytes) -> str:
        read, _ = readers[data[0] % len(readers)] if data else readers[0]
        file.write_bytes(data[1:])
        try:
            read(file)
        except UserError as error:
            assert str(error) and not UNPRINTABLE.search(str(error))
            return "refused"
        return "read"

    return [bytes([number]) + whole for number, (_, whole) in enumerate(readers)], check


def models() -> tuple[list[bytes], Check]:
    """The files of a classifier, one of them damaged; the first byte says which."""
    from fieldguide.model.inference import load_classifier
    from fieldguide.model.torch_classifier import load_observed
    from untrained import save_classifier

    folder = Path(tempfile.mkdtemp())
    save_classifier(folder)
    files = [folder / "classifier.json", folder / "classifier.safetensors"]
    whole = [file.read_bytes() for file in files]
    header = int.from_bytes(whole[1][:8], "little") + 8
    rest = whole[1][header + 300 :]

    def check(data: bytes) -> str:
        which = data[0] % 2 if data else 0
        for number, file in enumerate(files):
            file.write_bytes(whole[number] if number != which else data[1:] + (rest if which else b""))
        try:
            load_observed(files[1], files[0])
            load_classifier(files[1], files[0])
        except UserError as error:
            assert str(error).isprintable() and len(str(error)) < 1000
            return "refused"
        return "loaded"

    return [b"\0" + whole[0], b"\1" + whole[1][: header + 300]], check


TARGETS = {"pictures": pictures, "tables": tables, "models": models}


def fuzz(target: str, minutes: float) -> None:
    """Try damaged files for so long; raises what hypothesis finds. Prints how many files had which outcome."""
    seeds, check = TARGETS[target]()
    end, outcomes, slowest = time.monotonic() + 60 * minutes, Counter[str](), 0.0
    for number in range(10**6):
        if time.monotonic() >= end:
            break

        @seed(number)
        @settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of(damaged(seeds), damaged(seeds), st.binary(max_size=200)))
        def one(data: bytes) -> None:
            nonlocal slowest
            if time.monotonic() >= end:
                return
            begin = time.monotonic()
            outcomes[check(data)] += 1
            slowest = max(slowest, time.monotonic() - begin)
            assert slowest < SLOWEST, "it took too long"

        one()
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{target}: {outcomes.total()} files in {minutes:g} minutes, the slowest {slowest:.1f} s: {told}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], default=[])
    parser.add_argument("--minutes", type=float, default=10, help="for each of them (default: 10)")
    options = parser.parse_args()
    for name in options.targets or TARGETS:
        fuzz(name, options.minutes)
