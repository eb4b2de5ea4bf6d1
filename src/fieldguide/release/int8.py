"""The command `fieldguide export onnx --int8`: a classifier of 8-bit numbers, for phones and edge devices.

Weights and what flows between them are rounded to 256 steps (static quantization, Jacob et al. 2018), whose ranges come
from training pictures. That may cost accuracy, so the gate's rules compare it with the classifier that it is made of.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fieldguide.base.config import GateConfig
from fieldguide.base.errors import UserError, first_line, printable
from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.configuration.compose import compose
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table, sampled
from fieldguide.model.asking import Square
from fieldguide.model.inference import Classifier, load_classifier, open_all, to_input
from fieldguide.model.onnx_check import check_onnx
from fieldguide.model.onnx_network import INPUT, PRECISION, OnnxNetwork, read_onnx
from fieldguide.release.gate import rules
from fieldguide.release.gate.picture_sets import PictureSet
from fieldguide.release.gate.predictions import predictions, seconds_side_by_side
from fieldguide.statistics.noninferiority import Verdict, verdict_of

MAX_CALIBRATION_PICTURES = 200
QUANTIZED = ["Conv", "MatMul", "Gemm"]  # nearly all of the time; what is between them stays as it is
INT8 = "int8"


def export_int8(paths: Paths, out: Path | None) -> str:
    """Write the checkout's classifier with 8-bit numbers, and return a summary with size and speed.

    The file has the inputs and outputs of models/classifier.onnx, from which it is made; by default it is
    models/classifier.int8.onnx. The same classifier and pictures give the same bytes.

    Raises UserError if the pipeline has not run, or if on the valid and test pictures the gate's rules do not say that
    it is not worse; then no file is written.
    """
    file = paths.classifier.with_suffix(".onnx")
    out = out or file.with_suffix(".int8.onnx")
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    classifier = replace(classifier, network=read_onnx(file))  # on a GPU too: what is compared is the file
    table = read_table(paths.split_table, SPLIT)
    table = table.assign(file=[paths.clean / path for path in table["clean_path"]])
    train = sampled(table[table["split"] == Split.TRAIN], MAX_CALIBRATION_PICTURES)
    opened = open_all(classifier, list(train["file"]), "int8, calibration")
    squares = [to_input(picture, classifier.preprocessing) for picture in opened]
    with Progress("int8, quantization"):
        content = quantized(file, squares)
    smaller = replace(classifier, network=OnnxNetwork(content, str(out)))
    unseen = table[table["split"].isin([Split.VALID, Split.TEST])]
    compared = PictureSet("valid and test", unseen.reset_index(drop=True))
    verdict, told = _judge(compose(paths).gate, smaller, classifier, compared)
    if verdict not in (Verdict.BETTER, Verdict.NOT_WORSE):
        raise UserError(f"int8 against float32: {verdict} ({'; '.join(told)}): nothing was written, keep {file}")
    mine, others = seconds_side_by_side(smaller, classifier, compared)
    with replace_file(out) as partial:
        partial.write_bytes(content)
    return "\n".join(
        [
            f"{out}: {len(content) / 1e6:.1f} MB, float32 has {file.stat().st_size / 1e6:.1f} MB",
            f"verdict  {verdict} than float32 on {compared.witnesses}: {told[0]}",
            f"speed    {1000 * mine:.1f} ms a picture here, float32 {1000 * others:.1f} ms, measured in turn",
            f"ranges   from {len(squares)} training pictures",
            f"use      fieldguide predict PICTURES --model {out}, with {file.with_suffix('.json').name} beside it",
        ]
    )


def quantized(file: Path, squares: Sequence[Square]) -> bytes:
    """A network of 8-bit numbers, as ONNX, whose ranges are those that it has on some squares.

    Raises UserError if ONNX Runtime cannot quantize it.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        """Gives one square after the other."""

        def __init__(self) -> None:
            self.remaining: Iterator[Square] = iter(squares)

        def get_next(self) -> dict[str, Any] | None:
            square = next(self.remaining, None)
            return None if square is None else {INPUT: square[None]}

    logging.getLogger().addHandler(logging.NullHandler())  # or its first warning would set up logging for everyone
    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        try:
            quant_pre_process(file, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                made,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=QUANTIZED,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:  # it raises many kinds for one fact
            raise UserError(f"{file} cannot be quantized ({first_line(error)})") from None
        model = onnx.load(made)
    facts = {one.key: one.value for one in onnx.load(file, load_external_data=False).metadata_props}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**facts, PRECISION: INT8})
    used = {node.domain for node in model.graph.node}
    for one in list(model.opset_import):
        if one.domain not in used:  # ONNX Runtime names all that it knows
            model.opset_import.remove(one)
    content = bytes(model.SerializeToString(deterministic=True))
    check_onnx(content, str(file))
    return content


def _judge(
    gate: GateConfig, smaller: Classifier, classifier: Classifier, pictures: PictureSet
) -> tuple[Verdict, list[str]]:
    """The verdict of the gate's rules about predictions, and what decided it in words."""
    mine, others = predictions(smaller, pictures), predictions(classifier, pictures)
    main = rules.compare_predictions(mine, others, gate.confidence)
    accuracies = [float((one["prediction"] == one["label"]).mean()) for one in (mine, others)]
    overall = rules.overall(main, (accuracies[0], accuracies[1]), pictures.name, gate)
    found = [overall, *rules.classes(mine, others, gate), rules.log_loss(mine, others, "float32", gate)]
    verdict = rules.decide(verdict_of(main, gate.margin), found)
    failed = [one for one in found if one.outcome in (rules.Outcome.FAILED, rules.Outcome.UNCLEAR)]
    told = [f"{one.rule} on {printable(one.on)} {one.detail}" for one in failed or [overall]]
    return verdict, told
