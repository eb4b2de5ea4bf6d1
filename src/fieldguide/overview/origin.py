"""What made the page, and how to make it again."""

from html import escape

from fieldguide.base.config import Config
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.pages.parts import html_table
from fieldguide.screening.detectors import Detector

COMMANDS = """\
git checkout COMMIT        # the one that this page is from
make repro                 # or, where the environment stands: dvc repro
fieldguide summary         # the same figures in the terminal
fieldguide reproduce RUN   # the training alone, compared byte by byte; RUN is its name or id in MLflow
"""


def chosen(cfg: Config) -> dict[str, str]:
    """The choices that this run follows from, under their names in params.yaml."""
    detector: Detector = cfg.ood
    choices: dict[str, object] = {
        "data": cfg.choices["data"],
        "resize": cfg.choices["resize"],
        "augment": cfg.choices["augment"],
        "model": cfg.choices["model"],
        "schedule": cfg.choices["schedule"],
        "checks": cfg.choices["checks"],
        "ood": cfg.choices["ood"],
        "ood.alarm_rate": detector.alarm_rate,
        "seed": cfg.seed,
        "train.size": cfg.train.size,
        "train.epochs": cfg.train.epochs,
        "train.lr": cfg.train.lr,
        "train.batch_size": cfg.train.batch_size,
    }
    return {name: str(value) for name, value in choices.items()}


def origin(paths: Paths, choices: dict[str, str], trained: bool) -> str:
    """The section as HTML; `trained`: whether the classifier in the checkout is of this run."""
    rows = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in choices.items()]
    identity = ""
    if trained:
        fingerprint = read_json(paths.classifier.with_suffix(".json"))["record"]["fingerprint"]
        identity = f"<p>Fingerprint of choices and data, by which MLflow finds the run: <code>{fingerprint}</code></p>"
    return (
        f"{html_table(('params.yaml', 'chosen'), rows)}<p>What each option says is in <code>conf/</code>. To make all "
        f"of this again, with the same bytes on the same kind of machine:</p><pre>{escape(COMMANDS)}</pre>{identity}"
    )
