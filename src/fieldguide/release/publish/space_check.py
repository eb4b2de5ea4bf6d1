"""Whether a folder can run as a Space, found without the hub: what it says there, and whether all of it is there.

The hub takes a README.md with a colour that it does not know, and shows an error instead of the Space.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from huggingface_hub import SpaceCard
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from fieldguide.base.errors import UserError, first_line
from fieldguide.model.activation_maps import head_weights
from fieldguide.prediction.answers import load_screened
from fieldguide.release.publish.cards import DATA_CARD, MODEL_CARD

FILES = ("requirements.txt", "fieldguide/__init__.py", MODEL_CARD, DATA_CARD)
NOT_THERE = ("torch", "torchvision", "fastai", "timm")  # the hub would install gigabytes

Colour = Literal["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
Text = Annotated[str, Field(min_length=1)]
Version = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]


def _emoji(text: str) -> str:
    if text.isascii() or len(text) > 8:
        raise ValueError("must be one emoji")
    return text


class FrontMatter(BaseModel):
    """What README.md must say, as the hub's reference of Spaces has it; it may say more."""

    title: Text
    emoji: Annotated[str, AfterValidator(_emoji)]
    colorFrom: Colour
    colorTo: Colour
    sdk: Literal["gradio"]
    sdk_version: Version
    python_version: Version
    app_file: Text
    license: Text


def check_space(folder: Path) -> None:
    """Raise UserError for the first reason why a folder could not run as a Space."""
    front_matter = _front_matter(folder / "README.md")
    for name in (front_matter.app_file, *FILES):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing: publish anew")
    lines = (folder / "requirements.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    pins = {name.strip(): pin.strip() for name, mark, pin in (line.partition("==") for line in lines) if mark}
    if pins.get("gradio") != front_matter.sdk_version:
        raise UserError(
            f"{folder / 'README.md'}: sdk_version is {front_matter.sdk_version}, but requirements.txt asks for gradio "
            f"{pins.get('gradio', 'of any version')}: give both the same"
        )
    asked = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in lines}
    if unwanted := [name for name in NOT_THERE if name in asked]:
        raise UserError(
            f"{folder / 'requirements.txt'} asks for {unwanted[0]}, which the Space does not need: delete it"
        )
    weights = folder / "models" / "classifier.safetensors"
    load_screened(weights, weights.with_suffix(".json"))
    head_weights(folder / "models" / "head.safetensors")


def _front_matter(file: Path) -> FrontMatter:
    try:
        said = SpaceCard(file.read_text(encoding="utf-8")).data.to_dict()
        return FrontMatter.model_validate(said, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UserError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except FileNotFoundError:
        raise UserError(f"{file} is missing: publish anew") from None
    except Exception as error:  # of YAML, of the library, of the text: many kinds for one fact
        raise UserError(f"{file} has no front matter that can be read ({first_line(error)}): publish anew") from None
