"""The commands that look at new pictures: predict, screen, export."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.base.errors import UserError
from fieldguide.base.processor import one_linear_algebra_thread
from fieldguide.cli.commands import Commands, add_command, checkout, here

if TYPE_CHECKING:
    from fieldguide.base.clusters import EngineConfig
    from fieldguide.prediction.given import Reader

ENGINES = ("local", "ray", "dask")  # the first works in this process
SHIFTED = 3  # exit code
MODEL = "folder of classifier.safetensors and .json, or the .safetensors file (default: models)"


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_predict(commands)
    _add_screen(commands)
    _add_export(commands)


def _add_predict(commands: Commands) -> None:
    predict = add_command(
        commands,
        "predict",
        "predict the labels of pictures, with calibrated probabilities",
        """
        fieldguide predict bear.jpg                a table: path, label, probability, reason if it cannot be read
        fieldguide predict trail_camera > week.csv     all files in a folder and below, hidden ones left out
        find . -name '*.jpg' | fieldguide predict -    the paths come from stdin, one a line
        fieldguide predict trail_camera --format jsonl --all    JSON lines, the probabilities of all labels
        fieldguide predict trail_camera --boxes md.json    an answer for each box that MegaDetector found
        fieldguide predict cards --layout '{site}' --events 60s    one answer for what a camera took at one go
        fieldguide predict cards --layout '{site}' --observations observations.csv --utc-offset=+02:00
        fieldguide predict archive --engine dask --engine-address tcp://head:8786 > archive.csv    on a cluster
        fieldguide predict trail_camera --log > week.csv    the registered champion predicts, and data/log/ keeps it
        """,
        stopped="the rows that were printed are complete, and with --log they are logged",
        prints_itself=True,
    )
    predict.epilog = (
        f"{predict.epilog}\n\n"
        "With screen.safetensors beside the classifier, p_value is the share of in-domain pictures that look at least\n"
        "as unusual, out_of_domain is the alarm, and reason says why the picture looks out of domain.\n"
        "exit code: 0 all pictures were predicted, 1 some could not be read, 2 wrong usage.\n"
        "Unprintable characters of a name are escaped in tables and CSV; JSON lines keep every name as it is."
    )
    predict.add_argument("pictures", nargs="+", metavar="FILE|FOLDER|-", help="- reads paths from stdin, one a line")
    which = predict.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help=MODEL)
    which.add_argument(
        "--log", action="store_true", help="predict with the versions in the roll-out, and log it with picture ids"
    )
    _add_field_data(predict)
    predict.add_argument(
        "--events", metavar="GAP", help="one answer for pictures of a site with gaps below GAP (60s, 2min)"
    )
    predict.add_argument(
        "--observations", type=Path, metavar="FILE", help="also write the answers as observations.csv of Camtrap DP"
    )
    predict.add_argument(
        "--utc-offset",
        metavar="OFFSET",
        help="offset from UTC, such as +02:00, for pictures that do not record one; with --observations",
    )
    predict.add_argument(
        "--format", choices=["table", "csv", "jsonl"], help="default: table on a terminal, csv into a file or pipe"
    )
    predict.add_argument("--all", action="store_true", help="add a column with the probability of each label")
    _add_engine(predict)
    predict.set_defaults(command=_predict)


def _add_screen(commands: Commands) -> None:
    screen = add_command(
        commands,
        "screen",
        "check whether new pictures are in domain, one by one and as a batch",
        """
        fieldguide screen trail_camera             a table, then whether the batch has shifted, and how
        fieldguide screen trail_camera --format csv > week.csv || echo "look at week.csv"
        fieldguide screen trail_camera --page week.html    a page with the out-of-domain pictures, by reason
        """,
        stopped="the rows that were printed are complete; there is no verdict, and no page was written",
        prints_itself=True,
    )
    screen.epilog = (
        f"{screen.epilog}\n\nThe batch is compared with the valid pictures: predictions, measurements, features.\nAll "
        "tests together give a false alarm for 1 batch of 100.\n"
        "exit code: 0 not shifted, 1 nothing could be screened, 2 wrong usage, 3 the batch has shifted."
    )
    screen.add_argument("pictures", nargs="+", metavar="FILE|FOLDER|-", help="- reads paths from stdin, one a line")
    screen.add_argument("--model", type=Path, help="folder of classifier and screen (default: models)")
    screen.add_argument(
        "--format", choices=["table", "csv", "jsonl"], help="default: table on a terminal, csv into a file or pipe"
    )
    _add_field_data(screen)
    screen.add_argument("--page", type=Path, metavar="FILE", help="write a page (HTML) about the batch")
    _add_engine(screen)
    screen.set_defaults(command=_screen)


def _add_field_data(parser: argparse.ArgumentParser) -> None:
    """The options that say how pictures are read, and what is known of them; see `_reader`."""
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="an answer for each box of a file: MegaDetector, COCO, Camtrap DP, or a table",
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="a file that says site, time and sequence: Camtrap DP, COCO, a table"
    )
    parser.add_argument("--layout", metavar="LAYOUT", help="what the folders mean: '{site}/{}'")
    parser.add_argument(
        "--time",
        action="append",
        default=[],
        metavar="SOURCE",
        help="`exif` or a pattern as %%Y-%%m-%%d_%%H-%%M-%%S, where the time is found; may be repeated (default: exif)",
    )
    parser.add_argument("--site", default="", metavar="NAME", help="the site of pictures of which nothing else says it")
    parser.add_argument(
        "--video-every", type=float, default=5.0, metavar="SECONDS", help="from one frame of a video to the next (5)"
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="who works on the pictures (local)")
    parser.add_argument(
        "--engine-address", metavar="ADDRESS", help="of a running cluster (default: workers on this machine)"
    )


def _engine(options: argparse.Namespace) -> "EngineConfig":
    from fieldguide.base.clusters import LOCAL, EngineConfig

    if options.engine_address and options.engine == LOCAL:
        raise UserError("--engine-address is that of a cluster: add --engine ray or --engine dask")
    try:
        return EngineConfig(options.engine, options.engine_address)
    except ValueError as error:
        raise UserError(f"--engine-{error}") from None


def _reader(options: argparse.Namespace, site_is_folder: bool) -> "Reader":
    from fieldguide.prediction.given import reader

    return reader(
        options.pictures,
        boxes=options.boxes,
        table=options.table,
        layout=options.layout,
        time=options.time,
        site=options.site,
        site_is_folder=site_is_folder,
        video_every=options.video_every,
    )


def _add_export(commands: Commands) -> None:
    export = add_command(
        commands,
        "export",
        "write the classifier in a format for phones and other programs",
        """
        fieldguide export onnx                     models/classifier.onnx, made anew from the weights
        fieldguide export onnx --out bears.onnx
        fieldguide export onnx --int8              models/classifier.int8.onnx, if the gate's rules find it not worse
        """,
        stopped="no file was written",
    )
    export.add_argument("format", choices=["onnx"], help="ONNX: square RGB pictures in, calibrated probabilities out")
    export.add_argument("--model", type=Path, help=MODEL)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: beside the weights, ending in .onnx")
    export.add_argument(
        "--int8", action="store_true", help="8-bit numbers, calibrated on the checkout's training pictures"
    )
    export.set_defaults(command=_export)


@one_linear_algebra_thread()
def _predict(options: argparse.Namespace) -> None:
    from fieldguide.prediction.events import gap_of
    from fieldguide.prediction.observations_file import check_offset
    from fieldguide.prediction.predict_command import Observations, predict_command

    reader = _reader(options, site_is_folder=bool(options.events or options.observations))
    if options.log:
        from fieldguide.release.rollout.routing import predict_live

        if options.engine != ENGINES[0]:
            raise UserError("--log answers on this machine: leave out --engine")
        if options.events or options.observations:
            raise UserError("--log answers for single pictures: leave out --events and --observations")
        sys.exit(1 if predict_live(here(), options.pictures, options.format, options.all, options.site, reader) else 0)
    if options.site and not reader.columns:
        raise UserError("--site is for the log: add --log")
    gap = gap_of(options.events) if options.events else None
    file = options.observations
    if options.utc_offset is not None:
        if not file:
            raise UserError("--utc-offset is for the times of observations: add --observations FILE")
        check_offset(options.utc_offset)
    observations = Observations(file, options.utc_offset) if file else None
    model = options.model or here().classifier
    unread = predict_command(
        options.pictures, model, options.format, options.all, reader, gap, observations, _engine(options)
    )
    sys.exit(1 if unread else 0)


@one_linear_algebra_thread()
def _screen(options: argparse.Namespace) -> None:
    from fieldguide.prediction.screen_command import screen_command

    model = options.model or here().classifier
    reader = _reader(options, site_is_folder=False)
    sys.exit(
        SHIFTED
        if screen_command(options.pictures, model, options.format, options.page, reader, _engine(options))
        else 0
    )


def _export(options: argparse.Namespace) -> str:
    if options.int8:
        from fieldguide.release.int8 import export_int8

        if options.model:
            raise UserError("--int8 takes the classifier of the checkout, on whose pictures it is judged: no --model")
        return export_int8(checkout(), options.out)

    from fieldguide.prediction.export import export_onnx

    return export_onnx(options.model or here().classifier, options.out)
