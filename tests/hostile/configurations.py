"""Configurations that mean something else than they seem to, or nothing: one line each, or the value that was meant."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from conftest import CHECKOUT, PARAMS, run_command
from fieldguide.base.paths import Paths
from hostile.case import Result, tell

LONGEST = 700  # characters of a message


@dataclass(frozen=True)
class ConfigurationCase:
    """What is written to params.yaml or conf/data/own.yaml, or given as overrides.

    `says` is part of the error; without one the command succeeds, and `gives` (a dotted key and its value) holds.
    """

    name: str
    params: bytes | None = None
    option: bytes | None = None
    overrides: tuple[str, ...] = ()
    says: str = ""
    gives: tuple[str, object] | None = None


def labels() -> Iterator[ConfigurationCase]:
    """Folder names and labels in conf/data/own.yaml, as YAML reads them."""
    for text in (
        "no",
        "Off",
        "Y",
        "TRUE",
        "007",
        "0x10",
        "0o17",
        "1_000",
        ".5",
        "+1",
        "-.INF",
        ".nan",
        "~",
        "NULL",
        "0b11",
        "190:20:30",
    ):
        quoted = "put it in quotes"
        for name, line in ((f"the key {text}", f"{{{text}: bear}}"), (f"the label {text}", f"{{a: {text}}}")):
            read = yaml.safe_load(line)
            plain = all(isinstance(one, str) for pair in read.items() for one in pair)
            gives = ("data.labels", read) if plain else None
            yield ConfigurationCase(f"YAML reads {name}", option=_own(line), says="" if gives else quoted, gives=gives)
    yield ConfigurationCase("YAML reads 1e3", option=_own("{a: 1e3}"), says="put it in quotes")
    for text in ("no", "007", "1e3", "~"):
        line = f'{{"{text}": "{text}"}}'
        yield ConfigurationCase(f"quoted {text}", option=_own(line), gives=("data.labels", {text: text}))
    for text in ("a/b", "..", ".", ".hidden", "a\\\\b", "", "/", "../../etc", "\\0"):
        yield ConfigurationCase(
            f"the label {text!r}", option=_own(f'{{a: "{text}"}}'), says="a label must not be empty"
        )
    for text in (
        "熊",
        "🐻",
        "a b",
        "=1+1",
        "-x",
        "a,b",
        "'",
        '\\"',
        "x" * 255,
        "\\u202e",
        "{a}",
        "$HOME",
        "%s",
        "a: b",
        "#a",
        "!!x",
        "*a",
        "&a",
        "|",
        "@x",
    ):
        said = yaml.safe_load(f'"{text}"')
        yield ConfigurationCase(
            f"the label {text[:20]!r}", option=_own(f'{{a: "{text}"}}'), gives=("data.labels", {"a": said})
        )


def files() -> Iterator[ConfigurationCase]:
    """Files that are no mapping, no YAML, no UTF-8, or that would run something."""
    deep = "nested too deeply"
    bombs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    contents: dict[str, tuple[bytes, str]] = {
        "nothing": (b"", "kind"),
        "a list": (b"- a\n", "key: value"),
        "a text": (b"folder\n", "own.yaml"),
        "a number": (b"1\n", "key: value"),
        "no UTF-8": (b"kind: f\xe4\n", "not UTF-8"),
        "UTF-16": ("kind: folder".encode("utf-16"), "own.yaml"),
        "tabs": (b"kind:\n\tfolder\n", "not valid YAML"),
        "a key twice": (b"kind: folder\nkind: sample\n", "duplicate key"),
        "an open quote": (b"kind: 'folder\n", "not valid YAML"),
        "a control character": (b"kind: fol\x07der\n", "not valid YAML"),
        "an unknown alias": (b"kind: *x\n", "not valid YAML"),
        "two documents": (b"kind: folder\n---\nkind: sample\n", "not valid YAML"),
        "a Python tag": (b"kind: !!python/object/apply:os.system [id]\n", "not valid YAML"),
        "a Python name": (b"kind: !!python/name:os.system\n", "not valid YAML"),
        "an own tag": (b"kind: !mine folder\n", "not valid YAML"),
        "a set": (b"labels: !!set {a, b}\nkind: folder\n", "own.yaml"),
        "binary": (b"kind: !!binary Zm9sZGVy\n", "own.yaml"),
        "a time": (b"kind: 2024-01-01\n", "own.yaml"),
        "nested lists": (b"kind: " + b"[" * 3000 + b"]" * 3000, deep),
        "nested mappings": (b"kind: " + b"{a: " * 3000 + b"1" + b"}" * 3000, deep),
        "an anchor in itself": (b"kind: &a [*a]\n", deep),
        "a billion laughs": (f"kind: folder\n{bombs}".encode(), "own.yaml"),
        "a merge": (b"a: &a {kind: folder}\n<<: *a\n", "own.yaml"),
        "defaults": (b"defaults: [../data/sample]\nkind: folder\n", "stands alone"),
        "a package": (b"# @package _global_\nkind: folder\nseed: 7\n", "own.yaml"),
        "an interpolation": (b"kind: ${seed}\n", "${...} is not allowed"),
        "a variable": (b"kind: ${oc.env:HOME}\n", "${...} is not allowed"),
        "hidden": (b"kind: folder\nlabels: {a: 'x${oc.env:HOME}'}\n", "${...} is not allowed"),
        "missing": (b"kind: ???\n", "??? is not allowed"),
        "missing within": (b"kind: folder\nlabels: {a: '???'}\n", "??? is not allowed"),
        "question marks": (b"kind: folder\nlabels: {a: ???}\n", "not valid YAML"),
        "another kind": (b"kind: web\n", "own.yaml"),
        "no kind": (b"labels: {}\n", "`kind` is missing"),
        "an unknown key": (b"kind: folder\nlabel: {}\n", "no such key"),
        "a key of numbers": (b"kind: folder\n7: x\n", "own.yaml"),
        "labels that are a list": (b"kind: folder\nlabels: [a]\n", "own.yaml"),
        "_target_": (b"kind: folder\n_target_: os.system\n", "own.yaml"),
        "a large file": (b"kind: folder\n" + b"# comment\n" * 100_000, ""),
        "a byte order mark": (b"\xef\xbb\xbfkind: folder\n", ""),
        "Windows": (b"kind: folder\r\nlabels: {}\r\n", ""),
        "an escape": (b'kind: "\\e[31mfolder"\n', "own.yaml"),
        "a long value": (b"kind: " + b"a" * 100_000 + b"\n", "own.yaml"),
    }
    for name, (content, says) in contents.items():
        yield ConfigurationCase(f"the option file holds {name}", option=content, says=says)
    for name, (content, says) in contents.items():
        if name not in (
            "a merge",
            "a package",
            "no kind",
            "labels that are a list",
            "a large file",
            "a byte order mark",
            "Windows",
            "nothing",
        ):
            said = (
                says if says in (deep, "key: value", "not UTF-8", "not valid YAML", "duplicate key") else "params.yaml"
            )
            yield ConfigurationCase(f"params.yaml holds {name}", params=content, says=said)


def values() -> Iterator[ConfigurationCase]:
    """Values out of range, of another type, or in a grammar of their own."""
    refused = (
        "train.lr=0",
        "train.lr=-1",
        "train.lr=nan",
        "train.lr=inf",
        "train.lr=1e400",
        "train.lr=fast",
        "train.lr=null",
        "train.lr=[]",
        "train.lr=true",
        "train.lr=",
        "train.lr=1e-3x",
        "train.epochs=0",
        "train.epochs=-1",
        "train.epochs=1.5",
        "train.epochs=1e3",
        "train.epochs=99999999999999999999",
        "train.epochs=٣",
        "train.size=8",
        "train.size=4096",
        "clean.max_side=31",
        "clean.min_side=0",
        "clean.max_megapixels=0",
        "clean.max_megapixels=nan",
        "clean.jpeg_quality=101",
        "split.valid=0.95",
        "split.valid=-0.1",
        "split.test=1e-400",
        "split.seed=-1",
        "seed=-1",
        "seed=???",
        "seed=${split.seed}",
        "seed=${oc.env:HOME}",
        "+more=1",
        "+train.more=1",
        "~train.lr",
        "~train",
        "~seed",
        "train=1",
        "model=nothing",
        "model=../../etc/passwd",
        "model=/etc/passwd",
        "model=[tiny,resnet18]",
        "model=",
        "model=null",
        "model@x=tiny",
        "data=own@x",
        "augment={a: 1}",
        "resize=crop,pad",
        "hydra.run.dir=/tmp/x",
        "hydra/launcher=joblib",
        "train.lr=0.1,0.2",
        "train.lr=range(1,3)",
        "train.lr=choice(1,2)",
        "x",
        "=",
        "a=b=c=d",
        "train.lr==1",
        "--multirun",
        "train..lr=1",
        ".lr=1",
        "+model.options={a: ${seed}}",
        "+model.options.x=" + "[" * 100 + "]" * 100,
        "train.precision=float8",
        "train.mix=MixUp",
        "train.class_weights=None",
        "train.sampling=random",
        "train.threads=0",
    )
    for text in refused:
        yield ConfigurationCase(f"override {text[:40]}", overrides=("--", text), says="fieldguide: ")
    for text, key, value in (
        ("train.lr=1e-3", "train.lr", 0.001),
        ("train.lr=find", "train.lr", "find"),
        ("train.lr=1", "train.lr", 1.0),
        ("train.epochs=3", "train.epochs", 3),
        ("train.epochs='2'", "train.epochs", 2),
        ("seed=0", "seed", 0),
        ("resize=crop", "choices.resize", "crop"),
    ):
        yield ConfigurationCase(f"override {text}", overrides=("--", text), gives=(key, value))


def _own(labels: str) -> bytes:
    return f"kind: folder\nlabels: {labels}\n".encode()


def run(folder: Path) -> Result:
    """`fieldguide config` for each."""
    paths = Paths(folder)
    shutil.copytree(CHECKOUT / "conf", paths.conf)
    (paths.conf / "checks" / "few.yaml").write_text("expectations: {}\n", encoding="utf-8")
    option, params = paths.conf / "data" / "own.yaml", PARAMS.replace("data: sample", "data: own").encode()
    cases = [*labels(), *files(), *values()]
    wrong: list[str] = []
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    for case in cases:
        option.write_bytes(_own("{}") if case.option is None else case.option)
        paths.params.write_bytes(params if case.params is None else case.params)
        try:
            done = run_command("config", *case.overrides, cwd=folder)
        except BaseException as error:
            tell(wrong, f"{case.name}: {type(error).__name__}: {error}"[:300])
            continue
        said = done.stderr.rstrip("\n")
        if case.says:
            one_line = said.startswith("fieldguide: ") and said.isprintable() and len(said) < LONGEST
            if not one_line or case.says not in said or done.returncode != 1:
                tell(wrong, f"{case.name}: exit code {done.returncode}, {said[:300]!r}, and not {case.says!r}")
        elif done.returncode != 0:
            tell(wrong, f"{case.name}: {said[:300]}")
        elif case.gives:
            found = yaml.safe_load(done.stdout)
            for key in case.gives[0].split("."):
                found = found[key]
            if found != case.gives[1]:
                tell(wrong, f"{case.name}: {found!r}, right is {case.gives[1]!r}")
    return Result("configurations", len(cases), wrong)
