"""Composing params.yaml and conf/ into one validated `Config`, the same way for stages, sweeps and commands."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError
from yaml import YAMLError

from fieldguide.config import GROUPS, Config, Schema
from fieldguide.errors import UserError
from fieldguide.paths import Paths


def compose(paths: Paths, overrides: Sequence[str] = ()) -> Config:
    """Compose and validate the configuration.

    Parameters
    ----------
    paths
        Where params.yaml and conf/ are.
    overrides
        In Hydra's grammar: `resize=pad` chooses an option, `train.lr=0.001` sets a value.

    Raises
    ------
    UserError
        For an unknown option or key, a wrong type or a value out of range: names file, key, value and what is allowed.
    """
    params = read_params(paths)
    choices = _chosen_options(paths, params, overrides)
    composed = {**_compose_with_hydra(paths, params, overrides), "choices": choices}
    try:
        return TypeAdapter(Config).validate_python(composed)
    except ValidationError as error:
        raise UserError(_explain_pydantic(paths, overrides, composed, error)) from None


def read_params(paths: Paths) -> dict[str, Any]:
    """params.yaml as plain containers. Raises UserError if it is missing or no mapping."""
    try:
        params = OmegaConf.load(paths.params)
    except FileNotFoundError:
        raise UserError(f"{paths.params.name} is missing in {paths.root}: run this in a checkout") from None
    except (YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{paths.params.name} is not valid YAML: {_one_line(error)}") from None
    if not isinstance(params, DictConfig):
        raise UserError(f"{paths.params.name} must hold `key: value` lines")
    return {str(key): value for key, value in OmegaConf.to_container(params).items()}  # type: ignore[union-attr]


def options_of(paths: Paths, group: str) -> list[str]:
    """The names of a group's options, sorted."""
    return sorted(path.stem for path in (paths.conf / group).glob("*.yaml"))


def _compose_with_hydra(paths: Paths, params: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    store = ConfigStore.instance()
    store.store(name="schema", node=Schema)
    choices: list[Any] = [{group: params[group]} for group in GROUPS]
    values = {key: value for key, value in params.items() if key not in GROUPS}
    store.store(name="params", node={"defaults": ["schema", *choices, "_self_"], **values})
    try:
        with initialize_config_dir(str(paths.conf.resolve()), version_base="1.3"):
            config = hydra_compose("params", list(overrides))
        content = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_explain_hydra(paths, overrides, error)) from None
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _chosen_options(paths: Paths, params: dict[str, Any], overrides: Sequence[str]) -> dict[str, str]:
    chosen: dict[str, tuple[str, Any]] = {group: (paths.params.name, params.get(group)) for group in GROUPS}
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UserError(f"override {error.override!r} is not understood: write key=value") from None
    for override in parsed:
        if override.is_sweep_override():
            raise UserError(f"override {override.input_line!r} names several values: that is for `sweep`")
        if override.key_or_group in GROUPS:
            chosen[override.key_or_group] = ("override", override.value())
    for group, (where, option) in chosen.items():
        if option not in options_of(paths, group):
            known = ", ".join(options_of(paths, group))
            raise UserError(f"{where}: {group}: {option!r} is no option of it; choose one of: {known} (conf/{group}/)")
    return {group: option for group, (_, option) in chosen.items()}


def _explain_hydra(paths: Paths, overrides: Sequence[str], error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, OmegaConfBaseException) and cause.full_key:
            key = cause.full_key
            reason = _one_line(cause.msg or cause)
            allowed = _allowed_keys(key) if "not in" in reason else ""
            return f"{_where(paths, overrides, key)}: {key}: {reason}{allowed}"
    if isinstance(error, MissingConfigException) or overrides:
        return f"configuration: {_one_line(error)}"
    return f"{paths.params.name}: {_one_line(error)}"


def _explain_pydantic(paths: Paths, overrides: Sequence[str], composed: dict[str, Any], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        key = _key_of(composed, problem["loc"])
        value = problem["input"]
        given = f" (given: {value!r})" if not isinstance(value, dict | list) else ""
        lines.append(f"{_where(paths, overrides, key)}: {key}: {problem['msg']}{given}")
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return lines[0] + more


def _key_of(composed: Any, location: tuple[int | str, ...]) -> str:
    """The dotted key of a location in pydantic's sense, without the names of union members that stand in it."""
    node, parts = composed, []
    for position, part in enumerate(location):
        inside = part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int)
        if inside:
            node = node[part]
        if inside or position == len(location) - 1:
            parts.append(str(part))
    return ".".join(parts)


def _where(paths: Paths, overrides: Sequence[str], key: str) -> str:
    """The file, or the override, that a key's value comes from."""
    for override in overrides:
        name = override.lstrip("+~").partition("=")[0]
        if name not in GROUPS and (f"{key}.".startswith(f"{name}.") or name.startswith(f"{key}.")):
            return f"override {override}"
    group = key.partition(".")[0]
    if group not in GROUPS:
        return paths.params.name
    option = read_params(paths)[group]
    for override in overrides:
        if override.startswith(f"{group}="):
            option = override.partition("=")[2]
    return f"conf/{group}/{option}.yaml"


def _allowed_keys(key: str) -> str:
    node: Any = OmegaConf.structured(Schema)
    for part in key.split(".")[:-1]:
        node = node.get(part) if isinstance(node, DictConfig) else None
    return f"; known: {', '.join(str(name) for name in node)}" if isinstance(node, DictConfig) else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _one_line(text: object) -> str:
    parts: Iterable[str] = (line.strip() for line in str(text).splitlines())
    return " ".join(
        part for part in parts if part and not part.startswith(("full_key", "object_type", "reference_type"))
    )
