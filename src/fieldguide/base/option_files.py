"""Reading params.yaml and the option files of conf/, as plain containers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths, check_checkout


def read_params(paths: Paths) -> dict[str, Any]:
    """params.yaml as plain containers. Raises UserError if it is missing or no mapping."""
    check_checkout(paths)
    return read_mapping(paths.params, paths.params.name)


def options_of(paths: Paths, group: str) -> list[str]:
    """The names of a group's options, sorted."""
    return sorted(path.stem for path in (paths.conf / group).glob("*.yaml"))


def read_mapping(path: Path, name: str) -> dict[str, Any]:
    """A YAML file that holds a mapping; `name` is what to call it. Raises UserError if it does not."""
    try:
        content = OmegaConf.load(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{name} is not valid YAML: {error.problem}{line}") from None
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        raise UserError(f"{name} is not valid YAML: {one_line(error)}") from None
    if not isinstance(content, DictConfig):
        raise UserError(f"{name} must hold `key: value` lines")
    return {str(key): value for key, value in OmegaConf.to_container(content).items()}  # type: ignore[union-attr]


def one_line(text: object) -> str:
    """A message of Hydra or OmegaConf without the lines that are for programmers."""
    parts: Iterable[str] = (line.strip() for line in str(text).splitlines())
    return " ".join(
        part for part in parts if part and not part.startswith(("full_key", "object_type", "reference_type"))
    )
