"""The app of a Space: a page on which anybody can try the classifier. `fieldguide publish space` writes it as app.py.

The modules that it runs through are copied beside it, and no others.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.process import quiet_environment

quiet_environment()  # before Gradio is imported

import gradio as gr  # noqa: E402
from huggingface_hub import SpaceCard  # noqa: E402
from PIL import Image  # noqa: E402

from fieldguide.base.shares import p_value_in_words  # noqa: E402
from fieldguide.model.activation_maps import ActivationMaps, maps_or_reason  # noqa: E402
from fieldguide.model.activation_overlay import overlay  # noqa: E402
from fieldguide.model.inference import Classifier, open_for  # noqa: E402
from fieldguide.pages.markdown import render_markdown  # noqa: E402
from fieldguide.prediction.answers import Screening, answers, load_screened  # noqa: E402

HERE = Path(__file__).resolve().parent
MOST_BARS = 6
SIDE = 480  # pixels of the map
MAX_UPLOAD = "50mb"
KEPT = 3600  # seconds for which what was uploaded stays on the server

Shown = tuple[dict[str, float] | None, str, Image.Image | None, dict[str, Any]]


@dataclass(frozen=True)
class Model:
    """A classifier, its screen, and what tells where it looks; None for networks that would take PyTorch for that."""

    classifier: Classifier
    screening: Screening | None
    maps: ActivationMaps | None

    def ask(self, file: str | None) -> Shown:
        """The bars, whether the picture is like the known ones, where the label is found, and all numbers.

        The numbers have the names and values of `fieldguide predict`. Without a picture there is nothing of all that.
        """
        if file is None:
            return None, "", None, {}
        (found,) = answers(self.classifier, [Path(file)], screening=self.screening)
        numbers = {"p_value": found.p_value, "out_of_domain": found.out_of_domain, "reason": found.reason or None}
        if found.probabilities is None:
            sentence = f"This picture cannot be read: {found.reason}."
            return None, sentence, None, {"label": None, "probability": None, "probabilities": {}, **numbers}
        best = int(found.probabilities.argmax())
        each = dict(zip(self.classifier.vocabulary, map(float, found.probabilities), strict=True))
        label = self.classifier.vocabulary[best]
        answer = {"label": label, "probability": each[label], "probabilities": each, **numbers}
        sentence = _domain(found.p_value, found.out_of_domain, found.reason)
        return each, sentence, self._where(Path(file), best), answer

    def _where(self, file: Path, label: int) -> Image.Image | None:
        if self.maps is None:
            return None
        return overlay(self.maps, open_for(self.classifier, file), label, SIDE).picture


def load_model(folder: Path) -> Model:
    """Load what `fieldguide publish space` wrote into a folder. Raises UserError where a file of it is damaged."""
    weights = folder / "classifier.safetensors"
    classifier, screening = load_screened(weights, weights.with_suffix(".json"))
    maps, _ = maps_or_reason(classifier, folder / "head.safetensors")
    return Model(classifier, screening, maps)


def page(model: Model, title: str, examples: list[Path]) -> gr.Blocks:
    """The page; `title` stands above it."""
    labels = model.classifier.vocabulary
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(KEPT, KEPT)) as blocks:
        gr.Markdown(render_markdown("release/space_page.md", title=title, labels=labels))
        with gr.Row():
            with gr.Column():
                picture = gr.Image(type="filepath", label="Picture", sources=["upload", "webcam", "clipboard"])
                picture.preprocess = _uploaded
                if examples:
                    gr.Examples([[str(file)] for file in examples], [picture], cache_examples=False)
            with gr.Column():
                bars = gr.Label(num_top_classes=MOST_BARS, label="Label, with calibrated probabilities")
                domain = gr.Textbox(label="Is it like the known pictures?", lines=2, interactive=False)
                where = gr.Image(label="Where the label is found", format="png", buttons=["fullscreen"])
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False)
        shown = [bars, domain, where, numbers]
        picture.change(model.ask, [picture], shown, api_name="predict")
    return blocks


def _uploaded(payload: Any) -> str | None:
    """The path of the file as it came: Gradio's own decoding changes it, and has no bounds."""
    return payload.path if payload else None


def _domain(p_value: float | None, out_of_domain: bool | None, reason: str) -> str:
    if p_value is None:
        return "Not known: this classifier has no screen."
    share = f"{p_value_in_words(p_value)}, the share of ordinary pictures that look at least as unusual"
    if out_of_domain:
        return f"No: {reason} ({share}). The label says little about such a picture."
    return f"Yes ({share})."


def main() -> None:
    """Load the classifier beside this file, and serve the page until the process ends."""
    title = SpaceCard.load(HERE / "README.md").data.title
    model = load_model(HERE / "models")
    blocks = page(model, title, sorted((HERE / "examples").glob("*")))
    blocks.launch(max_file_size=MAX_UPLOAD, footer_links=["api"], run_history=False, ssr_mode=False)


if __name__ == "__main__":
    main()
