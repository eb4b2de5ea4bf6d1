"""Draw docs/report.png: reports/index.html on a desktop in the light and on a phone in the dark, by headless Chromium.

dvc repro
python docs/report_screenshot.py
"""

import subprocess
import tempfile
from pathlib import Path

from PIL import Image

HEIGHT, DESKTOP, PHONE, GAP = 1240, 1120, 390, 24
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
DARK = "--blink-settings=preferredColorScheme=0"
FRAME = '<body style="margin:0"><iframe src="{page}" style="border:0; width:{width}px; height:{height}px"></iframe>'
COLOURS = 200


def main() -> None:
    """Take both pictures and put them side by side."""
    page = Path("reports/index.html").resolve().as_uri()
    light, dark = photograph(page, DESKTOP), photograph(page, PHONE, DARK)
    both = Image.new("RGB", (DESKTOP + GAP + PHONE, HEIGHT), "white")
    both.paste(light, (0, 0))
    both.paste(dark, (DESKTOP + GAP, 0))
    both.quantize(COLOURS).save(Path(__file__).with_name("report.png"), optimize=True)


def photograph(page: str, width: int, *options: str) -> Image.Image:
    """The top of a page in a frame of this width: a window of Chromium cannot be as narrow as a phone."""
    with tempfile.TemporaryDirectory() as folder:
        frame, picture = Path(folder) / "frame.html", Path(folder) / "picture.png"
        frame.write_text(FRAME.format(page=page, width=width, height=HEIGHT), encoding="utf-8")
        window = [f"--window-size={max(width, 500)},{HEIGHT}", f"--user-data-dir={folder}/profile", "--hide-scrollbars"]
        command = [*CHROMIUM, *window, *options, f"--screenshot={picture}", frame.as_uri()]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return Image.open(picture).convert("RGB").crop((0, 0, width, HEIGHT))


if __name__ == "__main__":
    main()
