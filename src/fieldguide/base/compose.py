"""Composing params.yaml and conf/ into one validated `Config`, the same way for stages, sweeps and commands."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from threading import RLock
from typing import Any, get_type_hints

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from fieldguide.base.config import GROUPS, Config, Schema
from fieldguide.base.config_errors import choice_of, explain_hydra, explain_pydantic, known_keys, origin_of
from fieldguide.base.errors import UserError, beginning
from fieldguide.base.operations import RESIZES
from fieldguide.base.option_files import check_plain, options_of, read_mapping, read_params
from fieldguide.base.paths import Paths
from fieldguide.base.schedules import HeadOnly
from fieldguide.base.suggestions import did_you_mean

COMPOSING = RLock()  # what Hydra composes it keeps in one place for all threads
PLAIN_VALUE_ADVICE = "write the value, so that runs can be repeated"
MOST_COMPOSED = 16  # configurations that a process keeps
_composed: dict[str, DictConfig] = {}  # by the values that each was composed from; nobody changes one


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
    choices, others = _chosen_options(paths, params, overrides)
    return _validate(paths, overrides, choices, _compose_with_hydra(paths, params, choices, others))


def validate(paths: Paths, overrides: Sequence[str], chosen: Mapping[str, Any], composed: DictConfig) -> Config:
    """What Hydra has composed from `store_primary_config`'s name and overrides, as a `Config`; else like `compose`.

    `chosen` are the options that were chosen, by group.
    """
    for override in overrides:
        _check_deletion(override)
        if "{hydra:" in override.replace("\\", ""):
            raise UserError(
                f"override {override}: it refers to this sweep alone: write the value, so that runs can be repeated"
            )
        check_plain(override.replace("\\", ""), f"override {override}", PLAIN_VALUE_ADVICE)
    choices = _known_options(paths, {group: ("override", chosen.get(group)) for group in GROUPS})
    _read_options(paths, choices)
    return _validate(paths, overrides, choices, composed)


def _validate(paths: Paths, overrides: Sequence[str], choices: dict[str, str], composed: DictConfig) -> Config:
    try:
        content = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(explain_hydra(paths, overrides, error)) from None
    assert isinstance(content, dict)
    values = {**{str(key): value for key, value in content.items()}, "choices": choices}
    try:
        config = _schema().validate_python(values)
    except ValidationError as error:
        raise UserError(explain_pydantic(paths, overrides, values, error)) from None
    _check_together(paths, overrides, config)
    return config


def _check_together(paths: Paths, overrides: Sequence[str], config: Config) -> None:
    """Raise UserError for values that exclude one another."""
    together: list[tuple[bool, str, str]] = [
        (
            config.clean.max_side < config.train.size,
            "clean.max_side",
            "clean pictures must not be smaller than the network's input, train.size "
            f"(given: {config.clean.max_side}, train.size {config.train.size})",
        )
    ]
    if isinstance(config.schedule, HeadOnly):
        once = "schedule head_only computes the features of every picture once"
        together += [
            (bool(config.augment.transforms), "augment", f"{once}: set `augment: none`, or another schedule"),
            (bool(RESIZES) and config.resize.is_random, "resize", f"{once}: set another resize or schedule"),
            (config.train.mix != "none", "train.mix", f"{once}: set `mix: none`, or another schedule"),
        ]
    for is_wrong, key, message in together:
        if is_wrong:
            origin = choice_of if key in GROUPS else origin_of
            raise UserError(f"{origin(paths, overrides, key)}: {key}: {message}")


def _check_sections(paths: Paths, params: dict[str, Any]) -> None:
    """params.yaml holds the schema's keys and no other, and a mapping where the schema has one."""
    known = get_type_hints(Schema)
    for key, value in params.items():
        check_plain(value, f"{paths.params.name}: {key}", "it holds plain values")
        if key not in known:
            raise UserError(f"{paths.params.name}: {key}: no such key{known_keys(key)}")
        if key not in GROUPS and is_dataclass(known[key]) and not isinstance(value, dict):
            keys = known_keys(f"{key}.")
            raise UserError(
                f"{paths.params.name}: {key}: must hold `key: value` lines (given: {beginning(repr(value))}){keys}"
            )


def _read_options(paths: Paths, choices: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the chosen option files hold. Each stands alone and says the same on every machine."""
    options = {}
    for group, option in choices.items():
        name = f"conf/{group}/{option}.yaml"
        options[group] = read_mapping(paths.option(group, option), name)
        if "defaults" in options[group]:
            raise UserError(f"{name}: defaults: an option file stands alone, copy what it needs into it")
        check_plain(options[group], name, "an option file holds plain values")
    return options


@cache
def _schema() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def store_primary_config(params: dict[str, Any], **more: Any) -> str:
    """Register the schema and the values and choices of params.yaml with Hydra; returns the primary config's name.

    `more` are further keys of it, such as `hydra`.
    """
    choices: list[Any] = [{group: params.get(group)} for group in GROUPS]
    return _stored("params", choices, {**_values_of(params), **more})


def _values_of(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in GROUPS}


def _stored(name: str, defaults: Sequence[Any], values: dict[str, Any]) -> str:
    """Register a config with Hydra that the schema, the defaults and then the values make; returns its name."""
    store = ConfigStore.instance()
    if "schema.yaml" not in store.repo:
        store.store(name="schema", node=Schema)
    store.store(name=name, node={"defaults": ["schema", *defaults, "_self_"], **values})
    return name


def _compose_with_hydra(
    paths: Paths, params: dict[str, Any], choices: dict[str, str], overrides: Sequence[str]
) -> DictConfig:
    """Merge schema, options, params.yaml and overrides, in this order, as a sweep does.

    What is read here need not be found and read again by Hydra, and its own logging, launcher and help are not
    composed: that is two thirds of the time. Its own messages about a broken option file are for programmers, too.
    Without overrides, which may name files, a process composes the same values once: the app asks again and again.
    """
    values = {**_read_options(paths, choices), **_values_of(params)}
    if overrides:
        return _composed_by_hydra(paths, values, overrides)
    with COMPOSING:
        if (same := repr(values)) not in _composed:
            _composed[same] = _composed_by_hydra(paths, values, ())
            if len(_composed) > MOST_COMPOSED:
                del _composed[next(iter(_composed))]
        return _composed[same]


def _composed_by_hydra(paths: Paths, values: dict[str, Any], overrides: Sequence[str]) -> DictConfig:
    without = [{f"override hydra/{group}": None} for default in HydraConf().defaults for group in default]
    with COMPOSING:
        name = _stored("composed", without, values)
        around = GlobalHydra.instance()
        outer, around.hydra = around.hydra, None  # of a sweep that this is called in
        try:
            with initialize_config_dir(str(paths.conf.resolve()), version_base="1.3"):
                return hydra_compose(name, list(overrides))
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(explain_hydra(paths, overrides, error)) from None
        finally:
            around.hydra = outer


def _chosen_options(paths: Paths, params: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options by group, and the overrides that choose none."""
    chosen: dict[str, tuple[str, Any]] = {group: (paths.params.name, params.get(group)) for group in GROUPS}
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UserError(f"override {beginning(repr(error.override))} is not understood: write key=value") from None
    except RecursionError:
        raise UserError(f"override {beginning(max(overrides, key=len))}: nested too deeply") from None
    for override in parsed:
        _check_deletion(str(override.input_line))
        if override.is_sweep_override():
            line = beginning(repr(override.input_line))
            raise UserError(f"override {line} lists several values: only `sweep` takes them")
        check_plain(override.value(), f"override {beginning(str(override.input_line))}", PLAIN_VALUE_ADVICE)
        if re.split("[./]", override.key_or_group)[0] == "hydra":
            raise UserError(f"override {beginning(str(override.input_line))}: hydra: no such key{known_keys('hydra')}")
        if override.key_or_group in GROUPS:
            if override.get_key_element() != override.key_or_group:
                group = override.key_or_group
                known = ", ".join(options_of(paths, group))
                raise UserError(
                    f"override {beginning(str(override.input_line))}: {group}: write {group}=OPTION; choose one of: "
                    + known
                )
            chosen[override.key_or_group] = ("override", override.value())
    others = [str(override.input_line) for override in parsed if override.key_or_group not in GROUPS]
    return _known_options(paths, chosen), others


def _check_deletion(override: str) -> None:
    """Raise UserError for `~KEY` of params.yaml: the schema's own value would take its place without a word.

    Values of an option may go: what the operation does without them is said where it is chosen.
    """
    section = re.split("[.=]", override.removeprefix("~"))[0]
    if override.startswith("~") and section not in GROUPS:
        raise UserError(f"override {beginning(override)}: a value cannot be taken away: set another one with KEY=VALUE")


def _known_options(paths: Paths, chosen: Mapping[str, tuple[str, Any]]) -> dict[str, str]:
    """The options alone, of what was chosen by group, and where."""
    for group, (where, option) in chosen.items():
        if option not in options_of(paths, group):
            known = ", ".join(options_of(paths, group))
            meant = did_you_mean(option, options_of(paths, group))
            raise UserError(
                f"{where}: {group}: {beginning(repr(option))}: no such option{meant}; choose one of: {known} "
                f"(conf/{group}/)"
            )
    return {group: option for group, (_, option) in chosen.items()}
