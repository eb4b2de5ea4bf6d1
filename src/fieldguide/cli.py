"""The command `fieldguide`. Nothing heavy is imported before a command runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldguide import __version__
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.quiet import quiet_environment
from fieldguide.cli_gate import add_gate_commands, require_checkout

SHIFTED = 3  # exit code


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 the person can put it right, 2 wrong usage."""
    quiet_environment()
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except UserError as error:
        sys.exit(f"fieldguide: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fieldguide",
        description="A reproducible pipeline for image classifiers. Commands work in the current folder, a checkout.",
        epilog="The pipeline itself is run by DVC: `dvc repro`.\n\nexamples:\n"
        "  fieldguide add bears ~/pictures/bears && dvc repro\n"
        "  fieldguide add --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    config = _command(
        commands,
        "config",
        "print the configuration that params.yaml, conf/ and overrides make",
        """
        fieldguide config                          what `dvc repro` would run with
        fieldguide config resize=pad train.lr=0.001
        """,
    )
    config.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="what to change, in Hydra's grammar")
    config.set_defaults(command=_config)

    add = _command(
        commands,
        "add",
        "add a data set: a folder that holds one folder of pictures for each label",
        """
        fieldguide add bears ~/pictures/bears      copy it, track it with DVC, choose it in params.yaml
        fieldguide add bears ~/pictures/bears --link    take them by hard links; DVC still makes copies of its own
        """,
    )
    add.add_argument("name", help="name of the data set: a letter first, then letters, digits, - and _")
    add.add_argument("folder", type=Path, help="the folder of labelled folders")
    add.add_argument("--link", action="store_true", help="take the files by hard links (same file system only)")
    add.set_defaults(command=_add)

    sync = _command(
        commands,
        "sync",
        "hand the results in this checkout to MLflow, once",
        """
        fieldguide sync                            after a run that DVC restored from its cache, or an outage
        MLFLOW_TRACKING_URI=http://127.0.0.1:5000 fieldguide sync
        """,
    )
    sync.set_defaults(command=_sync)

    summary = _command(
        commands,
        "summary",
        "print what came in, what was left out, and how good the classifier is",
        """
        fieldguide summary
        """,
    )
    summary.set_defaults(command=_summary)
    _add_prediction(commands)
    _add_comparison(commands)
    _add_sweep(commands)

    show_batch = _command(
        commands,
        "show-batch",
        "draw what the network sees of training pictures: each as a plain square, then augmented",
        """
        fieldguide show-batch                      as params.yaml says; needs `dvc repro split`, no weights
        fieldguide show-batch augment=strong resize=pad
        fieldguide show-batch augment=trail_camera train.size=224 --pictures 8 --out what_it_sees.png
        """,
    )
    show_batch.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="what to change, in Hydra's grammar")
    show_batch.add_argument(
        "--out", type=Path, metavar="FILE", help="the PNG to write; default: in reports/show_batch/"
    )
    show_batch.add_argument("--pictures", type=_count, default=24, metavar="N", help="how many; default: 24")
    show_batch.set_defaults(command=_show_batch)
    _add_runs(commands)
    _add_retrain(commands)
    add_gate_commands(commands, _command)
    _add_reviews(commands)
    return parser


def _add_sweep(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sweep = _command(
        commands,
        "sweep",
        "train and evaluate every combination of choices, each in a folder of its own, and rank them",
        """
        fieldguide sweep resize=crop,pad,squish model=resnet18,convnext_atto train.lr=0.001,0.003
        fieldguide sweep +sweep=resize             a study of conf/sweep/, ready-made
        fieldguide sweep resize=crop,pad hydra/launcher=joblib hydra.launcher.n_jobs=2
        fieldguide sweep hydra/sweeper=optuna hydra.sweeper.n_trials=20 'train.lr=tag(log,interval(0.0003,0.03))'
        fieldguide sweep --hydra-help              what Hydra's command line offers
        The same command goes on with a sweep that was interrupted. Exit code 1 if a job failed.
        """,
        prefix_chars="\0",  # what looks like an option is Hydra's
        add_help=False,
    )
    sweep.add_argument("arguments", nargs="*", metavar="KEY=VALUE,VALUE...", help="what to try, in Hydra's grammar")
    sweep.set_defaults(command=_sweep, parser=sweep)


def _add_prediction(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    model = "folder of classifier.safetensors and .json, or the .safetensors file (default: models)"
    predict = _command(
        commands,
        "predict",
        "say what pictures show, and how probable that is",
        """
        fieldguide predict bear.jpg                a table: path, label, probability, reason if it cannot be read
        fieldguide predict trail_camera > week.csv     all files in a folder and below, hidden ones left out
        find . -name '*.jpg' | fieldguide predict -    the paths come from stdin, one a line
        fieldguide predict trail_camera --format jsonl --all    JSON lines, the probabilities of all labels
        fieldguide predict trail_camera --log > week.csv    the registered champion's answers, noted in data/log/
        """,
    )
    predict.epilog = (
        f"{predict.epilog}\n\n"
        "Where screen.safetensors stands beside the classifier, p_value says how usual such a picture is,\n"
        "out_of_domain whether that is an alarm, and the reason in which way it is unlike the training pictures.\n"
        "exit code: 0 every picture was predicted, 1 some could not be read, 2 wrong usage.\n"
        "Unprintable characters in a name are escapes in a table and in CSV; JSON lines hold every name exactly."
    )
    predict.add_argument("pictures", nargs="+", metavar="FILE|FOLDER|-", help="- reads paths from stdin, one a line")
    which = predict.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help=model)
    which.add_argument("--log", action="store_true", help="predict as `fieldguide rollout` says, and log it, with ids")
    predict.add_argument("--site", default="", metavar="NAME", help="with --log: where the pictures are from")
    predict.add_argument(
        "--format", choices=["table", "csv", "jsonl"], help="default: table on a terminal, csv into a file or pipe"
    )
    predict.add_argument("--all", action="store_true", help="add a column with the probability of each label")
    predict.set_defaults(command=_predict)

    screen = _command(
        commands,
        "screen",
        "say of new pictures whether they belong to what the classifier knows, each of them and as a batch",
        """
        fieldguide screen trail_camera             a table; below it, whether the batch has shifted, and in what
        fieldguide screen trail_camera --format csv > week.csv || echo "look at week.csv"
        fieldguide screen trail_camera --page week.html    the pictures that show it, by reason
        """,
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
    screen.add_argument("--page", type=Path, metavar="FILE", help="write a page (HTML) about the batch")
    screen.set_defaults(command=_screen)

    export = _command(
        commands,
        "export",
        "write the classifier in a format for phones and other programs",
        """
        fieldguide export onnx                     models/classifier.onnx; needs pip install 'fieldguide[onnx]'
        fieldguide export onnx --out bears.onnx
        """,
    )
    export.add_argument("format", choices=["onnx"], help="ONNX: square RGB pictures in, calibrated probabilities out")
    export.add_argument("--model", type=Path, help=model)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: beside the weights, ending in .onnx")
    export.set_defaults(command=_export)


def _add_runs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    which = "id of a run in MLflow, the beginning of one, a run's name, or the folder of a sweep's job"
    adopt = _command(
        commands,
        "adopt",
        "write a run's choices into params.yaml, and show what that changes",
        """
        fieldguide adopt 3f2a1b                    then `dvc repro` makes that run's model
        fieldguide adopt "pad convnext_atto lr=0.001" --dry-run
        fieldguide adopt sweeps/resize-1a2b3c4d5e6f/0f1e2d3c4b
        """,
    )
    adopt.epilog = (
        f"{adopt.epilog}\n\nComments and layout of params.yaml stay. Where the run had other values inside an "
        "option than its\nfile says, a new file in conf/ holds them, and params.yaml chooses that."
    )
    adopt.add_argument("run", metavar="RUN", help=which)
    adopt.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    adopt.set_defaults(command=_adopt)

    reproduce = _command(
        commands,
        "reproduce",
        "make a run again from its record, in a worktree of its own, and compare model, data and metrics",
        """
        fieldguide reproduce 3f2a1b
        fieldguide reproduce "pad convnext_atto lr=0.001" --keep
        """,
    )
    reproduce.epilog = (
        f"{reproduce.epilog}\n\nexit code: 0 identical, 1 something differs or is gone, 2 wrong usage. The "
        "checkout stays\nas it is, and MLflow gets no second run. The worktree, below .fieldguide/reproduce/, is kept "
        "where results differ."
    )
    reproduce.add_argument("run", metavar="RUN", help=which)
    reproduce.add_argument("--keep", action="store_true", help="keep the worktree with the results")
    reproduce.set_defaults(command=_reproduce)


def _add_retrain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    retrain = _command(
        commands,
        "retrain",
        "take in what arrived, retrain if there is reason to, and judge the new model; made for a timer",
        """
        fieldguide retrain                         what is new is in data/incoming/<label>/; conf/retrain/ says when
        fieldguide retrain --force                 train whatever there is
        fieldguide retrain --wait                  after the job that is at work now
        """,
    )
    retrain.epilog = (
        f"{retrain.epilog}\n\nexit code: 0 done, or nothing to do; 1 stopped, the next call goes on; 2 wrong usage; "
        "75 another job\nis at work. docs/schedule/ has examples for cron, systemd, GitHub Actions and Kubernetes."
    )
    retrain.add_argument("--force", action="store_true", help="train whatever there is")
    retrain.add_argument("--wait", action="store_true", help="wait for a job that is at work, instead of leaving")
    retrain.set_defaults(command=_retrain)


def _add_reviews(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    which = "its id or the beginning of that, its path below data/raw or data/clean, or any picture file"
    explain = _command(
        commands,
        "explain",
        "tell a picture's whole story: where it came from, what was done with it and why, what was found out",
        """
        fieldguide explain data/raw/black/0001.jpg
        fieldguide explain 0f3a9c                  by the beginning of its id
        fieldguide explain ~/Downloads/bear.jpg    is it among the pictures, and what became of it?
        """,
    )
    explain.add_argument("picture", metavar="PICTURE", help=which)
    explain.set_defaults(command=_explain)

    review = _command(
        commands,
        "review",
        "write a decision about a picture into data/reviews.csv, which `dvc repro` replays",
        """
        fieldguide review 0f3a9c relabel teddy --note "seams on its arms"
        fieldguide review data/clean/black/0f3a9c8811223344.jpg drop
        fieldguide review 0f3a9c keep              it is right as it is, and not queued again
        """,
    )
    review.add_argument("picture", metavar="PICTURE", help=which)
    review.add_argument("decision", choices=["keep", "drop", "relabel"])
    review.add_argument("label", nargs="?", default="", metavar="LABEL", help="the new one, for relabel")
    review.add_argument("--note", default="", metavar="TEXT", help="why")
    review.set_defaults(command=_review)


def _add_comparison(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = _command(
        commands,
        "compare",
        "put runs beside one another: choices, figures, confusions, the pictures on which they differ, and chance",
        """
        fieldguide compare 3f2a 91bc               two runs of MLflow by the beginnings of their ids
        fieldguide compare "pad lr=0.01" .         one by its name, and the results in this checkout
        fieldguide compare 3f2a 91bc c07d --out bears.html    the others against the first
        """,
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="id, beginning of an id, or name; . is the checkout")
    compare.add_argument("--out", type=Path, metavar="FILE", help="the page; default: in reports/compare/")
    compare.set_defaults(command=_compare)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    help_line: str,
    examples: str,
    **settings: Any,
) -> argparse.ArgumentParser:
    lines = [line.strip() for line in examples.strip().splitlines()]
    return commands.add_parser(
        name,
        help=help_line,
        description=f"{help_line[0].upper()}{help_line[1:]}.",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )


def _here() -> Paths:
    return Paths(Path.cwd())


def _config(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    import yaml

    from fieldguide.base.compose import compose

    print(yaml.safe_dump(asdict(compose(_here(), options.overrides)), sort_keys=False, allow_unicode=True), end="")


def _add(options: argparse.Namespace) -> None:
    from fieldguide.dataset import add_folder

    add_folder(_here(), options.name, options.folder, link=options.link)


def _sync(options: argparse.Namespace) -> None:
    from fieldguide.tracking import sync

    print(sync(_here()))


def _summary(options: argparse.Namespace) -> None:
    from fieldguide.report.summary import summarize

    print(summarize(_here()))


def _compare(options: argparse.Namespace) -> None:
    from fieldguide.compare import compare_runs

    print(compare_runs(_here(), options.runs, options.out))


def _sweep(options: argparse.Namespace) -> None:
    if not options.arguments or options.arguments[0] in ("-h", "--help"):
        options.parser.print_help()
        options.parser.exit()
    from fieldguide.sweep import main

    sys.argv = ["fieldguide sweep", *options.arguments]
    main()


def _predict(options: argparse.Namespace) -> None:
    from fieldguide.prediction.command import predict_command

    if options.log:
        from fieldguide.rollout.live import predict_live

        sys.exit(1 if predict_live(_here(), options.pictures, options.format, options.all, options.site) else 0)
    if options.site:
        raise UserError("--site is for the log: add --log")
    model = options.model or _here().classifier
    sys.exit(1 if predict_command(options.pictures, model, options.format, options.all) else 0)


def _screen(options: argparse.Namespace) -> None:
    from fieldguide.prediction.batch import screen_command

    shifted = screen_command(options.pictures, options.model or _here().classifier, options.format, options.page)
    sys.exit(SHIFTED if shifted else 0)


def _export(options: argparse.Namespace) -> None:
    from fieldguide.export import export_onnx

    print(export_onnx(options.model or _here().classifier, options.out))


def _show_batch(options: argparse.Namespace) -> None:
    from fieldguide.base.compose import compose
    from fieldguide.batch_sheet import draw_batch

    paths = _here()
    print(draw_batch(compose(paths, options.overrides), paths, options.overrides, options.pictures, options.out))


def _adopt(options: argparse.Namespace) -> None:
    from fieldguide.reproduction.adopt import adopt

    adopt(_here(), options.run, options.dry_run)


def _reproduce(options: argparse.Namespace) -> None:
    from fieldguide.reproduction.reproduce import reproduce

    sys.exit(0 if reproduce(_here(), options.run, options.keep) else 1)


def _retrain(options: argparse.Namespace) -> None:
    from fieldguide.retraining.lock import BUSY, AnotherJob, job_lock

    try:
        paths = require_checkout(_here())
        with job_lock(paths.retraining, options.wait):  # before the slow imports
            from fieldguide.retraining.checkout import retrain

            print(retrain(paths, options.force).told)
    except AnotherJob as error:
        print(f"fieldguide: {error}", file=sys.stderr)
        sys.exit(BUSY)


def _explain(options: argparse.Namespace) -> None:
    from fieldguide.reviewing.story import explain

    print(explain(_here(), options.picture))


def _review(options: argparse.Namespace) -> None:
    from fieldguide.reviewing.decide import record_decision

    print(record_decision(_here(), options.picture, options.decision, options.label, options.note))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    main()
