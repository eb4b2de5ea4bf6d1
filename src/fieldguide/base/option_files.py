"""Reading params.yaml and the option files of conf/, as plain containers."""

from collections.abc import Iterable
from copy import deepcopy
from functools import lru_cache
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import KeyValidationError, OmegaConfBaseException
from yaml import CollectionNode, MappingNode, MarkedYAMLError, Node, SafeLoader, YAMLError, compose

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths, check_checkout

WITHOUT_CHOICE = {"engine": "local"}  # as params.yaml of older versions does
MAX_NESTING = 20  # levels of lists and mappings in a file or an override
MAX_VALUES = 100_000  # of a file, where every alias counts as all that it stands for


def read_params(paths: Paths) -> dict[str, Any]:
    """params.yaml as plain containers, with the options of groups that it may leave out.

    Raises UserError if it is missing or not a mapping.
    """
    check_checkout(paths)
    return {**WITHOUT_CHOICE, **read_mapping(paths.params, paths.params.name)}


def options_of(paths: Paths, group: str) -> list[str]:
    """The names of a group's options, sorted."""
    return sorted(path.stem for path in (paths.conf / group).glob("*.yaml"))


def read_mapping(path: Path, name: str) -> dict[str, Any]:
    """A YAML file that holds a mapping; `name` is what messages call it. Raises UserError if it does not."""
    try:
        text = path.read_text(encoding="utf-8")
        _check_aliases(text, name)
        content = deepcopy(_parsed(text))
    except RecursionError:
        raise UserError(_too_deep(name)) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{name} is not valid YAML: {error.problem}{line}") from None
    except KeyValidationError:
        raise UserError(f"{name}: YAML reads a key as null, not as text: put it in quotes") from None
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:  # OmegaConf's for a number, a truth and the like
            raise UserError(f"{name} must hold `key: value` lines") from None
        raise UserError(f"{name} is not valid YAML: {one_line(error)}") from None
    if not isinstance(content, dict):
        raise UserError(f"{name} must hold `key: value` lines")
    return {str(key): value for key, value in content.items()}


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    """What a YAML text holds as OmegaConf reads it; parsing is slow, and sweeps read the same texts again and again."""
    return OmegaConf.to_container(OmegaConf.load(StringIO(text)))


def check_plain(content: Any, where: str, instead: str, level: int = 0) -> None:
    """Raise UserError for a value that the composing library would not take as it is, or that is nested too deeply.

    `instead` says what is allowed.
    """
    if level > MAX_NESTING:
        raise UserError(_too_deep(where))
    if isinstance(content, dict):
        check_plain([*content, *content.values()], where, instead, level)
    elif isinstance(content, list):
        for value in content:
            check_plain(value, where, instead, level + 1)
    elif isinstance(content, str) and ("${" in content or content == "???"):
        marker = "${...}" if "${" in content else "???"
        raise UserError(f"{where}: {marker} is not allowed: {instead}")


def _check_aliases(text: str, name: str) -> None:
    """Raise UserError for a file whose aliases stand for aliases, and so on: reading it would not end."""
    if "*" in text and _values(compose(text, SafeLoader), {}) > MAX_VALUES:
        raise UserError(f"{name}: its anchors and aliases stand for more than {MAX_VALUES} values: write them out")


def _values(node: Node | None, known: dict[int, int]) -> int:
    """How many values a node holds with every alias written out; an anchor within itself counts once."""
    if not isinstance(node, CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 1
        parts = chain.from_iterable(node.value) if isinstance(node, MappingNode) else node.value
        known[id(node)] += sum(_values(part, known) for part in parts)
    return known[id(node)]


def _too_deep(where: str) -> str:
    return f"{where}: nested too deeply: {MAX_NESTING} levels are allowed"


def one_line(text: object) -> str:
    """A message of Hydra or OmegaConf without the lines that are for programmers."""
    parts: Iterable[str] = (line.strip() for line in str(text).splitlines())
    return " ".join(
        part for part in parts if part and not part.startswith(("full_key", "object_type", "reference_type"))
    )
