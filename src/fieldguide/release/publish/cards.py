"""The cards as files: a front matter that the hub reads, above a body in Markdown."""

from pathlib import Path

from huggingface_hub import CardData, DatasetCardData, ModelCardData

from fieldguide.base.errors import printable
from fieldguide.base.files import write_text
from fieldguide.release.publish.data_card import data_card
from fieldguide.release.publish.model_card import model_card
from fieldguide.release.publish.results import Results
from fieldguide.release.publish.training import Training

MODEL_CARD, DATA_CARD = "model_card.md", "data_card.md"
TO_FILL_IN = {"license": "other", "license_name": "to-fill-in"}  # how the hub takes a licence that is not in its list


def write_cards(folder: Path, results: Results, training: Training, title: str, license_id: str) -> None:
    """Write the model card and the data card. Where no licence is given they say that it is to be filled in."""
    model = ModelCardData(
        **licence(license_id),
        pipeline_tag="image-classification",
        tags=["fieldguide", "onnx"],
        ignore_metadata_errors=False,
    )
    write_card(folder / MODEL_CARD, model, model_card(results, training, title, license_id))
    data = DatasetCardData(**TO_FILL_IN, pretty_name=printable(title), task_categories=["image-classification"])
    write_card(folder / DATA_CARD, data, data_card(results, title))


def licence(license_id: str) -> dict[str, str]:
    """The fields of a front matter that tell it."""
    return {"license": license_id} if license_id else TO_FILL_IN


def write_card(file: Path, front_matter: CardData, body: str) -> None:
    """Write a card; the library writes the front matter, so that every text is quoted as YAML needs it."""
    write_text(file, f"---\n{front_matter.to_yaml(line_break=chr(10))}\n---\n{body}")
