"""A checkout of this project in a folder of its own, small and fast, to run DVC in for real."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.base.stage_code import stage_code, stage_sources_file
from fieldguide.base.stage_names import Stage
from source_graph import ROOT
from warm import own_environment, warm_programs

STAGES = ["config", "weights", "download", "clean", "validate", "split", "train", "evaluate", "screen", "report"]
RESULTS = (
    *("models/backbone.safetensors", "models/backbone.onnx"),
    *("models/classifier.safetensors", "models/classifier.onnx", "models/classifier.json"),
)
UNWANTED = ("Warning", "INFO", "Traceback", "it/s", "database tables")  # in what stages say: nobody needs it
TABLES = ("data/raw.parquet", "data/clean.parquet", "data/split.parquet", "reports/evaluate/predictions.parquet")

OPTIONS = {
    "conf/data/mini.yaml": "# Few pictures, for tests.\nkind: sample\npictures: 48\nseed: 3\n",
    "conf/model/mini.yaml": "# The smallest network of timm, for tests.\narch: test_resnet\nweights: random\n",
    "conf/checks/mini.yaml": """# Nothing that so few pictures could fail, for tests.
expectations:
  two_labels: {table: labels, severity: error, type: expect_table_row_count_to_be_between, kwargs: {min_value: 2}}
""",
    "data/sources/mini/README.md": "Drawn, not downloaded.\n",
}
PARAMS = {
    "data": "mini",
    "model": "mini",
    "checks": "mini",
    "ood": "nearest_neighbours",
    "resize": "squish",
    "augment": "standard",
    "schedule": "one_cycle",
    "max_side": 96,
    "min_per_label": 1,
    "group_by": "look_alike",  # so few bursts at so many sites leave a side without a label
    "  seed": 1,  # of the split
    "size": 64,  # so that the last map has more than one place, and no page about it needs PyTorch
    "epochs": 2,
    "bootstrap": 100,
    "lr": 0.003,
    "batch_size": 16,
    "precision": "float32",
    "threads": 1,
    "workers": 2,
}
INSTALLED = Path(sys.executable).parent  # the programs of this environment
ODD_NAME = "my bears #1 100%41 (a?b&c) ä熊"  # of a folder: nothing may depend on what it is called


@dataclass(frozen=True)
class Checkout:
    """A git and DVC repository of its own, and how to run commands in it."""

    root: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    is_warm: bool = True  # its commands start with the libraries imported

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    @property
    def environment(self) -> dict[str, str]:
        kept, warm = own_environment(), warm_programs() if self.is_warm else None
        folders = [INSTALLED, kept.get("PATH", "")]
        own = {
            "DVC_SITE_CACHE_DIR": str(self.root / ".dvc" / "tmp" / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(self.root / ".dvc" / "tmp" / "global"),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # processes of servers that no test needs
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(self.root / "src"),  # the package is installed from the checkout under test
            "PATH": os.pathsep.join(map(str, [warm, *folders] if warm else folders)),
        }
        return {**kept, **own, **self.variables}

    def with_variables(self, **variables: str) -> "Checkout":
        return replace(self, variables={**self.variables, **variables})

    @property
    def cold(self) -> "Checkout":
        """The same one, whose commands are processes from the very start: for who looks for them or sends signals."""
        return replace(self, is_warm=False)

    def run(self, *command: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and return its outcome; fails if its exit code is not `code` (None: any will do)."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def dvc(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run("dvc", *arguments, code=code)

    def fieldguide(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run("fieldguide", *arguments, code=code)

    def repro(self, *arguments: str) -> list[str]:
        """`dvc repro`; returns the stages that ran."""
        return ran(self.dvc("repro", *arguments).stdout)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def set_params(self, **params: object) -> None:
        """Change values in params.yaml by their last key, wherever they stand; comments stay."""
        text = self.paths.params.read_text(encoding="utf-8")
        for key, value in params.items():
            text, count = re.subn(rf"(?m)^(\s*{key}:[ ]*)[^\s#]+", rf"\g<1>{value}", text)
            assert count == 1, f"params.yaml has {count} lines {key}"
        write_text(self.paths.params, text)

    def digests(self, *files: str) -> dict[str, str]:
        """The sha256 of files by their paths from the root."""
        return {file: sha256((self.root / file).read_bytes()).hexdigest() for file in files}

    def copy(self, target: Path) -> "Checkout":
        """The same checkout, with all results and DVC's cache, elsewhere; its MLflow store stays behind."""
        leave = shutil.ignore_patterns("mlflow.db*", "mlruns")
        shutil.copytree(self.root, target, symlinks=True, ignore=leave, copy_function=_copy_or_link)
        return replace(self, root=target)


def _copy_or_link(source: str, target: str) -> None:
    """Git and Python replace these files and never write into them: so a copy is not needed."""
    if "/.git/objects/" in source or "/__pycache__/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def ran(output: str) -> list[str]:
    """The stages that `dvc repro` says it ran, in order."""
    return re.findall(r"(?m)^Running stage '(\w+)':$", output)


def small_checkout(target: Path) -> Checkout:
    """This checkout as git would see it, uncommitted files included, committed afresh, with options for speed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        source, copy = ROOT / name, target / name
        if name and source.is_file() and not name.startswith(("tests/", "docs/", "bench/")) and name != "dvc.lock":
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    being_written = shutil.ignore_patterns("*.pyc.*")  # by another test process
    for compiled in (ROOT / "src").rglob("__pycache__"):
        shutil.copytree(compiled, target / compiled.relative_to(ROOT), ignore=being_written)
    checkout = Checkout(target)
    stage_code(Stage.TRAIN)  # keeps which sources each stage runs through, which the same sources need not find again
    checkout.paths.state.mkdir()
    shutil.copy2(stage_sources_file(ROOT), stage_sources_file(target))
    for name, text in OPTIONS.items():
        write_text(target / name, text)
    checkout.set_params(**PARAMS)
    checkout.run("git", "init", "--quiet", "--initial-branch", "main")
    checkout.run("git", "config", "user.name", "Tester")
    checkout.run("git", "config", "user.email", "tester@example.invalid")
    checkout.commit("a small checkout")
    return checkout


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
