"""How the classifier in the checkout came about, as far as it can be told: choices, commit, run, hashes."""

from dataclasses import dataclass

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.release.registry import Registry
from fieldguide.tracking.provenance import git_commit, git_diff, kept_provenance


@dataclass(frozen=True)
class Training:
    """What reproduces a classifier. `code` and `run` are sentences; `run` says why there is none."""

    choices: dict[str, str]
    code: str
    run: str
    fingerprint: str
    weights_sha256: str


def training_of(paths: Paths) -> Training:
    """The training of the classifier in the checkout, which must be there."""
    record = read_json(paths.classifier.with_suffix(".json"))["record"]
    sections = record["config"]["train"]
    choices = record["choices"] | {
        f"train.{name}": sections[name] for name in ("size", "epochs", "lr", "batch_size") if name in sections
    }
    return Training(
        choices={name: str(value) for name, value in {**choices, "seed": record["config"]["seed"]}.items()},
        code=_code(paths, record["fingerprint"]),
        run=_run(paths),
        fingerprint=record["fingerprint"],
        weights_sha256=sha256_of_file(paths.classifier),
    )


def _code(paths: Paths, fingerprint: str) -> str:
    kept = kept_provenance(paths)
    if kept.get("fingerprint") == fingerprint:
        commit, changed, when = kept["commit"], kept["diff"], "trained"
    else:  # DVC restored it
        commit, changed, when = git_commit(paths.checkout), git_diff(paths.checkout), "published"
    if not commit:
        return "not in a git repository"
    return f"{commit}, {'with changes that are in no commit' if changed else 'unchanged'}, when it was {when}"


def _run(paths: Paths) -> str:
    try:
        run = Registry(paths).run_of_checkout()
    except UserError as reason:
        return f"not known ({reason})"
    return f"{run.info.run_id} ({run.info.run_name})"
