"""The commands around the pipeline: config, add, sync, summary, verify."""

import argparse

from fieldguide.cli.commands import Commands, add_command, add_json, here


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_config(commands)
    _add_add(commands)
    _add_sync(commands)
    _add_summary(commands)
    _add_verify(commands)


def _add_config(commands: Commands) -> None:
    config = add_command(
        commands,
        "config",
        "print the configuration composed from params.yaml, conf/ and overrides",
        """
        fieldguide config                          the configuration that `dvc repro` would use
        fieldguide config resize=pad train.lr=0.001
        """,
    )
    config.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="what to change, in Hydra's grammar")
    config.set_defaults(command=_config)


def _add_add(commands: Commands) -> None:
    add = add_command(
        commands,
        "add",
        "add a data set: pictures in folders, listed in a table or an annotation file, in an archive or a store",
        """
        fieldguide add bears ~/pictures/bears      copy it, track it with DVC, select it in params.yaml
        fieldguide add bears ~/pictures/bears --link    hard links instead of copies; DVC still keeps its own copies
        fieldguide add deer ~/cameras --layout '{site}/{label}' --dry-run    what it would understand and add
        fieldguide add deer ~/cameras/deer.csv     pictures that a table lists: CSV, Excel, Parquet, COCO, Camtrap DP
        fieldguide add deer ~/cameras --labels-from deer.csv --columns label=species
        fieldguide add deer ~/cameras --boxes megadetector.json    labels of folders, boxes of a detector
        fieldguide add trees ~/trees --rename 'oak =Oak' --layout '{split}/{label}' --splits treino=train,teste=test
        fieldguide add deer deer.zip               unpack it first; so do .tar, .tar.gz, .tar.xz and .tar.bz2
        fieldguide add deer s3://bucket/deer       fetch it first: s3:// and gs:// with the extras of that name
        fieldguide add deer hf://OWNER/SET@REVISION    a data set of the Hugging Face hub, with the extra datasets
        fieldguide add bears bears.csv             download pictures: columns url and label, a row per picture
        """,
        stopped="the data set was not added; pictures from the web are kept, and the same command resumes",
        prints_itself=True,
    )
    add.add_argument("name", help="name of the data set: letters from a to z, digits, - and _, a letter first")
    add.add_argument("source", help="a folder, a file that lists pictures or addresses, an archive, or an address")
    add.add_argument("--link", action="store_true", help="hard links instead of copies (same file system only)")
    add.add_argument(
        "--layout",
        metavar="LAYOUT",
        help="what the folders mean: '{label}', '{site}/{label}', ...",
    )
    add.add_argument(
        "--labels-from", metavar="FILE", help="the table or annotation file that says the labels of a folder's pictures"
    )
    add.add_argument("--boxes", metavar="FILE", help="add the boxes of this file, as a result of MegaDetector")
    add.add_argument(
        "--columns",
        metavar="WHAT=COLUMN,...",
        help="the columns of a table: file, label, site, time, sequence, split; dates=day-first or month-first",
    )
    add.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="another label for one that stands there, or one label for two; as often as needed",
    )
    add.add_argument(
        "--splits", metavar="WORD=SIDE,...", help="what words of a given split mean: train, valid, trainval or test"
    )
    add.add_argument("--dry-run", action="store_true", help="tell what was understood; add nothing")
    add.add_argument(
        "--allow-private", action="store_true", help="addresses may lead to this machine and to private networks"
    )
    add.set_defaults(command=_add)


def _add_sync(commands: Commands) -> None:
    sync = add_command(
        commands,
        "sync",
        "log the results in this checkout to MLflow, once",
        """
        fieldguide sync                            after DVC restored a run from its cache, or after an outage
        MLFLOW_TRACKING_URI=http://127.0.0.1:5000 fieldguide sync
        """,
        stopped="what was logged is kept, and `fieldguide sync` logs the rest",
    )
    sync.set_defaults(command=_sync)


def _add_summary(commands: Commands) -> None:
    summary = add_command(
        commands,
        "summary",
        "print what came in, what was left out, and how good the classifier is",
        """
        fieldguide summary
        fieldguide summary --json | jq .evaluate.accuracy
        """,
    )
    add_json(summary)
    summary.set_defaults(command=_summary)


def _add_verify(commands: Commands) -> None:
    verify = add_command(
        commands,
        "verify",
        "check that DVC's cache holds what dvc.lock and the data sets record",
        """
        fieldguide verify                          after a fault of a disk, or when a result cannot be explained
        fieldguide verify --delete && dvc pull     fetch what is damaged anew
        """,
        stopped="nothing is deleted",
        prints_itself=True,
    )
    verify.add_argument("--delete", action="store_true", help="delete what is damaged, so that DVC brings it back")
    verify.set_defaults(command=_verify)


def _config(options: argparse.Namespace) -> str:
    from dataclasses import asdict

    import yaml

    from fieldguide.base.leftovers import remove_leftovers
    from fieldguide.base.tracked_inputs import check_tracked
    from fieldguide.configuration.compose import compose

    paths = here()
    remove_leftovers(paths)
    check_tracked(paths.checkout, paths.params, paths.conf, paths.checkout / "src", paths.reviews)
    cfg = compose(paths, options.overrides)
    check_tracked(paths.checkout, paths.sources / cfg.choices["data"])
    return yaml.safe_dump(asdict(cfg), sort_keys=False, allow_unicode=True).rstrip("\n")


def _add(options: argparse.Namespace) -> None:
    from fieldguide.data.add import add_data_set
    from fieldguide.data.choices import Choices, parse_columns, parse_labels, parse_splits

    choices = Choices(
        options.layout,
        options.labels_from,
        options.boxes,
        parse_columns(options.columns) if options.columns else {},
        parse_labels(options.rename),
        parse_splits(options.splits) if options.splits else {},
    )
    add_data_set(
        here(),
        options.name,
        options.source,
        link=options.link,
        allow_private=options.allow_private,
        choices=choices,
        dry_run=options.dry_run,
    )


def _sync(options: argparse.Namespace) -> str:
    from fieldguide.tracking.delivery import sync

    return sync(here())


def _summary(options: argparse.Namespace) -> str:
    from fieldguide.base.leftovers import remove_leftovers
    from fieldguide.overview.summary import summarize, summary_as_json

    remove_leftovers(here())
    return summary_as_json(here()) if options.json else summarize(here())


def _verify(options: argparse.Namespace) -> None:
    from fieldguide.base.cache_check import verify_cache

    print(verify_cache(here(), options.delete))
