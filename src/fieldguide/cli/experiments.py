"""The commands for trying choices and their runs: compare, runs, ui, sweep, show-batch, adopt, reproduce."""

import argparse
import sys
from pathlib import Path

from fieldguide.cli.commands import Commands, add_command, add_json, checkout, here

RUN = "a run: its MLflow id or the beginning of it, its name, or the folder of a sweep job"


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_compare(commands)
    _add_runs(commands)
    _add_ui(commands)
    _add_sweep(commands)
    _add_show_batch(commands)
    _add_adopt(commands)
    _add_reproduce(commands)


def _add_compare(commands: Commands) -> None:
    compare = add_command(
        commands,
        "compare",
        "compare runs: choices, metrics, confusion matrices, pictures predicted differently, significance",
        """
        fieldguide compare 3f2a 91bc               two MLflow runs, by the beginning of their ids
        fieldguide compare "pad lr=0.01" .         a run by its name, and the results in this checkout
        fieldguide compare 3f2a 91bc c07d --out bears.html    each of the others against the first
        """,
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="id, beginning of an id, or name; . is the checkout")
    compare.add_argument("--out", type=Path, metavar="FILE", help="the page; default: in reports/compare/")
    add_json(compare)
    compare.set_defaults(command=_compare)


def _add_runs(commands: Commands) -> None:
    runs = add_command(
        commands,
        "runs",
        "list the runs in MLflow: id, name, when, data, figures, state",
        """
        fieldguide runs                            the newest 20; compare, adopt and reproduce take their ids
        fieldguide runs --all
        fieldguide runs --json | jq -r '.[] | select(.state == "finished") | .id'
        """,
    )
    which = runs.add_mutually_exclusive_group()
    which.add_argument("--newest", type=_count, default=20, metavar="N", help="how many; default: 20")
    which.add_argument("--all", action="store_true", help="all runs")
    add_json(runs)
    runs.set_defaults(command=_runs)


def _add_ui(commands: Commands) -> None:
    ui = add_command(
        commands,
        "ui",
        "start the MLflow UI with the runs of this checkout, on 127.0.0.1",
        """
        fieldguide ui                              http://127.0.0.1:5000, until Ctrl-C
        fieldguide ui --port 5001
        """,
        stopped="the UI has ended; the runs are kept",
        prints_itself=True,
    )
    ui.add_argument("--port", type=_count, default=5000, metavar="N", help="default: 5000")
    ui.set_defaults(command=_ui)


def _add_sweep(commands: Commands) -> None:
    sweep = add_command(
        commands,
        "sweep",
        "train and evaluate all combinations of choices, each in its own folder, and rank them",
        """
        fieldguide sweep resize=crop,pad,squish model=resnet18,convnext_atto train.lr=0.001,0.003
        fieldguide sweep +sweep=resize             a ready-made study from conf/sweep/
        fieldguide sweep resize=crop,pad hydra/launcher=joblib hydra.launcher.n_jobs=2
        fieldguide sweep resize=crop,pad hydra/launcher=slurm hydra.launcher.partition=gpu    or ray, on its cluster
        fieldguide sweep hydra/sweeper=optuna hydra.sweeper.n_trials=20 'train.lr=tag(log,interval(0.0003,0.03))'
        fieldguide sweep --hydra-help              the options of Hydra's command line
        The same command resumes a sweep that was interrupted. Exit code 1 if a job failed.
        """,
        stopped="finished jobs are kept, and the same command resumes the sweep",
        prints_itself=True,
        prefix_chars="\0",  # what looks like an option is Hydra's
        add_help=False,
    )
    sweep.add_argument("arguments", nargs="*", metavar="KEY=VALUE,VALUE...", help="what to try, in Hydra's grammar")
    sweep.set_defaults(command=_sweep, parser=sweep)


def _add_show_batch(commands: Commands) -> None:
    show_batch = add_command(
        commands,
        "show-batch",
        "draw what the network sees in training: each picture plain, then augmented",
        """
        fieldguide show-batch                      with the choices of params.yaml; needs `dvc repro split`, no weights
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


def _add_adopt(commands: Commands) -> None:
    adopt = add_command(
        commands,
        "adopt",
        "copy the choices of a run into params.yaml, and show the diff",
        """
        fieldguide adopt 3f2a1b                    then `dvc repro` makes that run's model
        fieldguide adopt "pad convnext_atto lr=0.001" --dry-run
        fieldguide adopt sweeps/resize-1a2b3c4d5e6f/0f1e2d3c4b
        """,
    )
    adopt.epilog = (
        f"{adopt.epilog}\n\nComments and layout of params.yaml stay. Where the run overrode a value inside an "
        "option,\na new file in conf/ holds it, and params.yaml selects that file."
    )
    adopt.add_argument("run", metavar="RUN", help=RUN)
    adopt.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    adopt.set_defaults(command=_adopt)


def _add_reproduce(commands: Commands) -> None:
    reproduce = add_command(
        commands,
        "reproduce",
        "repeat a run from its provenance, in its own worktree, and compare model, data and metrics",
        """
        fieldguide reproduce 3f2a1b
        fieldguide reproduce "pad convnext_atto lr=0.001" --keep
        """,
        stopped="the worktree was removed; the checkout is as it was",
        prints_itself=True,
    )
    reproduce.epilog = (
        f"{reproduce.epilog}\n\nexit code: 0 identical, 1 something differs or is missing, 2 wrong usage. The "
        "checkout\nstays as it is, and no second run is logged. The worktree, in .fieldguide/reproduce/, is kept "
        "if results differ."
    )
    reproduce.add_argument("run", metavar="RUN", help=RUN)
    reproduce.add_argument("--keep", action="store_true", help="keep the worktree with the results")
    reproduce.set_defaults(command=_reproduce)


def _compare(options: argparse.Namespace) -> str:
    from fieldguide.experiments.compare_command import compare_runs

    return compare_runs(here(), options.runs, options.out, options.json)


def _runs(options: argparse.Namespace) -> str:
    from fieldguide.tracking.run_list import list_runs

    return list_runs(checkout(), None if options.all else options.newest, options.json)


def _ui(options: argparse.Namespace) -> None:
    from fieldguide.tracking.ui import start_ui

    start_ui(checkout(), options.port)


def _sweep(options: argparse.Namespace) -> None:
    if not options.arguments or options.arguments[0] in ("-h", "--help"):
        options.parser.print_help()
        options.parser.exit()
    from fieldguide.experiments.sweep import main

    sys.argv = ["fieldguide sweep", *options.arguments]
    main()


def _show_batch(options: argparse.Namespace) -> str:
    from fieldguide.configuration.compose import compose
    from fieldguide.experiments.show_batch import draw_batch

    paths = here()
    return str(draw_batch(compose(paths, options.overrides), paths, options.overrides, options.pictures, options.out))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _adopt(options: argparse.Namespace) -> None:
    from fieldguide.reproduction.adopt import adopt

    adopt(here(), options.run, options.dry_run)


def _reproduce(options: argparse.Namespace) -> None:
    from fieldguide.reproduction.reproduce import reproduce

    sys.exit(0 if reproduce(here(), options.run, options.keep) else 1)
