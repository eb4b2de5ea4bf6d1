"""Composing params.yaml and conf/ into one validated `Config`, the same way for stages, sweeps and commands."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError
from yaml import MarkedYAMLError, YAMLError

from fieldguide.base.config import (
    GROUPS,
    Config,
    DataSource,
    HeadOnly,
    RandomCrop,
    Resize,
    Schedule,
    Schema,
    Transform,
)
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths

# The groups that are one of several dataclasses, or lists of such, and the key that tells which.
UNIONS: dict[str, tuple[Any, str]] = {
    "data": (DataSource, "kind"),
    "resize": (Resize, "method"),
    "schedule": (Schedule, "name"),
    "augment": (Transform, "name"),
}


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
    _check_sections(paths, params)
    choices = _chosen_options(paths, params, overrides)
    for group, option in choices.items():
        _check_option_file(paths.conf / group / f"{option}.yaml", f"conf/{group}/{option}.yaml")
    composed = {**_compose_with_hydra(paths, overrides), "choices": choices}
    try:
        config = TypeAdapter(Config).validate_python(composed)
    except ValidationError as error:
        raise UserError(_explain_pydantic(paths, overrides, composed, error)) from None
    _check_together(paths, overrides, config)
    return config


def _check_together(paths: Paths, overrides: Sequence[str], config: Config) -> None:
    """What one value rules out for another one."""
    together: list[tuple[bool, str, str]] = [
        (
            config.clean.max_side < config.train.size,
            "clean.max_side",
            "clean pictures must not be smaller than what the network sees, train.size "
            f"(given: {config.clean.max_side}, train.size {config.train.size})",
        )
    ]
    if isinstance(config.schedule, HeadOnly):
        once = "schedule head_only computes the features of every picture once"
        together += [
            (bool(config.augment.transforms), "augment", f"{once}: set `augment: none`"),
            (isinstance(config.resize, RandomCrop), "resize", f"{once}: set another resize than random_crop"),
            (config.train.mix != "none", "train.mix", f"{once}: set `mix: none`"),
        ]
    for is_wrong, key, message in together:
        if is_wrong:
            raise UserError(f"{_where(paths, overrides, key)}: {key}: {message}")


def read_params(paths: Paths) -> dict[str, Any]:
    """params.yaml as plain containers. Raises UserError if it is missing or no mapping."""
    if not paths.params.is_file():
        raise UserError(f"{paths.params.name} is missing in {paths.checkout}: run this in a checkout")
    return _read_mapping(paths.params, paths.params.name)


def options_of(paths: Paths, group: str) -> list[str]:
    """The names of a group's options, sorted."""
    return sorted(path.stem for path in (paths.conf / group).glob("*.yaml"))


def _read_mapping(path: Path, name: str) -> dict[str, Any]:
    try:
        content = OmegaConf.load(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{name} is not valid YAML: {error.problem}{line}") from None
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        raise UserError(f"{name} is not valid YAML: {_one_line(error)}") from None
    if not isinstance(content, DictConfig):
        raise UserError(f"{name} must hold `key: value` lines")
    return {str(key): value for key, value in OmegaConf.to_container(content).items()}  # type: ignore[union-attr]


def _check_sections(paths: Paths, params: dict[str, Any]) -> None:
    """params.yaml holds the schema's keys and no other, and a mapping where the schema has one."""
    known = get_type_hints(Schema)
    for key, value in params.items():
        if "${" in str(value):
            raise UserError(f"{paths.params.name}: {key}: ${{...}} is not allowed: it holds plain values")
        if key not in known:
            raise UserError(f"{paths.params.name}: {key}: no such key{_known_keys(key)}")
        if key not in GROUPS and is_dataclass(known[key]) and not isinstance(value, dict):
            keys = _known_keys(f"{key}.")
            raise UserError(f"{paths.params.name}: {key}: must hold `key: value` lines (given: {value!r}){keys}")


def _check_option_file(path: Path, name: str) -> None:
    """An option file stands alone and says the same on every machine."""
    content = _read_mapping(path, name)
    if "defaults" in content:
        raise UserError(f"{name}: defaults: an option file stands alone, copy what it needs into it")
    if "${" in str(content):
        raise UserError(f"{name}: ${{...}} is not allowed: an option file holds plain values")


def store_primary_config(paths: Paths, **more: Any) -> str:
    """Tell Hydra the schema and the values and choices of params.yaml; returns the primary config's name.

    `more` are further keys of it, such as `hydra`.
    """
    params = read_params(paths)
    store = ConfigStore.instance()
    store.store(name="schema", node=Schema)
    choices: list[Any] = [{group: params.get(group)} for group in GROUPS]
    values = {key: value for key, value in params.items() if key not in GROUPS}
    store.store(name="params", node={"defaults": ["schema", *choices, "_self_"], **values, **more})
    return "params"


def _compose_with_hydra(paths: Paths, overrides: Sequence[str]) -> dict[str, Any]:
    name = store_primary_config(paths)
    around = GlobalHydra.instance()
    outer, around.hydra = around.hydra, None  # of a sweep that this is called in
    try:
        with initialize_config_dir(str(paths.conf.resolve()), version_base="1.3"):
            config = hydra_compose(name, list(overrides))
        content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_explain_hydra(paths, overrides, error)) from None
    finally:
        around.hydra = outer
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
        if override.key_or_group.partition(".")[0] == "hydra":
            raise UserError(f"override {override.input_line}: hydra: no such key{_known_keys('hydra')}")
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
            key = re.sub(r"\[(\d+)\]", r".\1", cause.full_key)
            reason = _one_line(cause.msg or cause)
            if isinstance(cause, MissingMandatoryValue):
                reason = "is missing"
            elif "not in struct" in reason:
                reason = "the chosen option does not set it; write +KEY=VALUE to add it"
            elif "not in" in reason:
                reason += _known_keys(key)
            return f"{_where(paths, overrides, key)}: {key}: {reason}"
    if isinstance(error, MissingConfigException) or overrides:
        return f"configuration: {_one_line(error)}"
    return f"{paths.params.name}: {_one_line(error)}"


def _explain_pydantic(paths: Paths, overrides: Sequence[str], composed: dict[str, Any], error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    key, value, message = _key_of(composed, first["loc"]), first["input"], first["msg"].removeprefix("Value error, ")
    if first["type"] == "union_tag_not_found":
        tags, name = _union_tags(key)
        message = f"`{name}` is missing; one of: {', '.join(tags)}"
    elif first["type"] == "unexpected_keyword_argument":
        tags, _ = _union_tags(key)
        member = next((tags[str(part)] for part in first["loc"] if part in tags), None)
        message = f"no such key{_known_keys(key, member)}"
    given = f" (given: {value!r})" if not isinstance(value, dict | list) else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{_where(paths, overrides, key)}: {key}: {message}{given}{more}"


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


def _union_tags(key: str) -> tuple[dict[str, type], str]:
    """The dataclasses that a key's group is one of, by the words that tell them apart, and the key of those words."""
    union, name = UNIONS.get(key.partition(".")[0], (None, ""))
    return {tag: member for member in get_args(union) for tag in get_args(get_type_hints(member)[name])}, name


def _known_keys(key: str, kind: Any = None) -> str:
    """The keys that might stand where `key` does: those of the dataclass `kind`, or of the one found by its place."""
    if kind is None:
        kind = Schema
        for part in key.split(".")[:-1]:
            kind = get_args(kind)[1] if get_origin(kind) is dict else get_type_hints(kind).get(part)
            if not is_dataclass(kind) and get_origin(kind) is not dict:
                return ""
    return f"; known: {', '.join(field.name for field in fields(kind))}" if is_dataclass(kind) else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _one_line(text: object) -> str:
    parts: Iterable[str] = (line.strip() for line in str(text).splitlines())
    return " ".join(
        part for part in parts if part and not part.startswith(("full_key", "object_type", "reference_type"))
    )
